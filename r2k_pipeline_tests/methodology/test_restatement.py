"""Corrections of published levels: what is decided, what is published, and what is written down.

Invariants:
    1. Deciding again with the same levels changes nothing.
    2. Levels that come out as they were first published are published as they were, bit for
       bit, whatever happened in between.
    3. With what recalculation gave in place of what is held, published levels are those that
       come out.
    4. Every level that is other than first published, or would be, says so with a reason.
"""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame, polars_schema
from r2k_pipeline.methodology.restatement import (
    SERIES,
    Published,
    Restated,
    as_recalculated,
    restated,
)
from r2k_pipeline.methodology.restatement_policy import Cause, CauseCode, Decision, Policy
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.sessions import sessions_between

DAYS = sessions_between(date(2024, 7, 1), date(2024, 7, 15))
KEY = ["index_id", "session"]
POLICY = Policy.of(rules_in_force(DAYS[-1]), None)
LATE = Cause(session=DAYS[2], code=CauseCode.LATE_ACTION, words="a dividend of DIVI came late")


def levels(*changes_bp: float, index_id: str = "r2000") -> pl.DataFrame:
    """Levels of ten sessions; total return is up by so many basis points from the third on."""
    moved = [1 + sum(changes_bp) / 1e4 if day >= DAYS[2] else 1.0 for day in DAYS]
    price = [1000.0 + place for place in range(len(DAYS))]
    total = [one * factor for one, factor in zip(price, moved, strict=True)]
    return pl.DataFrame(
        {
            "index_id": index_id, "session": DAYS, "price_level": price,
            "total_return_level": total, "net_total_return_level": total, "divisor": 2.0,
            "market_value_usd": [2 * level for level in price], "members": 5, "status": "OK",
            "reason": None, "since": None,
        },
        schema=polars_schema(contract("levels")),
    )  # fmt: skip


class Book:
    """What was published so far, as storage keeps it."""

    def __init__(self, first: pl.DataFrame) -> None:
        self.levels = self.first = first
        self.restatements = empty_frame(contract("restatements"))
        self.earlier = self.restatements

    def publish(self, computed: pl.DataFrame, *causes: Cause, policy: Policy = POLICY) -> Restated:
        """Decide on levels, and keep what came of it."""
        published = Published(
            levels=self.levels,
            first=self.first,
            restatements=self.restatements,
            earlier=self.earlier,
            last_session=DAYS[-1],
        )
        found = restated(computed, published, list(causes), policy=policy)
        self.levels, self.restatements = found.levels, found.restatements
        new = found.restatements.join(self.earlier, on=found.restatements.columns, how="anti")
        self.earlier = pl.concat([self.earlier, new])
        return found


@pytest.mark.parametrize(
    ("difference_bp", "decision", "status"),
    [
        (2.999, "note_only", "HELD"),
        (3.001, "recalculate", "RESTATED"),
        (-40.0, "recalculate", "RESTATED"),
    ],
)
def test_the_threshold_decides_on_what_is_old(
    difference_bp: float, decision: str, status: str
) -> None:
    book = Book(levels())
    found = book.publish(levels(difference_bp), LATE)
    assert found.restatements["session"].to_list() == DAYS[2:]
    assert set(found.restatements["decision"]) == {decision}
    assert found.restatements["difference_bp"].to_list() == pytest.approx([difference_bp] * 8)
    assert found.levels["status"].to_list() == ["OK"] * 2 + [status] * 8
    taken = levels(difference_bp) if decision == "recalculate" else levels()
    assert found.levels.select(SERIES).equals(taken.select(SERIES))


def test_what_is_found_soon_is_corrected_whatever_its_size() -> None:
    last = DAYS[-2]
    changed = levels().with_columns(
        total_return_level=pl.when(pl.col("session") >= last)
        .then(pl.col("total_return_level") * 1.00001)
        .otherwise("total_return_level")
    )
    found = Book(levels()).publish(changed, LATE)
    assert set(found.restatements["decision_reason"]) == {"found within 2 sessions"}
    assert found.levels["status"].to_list() == ["OK"] * 8 + ["RESTATED"] * 2


@pytest.mark.parametrize(
    ("told", "difference_bp", "status"),
    [(Decision.RECALCULATE, 0.1, "RESTATED"), (Decision.NOTE_ONLY, 400.0, "HELD")],
)
def test_whoever_builds_may_decide_otherwise(
    told: Decision, difference_bp: float, status: str
) -> None:
    policy = Policy.of(rules_in_force(DAYS[-1]), told)
    found = Book(levels()).publish(levels(difference_bp), LATE, policy=policy)
    assert set(found.levels["status"]) == {"OK", status}
    assert "decided by whoever built" in found.restatements["decision_reason"][0]


