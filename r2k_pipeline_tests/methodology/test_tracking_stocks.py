"""Tracking stocks, from their names to their ranks: each tracked group is a company.

Golden by section 6.2.2 of the methodology of 2026: tracking stocks that behave
independently are ranked separately. The classes of one of them are not, by 6.5.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from r2k_pipeline.methodology.identity import link_securities
from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.methodology.universe import evaluate_universe
from r2k_pipeline.rulebook.reference_facts import read_facts, shipped_reference
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline_tests.listing_rows import FIRST, frame, listing, market

HEADER = "symbol,company,kind,first_year,last_year,source,certainty"
NOTHING = read_facts("issuer_kinds", f"{HEADER}\n")
RULES = rules_in_force(FIRST)
ACTIONS = pl.DataFrame(
    schema={
        "session": pl.Date,
        "security_id": pl.String,
        "symbol": pl.String,
        "action_type": pl.String,
        "split_factor": pl.Float64,
    }
)
# Symbol, name, and the capitalisation that the feed repeats for every class of a group.
Line = tuple[str, str, float]
TOLD_BY_NAME: tuple[Line, ...] = (
    ("ORCA", "Orbis Media Corporation Series A Orbis Racing Common Stock", 5e9),
    ("ORCK", "Orbis Media Corporation Series C Orbis Racing Common Stock", 5e9),
    ("ORDA", "Orbis Media Corporation Series A Orbis Radio Common Stock", 2e9),
    ("ORDB", "Orbis Media Corporation Series B Orbis Radio Common Stock", 2e9),
    ("ORDK", "Orbis Media Corporation Series C Orbis Radio Common Stock", 2e9),
)
# The second group's symbols are built on the first one's, and no name says which is which.
TOLD_BY_REFERENCE: tuple[Line, ...] = (
    ("LUA", "Lumen Holdings Corp. Class A Common Stock", 5e9),
    ("LUA/B", "Lumen Holdings Corp. Class B Common Stock", 5e9),
    ("LUA/T", "Lumen Holdings Corp. Class T Common Stock", 2e9),
    ("LUA/V", "Lumen Holdings Corp. Class V Common Stock", 2e9),
)
FACTS = read_facts(
    "issuer_kinds",
    f"{HEADER}\n"
    "LUA/T,Lumen Optics,tracking_stock,2020,,Form 10-K of the issuer,from_memory\n"
    "LUA/V,Lumen Optics,tracking_stock,2020,,Form 10-K of the issuer,from_memory\n",
)


def ranked(lines: tuple[Line, ...], facts: pl.DataFrame) -> list[tuple[list[str], float]]:
    """Symbols and cap of each company of the lines, by rank."""
    rows = [listing(0, symbol, name, market_cap_usd=cap) for symbol, name, cap in lines]
    listings = frame([*market(0), *rows]).with_columns(
        volume_shares=pl.lit(1_000_000, pl.Int64), sector=pl.lit("Media")
    )
    securities = link_securities(listings, issuer_kinds=facts)
    universe = evaluate_universe(
        listings,
        securities,
        ACTIONS,
        start=FIRST,
        sessions=[FIRST],
        reference=replace(shipped_reference(), issuer_kinds=facts),
        rules=RULES,
    )
    own = universe.filter(pl.col("symbol").is_in([symbol for symbol, _, _ in lines]))
    assert own["is_eligible"].all()
    found = rank_companies(universe, rules=RULES).join(
        own.group_by("company_id").agg(pl.col("symbol").sort()), on="company_id", suffix="s"
    )
    return found.sort("rank").select("symbols", "total_market_cap_usd").rows()


def test_groups_that_their_names_tell_apart_are_ranked_apart() -> None:
    assert ranked(TOLD_BY_NAME, NOTHING) == [
        (["ORCA", "ORCK"], 5e9),
        (["ORDA", "ORDB", "ORDK"], 2e9),
    ]


def test_groups_that_only_the_reference_tells_apart_are_ranked_apart() -> None:
    assert ranked(TOLD_BY_REFERENCE, FACTS) == [
        (["LUA", "LUA/B"], 5e9),
        (["LUA/T", "LUA/V"], 2e9),
    ]


def test_without_the_reference_their_caps_would_be_one_sum() -> None:
    assert ranked(TOLD_BY_REFERENCE, NOTHING) == [(["LUA", "LUA/B", "LUA/T", "LUA/V"], 14e9)]


def test_the_reference_and_the_names_agree_on_groups_that_both_tell() -> None:
    facts = read_facts(
        "issuer_kinds",
        "\n".join(
            [
                HEADER,
                *(
                    f"{symbol},{group},tracking_stock,2020,,Form 10-K of the issuer,from_memory"
                    for symbol, group in (
                        ("ORCA", "Orbis Racing"),
                        ("ORCK", "Orbis Racing"),
                        ("ORDA", "Orbis Radio"),
                        ("ORDB", "Orbis Radio"),
                        ("ORDK", "Orbis Radio"),
                    )
                ),
            ]
        ),
    )
    assert ranked(TOLD_BY_NAME, facts) == ranked(TOLD_BY_NAME, NOTHING)


@pytest.mark.parametrize(
    ("own", "other"),
    [
        # The symbol of one group is the root of the other's.
        ("Orbis Media Corp. Series A Orbis Racing Common Stock", "Orbis Media Corp. Common Stock"),
        ("Orbis Media Corp. Orbis Group Common Stock", "Orbis Media Corp. Common Stock"),
    ],
)
def test_a_tracking_stock_does_not_join_the_company_of_its_root(own: str, other: str) -> None:
    listings = frame([*market(0), listing(0, "ORB", other), listing(0, "ORB/R", own)])
    companies = link_securities(listings).filter(pl.col("symbol").str.starts_with("ORB"))
    assert companies["company_id"].n_unique() == 2
