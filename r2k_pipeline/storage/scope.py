"""Which sessions of a lake table a read or a write is about.

Holds one answer in the three languages that a replacement needs: for a row
(polars), for planning (Iceberg), and for a file of which only the first and
last session are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from pyiceberg.expressions.parser import parse

from r2k_pipeline.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from pyiceberg.expressions import BooleanExpression

SESSION = "session"


def within(start: date, end: date) -> BooleanExpression:
    """The Iceberg predicate "session from `start` to `end`, both included".

    Example:
        >>> from datetime import date
        >>> type(within(date(2024, 1, 2), date(2024, 1, 3))).__name__
        'And'
    """
    return parse(f"{SESSION} >= '{start}' and {SESSION} <= '{end}'")


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The sessions from `start` to `end`, both included, or `only` some of them.

    Raises:
        StorageError: The range ends before it starts.

    Example:
        >>> from datetime import date
        >>> scope = Scope(start=date(2024, 1, 2), end=date(2024, 1, 9))
        >>> scope.touches(date(2024, 1, 9), date(2024, 1, 31))
        True
        >>> scope.covers(date(2024, 1, 9), date(2024, 1, 31))
        False
        >>> print(scope)
        2024-01-02..2024-01-09
    """

    start: date
    end: date
    only: frozenset[date] | None = None

    def __post_init__(self) -> None:
        """Refuse a range that ends before it starts."""
        if self.end < self.start:
            raise StorageError(
                f"the range {self.start} to {self.end} ends before it starts",
                state="nothing was read or written",
                remedy="give the earlier session first",
            )

    def rows(self) -> pl.Expr:
        """True for a row whose session belongs to it."""
        if self.only is not None:
            return pl.col(SESSION).is_in(sorted(self.only))
        return pl.col(SESSION).is_between(self.start, self.end)

    def touches(self, first: date, last: date) -> bool:
        """Whether a file with these first and last sessions may hold a row of it."""
        if self.only is not None:
            return any(first <= session <= last for session in self.only)
        return first <= self.end and self.start <= last

    def covers(self, first: date, last: date) -> bool:
        """Whether a file with these first and last sessions holds nothing else."""
        if self.only is not None:
            return first == last and first in self.only
        return self.start <= first and last <= self.end

    def __str__(self) -> str:
        """How a message names it."""
        if self.only is not None:
            return f"{len(self.only)} session(s) from {self.start} to {self.end}"
        return str(self.start) if self.start == self.end else f"{self.start}..{self.end}"


def scattered(sessions: Iterable[date]) -> Scope:
    """The scope of some sessions, wherever they lie.

    Args:
        sessions: In any order.

    Raises:
        StorageError: There are none.

    Example:
        >>> from datetime import date
        >>> scope = scattered([date(2024, 3, 4), date(2024, 1, 2)])
        >>> print(scope)
        2 session(s) from 2024-01-02 to 2024-03-04
        >>> scope.touches(date(2024, 2, 1), date(2024, 2, 29))
        False
    """
    only = frozenset(sessions)
    if not only:
        raise StorageError(
            "no session is named for replacement",
            state="nothing was written",
            remedy="name at least one session",
        )
    return Scope(start=min(only), end=max(only), only=only)
