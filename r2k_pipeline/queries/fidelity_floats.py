"""What floats would do: our tracking of a published series with the factors of a file.

A what-if in memory, and never an input: the members and shares stay ours, only what part of
them counts is the file's. How floats are compared line by line is `fidelity_series`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.symbol_keys import matching_key
from r2k_pipeline.queries.fidelity_members import symbols_on
from r2k_pipeline.queries.fidelity_series import daily_differences, level_scores

if TYPE_CHECKING:
    from datetime import date

LINE_COLUMNS = (
    "session", "security_id", "indexes", "close_usd", "previous_close_usd", "index_shares",
    "float_factor",
)  # fmt: skip
"""What of contract `constituents` is read."""

AS_PUBLISHED = "as published"
WITH_FLOATS = "with these floats"
WITH_MEDIAN = "with these floats, the median for other lines"


def floats_of_lines(floats: pl.DataFrame, securities: pl.DataFrame, session: date) -> pl.DataFrame:
    """Find the lines of a file of floats.

    Args:
        floats: `symbol`, `float_factor`; above 1 is noise of an implied factor and counts as
            1, and at or below 0 as unknown.
        securities: Contract `securities`.
        session: The file's session.

    Returns:
        `security_id` and `told_float` (0 to 1), one row a line.
    """
    lines = symbols_on(securities, session).filter("is_listed")
    return (
        floats.filter(pl.col("float_factor") > 0)
        .select(key=matching_key(), told_float=pl.col("float_factor").clip(0, 1))
        .join(lines.select("key", "security_id"), on="key")
        .sort("security_id", "told_float")
        .unique("security_id", keep="last", maintain_order=True)
        .select("security_id", "told_float")
    )


def float_effect(
    lines: pl.DataFrame, floats: pl.DataFrame, published: pl.DataFrame
) -> pl.DataFrame:
    """Measure the tracking of a published price series with and without floats.

    Args:
        lines: Contract `constituents` of one index, any sessions: `LINE_COLUMNS`.
        floats: As `floats_of_lines` gives them; they hold on all sessions.
        published: `session` and `level` of the price series.

    Returns:
        One row a weighting and year (see `fidelity_series.level_scores`): `weights`, `year`,
        `sessions`, `correlation`, `tracking_error_bp`. Lines without a factor count as they
        do in the index, and in a third weighting with the median of the factors: beside
        lines whose shares are cut to a float, a full line is one too heavy.

    Example:
        A halves, and what it does to the index with it.

        >>> from datetime import date
        >>> days = [date(2022, 7, day) for day in (5, 6, 7, 8)]
        >>> lines = pl.concat(pl.DataFrame({
        ...     "session": days, "security_id": name, "indexes": "r2000",
        ...     "previous_close_usd": 10.0, "close_usd": closes, "index_shares": 100.0,
        ...     "float_factor": 1.0,
        ... }) for name, closes in (("A", [10.0, 11.0, 12.0, 9.0]), ("B", [10.0] * 4)))
        >>> floats = pl.DataFrame({"security_id": ["A"], "told_float": [0.5]})
        >>> theirs = pl.DataFrame({"session": days, "level": [300.0, 310.0, 330.0, 319.0]})
        >>> found = float_effect(lines, floats, theirs).filter(pl.col("year") == "all")
        >>> found.select("weights", pl.col("tracking_error_bp").round()).rows()[1][1] < 1000
        True
    """
    told = lines.join(floats, on="security_id", how="left")
    own = pl.col("float_factor")
    factors = {
        AS_PUBLISHED: own,
        WITH_FLOATS: pl.coalesce("told_float", own),
        WITH_MEDIAN: pl.col("told_float").fill_null(pl.lit(floats["told_float"].median())),
    }
    return pl.concat(
        level_scores(daily_differences(_levels(told, factor), published)).select(
            pl.lit(name).alias("weights"), "year", "sessions", "correlation", "tracking_error_bp"
        )
        for name, factor in factors.items()
    )


def _levels(lines: pl.DataFrame, factor: pl.Expr) -> pl.DataFrame:
    """Chain what the lines are worth at each close over what they were at the open."""
    shares = pl.col("index_shares") * factor / pl.col("float_factor")
    return (
        lines.group_by("session")
        .agg(
            closed=(pl.col("close_usd") * shares).sum(),
            opened=(pl.col("previous_close_usd") * shares).sum(),
        )
        .sort("session")
        .select("session", level=(pl.col("closed") / pl.col("opened")).cum_prod())
    )
