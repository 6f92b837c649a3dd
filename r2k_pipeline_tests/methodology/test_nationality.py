"""Home countries, case by case, from the indicators that decide them."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from r2k_pipeline.methodology.nationality import home_countries
from r2k_pipeline.rulebook.rules import rules_in_force

DAY = date(2022, 5, 6)
RULES = rules_in_force(DAY)
FACTS = {
    "symbol": pl.String,
    "company": pl.String,
    "incorporation": pl.String,
    "headquarters": pl.String,
    "annual_form": pl.String,
    "other_listing": pl.String,
    "assets_in": pl.String,
    "revenue_in": pl.String,
    "first_year": pl.Int32,
    "last_year": pl.Int32,
}


def home_of(country: str | None, *facts: str | None, is_traded_here: bool = True) -> str | None:
    """The home country of one line: (inc, hq, form, listing), and assets, revenue if known."""
    lines = pl.DataFrame(
        {"session": [DAY], "symbol": ["HAL"], "name": ["Halden plc Shares"], "country": [country]},
        schema_overrides={"country": pl.String},
    ).with_columns(is_traded_here=is_traded_here)
    full = (*facts, None, None)[:6]
    row = ["HAL", "Halden", *full, 2021, None] if facts else None
    known = pl.DataFrame([row] if row else [], schema=FACTS, orient="row")
    found: str | None = home_countries(lines, known, rules=RULES)["home_country"].item()
    return found


@pytest.mark.parametrize(
    ("country", "home"),
    [
        ("United States", "United States"),
        ("Bermuda", "United States"),  # incorporated for its benefits, so run elsewhere
        ("Puerto Rico", "United States"),
        (None, "United States"),  # the feed leaves new listings blank
        ("Canada", "Canada"),
    ],
)
def test_without_facts_the_feed_decides(country: str | None, home: str) -> None:
    assert home_of(country) == home


@pytest.mark.parametrize(
    ("facts", "home"),
    [
        # Incorporated and run in the United States, whatever the feed says.
        (("United States", "United States", "10-K", None), "United States"),
        # An Irish company run from Ireland, listed in New York only: where its assets are.
        (("Ireland", "Ireland", "10-K", None), "Ireland"),
        (("Ireland", "Ireland", "10-K", None, "United States"), "United States"),
        # The same with a listing in Dublin: Irish even with most assets in the United States.
        (("Ireland", "Ireland", "10-K", "Ireland", "United States"), "Ireland"),
        # A shell incorporated in the Cayman Islands, run from and traded in the United States.
        (("Cayman Islands", "United States", "10-K", None), "United States"),
        # Foreign private issuers.
        (("Canada", "Canada", "40-F", "Canada"), "Canada"),
        (("Luxembourg", "Luxembourg", "20-F", None), "Luxembourg"),
        # Incorporated in Delaware, run from China: its assets lie there.
        (("United States", "China", "10-K", None), "China"),
        # A ship owner run from Bermuda: assets at sea, traded in New York only, or in Oslo too.
        (("Marshall Islands", "Bermuda", "20-F", None), "United States"),
        (("Bermuda", "Bermuda", "20-F", "Norway"), "United States"),
        # A domicile of convenience has no exchange that counts.
        (("Bermuda", "Bermuda", "20-F", "Bermuda"), "United States"),
        # A second listing elsewhere than where it is run proves nothing.
        (("Jersey", "Switzerland", "10-K", "Australia"), "Switzerland"),
        # All indicators agree: assets are not asked.
        (("Israel", "Israel", "20-F", "Israel", "United States", None), "Israel"),
        # They differ: assets first, revenue only where assets say nothing.
        (("Israel", "Israel", "20-F", None, "Israel", "United States"), "Israel"),
        (("Israel", "Israel", "20-F", None, None, "United States"), "United States"),
        (("Canada", "Canada", "10-K", None, None, "United States"), "United States"),
        (("Canada", "Canada", "10-K", None, None, None), "Canada"),
        # Puerto Rico counts as the United States; a country that is no indicator decides nothing.
        (("Canada", "Canada", "10-K", None, "Puerto Rico", None), "United States"),
        (("Luxembourg", "Luxembourg", "20-F", None, "Germany", "France"), "Luxembourg"),
    ],
)
def test_facts_decide_in_the_order_of_the_steps(facts: tuple[str | None, ...], home: str) -> None:
    assert home_of("Ireland", *facts) == home


@pytest.mark.parametrize(
    ("facts", "home"),
    [
        # Run from a haven, traded most in Oslo.
        (("Bermuda", "Bermuda", "20-F", "Norway"), "Norway"),
        # The United States are no indicator then, and assets there decide nothing.
        (("Jersey", "United Kingdom", "20-F", "United Kingdom", "United States"), "United Kingdom"),
        # A listing in a haven does not count, however little trades here.
        (("Bermuda", "Bermuda", "20-F", "Bermuda"), "United States"),
        # Nor does it matter where nothing else is listed.
        (("Israel", "Israel", "20-F", None, None, "United States"), "United States"),
    ],
)
def test_what_trades_abroad_has_its_exchange_there(
    facts: tuple[str | None, ...], home: str
) -> None:
    assert home_of("Ireland", *facts, is_traded_here=False) == home


def test_the_evidence_is_told() -> None:
    lines = pl.DataFrame(
        {"session": [DAY], "symbol": ["HAL"], "name": ["Halden"], "country": ["Canada"]}
    ).with_columns(is_traded_here=True)
    facts = pl.DataFrame(
        [["HAL", "Halden", "Canada", "Canada", "40-F", "Canada", "Canada", None, 2021, None]],
        schema=FACTS,
        orient="row",
    )
    known = home_countries(lines, facts, rules=RULES)["nationality_evidence"].item()
    unknown = home_countries(lines, facts.clear(), rules=RULES)["nationality_evidence"].item()
    assert known == "run from Canada, listed in Canada too, files 40-F, assets mostly in Canada"
    assert unknown == "the feed says Canada"


@pytest.mark.parametrize(
    ("symbol", "name", "session"),
    [
        ("HAX", "Halden plc", DAY),  # another symbol
        ("HAL", "Acorn Energy Inc.", DAY),  # the symbol, used by another company
        ("HAL", None, DAY),  # no name
        ("HAL", "Halden plc", date(2020, 5, 6)),  # before the fact is known to hold
        ("HAL", "Halden plc", date(2024, 5, 6)),  # after it ended
    ],
)
def test_a_fact_about_another_line_or_year_is_not_used(
    symbol: str, name: str | None, session: date
) -> None:
    lines = pl.DataFrame(
        {"session": [session], "symbol": [symbol], "name": [name], "country": ["Canada"]},
        schema_overrides={"name": pl.String},
    ).with_columns(is_traded_here=True)
    facts = pl.DataFrame(
        [["HAL", "Halden", "Canada", "United States", "10-K", None, None, None, 2021, 2023]],
        schema=FACTS,
        orient="row",
    )
    assert home_countries(lines, facts, rules=RULES)["home_country"].item() == "Canada"
