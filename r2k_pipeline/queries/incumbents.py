"""Who was a member before an event: decided by the one before it, or joined since.

Holds the one reading of incumbents for questions asked of a store. The pipeline's own
stands in `orchestration.assets.reconstitution`, which works through maintenance itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from datetime import date, datetime

    from r2k_pipeline.storage.store import Store

_JOINED = (
    "event_id", "company_id", "security_id", "symbol", "name", "sector", "segment", "indexes",
    "edges_above",
)  # fmt: skip


def members_by(
    store: Store, event_id: str, *, until: date, known_at: datetime | None = None
) -> pl.DataFrame:
    """Return the members by an event and by the reviews since.

    Args:
        store: The open store.
        event_id: The event in force.
        until: The last session whose reviews count.
        known_at: As published at that moment (UTC); None is now.

    Returns:
        Rows of contract `reconstitution` with a segment; of companies that joined since
        those columns of it that contract `maintenance` has, the others null. Empty if
        the event is not decided.
    """
    decided = store.published.read("reconstitution", event_id=event_id, known_at=known_at)
    joined = store.published.read(
        "maintenance", known_at=known_at, where={"event_id": event_id}
    ).filter(pl.col("segment").is_not_null() & (pl.col("session") <= until))
    if decided.is_empty():
        return decided
    members = decided.filter(pl.col("segment").is_not_null())
    return pl.concat([members, joined.select(_JOINED)], how="diagonal")
