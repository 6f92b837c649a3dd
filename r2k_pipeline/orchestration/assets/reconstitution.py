"""3: ranking + incumbents -> one decision a company, and the breakpoints of the ranks.

The only asset that reads its own past: the event before names the incumbents, and
`initial_members` those of the first event. Dagster is not told of that: it would take every
later event for outdated, up to those that nothing is known about yet.

The rank day decides. Of the companies alone whose size is in doubt on it the sessions up to
the preliminary day are read as well (`queries.doubts`), as the provider of an index would
verify a count of shares before its lists are public.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl
from dagster import AssetDep

from r2k_pipeline.errors import MissingPartitionError
from r2k_pipeline.methodology.departures import (
    DEPARTURE_COLUMNS,
    departed_companies,
    without_departed,
)
from r2k_pipeline.methodology.initial_members import as_incumbents
from r2k_pipeline.methodology.maintenance_rows import no_rows
from r2k_pipeline.methodology.member_exceptions import rank_with_members
from r2k_pipeline.methodology.reconstitution import breakpoints as read_breakpoints
from r2k_pipeline.methodology.reconstitution import reconstitute
from r2k_pipeline.orchestration.assets.candidate_gate import require_decidable
from r2k_pipeline.orchestration.assets.declaration import event_asset
from r2k_pipeline.orchestration.assets.final_lists import final_lists, keep_final
from r2k_pipeline.orchestration.assets.maintenance import maintenance_of
from r2k_pipeline.orchestration.partitions import RANK_DAY, event_key
from r2k_pipeline.queries.doubts import rank_day_of
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import all_events
from r2k_pipeline.rulebook.sessions import previous_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from r2k_pipeline.methodology.settled_rank_day import RankDay
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

_BILLION = 1e9
_JOINED = (
    "event_id", "company_id", "security_id", "symbol", "name", "sector", "segment", "indexes",
    "edges_above",
)  # fmt: skip


@event_asset(
    "reconstitution",
    deps=[
        AssetDep("ranking", partition_mapping=RANK_DAY),
        AssetDep("universe", partition_mapping=RANK_DAY),
    ],
)
def reconstitution(run: TableRun, events: list[Event]) -> None:
    """Decide event after event, each with the incumbents that the one before left."""
    for event in events:
        day = read_rank_day(run, event)
        final = final_lists(run.store, event, now=datetime.now(UTC))
        if final is None:
            require_decidable(run, event, day.doubts)
        decided = decided_on_rank_day(run, event, day)
        decisions = without_departed(decided, _departed(run, event))
        if final is not None and final.forbid(decisions):
            keep_final(run, event, final, decisions)
            decisions = final.decisions
        else:
            run.publish_events(decisions, [event.event_id])
        counts = decisions.group_by("decision").len().iter_rows()
        run.facts[event_key(event)] = {str(decision): int(n) for decision, n in counts}


def read_rank_day(run: TableRun, event: Event) -> RankDay:
    """The rank day of an event, with the doubts that later sessions settle.

    Raises:
        MissingPartitionError: The rank day is missing.
    """
    day = rank_day_of(run.store, event, read=run.read)
    for table, rows in (("ranking", day.ranking), ("universe", day.universe)):
        if rows.is_empty():
            raise MissingPartitionError(
                table,
                [event.rank_day],
                remedy=f"it is the rank day of {event.event_id}: build a range that contains it",
            )
    return day


def decided_on_rank_day(run: TableRun, event: Event, day: RankDay) -> pl.DataFrame:
    """Contract `reconstitution` as the rank day gives it, with companies that left since.

    Raises:
        MissingPartitionError: The event before is undecided.
        TooFewCompaniesError: Too few companies are ranked for a breakpoint.
    """
    incumbents = _incumbents(run, event)
    rules = rules_in_force(event.rank_day)
    return reconstitute(
        rank_with_members(day.ranking, day.universe, members=incumbents, rules=rules),
        incumbents=incumbents,
        excluded=day.universe,
        event=event,
        rules=rules,
        family=run.store.family,
    )


def _departed(run: TableRun, event: Event) -> pl.DataFrame:
    """The companies whose lines ended after the rank day and before the lists were final."""
    last = previous_session(event.frozen_from)
    return departed_companies(
        run.read("universe", start=event.rank_day, end=last, columns=DEPARTURE_COLUMNS),
        run.read("corporate_actions", start=event.rank_day, end=last),
        event=event,
        by=last,
        rules=rules_in_force(event.rank_day),
    )


@event_asset("breakpoints", deps=["reconstitution"])
def breakpoints(run: TableRun, events: list[Event]) -> None:
    """Read off the ranks that each event decided on where the indexes part."""
    found = []
    for event in events:
        decided = run.read_event("reconstitution", event)
        if decided.is_empty():
            raise MissingPartitionError(
                "reconstitution",
                [event.effective_session],
                remedy=f"decide {event.event_id} first: its breakpoints are those of its ranks",
            )
        rules = rules_in_force(event.rank_day)
        ranked = decided.drop_nulls("rank").with_columns(pl.lit(event.rank_day).alias("session"))
        is_banded = bool(decided["previous_segment"].is_not_null().any())
        found.append(
            read_breakpoints(
                ranked, event=event, rules=rules, family=run.store.family, is_banded=is_banded
            )
        )
        run.state("effective_session", _facts(found[-1], rules))
    run.publish_events(pl.concat(found), [event.event_id for event in events])


def _decided_before(run: TableRun, events: Sequence[Event]) -> list[str]:
    """Events decided before the first of these."""
    decided = run.store.published.read("reconstitution", columns=["event_id"])
    known = set(decided["event_id"])
    first = events[0].effective_session
    return [e.event_id for e in all_events() if e.effective_session < first and e.event_id in known]


def _incumbents(run: TableRun, event: Event) -> pl.DataFrame:
    """Members by the event before; at the first event of all those given, if any.

    Raises:
        MissingPartitionError: The event before is undecided although earlier ones are decided.
    """
    events = all_events()
    position = events.index(event)
    before = events[position - 1] if position else None
    decisions = run.store.published.read(
        "reconstitution", event_id=before.event_id if before else ""
    )
    if decisions.is_empty() and before is not None and _decided_before(run, [event]):
        raise MissingPartitionError(
            "reconstitution",
            [before.effective_session],
            remedy=f"decide {before.event_id} first: events are decided one after the other",
        )
    if before is None or decisions.is_empty():
        rules = rules_in_force(event.rank_day)
        return as_incumbents(_initial(run, event), family=run.store.family, rules=rules)
    members = decisions.filter(pl.col("segment").is_not_null())
    return pl.concat([members, _additions(run, before, event)], how="diagonal")


def _additions(run: TableRun, before: Event, event: Event) -> pl.DataFrame:
    """Who joined while the event before was in force, as far as the rank day knows."""
    if not rules_in_force(event.rank_day).has_ipo_additions:
        return no_rows().select(_JOINED)
    changes = maintenance_of(run, before, until=event.rank_day)
    return changes.filter(pl.col("segment").is_not_null()).select(_JOINED)


def _initial(run: TableRun, event: Event) -> pl.DataFrame:
    return run.read_event("initial_members", event)


def _facts(found: pl.DataFrame, rules: IndexRules) -> pl.DataFrame:
    usd = pl.col("breakpoint_usd") / _BILLION
    rank = pl.col("boundary_rank")
    return found.group_by("effective_session").agg(
        large_cap_breakpoint_bn_usd=usd.filter(rank == rules.large_cap_count).first(),
        small_cap_breakpoint_bn_usd=usd.filter(rank == rules.total_count).first(),
        companies=pl.col("company_count").max(),
    )
