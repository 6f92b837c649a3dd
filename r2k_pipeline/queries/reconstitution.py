"""What an event decided: breakpoints, bands, sizes, and who moved and why.

Reads the published `breakpoints` and `reconstitution` of one event. Why one
company is where it is belongs to `explain`; what an event would decide on
another day belongs to `proforma`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from r2k_pipeline.errors import BadInputError, listed
from r2k_pipeline.methodology.edges import in_index
from r2k_pipeline.queries.addressing import did_you_mean, nothing_there
from r2k_pipeline.queries.doubts import doubts_of, undecided
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.storage.store import Store

MOVES = ("enters", "leaves", "moves_up", "moves_down")
"""The decisions that change a company's index, in the order of a report."""

CHANGE_COLUMNS = (
    "decision",
    "symbol",
    "name",
    "sector",
    "company_id",
    "rank",
    "total_market_cap_usd",
    "previous_segment",
    "segment",
    "reason",
)


@dataclass(frozen=True, kw_only=True)
class ReconstitutionSummary:
    """One event in figures.

    Args:
        event: The event with its dates.
        boundaries: One row per edge: the `breakpoints` row, plus
            `cumulative_market_cap_usd` (USD, of all companies down to that
            rank), `lower_bound_usd` and `upper_bound_usd` (the smallest and the
            largest company within the band; null where there is none).
        cap_ranges: One row per index of the family: `group`, `companies`, `total_usd`,
            `largest_usd`, `median_usd`, `smallest_usd`, by total market
            capitalisation on the rank day.
        decisions: One row per decision: `decision`, `companies`, `total_usd`.
        note: What a reader must know about this event, or None.
        doubts: Companies about which the feed contradicts itself on the rank day, as
            `doubts.doubts_of` lists them.
    """

    event: Event
    boundaries: pl.DataFrame
    cap_ranges: pl.DataFrame
    decisions: pl.DataFrame
    note: str | None
    doubts: pl.DataFrame

    @property
    def breakpoint(self) -> Mapping[str, Any]:
        """The row of `boundaries` at which large and small part."""
        rank = rules_in_force(self.event.rank_day).large_cap_count
        return self.boundaries.row(by_predicate=pl.col("edge") == str(rank), named=True)


def reconstitution_summary(
    store: Store, event_id: str, *, known_at: datetime | None = None
) -> ReconstitutionSummary:
    """Summarise one reconstitution.

    Args:
        store: The open store.
        event_id: The event's key, for example `2022-06`.
        known_at: Read what was published at that moment (UTC); None is now.

    Raises:
        UnknownEventError: The schedule has no such event.
        UndecidedEventError: A candidate is in doubt, so the event waits.
        BadInputError: The event is not built; names those that are.
    """
    found = event(event_id)
    decided = decisions_of(store, event_id, known_at=known_at)
    boundaries = breakpoints_of(store, event_id, known_at=known_at)
    return ReconstitutionSummary(
        event=found,
        boundaries=boundaries_with_bands(boundaries, decided),
        cap_ranges=cap_ranges(decided, store.family),
        decisions=decision_counts(decided),
        note=incumbents_note(boundaries),
        doubts=doubts_of(store, event_id),
    )


def reconstitution_changes(
    store: Store, event_id: str, *, known_at: datetime | None = None
) -> pl.DataFrame:
    """List additions, deletions and moves of one event, each with its reason.

    Args:
        store: The open store.
        event_id: The event's key, for example `2022-06`.
        known_at: Read what was published at that moment (UTC); None is now.

    Returns:
        One row per company whose segment changed: `decision` (`enters`,
        `leaves`, `moves_up`, `moves_down`, in this order), `symbol`, `name`,
        `sector`, `company_id`, `rank` (null if unranked),
        `total_market_cap_usd`, `previous_segment`, `segment` and `reason` (a
        sentence); the largest first within a decision.

    Raises:
        UnknownEventError: The schedule has no such event.
        UndecidedEventError: A candidate is in doubt, so the event waits.
        BadInputError: The event is not built; names those that are.
    """
    event(event_id)
    return changes(decisions_of(store, event_id, known_at=known_at))


def decisions_of(store: Store, event_id: str, *, known_at: datetime | None = None) -> pl.DataFrame:
    """Read the decisions of one event, or say which events there are."""
    found = store.published.read("reconstitution", event_id=event_id, known_at=known_at)
    if found.is_empty():
        raise undecided(store, event_id) or _not_built(store, event_id, known_at=known_at)
    return found.sort("rank", "company_id", nulls_last=True)


def breakpoints_of(
    store: Store, event_id: str, *, known_at: datetime | None = None
) -> pl.DataFrame:
    """Read the breakpoints of one event, largest boundary first."""
    found = store.published.read("breakpoints", event_id=event_id, known_at=known_at)
    if found.is_empty():
        raise _not_built(store, event_id, known_at=known_at)
    return found.sort("boundary_rank")


def built_events(store: Store, *, known_at: datetime | None = None) -> list[str]:
    """Name the events that are decided, oldest first."""
    held = store.published.read("reconstitution", known_at=known_at, columns=["event_id"])
    return held.get_column("event_id").unique().sort().to_list()


def latest_event(store: Store) -> str:
    """Name the last event that is built.

    Raises:
        BadInputError: None is.
    """
    events = built_events(store)
    if not events:
        raise nothing_there("reconstitution")
    return events[-1]


