"""1: snapshot -> eligible share lines, and a reason for each line left out.

Reads each year with the sessions before it, on which repairs, kinds and liquidity
rest. What makes a line eligible stands in `methodology/universe`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.overrides import standing_overrides
from r2k_pipeline.methodology.universe import CONTEXT_SESSIONS, evaluate_universe
from r2k_pipeline.orchestration.assets.declaration import session_asset
from r2k_pipeline.orchestration.assets.float_factors import known_floats
from r2k_pipeline.rulebook.reference_facts import shipped_reference
from r2k_pipeline.rulebook.sessions import sessions_before, sessions_between

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan
    from r2k_pipeline.rulebook.rules import IndexRules

# What a listing was received with is not read: two texts a row are a quarter of a year's memory.
_READ = (
    "session",
    "exchange",
    "symbol",
    "name",
    "close_usd",
    "previous_close_usd",
    "volume_shares",
    "market_cap_usd",
    "country",
    "ipo_year",
    "industry",
    "sector",
)


@session_asset("universe", deps=["raw_listings", "corporate_actions", "securities"])
def universe(run: TableRun, span: SessionSpan) -> None:
    """Evaluate each year under the rules in force on its sessions."""
    securities = run.read("securities")
    overrides = standing_overrides(run.read("overrides"))
    for part in span.years:
        evaluated = pl.concat(
            _evaluated(run, securities, overrides, same, rules) for same, rules in part.by_rules
        )
        run.publish_sessions(evaluated, part)
        run.state("session", _facts(evaluated))


def _evaluated(
    run: TableRun,
    securities: pl.DataFrame,
    overrides: pl.DataFrame,
    span: SessionSpan,
    rules: IndexRules,
) -> pl.DataFrame:
    start, end = span.start, span.end
    first = next(iter(sessions_before(start, CONTEXT_SESSIONS)), start)
    return evaluate_universe(
        run.read("raw_listings", start=first, end=end, columns=_READ),
        securities,
        run.read("corporate_actions", start=first, end=end),
        start=start,
        sessions=sessions_between(first, end),
        reference=replace(shipped_reference(), floats=known_floats(run, until=end)),
        rules=rules,
        overrides=overrides,
    )


def _facts(evaluated: pl.DataFrame) -> pl.DataFrame:
    return evaluated.group_by("session").agg(
        lines=pl.len(),
        eligible=pl.col("is_eligible").sum(),
        repaired=pl.col("repair_rule").count(),
    )
