"""What a line is by closes, siblings and facts.

Invariants: one verdict a listing, in the order of sessions; later rows change no
earlier verdict; a fact never changes the paper; a volatile share at ten dollars
is no blank-cheque company, whatever stands beside it.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.methodology.line_behaviour import SPAC_RULES, classify_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST = date(2024, 1, 1)
FACTS_SCHEMA = {
    "symbol": pl.String,
    "company": pl.String,
    "kind": pl.String,
    "first_year": pl.Int64,
    "last_year": pl.Int64,
}
NO_FACTS = pl.DataFrame(schema=FACTS_SCHEMA)
TRUST = [10.05, 10.06, 10.05, 10.07, 10.06]
WILD = [10.0, 10.6, 9.8, 10.9, 9.9]
SHELL = "Halden Sustainable Class A Ordinary Shares"


def line(
    symbol: str,
    name: str | None,
    closes: Sequence[float | None],
    *,
    industry: str | None = None,
    ipo_year: int | None = 2022,
    first: int = 0,
) -> pl.DataFrame:
    """One line's listings on successive days."""
    days = [FIRST + timedelta(days=first + n) for n in range(len(closes))]
    return pl.DataFrame(
        {
            "session": days,
            "exchange": ["nasdaq"] * len(days),
            "symbol": [symbol] * len(days),
            "name": [name] * len(days),
            "close_usd": closes,
            "ipo_year": [ipo_year] * len(days),
            "industry": [industry] * len(days),
            "sector": ["Finance"] * len(days),
        },
        schema_overrides={
            "name": pl.String,
            "close_usd": pl.Float64,
            "ipo_year": pl.Int32,
            "industry": pl.String,
        },
    )


def spans(listings: pl.DataFrame) -> pl.DataFrame:
    """Securities of which all symbols that begin alike are one company."""
    found = listings.group_by("symbol").agg(
        first_session=pl.col("session").min(), last_session=pl.col("session").max()
    )
    return found.with_columns(
        security_id="S-" + pl.col("symbol"), company_id="C-" + pl.col("symbol").str.slice(0, 4)
    )


def verdicts(listings: pl.DataFrame, facts: pl.DataFrame = NO_FACTS) -> pl.DataFrame:
    """Every verdict from the first session on."""
    return classify_lines(listings, spans(listings), facts, start=FIRST)


def last(listings: pl.DataFrame, symbol: str = "HALD") -> tuple[str, str | None]:
    """Type and evidence of a line on its last session."""
    found = verdicts(listings).filter(pl.col("symbol") == symbol)
    return found.select("line_type", "type_evidence").row(-1)


def crowd(name: str, industry: str, *, count: int, sessions: int) -> list[pl.DataFrame]:
    """Companies of one sort that fill an industry."""
    return [
        line(f"CR{chr(65 + n)}Q", f"Crowd{n} {name}", [20.0] * sessions, industry=industry)
        for n in range(count)
    ]


def test_a_young_share_that_never_leaves_the_trust_value_is_a_spac() -> None:
    kind, why = last(line("HALD", SHELL, TRUST * 4))
    assert (kind, why) == ("spac", "trust value: 20 closes between 10.05 and 10.07")


def test_the_same_closes_say_nothing_of_an_old_company_at_a_bidders_price() -> None:
    for year in (1998, None):
        assert last(line("HALD", "Halden Transfer Inc.", TRUST * 4, ipo_year=year)) == (
            "common",
            None,
        )


@pytest.mark.parametrize(
    ("name", "industry"),
    [
        ("Halden Bancorp Inc. Common Stock", None),
        ("Halden Community Common Stock", "Savings Institutions"),
        ("Halden Casualty Common Stock", "Property-Casualty Insurers"),
    ],
)
def test_a_boring_young_bank_at_ten_dollars_is_a_bank(name: str, industry: str | None) -> None:
    assert last(line("HALD", name, TRUST * 4, industry=industry))[0] == "common"


def test_a_share_at_a_bidders_price_above_any_trust_is_common() -> None:
    assert last(line("HALD", "Halden Logic Inc.", [11.98, 11.99, 12.0] * 7))[0] == "common"


def test_a_young_company_that_a_bidder_lifted_to_the_trust_value_is_common() -> None:
    lifted = [6.1, 5.8, *TRUST * 8]
    paper = line("HALDW", "Halden Health Inc. Warrant", [0.2] * len(lifted))
    share = line("HALD", "Halden Health Inc. Common Stock", lifted)
    assert last(pl.concat([share, paper]))[0] == "common"


