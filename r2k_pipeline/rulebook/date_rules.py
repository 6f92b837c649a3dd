"""How the days of a reconstitution follow, and in which years.

Holds each date rule as a dated value: which day, which years, the rule in words
and as a function, source and certainty. A changed rule is a new entry; the old one
gets a last year and stays. Keep out the events that follow (`schedule`) and the rules
of the reviews between them (`review_rules`).
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
    QUERY_END = "query_end"
    """Until this day members of the public may query the preliminary lists."""
    LOCK_DOWN = "lock_down"
    """From this day on lists are final except in exceptional cases."""
    LAST_LIST = "last_list"
    """The last updated list; one comes each week from the preliminary day on."""


class ReviewDay(StrEnum):
    """The days of a review between reconstitutions that a rule fixes."""

    EFFECTIVE = "effective"
    """After this day's close additions and updates are put in."""
    CUT_OFF = "cut_off"
    """What is known by this session's close decides; IPOs are ranked on it."""
    ANNOUNCEMENT = "announcement"
    """What will change is public in the evening of this day."""


@dataclass(frozen=True, kw_only=True)
class DateRule:
    """How one day of an event or a review follows, and in which years.

    Args:
        day: Which day of the event or review.
        month: The month of the effective day.
        first_year: The first year of the rule.
        last_year: The last year, inclusive; None while it is in force.
        sentence: The rule in words.
        find: (year, effective day) -> the day. The rule of the effective day
            itself gets 1 January of the year as its second argument.
        source: A key of `sources.SOURCES`.
        certainty: How the rule came to us.
    """

    day: EventDay | ReviewDay
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


def nth_weekday(month: int, n: int, weekday: int = calendar.FRIDAY) -> Callable[[int, date], date]:
    """The n-th Friday, or other weekday, of a month.

    Example:
        >>> nth_weekday(6, 4)(2022, date(2022, 1, 1))
        datetime.date(2022, 6, 24)
    """

    def find(year: int, _effective: date) -> date:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))

    return find


def last_session(month: int) -> Callable[[int, date], date]:
    """The last session of a month of the same year.

    Example:
        >>> last_session(4)(2023, date(2023, 6, 23))
        datetime.date(2023, 4, 28)
    """

    def find(year: int, _effective: date) -> date:
        return session_on_or_before(date(year, month, calendar.monthrange(year, month)[1]))

    return find


def before_effective(days: int) -> Callable[[int, date], date]:
    """So many calendar days before the effective day.

    Example:
        >>> before_effective(49)(2022, date(2022, 6, 24))
        datetime.date(2022, 5, 6)
    """

    def find(_year: int, effective: date) -> date:
        return effective - timedelta(days=days)

    return find


def _last_friday(month: int) -> Callable[[int, date], date]:
    def find(year: int, _effective: date) -> date:
        last = date(year, month, calendar.monthrange(year, month)[1])
        return last - timedelta(days=(last.weekday() - calendar.FRIDAY) % 7)

    return find


def rule_of(
    day: EventDay | ReviewDay,
    month: int,
    years: tuple[int, int | None],
    sentence: str,
    find: Callable[[int, date], date],
    source: str,
    certainty: Certainty,
) -> DateRule:
    """Write a rule as one entry of a table: day, month, years, words, function, source.

    Example:
        >>> rule = rule_of(
        ...     EventDay.RANK, JUNE, (2023, None), "last session of April", last_session(4),
        ...     "methodology_2026", Certainty.OFFICIAL)
        >>> rule.covers(2022), rule.covers(2030)
        (False, True)
    """
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
_PRELIMINARY, _QUERY_END = EventDay.PRELIMINARY, EventDay.QUERY_END
_LOCK_DOWN, _LAST_LIST = EventDay.LOCK_DOWN, EventDay.LAST_LIST
_OFFICIAL, _REPORTED, _DERIVED = Certainty.OFFICIAL, Certainty.REPORTED, Certainty.DERIVED
_INFERRED, _MEMORY = Certainty.INFERRED, Certainty.FROM_MEMORY
_ONE_WEEK, _TWO_WEEKS, _THREE_WEEKS, _FOUR_WEEKS, _FIVE_WEEKS = 7, 14, 21, 28, 35
_SIX_WEEKS, _SEVEN_WEEKS = 42, 49
_LOCK_DOWN_OF_THREE_WEEKS, _LOCK_DOWN_OF_TWO_WEEKS = 18, 11

