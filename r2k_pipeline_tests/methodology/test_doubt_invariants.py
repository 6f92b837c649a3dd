"""What holds of the companies in doubt in any universe.

Invariants:
    1. A company with a ranked line is not in doubt.
    2. Nor is one of which every line fails a rule that reads no doubted value.
    3. The order of rows changes nothing, and neither does a session after the preliminary
       day.
    4. Later sessions only settle: whoever waits with them waits without them as well.
    5. A company is taken with a positive cap and close, or with none; with some exactly
       if it is settled or assumed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.methodology.doubtful_candidates import (
    CandidateState,
    doubtful_candidates,
    waiting,
)
from r2k_pipeline_tests.methodology.doubt_cast import (
    DAY,
    JUNE,
    NOTHING_SETTLED,
    RANKING,
    RULES,
    SCHEMA,
    SPLITS,
    Row,
    line,
)

if TYPE_CHECKING:
    from random import Random


CASES = st.lists(
    st.fixed_dictionaries(
        {
            "session": st.sampled_from([DAY + timedelta(days=n) for n in range(-2, 4)]),
            "company": st.integers(1, 9),
            "part": st.integers(0, 1),
            "cap": st.none() | st.floats(0, 2e10),
            "close": st.none() | st.floats(0, 500),
            "rule": st.none()
            | st.sampled_from(["cap_without_history", "close_out_of_line", "blank_cap"]),
            "failed": st.none()
            | st.sampled_from(
                ["unrepaired", "no_market_cap", "line_type unrepaired", "foreign",
                 "price_below_minimum unrepaired", "cap_below_minimum"]
            ),
        }
    ),
    max_size=40,
    unique_by=lambda case: (case["session"], case["company"], case["part"]),
)  # fmt: skip


def frame_of(cases: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            line(
                case["cap"],
                case["rule"],
                case["failed"],
                session=case["session"],
                close_usd=case["close"],
                company_id=f"C-{case['company']}",
                security_id=f"S-{case['company']}-{case['part']}",
                symbol=f"L{case['company']}{case['part']}",
            )
            for case in cases
        ],
        schema=SCHEMA,
    )


def judged(frame: pl.DataFrame, *, is_over: bool) -> pl.DataFrame:
    return doubtful_candidates(
        frame, RANKING, SPLITS, event=JUNE, is_over=is_over, settled=NOTHING_SETTLED, rules=RULES
    )


@settings(max_examples=40, deadline=None)
@given(cases=CASES, is_over=st.booleans(), random=st.randoms(use_true_random=False))
def test_invariants_of_any_universe(*, cases: list[Row], is_over: bool, random: Random) -> None:
    frame = frame_of(cases)
    found = judged(frame, is_over=is_over)
    # 1. C-1 to C-5 are ranked.
    assert set(found["company_id"]).isdisjoint(RANKING["company_id"])
    # 2. Some line of each company in doubt fails rules for want of values only.
    day = frame.filter(pl.col("session") == DAY)
    others = {"line_type", "foreign"}
    for company in found["company_id"]:
        failed = day.filter(pl.col("company_id") == company)["failed_rules"].to_list()
        assert any(text and others.isdisjoint(text.split()) for text in failed)
    # 3. Any order of rows, and any session after the preliminary day.
    shuffled = cases.copy()
    random.shuffle(shuffled)
    too_late = frame.with_columns(session=pl.col("session") + timedelta(days=40))
    assert judged(frame_of(shuffled), is_over=is_over).equals(found)
    assert judged(pl.concat([frame, too_late]), is_over=is_over).equals(found)
    # 4. Without the sessions after the rank day at least as many wait.
    known = judged(frame.filter(pl.col("session") <= DAY), is_over=is_over)
    assert set(waiting(found)["company_id"]) <= set(waiting(known)["company_id"])
    # 5. Who is taken, and with what.
    is_taken = pl.col("state").is_in(["settled_later", "size_assumed"])
    taken = found.filter(is_taken)
    assert taken.filter((pl.col("taken_usd") > 0) & (pl.col("taken_close_usd") > 0)).height == (
        taken.height
    )
    assert found.filter(~is_taken)["taken_usd"].null_count() == found.height - taken.height
    assert set(found["state"]) <= set(CandidateState)
