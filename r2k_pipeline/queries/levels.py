"""What was the level of an index: published levels over a range of sessions.

Add here what is read from `levels` alone. Returns and risk over levels are in
`performance`; recomputing a level is `verification`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.queries.addressing import nothing_there, require_index, require_order

if TYPE_CHECKING:
    from datetime import date, datetime

    import polars as pl

    from r2k_pipeline.storage.store import Store

LEVEL_COLUMNS = (
    "session",
    "price_level",
    "total_return_level",
    "net_total_return_level",
    "divisor",
    "members",
    "status",
    "reason",
)


def levels(
    store: Store,
    index_id: str,
    *,
    start: date | None = None,
    end: date | None = None,
    known_at: datetime | None = None,
) -> pl.DataFrame:
    """Read the published levels of one index.

    Args:
        store: The open store.
        index_id: An index of the family, for example `r2000`.
        start: First session, inclusive; None is the first published.
        end: Last session, inclusive; None is the last published.
        known_at: Read what was published at that moment (UTC); None is now.

    Returns:
        One row per session, ascending: `session`, `price_level`,
        `total_return_level`, `net_total_return_level` (index points), `divisor`
        (USD per index point), `members` (lines), `status` (`OK`;
        `CARRIED` where a guard held the level; `RESTATED` where another was published
        first; `HELD` where recalculation gives another) and its `reason`, if it has one.

    Raises:
        BadInputError: No such index, or `start` lies after `end`.
        MissingPartitionError: Nothing is published there; names what is.
    """
    index = require_index(index_id, store.family).index_id
    require_order(start, end)
    found = (
        store.published.read(
            "levels", start=start, end=end, known_at=known_at, where={"index_id": index}
        )
        .sort("session")
        .select(LEVEL_COLUMNS)
    )
    if found.is_empty():
        held = store.published.read("levels", columns=["session"], where={"index_id": index})
        days = held.get_column("session")
        raise nothing_there("levels", asked=[start, end], available=days, known_at=known_at)
    return found
