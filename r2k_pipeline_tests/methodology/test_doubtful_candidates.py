"""Who is in doubt on a rank day, and for whom an event has to wait.

Golden cases follow faults that real feeds show (sizes and names invented): a merged
shell whose shares multiply, a cap that stays blank after a change of symbol, a close
that lost its split. What holds of any universe is `test_doubt_invariants`.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from r2k_pipeline.methodology.doubtful_candidates import (
    DoubtLimits,
    doubted_companies,
    doubtful_candidates,
    waiting,
)
from r2k_pipeline.rulebook.reference_facts import read_facts
from r2k_pipeline_tests.methodology.doubt_cast import (
    BLANK,
    CHEAP,
    DAY,
    HEADER,
    JUMPED,
    JUNE,
    LAST,
    NO_CLOSE,
    NOTHING_SETTLED,
    RANKING,
    RULES,
    SCHEMA,
    SPLITS,
    Row,
    after,
    before,
    doubts,
    line,
)


def state(*rows: Row, is_over: bool = False) -> str | None:
    found = doubts(*rows, is_over=is_over)
    assert found.height <= 1
    return found["state"].item() if found.height else None


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # Just within 20 % of the smallest member, from below and from above, and just not.
        ([before(3.2e8), line(1e6, *JUMPED)], "waits"),
        ([before(3.19e8), line(1e6, *JUMPED)], "too_small"),
        ([before(4.8e8), line(9e8, *JUMPED)], "waits"),
        ([before(4.81e8), line(9e8, *JUMPED)], "size_assumed"),
        # Either value alone is enough: the other may be the fault.
        ([before(9e8), line(4.5e8, *JUMPED)], "waits"),
        ([line(4.5e8, *JUMPED)], "waits"),
        # Within the band around the last large company.
        ([before(6e9), line(8e9, *JUMPED)], "waits"),
        # On either side of a breakpoint, and near none.
        ([before(6e8), line(1e7, *JUMPED)], "waits"),
        ([before(1e7), line(6e8, *JUMPED)], "waits"),
        ([before(2e9), line(1e10, *JUMPED)], "waits"),
        # Far from both and in one segment: large, small, micro, or outside.
        ([before(9e11), line(9e12, *JUMPED)], "size_assumed"),
        ([before(6e8), line(4e9, *JUMPED)], "size_assumed"),
        ([before(2e8), line(1.5e8, *JUMPED)], "size_assumed"),
        ([before(2e6), line(3e6, *JUMPED)], "size_assumed"),
        ([line(6e8, *JUMPED)], "size_assumed"),
        # Micro or outside: never a member of the r3000.
        ([before(2e8), line(1e6, *JUMPED)], "too_small"),
        # A cap that is blank, and a close that is missing, near and far.
        ([before(4.5e8), line(None, *BLANK)], "waits"),
        ([before(4.5e8), line(0.0, *BLANK)], "waits"),
        ([before(4.5e8), line(None, *NO_CLOSE, close_usd=None)], "waits"),
        ([before(6e8), line(None, *BLANK)], "size_assumed"),
        # A new listing of which no size was ever seen: nothing says that it is near.
        ([line(None, *BLANK)], "size_unknown"),
        ([before(None, failed_rules="no_market_cap"), line(None, *BLANK)], "size_unknown"),
        # A sound size of another line counts only while that line was eligible.
        ([before(4.5e8, security_id="S-O"), line(None, *BLANK)], "waits"),
        ([before(4.5e8, security_id="S-O", failed_rules="line_type"), line(None, *BLANK)],
         "size_unknown"),
        # A quarantined size is no sound one, whatever repair stands in its place.
        ([before(4.5e8, repair_rule="close_out_of_line", failed_rules="unrepaired"),
          line(None, *BLANK)], "size_unknown"),
        ([before(4.5e8, repair_rule="unlisted_class", failed_rules="unrepaired"),
          line(None, *BLANK)], "size_unknown"),
        # A size without any close to rank it by.
        ([before(6e8, security_id="S-O"), line(None, *NO_CLOSE, close_usd=None)],
         "size_unknown"),
        # The close is in doubt, so its being below the least price is as well.
        ([before(4.5e8), line(6e7, *CHEAP, close_usd=0.1)], "waits"),
        # The close is sound: below the least price whatever its shares.
        ([before(4.5e8), line(6e9, "cap_without_history", CHEAP[1], close_usd=0.1)], None),
        # Ineligible for other reasons, and not in doubt at all.
        ([before(6e8), line(6e9, "cap_without_history", "foreign unrepaired")], None),
        ([before(6e8), line(6e9, "cap_without_history", "line_type unrepaired")], None),
        ([before(6e8), line(6e8)], None),
        ([before(6e8), line(2e7, None, "cap_below_minimum")], None),
    ],
)  # fmt: skip
def test_what_a_doubt_means_while_later_sessions_are_unknown(
    rows: list[Row], expected: str | None
) -> None:
    assert state(*rows) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # The first later session on which nothing contradicts the company settles it.
        ([before(4.5e8), line(2e9, *JUMPED), after(2e9)], "settled_later"),
        ([line(None, *BLANK), after(4.5e8)], "settled_later"),
        ([line(None, *BLANK), after(4.5e8, LAST)], "settled_later"),
        ([before(2e9), line(1e10, *JUMPED), after(1e10, repair_rule="new_level_accepted")],
         "settled_later"),
        # A cap carried from before, and one that is contradicted itself, settle nothing.
        ([before(4.5e8), line(2e9, *JUMPED), after(2e9, repair_rule="cap_spike")], "waits"),
        ([before(4.5e8), line(2e9, *JUMPED), after(2e9, repair_rule="split_without_close")],
         "waits"),
        ([before(4.5e8), line(2e9, *JUMPED), line(2e9, *JUMPED, session=date(2022, 5, 9))],
         "waits"),
        # Nor does another line, nor a session after the preliminary day.
        ([before(4.5e8), line(2e9, *JUMPED), after(2e9, security_id="S-O")], "waits"),
        ([before(4.5e8), line(2e9, *JUMPED), after(2e9, date(2022, 6, 6))], "waits"),
        # A contradiction that nothing settles is as grave as before.
        ([before(6e8), line(4e9, *JUMPED)], "size_assumed"),
        ([before(6e8), line(1e7, *JUMPED)], "waits"),
        ([before(4.5e8), line(None, *NO_CLOSE, close_usd=None)], "waits"),
        # A cap that stayed blank is not known, wherever it was before.
        ([before(4.5e8), line(None, *BLANK)], "size_unknown"),
        ([before(6e8), line(None, *BLANK)], "size_unknown"),
        ([before(9e11), line(None, *BLANK), after(None, failed_rules="no_market_cap")],
         "size_unknown"),
    ],
)  # fmt: skip
def test_what_a_doubt_means_when_the_preliminary_day_is_over(
    rows: list[Row], expected: str
) -> None:
    assert state(*rows, is_over=True) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # Settled: the shares of the later session at the close of the rank day.
        ([line(None, *BLANK), after(6e8, close_usd=12.0, line_shares=5e7)], (5e8, 10.0)),
        # Assumed: as received; else the last sound one, at the close that it had then.
        ([before(6e8), line(4e9, *JUMPED)], (4e9, 10.0)),
        ([before(6e8, close_usd=8.0), line(0.0, *NO_CLOSE, close_usd=0.0)], (6e8, 8.0)),
        # Waiting, unknown, too small: with nothing.
        ([before(4.5e8), line(2e9, *JUMPED)], (None, None)),
        ([line(None, *BLANK)], (None, None)),
        ([before(2e8), line(1e6, *JUMPED)], (None, None)),
    ],
)
def test_with_what_a_company_is_taken(
    rows: list[Row], expected: tuple[float | None, float | None]
) -> None:
    found = doubts(*rows)
    cap, close = found.select("taken_usd", "taken_close_usd").row(0)
    assert (cap, close) == expected
    if cap is not None:
        assert found["taken_shares"].item() == pytest.approx(cap / close)


def test_the_last_close_of_a_line_is_told_in_shares_of_the_rank_day() -> None:
    rows = [before(6e8, sessions=2, close_usd=8.0), line(None, *NO_CLOSE, close_usd=None)]
    splits = pl.DataFrame(
        {
            "session": [DAY - timedelta(days=1)],
            "security_id": "S-B",
            "action_type": "split",
            "split_factor": 4.0,
        }
    )
    found = doubtful_candidates(
        pl.DataFrame(rows, schema=SCHEMA), RANKING, splits, event=JUNE, is_over=False,
        settled=NOTHING_SETTLED, rules=RULES,
    )  # fmt: skip
    assert found.select("taken_usd", "taken_close_usd").row(0) == (6e8, 2.0)


def test_companies_in_doubt_are_named_as_they_are_listed() -> None:
    other = {"company_id": "C-1", "security_id": "S-1"}
    rows = [line(6e9, *JUMPED), line(6e9, *JUMPED, **other), line(6e8, company_id="C-S")]
    day = pl.DataFrame(rows, schema=SCHEMA)
    assert doubted_companies(day, RANKING) == ["C-B"]
    assert doubted_companies(day.clear(), RANKING) == []


def test_the_values_and_the_ranks_they_would_have_had_are_told() -> None:
    (row,) = doubts(before(6e8, 2), before(7e8, 1), line(6e9, *JUMPED)).iter_rows(named=True)
    assert (row["received_usd"], row["received_rank"]) == (6e9, 2)
    assert (row["sound_usd"], row["sound_session"], row["sound_rank"]) == (7e8, date(2022, 5, 5), 4)
    assert row["sentence"] == (
        "BETA (cap_without_history): $6.0 bn as received (rank 2), $700.0 m on 2022-05-05 (rank 4)"
    )


@pytest.mark.parametrize(
    ("rows", "ending"),
    [
        ([before(6e8), line(6e9, *JUMPED), after(6.6e9, close_usd=11.0)],
         "; settled on 2022-05-11 by its 600000000 shares: $6.0 bn"),
        ([before(6e8), line(6e9, *JUMPED), after(6e9, repair_rule="new_level_accepted")],
         "; settled on 2022-05-11 by its 600000000 shares (new_level_accepted): $6.0 bn"),
        ([before(6e8), line(4e9, *JUMPED)], "; no breakpoint is near, so $4.0 bn is taken"),
    ],
)  # fmt: skip
def test_what_settled_a_doubt_is_told(rows: list[Row], ending: str) -> None:
    (row,) = doubts(*rows).iter_rows(named=True)
    assert row["sentence"].endswith(ending)
    assert row["settled_session"] == (date(2022, 5, 11) if "settled" in ending else None)


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
    found = doubts(before(6e8), line(6e9, *JUMPED), after(6e9), settled=settled)
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
        after(3e9, **other("LATE")),
        line(None, *BLANK, **other("LATE")),
        line(None, *BLANK, **other("NONE")),
        before(2e8, **other("TINY")),
        line(1e6, *JUMPED, **other("TINY")),
        line(3e9, *JUMPED, **other("SURE")),
        line(4.5e8, *JUMPED, **other("LESS")),
        line(6e9, *JUMPED, **other("MORE")),
    )
    assert found.select("symbol", "state").rows() == [
        ("MORE", "waits"), ("LESS", "waits"), ("NONE", "size_unknown"), ("SURE", "size_assumed"),
        ("TINY", "too_small"), ("LATE", "settled_later"),
    ]  # fmt: skip


def test_what_is_near_can_be_told_otherwise() -> None:
    frame = pl.DataFrame([before(6e8), line(5.9e8, *JUMPED)], schema=SCHEMA)
    for margin, expected in ((0.2, "size_assumed"), (0.5, "waits")):
        found = doubtful_candidates(
            frame, RANKING, SPLITS, event=JUNE, is_over=False, settled=NOTHING_SETTLED,
            rules=RULES, limits=DoubtLimits(margin=margin),
        )  # fmt: skip
        assert found["state"].to_list() == [expected]
