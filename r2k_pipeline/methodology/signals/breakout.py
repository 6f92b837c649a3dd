"""Trend by a channel: a close beyond the recent extremes starts a move.

Holds breakouts of channels of past closes. Keep out averages (`crossover`).
"""

from __future__ import annotations

import polars as pl

from r2k_pipeline.methodology.signals.definition import answer, held, require_levels


def donchian_breakout(
    levels: pl.DataFrame, *, entry_sessions: int, exit_sessions: int
) -> pl.DataFrame:
    """Follow a close beyond the entry channel until one beyond the opposite exit channel.

    A channel of n sessions spans the lowest and the highest close of the n sessions
    *before* this one.

    | position before | becomes 1 if the close is | becomes -1 if | becomes 0 if |
    | --- | --- | --- | --- |
    | 0 | above the entry channel | below the entry channel | |
    | 1 | | below the entry channel | below the exit channel only |
    | -1 | above the entry channel | | above the exit channel only |

    In every other case the position stays; a close equal to an extreme is not beyond.

    Args:
        levels: One index's levels: `session`, `price_level`, ascending.
        entry_sessions: Length of the channel that starts a position.
        exit_sessions: Length of the channel that ends it.

    Returns:
        One row a session. `value`: where the close lies in the entry channel, -1 its
        lowest and 1 its highest close, beyond them outside (null on the first
        `entry_sessions` sessions and where the channel has no height). `position`:
        -1, 0 or 1.

    Raises:
        BadInputError: The levels are unusable; see `definition.require_levels`.

    Notes:
        Reads levels up to the session's close and none after it. A position may be
        held for any time, so it can depend on levels before the channel.

    Example:
        >>> from datetime import date
        >>> levels = pl.DataFrame(
        ...     {
        ...         "session": [date(2022, 6, day) for day in (16, 17, 21, 22, 23, 24)],
        ...         "price_level": [10.0, 11.0, 12.0, 11.5, 12.5, 11.0],
        ...     }
        ... )
        >>> donchian_breakout(levels, entry_sessions=2, exit_sessions=1)["position"].to_list()
        [0.0, 0.0, 1.0, 0.0, 1.0, -1.0]

    References:
        Donchian's four-week rule is always long or short; the exit by a shorter
        channel is "System 1" (20 and 10 days) of the Turtles as told in Faith, Way of
        the Turtle (2007). They watch intraday highs and lows, we closes only, and we
        leave out their filter that skips a breakout after a winning one.
    """
    level = pl.col("price_level")
    before = level.shift(1)
    high, low = before.rolling_max(entry_sessions), before.rolling_min(entry_sessions)
    exit_high, exit_low = before.rolling_max(exit_sessions), before.rolling_min(exit_sessions)
    return answer(
        require_levels(levels),
        signal=f"donchian_{entry_sessions}_{exit_sessions}",
        value=pl.when(high > low).then(2 * (level - low) / (high - low) - 1),
        position=held(enters=level > high, leaves=(level < low) | (level < exit_low))
        - held(enters=level < low, leaves=(level > high) | (level > exit_high)),
    )
