"""What a signal is: its name, what it reads, and the shape of its answer.

Holds the frozen `SignalDefinition`, the check of the levels that every signal
reads, and how a position is held between two events. Keep out the rules
themselves: one file a family.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDING = 1e-12
"""A value this close to zero is rounding of floating-point sums, not a direction."""


@dataclass(frozen=True, kw_only=True)
class SignalDefinition:
    """One signal of the registry.

    Args:
        name: Its key in the table `signals`.
        family: The module that holds its rule.
        sentence: What it does, for a reader.
        lookback_sessions: How many sessions before a session its value needs. The
            value is null and the position 0 on the first `lookback_sessions` levels.
        reads_whole_history: Whether a position or value can depend on levels further
            back than `lookback_sessions`, because a position is held until an event
            or an average fades but never ends.
        source: Where the rule comes from, and how ours differs.
        compute: One index's levels -> (session, signal, value, position).
    """

    name: str
    family: str
    sentence: str
    lookback_sessions: int
    reads_whole_history: bool
    source: str
    compute: Callable[[pl.DataFrame], pl.DataFrame]


def require_levels(levels: pl.DataFrame) -> pl.DataFrame:
    """Return the levels of one index if a signal can be computed from them.

    Args:
        levels: One row a session of one index: `session` (date, ascending) and
            `price_level` (index points, above 0).

    Returns:
        The two columns.

    Raises:
        BadInputError: Sessions do not ascend or repeat, or a level is null, not
            finite or not above 0; names the first such session.

    Example:
        >>> from datetime import date
        >>> require_levels(
        ...     pl.DataFrame({"session": [date(2022, 6, 24)], "price_level": [0.0]})
        ... )
        Traceback (most recent call last):
            ...
        r2k_pipeline.errors.BadInputError: levels: 2022-06-24 has the price level 0.0
        state: no signal was computed
        remedy: give one positive, finite level a session, in the order of the sessions
    """
    read = levels.select("session", "price_level")
    disorder = read.filter(pl.col("session") <= pl.col("session").shift(1))
    if not disorder.is_empty():
        raise _unusable(f"{disorder['session'][0]} does not follow the session before it")
    level = pl.col("price_level")
    is_usable = (level.is_finite() & (level > 0)).fill_null(False)
    unusable = read.filter(~is_usable)
    if not unusable.is_empty():
        session, value = unusable.row(0)
        raise _unusable(f"{session} has the price level {value}")
    return read


def direction(value: pl.Expr) -> pl.Expr:
    """Turn a value into a position: 1 above zero, -1 below, 0 at zero or unknown.

    Example:
        >>> values = pl.DataFrame({"value": [0.3, -0.2, 0.0, 1e-15, None]})
        >>> values.select(direction(pl.col("value")))["value"].to_list()
        [1.0, -1.0, 0.0, 0.0, 0.0]
    """
    return (
        pl.when(value > ROUNDING)
        .then(1.0)
        .when(value < -ROUNDING)
        .then(-1.0)
        .otherwise(0.0)
        .name.keep()
    )


def held(*, enters: pl.Expr, leaves: pl.Expr) -> pl.Expr:
    """Tell on which rows a position is held: from where it is entered until it is left.

    Args:
        enters: True where the position is entered; entering wins over leaving.
        leaves: True where it is left.

    Returns:
        1.0 while held, else 0.0; nothing is held before the first entry.

    Example:
        >>> rows = pl.DataFrame({"up": [0, 1, 0, 0, 0], "down": [1, 0, 0, 1, 0]})
        >>> kept = held(enters=pl.col("up") == 1, leaves=pl.col("down") == 1)
        >>> rows.select(kept.alias("held"))["held"].to_list()
        [0.0, 1.0, 1.0, 0.0, 0.0]
    """
    event = pl.when(enters).then(1.0).when(leaves).then(0.0).otherwise(None)
    return event.forward_fill().fill_null(0.0)


def answer(levels: pl.DataFrame, *, signal: str, value: pl.Expr, position: pl.Expr) -> pl.DataFrame:
    """Give a signal's answer its shape: session, signal, value, position.

    Args:
        levels: What `value` reads.
        signal: The signal's name.
        value: Number a session; null where there is none.
        position: Of the column `value` and those of `levels`; -1 to 1.

    Example:
        >>> from datetime import date
        >>> levels = pl.DataFrame({"session": [date(2022, 6, 24)], "price_level": [9.0]})
        >>> answer(
        ...     levels,
        ...     signal="toy",
        ...     value=pl.col("price_level") - 10,
        ...     position=direction(pl.col("value")),
        ... ).row(0)
        (datetime.date(2022, 6, 24), 'toy', -1.0, -1.0)
    """
    return levels.with_columns(value.cast(pl.Float64).alias("value")).select(
        "session", pl.lit(signal).alias("signal"), "value", position.alias("position")
    )


def _unusable(what: str) -> BadInputError:
    return BadInputError(
        f"levels: {what}",
        state="no signal was computed",
        remedy="give one positive, finite level a session, in the order of the sessions",
    )