@pytest.mark.parametrize("beside", ["Halden Corp. Warrant", "Halden Corp. Right"])
def test_a_warrant_beside_quiet_closes_is_enough(beside: str) -> None:
    paper = line("HALDW", beside, [0.2] * 6)
    share = line("HALD", "Halden Corp. Class A", [*TRUST, 10.2], ipo_year=None)
    assert last(share)[0] == "common"
    assert last(pl.concat([share, paper]))[0] == "spac"


def test_a_volatile_share_with_warrants_is_common() -> None:
    paper = line("HALDW", "Halden Health Inc. Warrant", [0.2] * 20)
    share = line("HALD", "Halden Health Inc. Common Stock", WILD * 4)
    assert last(pl.concat([share, paper])) == ("common", None)


def test_units_listed_beside_a_share_near_the_trust_value_make_a_spac() -> None:
    units = line("HALDU", "Halden Corp. Unit", [10.2] * 2)
    share = line("HALD", "Halden Corp. Class A", [10.1, 10.2])
    assert last(pl.concat([share, units])) == ("spac", "siblings: its units are listed")


@pytest.mark.parametrize("name", ["Halden Inc. Corporate Units", "Halden Tangible Equity Units"])
def test_units_with_a_purchase_contract_say_nothing(name: str) -> None:
    units = line("HALDU", name, [50.0] * 5)
    share = line("HALD", "Halden Power Inc.", [10.0, 10.1, 10.0, 10.2, 10.1], ipo_year=1990)
    assert last(pl.concat([share, units]))[0] == "common"


def test_units_of_a_merged_company_that_the_feed_forgot_say_nothing() -> None:
    units = line("HALDU", "Halden Corp. Unit", [10.0] * 8)
    share = line("HALD", "Halden Recycling Inc.", [25.0, 27.0, 24.0, 28.0] * 2)
    assert last(pl.concat([share, units]))[0] == "common"


def test_numbered_companies_are_spacs_even_when_the_market_is_excited() -> None:
    name = "Halden Capital Corp IV Class A Common Stock"
    assert last(line("HALD", name, [18.0, 25.0, 21.0])) == ("spac", "name: numbered company")
    assert last(line("HALD", name, [18.0, 25.0, 21.0], ipo_year=2001))[0] == "common"
    assert last(line("HALD", "Halden Inc. Class 2 Common Stock", [18.0] * 3))[0] == "common"


def test_an_industry_full_of_acquisition_companies_speaks_for_its_neighbours() -> None:
    share = line("HALD", "Halden Class A", TRUST, industry="Appliances", ipo_year=None)
    shells = crowd("Acquisition Corp. Common Stock", "Appliances", count=12, sessions=5)
    makers = crowd("Toasters Inc. Common Stock", "Appliances", count=12, sessions=5)
    assert last(pl.concat([share, *shells]))[0] == "spac"
    assert last(pl.concat([share, *makers]))[0] == "common"


def test_a_spac_becomes_common_when_its_merger_shows() -> None:
    before = line("HALD", SHELL, TRUST * 4)
    paper = line("HALDW", "Halden Warrants", [0.5] * 28)
    after = line("HALD", "Halden Batteries Inc. Common Stock", [9.0, 7.5, 8.8, 10.1] * 2, first=20)
    found = verdicts(pl.concat([before, after, paper])).filter(pl.col("symbol") == "HALD")
    assert found["line_type"].to_list()[19:] == ["spac"] + ["common"] * 8


@pytest.mark.parametrize(
    ("name", "industry"),
    [("Halden Acquisition Corp. Common Stock", None), ("Halden Limited", "Blank Checks")],
)
def test_a_name_or_industry_older_than_the_merger_gives_way_to_the_closes(
    name: str, industry: str | None
) -> None:
    found = verdicts(line("HALD", name, [10.0] * 3 + [4.0, 3.5, 3.0] * 3, industry=industry))
    kinds = found["line_type"].to_list()
    assert kinds[0] == "spac"
    assert kinds[-1] == "common"
    assert found["type_evidence"][-1].startswith("left its trust value: 12 closes between 3.0")


def test_the_industry_blank_checks_speaks_until_the_closes_contradict() -> None:
    said = line("HALD", "Halden Limited", TRUST, industry="Blank Checks")
    above = line("HALD", "Halden Limited", [15.0, 19.0, 14.0, 22.0], industry="Blank Checks")
    assert last(said) == ("spac", "industry: Blank Checks")
    assert last(above)[0] == "common"


