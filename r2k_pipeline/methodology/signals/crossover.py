"""Trend by two averages: the short one above the long one is a rising market.

Holds crossovers of simple and of exponential averages of the price level. Keep out
channels (`breakout`) and returns between two sessions (`momentum`).
"""

from __future__ import annotations

import polars as pl

from r2k_pipeline.methodology.signals.definition import answer, direction, require_levels


def sma_crossover(levels: pl.DataFrame, *, short_sessions: int, long_sessions: int) -> pl.DataFrame:
    """Compare the plain averages of a short and a long window of price levels.

    Args:
        levels: One index's levels: `session`, `price_level`, ascending.
        short_sessions: Length of the short window, this session included.
        long_sessions: Length of the long window, this session included.

    Returns:
        One row a session. `value`: short average / long average - 1 (a share; null
        before the first full long window). `position`: 1 above zero, -1 below, 0 at
        zero or without a value.

    Raises:
        BadInputError: The levels are unusable; see `definition.require_levels`.

    Notes:
        Reads levels up to the session's close and none after it.

    Example:
        >>> from datetime import date
        >>> levels = pl.DataFrame(
        ...     {
        ...         "session": [date(2022, 6, day) for day in (21, 22, 23, 24)],
        ...         "price_level": [10.0, 12.0, 14.0, 6.0],
        ...     }
        ... )
        >>> sma_crossover(levels, short_sessions=1, long_sessions=2).drop("session")
        shape: (4, 3)
        ┌─────────┬──────────┬──────────┐
        │ signal  ┆ value    ┆ position │
        │ ---     ┆ ---      ┆ ---      │
        │ str     ┆ f64      ┆ f64      │
        ╞═════════╪══════════╪══════════╡
        │ sma_1_2 ┆ null     ┆ 0.0      │
        │ sma_1_2 ┆ 0.090909 ┆ 1.0      │
        │ sma_1_2 ┆ 0.076923 ┆ 1.0      │
        │ sma_1_2 ┆ -0.4     ┆ -1.0     │
        └─────────┴──────────┴──────────┘

    References:
        Brock, Lakonishok and LeBaron (1992), Journal of Finance 47(5), 1731-1764,
        test such rules, always long or short, with long averages of 50 to 200 days.
    """
    level = pl.col("price_level")
    short = level.rolling_mean(short_sessions)
    long = level.rolling_mean(long_sessions)
    return answer(
        require_levels(levels),
        signal=f"sma_{short_sessions}_{long_sessions}",
        value=short / long - 1,
        position=direction(pl.col("value")),
    )


def ema_crossover(levels: pl.DataFrame, *, short_span: int, long_span: int) -> pl.DataFrame:
    """Compare two exponential averages of the price level.

    An average of span n weighs a level that is k sessions old by (1 - a)**k with
    a = 2 / (n + 1), and divides by the sum of the weights, so that early values are
    averages of what there is and not pulled to the first level.

    Args:
        levels: One index's levels: `session`, `price_level`, ascending.
        short_span: Span of the quick average, sessions.
        long_span: Span of the slow average, sessions.

    Returns:
        One row a session. `value`: quick average / slow average - 1 (a share; null on
        the first `long_span - 1` sessions). `position`: 1 above zero, -1 below, 0 at
        zero or without a value.

    Raises:
        BadInputError: The levels are unusable; see `definition.require_levels`.

    Notes:
        Reads levels up to the session's close and none after it. Every earlier level
        has some weight, so a shorter history gives slightly different values.

    Example:
        >>> from datetime import date
        >>> levels = pl.DataFrame(
        ...     {
        ...         "session": [date(2022, 6, day) for day in (22, 23, 24)],
        ...         "price_level": [10.0, 12.0, 6.0],
        ...     }
        ... )
        >>> ema_crossover(levels, short_span=1, long_span=3)["position"].to_list()
        [0.0, 0.0, -1.0]

    References:
        The spans 12 and 26 are those of Appel's moving average
        convergence-divergence: Technical Analysis, Power Tools for Active Investors
        (2005). His indicator is a difference in points; ours is a ratio.
    """
    level = pl.col("price_level")
    short = level.ewm_mean(span=short_span, adjust=True, min_samples=long_span)
    long = level.ewm_mean(span=long_span, adjust=True, min_samples=long_span)
    return answer(
        require_levels(levels),
        signal=f"ema_{short_span}_{long_span}",
        value=short / long - 1,
        position=direction(pl.col("value")),
    )
