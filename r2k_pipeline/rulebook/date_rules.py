"""How the days of a reconstitution follow, and in which years.

Holds each date rule as a dated value: which day, which years, the rule in words
and as a function, source and certainty. A changed rule is a new entry; the old one
gets a last year and stays. Keep out the events that follow (`schedule`).
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from r2k_pipeline.rulebook.sessions import session_on_or_before
from r2k_pipeline.rulebook.sources import Certainty

if TYPE_CHECKING:
    from collections.abc import Callable

JUNE = 6
DECEMBER = 12
"""The months of the effective days."""


class EventDay(StrEnum):
    """The days of an event that a rule fixes."""

    EFFECTIVE = "effective"
    """After this day's close the new basket is put in."""
    RANK = "rank"
    """This session's close decides the ranking."""
    PRELIMINARY = "preliminary"
    """Preliminary lists are public in the evening of this day."""
    LOCK_DOWN = "lock_down"
    """From this day on lists are final except in exceptional cases."""


@dataclass(frozen=True, kw_only=True)
class DateRule:
    """How one day of an event follows, and in which years.

    Args:
        day: Which day of the event.
        month: The month of the effective day, 6 or 12.
        first_year: The first year of the rule.
        last_year: The last year, inclusive; None while it is in force.
        sentence: The rule in words.
        find: (year, effective day) -> the day. The rule of the effective day
            itself gets 1 January of the year as its second argument.
        source: A key of `sources.SOURCES`.
        certainty: How the rule came to us.
    """

    day: EventDay
    month: int
    first_year: int
    last_year: int | None
    sentence: str
    find: Callable[[int, date], date]
    source: str
    certainty: Certainty

    def covers(self, year: int) -> bool:
        """Whether the rule is in force in `year`."""
        return self.first_year <= year and (self.last_year is None or year <= self.last_year)


def _nth_friday(month: int, n: int) -> Callable[[int, date], date]:
    def find(year: int, _effective: date) -> date:
        first = date(year, month, 1)
        return first + timedelta(days=(calendar.FRIDAY - first.weekday()) % 7 + 7 * (n - 1))

    return find


def _last_friday(month: int) -> Callable[[int, date], date]:
    def find(year: int, _effective: date) -> date:
        last = date(year, month, calendar.monthrange(year, month)[1])
        return last - timedelta(days=(last.weekday() - calendar.FRIDAY) % 7)

    return find


def _last_session(month: int) -> Callable[[int, date], date]:
    def find(year: int, _effective: date) -> date:
        return session_on_or_before(date(year, month, calendar.monthrange(year, month)[1]))

    return find


def _before_effective(days: int) -> Callable[[int, date], date]:
    def find(_year: int, effective: date) -> date:
        return effective - timedelta(days=days)

    return find


def _rule(
    day: EventDay,
    month: int,
    years: tuple[int, int | None],
    sentence: str,
    find: Callable[[int, date], date],
    source: str,
    certainty: Certainty,
) -> DateRule:
    first, last = years
    return DateRule(
        day=day,
        month=month,
        first_year=first,
        last_year=last,
        sentence=sentence,
        find=find,
        source=source,
        certainty=certainty,
    )


_EFFECTIVE, _RANK = EventDay.EFFECTIVE, EventDay.RANK
_PRELIMINARY, _LOCK_DOWN = EventDay.PRELIMINARY, EventDay.LOCK_DOWN
_OFFICIAL, _REPORTED, _DERIVED = Certainty.OFFICIAL, Certainty.REPORTED, Certainty.DERIVED
_MEMORY = Certainty.FROM_MEMORY
_TWO_WEEKS, _THREE_WEEKS, _FOUR_WEEKS, _FIVE_WEEKS = 14, 21, 28, 35
_SIX_WEEKS, _SEVEN_WEEKS = 42, 49
_JUNE_LOCK_DOWN, _DECEMBER_LOCK_DOWN = 18, 11

