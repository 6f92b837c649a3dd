"""Floats at events and reviews: golden cases by hand, then any floats at all.

Invariants: floats choose no member; shares count by exactly their float, and weights sum to
1; a float alters nothing before the event or review that takes it; every line takes its own.
"""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.methodology.float_factors import (
    KNOWN_FLOATS,
    event_floats,
    located_floats,
    lost_symbols,
    with_float_status,
    with_floats_in_force,
)
from r2k_pipeline.methodology.maintained_lines import maintained_lines
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_before, sessions_between
from r2k_pipeline_tests.reviewed_market import ipo, worked

JUNE = event("2022-06")
EVE, FIRST, REVIEW = date(2022, 6, 24), JUNE.effective_session, date(2022, 9, 19)
SESSIONS = [*sessions_before(FIRST, 5), *sessions_between(FIRST, date(2022, 9, 21))]
# HAL has one line, TWO two, and NEW joins in September.
LINES = {"HAL": "HAL", "TWO.A": "TWO", "TWO.B": "TWO", "NEW": "NEW"}
UNIVERSE = pl.concat(
    pl.DataFrame(
        {
            "session": SESSIONS, "security_id": f"S-{line}", "company_id": f"C-{company}",
            "symbol": line, "name": line, "close_usd": 10.0, "previous_close_usd": 10.0,
            "line_shares": 100.0, "is_eligible": True,
        }
    )
    for line, company in LINES.items()
)  # fmt: skip
PLACE = {"sector": "x", "segment": "small", "indexes": "all", "event_id": JUNE.event_id}
DECISIONS = pl.DataFrame(
    {"security_id": ["S-HAL", "S-TWO.A"], "company_id": ["C-HAL", "C-TWO"]}
).with_columns(**{name: pl.lit(value) for name, value in PLACE.items()})
ACTIONS = {"session": pl.Date, "security_id": pl.String, "action_type": pl.String}
CHANGES = {
    "session": pl.Date, "security_id": pl.String, "company_id": pl.String, "sector": pl.String,
    "segment": pl.String, "indexes": pl.String, "event_id": pl.String, "change": pl.String,
    "share_factor": pl.Float64, "float_factor": pl.Float64, "decided_day": pl.Date,
}  # fmt: skip
JOINS = {
    "session": REVIEW, "security_id": "S-NEW", "company_id": "C-NEW", **PLACE,
    "change": "ipo_addition", "float_factor": 0.25, "decided_day": date(2022, 8, 12),
}  # fmt: skip


def known(*rows: tuple[date, str, float]) -> pl.DataFrame:
    named = [(day, f"S-{line}", factor) for day, line, factor in rows]
    return pl.DataFrame(named, schema=KNOWN_FLOATS, orient="row")


def laid(floats: pl.DataFrame, *changes: dict[str, object]) -> pl.DataFrame:
    """Contract `constituents` with these floats."""
    taken = event_floats(floats, JUNE, rules_of=rules_in_force)
    return maintained_lines(
        DECISIONS,
        with_float_status(pl.DataFrame(list(changes), schema=CHANGES), floats),
        with_floats_in_force(UNIVERSE, floats, taken, event=JUNE),
        pl.DataFrame(schema=ACTIONS),
        event=JUNE,
        sessions=SESSIONS,
        end=SESSIONS[-1],
        rules=rules_in_force(JUNE.rank_day),
    )


def standing(lines: pl.DataFrame, day: date) -> dict[str, tuple[float, float, str]]:
    """Shares, float and status of each line on a session."""
    rows = lines.filter(pl.col("session") == day)
    return {
        row["symbol"]: (row["index_shares"], row["float_factor"], row["float_status"])
        for row in rows.iter_rows(named=True)
    }


def test_an_event_takes_what_holds_on_its_eve_line_by_line() -> None:
    floats = known(
        (date(2022, 5, 2), "HAL", 0.7), (EVE, "HAL", 0.6), (FIRST, "HAL", 0.5), (EVE, "TWO.B", 0.4)
    )
    lines = laid(floats)
    expected = {
        "HAL": (60.0, 0.6, "known"),
        "TWO.A": (100.0, 1.0, "unknown"),
        "TWO.B": (40.0, 0.4, "known"),
    }
    # What holds from the first session on waits for a review.
    assert standing(lines, FIRST) == standing(lines, SESSIONS[-1]) == expected


def test_without_a_source_every_float_is_one_and_unknown() -> None:
    assert set(standing(laid(known()), FIRST).values()) == {(100.0, 1.0, "unknown")}


def test_a_review_changes_the_line_whose_float_moved_and_no_other() -> None:
    floats = known((EVE, "TWO.A", 0.5), (date(2022, 8, 1), "TWO.A", 0.6))
    update: dict[str, object] = {
        "session": REVIEW, "security_id": "S-TWO.A", "company_id": "C-TWO",
        "change": "float_update", "share_factor": 0.6 / 0.5, "float_factor": 0.6,
        "decided_day": date(2022, 8, 12),
    }  # fmt: skip
    lines = laid(floats, update)
    assert standing(lines, date(2022, 9, 16))["TWO.A"] == (50.0, 0.5, "known")
    after = standing(lines, REVIEW)
    assert after["TWO.A"] == (60.0, 0.6, "known")
    assert after["TWO.B"] == (100.0, 1.0, "unknown")


