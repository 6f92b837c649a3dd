"""Every table of one event by its name: what `r2k reconstitution --table` and the report show.

Reads what a table needs and asks the module that makes it. Add a table here with its name;
how it is made belongs to `reconstitution_tables`, `rebalance` or `desk`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract, tables
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.queries.desk import DEFAULT_TRACKED, desk_table
from r2k_pipeline.queries.event_table_names import EventTable
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
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from r2k_pipeline.queries.rebalance import Rebalance
    from r2k_pipeline.storage.store import Store

SECTOR_INDEXES = ("r1000", "r2000")
"""The indexes whose sectors are weighed before and after."""

_MAINTENANCE = "maintenance"
_JOINS = ("ipo_addition", "fast_entry")
_JOIN_COLUMNS = (
    "session", "change", "symbol", "name", "sector", "company_id", "segment", "indexes",
    "total_market_cap_usd", "reason",
)  # fmt: skip


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
    asked = _Asked(
        store=store,
        event_id=event_id,
        decided=decisions_of(store, event_id, known_at=known_at),
        tracked_usd=tracked_usd,
        known_at=known_at,
    )
    return _MAKERS[table](asked)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What every table may be made from."""

    store: Store
    event_id: str
    decided: pl.DataFrame
    tracked_usd: Mapping[str, float]
    known_at: datetime | None

    @property
    def before(self) -> pl.DataFrame | None:
        """The decisions of the event before."""
        return decided_before(self.store, self.event_id, known_at=self.known_at)

    @property
    def boundaries(self) -> pl.DataFrame:
        """The event's row of `breakpoints` for each edge."""
        return breakpoints_of(self.store, self.event_id, known_at=self.known_at)

    def rebalanced(self, index_ids: Iterable[str]) -> list[Rebalance]:
        """Holdings of some indexes before and after."""
        event, family = scheduled(self.event_id), self.store.family
        return [
            rebalance(self.store, event, family[index_id], known_at=self.known_at)
            for index_id in index_ids
        ]


def _sectors(asked: _Asked) -> pl.DataFrame:
    return pl.concat(
        sector_shifts(one.lines).select(pl.lit(one.index_id).alias("index"), pl.all())
        for one in asked.rebalanced(SECTOR_INDEXES)
    )


_MAKERS: Mapping[EventTable, Callable[[_Asked], pl.DataFrame]] = {
    EventTable.BREAKPOINTS: lambda asked: boundaries_with_bands(asked.boundaries, asked.decided),
    EventTable.HISTORY: lambda asked: breakpoint_history(
        asked.store, asked.event_id, known_at=asked.known_at
    ),
    EventTable.RANGES: lambda asked: ranges_against(
        asked.decided, asked.before, asked.store.family
    ),
    EventTable.LARGEST: lambda asked: largest(asked.decided, asked.before),
    EventTable.CHANGES: lambda asked: changes(asked.decided),
    EventTable.MIGRATIONS: lambda asked: migrations(asked.decided),
    EventTable.MOVERS: lambda asked: mover_sectors(asked.decided),
    EventTable.SECTORS: _sectors,
    EventTable.TURNOVER: lambda asked: pl.DataFrame(
        [turnover_row(one) for one in asked.rebalanced(asked.store.family) if one.priced]
    ),
    EventTable.BANDING: lambda asked: banding_effect(asked.decided, asked.boundaries),
    EventTable.IPOS: lambda asked: ipo_additions(
        asked.store, asked.event_id, known_at=asked.known_at
    ),
    EventTable.DESK: lambda asked: desk_table(
        asked.store, asked.event_id, tracked_usd=asked.tracked_usd, known_at=asked.known_at
    ),
}


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
