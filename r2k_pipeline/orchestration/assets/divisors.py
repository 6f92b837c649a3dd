"""4b: the factors that keep the level continuous, as events in a ledger.

Reads a year of constituents and the session before it; of the ledger before only the last
divisor of each index, from which the rows go on. What enters the ledger is
`methodology.divisors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.divisors import LEDGER_LINE_COLUMNS, divisor_events
from r2k_pipeline.orchestration.assets.base_session import from_base_session
from r2k_pipeline.orchestration.assets.declaration import session_asset
from r2k_pipeline.orchestration.assets.weight_factors import factors_in_force
from r2k_pipeline.rulebook.sessions import previous_session

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan


@session_asset("divisors", deps=["constituents", "weight_factors", "corporate_actions"])
def divisors(run: TableRun, span: SessionSpan) -> None:
    """Compare each year's constituents with the session before, and chain the divisors."""
    base, indexed = from_base_session(run, span)
    ledger = run.read("divisors", end=previous_session(indexed.start))
    for part in indexed.years:
        eve = previous_session(part.start)
        entries = divisor_events(
            run.read("constituents", start=eve, end=part.end, columns=LEDGER_LINE_COLUMNS),
            run.read("corporate_actions", start=eve, end=part.end),
            sessions=part.sessions,
            family=run.store.family,
            base_session=base,
            factors=factors_in_force(run, eve, part.end),
            earlier=ledger,
        )
        ledger = pl.concat([ledger.select(entries.columns), entries])
    found = ledger.filter(pl.col("session") >= indexed.start)
    run.publish_sessions(found, indexed)
    run.state("session", found.group_by("session").agg(entries=pl.len()))
