"""XNYS sessions: on which days the exchange traded, and which day comes next.

The only importer of `exchange_calendars`, inside a cached function because it
costs about a second. On top of the library lie the unscheduled closures as dated
data, so that an older or newer library cannot bring a closed day back. Add a
closure here when the exchange announces one. Keep out opening hours and early
closes: a session is a date.

Every function takes plain dates. A day before `FIRST_SESSION` or after
`horizon()` is unknown, which is an error and never "no session".
"""

from __future__ import annotations

import warnings
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from r2k_pipeline.errors import NotASessionError

FIRST_SESSION = date(1986, 1, 2)
"""The first session of the calendar."""

LAST_CALENDAR_DAY = date(2031, 12, 31)
"""To which day the calendar is built. Future holidays follow today's rules."""

_FIRST_WEEKEND_WEEKDAY = 5


@dataclass(frozen=True, kw_only=True)
class Closure:
    """Days on which the exchange stayed shut although no holiday rule says so."""

    first_day: date
    last_day: date
    cause: str
    source: str = "exchange_holidays"

    @property
    def days(self) -> tuple[date, ...]:
        """Every closed day, both ends included."""
        span = (self.last_day - self.first_day).days
        return tuple(self.first_day + timedelta(days=n) for n in range(span + 1))


def _closure(first: date, last: date, cause: str) -> Closure:
    return Closure(first_day=first, last_day=last, cause=cause)


UNSCHEDULED_CLOSURES: tuple[Closure, ...] = (
    _closure(
        date(1994, 4, 27), date(1994, 4, 27), "national day of mourning for a former president"
    ),
    _closure(date(2001, 9, 11), date(2001, 9, 14), "attacks of 11 September 2001"),
    _closure(
        date(2004, 6, 11), date(2004, 6, 11), "national day of mourning for a former president"
    ),
    _closure(date(2007, 1, 2), date(2007, 1, 2), "national day of mourning for a former president"),
    _closure(date(2012, 10, 29), date(2012, 10, 30), "Hurricane Sandy"),
    _closure(
        date(2018, 12, 5), date(2018, 12, 5), "national day of mourning for a former president"
    ),
    _closure(date(2025, 1, 9), date(2025, 1, 9), "national day of mourning for a former president"),
)
"""Hold whatever the library says."""


@cache
def _library_sessions() -> tuple[date, ...]:
    """What exchange_calendars takes for sessions."""
    import exchange_calendars  # noqa: PLC0415 - costs a second; most commands never ask

    with warnings.catch_warnings():
        # The library reads Series.values, which pandas 3.1 deprecates; the dates are the same.
        warnings.filterwarnings("ignore", message=r"Series\.values", category=DeprecationWarning)
        calendar = exchange_calendars.get_calendar(
            "XNYS", start=FIRST_SESSION.isoformat(), end=LAST_CALENDAR_DAY.isoformat()
        )
    return tuple(stamp.date() for stamp in calendar.sessions.to_pydatetime())


@cache
def _closed_days() -> dict[date, Closure]:
    return {day: closure for closure in UNSCHEDULED_CLOSURES for day in closure.days}


@cache
def _sessions() -> tuple[date, ...]:
    closed = _closed_days()
    return tuple(day for day in _library_sessions() if day not in closed)


@cache
def _session_set() -> frozenset[date]:
    return frozenset(_sessions())


def horizon() -> date:
    """Return the last session that the calendar knows.

    Example:
        >>> horizon()
        datetime.date(2031, 12, 31)
    """
    return _sessions()[-1]


def calendar_notes() -> tuple[str, ...]:
    """Say where the library disagrees with the closures recorded here.

    Returns:
        One sentence a day that the library takes for a session although the
        exchange was shut. Empty when both agree. The closure holds either way.

    Example:
        >>> calendar_notes()
        ()
    """
    return disagreements(_library_sessions())


def disagreements(library_sessions: tuple[date, ...]) -> tuple[str, ...]:
    """Compare any list of sessions with the recorded closures.

    Args:
        library_sessions: The days that some calendar takes for sessions.

    Returns:
        One sentence for each of them on which the exchange was shut.

    Example:
        >>> disagreements((date(2025, 1, 8), date(2025, 1, 9)))
        ('the calendar library takes 2025-01-09 for a session; XNYS was closed
        (national day of mourning for a former president)',)
    """
    closed = _closed_days()
    return tuple(
        f"the calendar library takes {day.isoformat()} for a session; "
        f"XNYS was closed ({closed[day].cause})"
        for day in library_sessions
        if day in closed
    )


def is_session(day: date) -> bool:
    """Tell whether XNYS traded on a day.

    Raises:
        NotASessionError: `day` lies outside the calendar, so nobody knows.

    Example:
        >>> is_session(date(2022, 6, 24)), is_session(date(2022, 6, 20))
        (True, False)
    """
    _require_known(day)
    return day in _session_set()


def require_session(day: date) -> date:
    """Return `day` if it is a session, and say what it is otherwise.

    Raises:
        NotASessionError: Names the cause (weekend, holiday, unscheduled closure,
            outside the calendar) and the neighbouring sessions.

    Example:
        >>> require_session(date(2025, 1, 9))
        Traceback (most recent call last):
            ...
        r2k_pipeline.errors.NotASessionError: 2025-01-09 is not a session: Thursday,
        national day of mourning for a former president
        state: nothing was computed for it
        remedy: use 2025-01-08 or 2025-01-10
    """
    if is_session(day):
        return day
    raise _not_a_session(day)


