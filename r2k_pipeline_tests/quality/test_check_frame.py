"""What an outcome says, what is an error instead of a verdict, and what is held back."""

from __future__ import annotations

import gc
import json
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.model import Contract, Rule, Severity
from r2k_pipeline.errors import CheckExecutionError, ContractShapeError
from r2k_pipeline.quality import engine
from r2k_pipeline.quality.expectations import check_frame
from r2k_pipeline.quality.quarantine import split_quarantined
from r2k_pipeline_tests.quality.good_frames import FRIDAY, GOOD, MONDAY, frame, with_last_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.quality.outcome import CheckOutcome

LISTINGS = contract("raw_listings")


def only(table: Contract, name: str) -> Contract:
    return replace(table, rules=tuple(rule for rule in table.rules if rule.name == name))


def with_rule(expectation: str, **arguments: object) -> Contract:
    rule = Rule(
        name="the_rule",
        sentence="A rule.",
        severity=Severity.ERROR,
        quarantines=False,
        expectation=expectation,
        arguments=arguments,
    )
    return replace(LISTINGS, rules=(rule,))


def listings(closes: Sequence[float | None], session: date = MONDAY) -> pl.DataFrame:
    return frame(
        "raw_listings",
        session=[session] * len(closes),
        exchange=["nyse"] * len(closes),
        symbol=[f"L{number}" for number in range(len(closes))],
        close_usd=list(closes),
        source=["synthetic"] * len(closes),
        source_hash=["0123456789abcdef"] * len(closes),
    )


def close_outcome(rows: pl.DataFrame) -> CheckOutcome:
    return check_frame(only(LISTINGS, "close_is_positive"), rows)[0]


# Two sessions: on Friday 2 of 150 closes are bad, on Monday 7 of 200.
TWO_SESSIONS = pl.concat([
    listings([10.0] * 148 + [0.0, -1.0], FRIDAY),
    listings([10.0] * 193 + [-2.0] * 7, MONDAY),
])  # fmt: skip


def test_an_outcome_counts_by_partition_and_shows_five_rows() -> None:
    outcome = close_outcome(TWO_SESSIONS)

    assert not outcome.is_passed
    assert outcome.severity is Severity.WARN
    assert (outcome.evaluated_rows, outcome.failed_rows) == (350, 9)
    assert outcome.failed_by_partition == {"2022-06-24": 2, "2022-06-27": 7}
    assert outcome.sample[0] == {
        "session": FRIDAY,
        "exchange": "nyse",
        "symbol": "L148",
        "close_usd": 0.0,
    }
    assert len(outcome.sample) == 5
    assert outcome.sentence == (
        "A close, where there is one, is above zero. "
        "9 of 350 rows break this, in 2022-06-24, 2022-06-27."
    )


def test_a_table_without_partitions_is_counted_as_a_whole() -> None:
    bad = with_last_row(GOOD["securities"], confidence=2.0)
    outcome = check_frame(only(contract("securities"), "confidence_is_a_fraction"), bad)[0]

    assert outcome.failed_by_partition == {"whole": 1}


def test_a_failed_rule_about_the_table_shows_what_was_observed() -> None:
    outcome = check_frame(only(LISTINGS, "there_are_listings"), listings([]))[0]

    assert (outcome.failed_rows, outcome.sample) == (0, ({"observed": 0},))
    assert outcome.sentence == "The range has at least one listing. Observed: 0."


def test_a_sample_shows_the_columns_a_rule_derives() -> None:
    gap = with_last_row(GOOD["ranking"], rank=2)
    outcome = check_frame(only(contract("ranking"), "ranks_are_dense"), gap)[0]

    assert outcome.sample[0]["highest_rank_in_session"] == 2
    assert outcome.sample[0]["companies_in_session"] == 1


def test_nulls_in_an_integer_column_break_no_rule_about_its_values() -> None:
    years = with_last_row(GOOD["raw_listings"], ipo_year=None, volume_shares=None)

    assert [o.check_name for o in check_frame(LISTINGS, years) if not o.is_passed] == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_refused_before_any_rule(value: float) -> None:
    with pytest.raises(ContractShapeError, match="close_usd is Float64 with 1 of NaN or infinity"):
        check_frame(LISTINGS, listings([value]))


