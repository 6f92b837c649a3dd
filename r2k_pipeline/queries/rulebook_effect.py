"""Which members of an event would differ under the rules of another day.

Judges the rank day's listings, ranks them and decides the event once under each of two
sets of rules, with the same incumbents. Nothing is stored. What the rules are is
`rulebook_diff`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.initial_members import as_incumbents
from r2k_pipeline.methodology.member_exceptions import rank_with_members
from r2k_pipeline.methodology.overrides import standing_overrides
from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.methodology.reconstitution import reconstitute
from r2k_pipeline.methodology.universe import CONTEXT_SESSIONS, evaluate_universe
from r2k_pipeline.queries.addressing import nothing_there
from r2k_pipeline.queries.incumbents import members_by
from r2k_pipeline.rulebook.reference_facts import shipped_reference
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import all_events
from r2k_pipeline.rulebook.schedule import event as scheduled
from r2k_pipeline.rulebook.sessions import sessions_before, sessions_between

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.storage.store import Store

_SIDES = ("rank", "segment", "indexes", "decision")


def rules_effect(store: Store, event_id: str, *, before: date, after: date) -> pl.DataFrame:
    """Decide an event under the rules of two days and show who ends elsewhere.

    Args:
        store: The open store; nothing is written.
        event_id: An event whose rank day landed.
        before: A day of the rulebook; its rules are applied as if the event were then.
        after: Another.

    Returns:
        One row per company whose segment or indexes differ: `symbol`, `name`,
        `total_market_cap_usd` and, with the endings `_before` and `_after`, `rank`,
        `segment`, `indexes` and `decision`, null where it is not ranked; by the better
        of its ranks.

    Raises:
        UnknownEventError: There is no such event.
        MissingPartitionError: The rank day has no listings; names sessions that have.
        TooFewCompaniesError: Too few companies are ranked for a breakpoint.
    """
    event = scheduled(event_id)
    if not store.lake.sessions("raw_listings", event.rank_day, event.rank_day):
        landed = store.lake.sessions("raw_listings")
        raise nothing_there("raw_listings", asked=[event.rank_day], available=landed)
    then, now = (_decided(store, event, rules_in_force(day)) for day in (before, after))
    sides = [
        frame.select(
            "company_id", "symbol", "name", "total_market_cap_usd",
            *(pl.col(name).alias(f"{name}_{side}") for name in _SIDES),
        )
        for frame, side in ((then, "before"), (now, "after"))
    ]  # fmt: skip
    both = sides[0].join(sides[1], on="company_id", how="full", coalesce=True, suffix="_again")
    differs = pl.any_horizontal(
        pl.col(f"{name}_before").ne_missing(pl.col(f"{name}_after"))
        for name in ("segment", "indexes")
    )
    return (
        both.filter(differs)
        .with_columns(
            pl.coalesce(name, f"{name}_again").alias(name)
            for name in ("symbol", "name", "total_market_cap_usd")
        )
        .sort(pl.min_horizontal("rank_before", "rank_after"), "company_id", nulls_last=True)
        .select(
            "symbol", "name", "total_market_cap_usd",
            *(f"{name}_{side}" for name in _SIDES for side in ("before", "after")),
            "company_id",
        )
    )  # fmt: skip


def _decided(store: Store, event: Event, rules: IndexRules) -> pl.DataFrame:
    """Contract `reconstitution` of an event under some rules, as of its rank day."""
    universe = _judged(store, event.rank_day, rules)
    incumbents = _incumbents(store, event, rules)
    ranking = rank_with_members(
        rank_companies(universe, rules=rules), universe, members=incumbents, rules=rules
    )
    return reconstitute(
        ranking,
        incumbents=incumbents,
        excluded=universe,
        event=event,
        rules=rules,
        family=store.family,
    )


def _judged(store: Store, day: date, rules: IndexRules) -> pl.DataFrame:
    """Contract `universe` of a day under some rules."""
    first = next(iter(sessions_before(day, CONTEXT_SESSIONS)), day)
    return evaluate_universe(
        store.lake.scan("raw_listings", start=first, end=day).collect(),
        store.lake.scan("securities").collect(),
        store.lake.scan("corporate_actions", start=first, end=day).collect(),
        start=day,
        sessions=sessions_between(first, day),
        reference=shipped_reference(),
        rules=rules,
        overrides=standing_overrides(store.published.read("overrides")),
    )


def _incumbents(store: Store, event: Event, rules: IndexRules) -> pl.DataFrame:
    events = all_events()
    position = events.index(event)
    earlier = events[position - 1].event_id if position else ""
    members = members_by(store, earlier, until=event.rank_day)
    if not members.is_empty():
        return members
    given = store.published.read("initial_members", event_id=event.event_id)
    return as_incumbents(given, family=store.family, rules=rules)
