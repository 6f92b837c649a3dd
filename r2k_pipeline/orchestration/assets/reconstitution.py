"""3: ranking + incumbents -> one decision a company, and the breakpoints of the ranks.

The only asset that reads its own past: the event before names the incumbents, and
`initial_members` those of the first event. Dagster is not told of that: it would take every
later event for outdated, up to those that nothing is known about yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from dagster import AssetDep

from r2k_pipeline.errors import MissingPartitionError
from r2k_pipeline.methodology.initial_members import as_incumbents
from r2k_pipeline.methodology.member_exceptions import rank_with_members
from r2k_pipeline.methodology.reconstitution import breakpoints as read_breakpoints
from r2k_pipeline.methodology.reconstitution import reconstitute
from r2k_pipeline.orchestration.assets.candidate_gate import require_decidable
from r2k_pipeline.orchestration.assets.declaration import event_asset
from r2k_pipeline.orchestration.partitions import RANK_DAY, event_key
from r2k_pipeline.rulebook.reference_facts import settled_doubt_facts
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import all_events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

_BILLION = 1e9


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
        rules, incumbents = rules_in_force(event.rank_day), _incumbents(run, event)
        universe = _on_rank_day(run, "universe", event)
        ranking = rank_with_members(
            _on_rank_day(run, "ranking", event), universe, members=incumbents, rules=rules
        )
        require_decidable(run, event, ranking, settled_doubt_facts())
        decisions = reconstitute(
            ranking,
            incumbents=incumbents,
            excluded=universe,
            event=event,
            rules=rules,
            family=run.store.family,
        )
        run.publish_events(decisions, [event.event_id])
        counts = decisions.group_by("decision").len().iter_rows()
        run.facts[event_key(event)] = {str(decision): int(n) for decision, n in counts}


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


def _on_rank_day(run: TableRun, table: str, event: Event) -> pl.DataFrame:
    rows = run.read(table, start=event.rank_day, end=event.rank_day)
    if rows.is_empty():
        raise MissingPartitionError(
            table,
            [event.rank_day],
            remedy=f"it is the rank day of {event.event_id}: build a range that contains it",
        )
    return rows


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
    if decisions.is_empty():
        rules = rules_in_force(event.rank_day)
        return as_incumbents(_initial(run, event), family=run.store.family, rules=rules)
    return decisions.filter(pl.col("segment").is_not_null())


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
