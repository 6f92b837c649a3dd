"""1b: reported and inferred events -> what changes in shares, prices and members.

Reads a year and the session before it, the reports that may count late, and every special
dividend before, of which a row is counted; what is inferred, and how, is
`methodology.corporate_actions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.action_outcomes import LONGEST_DELAY_SESSIONS
from r2k_pipeline.methodology.corporate_actions import resolve_actions
from r2k_pipeline.orchestration.assets.declaration import session_asset
from r2k_pipeline.rulebook.action_types import ActionType
from r2k_pipeline.rulebook.sessions import (
    FIRST_SESSION,
    previous_session,
    sessions_before,
    sessions_between,
)

if TYPE_CHECKING:
    from datetime import date

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
            _reported(run, part.start, part.end),
            securities,
            start=part.start,
            sessions=sessions_between(before, part.end),
        )
        run.publish_sessions(resolved, part)
        is_split = pl.col("action_type") == "split"
        run.state(
            "session", resolved.group_by("session").agg(actions=pl.len(), splits=is_split.sum())
        )


def _reported(run: TableRun, start: date, end: date) -> pl.DataFrame:
    """The reports of a range, those before it that may count late, and all special dividends."""
    first = next(iter(sessions_before(start, LONGEST_DELAY_SESSIONS)), start)
    is_special = pl.col("action_type") == ActionType.SPECIAL_DIVIDEND.value
    recent = run.read("reported_actions", start=first, end=end)
    specials = run.read("reported_actions", end=end, rows=is_special)
    return pl.concat([specials.filter(pl.col("session") < first), recent])
