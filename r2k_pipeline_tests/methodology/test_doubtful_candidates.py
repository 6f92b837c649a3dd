"""Who is in doubt on a rank day, and for whom an event has to wait.

Invariants:
    1. A company with a ranked line is not in doubt.
    2. Nor is one of which every line fails a rule that reads no doubted value.
    3. The order of rows changes nothing, and neither do later sessions.
    4. A larger plausible cap never makes a doubt less grave.

Golden cases follow faults that real feeds show (sizes and names invented): a merged
shell whose shares multiply, a cap that stays blank after a change of symbol, a close
that lost its split.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.methodology.doubtful_candidates import (
    READ,
    CandidateState,
    DoubtLimits,
    doubtful_candidates,
    waiting,
)
from r2k_pipeline.rulebook.reference_facts import read_facts
from r2k_pipeline.rulebook.rules import rules_in_force

if TYPE_CHECKING:
    from random import Random

DAY = date(2022, 5, 6)
RULES = replace(rules_in_force(DAY), total_count=4)
# Five companies are ranked; the fourth, of 400 m, is the smallest member.
CAPS = (9e9, 5e9, 1e9, 4e8, 1e8)
RANKING = pl.DataFrame(
    {
        "session": DAY,
        "company_id": [f"C-{place}" for place in range(1, 6)],
        "rank": range(1, 6),
        "total_market_cap_usd": CAPS,
    }
)
HEADER = "symbol,company,session,verdict,reason,source,certainty"
NOTHING_SETTLED = read_facts("settled_doubts", f"{HEADER}\n")
SCHEMA = dict.fromkeys(READ, pl.String) | {"session": pl.Date, "market_cap_usd": pl.Float64}
Row = dict[str, Any]


def line(
    cap: float | None, rule: str | None = None, failed: str | None = None, **row: object
) -> Row:
    """One line of BETA Inc. on the rank day, unless told otherwise."""
    return {
        "session": DAY,
        "security_id": "S-B",
        "company_id": "C-B",
        "symbol": "BETA",
        "name": "Beta Inc. Common Stock",
        "market_cap_usd": cap,
        "repair_rule": rule,
        "failed_rules": failed,
        **row,
    }


def before(cap: float | None, sessions: int = 1, **row: object) -> Row:
    """The same line some days before, sound unless told otherwise."""
    return line(cap) | {"session": DAY - timedelta(days=sessions)} | row


def doubts(*rows: Row, settled: pl.DataFrame = NOTHING_SETTLED) -> pl.DataFrame:
    return doubtful_candidates(
        pl.DataFrame(rows, schema=SCHEMA), RANKING, rank_day=DAY, settled=settled, rules=RULES
    )


def state(*rows: Row) -> str | None:
    found = doubts(*rows)
    assert found.height <= 1
    return found["state"].item() if found.height else None


JUMPED = ("cap_without_history", "unrepaired")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # Shares that multiplied with a merger: either size is above the cut.
        ([before(6e8), line(4e9, *JUMPED)], "waits"),
        # Either value alone is enough: the smaller one may be the fault.
        ([before(6e8), line(1e7, *JUMPED)], "waits"),
        ([before(1e7), line(6e8, *JUMPED)], "waits"),
        ([line(6e8, *JUMPED)], "waits"),
        # The largest company of all is no breakpoint case, but would vanish all the same.
        ([before(9e11), line(9e12, *JUMPED)], "waits"),
        # Just above and just below the margin under the smallest member.
        ([before(3.2e8), line(1e6, *JUMPED)], "waits"),
        ([before(3.19e8), line(1e6, *JUMPED)], "too_small"),
        # A cap that stays blank, and a close that is missing.
        ([before(6e8), line(None, None, "no_market_cap")], "waits"),
        ([before(6e8), line(0.0, None, "no_market_cap")], "waits"),
        ([before(6e8), line(None, "close_missing", "no_close no_market_cap unrepaired")], "waits"),
        # A new listing of which no size was ever seen: nothing says that it is near.
        ([line(None, None, "no_market_cap")], "size_unknown"),
        ([before(None, failed_rules="no_market_cap"), line(None, None, "no_market_cap")],
         "size_unknown"),
        # A sound size of another line counts only while that line was eligible.
        ([before(6e8, security_id="S-O"), line(None, None, "no_market_cap")], "waits"),
        ([before(6e8, security_id="S-O", failed_rules="line_type"),
          line(None, None, "no_market_cap")], "size_unknown"),
        # A quarantined size is no sound one.
        ([before(6e8, repair_rule="close_out_of_line", failed_rules="unrepaired"),
          line(None, None, "no_market_cap")], "size_unknown"),
        # The close is in doubt, so its being below the least price is as well.
        ([before(6e8), line(6e7, "close_out_of_line", "price_below_minimum unrepaired")], "waits"),
        # The close is sound: below the least price whatever its shares.
        ([before(6e8), line(6e9, "cap_without_history", "price_below_minimum unrepaired")], None),
        # Ineligible for other reasons, and not in doubt at all.
        ([before(6e8), line(6e9, "cap_without_history", "foreign unrepaired")], None),
        ([before(6e8), line(6e9, "cap_without_history", "line_type unrepaired")], None),
        ([before(6e8), line(6e8)], None),
        ([before(6e8), line(2e7, None, "cap_below_minimum")], None),
    ],
)  # fmt: skip
def test_what_a_doubt_means_for_the_event(rows: list[Row], expected: str | None) -> None:
    assert state(*rows) == expected


def test_the_values_and_the_ranks_they_would_have_had_are_told() -> None:
    (row,) = doubts(before(6e8, 2), before(7e8, 1), line(6e9, *JUMPED)).iter_rows(named=True)
    assert (row["received_usd"], row["received_rank"]) == (6e9, 2)
    assert (row["sound_usd"], row["sound_session"], row["sound_rank"]) == (7e8, date(2022, 5, 5), 4)
    assert row["sentence"] == (
        "BETA (cap_without_history): $6.0 bn as received (rank 2), $700.0 m on 2022-05-05 (rank 4)"
    )


def test_a_company_of_several_lines_is_told_once_by_its_largest() -> None:
    found = doubts(
        before(6e8),
        line(5e8, *JUMPED, security_id="S-B2", symbol="BETB"),
        line(6e9, *JUMPED),
    )
    assert found.select("symbol", "received_usd").rows() == [("BETA", 6e9)]


def test_a_person_may_leave_a_company_out_of_one_event() -> None:
    row = f"BETA,Beta,{DAY},left_out,Nobody can tell yet.,Form 8-K,from_memory"
    settled = read_facts("settled_doubts", f"{HEADER}\n{row}\n")
    found = doubts(before(6e8), line(6e9, *JUMPED), settled=settled)
    assert found["state"].to_list() == ["left_out"]
    assert found["sentence"].item().endswith("; left out: Nobody can tell yet.")
    assert waiting(found).is_empty()
    for other in (row.replace(str(DAY), "2022-05-09"), row.replace("Beta,", "Gamma,")):
        elsewhere = read_facts("settled_doubts", f"{HEADER}\n{other}\n")
        kept = doubts(before(6e8), line(6e9, *JUMPED), settled=elsewhere)
        assert kept["state"].to_list() == ["waits"]


def test_the_gravest_and_largest_come_first() -> None:
    def other(name: str) -> Row:
        return {"company_id": f"C-{name}", "security_id": f"S-{name}", "symbol": name}

    found = doubts(
        line(None, None, "no_market_cap", **other("NONE")),
        line(1e6, *JUMPED, **other("TINY")),
        line(5e8, *JUMPED, **other("LESS")),
        line(5e9, *JUMPED, **other("MORE")),
    )
    assert found.select("symbol", "state").rows() == [
        ("MORE", "waits"), ("LESS", "waits"), ("NONE", "size_unknown"), ("TINY", "too_small"),
    ]  # fmt: skip


def test_with_fewer_companies_than_the_index_has_room_the_smallest_is_the_cut() -> None:
    frame = pl.DataFrame([before(9e7), line(8.5e7, *JUMPED)], schema=SCHEMA)
    roomy = replace(RULES, total_count=3000)
    found = doubtful_candidates(
        frame, RANKING, rank_day=DAY, settled=NOTHING_SETTLED, rules=roomy,
        limits=DoubtLimits(cut_margin=0.1),
    )  # fmt: skip
    assert found["state"].to_list() == ["waits"]


CASES = st.lists(
    st.fixed_dictionaries(
        {
            "session": st.sampled_from([DAY - timedelta(days=n) for n in range(4)]),
            "company": st.integers(1, 9),
            "part": st.integers(0, 1),
            "cap": st.none() | st.floats(0, 2e10),
            "rule": st.none()
            | st.sampled_from(["cap_without_history", "close_out_of_line", "blank_cap"]),
            "failed": st.none()
            | st.sampled_from(
                ["unrepaired", "no_market_cap", "line_type unrepaired", "foreign",
                 "price_below_minimum unrepaired", "cap_below_minimum"]
            ),
        }
    ),
    max_size=25,
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
                company_id=f"C-{case['company']}",
                security_id=f"S-{case['company']}-{case['part']}",
                symbol=f"L{case['company']}{case['part']}",
            )
            for case in cases
        ],
        schema=SCHEMA,
    )


def judged(frame: pl.DataFrame) -> pl.DataFrame:
    return doubtful_candidates(frame, RANKING, rank_day=DAY, settled=NOTHING_SETTLED, rules=RULES)


@settings(max_examples=60, deadline=None)
@given(CASES, st.randoms(use_true_random=False))
def test_invariants_of_any_universe(cases: list[Row], random: Random) -> None:
    frame = frame_of(cases)
    found = judged(frame)
    # 1. C-1 to C-5 are ranked.
    assert set(found["company_id"]).isdisjoint(RANKING["company_id"])
    # 2. Some line of each company in doubt fails rules for want of values only.
    day = frame.filter(pl.col("session") == DAY)
    others = {"line_type", "foreign"}
    for company in found["company_id"]:
        failed = day.filter(pl.col("company_id") == company)["failed_rules"].to_list()
        assert any(text and others.isdisjoint(text.split()) for text in failed)
    # 3. Any order of rows, and any later session.
    shuffled = cases.copy()
    random.shuffle(shuffled)
    later = frame.with_columns(session=pl.col("session") + timedelta(days=10))
    assert judged(frame_of(shuffled)).equals(found)
    assert judged(pl.concat([frame, later])).equals(found)
    # 4. Ten times the caps: whoever waited still waits.
    larger = judged(frame.with_columns(pl.col("market_cap_usd") * 10))
    assert set(waiting(found)["company_id"]) <= set(waiting(larger)["company_id"])
    assert set(found["state"]) <= set(CandidateState)
