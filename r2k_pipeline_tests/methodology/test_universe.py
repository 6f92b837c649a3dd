"""Eligibility, one reason a line."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from r2k_pipeline.errors import MissingPartitionError
from r2k_pipeline.methodology.universe import evaluate_universe
from r2k_pipeline.rulebook.reference_facts import (
    Reference,
    home_country_facts,
    issuer_kind_facts,
    public_vote_facts,
    share_count_facts,
    unlisted_share_facts,
)
from r2k_pipeline.rulebook.rules import rules_in_force

DAY = date(2024, 4, 30)
RULES = rules_in_force(DAY)
SCHEMA = {
    "session": pl.Date,
    "exchange": pl.String,
    "symbol": pl.String,
    "name": pl.String,
    "close_usd": pl.Float64,
    "previous_close_usd": pl.Float64,
    "volume_shares": pl.Int64,
    "market_cap_usd": pl.Float64,
    "country": pl.String,
    "ipo_year": pl.Int32,
    "industry": pl.String,
    "sector": pl.String,
}
ACTIONS = pl.DataFrame(
    schema={
        "session": pl.Date,
        "security_id": pl.String,
        "symbol": pl.String,
        "action_type": pl.String,
        "split_factor": pl.Float64,
    }
)
_PERIOD = {"first_year": 2021, "last_year": None, "source": "a filing"}
FACTS = Reference(
    home_countries=home_country_facts().clear(),
    issuer_kinds=issuer_kind_facts().clear(),
    public_votes=pl.DataFrame(
        [{"symbol": "VOTE", "company": "Voter", "public_vote_share": 0.02, **_PERIOD}],
        schema=public_vote_facts().schema,
    ),
    share_counts=pl.DataFrame(
        [{"symbol": "HUGE", "company": "Huge", "total_shares": 5e8, **_PERIOD}],
        schema=share_count_facts().schema,
    ),
    unlisted_shares=pl.DataFrame(
        [
            {
                "symbol": "UPC",
                "company": "Upcee",
                "listed_shares": 25e6,
                "unlisted_shares": 75e6,
                **_PERIOD,
            }
        ],
        schema=unlisted_share_facts().schema,
    ),
)
GOOD = {
    "session": DAY,
    "exchange": "nyse",
    "symbol": "HAL",
    "name": "Halden Inc. Common Stock",
    "close_usd": 12.0,
    "previous_close_usd": 11.9,
    "volume_shares": 1000,
    "market_cap_usd": 1.2e9,
    "country": "United States",
    "ipo_year": None,
    "industry": "Electrical Products",
    "sector": "Capital Goods",
}


def judged(*changes: dict[str, object]) -> pl.DataFrame:
    """The universe of lines that differ from a good one."""
    rows = [{**GOOD, "symbol": f"L{n}"} | change for n, change in enumerate(changes)]
    listings = pl.DataFrame(rows, schema=SCHEMA)
    securities = listings.select(
        "symbol",
        pl.concat_str(pl.lit("S-"), "symbol").alias("security_id"),
        pl.concat_str(pl.lit("C-"), "symbol").alias("company_id"),
        pl.col("session").alias("first_session"),
        pl.col("session").alias("last_session"),
    ).unique("symbol")
    return evaluated(listings, securities).sort("symbol")


def evaluated(listings: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """The universe of all sessions of the listings, with the facts of `FACTS`."""
    days = listings["session"].unique().sort().to_list()
    return evaluate_universe(
        listings,
        securities,
        ACTIONS,
        start=days[0],
        sessions=days,
        reference=FACTS,
        rules=RULES,
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"country": "Bermuda"}, None),
        ({"country": "Puerto Rico"}, None),
        ({"country": None}, None),
        ({"close_usd": 1.0}, None),
        ({"market_cap_usd": 30e6}, None),
        ({"name": "Halden Inc. Warrant"}, "warrant"),
        ({"industry": "Blank Checks"}, "spac"),
        ({"country": "Canada"}, "foreign"),
        ({"symbol": "VOTE", "name": "Voter Inc. Class A", "ipo_year": 2019}, "votes_below_minimum"),
        ({"symbol": "VOTE", "name": "Other Inc. Class A", "ipo_year": 2019}, None),
        ({"exchange": "otc"}, "exchange"),
        ({"close_usd": None}, "no_close"),
        ({"close_usd": 0.9999}, "price_below_minimum"),
        ({"market_cap_usd": None}, "no_market_cap"),
        ({"market_cap_usd": 0.0}, "no_market_cap"),
        ({"market_cap_usd": 29_999_999.0}, "cap_below_minimum"),
    ],
)
def test_the_first_rule_that_fails_gives_the_reason(
    change: dict[str, object], reason: str | None
) -> None:
    row = judged(change).row(0, named=True)
    assert row["exclusion_reason"] == reason
    assert row["is_eligible"] is (reason is None)


def test_kind_is_asked_before_country_and_country_before_price() -> None:
    lines = judged(
        {"name": "Halden Inc. Warrant", "country": "Canada", "close_usd": 0.1},
        {"country": "Canada", "close_usd": 0.1},
    )
    assert lines["exclusion_reason"].to_list() == ["warrant", "foreign"]


def test_no_line_is_dropped_and_shares_are_implied() -> None:
    lines = judged({}, {"name": "Halden Inc. Right"}, {"market_cap_usd": None})
    assert lines["total_shares"].to_list() == [1e8, 1e8, None]


def test_a_cap_that_is_always_blank_comes_from_known_shares() -> None:
    row = judged({"symbol": "HUGE", "name": "Huge Inc.", "market_cap_usd": None}).row(0, named=True)
    assert (row["market_cap_usd"], row["is_eligible"]) == (6e9, True)
    assert (row["repair_rule"], row["raw_market_cap_usd"]) == ("known_shares", None)
    assert row["repair_evidence"] == "500000000 shares: a filing"


def test_unlisted_units_count_in_the_company_and_not_in_its_line() -> None:
    row = judged({"symbol": "UPC", "name": "Upcee Inc.", "market_cap_usd": 3e8}).row(0, named=True)
    assert (row["market_cap_usd"], row["raw_market_cap_usd"]) == (1.2e9, 3e8)
    assert (row["total_shares"], row["line_shares"]) == (1e8, 25e6)
    assert row["repair_rule"] == "unlisted_class"
    assert row["repair_evidence"] == "the feed counts the listed class, 25.0 % of its shares"


def test_listings_that_securities_do_not_know_yet_are_an_error() -> None:
    listings = pl.DataFrame([GOOD], schema=SCHEMA)
    older = pl.DataFrame(
        {
            "symbol": ["HAL"],
            "security_id": ["S-HAL"],
            "company_id": ["C-HAL"],
            "first_session": [date(2024, 1, 2)],
            "last_session": [date(2024, 4, 29)],
        }
    )
    with pytest.raises(MissingPartitionError, match="materialize `securities` again"):
        evaluated(listings, older)


def test_a_reused_symbol_is_the_line_of_its_day() -> None:
    days = [date(2024, 1, 2), DAY]
    listings = pl.DataFrame([GOOD | {"session": day} for day in days], schema=SCHEMA)
    securities = pl.DataFrame(
        {
            "symbol": ["HAL", "HAL"],
            "security_id": ["S-OLD", "S-NEW"],
            "company_id": ["C-OLD", "C-NEW"],
            "first_session": days,
            "last_session": days,
        }
    )
    found = evaluated(listings, securities)
    assert found["security_id"].to_list() == ["S-OLD", "S-NEW"]
