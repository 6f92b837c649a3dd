"""The exchange's sessions against what is known of its history.

Invariants (property tests):
1. `next_session` and `previous_session` undo each other on sessions.
2. `sessions_between` is ascending, within its range, and holds exactly the days
   that `is_session` affirms.
3. `session_on_or_before` <= day <= `session_on_or_after`, equal only on sessions.
"""

from __future__ import annotations

import csv
from datetime import date, timedelta
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.errors import NotASessionError
from r2k_pipeline.rulebook import sessions
from r2k_pipeline.rulebook.sessions import (
    FIRST_SESSION,
    LAST_CALENDAR_DAY,
    UNSCHEDULED_CLOSURES,
    calendar_notes,
    closed_weekdays,
    disagreements,
    horizon,
    is_session,
    next_session,
    previous_session,
    require_session,
    session_on_or_after,
    session_on_or_before,
    sessions_before,
    sessions_between,
)

if TYPE_CHECKING:
    from pathlib import Path

# How many days the New York Stock Exchange was open, as almanacs print it.
TRADING_DAYS = {
    1990: 253,
    1996: 254,
    2001: 248,
    2006: 251,
    2007: 251,
    2008: 253,
    2012: 250,
    2017: 251,
    2018: 251,
    2020: 253,
    2022: 251,
    2023: 250,
    2024: 252,
    2025: 250,
}

CLOSED = [
    date(1994, 4, 27),
    date(2001, 9, 11),
    date(2001, 9, 12),
    date(2001, 9, 13),
    date(2001, 9, 14),
    date(2004, 6, 11),
    date(2007, 1, 2),
    date(2012, 10, 29),
    date(2012, 10, 30),
    date(2018, 12, 5),
    date(2025, 1, 9),
]

DAYS = st.dates(min_value=date(1986, 1, 3), max_value=date(2031, 12, 30))


@pytest.mark.parametrize(("year", "count"), TRADING_DAYS.items())
def test_a_year_has_the_trading_days_of_the_almanac(year: int, count: int) -> None:
    assert len(sessions_between(date(year, 1, 1), date(year, 12, 31))) == count


def test_sessions_are_those_of_the_published_small_cap_series(shared_data: Path) -> None:
    series = shared_data / "truth" / "rut_price_level_1987_2023.csv"
    with series.open(encoding="utf-8") as lines:
        days = [date.fromisoformat(row["date"]) for row in csv.DictReader(lines)]
    assert sessions_between(days[0], days[-1]) == days


@pytest.mark.parametrize("day", CLOSED, ids=str)
def test_unscheduled_closures_are_no_sessions(day: date) -> None:
    assert not is_session(day)


def test_every_recorded_closure_is_listed_here() -> None:
    assert list(chain.from_iterable(c.days for c in UNSCHEDULED_CLOSURES)) == CLOSED


def test_closures_hold_when_the_library_does_not_know_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    week = tuple(date(2025, 1, day) for day in (6, 7, 8, 9, 10))
    monkeypatch.setattr(sessions, "_library_sessions", lambda: week)
    assert sessions._sessions.__wrapped__() == (*week[:3], week[4])
    assert len(disagreements(week)) == 1


def test_the_installed_library_agrees_with_every_closure() -> None:
    assert calendar_notes() == ()


@pytest.mark.parametrize(
    ("day", "cause", "remedy"),
    [
        (date(2022, 6, 25), "a weekend", "2022-06-24 or 2022-06-27"),
        (date(2022, 6, 20), "an exchange holiday", "2022-06-17 or 2022-06-21"),
        (date(2012, 10, 29), "Hurricane Sandy", "2012-10-26 or 2012-10-31"),
    ],
)
def test_a_day_that_is_no_session_is_diagnosed(day: date, cause: str, remedy: str) -> None:
    with pytest.raises(NotASessionError) as caught:
        require_session(day)
    assert cause in caught.value.culprit
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("day", [date(1986, 1, 1), date(2032, 1, 2), date.min, date.max], ids=str)
def test_a_day_outside_the_calendar_is_unknown_and_not_closed(day: date) -> None:
    with pytest.raises(NotASessionError, match=r"horizon|first session"):
        is_session(day)
    with pytest.raises(NotASessionError, match="1986-01-02 to 2031-12-31"):
        sessions_between(min(day, FIRST_SESSION), max(day, FIRST_SESSION))


def test_the_ends_of_the_calendar_have_one_neighbour() -> None:
    assert (FIRST_SESSION, horizon()) == (date(1986, 1, 2), LAST_CALENDAR_DAY)
    assert sessions_before(FIRST_SESSION, 3) == []
    with pytest.raises(NotASessionError, match="no session on that side"):
        previous_session(FIRST_SESSION)
    with pytest.raises(NotASessionError, match="no session on that side"):
        next_session(LAST_CALENDAR_DAY)


def test_a_reversed_range_is_empty() -> None:
    assert sessions_between(date(2022, 6, 24), date(2022, 6, 1)) == []


def test_sessions_and_closed_weekdays_make_up_the_weekdays() -> None:
    start, end = date(2001, 1, 1), date(2001, 12, 31)
    both = sorted(sessions_between(start, end) + closed_weekdays(start, end))
    days = [start + timedelta(days=n) for n in range(365)]
    assert both == [day for day in days if day.weekday() < 5]


@given(day=DAYS)
@settings(max_examples=200)
def test_neighbours_enclose_the_day(day: date) -> None:
    before, after = session_on_or_before(day), session_on_or_after(day)
    assert before <= day <= after
    assert (before == after) == is_session(day)
    assert previous_session(day) < day < next_session(day)


@given(day=DAYS)
@settings(max_examples=200)
def test_next_and_previous_undo_each_other(day: date) -> None:
    session = session_on_or_after(day)
    if session < horizon():
        assert previous_session(next_session(session)) == session
    assert sessions_before(next_session(day), 1) == [session_on_or_before(day)]


@given(start=DAYS, length=st.integers(min_value=0, max_value=60))
@settings(max_examples=100)
def test_a_range_holds_exactly_its_sessions(start: date, length: int) -> None:
    end = min(start + timedelta(days=length), LAST_CALENDAR_DAY)
    days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
    assert sessions_between(start, end) == [day for day in days if is_session(day)]
