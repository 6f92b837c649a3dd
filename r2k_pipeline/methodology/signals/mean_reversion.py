"""Reversal: what strayed far from its recent average comes back to it.

Holds the z-score of the price level and the position that waits for its return.
"""

from __future__ import annotations

import polars as pl

from r2k_pipeline.methodology.signals.definition import answer, held, require_levels


def z_score_reversion(
    levels: pl.DataFrame, *, window_sessions: int, entry_deviations: float
) -> pl.DataFrame:
    """Stand against a stretched price level until it is back at its average.

    With z of the session's close and e = `entry_deviations`:

    | position before | becomes 1 if | becomes -1 if | becomes 0 if |
    | --- | --- | --- | --- |
    | 0 | z <= -e | z >= e | |
    | 1 | | z >= e | 0 <= z < e |
    | -1 | z <= -e | | -e < z <= 0 |

    In every other case, a session without z included, the position stays.

    Args:
        levels: One index's levels: `session`, `price_level`, ascending.
        window_sessions: Length of the window of average and deviation, this session
            included.
        entry_deviations: How many deviations away a position is entered.

    Returns:
        One row a session. `value`: z = (level - average) / deviation over the window
        (deviations; population formula). Null before the first full window and where
        all levels of the window are equal. `position`: -1, 0 or 1.

    Raises:
        BadInputError: The levels are unusable; see `definition.require_levels`.

    Notes:
        Reads levels up to the session's close and none after it. A position may be
        held for any time, so it can depend on levels before the window.

    Example:
        >>> from datetime import date
        >>> levels = pl.DataFrame(
        ...     {
        ...         "session": [date(2022, 6, day) for day in (17, 21, 22, 23, 24)],
        ...         "price_level": [10.0, 10.0, 7.0, 8.0, 9.0],
        ...     }
        ... )
        >>> z_score_reversion(levels, window_sessions=3, entry_deviations=1.4)[
        ...     "position"
        ... ].to_list()
        [0.0, 0.0, 1.0, 1.0, 0.0]

    References:
        Window and entry of 20 sessions and two population deviations are those of
        Bollinger on Bollinger Bands (2001). Entering at two deviations and leaving at
        the average is the rule of Gatev, Goetzmann and Rouwenhorst (2006), Review of
        Financial Studies 19(3), 797-827, there for the spread of a pair.
    """
    level = pl.col("price_level")
    average = level.rolling_mean(window_sessions)
    deviation = level.rolling_std(window_sessions, ddof=0)
    is_varied = level.rolling_max(window_sessions) > level.rolling_min(window_sessions)
    value = pl.col("value")
    is_low, is_high = value <= -entry_deviations, value >= entry_deviations
    return answer(
        require_levels(levels),
        signal=f"mean_reversion_{window_sessions}",
        value=pl.when(is_varied).then((level - average) / deviation),
        position=held(enters=is_low, leaves=value >= 0) - held(enters=is_high, leaves=value <= 0),
    )