def test_a_fact_comes_before_the_name_but_not_before_the_paper() -> None:
    facts = pl.DataFrame(
        [
            ("HALD", "Halden Capital", "bdc", 2020, None),
            ("HALN", "Halden Capital", "bdc", 2020, None),
        ],
        schema=FACTS_SCHEMA,
        orient="row",
    )
    share = line("HALD", "HALDEN Income LLC", [20.0])
    note = line("HALN", "Halden Capital 5.5% Notes due 2028", [25.0])
    found = verdicts(pl.concat([share, note]), facts)
    assert found.select("symbol", "line_type", "type_evidence").rows() == [
        ("HALD", "bdc", "reference: bdc"),
        ("HALN", "note", "name: note"),
    ]


@pytest.mark.parametrize(
    ("name", "years", "kind"),
    [
        ("Halden Corp", (2020, None), "fund"),
        ("Halden Corp", (2020, 2024), "fund"),
        ("Halden Corp", (2020, 2023), "common"),
        ("Halden Corp", (2025, None), "common"),
        ("Birkeland Steel Inc.", (2020, None), "common"),
        (None, (2020, None), "common"),
    ],
)
def test_a_fact_speaks_of_its_company_and_years_only(
    name: str | None, years: tuple[int, int | None], kind: str
) -> None:
    facts = pl.DataFrame(
        [("HALD", "Halden Securities", "fund", *years)], schema=FACTS_SCHEMA, orient="row"
    )
    assert verdicts(line("HALD", name, [50.0]), facts)["line_type"].item() == kind


def test_earlier_sessions_are_context_only() -> None:
    listings = line("HALD", SHELL, TRUST * 4)
    start = FIRST + timedelta(days=19)
    found = classify_lines(listings, spans(listings), NO_FACTS, start=start)
    assert found.select("session", "line_type").rows() == [(start, "spac")]


def test_a_line_without_a_close_is_judged_by_its_words() -> None:
    assert last(line("HALD", "Halden Acquisition Corp.", [10.0, None]))[0] == "spac"
    assert last(line("HALD", SHELL, [*TRUST, None]))[0] == "common"


def test_a_symbol_used_again_starts_its_own_history() -> None:
    old = line("HALD", "Halden Class A", TRUST * 4)
    new = line("HALD", "Halden Class A", [10.06] * 2, first=40)
    securities = pl.DataFrame(
        {
            "symbol": ["HALD", "HALD"],
            "security_id": ["S-1", "S-2"],
            "company_id": ["C-1", "C-2"],
            "first_session": [FIRST, FIRST + timedelta(days=40)],
            "last_session": [FIRST + timedelta(days=19), FIRST + timedelta(days=41)],
        }
    )
    found = classify_lines(pl.concat([old, new]), securities, NO_FACTS, start=FIRST)
    assert found["line_type"].to_list()[19:] == ["spac", "common", "common"]


@settings(max_examples=20, deadline=None)
@given(
    closes=st.lists(
        st.one_of(st.none(), st.floats(9.3, 11.0), st.sampled_from([10.0, 10.01, 10.02, 6.0])),
        min_size=6,
        max_size=24,
    ),
    name=st.sampled_from([SHELL, "Halden Growth Corp. II", "Halden Acquisition Co", "Halden Inc."]),
    unit_days=st.integers(1, 24),
    cut=st.integers(1, 24),
)
def test_later_rows_change_no_earlier_verdict(
    closes: list[float | None], name: str, unit_days: int, cut: int
) -> None:
    listings = pl.concat(
        [
            line("HALD", name, closes, industry="Appliances"),
            line("HALDU", "Halden Unit", [10.1] * unit_days),
            *crowd("Acquisition Corp.", "Appliances", count=11, sessions=12),
        ]
    )
    end = FIRST + timedelta(days=cut)
    securities = spans(listings)
    whole = classify_lines(listings, securities, NO_FACTS, start=FIRST)
    known = classify_lines(
        listings.filter(pl.col("session") < end), securities, NO_FACTS, start=FIRST
    )
    assert whole.filter(pl.col("session") < end).equals(known)
    assert whole.select("session", "exchange", "symbol").is_unique().all()
    assert whole.height == listings.height


def test_every_rule_ends_its_sentence() -> None:
    assert all(rule.sentence.endswith(".") for rule in SPAC_RULES)
