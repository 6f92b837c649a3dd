"""Every rule of every contract passes a good frame and fails a bad one.

The frames stand in `good_frames`, the edits that break them in `bad_cells`. A rule that no
edit breaks cannot fail, and is found here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.contracts.load import contract, tables
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.quality.expectations import check_frame
from r2k_pipeline_tests.quality.bad_cells import BREAKS
from r2k_pipeline_tests.quality.good_frames import GOOD, with_last_row

if TYPE_CHECKING:
    from r2k_pipeline.contracts.model import Rule

STATED = [(table, name) for table in tables() for name in BREAKS[table]]


def rule_of(table: str, name: str) -> Rule:
    return next(rule for rule in contract(table).rules if rule.name == name)


def is_kept(table: str, name: str, rows: pl.DataFrame) -> bool:
    only = replace(contract(table), rules=(rule_of(table, name),))
    return check_frame(only, rows)[0].is_passed


@pytest.mark.parametrize("table", tables())
def test_a_good_frame_keeps_every_rule(table: str) -> None:
    outcomes = check_frame(contract(table), GOOD[table])

    assert [o.check_name for o in outcomes] == [rule.name for rule in contract(table).rules]
    assert [o.sentence for o in outcomes if not o.is_passed] == []


@pytest.mark.parametrize("table", tables())
def test_an_edit_breaks_each_stated_rule(table: str) -> None:
    implied = {"key_is_unique", *(f"{c.name}_is_given" for c in contract(table).columns)}

    assert {rule.name for rule in contract(table).rules} - implied == set(BREAKS[table])


@pytest.mark.parametrize(("table", "rule"), STATED)
def test_a_bad_row_breaks_the_rule(table: str, rule: str) -> None:
    cells = BREAKS[table][rule]
    bad = with_last_row(GOOD[table], **cells) if cells else empty_frame(contract(table))

    assert not is_kept(table, rule, bad)


@pytest.mark.parametrize("table", tables())
def test_a_row_said_twice_breaks_the_key(table: str) -> None:
    assert not is_kept(table, "key_is_unique", pl.concat([GOOD[table], GOOD[table].tail(1)]))


@pytest.mark.parametrize("table", tables())
def test_a_null_breaks_the_rule_of_its_required_column(table: str) -> None:
    required = [c.name for c in contract(table).columns if not c.nullable]
    holes = with_last_row(GOOD[table], **dict.fromkeys(required))
    given = [rule_of(table, f"{name}_is_given") for name in required]
    outcomes = check_frame(replace(contract(table), rules=tuple(given)), holes)

    assert [o.failed_rows for o in outcomes] == [1] * len(required)


@pytest.mark.parametrize("table", tables())
def test_an_empty_frame_breaks_only_rules_that_ask_for_rows(table: str) -> None:
    outcomes = check_frame(contract(table), empty_frame(contract(table)))

    assert {o.check_name for o in outcomes if not o.is_passed} == {
        name for name, cells in BREAKS[table].items() if not cells
    }
