"""What must hold of whatever changes between events.

Invariants: nobody is removed; a change counts from a review's session on; a change within
the threshold alters nothing, and small ones add up; additions come from the review's
window and exceed the smallest company; what a review decides does not depend on what
came later.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.rulebook.reviews import Review, ipo_window, review
from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline_tests.reviewed_market import JUNE, MEMBERS, ipo, worked

SEPTEMBER, DECEMBER, MARCH = review("2022-09"), review("2022-12"), review("2023-03")
QUARTERS = [SEPTEMBER, DECEMBER, MARCH]
paths = st.lists(
    st.tuples(st.integers(0, 300), st.floats(70, 140, allow_nan=False)), min_size=0, max_size=5
)


def stepped(path: list[tuple[int, float]]) -> dict[date, float]:
    return {JUNE.effective_session + timedelta(days=n): shares for n, shares in path}


@cache
def _observed(of: Review) -> tuple[list[date], list[date]]:
    announced = of.announcement_day
    assert announced is not None
    return tuple(  # type: ignore[return-value]  # two lists
        sessions_between(last - timedelta(days=14), last)[-5:]
        for last in (of.cut_off_day, announced)
    )


@given(path=paths)
@settings(max_examples=25, deadline=None)
def test_shares_change_at_reviews_only_when_both_observations_left_the_threshold(
    path: list[tuple[int, float]],
) -> None:
    line = replace(MEMBERS[0], shares=stepped(path))
    rows = worked(members=(line, *MEMBERS[1:]))
    assert set(rows["change"]) <= {"share_update"}
    assert set(rows["session"]) <= {found.effective_session for found in QUARTERS}
    in_force = 100.0
    factors = dict(rows.select("review_id", "share_factor").rows())
    for found in QUARTERS:
        first, second = (
            sorted(line.shares_on(day) for day in days)[2] for days in _observed(found)
        )
        moved = [seen / in_force - 1 for seen in (first, second)]
        if min(abs(change) for change in moved) < 0.0099:
            assert found.review_id not in factors
        elif moved[0] * moved[1] > 0 and min(abs(change) for change in moved) > 0.0101:
            assert factors[found.review_id] == pytest.approx(first / in_force)
        in_force *= factors.get(found.review_id, 1.0)


@given(
    first=st.dates(JUNE.rank_day, MARCH.cut_off_day),
    cap=st.floats(1, 200, allow_nan=False),
    path=paths,
)
@settings(max_examples=25, deadline=None)
def test_what_a_review_decides_does_not_depend_on_what_came_later(
    first: date, cap: float, path: list[tuple[int, float]]
) -> None:
    lines = (ipo("NEW", cap, first),)
    members = (replace(MEMBERS[0], shares=stepped(path)), *MEMBERS[1:])
    whole = worked(*lines, members=members)
    part = worked(*lines, members=members, until=DECEMBER.effective_session)
    assert part.equals(whole.filter(pl.col("session") <= DECEMBER.effective_session))
    for row in whole.filter(pl.col("change") == "ipo_addition").iter_rows(named=True):
        start, end = ipo_window(review(row["review_id"]))
        assert start <= first <= end
        assert cap > 10.0 * 1.1