def sessions_between(start: date, end: date) -> list[date]:
    """List the sessions of a range, both ends included.

    Args:
        start: The first day; need not be a session.
        end: The last day; need not be a session.

    Returns:
        Ascending; empty if the range holds no session or ends before it starts.

    Raises:
        NotASessionError: One end lies outside the calendar.

    Example:
        >>> [str(day) for day in sessions_between(date(2012, 10, 26), date(2012, 10, 31))]
        ['2012-10-26', '2012-10-31']
    """
    _require_known(start)
    _require_known(end)
    sessions = _sessions()
    return list(sessions[bisect_left(sessions, start) : bisect_right(sessions, end)])


def sessions_before(day: date, count: int) -> list[date]:
    """List the last `count` sessions before a day, the day itself not among them.

    Args:
        day: Any day of the calendar; need not be a session.
        count: How many sessions are wanted.

    Returns:
        Ascending; fewer than `count` at the beginning of the calendar.

    Example:
        >>> [str(day) for day in sessions_before(date(2022, 6, 21), 2)]
        ['2022-06-16', '2022-06-17']
    """
    _require_known(day)
    sessions = _sessions()
    stop = bisect_left(sessions, day)
    return list(sessions[max(stop - count, 0) : stop])


def previous_session(day: date) -> date:
    """Return the last session before a day, which need not be a session.

    Raises:
        NotASessionError: The calendar knows no earlier session.

    Example:
        >>> previous_session(date(2022, 6, 27))
        datetime.date(2022, 6, 24)
    """
    return _at(bisect_left(_sessions(), _require_known(day)) - 1, asked=day)


def next_session(day: date) -> date:
    """Return the first session after a day, which need not be a session.

    Raises:
        NotASessionError: The calendar knows no later session.

    Example:
        >>> next_session(date(2022, 6, 17))
        datetime.date(2022, 6, 21)
    """
    return _at(bisect_right(_sessions(), _require_known(day)), asked=day)


def session_on_or_before(day: date) -> date:
    """Return the day itself if it is a session, else the last one before it.

    Example:
        >>> session_on_or_before(date(2004, 6, 11))
        datetime.date(2004, 6, 10)
    """
    return _at(bisect_right(_sessions(), _require_known(day)) - 1, asked=day)


def session_on_or_after(day: date) -> date:
    """Return the day itself if it is a session, else the first one after it.

    Example:
        >>> session_on_or_after(date(2001, 9, 11))
        datetime.date(2001, 9, 17)
    """
    return _at(bisect_left(_sessions(), _require_known(day)), asked=day)


def closed_weekdays(start: date, end: date) -> list[date]:
    """List the days from Monday to Friday on which XNYS did not trade.

    This is what a cron-like partition definition needs as exclusions.

    Example:
        >>> [str(day) for day in closed_weekdays(date(2012, 10, 26), date(2012, 11, 22))]
        ['2012-10-29', '2012-10-30', '2012-11-22']
    """
    _require_known(start)
    _require_known(end)
    days = (start + timedelta(days=n) for n in range((end - start).days + 1))
    traded = _session_set()
    return [day for day in days if day.weekday() < _FIRST_WEEKEND_WEEKDAY and day not in traded]


def _require_known(day: date) -> date:
    if FIRST_SESSION <= day <= LAST_CALENDAR_DAY:
        return day
    raise _unknown(day)


def _at(position: int, *, asked: date) -> date:
    sessions = _sessions()
    if 0 <= position < len(sessions):
        return sessions[position]
    raise _no_neighbour(asked)


def _not_a_session(day: date) -> NotASessionError:
    return NotASessionError(
        f"{day.isoformat()} is not a session: {_cause(day)}",
        state="nothing was computed for it",
        remedy=f"use {_neighbours(day)}",
    )


def _unknown(day: date) -> NotASessionError:
    side = "before the first session" if day < FIRST_SESSION else "beyond the calendar's horizon"
    return NotASessionError(
        f"{day.isoformat()} is {side}",
        state=f"sessions are known from {FIRST_SESSION.isoformat()} to {horizon().isoformat()}",
        remedy="choose a day within them",
    )


def _no_neighbour(asked: date) -> NotASessionError:
    return NotASessionError(
        f"no session on that side of {asked.isoformat()} is known",
        state=f"sessions are known from {FIRST_SESSION.isoformat()} to {horizon().isoformat()}",
        remedy="choose a day within them",
    )


def _cause(day: date) -> str:
    closure = _closed_days().get(day)
    if closure is not None:
        return f"{day:%A}, {closure.cause}"
    if day.weekday() >= _FIRST_WEEKEND_WEEKDAY:
        return f"{day:%A}, a weekend"
    return f"{day:%A}, an exchange holiday"


def _neighbours(day: date) -> str:
    sessions = _sessions()
    position = bisect_left(sessions, day)
    near = sessions[max(position - 1, 0) : position + 1]
    return " or ".join(neighbour.isoformat() for neighbour in near)