@pytest.mark.parametrize(
    "broken",
    [
        # The metric raises: text is not comparable with a number.
        with_rule("expect_column_values_to_be_between", column="symbol", min_value=1),
        # The metric raises: there is no such column.
        with_rule("expect_column_values_to_not_be_null", column="no_such_column"),
        # The expectation cannot be built.
        with_rule("expect_miracles", column="symbol"),
        with_rule("expect_column_values_to_be_between", column="symbol", minimum=1),
    ],
    ids=["wrong type", "no such column", "no such expectation", "no such argument"],
)
@pytest.mark.parametrize("reduce_from", [0, 1_000])
def test_a_check_that_raises_is_an_error_and_not_a_verdict(
    broken: Contract, reduce_from: int
) -> None:
    with pytest.raises(CheckExecutionError) as caught:
        check_frame(broken, listings([10.0]), reduce_from=reduce_from)

    assert "raw_listings" in caught.value.culprit
    assert "not in the data" in caught.value.remedy


def test_a_derived_column_that_cannot_be_computed_is_an_error() -> None:
    rule = replace(
        with_rule("expect_column_values_to_be_in_set", column="x", value_set=[True]).rules[0],
        derived={"x": "no_such_column > 1"},
    )
    with pytest.raises(CheckExecutionError, match="no_such_column"):
        check_frame(replace(LISTINGS, rules=(rule,)), listings([10.0]))


def test_the_engine_lets_go_of_the_frame() -> None:
    batch_definition = engine._batch_definition()
    rows = listings([10.0] * 10).to_pandas()
    watched = weakref.ref(rows)
    batch_definition.get_batch({"dataframe": rows})
    batch_definition.get_batch({"dataframe": rows.head(0).copy()})
    del rows
    gc.collect()

    assert watched() is None


def test_a_rule_that_tolerates_failures_names_them_all_the_same() -> None:
    tolerant = with_rule("expect_column_values_to_not_be_null", column="close_usd", mostly=0.5)
    (outcome,) = check_frame(tolerant, listings([1.0, None, 3.0]))
    assert (outcome.is_passed, outcome.failed_rows) == (True, 1)


def test_quarantine_takes_out_exactly_the_rows_that_break_the_rule() -> None:
    kept, held = split_quarantined(LISTINGS, TWO_SESSIONS, check_frame(LISTINGS, TWO_SESSIONS))

    assert kept.equals(TWO_SESSIONS.filter(pl.col("close_usd") > 0))
    assert held["check_name"].unique().to_list() == ["close_is_positive"]
    assert held["partition_key"].value_counts(sort=True).rows() == [
        ("2022-06-27", 7),
        ("2022-06-24", 2),
    ]
    assert held["row_key"][0] == "2022-06-24|nyse|L148"
    assert json.loads(held["row_json"][0])["close_usd"] == 0.0


def test_a_row_that_breaks_two_rules_is_held_once_for_each() -> None:
    rows = with_last_row(listings([10.0] * 9), close_usd=-1.0, volume_shares=-1)
    kept, held = split_quarantined(LISTINGS, rows, check_frame(LISTINGS, rows))

    assert kept.height == 8
    assert held["check_name"].to_list() == ["close_is_positive", "volume_is_not_negative"]


def test_a_clean_frame_is_kept_whole() -> None:
    rows = GOOD["raw_listings"]
    kept, held = split_quarantined(LISTINGS, rows, check_frame(LISTINGS, rows))

    assert kept.equals(rows)
    assert held.is_empty()


def test_a_rule_that_does_not_quarantine_holds_nothing_back() -> None:
    rows = with_last_row(GOOD["raw_listings"], close_usd=3.0e6)
    kept, held = split_quarantined(LISTINGS, rows, check_frame(LISTINGS, rows))

    assert (kept.height, held.height) == (3, 0)


@pytest.mark.parametrize(
    ("closes", "severity"),
    [
        ([10.0] * 50 + [-1.0] * 49, Severity.WARN),  # many, but fewer than a hundred
        ([10.0] * 2000 + [-1.0] * 200, Severity.WARN),  # over a hundred, but under a tenth
        ([10.0] * 800 + [-1.0] * 200, Severity.ERROR),  # a fifth of the session
        ([-1.0], Severity.ERROR),  # the whole session
    ],
)
def test_a_flood_of_bad_rows_is_an_error_of_the_source(
    closes: Sequence[float | None], severity: Severity
) -> None:
    outcome = close_outcome(listings(closes))

    assert outcome.severity is severity
    assert ("Too many to hold back" in outcome.sentence) is (severity is Severity.ERROR)
