"""Reviews: when additions between reconstitutions, shares and floats take effect.

Holds the reviews from 1989 to the end of the schedule and the questions asked of them;
the rules that fix their days are in `review_rules`. A reconstitution is a review too,
with the days of its event. Keep out what changes at a review (`rules`).

A review is named after the month of its effective day: ``2022-09``. As with events,
changes are put in after the close of that day and count from the next session on.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from r2k_pipeline.errors import UnknownEventError, listed
from r2k_pipeline.rulebook.date_rules import ReviewDay
from r2k_pipeline.rulebook.review_rules import review_rule
from r2k_pipeline.rulebook.schedule import (
    FIRST_EVENT_YEAR,
    LAST_EVENT_YEAR,
    Event,
    all_events,
)
from r2k_pipeline.rulebook.sessions import next_session

FIRST_IPO_REVIEW = "2004-09"
"""The first review that added IPOs; before it they waited for June."""

_MONTHS_OF_A_YEAR = range(1, 13)
_QUARTERLY_MONTHS = (3, 9, 12)


@dataclass(frozen=True, kw_only=True)
class Review:
    """One review and its days.

    Args:
        review_id: ``YYYY-MM`` of the effective day; of a reconstitution the event's id.
        cut_off_day: What is known by this session's close decides, and IPOs are ranked
            on it; of a reconstitution the rank day.
        announcement_day: When changes are public; None where nothing is known of it.
        effective_friday: After this session's close the changes are put in. Not always
            a Friday: for many years it was the end of the quarter or month.
        effective_session: The first session on which they count.
        is_reconstitution: Whether membership is decided anew.
        has_ipo_additions: Whether IPOs are added. At a reconstitution they are ordinary
            candidates, so this is false.
    """

    review_id: str
    cut_off_day: date
    announcement_day: date | None
    effective_friday: date
    effective_session: date
    is_reconstitution: bool
    has_ipo_additions: bool


@cache
def all_reviews() -> tuple[Review, ...]:
    """List every review of the schedule, reconstitutions among them, in order.

    Example:
        >>> [review.review_id for review in all_reviews() if review.review_id[:4] == "2022"]
        ['2022-03', '2022-06', '2022-09', '2022-12']
        >>> [r.review_id for r in all_reviews() if r.is_reconstitution][-2:]
        ['2030-06', '2030-12']
    """
    events = {event.event_id: event for event in all_events()}
    found = []
    for year in range(FIRST_EVENT_YEAR, LAST_EVENT_YEAR + 1):
        for month in _MONTHS_OF_A_YEAR:
            event = events.get(f"{year}-{month:02d}")
            review = _review_of(year, month) if event is None else _as_review(event)
            found += [] if review is None else [review]
    return tuple(found)


def _as_review(event: Event) -> Review:
    return Review(
        review_id=event.event_id,
        cut_off_day=event.rank_day,
        announcement_day=event.preliminary_day,
        effective_friday=event.effective_friday,
        effective_session=event.effective_session,
        is_reconstitution=True,
        has_ipo_additions=False,
    )


def _review_of(year: int, month: int) -> Review | None:
    effective = _day(ReviewDay.EFFECTIVE, year, month, date(year, 1, 1))
    if effective is None:
        return None
    cut_off = _day(ReviewDay.CUT_OFF, year, month, effective)
    review_id = f"{year}-{month:02d}"
    if cut_off is None:
        raise _no_cut_off_rule(review_id)
    return Review(
        review_id=review_id,
        cut_off_day=cut_off,
        announcement_day=_day(ReviewDay.ANNOUNCEMENT, year, month, effective),
        effective_friday=effective,
        effective_session=next_session(effective),
        is_reconstitution=False,
        has_ipo_additions=review_id >= FIRST_IPO_REVIEW and month in _QUARTERLY_MONTHS,
    )


def _day(day: ReviewDay, year: int, month: int, effective: date) -> date | None:
    rule = review_rule(day, year=year, month=month)
    return None if rule is None else rule.find(year, effective)


@cache
def _by_id() -> dict[str, Review]:
    return {review.review_id: review for review in all_reviews()}


@cache
def _effective_sessions() -> tuple[date, ...]:
    return tuple(review.effective_session for review in all_reviews())


def review(review_id: str) -> Review:
    """Return the review with this key.

    Raises:
        UnknownEventError: No review has the key; names those of the same year.

    Example:
        >>> september = review("2022-09")
        >>> str(september.cut_off_day), str(september.effective_session)
        ('2022-08-12', '2022-09-19')
    """
    found = _by_id().get(review_id)
    if found is not None:
        return found
    near = [known for known in _by_id() if known[:4] == review_id[:4]]
    raise UnknownEventError(
        f"no review {review_id!r}",
        state=f"reviews are known from {all_reviews()[0].review_id} to "
        f"{all_reviews()[-1].review_id}",
        remedy=f"use {listed(near)}" if near else "use a key like 2022-09",
    )


def reviews_between(start: date, end: date) -> list[Review]:
    """List the reviews whose effective session lies in a range, both ends included.

    Example:
        >>> [r.review_id for r in reviews_between(date(2022, 6, 28), date(2023, 3, 31))]
        ['2022-09', '2022-12', '2023-03']
    """
    days = _effective_sessions()
    return list(all_reviews()[bisect_left(days, start) : bisect_right(days, end)])


def cut_off_before(day: date) -> date:
    """Return the last cut-off before a day: what is known then is what a review has seen.

    Raises:
        UnknownEventError: No review had its cut-off before.

    Example:
        >>> print(cut_off_before(date(2022, 5, 6)), cut_off_before(date(2023, 4, 28)))
        2022-02-11 2023-02-10
    """
    days = sorted(of.cut_off_day for of in all_reviews())
    position = bisect_left(days, day)
    if position == 0:
        raise UnknownEventError(
            f"no review had its cut-off before {day}",
            state=f"the first one is {days[0]}",
            remedy="ask for a later day",
        )
    return days[position - 1]


def ipo_window(of: Review) -> tuple[date, date]:
    """Return the first and last day on which an IPO must have begun to trade to be reviewed.

    A window runs from the day after the previous IPO rank date - a reconstitution's rank
    day is one as well - to the review's own.

    Example:
        >>> [str(day) for day in ipo_window(review("2018-09"))]
        ['2018-05-12', '2018-08-17']
    """
    before = [
        other.cut_off_day
        for other in all_reviews()
        if (other.has_ipo_additions or other.is_reconstitution)
        and other.cut_off_day < of.cut_off_day
    ]
    first = max(before) + timedelta(days=1) if before else of.cut_off_day
    return first, of.cut_off_day


def _no_cut_off_rule(review_id: str) -> UnknownEventError:
    return UnknownEventError(
        f"no rule for the cut-off of the review {review_id}",
        state="the schedule is incomplete",
        remedy="add a date rule for ReviewDay.CUT_OFF to rulebook/review_rules.py",
    )