def test_indexes_are_decided_apart() -> None:
    first = pl.concat([levels(), levels(index_id="r3000")])
    found = Book(first).publish(pl.concat([levels(1.0), levels(9.0, index_id="r3000")]), LATE)
    decisions = found.restatements.select("index_id", "decision").unique().sort("index_id")
    assert decisions.rows() == [("r2000", "note_only"), ("r3000", "recalculate")]


def test_another_base_is_never_held() -> None:
    moved = Cause(session=DAYS[0], code=CauseCode.BASE_MOVED, words="the indexes begin earlier")
    policy = Policy.of(rules_in_force(DAYS[-1]), Decision.NOTE_ONLY)
    found = Book(levels()).publish(levels(0.5), moved, policy=policy)
    assert set(found.restatements["decision"]) == {"recalculate"}


def test_a_cause_counts_from_its_session_on() -> None:
    later = Cause(session=DAYS[5], code=CauseCode.OVERRIDE_ADDED, words="override 0a1b2c3d")
    found = Book(levels()).publish(levels(9.0), LATE, later)
    codes = found.restatements["cause_code"].to_list()
    assert codes == ["late_action"] * 3 + ["late_action override_added"] * 5
    unexplained = Book(levels()).publish(levels(9.0))
    assert set(unexplained.restatements["cause_code"]) == {"rules_changed"}


def test_rounding_is_no_restatement() -> None:
    found = Book(levels()).publish(levels(1e-7), LATE)
    assert found.restatements.is_empty()
    assert found.levels.equals(levels(1e-7))


def test_small_corrections_that_add_up_are_made_in_the_end() -> None:
    book = Book(levels())
    assert set(book.publish(levels(2.0), LATE).levels["status"]) == {"OK", "HELD"}
    second = Cause(session=DAYS[2], code=CauseCode.LATE_ACTION, words="another dividend")
    found = book.publish(levels(2.0, 2.0), second)
    assert set(found.levels["status"]) == {"OK", "RESTATED"}
    assert found.restatements["difference_bp"].to_list() == pytest.approx([4.0] * 8)


def test_a_held_level_is_free_when_the_correction_is_taken_back() -> None:
    book = Book(levels())
    assert book.publish(levels(1.0), LATE).restatements.height == 8
    found = book.publish(levels())
    assert found.levels.equals(levels())
    assert found.restatements.is_empty()


def test_a_held_level_is_held_again_after_a_large_correction_was_taken_back() -> None:
    book = Book(levels())
    held = book.publish(levels(1.0), LATE).levels
    large = Cause(session=DAYS[4], code=CauseCode.OVERRIDE_ADDED, words="override 0a1b2c3d")
    assert set(book.publish(levels(1.0, 300.0), large).levels["status"]) == {"OK", "RESTATED"}
    gone = Cause(session=DAYS[4], code=CauseCode.OVERRIDE_WITHDRAWN, words="withdrawn")
    back = book.publish(levels(1.0), gone)
    assert back.levels.equals(held)
    assert set(back.restatements["decision"]) == {"note_only"}


def test_a_restated_level_keeps_what_it_said_before() -> None:
    carried = levels(9.0).with_columns(reason=pl.lit("3 of 5 members carry an older close"))
    found = Book(levels()).publish(carried, LATE)
    assert found.levels["reason"][1] == "3 of 5 members carry an older close"
    assert found.levels["reason"][2] == (
        "another level was published first, 9.0 bp away; a dividend of DIVI came late; "
        "3 of 5 members carry an older close"
    )


corrections = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 2.0, 3.5, -7.0]), st.sampled_from([None, *Decision])),
    min_size=1,
    max_size=6,
)


@settings(max_examples=20, deadline=None)
@given(corrections)
def test_corrections_in_any_order(steps: list[tuple[float, Decision | None]]) -> None:
    book = Book(levels())
    for place, (size, told) in enumerate(steps):
        cause = Cause(session=DAYS[2], code=CauseCode.LATE_ACTION, words=f"correction {place}")
        policy = Policy.of(rules_in_force(DAYS[-1]), told)
        computed = levels(size)
        found = book.publish(computed, cause, policy=policy)
        assert set(found.levels["index_id"]) == {"r2000"}
        again = book.publish(computed, policy=policy)
        assert again.levels.equals(found.levels)
        assert again.restatements.equals(found.restatements)
        numbers = as_recalculated(found.levels, found.restatements).select(*KEY, *SERIES)
        assert numbers.equals(computed.select(*KEY, *SERIES))
        is_other = found.levels["total_return_level"] != levels()["total_return_level"]
        is_held = found.levels["total_return_level"] != computed["total_return_level"]
        marked = (found.levels["status"] == "RESTATED") | (found.levels["status"] == "HELD")
        assert marked.to_list() == (is_other | is_held).to_list()
        assert found.levels.filter(marked)["reason"].null_count() == 0
    assert book.publish(levels()).levels.equals(levels())
