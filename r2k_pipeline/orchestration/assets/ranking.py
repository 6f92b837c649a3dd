"""2: lines -> companies ranked by total market capitalisation.

Reads a year of universe; who counts and in which order is `methodology.ranking`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.orchestration.assets.declaration import session_asset

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan
    from r2k_pipeline.rulebook.rules import IndexRules


@session_asset("ranking", deps=["universe"])
def ranking(run: TableRun, span: SessionSpan) -> None:
    """Rank each year under the rules in force on its sessions."""
    for part in span.years:
        lines = run.read("universe", start=part.start, end=part.end)
        ranked = pl.concat(
            rank_companies(
                lines.filter(pl.col("session").is_between(same.start, same.end)), rules=rules
            )
            for same, rules in part.by_rules
        )
        run.publish_sessions(ranked, part)
        for same, rules in part.by_rules:
            of_rules = ranked.filter(pl.col("session").is_between(same.start, same.end))
            run.state("session", _facts(of_rules, rules))
        run.show(ranked.filter(pl.col("session") == ranked["session"].max()))


def _facts(ranked: pl.DataFrame, rules: IndexRules) -> pl.DataFrame:
    cap, rank = pl.col("total_market_cap_usd"), pl.col("rank")
    return ranked.group_by("session").agg(
        companies=pl.len(),
        large_cap_breakpoint_usd=cap.filter(rank == rules.large_cap_count).first(),
        total_market_cap_usd=cap.filter(rank <= rules.total_count).sum(),
    )
