"""What kind of paper a made-up listing is, in the wording of the real feed.

Rows are symbol, name, industry, sector, and the kind and rule expected.
"""

from __future__ import annotations

import polars as pl
import pytest

from r2k_pipeline.methodology.line_types import NAME_RULES, line_type, type_evidence

Row = tuple[str, str | None, str | None, str | None, str, str | None]

TRUSTS = "Trusts Except Educational Religious and Charitable"
SHARE_OF_TRUST = "Common Shares of Beneficial Interest"

KINDS: tuple[Row, ...] = (
    # Shares, among them those whose names tempt a rule.
    ("HAL", "Halden Instruments Inc. Common Stock", "Steel", "Industrials", "common", None),
    ("HALQ", "Halden Brights United Inc. Common Stock", None, None, "common", None),
    ("HALZ", None, None, None, "common", None),
    ("PHAL", "Preferred Halden Bank Common Stock", "Major Banks", "Finance", "common", None),
    ("HALX", "Bond Halden Inc. Common Stock", "Chemicals", "Industrials", "common", None),
    ("HNTC", "Halden Northern Trust Corporation Common Stock", "Banks", "Finance", "common", None),
    ("HTCO", "HaldenTrustco Corp Common Stock", "Major Banks", "Finance", "common", None),
    ("HALK", "Halden Funding Inc. Common Stock", "Finance Companies", "Finance", "common", None),
    ("HSPA", "Halden Aerospace Inc. Common Stock", "Aerospace", "Industrials", "common", None),
    (
        "HCAP",
        "BlackRock Halden Inc. Common Stock",
        "Investment Managers",
        "Finance",
        "common",
        None,
    ),
    # Paper.
    ("HALW", "Halden Acquisition Corp. Warrant", None, None, "warrant", "name: warrant"),
    ("HALW", "Halden Health Corp Warrrant", None, None, "warrant", "name: warrant"),
    ("HAL/WS", "Halden Inc.", None, None, "warrant", "name: warrant"),
    ("HAL.WS", "Halden Inc.", None, None, "warrant", "name: warrant"),
    ("HALU", "Halden Acquisition Corp. Unit", "Blank Checks", "Finance", "unit", "name: unit"),
    ("HALT", "Halden SPAC Partners Co. Subunit", None, None, "unit", "name: unit"),
    ("HAL.U", "Halden Growth Corp.", None, None, "unit", "name: unit"),
    (
        "HAL.U",
        "Halden Corp. Units each consisting of one Class A share and one-half of one warrant",
        None,
        None,
        "unit",
        "name: unit",
    ),
    ("HALE", "Halden Utilities Inc. Corporate Units", None, None, "unit", "name: unit"),
    ("HALR", "Halden Acquisition Corp. Right", None, None, "right", "name: right"),
    ("HAL.RT", "Halden Corporation", None, None, "right", "name: right"),
    ("HALN", "Halden Corp. 7.25% Senior Notes due 2027", None, None, "note", "name: note"),
    ("HALN", "Halden LLC First Mortgage Bonds 4.9% Series", None, None, "note", "name: note"),
    ("HALN", "Halden Securities Inc. STRATS Trust", None, None, "note", "name: note"),
    ("HAL^B", "Halden Inc.", None, None, "preferred", "name: preferred"),
    ("HAL.PRC", "Halden Inc.", None, None, "preferred", "name: preferred"),
    ("HALF.PRA", "Halden Income Fund", None, None, "preferred", "name: preferred"),
    ("HALL.PR", "Halden Pipeline LP", None, None, "preferred", "name: preferred"),
    ("HALP", "Halden 6.375% Cumulative Stock", None, None, "preferred", "name: preferred"),
    (
        "HALY",
        "Halden S.A. American Depositary Shares each representing two preferred shares",
        None,
        None,
        "depositary_receipt",
        "name: American depositary receipt",
    ),
    (
        "HALY",
        "Halden N.V. New York Registry Shares",
        None,
        None,
        "depositary_receipt",
        "name: depositary receipt",
    ),
    # Issuers.
    ("HRT", "Halden Permian Royalty Trust", None, None, "royalty_trust", "name: royalty trust"),
    (
        "HOT",
        "Halden Oil Trust Units of Beneficial Interest",
        "Oil & Gas Production",
        "Energy",
        "royalty_trust",
        "name: royalty trust",
    ),
    (
        "HPP",
        "Halden Pipeline Partners L.P. Common Units",
        None,
        "Energy",
        "limited_partnership",
        "name: partnership",
    ),
    (
        "HGP",
        "Halden GP Holdings L.P. Class A Shares representing limited partner interests",
        None,
        "Energy",
        "limited_partnership",
        "name: partnership",
    ),
    ("HPI", "Halden Partners Inc. Class A Common Stock", None, "Finance", "common", None),
    ("HLC", "Halden Infrastructure LLC Common Unit", None, "Energy", "llc", "name: LLC"),
    (
        "HLC",
        "Halden Midstream LLC Common Units representing Limited Partner Interests",
        None,
        "Energy",
        "llc",
        "name: LLC",
    ),
    (
        "HALRA",
        "Halden Media Corporation Series A Halden Racing Common Stock",
        None,
        "Media",
        "tracking_stock",
        "name: tracking stock",
    ),
    (
        "HALV",
        "Halden Financial Inc. HFV Group Common Stock",
        None,
        "Finance",
        "tracking_stock",
        "name: tracking stock",
    ),
    ("HALN", "Halden Inc. Class A Non-Voting Common Stock", None, None, "common", None),
    ("HGRP", "Halden Holdings Group Inc. Common Stock", None, None, "common", None),
    ("HALZ", "Halden Holdings ZONES", None, None, "note", "name: note"),
    ("HALD", "Halden Data Systems Inc. Sr Nt", None, None, "note", "name: note"),
    ("HALD", "Halden Power Company Perp Prd Ser D", None, None, "preferred", "name: preferred"),
    (
        "HSB",
        "Halden BDC Inc. Common Stock",
        "Investment Managers",
        "Finance",
        "bdc",
        "name: business development company",
    ),
    ("HMF", "Halden Municipal Income Fund Inc.", None, None, "fund", "name: fund"),
    (
        "HPF",
        "Halden Preferred and Income Fund Inc. Common Stock",
        TRUSTS,
        "Finance",
        "fund",
        "name: fund",
    ),
    ("HBB", "Halden Taxable Municipal Bond Trust", TRUSTS, "Finance", "fund", "name: fund"),
    ("HVT", "Halden Value Trust Inc. Common Stock", TRUSTS, "Finance", "fund", "name: fund trust"),
    ("HST", "Halden Health Sciences Trust", TRUSTS, "Finance", "fund", "name: fund trust"),
    (
        "HSQ",
        "Calamos Halden Total Return Common Stock",
        "Finance Companies",
        "Finance",
        "fund",
        "name: fund sponsor",
    ),
    (
        "HCB",
        f"Halden Resources {SHARE_OF_TRUST}",
        TRUSTS,
        "Finance",
        "fund",
        "name: beneficial interest",
    ),
    (
        "HAQ",
        "Halden Acquisition Corp. II Class A Ordinary Shares",
        None,
        None,
        "spac",
        "name: acquisition company",
    ),
    ("HMC", "Halden Merger Corp. Common Stock", None, None, "spac", "name: acquisition company"),
    ("HSP", "HaldenSPAC Inc. Class A", None, None, "spac", "name: acquisition company"),
    (
        "HBC",
        "Halden Capital Class A",
        "Blank Checks",
        "Finance",
        "spac",
        "industry: Blank Checks",
    ),
    ("HLC", "Halden Growth LLC Class A shares", None, None, "llc", "name: LLC"),
    ("HTR", "Halden Tracking Stock", None, None, "tracking_stock", "name: tracking stock"),
    # Real estate, whose trusts are no funds.
    ("HRE", "Halden Towers Inc.", None, "Real Estate", "reit", "sector: Real Estate"),
    ("HOP", f"Halden Trust {SHARE_OF_TRUST}", None, "Real Estate", "reit", "sector: Real Estate"),
    (
        "HIT",
        "Halden Health Realty Income Trust",
        "Real Estate Investment Trusts",
        "Finance",
        "reit",
        "sector: Real Estate",
    ),
    (
        "HPA",
        "Preferred Halden Communities Inc. Common Stock",
        None,
        "Real Estate",
        "reit",
        "sector: Real Estate",
    ),
    ("HMT", f"Halden Mortgage Trust {SHARE_OF_TRUST}", "", "Finance", "common", None),
    ("HBI", f"Halden Home Goods {SHARE_OF_TRUST}", "Home Furnishings", "", "common", None),
)


@pytest.mark.parametrize("row", KINDS, ids=lambda row: f"{row[4]}-{row[0]}")
def test_a_listing_is_of_its_kind_by_its_rule(row: Row) -> None:
    *texts, kind, code = row
    line = pl.DataFrame(
        [texts],
        schema=dict.fromkeys(("symbol", "name", "industry", "sector"), pl.String),
        orient="row",
    )
    assert line.select(line_type(), type_evidence().alias("why")).row(0) == (kind, code)


def test_every_rule_has_a_listing_that_it_decides() -> None:
    assert {rule.code for rule in NAME_RULES} == {row[5] for row in KINDS} - {None}


def test_codes_are_unique_and_sentences_end() -> None:
    codes = [rule.code for rule in NAME_RULES]
    assert len(codes) == len(set(codes))
    assert all(rule.sentence.endswith(".") for rule in NAME_RULES)
