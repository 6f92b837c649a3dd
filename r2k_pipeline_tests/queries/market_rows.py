"""Rankings and universe rows of companies that walk, for questions that need many sessions.

Each company has one line; its cap is all that moves. What a test does not ask about is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema, require_shape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import numpy as np

SHARES = 1e7


def shaped(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Fill what a frame lacks of a contract with nulls."""
    lacking = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in polars_schema(contract(table)).items()
        if name not in frame.columns
    ]
    return require_shape(contract(table), frame.with_columns(lacking))


def long_caps(sessions: Sequence[date], caps: np.ndarray) -> pl.DataFrame:
    """One row per session and company of a matrix of caps, with ids."""
    count = caps.shape[1]
    return pl.DataFrame(
        {
            "session": [day for day in sessions for _ in range(count)],
            "number": list(range(count)) * len(sessions),
            "cap": caps.ravel(),
        }
    ).with_columns(
        company_id=pl.format("C{}", pl.col("number").cast(pl.String).str.zfill(4)),
        security_id=pl.format("S{}", pl.col("number").cast(pl.String).str.zfill(4)),
        symbol=pl.format("T{}", "number"),
        close_usd=pl.col("cap") / SHARES,
    )


def ranking_rows(sessions: Sequence[date], caps: np.ndarray) -> pl.DataFrame:
    """Contract `ranking` of a matrix of caps, sessions x companies."""
    cap = pl.col("total_market_cap_usd")
    rows = (
        long_caps(sessions, caps)
        .rename({"cap": "total_market_cap_usd"})
        .drop("number")
        .sort("session", "total_market_cap_usd", descending=[False, True])
        .with_columns(
            rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("session"),
            cumulative_market_cap_share=cap.cum_sum().over("session") / cap.sum().over("session"),
            total_shares=pl.lit(SHARES),
            line_count=pl.lit(1, pl.Int32),
        )
    )
    return shaped("ranking", rows)


def universe_rows(sessions: Sequence[date], caps: np.ndarray) -> pl.DataFrame:
    """Contract `universe` of a matrix of caps: every line eligible, closes without a gap."""
    rows = (
        long_caps(sessions, caps)
        .rename({"cap": "market_cap_usd"})
        .drop("number")
        .sort("security_id", "session")
        .with_columns(
            previous_close_usd=pl.col("close_usd").shift().over("security_id"),
            exchange=pl.lit("nyse"),
            line_type=pl.lit("common"),
            is_eligible=pl.lit(True),
            line_shares=pl.lit(SHARES),
            total_shares=pl.lit(SHARES),
        )
    )
    return shaped("universe", rows)
