"""3a: the lists of an event, as they stand on each day on which one is public.

Decides the event as its rank day gives it and asks, list day by list day, who is still
there; what a list is stands in `methodology.preliminary_lists`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster import AssetDep

from r2k_pipeline.methodology.departures import DEPARTURE_COLUMNS
from r2k_pipeline.methodology.preliminary_lists import preliminary_lists as draw_up
from r2k_pipeline.orchestration.assets.declaration import event_asset
from r2k_pipeline.orchestration.assets.reconstitution import decided_on_rank_day, read_rank_day
from r2k_pipeline.orchestration.partitions import RANK_DAY, event_key
from r2k_pipeline.rulebook.rules import rules_in_force

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.rulebook.schedule import Event


@event_asset(
    "preliminary_lists",
    deps=["reconstitution", AssetDep("universe", partition_mapping=RANK_DAY)],
)
def preliminary_lists(run: TableRun, events: list[Event]) -> None:
    """Draw up every list of each event whose day has come."""
    for event in events:
        last = event.effective_friday
        universe = run.read("universe", start=event.rank_day, end=last, columns=DEPARTURE_COLUMNS)
        lists = draw_up(
            decided_on_rank_day(run, event, read_rank_day(run, event)),
            universe,
            run.read("corporate_actions", start=event.rank_day, end=last),
            event=event,
            until=max(universe["session"], default=event.rank_day),
            rules=rules_in_force(event.rank_day),
        )
        run.publish_events(lists, [event.event_id])
        counts = lists.group_by("change_since_last").len().iter_rows()
        run.facts[event_key(event)] = {str(change): int(n) for change, n in counts}
