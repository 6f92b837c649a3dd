"""Companies by size.

Invariants: the order of rows changes nothing; scaling every cap changes no rank;
ranks are 1 to n; no company outranks a larger one; a second line that repeats the
company's cap changes no total.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.rulebook.rules import rules_in_force

DAY = date(2024, 4, 30)
RULES = rules_in_force(DAY)

universes = st.lists(
    st.tuples(
        st.integers(0, 30),  # company
        st.sampled_from(["A", "B"]),  # class
        st.integers(1, 50),  # cap in USD millions: ties are wanted
        st.integers(0, 5),  # volume
        st.booleans(),  # eligible
    ),
    max_size=40,
    unique_by=lambda row: (row[0], row[1]),
).map(
    lambda rows: pl.DataFrame(
        [
            {
                "session": DAY,
                "company_id": f"C-{company:02}",
                "security_id": f"S-{company:02}.{letter}",
                "symbol": f"{company:02}{letter}",
                "name": f"Company {company}",
                "sector": None,
                "close_usd": 10.0,
                "addtv_usd": float(volume),
                "market_cap_usd": cap * 1e6,
                "is_eligible": eligible,
            }
            for company, letter, cap, volume, eligible in rows
        ],
        schema={
            "session": pl.Date,
            "company_id": pl.String,
            "security_id": pl.String,
            "symbol": pl.String,
            "name": pl.String,
            "sector": pl.String,
            "close_usd": pl.Float64,
            "addtv_usd": pl.Float64,
            "market_cap_usd": pl.Float64,
            "is_eligible": pl.Boolean,
        },
    )
)


@given(universes, st.integers(0, 2**32))
def test_the_order_of_rows_changes_nothing(universe: pl.DataFrame, seed: int) -> None:
    shuffled = universe.sample(fraction=1.0, shuffle=True, seed=seed)
    assert rank_companies(shuffled, rules=RULES).equals(rank_companies(universe, rules=RULES))


@given(universes)
def test_scaling_every_cap_changes_no_rank(universe: pl.DataFrame) -> None:
    larger = universe.with_columns(pl.col("market_cap_usd") * 4.0)
    columns = ["company_id", "security_id", "rank", "cumulative_market_cap_share"]
    scaled = rank_companies(larger, rules=RULES).select(columns)
    assert scaled.equals(rank_companies(universe, rules=RULES).select(columns))


@given(universes)
def test_ranks_are_dense_and_follow_size(universe: pl.DataFrame) -> None:
    ranking = rank_companies(universe, rules=RULES)
    assert ranking["rank"].to_list() == list(range(1, ranking.height + 1))
    assert ranking["total_market_cap_usd"].is_sorted(descending=True)
    assert ranking["company_id"].n_unique() == ranking.height


@given(universes)
def test_a_line_that_repeats_the_companys_cap_changes_no_total(universe: pl.DataFrame) -> None:
    twins = universe.with_columns(
        pl.col("security_id") + "x", pl.col("addtv_usd").mul(0.0).alias("addtv_usd")
    )
    alone = rank_companies(universe, rules=RULES)
    doubled = rank_companies(pl.concat([universe, twins]), rules=RULES)
    assert doubled["total_market_cap_usd"].equals(alone["total_market_cap_usd"])


def test_the_line_that_trades_most_stands_for_the_company() -> None:
    lines = pl.DataFrame(
        {
            "session": [DAY, DAY],
            "company_id": ["C-G", "C-G"],
            "security_id": ["S-GOG", "S-GOGL"],
            "symbol": ["GOG", "GOGL"],
            "name": ["G", "G"],
            "sector": [None, None],
            "close_usd": [110.0, 111.0],
            "addtv_usd": [None, 5.0],
            "market_cap_usd": [1.40e12, 1.41e12],
            "is_eligible": [True, True],
        },
        schema_overrides={"sector": pl.String},
    )
    row = rank_companies(lines, rules=RULES).row(0, named=True)
    assert (row["security_id"], row["line_count"]) == ("S-GOGL", 2)
    assert row["total_market_cap_usd"] == 1.41e12


def test_the_cumulative_share_is_measured_within_the_extended_index() -> None:
    rules = replace(RULES, extended_count=2)
    lines = pl.DataFrame(
        {
            "session": [DAY] * 3,
            "company_id": ["C-1", "C-2", "C-3"],
            "security_id": ["S-1", "S-2", "S-3"],
            "symbol": ["A", "B", "C"],
            "name": ["a", "b", "c"],
            "sector": ["x", "x", "x"],
            "close_usd": [1.0, 1.0, 1.0],
            "addtv_usd": [1.0, 1.0, 1.0],
            "market_cap_usd": [60.0, 20.0, 20.0],
            "is_eligible": [True] * 3,
        }
    )
    shares = rank_companies(lines, rules=rules)["cumulative_market_cap_share"].to_list()
    assert shares == [0.75, 1.0, 1.25]
