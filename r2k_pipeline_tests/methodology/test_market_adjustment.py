"""The market's movement since a rank day.

Invariants: entries, exits, changes of shares and splits move nothing; the movement up to a
day does not depend on later days; if every price rises alike, so does the market.
"""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.methodology.market_adjustment import breakpoint_at, market_ratios, ratio_on
from r2k_pipeline.rulebook.sessions import sessions_between

DAYS = sessions_between(date(2022, 5, 6), date(2022, 5, 20))
ACTIONS = {
    "session": pl.Date,
    "security_id": pl.String,
    "action_type": pl.String,
    "split_factor": pl.Float64,
}


def line(name: str, closes: list[float | None], shares: list[float] | None = None) -> pl.DataFrame:
    held = [100.0] * len(closes) if shares is None else shares
    return pl.DataFrame(
        {
            "session": DAYS[: len(closes)],
            "security_id": name,
            "close_usd": closes,
            "line_shares": held,
        },
        schema_overrides={"close_usd": pl.Float64},
    )


def ratios(*lines: pl.DataFrame, splits: tuple[tuple[date, str, float], ...] = ()) -> list[float]:
    told = [(day, name, "split", factor) for day, name, factor in splits]
    actions = pl.DataFrame(told, schema=ACTIONS, orient="row")
    return market_ratios(pl.concat(lines), actions)["market_ratio"].to_list()


def test_returns_are_weighted_by_the_shares_of_the_day_before() -> None:
    # 100 x 10 + 200 x 10 become 100 x 12 + 200 x 10: +6.67 %; then +200 on 3,200.
    found = ratios(line("A", [10.0, 12.0, 14.0]), line("B", [10.0, 10.0, 10.0], [200.0] * 3))
    assert found == pytest.approx([1.0, 3200 / 3000, 3400 / 3000])


def test_entries_exits_and_new_shares_move_nothing() -> None:
    steady = line("A", [10.0] * 4)
    late = line("B", [None, None, 50.0, 50.0])
    gone = line("C", [90.0, 90.0])
    grown = line("D", [10.0] * 4, [100.0, 100.0, 900.0, 900.0])
    assert ratios(steady, late, gone, grown) == [1.0] * 4


def test_a_split_moves_nothing() -> None:
    split = line("A", [30.0, 30.0, 10.0, 11.0], [100.0, 100.0, 300.0, 300.0])
    assert ratios(split, splits=((DAYS[2], "A", 3.0),)) == pytest.approx([1.0, 1.0, 1.0, 1.1])


def test_a_session_that_the_feed_missed_is_bridged() -> None:
    whole = line("A", [10.0, 11.0, 12.0])
    assert ratios(whole.filter(pl.col("session") != DAYS[1])) == pytest.approx([1.0, 1.2])


def test_the_ratio_of_a_day_without_a_session_is_the_last_one() -> None:
    found = market_ratios(line("A", [10.0, 11.0]), pl.DataFrame(schema=ACTIONS))
    assert ratio_on(found, DAYS[1]) == ratio_on(found, date(2022, 5, 15)) == pytest.approx(1.1)
    assert ratio_on(found, date(2022, 5, 5)) == 1.0


def test_fewer_companies_than_the_rank_leave_the_last_one() -> None:
    decisions = pl.DataFrame({"rank": [2, 1, None], "total_market_cap_usd": [4.0, 9.0, None]})
    assert [breakpoint_at(decisions, rank) for rank in (1, 2, 4000)] == [9.0, 4.0, 4.0]
    assert breakpoint_at(decisions.clear(), 1000) is None


prices = st.lists(st.floats(0.5, 500), min_size=6, max_size=6)


@given(st.lists(prices, min_size=1, max_size=4), st.integers(1, 5), st.floats(0.2, 5))
@settings(max_examples=40, deadline=None)
def test_a_common_move_is_the_market_and_later_days_change_nothing(
    closes: list[list[float]], known: int, move: float
) -> None:
    lines = [line(f"L{n}", list(path)) for n, path in enumerate(closes)]
    whole = ratios(*lines)
    part = ratios(*(one.head(known) for one in lines))
    assert part == whole[:known]
    moved = pl.when(pl.col("session") == DAYS[5]).then(pl.col("close_usd") * move)
    changed = [one.with_columns(close_usd=moved.otherwise("close_usd")) for one in lines]
    assert ratios(*changed)[5] == pytest.approx(whole[5] * move)
