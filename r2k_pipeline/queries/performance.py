"""How an index did: returns, calendar years and risk, from its levels alone.

Frames in, frames out. Add here what follows from levels. What follows from
members is `composition`.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt

import polars as pl

SESSIONS_A_YEAR = 252
_FEWEST_FOR_A_SLOPE = 2
# The longest that sessions lie apart: in September 2001 it was six days.
_LONGEST_CLOSURE_DAYS = 10
_RETURN_SCHEMA = {
    "period": pl.String,
    "since": pl.Date,
    "price_return": pl.Float64,
    "total_return": pl.Float64,
}


@dataclass(frozen=True, kw_only=True)
class Risk:
    """How much an index moved; fractions, annualised where a year is meant.

    Args:
        volatility: Standard deviation of daily total returns, annualised.
        max_drawdown: The deepest fall from a peak, negative.
        drawdown_from: The peak's session.
        drawdown_to: The trough's session.
        beta: Against the parent's daily total returns.
        tracking_error: Standard deviation of the daily difference to the
            parent, annualised.
    """

    volatility: float | None
    max_drawdown: float | None
    drawdown_from: date | None
    drawdown_to: date | None
    beta: float | None
    tracking_error: float | None


def months_before(day: date, months: int) -> date:
    """Go back whole months, to the month's last day if it is shorter.

    Example:
        >>> months_before(date(2024, 5, 31), 3)
        datetime.date(2024, 2, 29)
    """
    month = day.year * 12 + day.month - 1 - months
    year, month = divmod(month, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def performance_table(levels: pl.DataFrame) -> pl.DataFrame:
    """Measure the return of the usual periods up to the last session.

    Args:
        levels: As `queries.levels` gives them, ascending.

    Returns:
        `period`, `since` (the session from whose close it is measured),
        `price_return` and `total_return` (fractions, not annualised; null
        where the history does not reach back so far, or has a hole there).

    Example:
        >>> levels = pl.DataFrame(
        ...     {
        ...         "session": [date(2024, 1, 31), date(2024, 2, 1), date(2024, 2, 2)],
        ...         "price_level": [100.0, 110.0, 121.0],
        ...         "total_return_level": [100.0, 110.0, 132.0],
        ...     }
        ... )
        >>> performance_table(levels).select("period", "price_return").rows()[:2]
        [('1 day', 0.1), ('month to date', 0.21)]
    """
    last, first = levels.row(-1, named=True), levels.row(0, named=True)
    day: date = last["session"]
    anchors = {
        "1 day": day - timedelta(days=1),
        "month to date": day.replace(day=1) - timedelta(days=1),
        "3 months": months_before(day, 3),
        "year to date": date(day.year - 1, 12, 31),
        "1 year": months_before(day, 12),
        "3 years": months_before(day, 36),
        "5 years": months_before(day, 60),
        "10 years": months_before(day, 120),
        "since inception": first["session"],
    }
    rows = []
    for period, anchor in anchors.items():
        near = pl.col("session").is_between(anchor - timedelta(days=_LONGEST_CLOSURE_DAYS), anchor)
        base = levels.filter(near).tail(1)
        start = base.row(0, named=True) if base.height else None
        rows.append(
            {
                "period": period,
                "since": start["session"] if start else None,
                "price_return": _growth(start, last, "price_level"),
                "total_return": _growth(start, last, "total_return_level"),
            }
        )
    return pl.DataFrame(rows, schema=_RETURN_SCHEMA)


def _growth(start: dict[str, float] | None, end: dict[str, float], column: str) -> float | None:
    return round(end[column] / start[column] - 1, 12) if start else None


def calendar_years(levels: pl.DataFrame) -> pl.DataFrame:
    """Measure the return of each calendar year.

    Args:
        levels: As `queries.levels` gives them, ascending.

    Returns:
        `year`, `price_return`, `total_return` (fractions) and `is_whole`: false
        for the first and the last year when they are not covered to their ends.
    """
    ends = (
        levels.group_by(year=pl.col("session").dt.year())
        .agg(
            pl.col("price_level", "total_return_level").last(),
            first_price=pl.col("price_level").first(),
            first_total=pl.col("total_return_level").first(),
            last_session=pl.col("session").last(),
        )
        .sort("year")
    )
    before_price = pl.col("price_level").shift().fill_null(pl.col("first_price"))
    before_total = pl.col("total_return_level").shift().fill_null(pl.col("first_total"))
    december = date(2000, 12, 27)
    to_the_end = (pl.col("last_session").dt.month() == december.month) & (
        pl.col("last_session").dt.day() >= december.day
    )
    return ends.select(
        "year",
        price_return=pl.col("price_level") / before_price - 1,
        total_return=pl.col("total_return_level") / before_total - 1,
        is_whole=to_the_end & pl.col("price_level").shift().is_not_null(),
    )


def risk(levels: pl.DataFrame, parent: pl.DataFrame | None = None) -> Risk:
    """Measure how much an index moved, alone and against its parent.

    Args:
        levels: As `queries.levels` gives them, ascending.
        parent: The same of the parent index; None leaves beta and tracking
            error out.

    Notes:
        Too short a history gives None, never zero.
    """
    own = _daily(levels)
    deepest = _drawdown(levels)
    joined = (
        own.join(_daily(parent), on="session", suffix="_parent") if parent is not None else None
    )
    return Risk(
        volatility=_annual(own.get_column("move").std()),
        max_drawdown=deepest[0],
        drawdown_from=deepest[1],
        drawdown_to=deepest[2],
        beta=_beta(joined),
        tracking_error=None
        if joined is None
        else _annual((joined["move"] - joined["move_parent"]).std()),
    )


def _daily(levels: pl.DataFrame) -> pl.DataFrame:
    return levels.select("session", move=pl.col("total_return_level").pct_change()).drop_nulls()


def _annual(daily: object) -> float | None:
    return daily * sqrt(SESSIONS_A_YEAR) if isinstance(daily, float) else None


def _beta(joined: pl.DataFrame | None) -> float | None:
    if joined is None or joined.height < _FEWEST_FOR_A_SLOPE:
        return None
    both = joined.select(
        together=pl.cov("move", "move_parent"), parent=pl.col("move_parent").var()
    ).row(0)
    return both[0] / both[1] if both[1] else None


def _drawdown(levels: pl.DataFrame) -> tuple[float | None, date | None, date | None]:
    """The deepest fall from a peak of the total-return level, its peak and its trough."""
    falls = levels.select(
        "session", level="total_return_level", peak=pl.col("total_return_level").cum_max()
    ).with_columns(fall=pl.col("level") / pl.col("peak") - 1)
    if falls.is_empty():
        return (None, None, None)
    trough = falls.sort("fall", "session").row(0, named=True)
    peak = falls.filter(
        pl.col("session") <= trough["session"], pl.col("level") == trough["peak"]
    ).row(-1, named=True)
    return (trough["fall"], peak["session"], trough["session"])