@pytest.mark.parametrize(
    ("floats", "expected"),
    [
        (known(), (25.0, 0.25, "unknown")),  # as the rulebook assumes of an IPO
        (known((date(2022, 9, 1), "NEW", 0.25)), (25.0, 0.25, "known")),
        (known((REVIEW, "NEW", 0.3)), (25.0, 0.25, "unknown")),
    ],
)
def test_who_joins_says_whether_its_float_is_known(
    floats: pl.DataFrame, expected: tuple[float, float, str]
) -> None:
    assert standing(laid(floats, JOINS), REVIEW)["NEW"] == expected


def test_a_float_that_becomes_known_is_taken_beyond_the_buffer() -> None:
    day, late = date(2022, 8, 1), date(2022, 8, 15)
    rows = worked(floats=known((day, "A", 0.5), (day, "B", 0.98), (late, "C", 0.5)))
    assert rows.select("symbol", "review_id", "share_factor", "float_factor", "reason").rows() == [
        ("A", "2022-09", 0.5, 0.5, "float is known: 50.0 %, not the 100.0 % assumed"),
        ("C", "2022-12", 0.5, 0.5, "float is known: 50.0 %, not the 100.0 % assumed"),
    ]


def test_a_known_float_is_not_freed_when_the_lock_up_ends() -> None:
    # 180 days from 1 July end before the cut-off of March; 34 % is near the third assumed.
    rows = worked(ipo("NEW", 30.0), floats=known((date(2022, 12, 1), "NEW", 0.34)))
    assert rows["change"].to_list() == ["ipo_addition"]


@pytest.mark.parametrize(
    ("in_june", "reviewed", "in_december", "expected"),
    [
        (0.60, 0.60, 0.63, 0.60),  # 3 points do not exceed the buffer
        (0.60, 0.60, 0.64, 0.64),
        (0.60, 0.64, 0.62, 0.64),  # September took it, and December is 2 points from that
        (0.10, 0.10, 0.115, 0.115),  # up to 15 % a point counts
        (None, None, 0.97, 0.97),  # the first that is known is taken as it is
    ],
)
def test_december_has_a_buffer_and_june_has_none(
    in_june: float | None, reviewed: float | None, in_december: float, expected: float
) -> None:
    days = (date(2026, 5, 1), date(2026, 7, 1), date(2026, 11, 2))
    told = zip(days, (in_june, reviewed, in_december), strict=True)
    floats = known(*((day, "HAL", factor) for day, factor in told if factor is not None))
    taken = event_floats(floats, event("2026-12"), rules_of=rules_in_force)
    assert taken["float_factor"].to_list() == [expected]
    june = event_floats(floats, event("2027-06"), rules_of=rules_in_force)
    assert june["float_factor"].to_list() == [in_december]


def test_a_row_is_given_to_the_line_that_bore_its_symbol_then() -> None:
    first, last = date(2021, 1, 4), date(2023, 1, 4)
    turn = date(2022, 6, 24)
    securities = pl.DataFrame(
        [
            ("ABC", "S-OLD", first, date(2022, 6, 23)),
            ("ABC", "S-NEXT", turn, last),
            ("BRK/B", "S-B", first, last),
            ("BRKB", "S-LOOKS", first, last),
        ],
        schema=["symbol", "security_id", "first_session", "last_session"],
        orient="row",
    )
    given_rows = [
        (first, "ABC", 0.1), (turn, "abc", 0.2), (turn, "BRK/B", 0.3), (turn, "S-B", 0.4),
        (turn, "XYZ", 0.5),
    ]  # fmt: skip
    told = pl.DataFrame(given_rows, schema=["session", "symbol", "float_factor"], orient="row")
    assert located_floats(told, securities).rows() == [
        (first, "S-OLD", 0.1), (turn, "S-B", 0.4), (turn, "S-NEXT", 0.2),
    ]  # fmt: skip
    assert lost_symbols(told, securities) == ["XYZ"]


factors = st.floats(0.0001, 1.0)
any_floats = st.lists(
    st.tuples(st.sampled_from(SESSIONS), st.sampled_from(list(LINES)), factors),
    max_size=6,
    unique_by=lambda row: row[:2],
)


@given(any_floats)
@settings(max_examples=30, deadline=None)
def test_weights_sum_to_one_with_any_floats(rows: list[tuple[date, str, float]]) -> None:
    lines, full = laid(known(*rows), JOINS), laid(known(), JOINS)
    key = ["session", "security_id"]
    assert lines.select(key).equals(full.select(key))
    sums = lines.group_by("session").agg(
        (pl.col("market_value_usd") / pl.col("market_value_usd").sum()).sum().alias("weights")
    )
    assert sums["weights"].to_list() == pytest.approx([1.0] * sums.height)
    assert lines["index_shares"].to_list() == pytest.approx((100 * lines["float_factor"]).to_list())
    early = {f"S-{line}" for day, line, _ in rows if day <= EVE}
    at_event = lines.filter(pl.col("session") == FIRST, pl.col("float_status") == "known")
    assert set(at_event["security_id"]) == early - {"S-NEW"}
