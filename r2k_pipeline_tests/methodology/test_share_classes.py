"""Companies with several lines.

Invariants: a company counts once however many lines repeat its cap; its lines'
shares add up to the company; exactly one line is the vehicle.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r2k_pipeline.methodology.share_classes import value_companies
from r2k_pipeline.rulebook.rules import rules_in_force

DAY = date(2024, 4, 30)
RULES = rules_in_force(DAY)


def valued(
    *lines: tuple[str, float, float, float | None], separate: bool = True
) -> dict[str, dict[str, object]]:
    """Lines of one company as (id, close, cap, average daily dollar volume)."""
    frame = pl.DataFrame(
        [(DAY, "C-G", *line) for line in lines],
        schema={
            "session": pl.Date,
            "company_id": pl.String,
            "security_id": pl.String,
            "close_usd": pl.Float64,
            "market_cap_usd": pl.Float64,
            "addtv_usd": pl.Float64,
        },
        orient="row",
    )
    rules = replace(RULES, has_separate_share_classes=separate)
    rows = value_companies(frame, rules=rules).iter_rows(named=True)
    return {str(row["security_id"]): row for row in rows}


def test_classes_that_repeat_the_company_count_once() -> None:
    # Implied shares 13.00 bn and 13.05 bn: one company of 1.43 tn, priced at its busiest line.
    found = valued(("GOG", 110.0, 1.430e12, 2e9), ("GOGL", 111.0, 1.449e12, 3e9))
    assert found["GOG"]["company_market_cap_usd"] == 1.449e12
    assert found["GOGL"]["is_vehicle"]
    assert not found["GOG"]["is_vehicle"]


def test_a_class_that_stands_for_many_of_another_repeats_the_company() -> None:
    found = valued(("BIG/A", 480_000.0, 7.40e11, 5e8), ("BIG/B", 320.0, 7.25e11, 1e9))
    assert found["BIG/B"]["company_market_cap_usd"] == 7.25e11


def test_classes_that_disagree_are_parts() -> None:
    found = valued(("SNA", 50.0, 1.3e9, 2e6), ("SNB", 53.0, 0.3e9, 5e5))
    assert found["SNA"]["company_market_cap_usd"] == pytest.approx(1.6e9)
    assert found["SNB"]["line_shares"] == pytest.approx(0.3e9 / 53.0)


@pytest.mark.parametrize(
    ("cap", "addtv", "separate", "excluded"),
    [
        (1000e6, 200_000.0, True, False),
        (1000e6, 100_000.0, True, True),  # traded too little
        (1000e6, None, True, True),
        (160e6, 1_000_000.0, True, True),  # its part of the company is too small
        (1000e6, 200_000.0, False, True),  # before classes were separated
    ],
)
def test_a_further_class_must_stand_by_itself(
    cap: float, addtv: float | None, *, separate: bool, excluded: bool
) -> None:
    found = valued(("A", 10.0, cap, 5e6), ("B", 10.0, cap, addtv), separate=separate)
    assert found["B"]["is_secondary_excluded"] is excluded
    assert found["A"]["is_secondary_excluded"] is False


companies = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "C"]),
        st.floats(1.0, 500.0),
        st.sampled_from([1e8, 1.01e8, 4e8]),
        st.sampled_from([None, 0.0, 1e5, 2e6]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda line: line[0],
)


@given(companies)
def test_one_vehicle_and_shares_that_add_up(
    lines: list[tuple[str, float, float, float | None]],
) -> None:
    told = [(letter, close, close * shares, volume) for letter, close, shares, volume in lines]
    found = list(valued(*told).values())
    assert sum(bool(row["is_vehicle"]) for row in found) == 1
    vehicle = next(row for row in found if row["is_vehicle"])
    cap = float(vehicle["company_market_cap_usd"])  # type: ignore[arg-type]
    values = [float(row["line_shares"]) * float(row["close_usd"]) for row in found]  # type: ignore[arg-type]
    assert sum(values) == pytest.approx(cap)


@given(st.lists(companies, min_size=2, max_size=4))
def test_companies_valued_together_are_valued_as_if_alone(
    groups: list[list[tuple[str, float, float, float | None]]],
) -> None:
    frames = [
        pl.DataFrame(
            [
                (DAY, f"C-{number}", f"{number}{letter}", close, close * shares, volume)
                for letter, close, shares, volume in lines
            ],
            schema={
                "session": pl.Date,
                "company_id": pl.String,
                "security_id": pl.String,
                "close_usd": pl.Float64,
                "market_cap_usd": pl.Float64,
                "addtv_usd": pl.Float64,
            },
            orient="row",
        )
        for number, lines in enumerate(groups)
    ]
    together = value_companies(pl.concat(frames), rules=RULES)
    alone = pl.concat(value_companies(frame, rules=RULES) for frame in frames)
    assert together.sort("security_id").equals(alone.sort("security_id"))
