"""Every table of one event by its name: what `r2k reconstitution --table` and the report show.

Reads what a table needs and asks the module that makes it. Add a table here with its name;
how it is made belongs to `reconstitution_tables`, `rebalance` or `desk`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract, tables
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.queries.desk import DEFAULT_TRACKED, desk_table
from r2k_pipeline.queries.rebalance import rebalance, sector_shifts, turnover_row
from r2k_pipeline.queries.reconstitution import (
    boundaries_with_bands,
    breakpoints_of,
    built_events,
    changes,
    decisions_of,
)
from r2k_pipeline.queries.reconstitution_tables import (
    banding_effect,
    largest,
    migrations,
    mover_sectors,
    ranges_against,
)
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event as scheduled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from r2k_pipeline.storage.store import Store

SECTOR_INDEXES = ("r1000", "r2000")
"""The indexes whose sectors are weighed before and after."""

_MAINTENANCE = "maintenance"
_JOINS = ("ipo_addition", "fast_entry")
_JOIN_COLUMNS = (
    "session", "change", "symbol", "name", "sector", "company_id", "segment", "indexes",
    "total_market_cap_usd", "reason",
)  # fmt: skip


class EventTable(StrEnum):
    """The tables of an event, in the order of a report."""

    BREAKPOINTS = "breakpoints"
    HISTORY = "history"
    RANGES = "ranges"
    LARGEST = "largest"
    CHANGES = "changes"
    MIGRATIONS = "migrations"
    MOVERS = "movers"
    SECTORS = "sectors"
    TURNOVER = "turnover"
    BANDING = "banding"
    IPOS = "ipos"
    DESK = "desk"

    @property
    def title(self) -> str:
        """What a reader calls it.

        Example:
            >>> EventTable.MOVERS.title
            'Sectors of those who move'
        """
        return _TITLES[self]


_TITLES = {
    EventTable.BREAKPOINTS: "Breakpoints and bands",
    EventTable.HISTORY: "The breakpoint over the events",
    EventTable.RANGES: "Total market cap by index, and against the event before",
    EventTable.LARGEST: "The largest companies",
    EventTable.CHANGES: "Additions, deletions and moves",
    EventTable.MIGRATIONS: "From segment to segment",
    EventTable.MOVERS: "Sectors of those who move",
    EventTable.SECTORS: "Sector weights before and after",
    EventTable.TURNOVER: "One-way turnover by index",
    EventTable.BANDING: "Held by a band against rank",
    EventTable.IPOS: "IPO additions since the event before",
    EventTable.DESK: "What trackers trade",
}


def event_table(
    store: Store,
    event_id: str,
    table: EventTable,
    *,
    tracked_usd: Mapping[str, float] = DEFAULT_TRACKED,
    known_at: datetime | None = None,
) -> pl.DataFrame:
    """Give one table of an event.

    Args:
        store: The open store.
        event_id: The event's key, for example `2022-06`.
        table: Which.
        tracked_usd: What tracks each index, USD; read for the desk's table.
        known_at: Read what was published at that moment (UTC); None is now.

    Returns:
        All rows, in the order of reading; empty where there is nothing to tell.

    Raises:
        UnknownEventError: The schedule has no such event.
        UndecidedEventError: A candidate is in doubt, so the event waits.
        BadInputError: The event is not built; names those that are.
    """
    scheduled(event_id)
    decided = decisions_of(store, event_id, known_at=known_at)
    match table:
        case EventTable.DESK:
            return desk_table(store, event_id, tracked_usd=tracked_usd, known_at=known_at)
        case EventTable.SECTORS | EventTable.TURNOVER:
            return _of_holdings(store, event_id, table, known_at=known_at)
        case EventTable.HISTORY:
            return breakpoint_history(store, event_id, known_at=known_at)
        case EventTable.IPOS:
            return ipo_additions(store, event_id, known_at=known_at)
        case EventTable.RANGES | EventTable.LARGEST:
            before = decided_before(store, event_id, known_at=known_at)
            if table is EventTable.LARGEST:
                return largest(decided, before)
            return ranges_against(decided, before, store.family)
        case EventTable.BREAKPOINTS | EventTable.BANDING:
            boundaries = breakpoints_of(store, event_id, known_at=known_at)
            if table is EventTable.BANDING:
                return banding_effect(decided, boundaries)
            return boundaries_with_bands(boundaries, decided)
        case _:
            return _of_decisions(decided, table)


def _of_decisions(decided: pl.DataFrame, table: EventTable) -> pl.DataFrame:
    match table:
        case EventTable.MIGRATIONS:
            return migrations(decided)
        case EventTable.MOVERS:
            return mover_sectors(decided)
        case _:
            return changes(decided)


def _of_holdings(
    store: Store, event_id: str, table: EventTable, *, known_at: datetime | None
) -> pl.DataFrame:
    event = scheduled(event_id)
    wanted = SECTOR_INDEXES if table is EventTable.SECTORS else tuple(store.family)
    found = [
        rebalance(store, event, store.family[index_id], known_at=known_at) for index_id in wanted
    ]
    if table is EventTable.TURNOVER:
        return pl.DataFrame([turnover_row(one) for one in found])
    return pl.concat(
        sector_shifts(one.lines).select(pl.lit(one.index_id).alias("index"), pl.all())
        for one in found
    )


def decided_before(
    store: Store, event_id: str, *, known_at: datetime | None = None
) -> pl.DataFrame | None:
    """The decisions of the last event that is decided before one; None if there is none."""
    earlier = [found for found in built_events(store, known_at=known_at) if found < event_id]
    return decisions_of(store, earlier[-1], known_at=known_at) if earlier else None


def breakpoint_history(
    store: Store, event_id: str, *, known_at: datetime | None = None
) -> pl.DataFrame:
    """Tell where large and small parted at every event up to one.

    Args:
        store: The open store.
        event_id: The last event told of.
        known_at: Read what was published at that moment (UTC); None is now.

    Returns:
        One row per event, in order: `event_id`, `rank_day`, `breakpoint_usd`,
        `change_share` against the event before, `lower_bound_usd` and
        `upper_bound_usd` (the sizes in the band) and `total_market_cap_usd`.
    """
    rows = []
    for found in built_events(store, known_at=known_at):
        if found > event_id:
            continue
        rank = rules_in_force(scheduled(found).rank_day).large_cap_count
        boundaries = breakpoints_of(store, found, known_at=known_at)
        rows.append(
            boundaries_with_bands(
                boundaries.filter(pl.col("edge") == str(rank)),
                decisions_of(store, found, known_at=known_at),
            )
        )
    return (
        pl.concat(rows)
        .with_columns(change_share=pl.col("breakpoint_usd").pct_change())
        .select(
            "event_id", "rank_day", "breakpoint_usd", "change_share", "lower_bound_usd",
            "upper_bound_usd", "total_market_cap_usd",
        )
    )  # fmt: skip


def ipo_additions(store: Store, event_id: str, *, known_at: datetime | None = None) -> pl.DataFrame:
    """List the companies that joined between the event before and this one.

    Returns:
        Of contract `maintenance` the additions that took effect before the event did:
        `session`, `change`, `symbol`, `name`, `sector`, `company_id`, `segment`,
        `indexes`, `total_market_cap_usd` and `reason`, in order of session, the largest
        first.
    """
    if _MAINTENANCE not in tables():
        return pl.DataFrame(schema=dict.fromkeys(_JOIN_COLUMNS, pl.String))
    until = scheduled(event_id).effective_session
    earlier = [found for found in built_events(store, known_at=known_at) if found < event_id]
    joined = empty_frame(contract(_MAINTENANCE))
    if earlier:
        joined = store.published.read(_MAINTENANCE, known_at=known_at).filter(
            (pl.col("event_id") == earlier[-1]) & (pl.col("session") < until)
        )
    return (
        joined.filter(pl.col("change").is_in(_JOINS))
        .sort("session", "total_market_cap_usd", descending=[False, True], nulls_last=True)
        .select(_JOIN_COLUMNS)
    )