# fmt: off
DATE_RULES: tuple[DateRule, ...] = (
    rule_of(_EFFECTIVE, JUNE, (1989, 2003), "last session of June",
            last_session(JUNE), "schedule_history", _REPORTED),
    # 2004 is uncertain: 25 or 30 June.
    rule_of(_EFFECTIVE, JUNE, (2004, 2004), "last Friday of June",
            _last_friday(JUNE), "schedule_history", _REPORTED),
    rule_of(_EFFECTIVE, JUNE, (2005, 2006), "last Friday of June",
            _last_friday(JUNE), "releases_2004_2008", _OFFICIAL),
    rule_of(_EFFECTIVE, JUNE, (2007, None), "fourth Friday of June",
            nth_weekday(JUNE, 4), "methodology_2026", _OFFICIAL),
    rule_of(_RANK, JUNE, (1989, 2015), "last session of May",
            last_session(5), "regression_discontinuity_2015", _REPORTED),
    rule_of(_RANK, JUNE, (2016, 2016), "four weeks before the effective day",
            before_effective(_FOUR_WEEKS), "schedule_2016", _OFFICIAL),
    rule_of(_RANK, JUNE, (2017, 2017), "six weeks before the effective day",
            before_effective(_SIX_WEEKS), "recap_2017", _OFFICIAL),
    rule_of(_RANK, JUNE, (2018, 2018), "six weeks before the effective day",
            before_effective(_SIX_WEEKS), "schedule_2018", _OFFICIAL),
    rule_of(_RANK, JUNE, (2019, 2022), "seven weeks before the effective day",
            before_effective(_SEVEN_WEEKS), "releases_2019_2022", _OFFICIAL),
    rule_of(_RANK, JUNE, (2023, None), "last session of April",
            last_session(4), "methodology_2026", _OFFICIAL),
    rule_of(_PRELIMINARY, JUNE, (2001, 2001), "second Friday of June",
            nth_weekday(JUNE, 2), "releases_2001", _OFFICIAL),
    rule_of(_PRELIMINARY, JUNE, (2003, 2003), "second Friday of June",
            nth_weekday(JUNE, 2), "releases_2003", _OFFICIAL),
    rule_of(_PRELIMINARY, JUNE, (2004, 2010), "two weeks before the effective day",
            before_effective(_TWO_WEEKS), "releases_2004_2008", _OFFICIAL),
    rule_of(_PRELIMINARY, JUNE, (2011, 2016), "two weeks before the effective day",
            before_effective(_TWO_WEEKS), "releases_2011_2015", _OFFICIAL),
    rule_of(_PRELIMINARY, JUNE, (2017, 2017), "two weeks before the effective day",
            before_effective(_TWO_WEEKS), "schedule_2017", _OFFICIAL),
    rule_of(_PRELIMINARY, JUNE, (2018, 2018), "two weeks before the effective day",
            before_effective(_TWO_WEEKS), "schedule_2018", _OFFICIAL),
    rule_of(_PRELIMINARY, JUNE, (2019, 2022), "three weeks before the effective day",
            before_effective(_THREE_WEEKS), "releases_2019_2022", _OFFICIAL),
    rule_of(_PRELIMINARY, JUNE, (2023, None), "five weeks before the effective day",
            before_effective(_FIVE_WEEKS), "methodology_2026", _OFFICIAL),
    rule_of(_LAST_LIST, JUNE, (2001, 2003), "one week before the effective day",
            before_effective(_ONE_WEEK), "own_choice", _INFERRED),
    # Seen for 2008, 2010, 2014, 2016 and 2018; the years between them follow.
    rule_of(_LAST_LIST, JUNE, (2004, 2015), "the effective day",
            before_effective(0), "releases_2004_2008", _OFFICIAL),
    rule_of(_LAST_LIST, JUNE, (2016, 2017), "the effective day",
            before_effective(0), "schedule_2016", _OFFICIAL),
    rule_of(_LAST_LIST, JUNE, (2018, 2018), "the effective day",
            before_effective(0), "schedule_2018", _OFFICIAL),
    rule_of(_LAST_LIST, JUNE, (2019, 2021), "one week before the effective day",
            before_effective(_ONE_WEEK), "own_choice", _INFERRED),
    rule_of(_LAST_LIST, JUNE, (2022, 2022), "one week before the effective day",
            before_effective(_ONE_WEEK), "schedule_2022", _OFFICIAL),
    rule_of(_LAST_LIST, JUNE, (2023, 2025), "one week before the effective day",
            before_effective(_ONE_WEEK), "schedules_2023_2025", _OFFICIAL),
    rule_of(_LAST_LIST, JUNE, (2026, None), "one week before the effective day",
            before_effective(_ONE_WEEK), "methodology_2026", _OFFICIAL),
    rule_of(_QUERY_END, JUNE, (2023, None), "three weeks before the effective day",
            before_effective(_THREE_WEEKS), "methodology_2026", _OFFICIAL),
    rule_of(_LOCK_DOWN, JUNE, (2019, 2021), "Monday, 11 days before the effective day",
            before_effective(_LOCK_DOWN_OF_TWO_WEEKS), "own_choice", _MEMORY),
    rule_of(_LOCK_DOWN, JUNE, (2022, 2022), "Monday, 11 days before the effective day",
            before_effective(_LOCK_DOWN_OF_TWO_WEEKS), "schedule_2022", _OFFICIAL),
    rule_of(_LOCK_DOWN, JUNE, (2023, 2025), "Monday, 18 days before the effective day",
            before_effective(_LOCK_DOWN_OF_THREE_WEEKS), "schedules_2023_2025", _OFFICIAL),
    rule_of(_LOCK_DOWN, JUNE, (2026, None), "Monday, 18 days before the effective day",
            before_effective(_LOCK_DOWN_OF_THREE_WEEKS), "methodology_2026", _DERIVED),
    rule_of(_EFFECTIVE, DECEMBER, (2026, None), "second Friday of December",
            nth_weekday(DECEMBER, 2), "methodology_2026", _OFFICIAL),
    rule_of(_RANK, DECEMBER, (2026, None), "last session of October",
            last_session(10), "methodology_2026", _OFFICIAL),
    rule_of(_PRELIMINARY, DECEMBER, (2026, None), "four weeks before the effective day",
            before_effective(_FOUR_WEEKS), "methodology_2026", _OFFICIAL),
    rule_of(_LAST_LIST, DECEMBER, (2026, None), "one week before the effective day",
            before_effective(_ONE_WEEK), "methodology_2026", _OFFICIAL),
    rule_of(_QUERY_END, DECEMBER, (2026, None), "two weeks before the effective day",
            before_effective(_TWO_WEEKS), "methodology_2026", _OFFICIAL),
    rule_of(_LOCK_DOWN, DECEMBER, (2026, None), "Monday, 11 days before the effective day",
            before_effective(_LOCK_DOWN_OF_TWO_WEEKS), "methodology_2026", _DERIVED),
)
# fmt: on
"""Every date rule of events.

Unknown: preliminary lists before 2001 and in 2002, lock-downs before 2019, query periods
before 2023.

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