def _not_built(store: Store, event_id: str, *, known_at: datetime | None) -> Exception:
    events = built_events(store, known_at=known_at)
    if not events:
        return nothing_there("reconstitution", known_at=known_at)
    return BadInputError(
        f"event {event_id} is not built{did_you_mean(event_id, events)}",
        state="nothing was read",
        remedy=f"choose one of {listed(events)}, or build its sessions with `r2k build`",
    )


def changes(decided: pl.DataFrame) -> pl.DataFrame:
    """Keep the companies whose segment changed, with the columns of a report."""
    return movers(decided).select(CHANGE_COLUMNS)


def movers(decided: pl.DataFrame) -> pl.DataFrame:
    """Keep the rows of companies whose segment changed, the largest first within a decision.

    Example:
        >>> decided = pl.DataFrame(
        ...     {
        ...         "decision": ["stays_by_rank", "moves_up", "enters"],
        ...         "symbol": ["A", "B", "C"],
        ...         "total_market_cap_usd": [3.0, 2.0, 1.0],
        ...     }
        ... )
        >>> movers(decided).get_column("symbol").to_list()
        ['C', 'B']
    """
    place = pl.col("decision").replace_strict(
        {decision: place for place, decision in enumerate(MOVES)}, return_dtype=pl.Int32
    )
    return decided.filter(pl.col("decision").is_in(MOVES)).sort(
        place,
        "total_market_cap_usd",
        "symbol",
        descending=[False, True, False],
        nulls_last=True,
    )


def boundaries_with_bands(boundaries: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """Put the bands and the totals of each boundary in USD beside their shares.

    Args:
        boundaries: Contract `breakpoints`, one event.
        decided: Contract `reconstitution`, the same event.

    Returns:
        `boundaries` plus `cumulative_market_cap_usd`, `lower_bound_usd` and
        `upper_bound_usd` (see `ReconstitutionSummary`).
    """
    ranked = decided.drop_nulls("rank").select(
        "rank", "total_market_cap_usd", "cumulative_market_cap_share"
    )
    rows = []
    for place in boundaries.iter_rows(named=True):
        within = ranked.filter(
            pl.col("cumulative_market_cap_share").is_between(
                place["lower_bound_share"], place["upper_bound_share"]
            )
        ).get_column("total_market_cap_usd")
        above = ranked.filter(pl.col("rank") <= place["boundary_rank"])
        rows.append((above.get_column("total_market_cap_usd").sum(), within.min(), within.max()))
    columns = ("cumulative_market_cap_usd", "lower_bound_usd", "upper_bound_usd")
    figures = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.Float64), orient="row")
    return boundaries.hstack(figures)


def cap_ranges(decided: pl.DataFrame, family: Mapping[str, IndexDefinition]) -> pl.DataFrame:
    """Count and size each index after an event.

    Args:
        decided: Contract `reconstitution`, one event.
        family: The indexes.

    Example:
        >>> from r2k_pipeline.rulebook.family import family
        >>> decided = pl.DataFrame(
        ...     {
        ...         "indexes": ["r3000 r1000", "r3000 r2000", "r3000 r2000"],
        ...         "total_market_cap_usd": [9.0, 3.0, 1.0],
        ...     }
        ... )
        >>> cap_ranges(decided, family()).filter(pl.col("group") == "r3000").row(0)
        ('r3000', 3, 13.0, 9.0, 3.0, 1.0)
    """
    cap = pl.col("total_market_cap_usd")
    parts = [
        decided.filter(in_index(index_id)).select(
            group=pl.lit(index_id),
            companies=pl.len(),
            total_usd=cap.sum(),
            largest_usd=cap.max(),
            median_usd=cap.median(),
            smallest_usd=cap.min(),
        )
        for index_id in family
    ]
    return pl.concat(parts).filter(pl.col("companies") > 0)


def decision_counts(decided: pl.DataFrame) -> pl.DataFrame:
    """Count the companies and their capitalisation by decision, most first.

    Example:
        >>> decided = pl.DataFrame(
        ...     {"decision": ["enters", "enters"], "total_market_cap_usd": [1.0, 2.0]}
        ... )
        >>> decision_counts(decided).row(0)
        ('enters', 2, 3.0)
    """
    return (
        decided.group_by("decision")
        .agg(companies=pl.len(), total_usd=_total(pl.col("total_market_cap_usd")))
        .sort(["companies", "decision"], descending=[True, False])
    )


def _total(cap: pl.Expr) -> pl.Expr:
    """The sum, or null where nothing is known: companies that are not ranked have no cap."""
    return pl.when(cap.count() > 0).then(cap.sum())


def incumbents_note(boundaries: pl.DataFrame) -> str | None:
    """Say so when a band was in force and there was nobody for it to hold.

    Example:
        >>> boundaries = pl.DataFrame({"is_banded": [False], "lower_bound_share": [0.885]})
        >>> incumbents_note(boundaries)[:36]
        'No incumbents were known at this eve'
    """
    is_banded = bool(boundaries.get_column("is_banded").any())
    has_bounds = boundaries.get_column("lower_bound_share").is_not_null().any()
    if is_banded or not has_bounds:
        return None
    return (
        "No incumbents were known at this event, so the band held nobody: every company went "
        "where its rank says. It is the first event of this history."
    )
