"""3b: decisions + rules + ranks -> the why-card of every company at an event.

Partitioned by event like what it explains, and kept in the lake under the event's rank
day, because thousands of cards an event are read in bulk and replaced as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster import AssetDep

from r2k_pipeline.errors import MissingPartitionError
from r2k_pipeline.orchestration.assets.declaration import event_asset
from r2k_pipeline.orchestration.partitions import RANK_DAY, SessionSpan, event_key
from r2k_pipeline.queries.doubts import rank_day_of, told_doubts
from r2k_pipeline.queries.explain import card_inputs
from r2k_pipeline.queries.why_cards import why_cards as make_cards

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.rulebook.schedule import Event


@event_asset(
    "why_cards",
    deps=[
        "reconstitution",
        "security_events",
        AssetDep("universe", partition_mapping=RANK_DAY),
    ],
)
def why_cards(run: TableRun, events: list[Event]) -> None:
    """Make the cards of each event from what decided it."""
    for event in events:
        decided = run.read_event("reconstitution", event)
        if decided.is_empty():
            raise MissingPartitionError(
                "reconstitution",
                [event.effective_session],
                remedy=f"decide {event.event_id} first: its cards explain its decisions",
            )
        day = rank_day_of(run.store, event, read=run.read)
        inputs = card_inputs(
            run.store,
            event,
            universe=day.universe,
            decided=decided,
            doubts=told_doubts(day.doubts),
        )
        cards = make_cards(inputs)
        run.publish_sessions(cards, SessionSpan(start=event.rank_day, end=event.rank_day))
        counts = cards.group_by("decision").len().iter_rows()
        run.facts[event_key(event)] = {str(decision): int(n) for decision, n in counts}
