"""How the days of a review between reconstitutions follow, and in which years.

Holds the date rules of reviews as `date_rules` holds those of events, and is read like
them. A month without a rule for its effective day has no review. Keep out the reviews
that follow (`reviews`) and what changes at one (`maintenance_parameters`).
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import TYPE_CHECKING

from r2k_pipeline.rulebook.date_rules import (
    DateRule,
    ReviewDay,
    last_session,
    nth_weekday,
    rule_of,
)
from r2k_pipeline.rulebook.sessions import session_on_or_before
from r2k_pipeline.rulebook.sources import Certainty

if TYPE_CHECKING:
    from collections.abc import Callable

_MARCH, _SEPTEMBER, _DECEMBER = 3, 9, 12
# In these months a review changed shares only, and only while shares changed monthly.
_OTHER_MONTHS = (1, 2, 4, 5, 7, 8, 10, 11)
_LAST_MONTHLY_YEAR = 2016


def _third_friday(month: int) -> Callable[[int, date], date]:
    def find(year: int, effective: date) -> date:
        return session_on_or_before(nth_weekday(month, 3)(year, effective))

    return find


def _mid_month(month: int) -> Callable[[int, date], date]:
    def find(year: int, _effective: date) -> date:
        return session_on_or_before(date(year, month, 15))

    return find


def _sessions_before_effective(days: int) -> Callable[[int, date], date]:
    def find(_year: int, effective: date) -> date:
        return session_on_or_before(effective - timedelta(days=days))

    return find


_EFFECTIVE, _CUT_OFF = ReviewDay.EFFECTIVE, ReviewDay.CUT_OFF
_ANNOUNCED = ReviewDay.ANNOUNCEMENT
_OFFICIAL, _INFERRED, _MEMORY = Certainty.OFFICIAL, Certainty.INFERRED, Certainty.FROM_MEMORY
_TEN_DAYS, _THREE_WEEKS = _sessions_before_effective(10), _sessions_before_effective(21)
_FOUR_WEEKS, _FIVE_WEEKS = _sessions_before_effective(28), _sessions_before_effective(35)


def _of_shares_alone(month: int, years: tuple[int, int]) -> tuple[DateRule, ...]:
    return (
        rule_of(_EFFECTIVE, month, years, "last session of the month",
                last_session(month), "own_choice", _MEMORY),
        rule_of(_CUT_OFF, month, years, "ten days before the effective day",
                _TEN_DAYS, "own_choice", _INFERRED),
    )  # fmt: skip


# Additions took effect at the end of the quarter in September 2007 and on a third Friday in
# December 2011; what lies between is not known. A release of March 2021 says 26 March, which
# is a fourth Friday and too near to its own lists.
# fmt: off
REVIEW_RULES: tuple[DateRule, ...] = (
    *(rule for month in _OTHER_MONTHS
      for rule in _of_shares_alone(month, (1989, _LAST_MONTHLY_YEAR))),
    *_of_shares_alone(_MARCH, (1989, 2004)),
    rule_of(_EFFECTIVE, _MARCH, (2005, 2005), "last session of the quarter",
            last_session(_MARCH), "ipo_releases_2004_2005", _OFFICIAL),
    rule_of(_EFFECTIVE, _MARCH, (2006, 2010), "last session of the quarter",
            last_session(_MARCH), "own_choice", _INFERRED),
    rule_of(_EFFECTIVE, _MARCH, (2011, 2015), "third Friday of March",
            _third_friday(_MARCH), "own_choice", _INFERRED),
    rule_of(_EFFECTIVE, _MARCH, (2016, None), "third Friday of March",
            _third_friday(_MARCH), "ipo_calendar_2016", _OFFICIAL),
    rule_of(_CUT_OFF, _MARCH, (2005, 2016), "last session of February",
            last_session(2), "ipo_releases_2004_2005", _OFFICIAL),
    rule_of(_CUT_OFF, _MARCH, (2017, 2017), "five weeks before the effective day",
            _FIVE_WEEKS, "own_choice", _INFERRED),
    rule_of(_CUT_OFF, _MARCH, (2018, 2018), "second Wednesday of February",
            nth_weekday(2, 2, calendar.WEDNESDAY), "ipo_calendar_2018", _OFFICIAL),
    rule_of(_CUT_OFF, _MARCH, (2019, 2023), "five weeks before the effective day",
            _FIVE_WEEKS, "ipo_calendar_2018", _OFFICIAL),
    rule_of(_CUT_OFF, _MARCH, (2024, None), "last session of January",
            last_session(1), "methodology_2026", _OFFICIAL),
    rule_of(_ANNOUNCED, _MARCH, (2005, 2010), "15 March, or the session before",
            _mid_month(_MARCH), "own_choice", _INFERRED),
    rule_of(_ANNOUNCED, _MARCH, (2011, 2016), "ten days before the effective day",
            _TEN_DAYS, "own_choice", _INFERRED),
    rule_of(_ANNOUNCED, _MARCH, (2017, 2023), "three weeks before the effective day",
            _THREE_WEEKS, "ipo_calendar_2018", _OFFICIAL),
    rule_of(_ANNOUNCED, _MARCH, (2024, None), "four weeks before the effective day",
            _FOUR_WEEKS, "methodology_2026", _OFFICIAL),
    *_of_shares_alone(_SEPTEMBER, (1989, 2003)),
    rule_of(_EFFECTIVE, _SEPTEMBER, (2004, 2005), "last session of the quarter",
            last_session(_SEPTEMBER), "ipo_releases_2004_2005", _OFFICIAL),
    rule_of(_EFFECTIVE, _SEPTEMBER, (2006, 2006), "last session of the quarter",
            last_session(_SEPTEMBER), "own_choice", _INFERRED),
    rule_of(_EFFECTIVE, _SEPTEMBER, (2007, 2007), "last session of the quarter",
            last_session(_SEPTEMBER), "ipo_article_2007", _OFFICIAL),
    rule_of(_EFFECTIVE, _SEPTEMBER, (2008, 2010), "last session of the quarter",
            last_session(_SEPTEMBER), "own_choice", _INFERRED),
    rule_of(_EFFECTIVE, _SEPTEMBER, (2011, 2015), "third Friday of September",
            _third_friday(_SEPTEMBER), "own_choice", _INFERRED),
    rule_of(_EFFECTIVE, _SEPTEMBER, (2016, None), "third Friday of September",
            _third_friday(_SEPTEMBER), "ipo_calendar_2016", _OFFICIAL),
    rule_of(_CUT_OFF, _SEPTEMBER, (2004, 2016), "last session of August",
            last_session(8), "ipo_releases_2004_2005", _OFFICIAL),
    rule_of(_CUT_OFF, _SEPTEMBER, (2017, 2017), "five weeks before the effective day",
            _FIVE_WEEKS, "own_choice", _INFERRED),
    rule_of(_CUT_OFF, _SEPTEMBER, (2018, 2022), "five weeks before the effective day",
            _FIVE_WEEKS, "ipo_calendar_2018", _OFFICIAL),
    rule_of(_CUT_OFF, _SEPTEMBER, (2023, None), "last session of July",
            last_session(7), "cut_off_dates_2023", _OFFICIAL),
    rule_of(_ANNOUNCED, _SEPTEMBER, (2004, 2010), "15 September, or the session before",
            _mid_month(_SEPTEMBER), "ipo_releases_2004_2005", _OFFICIAL),
    rule_of(_ANNOUNCED, _SEPTEMBER, (2011, 2016), "ten days before the effective day",
            _TEN_DAYS, "own_choice", _INFERRED),
    rule_of(_ANNOUNCED, _SEPTEMBER, (2017, 2022), "three weeks before the effective day",
            _THREE_WEEKS, "ipo_calendar_2018", _OFFICIAL),
    rule_of(_ANNOUNCED, _SEPTEMBER, (2023, None), "four weeks before the effective day",
            _FOUR_WEEKS, "methodology_2026", _OFFICIAL),
    *_of_shares_alone(_DECEMBER, (1989, 2003)),
    rule_of(_EFFECTIVE, _DECEMBER, (2004, 2004), "last session of the quarter",
            last_session(_DECEMBER), "ipo_releases_2004_2005", _OFFICIAL),
    rule_of(_EFFECTIVE, _DECEMBER, (2005, 2010), "last session of the quarter",
            last_session(_DECEMBER), "own_choice", _INFERRED),
    rule_of(_EFFECTIVE, _DECEMBER, (2011, 2015), "third Friday of December",
            _third_friday(_DECEMBER), "ipo_release_2011", _OFFICIAL),
    rule_of(_EFFECTIVE, _DECEMBER, (2016, 2025), "third Friday of December",
            _third_friday(_DECEMBER), "ipo_calendar_2016", _OFFICIAL),
    rule_of(_CUT_OFF, _DECEMBER, (2004, 2016), "last session of November",
            last_session(11), "ipo_releases_2004_2005", _OFFICIAL),
    rule_of(_CUT_OFF, _DECEMBER, (2017, 2017), "five weeks before the effective day",
            _FIVE_WEEKS, "own_choice", _INFERRED),
    rule_of(_CUT_OFF, _DECEMBER, (2018, 2022), "five weeks before the effective day",
            _FIVE_WEEKS, "ipo_calendar_2018", _OFFICIAL),
    rule_of(_CUT_OFF, _DECEMBER, (2023, 2025), "last session of October",
            last_session(10), "cut_off_dates_2023", _OFFICIAL),
    rule_of(_ANNOUNCED, _DECEMBER, (2004, 2010), "15 December, or the session before",
            _mid_month(_DECEMBER), "own_choice", _INFERRED),
    rule_of(_ANNOUNCED, _DECEMBER, (2011, 2016), "ten days before the effective day",
            _TEN_DAYS, "own_choice", _INFERRED),
    rule_of(_ANNOUNCED, _DECEMBER, (2017, 2022), "three weeks before the effective day",
            _THREE_WEEKS, "ipo_calendar_2018", _OFFICIAL),
    rule_of(_ANNOUNCED, _DECEMBER, (2023, 2025), "four weeks before the effective day",
            _FOUR_WEEKS, "methodology_2026", _OFFICIAL),
)
# fmt: on
"""Every date rule of reviews. June, and December from 2026 on, are reconstitutions.

Before the first IPO additions, and in the months between the quarters' until 2016, a
review changed shares alone; nothing was announced that we know of.
"""


def review_rule(day: ReviewDay, *, year: int, month: int) -> DateRule | None:
    """Find the rule that fixes one day of the review of a month; None where there is none.

    Example:
        >>> rule = review_rule(ReviewDay.CUT_OFF, year=2022, month=9)
        >>> rule.sentence
        'five weeks before the effective day'
        >>> review_rule(ReviewDay.EFFECTIVE, year=2026, month=12) is None
        True
    """
    for rule in REVIEW_RULES:
        if rule.day is day and rule.month == month and rule.covers(year):
            return rule
    return None
