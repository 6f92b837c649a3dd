"""Invariants of unlisted classes.

- The company's cap is the same whether the feed counts the listed class or all of it.
- The listed part of the company's shares is never above 1, and 1 where nothing is known.
- Counts that are neither near the listed nor near the whole one change nothing.
- A company with several listed lines is left to `share_classes`.
- No row is added, dropped or moved.
"""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r2k_pipeline.methodology.unlisted_classes import with_unlisted_classes
from r2k_pipeline.rulebook.rules import rules_in_force

DAY = date(2024, 4, 30)
RULES = rules_in_force(DAY)
FACTS = pl.DataFrame(
    {
        "symbol": ["HAL"],
        "company": ["Halden"],
        "listed_shares": [25e6],
        "unlisted_shares": [75e6],
        "first_year": [2022],
        "last_year": [None],
        "source": ["a filing"],
        "certainty": ["official"],
    },
    schema_overrides={"first_year": pl.Int32, "last_year": pl.Int32},
)
TEXTS = {"repair_rule": pl.String, "repair_evidence": pl.String}


def lines(*changes: dict[str, object]) -> pl.DataFrame:
    """One row a change, each of the company HAL at 10 USD a share."""
    row: dict[str, object] = {
        "session": DAY,
        "company_id": "C-HAL",
        "symbol": "HAL",
        "name": "Halden Inc. Class A",
        "year": 2024,
        "line_type": "common",
        "close_usd": 10.0,
        "market_cap_usd": 250e6,
        "raw_market_cap_usd": None,
        "repair_rule": None,
        "repair_evidence": None,
    }
    return pl.DataFrame(
        [{**row, **change} for change in changes],
        schema_overrides={"year": pl.Int32, "raw_market_cap_usd": pl.Float64, **TEXTS},
    )


def counted(*changes: dict[str, object]) -> pl.DataFrame:
    return with_unlisted_classes(lines(*changes), FACTS, rules=RULES)


@pytest.mark.parametrize(
    ("fed_usd", "cap_usd", "part"),
    [
        (250e6, 1000e6, 0.25),  # the listed class
        (1000e6, 1000e6, 0.25),  # all classes
        (300e6, 1200e6, 0.25),  # the listed class has grown by a fifth since the fact
        (500e6, 500e6, 1.0),  # half-way: nobody can tell
        (5000e6, 5000e6, 1.0),  # a split since, or another company
    ],
)
def test_what_the_feed_counts_is_read_off_the_implied_shares(
    fed_usd: float, cap_usd: float, part: float
) -> None:
    row = counted({"market_cap_usd": fed_usd}).row(0, named=True)
    assert (row["market_cap_usd"], row["listed_part"]) == (pytest.approx(cap_usd), part)


def test_what_was_received_stands_beside_what_was_added() -> None:
    changed, kept = (
        counted({}).row(0, named=True),
        counted({"market_cap_usd": 1e9}).row(0, named=True),
    )
    assert (changed["raw_market_cap_usd"], changed["repair_rule"]) == (250e6, "unlisted_class")
    assert changed["repair_evidence"] == "the feed counts the listed class, 25.0 % of its shares"
    assert (kept["raw_market_cap_usd"], kept["repair_rule"]) == (None, None)


def test_the_first_value_received_is_the_raw_one() -> None:
    repaired = {"raw_market_cap_usd": 9e12, "repair_rule": "cap_spike", "repair_evidence": "x"}
    row = counted(repaired).row(0, named=True)
    assert (row["raw_market_cap_usd"], row["market_cap_usd"]) == (9e12, 1e9)


@pytest.mark.parametrize(
    "change",
    [
        {"year": 2021, "session": date(2021, 4, 30)},
        {"name": "Somebody Else Inc."},
        {"market_cap_usd": None},
        {"close_usd": None},
        {"line_type": "preferred"},
    ],
)
def test_a_fact_speaks_of_its_years_its_company_and_its_shares(change: dict[str, object]) -> None:
    row = counted(change).row(0, named=True)
    assert (row["listed_part"], row["repair_rule"]) == (1.0, None)


def test_several_listed_classes_are_left_alone() -> None:
    found = counted({}, {"symbol": "HAL/B", "market_cap_usd": 30e6})
    assert found["market_cap_usd"].to_list() == [250e6, 30e6]
    assert found["listed_part"].to_list() == [1.0, 1.0]


def test_a_warrant_beside_the_class_is_no_second_class() -> None:
    found = counted({}, {"symbol": "HAL/WS", "line_type": "warrant", "market_cap_usd": 1e6})
    assert found["listed_part"].to_list() == [0.25, 1.0]


@given(
    caps=st.lists(st.one_of(st.none(), st.floats(1.0, 1e12)), min_size=1, max_size=8),
    is_shared=st.booleans(),
)
def test_rows_stay_and_parts_are_parts(caps: list[float | None], *, is_shared: bool) -> None:
    changes: list[dict[str, object]] = [
        {"market_cap_usd": cap, "company_id": "C" if is_shared else f"C{i}"}
        for i, cap in enumerate(caps)
    ]
    found = counted(*changes)
    assert found["company_id"].to_list() == [change["company_id"] for change in changes]
    assert found["listed_part"].is_between(0.0, 1.0).all()
    grown = found["market_cap_usd"].fill_null(0.0) >= pl.Series(caps, dtype=pl.Float64).fill_null(0)
    assert grown.all()
