"""1b: listings and securities over all sessions -> what happened to each line's listing.

Reads every session that ever landed; how an event is told is `methodology.security_events`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.methodology import security_events as methodology
from r2k_pipeline.orchestration.assets.declaration import whole_asset
from r2k_pipeline.orchestration.assets.securities import READ

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun


@whole_asset("security_events", deps=["raw_listings", "securities"])
def security_events(run: TableRun) -> None:
    """Tell every listing, delisting, move, rename and reuse that was ever seen."""
    listings = run.read("raw_listings", columns=READ)
    told = methodology.security_events(listings, run.read("securities"))
    run.publish_whole(told)
    counts = told.group_by("event").len().sort("event").iter_rows()
    run.note({str(event): int(n) for event, n in counts})
