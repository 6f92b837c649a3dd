"""1: snapshot -> eligible share lines, and a reason for each line left out.

Reads a year of listings; eligibility and its reasons are `methodology.universe`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.universe import evaluate_universe
from r2k_pipeline.orchestration.assets.declaration import session_asset

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan


@session_asset("universe", deps=["raw_listings", "securities"])
def universe(run: TableRun, span: SessionSpan) -> None:
    """Evaluate each year under the rules in force on its sessions."""
    securities = run.read("securities")
    for part in span.years:
        listings = run.read("raw_listings", start=part.start, end=part.end)
        evaluated = pl.concat(
            evaluate_universe(
                listings.filter(pl.col("session").is_between(same.start, same.end)),
                securities,
                rules=rules,
            )
            for same, rules in part.by_rules
        )
        run.publish_sessions(evaluated, part)
        run.state(
            "session",
            evaluated.group_by("session").agg(lines=pl.len(), eligible=pl.col("is_eligible").sum()),
        )