# fmt: off
DATE_RULES: tuple[DateRule, ...] = (
    _rule(_EFFECTIVE, JUNE, (1989, 2003), "last session of June",
          _last_session(JUNE), "schedule_history", _REPORTED),
    # 2004 is uncertain: 25 or 30 June.
    _rule(_EFFECTIVE, JUNE, (2004, 2004), "last Friday of June",
          _last_friday(JUNE), "schedule_history", _REPORTED),
    _rule(_EFFECTIVE, JUNE, (2005, 2006), "last Friday of June",
          _last_friday(JUNE), "releases_2004_2008", _OFFICIAL),
    _rule(_EFFECTIVE, JUNE, (2007, None), "fourth Friday of June",
          _nth_friday(JUNE, 4), "methodology_2026", _OFFICIAL),
    _rule(_RANK, JUNE, (1989, 2015), "last session of May",
          _last_session(5), "regression_discontinuity_2015", _REPORTED),
    _rule(_RANK, JUNE, (2016, 2016), "four weeks before the effective day",
          _before_effective(_FOUR_WEEKS), "schedule_2016", _OFFICIAL),
    _rule(_RANK, JUNE, (2017, 2017), "six weeks before the effective day",
          _before_effective(_SIX_WEEKS), "recap_2017", _OFFICIAL),
    _rule(_RANK, JUNE, (2018, 2018), "six weeks before the effective day",
          _before_effective(_SIX_WEEKS), "recap_2017", _MEMORY),
    _rule(_RANK, JUNE, (2019, 2022), "seven weeks before the effective day",
          _before_effective(_SEVEN_WEEKS), "releases_2019_2022", _OFFICIAL),
    _rule(_RANK, JUNE, (2023, None), "last session of April",
          _last_session(4), "methodology_2026", _OFFICIAL),
    _rule(_PRELIMINARY, JUNE, (2001, 2001), "second Friday of June",
          _nth_friday(JUNE, 2), "releases_2001", _OFFICIAL),
    _rule(_PRELIMINARY, JUNE, (2003, 2003), "second Friday of June",
          _nth_friday(JUNE, 2), "releases_2003", _OFFICIAL),
    _rule(_PRELIMINARY, JUNE, (2004, 2010), "two weeks before the effective day",
          _before_effective(_TWO_WEEKS), "releases_2004_2008", _OFFICIAL),
    _rule(_PRELIMINARY, JUNE, (2011, 2016), "two weeks before the effective day",
          _before_effective(_TWO_WEEKS), "releases_2011_2015", _OFFICIAL),
    _rule(_PRELIMINARY, JUNE, (2017, 2018), "two weeks before the effective day",
          _before_effective(_TWO_WEEKS), "recap_2017", _MEMORY),
    _rule(_PRELIMINARY, JUNE, (2019, 2022), "three weeks before the effective day",
          _before_effective(_THREE_WEEKS), "releases_2019_2022", _OFFICIAL),
    _rule(_PRELIMINARY, JUNE, (2023, None), "five weeks before the effective day",
          _before_effective(_FIVE_WEEKS), "methodology_2026", _OFFICIAL),
    _rule(_LOCK_DOWN, JUNE, (2023, 2025), "Monday, 18 days before the effective day",
          _before_effective(_JUNE_LOCK_DOWN), "schedules_2023_2025", _OFFICIAL),
    _rule(_LOCK_DOWN, JUNE, (2026, None), "Monday, 18 days before the effective day",
          _before_effective(_JUNE_LOCK_DOWN), "methodology_2026", _DERIVED),
    _rule(_EFFECTIVE, DECEMBER, (2026, None), "second Friday of December",
          _nth_friday(DECEMBER, 2), "methodology_2026", _OFFICIAL),
    _rule(_RANK, DECEMBER, (2026, None), "last session of October",
          _last_session(10), "methodology_2026", _OFFICIAL),
    _rule(_PRELIMINARY, DECEMBER, (2026, None), "four weeks before the effective day",
          _before_effective(_FOUR_WEEKS), "methodology_2026", _OFFICIAL),
    _rule(_LOCK_DOWN, DECEMBER, (2026, None), "Monday, 11 days before the effective day",
          _before_effective(_DECEMBER_LOCK_DOWN), "methodology_2026", _DERIVED),
)
# fmt: on
"""Every date rule. Preliminary days before 2001 and in 2002 and lock-downs before 2023 are unknown.

The second annual event was announced for November and moved to December before
the first one, so no November event exists.
"""


def date_rule(day: EventDay, *, year: int, month: int) -> DateRule | None:
    """Find the rule that fixes one day of the event of a month; None where unknown.

    Example:
        >>> rule = date_rule(EventDay.RANK, year=2022, month=6)
        >>> rule.sentence
        'seven weeks before the effective day'
    """
    for rule in DATE_RULES:
        if rule.day is day and rule.month == month and rule.covers(year):
            return rule
    return None
