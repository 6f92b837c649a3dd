"""Reconstitution dates against the public calendar.

The golden files hold the rank, preliminary and effective days of 1989 to 2026, and the
days of lists, queries and lock-downs, as published or reported; no formula of the code
is repeated here.
"""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest

from r2k_pipeline.errors import UnknownEventError
from r2k_pipeline.rulebook.date_rules import DATE_RULES, EventDay
from r2k_pipeline.rulebook.schedule import (
    Event,
    all_events,
    event,
    event_in_force,
    events_between,
    next_event,
    partition_days,
)
from r2k_pipeline.rulebook.sessions import is_session, next_session, previous_session
from r2k_pipeline.rulebook.sources import SOURCES

GOLDEN = Path(__file__).parents[1] / "golden" / "reconstitution_calendar.csv"
LISTS = GOLDEN.with_name("list_calendar.csv")

FRIDAY = 4


def _golden(path: Path = GOLDEN) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


@pytest.mark.parametrize("row", _golden(), ids=lambda row: row["event_id"])
def test_an_event_has_the_days_of_the_public_calendar(row: dict[str, str]) -> None:
    found = event(row["event_id"])
    assert found.rank_day == _day(row["rank_day"])
    assert found.preliminary_day == _day(row["preliminary_day"])
    assert found.effective_friday == _day(row["effective_day"])


def test_the_golden_calendar_names_every_event_to_2026() -> None:
    assert [row["event_id"] for row in _golden()] == [
        e.event_id for e in all_events() if e.event_id < "2027"
    ]


@pytest.mark.parametrize("row", _golden(LISTS), ids=lambda row: row["event_id"])
def test_lists_and_lock_downs_are_those_announced(row: dict[str, str]) -> None:
    found = event(row["event_id"])
    assert [str(day) for day in found.list_days] == row["list_days"].split()
    assert found.query_end_day == _day(row["query_end_day"])
    assert found.lock_down_day == _day(row["lock_down_day"])


def test_lists_stay_open_to_the_end_where_no_lock_down_is_known() -> None:
    assert event("2022-06").frozen_from == date(2022, 6, 13)
    assert event("2014-06").lock_down_day is None
    assert event("2014-06").frozen_from == event("2014-06").effective_session


@pytest.mark.parametrize("found", all_events(), ids=lambda found: found.event_id)
def test_lists_begin_with_the_preliminary_one_and_end_before_they_count(found: Event) -> None:
    assert found.list_days[:1] == (
        () if found.preliminary_day is None else (found.preliminary_day,)
    )
    assert list(found.list_days) == sorted(set(found.list_days))
    assert all(is_session(day) for day in found.list_days[1:])
    assert all(day <= found.effective_friday for day in found.list_days)


def test_fourth_friday_is_the_last_one_unless_that_is_the_29th_or_30th() -> None:
    for found in all_events():
        effective = found.effective_friday
        if effective.year < 2007 or effective.month != 6:
            continue
        last = max(
            date(effective.year, 6, day) for day in range(24, 31) if _is_friday(effective, day)
        )
        assert effective == (last - timedelta(days=7) if last.day >= 29 else last)


def _is_friday(effective: date, day: int) -> bool:
    return date(effective.year, 6, day).weekday() == FRIDAY


@pytest.mark.parametrize("found", all_events(), ids=lambda found: found.event_id)
def test_days_of_an_event_follow_one_another(found: Event) -> None:
    assert is_session(found.rank_day)
    assert is_session(found.effective_friday)
    assert found.effective_session == next_session(found.effective_friday)
    known = [
        found.rank_day,
        found.preliminary_day,
        found.query_end_day,
        found.lock_down_day,
        found.effective_friday,
        found.effective_session,
    ]
    days = [day for day in known if day is not None]
    assert days == sorted(set(days))
    if found.effective_friday.year >= 2004:
        assert found.effective_friday.weekday() == FRIDAY


@pytest.mark.parametrize("found", all_events(), ids=lambda found: found.event_id)
def test_an_event_is_in_force_from_its_effective_session(found: Event) -> None:
    before = event_in_force(previous_session(found.effective_session))
    earlier = [e for e in all_events() if e.effective_session < found.effective_session]
    assert before == (earlier[-1] if earlier else None)
    assert event_in_force(found.effective_session) == found
    assert event_in_force(next_session(found.effective_session)) == found
    assert next_event(found.effective_friday) == found


def test_no_event_is_in_force_before_the_first() -> None:
    assert event_in_force(date(1989, 6, 30)) is None
    assert event_in_force(date(1989, 7, 3)) == event("1989-06")


def test_the_schedule_ends_with_an_error() -> None:
    with pytest.raises(UnknownEventError, match="2030-12"):
        event_in_force(date(2031, 1, 2))
    with pytest.raises(UnknownEventError, match="2030-12"):
        next_event(date(2030, 12, 16))


@pytest.mark.parametrize(
    ("event_id", "remedy"), [("2022-07", "2022-06"), ("2026-11", "2026-06, 2026-12"), ("x", "like")]
)
def test_an_unknown_event_names_its_neighbours(event_id: str, remedy: str) -> None:
    with pytest.raises(UnknownEventError) as caught:
        event(event_id)
    assert remedy in caught.value.remedy


def test_events_between_counts_by_effective_session() -> None:
    assert events_between(date(2022, 6, 24), date(2022, 6, 26)) == []
    assert events_between(date(2022, 6, 27), date(2023, 6, 26)) == [
        event("2022-06"),
        event("2023-06"),
    ]


def test_partition_days_are_effective_sessions() -> None:
    assert partition_days(2006, 2007) == [date(2006, 7, 3), date(2007, 6, 25)]
    assert len(partition_days(1989, 2030)) == len(all_events()) == 47


@pytest.mark.parametrize("day", EventDay)
@pytest.mark.parametrize("month", [6, 12])
def test_one_date_rule_at_most_holds_in_a_year(day: EventDay, month: int) -> None:
    for year in range(1989, 2031):
        holding = [r for r in DATE_RULES if r.day is day and r.month == month and r.covers(year)]
        assert len(holding) <= 1, (year, holding)
        if day in (EventDay.RANK, EventDay.EFFECTIVE):
            assert len(holding) == (1 if month == 6 or year >= 2026 else 0)


def test_every_date_rule_names_a_known_source() -> None:
    assert {rule.source for rule in DATE_RULES} <= set(SOURCES)
