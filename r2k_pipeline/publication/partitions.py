"""Which partitions a publication is about: sessions, events, or a whole table.

Holds the kinds and what each says to a frame. What storage makes of them is
``life``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.quality.outcome import WHOLE
from r2k_pipeline.rulebook.sessions import sessions_between

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True, kw_only=True)
class SessionRange:
    """Every session from `start` to `end`, both included.

    Example:
        >>> from datetime import date
        >>> str(SessionRange(start=date(2022, 6, 24), end=date(2022, 6, 27)))
        '2022-06-24..2022-06-27'
        >>> SessionRange(start=date(2022, 6, 24), end=date(2022, 6, 27)).keys()
        ('2022-06-24', '2022-06-27')
    """

    start: date
    end: date

    def keys(self) -> tuple[str, ...]:
        """The partitions' keys: the trading sessions of the range."""
        return tuple(str(session) for session in sessions_between(self.start, self.end))

    def rows(self) -> pl.Expr:
        """True for a row that belongs to one of them."""
        return pl.col("session").is_between(self.start, self.end)

    def __str__(self) -> str:
        """How a message names them."""
        return str(self.start) if self.start == self.end else f"{self.start}..{self.end}"


@dataclass(frozen=True)
class SessionList:
    """Some sessions, wherever they lie; those between them are left alone.

    Example:
        >>> from datetime import date
        >>> str(SessionList((date(2022, 6, 24), date(2022, 8, 1))))
        '2 session(s) of 2022-06-24..2022-08-01'
    """

    sessions: tuple[date, ...]

    def keys(self) -> tuple[str, ...]:
        """The partitions' keys, in order."""
        return tuple(str(session) for session in sorted(set(self.sessions)))

    def rows(self) -> pl.Expr:
        """True for a row that belongs to one of them."""
        return pl.col("session").is_in(list(self.sessions))

    def __str__(self) -> str:
        """How a message names them."""
        first, last = min(self.sessions, default=None), max(self.sessions, default=None)
        return f"{len(self.keys())} session(s) of {first}..{last}"


@dataclass(frozen=True)
class EventKeys:
    """Some reconstitution events, such as `2022-06`.

    Example:
        >>> EventKeys(("2022-06", "2021-06")).keys()
        ('2021-06', '2022-06')
    """

    event_ids: tuple[str, ...]

    def keys(self) -> tuple[str, ...]:
        """The partitions' keys, in order."""
        return tuple(sorted(set(self.event_ids)))

    def rows(self) -> pl.Expr:
        """True for a row that belongs to one of them."""
        return pl.col("event_id").is_in(list(self.event_ids))

    def __str__(self) -> str:
        """How a message names them."""
        return ", ".join(self.keys())


@dataclass(frozen=True)
class Whole:
    """A table without partitions.

    Example:
        >>> Whole().keys()
        ('whole',)
    """

    def keys(self) -> tuple[str, ...]:
        """The one partition's key."""
        return (WHOLE,)

    def rows(self) -> pl.Expr:
        """True for every row."""
        return pl.lit(True)

    def __str__(self) -> str:
        """How a message names it."""
        return WHOLE


Partitions = SessionRange | SessionList | EventKeys | Whole
