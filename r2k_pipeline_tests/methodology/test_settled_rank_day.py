"""A rank day with the companies whose doubt is settled.

Invariants:
    1. Without a settled doubt the day is as it was.
    2. The ranking is the one that the settled universe gives, and everybody else is
       ranked with the values that they had, in their order among themselves.
    3. A settled line keeps what was received beside what it is taken with.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema, require_shape
from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.methodology.settled_rank_day import RankDay, settled_rank_day
from r2k_pipeline.rulebook.rules import rules_in_force

DAY = date(2022, 5, 6)
RULES = rules_in_force(DAY)
OTHERS = "cap_below_minimum float_below_minimum not_traded"
DOUBTS = {
    "security_id": pl.String,
    "state": pl.String,
    "taken_usd": pl.Float64,
    "taken_close_usd": pl.Float64,
    "taken_shares": pl.Float64,
    "sentence": pl.String,
}
Row = dict[str, Any]


def line(name: str, cap: float | None, close: float | None = 10.0, **row: object) -> Row:
    is_eligible = row.get("failed_rules") is None
    return {
        "session": DAY,
        "security_id": f"S-{name}",
        "company_id": f"C-{name}",
        "symbol": name,
        "exchange": "nyse",
        "line_type": "common",
        "close_usd": close,
        "market_cap_usd": cap,
        "addtv_usd": 1e6,
        "is_eligible": is_eligible,
        "exclusion_reason": None if is_eligible else "unrepaired",
        "unknown_rules": OTHERS,
        **row,
    }


def taken(name: str, cap: float | None, close: float = 10.0, state: str = "settled_later") -> Row:
    return {
        "security_id": f"S-{name}",
        "state": state,
        "taken_usd": cap,
        "taken_close_usd": None if cap is None else close,
        "taken_shares": None if cap is None else cap / close,
        "sentence": f"{name} is in doubt; settled",
    }


def day_of(lines: list[Row], doubts: list[Row]) -> RankDay:
    universe = pl.DataFrame(lines, schema=polars_schema(contract("universe")))
    return settled_rank_day(
        universe,
        rank_companies(universe, rules=RULES),
        pl.DataFrame(doubts, schema=DOUBTS),
        rules=RULES,
    )


MARKET = [line("BIG", 9e9), line("MID", 2e9), line("LOW", 1e8)]
JUMPED = line("BETA", 5e10, repair_rule="cap_without_history", failed_rules="unrepaired",
              repair_evidence="a jump", raw_market_cap_usd=None)  # fmt: skip


def row_of(day: RankDay, symbol: str) -> Row:
    return day.universe.filter(pl.col("symbol") == symbol).row(0, named=True)


@pytest.mark.parametrize(
    "doubts", [[], [taken("BETA", None, state="waits")], [taken("BETA", None, state="too_small")]]
)
def test_without_a_settled_doubt_nothing_changes(doubts: list[Row]) -> None:
    universe = pl.DataFrame([*MARKET, JUMPED], schema=polars_schema(contract("universe")))
    day = day_of([*MARKET, JUMPED], doubts)
    assert day.universe.equals(universe)
    assert day.ranking.equals(rank_companies(universe, rules=RULES))
    assert day.ranking["symbol"].to_list() == ["BIG", "MID", "LOW"]


def test_a_settled_company_is_ranked_among_the_others() -> None:
    day = day_of([*MARKET, JUMPED], [taken("BETA", 5e9)])
    assert day.ranking["symbol"].to_list() == ["BIG", "BETA", "MID", "LOW"]
    assert day.ranking["cumulative_market_cap_share"][-1] == 1.0
    require_shape(contract("ranking"), day.ranking)
    row = row_of(day, "BETA")
    assert (row["market_cap_usd"], row["raw_market_cap_usd"]) == (5e9, 5e10)
    assert (row["close_usd"], row["raw_close_usd"]) == (10.0, None)
    assert (row["total_shares"], row["line_shares"]) == (5e8, 5e8)
    assert (row["repair_rule"], row["repair_evidence"]) == (
        "settled_later", "BETA is in doubt; settled"
    )  # fmt: skip
    assert (row["is_eligible"], row["exclusion_reason"], row["failed_rules"]) == (True, None, None)
    assert row["unknown_rules"] == "float_below_minimum not_traded"


@pytest.mark.parametrize("close", [None, 0.0, 99.0])
def test_a_close_that_is_taken_stands_beside_the_one_received(close: float | None) -> None:
    rule = "close_out_of_line" if close else "close_missing"
    doubted = line("BETA", None, close, repair_rule=rule, failed_rules="unrepaired")
    day = day_of([*MARKET, doubted], [taken("BETA", 5e9, 20.0, state="size_assumed")])
    row = row_of(day, "BETA")
    assert (row["close_usd"], row["raw_close_usd"]) == (20.0, close)
    assert (row["repair_rule"], row["total_shares"]) == ("size_assumed", 2.5e8)
    assert day.ranking.filter(pl.col("symbol") == "BETA")["close_usd"].to_list() == [20.0]


@pytest.mark.parametrize(
    ("cap", "close", "failed"),
    [
        (2.9e7, 10.0, "cap_below_minimum"),
        (5e9, 0.97, "price_below_minimum"),
        (2.9e7, 0.97, "price_below_minimum cap_below_minimum"),
    ],
)
def test_a_settled_line_may_fail_a_rule_after_all(cap: float, close: float, failed: str) -> None:
    day = day_of([*MARKET, JUMPED], [taken("BETA", cap, close)])
    row = row_of(day, "BETA")
    assert (row["is_eligible"], row["failed_rules"]) == (False, failed)
    assert row["exclusion_reason"] == failed.split(" ", maxsplit=1)[0]
    assert day.ranking["symbol"].to_list() == ["BIG", "MID", "LOW"]


def test_nothing_is_unknown_any_more_where_only_the_size_was() -> None:
    doubted = {**JUMPED, "unknown_rules": "cap_below_minimum"}
    assert row_of(day_of([doubted], [taken("BETA", 5e9)]), "BETA")["unknown_rules"] is None


@settings(max_examples=40, deadline=None)
@given(
    caps=st.lists(st.integers(30, 900), min_size=1, max_size=8),
    settled=st.lists(st.integers(1, 900), max_size=4),
)
def test_everybody_else_keeps_value_and_order(caps: list[int], settled: list[int]) -> None:
    market = [line(f"M{n}", cap * 1e6) for n, cap in enumerate(caps)]
    doubted = [{**JUMPED, **line(f"D{n}", None, failed_rules="no_market_cap")}
               for n, _ in enumerate(settled)]  # fmt: skip
    doubts = [taken(f"D{n}", cap * 1e6) for n, cap in enumerate(settled)]
    day = day_of([*market, *doubted], doubts)
    before = day_of([*market, *doubted], [])
    columns = ["company_id", "total_market_cap_usd"]
    others = ~pl.col("symbol").str.starts_with("D")
    assert day.ranking.filter(others).select(columns).equals(before.ranking.select(columns))
    assert day.universe.filter(others).equals(before.universe.filter(others))
    assert day.ranking.equals(rank_companies(day.universe, rules=RULES))
    minimum = RULES.minimum_total_market_cap_usd
    assert day.ranking.height == len(caps) + sum(cap * 1e6 >= minimum for cap in settled)
