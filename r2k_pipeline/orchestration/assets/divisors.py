"""4b: the factors that keep the level continuous, as events in a ledger.

Reads a year of constituents and the session before it, never a divisor; what enters the
ledger is `methodology.divisors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.divisors import divisor_events
from r2k_pipeline.orchestration.assets.base_session import from_base_session
from r2k_pipeline.orchestration.assets.declaration import session_asset
from r2k_pipeline.orchestration.assets.weight_factors import factors_in_force
from r2k_pipeline.rulebook.sessions import previous_session

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan


_READ = (
    "session",
    "security_id",
    "indexes",
    "event_id",
    "previous_close_usd",
    "index_shares",
    "float_factor",
    "market_value_usd",
)


@session_asset("divisors", deps=["constituents", "weight_factors", "corporate_actions"])
def divisors(run: TableRun, span: SessionSpan) -> None:
    """Compare each year's constituents with the session before, never with a divisor."""
    base, indexed = from_base_session(run, span)
    entries = []
    for part in indexed.years:
        eve = previous_session(part.start)
        entries.append(
            divisor_events(
                run.read("constituents", start=eve, end=part.end, columns=_READ),
                run.read("corporate_actions", start=part.start, end=part.end),
                sessions=part.sessions,
                family=run.store.family,
                base_session=base,
                factors=factors_in_force(run, eve, part.end),
            )
        )
    ledger = pl.concat(entries)
    run.publish_sessions(ledger, indexed)
    run.state("session", ledger.group_by("session").agg(entries=pl.len()))
