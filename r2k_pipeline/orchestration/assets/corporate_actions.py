"""1b: reported and inferred events -> what changes in shares, prices and members.

Reads a year and the session before it; what is inferred, and how, is
`methodology.corporate_actions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.corporate_actions import resolve_actions
from r2k_pipeline.orchestration.assets.declaration import session_asset
from r2k_pipeline.rulebook.sessions import FIRST_SESSION, previous_session, sessions_between

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan

_READ = ("session", "symbol", "close_usd", "previous_close_usd")


@session_asset("corporate_actions", deps=["raw_listings", "reported_actions", "securities"])
def corporate_actions(run: TableRun, span: SessionSpan) -> None:
    """Resolve each year with the session before it, on whose close a split is seen."""
    securities = run.read("securities")
    for part in span.years:
        # The first session of all has nothing before it, so no split can be inferred on it.
        before = part.start if part.start <= FIRST_SESSION else previous_session(part.start)
        resolved = resolve_actions(
            run.read("raw_listings", start=before, end=part.end, columns=_READ),
            run.read("reported_actions", start=before, end=part.end),
            securities,
            start=part.start,
            sessions=sessions_between(before, part.end),
        )
        run.publish_sessions(resolved, part)
        is_split = pl.col("action_type") == "split"
        run.state(
            "session", resolved.group_by("session").agg(actions=pl.len(), splits=is_split.sum())
        )
