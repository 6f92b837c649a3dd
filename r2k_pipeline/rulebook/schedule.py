"""Reconstitution events: when companies are ranked and when the new basket counts.

Holds the events from 1989 to `LAST_EVENT_YEAR` and the questions asked of them; the
rules that fix their days are in `date_rules`. Keep out what is decided at an event
(`rules`) and the reviews between events (`reviews`), which change no membership by rank.

An event is named after the month of its effective day: ``2022-06``. Its new
basket is put in after the close of the effective day and counts from the next
session on, the *effective session*, so on 2022-06-24 the event 2021-06 is in
force and on 2022-06-27 the event 2022-06.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from r2k_pipeline.errors import UnknownEventError, listed
from r2k_pipeline.rulebook.date_rules import DECEMBER, JUNE, EventDay, date_rule
from r2k_pipeline.rulebook.sessions import next_session, session_on_or_before

FIRST_EVENT_YEAR = 1989
LAST_EVENT_YEAR = 2030
"""To which year events are listed. Years ahead follow the rules known today."""

_WEEK = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One reconstitution and its days.

    Args:
        event_id: ``YYYY-MM`` of the effective day.
        rank_day: The session whose close decides the ranking.
        preliminary_day: When preliminary lists are public; None where unknown. Not
            always a session (2004-06-11 was a closed day).
        list_days: The preliminary day and those of each week's update after it; empty
            where unknown.
        query_end_day: Until when the preliminary lists may be queried; None where unknown.
        lock_down_day: From when lists are final; None where unknown.
        effective_friday: After this session's close the basket changes. A Friday
            from 2004 on; before that the last session of June.
        effective_session: The first session on which the new basket counts.
    """

    event_id: str
    rank_day: date
    preliminary_day: date | None
    list_days: tuple[date, ...]
    query_end_day: date | None
    lock_down_day: date | None
    effective_friday: date
    effective_session: date

    @property
    def frozen_from(self) -> date:
        """The first day on which a line's end no longer changes the lists.

        Where no lock-down is known, lists stay open until they count.

        Example:
            >>> str(event("2022-06").frozen_from), str(event("2010-06").frozen_from)
            ('2022-06-13', '2010-06-28')
        """
        return self.lock_down_day or self.effective_session


def _day(day: EventDay, *, year: int, month: int, effective: date) -> date | None:
    rule = date_rule(day, year=year, month=month)
    return None if rule is None else rule.find(year, effective)


def _event_of(year: int, month: int) -> Event | None:
    effective = _day(EventDay.EFFECTIVE, year=year, month=month, effective=date(year, 1, 1))
    if effective is None:
        return None
    rank_day = _day(EventDay.RANK, year=year, month=month, effective=effective)
    if rank_day is None:
        raise _no_rank_rule(year, month)
    return Event(
        event_id=f"{year}-{month:02d}",
        rank_day=rank_day,
        preliminary_day=_day(EventDay.PRELIMINARY, year=year, month=month, effective=effective),
        list_days=_list_days(year, month, effective),
        query_end_day=_day(EventDay.QUERY_END, year=year, month=month, effective=effective),
        lock_down_day=_day(EventDay.LOCK_DOWN, year=year, month=month, effective=effective),
        effective_friday=effective,
        effective_session=next_session(effective),
    )


def _list_days(year: int, month: int, effective: date) -> tuple[date, ...]:
    """The first list, and one each week after it; on a holiday, the session before."""
    first = _day(EventDay.PRELIMINARY, year=year, month=month, effective=effective)
    last = _day(EventDay.LAST_LIST, year=year, month=month, effective=effective)
    if first is None or last is None:
        return ()
    weeks = (last - first).days // _WEEK.days
    later = (session_on_or_before(first + n * _WEEK) for n in range(1, weeks + 1))
    return (first, *later)


