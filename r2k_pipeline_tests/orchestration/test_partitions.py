"""Partitions are the rulebook's days and nothing else.

Invariants:
    1. The session keys are the rulebook's sessions, first to horizon, in order.
    2. The event keys are the effective sessions of the rulebook's events, in order.
    3. Dagster's mapping from sessions to events agrees with `event_in_force`.
    4. A session is listed after its close and not before.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dagster import PartitionKeyRange, partition_loading_context

from r2k_pipeline.orchestration.partitions import (
    EVENT_IN_FORCE,
    EVENTS,
    SESSIONS,
    SessionSpan,
    event_key,
    events_of,
    session_key,
)
from r2k_pipeline.rulebook.schedule import event_in_force, events_between
from r2k_pipeline.rulebook.sessions import FIRST_SESSION, horizon, sessions_between

LONG_AFTER = datetime.combine(horizon() + timedelta(days=400), datetime.min.time(), tzinfo=UTC)


def test_session_keys_are_the_sessions_of_the_rulebook() -> None:
    expected = [session_key(day) for day in sessions_between(FIRST_SESSION, horizon())]
    assert list(SESSIONS.get_partition_keys(current_time=LONG_AFTER)) == expected


def test_event_keys_are_the_effective_sessions_of_the_rulebook() -> None:
    expected = [event_key(event) for event in events_between(FIRST_SESSION, horizon())]
    assert list(EVENTS.get_partition_keys(current_time=LONG_AFTER)) == expected


@pytest.mark.parametrize(
    ("new_york_time", "is_listed"), [("16:00", False), ("18:30", True)], ids=["close", "schedule"]
)
@pytest.mark.parametrize("session", [date(2024, 1, 12), date(2024, 7, 3)], ids=["winter", "summer"])
def test_a_session_is_listed_between_its_close_and_the_daily_schedule(
    session: date, new_york_time: str, *, is_listed: bool
) -> None:
    hour, minute = map(int, new_york_time.split(":"))
    moment = datetime(
        session.year, session.month, session.day, hour, minute, tzinfo=ZoneInfo("America/New_York")
    )
    with partition_loading_context(effective_dt=moment):
        assert SESSIONS.has_partition_key(session_key(session)) is is_listed


def _mapped_events(first: date, last: date) -> list[str]:
    keys = PartitionKeyRange(session_key(first), session_key(last))
    with partition_loading_context(effective_dt=LONG_AFTER):
        sessions = SESSIONS.empty_subset().with_partition_key_range(SESSIONS, keys)
        mapped = EVENT_IN_FORCE.get_upstream_mapped_partitions_result_for_partitions(
            sessions, SESSIONS, EVENTS
        )
        return list(mapped.partitions_subset.get_partition_keys())


@pytest.mark.parametrize(
    ("session", "effective"),
    [
        (date(2022, 6, 24), "2021-06-28"),
        (date(2022, 6, 27), "2022-06-27"),
        (date(2022, 6, 28), "2022-06-27"),
        (date(2023, 6, 23), "2022-06-27"),
        (date(2023, 6, 26), "2023-06-26"),
        (date(2026, 12, 11), "2026-06-29"),
        (date(2026, 12, 14), "2026-12-14"),
    ],
)
def test_the_event_in_force_changes_on_the_effective_session(session: date, effective: str) -> None:
    assert _mapped_events(session, session) == [effective]


def test_every_session_maps_to_the_event_in_force() -> None:
    events = events_between(FIRST_SESSION, horizon())
    first, last = events[0].effective_session, events[-1].effective_session
    for session in sessions_between(first, last)[::149]:
        event = event_in_force(session)
        assert event is not None
        assert _mapped_events(session, session) == [event_key(event)]


def test_a_backfill_over_decades_maps_to_each_event_once() -> None:
    events = events_between(date(1998, 6, 1), date(2023, 12, 29))
    expected = [event_key(event) for event in events]
    assert _mapped_events(date(1999, 6, 25), date(2023, 12, 29)) == expected


def test_a_range_of_event_keys_names_its_events() -> None:
    events = events_of(PartitionKeyRange("2021-06-28", "2023-06-26"))
    assert [event.event_id for event in events] == ["2021-06", "2022-06", "2023-06"]


def test_a_span_is_cut_at_the_turn_of_the_year_and_loses_no_session() -> None:
    span = SessionSpan(start=date(2021, 2, 1), end=date(2023, 12, 29))
    parts = span.years
    assert [(part.start.year, part.end.year) for part in parts] == [
        (2021, 2021),
        (2022, 2022),
        (2023, 2023),
    ]
    assert [day for part in parts for day in part.sessions] == span.sessions
