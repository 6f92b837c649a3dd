"""`r2k build`: every table for a range of sessions, through Dagster, in four runs.

1. `selection`: land what is missing, then universe and ranking of the range.
2. `decision`: the events that become effective in the range, in order.
3. `index`: constituents, divisors, levels and signals.
4. `explanation`: the why-cards of the events.

A stage whose code and input did not change since its last success is not run again, so an
interrupted build goes on where it stopped. The same runs can be started in the UI.

Holds the order of the stages and their ranges; how one is run is `stages`, and what a list
of incumbents becomes is `initial_members`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from r2k_pipeline.errors import BadInputError, MissingPartitionError
from r2k_pipeline.orchestration import initial_members
from r2k_pipeline.orchestration.assets.table_run import fingerprint
from r2k_pipeline.orchestration.fingerprints import (
    code_fingerprint,
    digest,
    family_fingerprint,
    fundamentals_fingerprint,
    overrides_fingerprint,
    raw_fingerprint,
)
from r2k_pipeline.orchestration.instance import open_instance
from r2k_pipeline.orchestration.jobs import DECISION, EXPLANATION, INDEX, SELECTION
from r2k_pipeline.orchestration.partitions import (
    SESSIONS,
    SessionSpan,
    event_key,
    session_key,
)
from r2k_pipeline.orchestration.progress import WAITING, Progress, silent
from r2k_pipeline.orchestration.stages import StageReport, StageRunner
from r2k_pipeline.quality.final_lists import CHECK_NAME as FINAL
from r2k_pipeline.queries.reconstitution import incumbents_note
from r2k_pipeline.rulebook.schedule import events_between
from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.storage.home import build_lock
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from r2k_pipeline.orchestration.initial_members import GivenMembers
    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.settings import Settings
    from r2k_pipeline.storage.store import Store


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """What a build did.

    Attributes:
        start: First session of the range.
        end: Last session of the range.
        events: Keys of the events that were decided.
        stages: The stages, in order. Without a decided event there is no index and only the
            first stage.
        note: What a reader must know, a line each: what was not built, and whom the first
            event of all banded against. Empty if there is nothing to say.
    """

    start: date
    end: date
    events: tuple[str, ...]
    stages: tuple[StageReport, ...]
    note: str


def build(
    settings: Settings,
    start: date | None = None,
    end: date | None = None,
    *,
    incumbents: Path | None = None,
    workers: int = 1,
    progress: Progress = silent,
) -> BuildReport:
    """Materialize every table for a range of sessions.

    One process at a time builds in a home; another waits for it.

    Args:
        settings: Where everything lies, and the source that may be asked for more.
        start: First day; None for the first session that landed.
        end: Last day; None for the last session that landed.
        incumbents: CSV `symbol,index` of the members in force at the open of the first
            session, against which the first event bands. They are kept: building the
            event again bands against the same.
        workers: Processes that share the years of a range.
        progress: Told when a table is begun and done.

    Raises:
        BadInputError: The range is empty, nothing landed and no source is configured, or
            `incumbents` cannot be used.
        R2kError: Whatever stopped a table; its last good partitions stand.
    """
    with (
        build_lock(settings.home, waiting=lambda: progress(0, 1, WAITING)),
        open_store(settings) as store,
        open_instance(settings) as instance,
    ):
        span = _span(store, start, end)
        given = None
        if incumbents is not None:
            base = _first_decided(store)
            given = initial_members.given_members(store, incumbents, span, base=base)
        runner = StageRunner(
            settings=settings, instance=instance, workers=workers, progress=progress
        )
        return _build(store, runner, span, given)


def _build(
    store: Store, runner: StageRunner, span: SessionSpan, given: GivenMembers | None
) -> BuildReport:
    first, last = session_key(span.start), session_key(span.end)
    selection = runner.run(SELECTION, first, last, inputs=lambda: _selected_from(store))
    notes = [] if given is None else [initial_members.publish_members(store, given)]
    events = _events_to_decide(store, span)
    stages = [selection]
    if events:
        stages.append(_decide(store, runner, events, inputs=selection.run_id))
        notes += _unprotected(store, events[0]) + _final(store, stages[-1].run_id)
    base = _first_decided(store)
    if base is None or base > span.end:
        notes.append(
            f"no reconstitution is in force by {span.end}, so there are no constituents and "
            "levels: the range must contain a rank day and the effective session after it"
        )
    else:
        run_ids = [stage.run_id for stage in stages]
        inputs = digest(*run_ids, family_fingerprint(store), store.settings.restate)
        first = session_key(max(base, span.start))
        stages.append(runner.run(INDEX, first, last, inputs=lambda: inputs))
        if events:
            stages.append(_explain(runner, events, inputs=stages[-1].run_id))
    return BuildReport(
        start=span.start,
        end=span.end,
        events=tuple(event.event_id for event in events),
        stages=tuple(stages),
        note="\n".join(notes),
    )


def _selected_from(store: Store) -> str:
    """What the first stage depends on: code, what landed, and what a person set."""
    return digest(code_fingerprint(), raw_fingerprint(store), overrides_fingerprint(store))


def _decide(
    store: Store, runner: StageRunner, events: Sequence[Event], *, inputs: str
) -> StageReport:
    """Decide the events, again also if the members before the first one changed."""
    first, last = events[0], events[-1]
    table = initial_members.TABLE
    members = store.published.read(table, event_id=first.event_id)
    told = digest(
        inputs,
        fingerprint(table, members),
        family_fingerprint(store),
        fundamentals_fingerprint(store),
        store.settings.restate,
    )
    return runner.run(DECISION, event_key(first), event_key(last), inputs=lambda: told)


def _explain(runner: StageRunner, events: Sequence[Event], *, inputs: str) -> StageReport:
    """Make the cards of the events, with what happened between them."""
    first, last = event_key(events[0]), event_key(events[-1])
    return runner.run(EXPLANATION, first, last, inputs=lambda: inputs)


def _unprotected(store: Store, event: Event) -> list[str]:
    """What to say of an event at which a band was in force and held nobody."""
    note = incumbents_note(store.published.read("breakpoints", event_id=event.event_id))
    if note is None:
        return []
    return [f"{event.event_id}: {note} `r2k build --incumbents` takes the members before it."]


def _final(store: Store, run_id: str) -> list[str]:
    """What to say of events that were decided, are final, and would come out otherwise."""
    told = store.published.read("quality_results", where={"run_id": run_id, "check_name": FINAL})
    return told.filter(~told["is_passed"])["sentence"].to_list()


def _span(store: Store, start: date | None, end: date | None) -> SessionSpan:
    """The sessions of the range that is asked for; what landed, where nothing is said.

    Raises:
        BadInputError: There is none, or the last has not closed yet.
    """
    if start is None or end is None:
        landed = store.lake.sessions("raw_listings")
        if not landed:
            raise BadInputError(
                "no session has landed, so there is no range to build",
                state="nothing was read or written",
                remedy="run `r2k ingest` first, or say --from and --to",
            )
        start, end = start or landed[0], end or landed[-1]
    sessions = sessions_between(start, end)
    if not sessions:
        raise BadInputError(
            f"there is no session from {start} to {end}",
            state="nothing was read or written",
            remedy="choose a range that contains a trading session",
        )
    if not SESSIONS.has_partition_key(session_key(sessions[-1])):
        raise BadInputError(
            f"{sessions[-1]} has not closed yet",
            state="nothing was read or written",
            remedy="choose an earlier end",
        )
    return SessionSpan(start=sessions[0], end=sessions[-1])


def _events_to_decide(store: Store, span: SessionSpan) -> list[Event]:
    """Events that become effective in the span and whose rank day is ranked.

    Raises:
        MissingPartitionError: A rank day is missing after an event that is or can be decided.
    """
    events = events_between(span.start, span.end)
    base = _first_decided(store)
    decidable: list[Event] = []
    for event in events:
        if store.lake.sessions("ranking", event.rank_day, event.rank_day):
            decidable.append(event)
        elif decidable or (base is not None and base < event.effective_session):
            raise MissingPartitionError(
                "ranking",
                [event.rank_day],
                remedy=f"it is the rank day of {event.event_id}: land it, or build a range that "
                "ends before",
            )
    return decidable


def _first_decided(store: Store) -> date | None:
    """The effective session of the first decided event: where every index begins."""
    decided = store.published.read("breakpoints", columns=["effective_session"])
    sessions: list[date] = decided["effective_session"].to_list()
    return min(sessions, default=None)
