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
from r2k_pipeline.rulebook.family import family
from r2k_pipeline.rulebook.sessions import previous_session

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan


@session_asset("divisors", deps=["constituents", "corporate_actions"])
def divisors(run: TableRun, span: SessionSpan) -> None:
    """Compare each year's constituents with the session before, never with a divisor."""
    base, indexed = from_base_session(run, span)
    entries = [
        divisor_events(
            run.read("constituents", start=previous_session(part.start), end=part.end),
            run.read("corporate_actions", start=part.start, end=part.end),
            sessions=part.sessions,
            family=family(),
            base_session=base,
        )
        for part in indexed.years
    ]
    ledger = pl.concat(entries)
    run.publish_sessions(ledger, indexed)
    run.state("session", ledger.group_by("session").agg(entries=pl.len()))
