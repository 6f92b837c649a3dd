"""When runs start by themselves: each session after its close, each event in time.

All are off until someone switches them on in the UI. The clock of Dagster's tick is the
only one that is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from dagster import (
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
)

from r2k_pipeline.orchestration.jobs import DAILY, RECONSTITUTION
from r2k_pipeline.orchestration.partitions import RANGE_END, RANGE_START, event_key, session_key
from r2k_pipeline.orchestration.resources import STORE
from r2k_pipeline.rulebook.schedule import events_between
from r2k_pipeline.rulebook.sessions import horizon, is_session, next_session

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.storage.store import Store

_NEW_YORK = "America/New_York"
_EVENING = "30 18 * * 1-5"
# Rank days lie in spring and, from 2026 on, in autumn, lists in the weeks after them; effective
# sessions in June, July, December.
_EVENT_EVENINGS = "0 20 * 4,5,6,9,10,11,12 1-5"
_EFFECTIVE_MORNINGS = "0 6 * 6,7,12 1-5"


def session_request(day: date, published: date | None = None) -> RunRequest | SkipReason:
    """What the daily schedule asks for on a day.

    Args:
        day: The day of the tick.
        published: The last session with levels; None if there is none yet.

    Returns:
        A run of the session, together with those before it that nobody published: an
        evening that was refused is made up for as soon as its source is mended.

    Example:
        >>> from datetime import date
        >>> session_request(date(2024, 7, 3)).partition_key
        '2024-07-03'
        >>> session_request(date(2024, 7, 4)).skip_message
        '2024-07-04 is not a session'
        >>> sorted(session_request(date(2024, 7, 3), date(2024, 6, 28)).tags.values())
        ['2024-07-01', '2024-07-03']
    """
    if not is_session(day):
        return SkipReason(f"{day} is not a session")
    run_key = f"{DAILY}-{day}"
    first = day if published is None else min(next_session(published), day)
    if first == day:
        return RunRequest(run_key=run_key, partition_key=session_key(day))
    missed = {RANGE_START: session_key(first), RANGE_END: session_key(day)}
    return RunRequest(run_key=run_key, tags=missed)


def event_request(day: date, *, is_morning: bool) -> RunRequest | SkipReason:
    """What the reconstitution schedule asks for on a day.

    In the evening of a rank day the event is decided for the first time; in the evening of
    each day on which a list is public, and in the morning of its effective session, again
    with everything that became known in between.

    Example:
        >>> from datetime import date
        >>> event_request(date(2022, 6, 27), is_morning=True).partition_key
        '2022-06-27'
        >>> event_request(date(2022, 6, 28), is_morning=True).skip_message
        '2022-06-28 is no day of an event'
    """
    coming = events_between(day, min(horizon(), day.replace(year=day.year + 1, day=1)))
    decided = [event for event in coming if _is_due(event, day, is_morning=is_morning)]
    if not decided:
        return SkipReason(f"{day} is no day of an event")
    occasion = _occasion(decided[0], day, is_morning=is_morning)
    return RunRequest(
        run_key=f"{decided[0].event_id}-{occasion}",
        partition_key=event_key(decided[0]),
        tags={"r2k/event": decided[0].event_id, "r2k/occasion": occasion},
    )


def _is_due(event: Event, day: date, *, is_morning: bool) -> bool:
    return day == event.effective_session if is_morning else day in _evenings(event)


def _evenings(event: Event) -> tuple[date, ...]:
    """The evenings on which an event is decided: of its rank day and of each list."""
    return (event.rank_day, *event.list_days)


def _occasion(event: Event, day: date, *, is_morning: bool) -> str:
    if is_morning:
        return "final"
    return "preliminary" if day == event.rank_day else f"list-{day}"


def _new_york_day(context: ScheduleEvaluationContext) -> tuple[date, bool]:
    moment = context.scheduled_execution_time.astimezone(ZoneInfo(_NEW_YORK))
    is_morning = moment.hour < 12  # noqa: PLR2004 - noon
    return moment.date(), is_morning


def _daily(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
    day, _ = _new_york_day(context)
    return session_request(day, _last_published(getattr(context.resources, STORE)))


def _last_published(store: Store) -> date | None:
    latest = store.published.last("levels", by="session")
    return None if latest is None else latest["session"]


def _event(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
    day, is_morning = _new_york_day(context)
    return event_request(day, is_morning=is_morning)


def all_schedules() -> list[ScheduleDefinition]:
    """Every schedule, off by default."""
    return [
        ScheduleDefinition(
            name="after_the_close",
            job_name=DAILY,
            cron_schedule=_EVENING,
            execution_timezone=_NEW_YORK,
            execution_fn=_daily,
            required_resource_keys={STORE},
            default_status=DefaultScheduleStatus.STOPPED,
            description=(
                "Each session at 18:30 New York time: land it and publish its levels, with those "
                "of sessions that were missed before it."
            ),
        ),
        ScheduleDefinition(
            name="reconstitution_in_time",
            job_name=RECONSTITUTION,
            cron_schedule=[_EVENT_EVENINGS, _EFFECTIVE_MORNINGS],
            execution_timezone=_NEW_YORK,
            execution_fn=_event,
            default_status=DefaultScheduleStatus.STOPPED,
            description=(
                "Decides an event in the evening of its rank day, of each list, and in the morning "
                "of its effective session: June, and from 2026 on December."
            ),
        ),
    ]
