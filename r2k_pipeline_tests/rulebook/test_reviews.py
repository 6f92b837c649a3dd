"""Review dates against those that were published, and what must hold for any year.

The golden file holds the days that a release, a calendar or a notice prints; blanks are
days that it does not say. No formula of the code is repeated here.

Invariants: the days of a review follow one another; reviews follow one another; IPO
windows neither overlap nor leave a day out; a reconstitution is its event.
"""

from __future__ import annotations

import csv
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from r2k_pipeline.errors import UnknownEventError
from r2k_pipeline.rulebook.date_rules import ReviewDay
from r2k_pipeline.rulebook.review_rules import REVIEW_RULES
from r2k_pipeline.rulebook.reviews import (
    Review,
    all_reviews,
    ipo_window,
    review,
    reviews_between,
)
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import all_events
from r2k_pipeline.rulebook.sessions import is_session, next_session
from r2k_pipeline.rulebook.sources import SOURCES

GOLDEN = Path(__file__).parents[1] / "golden" / "review_calendar.csv"
QUARTERS = ("03", "06", "09", "12")


def _golden() -> list[dict[str, str]]:
    with GOLDEN.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("row", _golden(), ids=lambda row: row["review_id"])
def test_a_review_has_the_days_that_were_published(row: dict[str, str]) -> None:
    found = review(row["review_id"])
    days = {
        "cut_off_day": found.cut_off_day,
        "announcement_day": found.announcement_day,
        "effective_day": found.effective_friday,
    }
    printed = {name: date.fromisoformat(row[name]) for name in days if row[name]}
    assert printed
    assert {name: days[name] for name in printed} == printed


@pytest.mark.parametrize(
    ("review_id", "first", "last"),
    [
        ("2018-09", date(2018, 5, 12), date(2018, 8, 17)),
        ("2018-12", date(2018, 8, 18), date(2018, 11, 16)),
        ("2019-03", date(2018, 11, 17), date(2019, 2, 8)),
    ],
)
def test_ipo_windows_are_those_of_the_calendar_of_2018(
    review_id: str, first: date, last: date
) -> None:
    assert ipo_window(review(review_id)) == (first, last)


@pytest.mark.parametrize("found", all_reviews(), ids=lambda found: found.review_id)
def test_days_of_a_review_follow_one_another(found: Review) -> None:
    assert is_session(found.cut_off_day)
    assert is_session(found.effective_friday)
    assert found.effective_session == next_session(found.effective_friday)
    assert found.review_id == found.effective_friday.strftime("%Y-%m")
    announced = found.announcement_day or found.effective_friday
    assert found.cut_off_day < announced <= found.effective_friday < found.effective_session


def test_reviews_follow_one_another() -> None:
    effective = [found.effective_session for found in all_reviews()]
    assert effective == sorted(set(effective))


def test_shares_are_reviewed_monthly_to_2016_and_quarterly_since() -> None:
    for year in range(1990, 2031):
        found = [r.review_id[5:] for r in reviews_between(date(year, 1, 5), date(year + 1, 1, 4))]
        expected = [f"{month:02d}" for month in range(1, 13)] if year <= 2016 else list(QUARTERS)
        assert found == expected, year


def test_reconstitutions_are_the_events() -> None:
    reconstitutions = [r for r in all_reviews() if r.is_reconstitution]
    assert [r.review_id for r in reconstitutions] == [e.event_id for e in all_events()]
    assert [(r.cut_off_day, r.effective_session) for r in reconstitutions] == [
        (e.rank_day, e.effective_session) for e in all_events()
    ]
    assert not any(r.has_ipo_additions for r in reconstitutions)


def test_ipos_are_added_from_september_2004_and_in_no_month_between_quarters() -> None:
    adding = [r for r in all_reviews() if r.has_ipo_additions]
    assert adding[0].review_id == "2004-09"
    assert {r.review_id[5:] for r in adding} == {"03", "09", "12"}
    for found in all_reviews():
        known = rules_in_force(found.cut_off_day).has_ipo_additions
        assert found.has_ipo_additions <= known, found.review_id


def test_ipo_windows_neither_overlap_nor_leave_a_day_out() -> None:
    ranked = [r for r in all_reviews() if r.has_ipo_additions or r.is_reconstitution]
    for before, found in pairwise(r for r in ranked if r.review_id >= "2004-06"):
        first, last = ipo_window(found)
        assert first == before.cut_off_day + timedelta(days=1)
        assert last == found.cut_off_day


@pytest.mark.parametrize("month", range(1, 13))
def test_one_review_rule_at_most_holds_in_a_year(month: int) -> None:
    for year in range(1989, 2031):
        holding = {
            day: [r for r in REVIEW_RULES if r.day is day and r.month == month and r.covers(year)]
            for day in ReviewDay
        }
        assert all(len(rules) <= 1 for rules in holding.values()), (year, holding)
        assert len(holding[ReviewDay.EFFECTIVE]) == len(holding[ReviewDay.CUT_OFF])


def test_every_review_rule_names_a_known_source() -> None:
    assert {rule.source for rule in REVIEW_RULES} <= set(SOURCES)


@pytest.mark.parametrize(("asked", "remedy"), [("2022-07", "2022-03, 2022-06"), ("x", "like")])
def test_an_unknown_review_names_its_neighbours(asked: str, remedy: str) -> None:
    with pytest.raises(UnknownEventError) as caught:
        review(asked)
    assert remedy in caught.value.remedy
