"""Reduced views give the verdicts of the whole frame.

Invariants, for any frame and any rule:
1. Judged on distinct values and suspects, each rule has the same verdict, the same
   counts, the same partitions, the same sample and the same failing rows as judged
   on the whole frame.
2. Every rule is answered by exactly one view.
3. A view never shows more rows than the frame has.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.contracts.load import contract, tables
from r2k_pipeline.contracts.model import Rule, Severity
from r2k_pipeline.quality.expectations import check_frame
from r2k_pipeline.quality.views import views
from r2k_pipeline_tests.quality.bad_cells import BREAKS
from r2k_pipeline_tests.quality.good_frames import (
    FRIDAY,
    GOOD,
    MONDAY,
    frame,
    with_last_row,
)

# Few values each, so that they repeat, bad ones and missing ones among them.
SESSIONS = st.sampled_from([FRIDAY, MONDAY])
TEXTS = st.sampled_from(["nyse", "otc", "A B", "", "BOLT"])
NUMBERS = st.one_of(st.none(), st.integers(-3, 3))


@st.composite
def messy_listings(draw: st.DrawFn) -> pl.DataFrame:
    rows = st.tuples(SESSIONS, TEXTS, TEXTS, st.none() | TEXTS, NUMBERS, NUMBERS, NUMBERS)
    cells = draw(st.lists(rows, min_size=0, max_size=30))
    columns = ("session", "exchange", "symbol", "name", "close_usd", "volume_shares", "ipo_year")
    # `source` stays null throughout: a required column without a single value.
    values = {name: [row[i] for row in cells] for i, name in enumerate(columns)}
    return frame("raw_listings", **values)


def rule(
    name: str, expectation: str, *, derived: dict[str, str] | None = None, **arguments: object
) -> Rule:
    return Rule(
        name=name,
        sentence="A rule.",
        severity=Severity.ERROR,
        quarantines=True,
        expectation=expectation,
        arguments=arguments,
        derived=derived or {},
    )


EVERY_KIND = (
    rule("not_above", "expect_column_values_to_be_between", column="close_usd", max_value=1.0),
    rule(
        "strictly_within",
        "expect_column_values_to_be_between",
        column="volume_shares",
        min_value=-1,
        max_value=2,
        strict_min=True,
        strict_max=True,
    ),
    rule(
        "close_above_year",
        "expect_column_pair_values_a_to_be_greater_than_b",
        column_A="close_usd",
        column_B="ipo_year",
        ignore_row_if="either_value_is_missing",
    ),
    rule(
        "close_is_year",
        "expect_column_pair_values_to_be_equal",
        column_A="volume_shares",
        column_B="ipo_year",
        ignore_row_if="either_value_is_missing",
    ),
    rule("some_rows", "expect_table_row_count_to_be_between", min_value=3),
    rule("name_is_null", "expect_column_values_to_be_null", column="name"),
    rule("not_otc", "expect_column_values_to_not_be_in_set", column="exchange", value_set=["otc"]),
    rule("no_blank", "expect_column_values_to_not_match_regex", column="symbol", regex=" "),
    rule("lengths", "expect_column_value_lengths_to_be_between", column="symbol", min_value=2),
    rule("symbol_once", "expect_column_values_to_be_unique", column="symbol"),
    rule(
        "pair_equal",
        "expect_column_pair_values_to_be_equal",
        column_A="exchange",
        column_B="symbol",
    ),
    rule(
        "named_and_priced",
        "expect_column_values_to_be_in_set",
        column="unpriced",
        value_set=[False],
        derived={"unpriced": "name IS NULL OR close_usd IS NULL"},
    ),
    rule("half_have_names", "expect_column_values_to_not_be_null", column="name", mostly=0.5),
)
LISTINGS = contract("raw_listings")
STATED = {
    "exchange_is_given",
    "exchange_is_known",
    "symbol_is_well_formed",
    "volume_is_not_negative",
}
MANY_RULES = replace(
    LISTINGS,
    rules=(LISTINGS.rules[0], *(r for r in LISTINGS.rules if r.name in STATED), *EVERY_KIND),
)


@settings(max_examples=10)
@given(rows=messy_listings())
def test_reduced_and_whole_frames_have_the_same_outcomes(rows: pl.DataFrame) -> None:
    whole = check_frame(MANY_RULES, rows, reduce_from=10**9)
    reduced = check_frame(MANY_RULES, rows, reduce_from=0)

    assert reduced == whole
    # Positions are no part of an outcome's equality.
    assert [o.failed_positions for o in reduced] == [o.failed_positions for o in whole]


@pytest.mark.parametrize("table", tables())
def test_reduced_and_whole_frames_agree_on_every_contract(table: str) -> None:
    cells = {name: value for edit in BREAKS[table].values() for name, value in edit.items()}
    rows = pl.concat([GOOD[table], with_last_row(GOOD[table], **cells)])

    assert check_frame(contract(table), rows, reduce_from=0) == check_frame(
        contract(table), rows, reduce_from=10**9
    )


@pytest.mark.parametrize("reduce_from", [0, 10**9])
def test_each_rule_is_answered_by_one_view(reduce_from: int) -> None:
    rows = GOOD["raw_listings"]
    shown = list(views(MANY_RULES, rows, reduce_from=reduce_from))
    answered = [rule.name for view in shown for rule in view.rules]

    assert sorted(answered) == sorted(rule.name for rule in MANY_RULES.rules)
    assert all(view.shown.height <= rows.height for view in shown)


def test_a_small_frame_takes_one_call() -> None:
    assert len(list(views(LISTINGS, GOOD["raw_listings"], reduce_from=50_000))) == 1


def test_only_rows_that_share_their_key_are_suspects() -> None:
    rows = frame(
        "raw_listings",
        session=[date(2022, 6, 24)] * 4,
        exchange=["nyse"] * 4,
        symbol=["A", "B", "A", "C"],
    )
    key = replace(LISTINGS, rules=LISTINGS.rules[:1])
    (view,) = views(key, rows, reduce_from=0)

    assert view.shown["symbol"].to_list() == ["A", "A"]
    assert view.rows([0, 1]).to_list() == [0, 2]


def test_repeated_values_are_shown_once() -> None:
    symbol = next(r for r in LISTINGS.rules if r.name == "symbol_is_well_formed")
    rows = pl.concat([GOOD["raw_listings"]] * 100)
    (view,) = views(replace(LISTINGS, rules=(symbol,)), rows, reduce_from=0)

    assert view.shown.height == 3
    assert view.rows([1]).len() == 100


def test_rules_of_bounds_sets_and_missing_values_share_their_suspects() -> None:
    names = {"exchange_is_known", "close_is_positive", "exchange_is_given"}
    rules = tuple(rule for rule in LISTINGS.rules if rule.name in names)
    rows = frame(
        "raw_listings",
        exchange=["nyse", "otc", None, "amex", "nyse"],
        close_usd=[1.0, 2.0, 3.0, 0.0, None],
    )
    (view,) = views(replace(LISTINGS, rules=rules), rows, reduce_from=0)

    assert len(view.rules) == 3
    assert view.shown["exchange"].to_list() == ["otc", None, "amex"]
    assert view.rows([0, 2]).to_list() == [1, 3]


def test_rows_are_counted_without_being_shown() -> None:
    count = next(r for r in LISTINGS.rules if r.name == "there_are_listings")
    (view,) = views(replace(LISTINGS, rules=(count,)), GOOD["raw_listings"], reduce_from=0)

    assert (view.shown.columns, view.shown.height) == (["row"], 1)


def test_a_rule_that_most_rows_break_is_shown_each_value_once() -> None:
    given = next(r for r in LISTINGS.rules if r.name == "source_is_given")
    rows = frame("raw_listings", symbol=["A"] * 10_001)
    (view,) = views(replace(LISTINGS, rules=(given,)), rows, reduce_from=0)

    assert view.shown.height == 1
    assert view.rows([0]).len() == 10_001