@cache
def all_events() -> tuple[Event, ...]:
    """List every event of the schedule, in order.

    Example:
        >>> all_events()[0].event_id, len(all_events())
        ('1989-06', 47)
    """
    candidates = (
        _event_of(year, month)
        for year in range(FIRST_EVENT_YEAR, LAST_EVENT_YEAR + 1)
        for month in (JUNE, DECEMBER)
    )
    return tuple(event for event in candidates if event is not None)


@cache
def _by_id() -> dict[str, Event]:
    return {event.event_id: event for event in all_events()}


@cache
def _effective_sessions() -> tuple[date, ...]:
    return tuple(event.effective_session for event in all_events())


def event(event_id: str) -> Event:
    """Return the event with this key.

    Raises:
        UnknownEventError: No event has the key; names those of the same year.

    Example:
        >>> event("2022-06").rank_day
        datetime.date(2022, 5, 6)
    """
    found = _by_id().get(event_id)
    if found is not None:
        return found
    raise _unknown_event(event_id)


def events_between(start: date, end: date) -> list[Event]:
    """List the events whose effective session lies in a range, both ends included.

    Example:
        >>> [e.event_id for e in events_between(date(2026, 1, 1), date(2027, 6, 30))]
        ['2026-06', '2026-12', '2027-06']
    """
    days = _effective_sessions()
    return list(all_events()[bisect_left(days, start) : bisect_right(days, end)])


def event_in_force(session: date) -> Event | None:
    """Return the event whose basket counts on a session.

    Args:
        session: The session; its whole day belongs to one event, because baskets
            change after a close.

    Returns:
        The last event effective on or before `session`; None before the first.

    Raises:
        UnknownEventError: `session` lies after the last year of the schedule, so
            a later event may be in force.

    Example:
        >>> for day in (24, 27, 28):
        ...     print(day, event_in_force(date(2022, 6, day)).event_id)
        24 2021-06
        27 2022-06
        28 2022-06
    """
    _require_scheduled(session)
    position = bisect_right(_effective_sessions(), session)
    return all_events()[position - 1] if position else None


def next_event(session: date) -> Event:
    """Return the first event that becomes effective after a session.

    Raises:
        UnknownEventError: The schedule lists no later event.

    Example:
        >>> next_event(date(2026, 11, 23)).event_id
        '2026-12'
    """
    position = bisect_right(_effective_sessions(), session)
    if position == len(all_events()):
        raise _beyond(session)
    return all_events()[position]


def partition_days(start_year: int, end_year: int) -> list[date]:
    """List the effective sessions of all events named after these years, both included.

    Example:
        >>> [str(day) for day in partition_days(2022, 2023)]
        ['2022-06-27', '2023-06-26']
    """
    return [
        e.effective_session for e in all_events() if start_year <= int(e.event_id[:4]) <= end_year
    ]


def _require_scheduled(session: date) -> None:
    if session.year > LAST_EVENT_YEAR:
        raise _beyond(session)


def _beyond(session: date) -> UnknownEventError:
    return UnknownEventError(
        f"no event is scheduled after {all_events()[-1].event_id}, asked for {session.isoformat()}",
        state=f"the schedule ends with {LAST_EVENT_YEAR}",
        remedy="choose an earlier session, or extend LAST_EVENT_YEAR in rulebook/schedule.py",
    )


def _unknown_event(event_id: str) -> UnknownEventError:
    near = [known for known in _by_id() if known[:4] == event_id[:4]]
    return UnknownEventError(
        f"no event {event_id!r}",
        state=f"events are known from {all_events()[0].event_id} to {all_events()[-1].event_id}",
        remedy=f"use {listed(near)}" if near else "use a key like 2022-06",
    )


def _no_rank_rule(year: int, month: int) -> UnknownEventError:
    return UnknownEventError(
        f"no rule for the rank day of {year}-{month:02d}",
        state="the schedule is incomplete",
        remedy="add the rule to rulebook/date_rules.py",
    )
