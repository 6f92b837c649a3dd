"""Drift and truths across tables: every rule of every contract can be kept and broken.

Invariants: a partition that equals the one before it drifts nowhere; nothing is judged that
has nothing before it; what is said of a partition does not depend on how long the range is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from r2k_pipeline.contracts.load import contract, tables
from r2k_pipeline.errors import CheckExecutionError
from r2k_pipeline.quality.across import name_in_query
from r2k_pipeline.quality.beyond_rows import check_beyond_rows
from r2k_pipeline.quality.drift import columns_of_drift
from r2k_pipeline.quality.surroundings import Surroundings
from r2k_pipeline.rulebook.action_types import CAUSE_ORDER
from r2k_pipeline_tests.quality.across_cases import ACROSS
from r2k_pipeline_tests.quality.drift_cases import DRIFT, LINES, ROUND, partition_of
from r2k_pipeline_tests.quality.good_frames import FRIDAY, MONDAY

if TYPE_CHECKING:
    from r2k_pipeline.contracts.model import Contract, Reading
    from r2k_pipeline.quality.outcome import CheckOutcome

TUESDAY = date(2022, 6, 28)
LISTINGS = contract("raw_listings")


def only(table: str, rule: str) -> Contract:
    promised = contract(table)
    return replace(
        promised,
        drift_rules=tuple(r for r in promised.drift_rules if r.name == rule),
        across_rules=tuple(r for r in promised.across_rules if r.name == rule),
    )


def laid(table: str, *, is_second: bool, **cells: object) -> pl.DataFrame:
    round_cells = {name: v for name, v in ROUND.items() if name in contract(table).names}
    return partition_of(table, is_second=is_second, cells={**round_cells, **cells})


def drifted(table: str, rule: str, now: dict[str, Any]) -> CheckOutcome:
    both = DRIFT[table, rule].both
    before = laid(table, is_second=False, **both)
    (outcome,) = check_beyond_rows(
        only(table, rule),
        laid(table, is_second=True, **{**both, **now}),
        Surroundings(before=before.select(columns_of_drift(only(table, rule)))),
    )
    return outcome


def test_every_rule_beyond_the_rows_has_a_case() -> None:
    promised = [contract(table) for table in tables()]

    assert {(c.table, r.name) for c in promised for r in c.drift_rules} == set(DRIFT)
    assert {(c.table, r.name) for c in promised for r in c.across_rules} == set(ACROSS)


@pytest.mark.parametrize(("table", "rule"), DRIFT)
def test_a_partition_like_the_one_before_keeps_the_rule(table: str, rule: str) -> None:
    outcome = drifted(table, rule, DRIFT[table, rule].kept)

    assert outcome.is_passed, outcome.sentence
    assert outcome.evaluated_rows == 1
    assert (outcome.sentence, outcome.failed_by_partition) == (
        next(r.sentence for r in contract(table).drift_rules if r.name == rule),
        {},
    )


@pytest.mark.parametrize(("table", "rule"), DRIFT)
def test_a_partition_unlike_the_one_before_is_told_with_both_numbers(table: str, rule: str) -> None:
    outcome = drifted(table, rule, DRIFT[table, rule].broken)

    assert not outcome.is_passed
    assert outcome.sentence == DRIFT[table, rule].sentence
    assert outcome.failed_rows == 1
    (key,) = outcome.failed_by_partition
    assert outcome.sentence_by_partition[key] == outcome.sentence
    assert len(outcome.sample_by_partition[key]) == 1


def tied(table: str, rule: str, *, is_broken: bool) -> CheckOutcome:
    case = ACROSS[table, rule]
    named = {**case.beside, **(case.broken if is_broken else {})}

    def beside(reading: Reading) -> pl.DataFrame:
        found = named[name_in_query(reading)]
        return found.select(
            name for name in found.columns if name in {*reading.columns, "event_id"}
        )

    promised = only(table, rule)
    readings = [reading for r in promised.across_rules for reading in r.reads]
    around = Surroundings(tables={reading: beside(reading) for reading in readings})
    (outcome,) = check_beyond_rows(promised, case.judged, around)
    return outcome


@pytest.mark.parametrize(("table", "rule"), ACROSS)
def test_rows_that_fit_their_neighbours_keep_the_rule(table: str, rule: str) -> None:
    outcome = tied(table, rule, is_broken=False)

    assert outcome.is_passed, outcome.sample


@pytest.mark.parametrize(("table", "rule"), ACROSS)
def test_a_row_without_its_counterpart_is_named(table: str, rule: str) -> None:
    outcome = tied(table, rule, is_broken=True)

    assert not outcome.is_passed
    assert next(iter(outcome.sentence_by_partition.values())) == ACROSS[table, rule].sentence
    assert outcome.sample


def listings(session: date, *, nasdaq: int, nyse: int = LINES) -> pl.DataFrame:
    return pl.concat(
        laid("raw_listings", is_second=False, exchange=exchange, lines=lines)
        for exchange, lines in (("nasdaq", nasdaq), ("nyse", nyse))
    ).with_columns(session=pl.lit(session))


def caps(frame: pl.DataFrame, before: pl.DataFrame | None = None) -> CheckOutcome:
    around = Surroundings(before=before)
    (outcome,) = check_beyond_rows(only("raw_listings", "total_cap_does_not_jump"), frame, around)
    return outcome


def test_a_range_is_judged_partition_by_partition_in_one_pass() -> None:
    days = [listings(FRIDAY, nasdaq=100), listings(MONDAY, nasdaq=200), listings(TUESDAY, nasdaq=0)]
    outcome = caps(pl.concat(days))

    assert outcome.evaluated_rows == 4
    assert outcome.sentence_by_partition == {
        "2022-06-27": "nasdaq on 2022-06-27: 200.0 bn USD of total cap, "
        "expected 100.0 bn USD ± 15 %.",
        "2022-06-28": "nasdaq is missing on 2022-06-28: 0.0 bn USD of total cap, "
        "expected 200.0 bn USD ± 15 %.",
    }
    assert outcome.sentence == outcome.sentence_by_partition["2022-06-27"] + " And 1 more."
    assert outcome.sample_by_partition["2022-06-28"] == (
        {
            "session": "2022-06-28",
            "group": "nasdaq",
            "value": 0.0,
            "value_before": 200e9,
            "judged": -1.0,
        },
    )


def test_the_first_partition_is_laid_beside_what_stands() -> None:
    alone = caps(listings(MONDAY, nasdaq=200))
    beside = caps(listings(MONDAY, nasdaq=200), before=listings(FRIDAY, nasdaq=100))

    assert (alone.evaluated_rows, alone.is_passed) == (0, True)
    assert beside.failed_by_partition == {"2022-06-27": 1}


def test_a_verdict_does_not_depend_on_the_range() -> None:
    days = [listings(FRIDAY, nasdaq=100), listings(MONDAY, nasdaq=200), listings(TUESDAY, nasdaq=0)]
    whole = caps(pl.concat(days))
    parts = [caps(days[1], before=days[0]), caps(days[2], before=days[1])]

    assert whole.sentence_by_partition == {
        key: told for part in parts for key, told in part.sentence_by_partition.items()
    }


def test_a_handful_of_lines_is_no_measure() -> None:
    few = caps(listings(MONDAY, nasdaq=LINES - 1), before=listings(FRIDAY, nasdaq=1, nyse=1))

    assert few.evaluated_rows == 0


def test_what_stands_is_judged_only_as_the_past() -> None:
    standing = pl.concat([listings(FRIDAY, nasdaq=100), listings(MONDAY, nasdaq=300)])
    outcome = caps(listings(TUESDAY, nasdaq=300), before=standing)

    assert outcome.is_passed
    assert outcome.evaluated_rows == 2


def test_a_query_that_cannot_be_answered_is_an_error_and_not_a_verdict() -> None:
    rule = replace(contract("signals").across_rules[0], broken="SELECT moon FROM judged")
    broken = replace(contract("signals"), drift_rules=(), across_rules=(rule,))
    around = Surroundings(tables={rule.reads[0]: pl.DataFrame({"session": [FRIDAY]})})

    with pytest.raises(CheckExecutionError, match="not in the data"):
        check_beyond_rows(broken, ACROSS["signals", "signals_have_a_level"].judged, around)


def test_the_ledger_is_walked_in_the_order_of_its_causes() -> None:
    (rule,) = contract("divisors").across_rules
    places = [
        rule.broken.index(f"WHEN '{cause}' THEN {place}") for cause, place in CAUSE_ORDER.items()
    ]

    assert places == sorted(places)
