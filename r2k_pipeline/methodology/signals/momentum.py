"""Trend by a past return: what rose over the year goes on rising.

Holds returns between two past sessions. Keep out averages (`crossover`).
"""

from __future__ import annotations

import polars as pl

from r2k_pipeline.methodology.signals.definition import answer, direction, require_levels


def momentum(
    levels: pl.DataFrame, *, signal: str, from_sessions: int, to_sessions: int
) -> pl.DataFrame:
    """Take the return of the price level from one past session to a later one.

    The last weeks are left out because prices tend to turn back within a month.

    Args:
        levels: One index's levels: `session`, `price_level`, ascending.
        signal: The signal's name.
        from_sessions: How many sessions back the return begins.
        to_sessions: How many sessions back it ends.

    Returns:
        One row a session. `value`: level `to_sessions` back / level `from_sessions`
        back - 1 (a share; null on the first `from_sessions` sessions). `position`: 1
        above zero, -1 below, 0 at zero or without a value.

    Raises:
        BadInputError: The levels are unusable; see `definition.require_levels`.

    Example:
        >>> from datetime import date
        >>> levels = pl.DataFrame(
        ...     {
        ...         "session": [date(2022, 6, day) for day in (21, 22, 23, 24)],
        ...         "price_level": [10.0, 11.0, 12.0, 6.0],
        ...     }
        ... )
        >>> momentum(levels, signal="toy", from_sessions=3, to_sessions=1).row(3)
        (datetime.date(2022, 6, 24), 'toy', 0.19999999999999996, 1.0)

    References:
        The sign of an instrument's own past year: Moskowitz, Ooi and Pedersen (2012),
        Journal of Financial Economics 104(2), 228-250, who skip nothing. Leaving a gap
        before the position is from the cross-section: Jegadeesh and Titman (1993),
        Journal of Finance 48(1), 65-91, skip a week; a month is the later custom.
    """
    level = pl.col("price_level")
    return answer(
        require_levels(levels),
        signal=signal,
        value=level.shift(to_sessions) / level.shift(from_sessions) - 1,
        position=direction(pl.col("value")),
    )
