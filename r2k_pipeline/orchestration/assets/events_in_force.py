"""Which decided events are in force on the sessions of a run.

Holds the one question that members and what changes them between events both ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.errors import MissingPartitionError
from r2k_pipeline.orchestration.partitions import SessionSpan
from r2k_pipeline.rulebook.schedule import all_events
from r2k_pipeline.rulebook.sessions import sessions_between

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.rulebook.schedule import Event


def events_in_force(run: TableRun, span: SessionSpan) -> list[tuple[Event, SessionSpan]]:
    """Return the decided events of a span and the sessions on which each is in force.

    Raises:
        MissingPartitionError: No event is decided by the end of the span, or one in between
            is not.
    """
    events = [event for event in all_events() if event.effective_session <= span.end]
    ends = [after.effective_session for after in all_events()[1 : len(events) + 1]]
    decided = set(run.store.published.read("reconstitution", columns=["event_id"])["event_id"])
    in_force = []
    for event, end in zip(events, ends, strict=False):
        sessions = [
            day
            for day in sessions_between(max(event.effective_session, span.start), span.end)
            if day < end
        ]
        if sessions and event.event_id in decided:
            in_force.append((event, SessionSpan(start=sessions[0], end=sessions[-1])))
        elif sessions and in_force:
            raise _undecided(event)
    if not in_force:
        raise _undecided(events[-1])
    return in_force


def _undecided(event: Event) -> MissingPartitionError:
    return MissingPartitionError(
        "reconstitution",
        [event.effective_session],
        remedy=f"decide {event.event_id} first: build a range that contains {event.rank_day}, "
        "its rank day",
    )
