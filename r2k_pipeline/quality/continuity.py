"""Whether a session looks like the sessions before it: rows of each exchange, so far.

Pure Polars, per session. Add here drift of one table against its own past; a rule
about single rows belongs to the contract, a missing session to `presence`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.quality.outcome import SAMPLE_ROWS, CheckOutcome

if TYPE_CHECKING:
    from typing import Any

CHECK_NAME = "exchanges_are_complete"
# Over three years of the Nasdaq screener (2021 to 2023) no exchange on any session fell below
# 90 % of its median over the 60 sessions before; half a file lies far below.
LEAST_SHARE_OF_USUAL = 0.90
# About a quarter: long enough for a steady median, short enough to follow listings.
WINDOW_SESSIONS = 60


def rows_by_exchange(listings: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Count the rows of each session and exchange.

    Args:
        listings: Any rows with `session` and `exchange`.

    Returns:
        `session`, `exchange`, `rows` (Int64), sorted by both.
    """
    counts = listings.lazy().group_by("session", "exchange").agg(rows=pl.len().cast(pl.Int64))
    return counts.sort("session", "exchange").collect()


def exchange_continuity(
    table: str, counts: pl.DataFrame, *, earlier: pl.DataFrame | None = None
) -> CheckOutcome:
    """Compare each exchange's rows with the median of the sessions before.

    Uses only earlier sessions, so a verdict does not change when later ones arrive.

    Args:
        table: The table that was counted.
        counts: What `rows_by_exchange` gives for the sessions to judge.
        earlier: The same for sessions before them, which are not judged themselves.
            Without it the first session has nothing to be compared with and passes.

    Returns:
        The outcome of `exchanges_are_complete`, severity `warn`. Its rows are pairs of
        session and exchange that have a past; a pair fails below 90 % of the median of
        the up to 60 sessions before, an exchange without any row too.

    Example:
        >>> from datetime import date
        >>> counts = pl.DataFrame({
        ...     "session": [date(2021, 10, d) for d in (27, 27, 28, 28, 29)],
        ...     "exchange": ["nasdaq", "nyse", "nasdaq", "nyse", "nyse"],
        ...     "rows": [4600, 3100, 4610, 3105, 1500],
        ... })
        >>> outcome = exchange_continuity("raw_listings", counts)
        >>> outcome.failed_rows, outcome.sentence
        (2, 'nasdaq is missing on 2021-10-29: 0 rows, expected about 4,605. And 1 more.')
    """
    past = _compared(counts if earlier is None else pl.concat([earlier, counts]))
    judged = past.filter(
        pl.col("session").is_in(counts["session"].unique().implode())
        & pl.col("usual_rows").is_not_null()
    )
    short = judged.filter(pl.col("rows") < LEAST_SHARE_OF_USUAL * pl.col("usual_rows"))
    by_session = short.group_by("session").len().sort("session")
    return CheckOutcome(
        table=table,
        check_name=CHECK_NAME,
        severity=Severity.WARN,
        is_passed=short.is_empty(),
        evaluated_rows=judged.height,
        failed_rows=short.height,
        sentence=_sentence(short.rows(named=True)),
        sample=tuple(short.head(SAMPLE_ROWS).to_dicts()),
        failed_by_partition={str(session): count for session, count in by_session.iter_rows()},
    )


def _compared(counts: pl.DataFrame) -> pl.DataFrame:
    """Every session with every exchange seen by then, its rows and the usual rows."""
    sessions = counts.select(pl.col("session").unique().sort())
    grid = sessions.join(counts.select(pl.col("exchange").unique().sort()), how="cross")
    filled = grid.join(counts, on=["session", "exchange"], how="left")
    usual = pl.col("rows").shift(1).rolling_median(WINDOW_SESSIONS, min_samples=1)
    return filled.sort("session", "exchange").select(
        "session",
        "exchange",
        pl.col("rows").fill_null(0),
        usual_rows=usual.over("exchange", order_by="session"),
    )


def _sentence(short: list[dict[str, Any]]) -> str:
    if not short:
        return "Every exchange has about as many rows as in the sessions before."
    first, *others = short
    state = "is missing" if first["rows"] == 0 else "is not whole"
    sentence = (
        f"{first['exchange']} {state} on {first['session']}: {first['rows']:,} rows, "
        f"expected about {first['usual_rows']:,.0f}."
    )
    return f"{sentence} And {len(others)} more." if others else sentence
