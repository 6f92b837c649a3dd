"""Who is who over time, told by named cases; the invariants are in `test_identity_properties`."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from r2k_pipeline.rulebook.identity_overrides import IdentityOverride, LinkKind
from r2k_pipeline.rulebook.sources import Certainty
from r2k_pipeline_tests.listing_rows import FIRST, ids, linked, listing


def test_a_rename_under_the_same_name_keeps_the_line() -> None:
    name = "Faber Platforms Inc. Class A Common Stock"
    found = linked(
        [
            listing(0, "FBK", name, close_usd=196.64),
            listing(1, "MTA", name, close_usd=184.0, previous_close_usd=196.64),
        ]
    )
    assert ids(found)["MTA"] == ids(found)["FBK"] == "S-FBK-20240101"
    renamed = found.filter(pl.col("symbol") == "MTA").row(0, named=True)
    assert renamed["previous_symbol"] == "FBK"
    assert renamed["evidence"] == "same_name+previous_close+share_count"
    assert renamed["confidence"] > 0.9


def test_a_rename_with_a_new_name_is_proved_by_the_previous_close() -> None:
    found = linked(
        [
            listing(0, "ATM", "Antern Inc. Common Stock", close_usd=482.58, market_cap_usd=0.0),
            listing(1, "ELE", "Elevana Health Inc.", close_usd=473.1, previous_close_usd=482.58),
        ]
    )
    assert ids(found)["ELE"] == ids(found)["ATM"]
    assert found.filter(pl.col("symbol") == "ELE")["evidence"].item() == "previous_close"


def test_a_rename_without_a_previous_close_is_proved_by_the_share_count() -> None:
    found = linked(
        [
            listing(
                0,
                "VIC",
                "Vicom Inc. Class B Common Stock",
                close_usd=29.58,
                market_cap_usd=19.151e9,
            ),
            listing(
                0,
                "VICA",
                "Vicom Inc. Class A Common Stock",
                close_usd=32.83,
                market_cap_usd=19.151e9 / 29.58 * 32.83,
            ),
            listing(
                1,
                "PAR",
                "Parmont Global Class B Common Stock",
                close_usd=29.35,
                previous_close_usd=0.0,
                market_cap_usd=19.151e9 / 29.58 * 29.35,
            ),
            listing(
                1,
                "PARA",
                "Parmont Global Class A Common Stock",
                close_usd=32.5,
                previous_close_usd=0.0,
                market_cap_usd=19.151e9 / 29.58 * 32.5,
            ),
        ]
    )
    assert ids(found)["PAR"] == ids(found)["VIC"]
    assert ids(found)["PARA"] == ids(found)["VICA"]
    assert found["company_id"].n_unique() == 1


@pytest.mark.parametrize(
    ("close_usd", "shares", "is_one_line"),
    [
        (2.32, 1_331_421, True),  # one for fifty, in whole shares
        (2.32, 1_345_000, False),  # 49.5 old shares a new one: two companies
        (9.90, 1_331_421, False),  # one for fifty, and the price fits no such split
    ],
)
def test_a_reverse_split_on_the_night_of_a_rename_is_proved_by_shares_and_price(
    close_usd: float, shares: int, *, is_one_line: bool
) -> None:
    found = linked(
        [
            listing(0, "TYD", "Tydal Inc.", close_usd=0.0571, market_cap_usd=66_571_050 * 0.0571),
            listing(
                1,
                "OCT",
                "Octane Holdings Inc.",
                close_usd=close_usd,
                previous_close_usd=0.0,
                market_cap_usd=shares * close_usd,
            ),
        ]
    )
    assert (ids(found)["OCT"] == ids(found)["TYD"]) is is_one_line
    if is_one_line:
        assert found.filter(pl.col("symbol") == "OCT")["evidence"].item() == "shares_joined"


def test_a_rename_with_nothing_but_its_price_needs_a_line_that_is_not_new() -> None:
    old = listing(0, "SVM", "Survo Inc. Common Stock", close_usd=21.55, ipo_year=2018)
    new = {"close_usd": 21.02, "previous_close_usd": 0.0, "market_cap_usd": 0.0}
    seasoned = linked([old, listing(1, "MNT", "Momento Global Inc.", ipo_year=2018, **new)])
    offered = linked([old, listing(1, "MNT", "Momento Global Inc.", ipo_year=2024, **new)])
    assert ids(seasoned)["MNT"] == ids(seasoned)["SVM"]
    assert seasoned["evidence"].to_list()[-1] == "offer_year_and_price"
    assert ids(offered)["MNT"] != ids(offered)["SVM"]


def test_many_lines_at_one_price_prove_nothing() -> None:
    spacs = [
        listing(0, f"SP{letter}", f"Blank{letter} Acquisition Corp.", market_cap_usd=0.0)
        for letter in "ABCDEFGH"
    ]
    heirs = [
        listing(1, f"NEW{letter}", f"New{letter} Motors Inc.", market_cap_usd=0.0)
        for letter in "ABCDEFGH"
    ]
    found = linked([*spacs, *heirs])
    assert found["security_id"].n_unique() == 16


def test_a_warrant_follows_its_company() -> None:
    found = linked(
        [
            listing(0, "CCIV", "Churchy Capital Corp. Class A Common Stock", close_usd=24.25),
            listing(0, "CCIVW", "Churchy Capital Corp. Warrant", close_usd=7.1, market_cap_usd=0.0),
            listing(
                1, "LUCI", "Lucio Group Inc. Common Stock", close_usd=26.8, previous_close_usd=0.0
            ),
            listing(
                1,
                "LUCIW",
                "Lucio Group Inc. Warrant",
                close_usd=9.9,
                previous_close_usd=0.0,
                market_cap_usd=0.0,
            ),
        ]
    )
    assert ids(found)["LUCI"] == ids(found)["CCIV"]
    assert ids(found)["LUCIW"] == ids(found)["CCIVW"]
    assert found["evidence"].to_list().count("sibling_renamed") == 1
    assert found["company_id"].n_unique() == 1


def test_up_to_three_sessions_may_be_missing_in_a_rename() -> None:
    name = "Faber Platforms Inc. Class A Common Stock"
    near = linked([listing(0, "FBK", name), listing(4, "MTA", name)])
    far = linked([listing(0, "FBK", name), listing(5, "MTA", name)])
    assert ids(near)["MTA"] == ids(near)["FBK"]
    assert ids(far)["MTA"] != ids(far)["FBK"]


def test_a_symbol_that_its_parent_leaves_on_the_same_night_is_the_child() -> None:
    name = "Madsen Garden Corp. Class A Common Stock"
    found = linked(
        [
            listing(0, "MGE", name, close_usd=60.56, ipo_year=2020),
            listing(
                1, "SPH", "Spherical Co.", close_usd=25.61, previous_close_usd=60.56, ipo_year=2020
            ),
            listing(1, "MGE", name, close_usd=30.99, previous_close_usd=32.6, ipo_year=2024),
        ]
    )
    assert ids(found)["SPH"] == "S-MGE-20240101"
    assert ids(found)["MGE"] == "S-MGE-20240102"
    child = found.filter(pl.col("security_id") == "S-MGE-20240102").row(0, named=True)
    assert child["evidence"] == "symbol_left_by_its_line"
    assert child["company_id"] == "C-MGE-20240102"


def test_a_symbol_used_again_by_another_company_gets_a_new_line() -> None:
    found = linked(
        [
            listing(0, "ACH", "Alchor Corp. Depositary Shares", close_usd=7.0),
            listing(40, "ACH", "Accendor Health Inc. Common Stock", close_usd=7.1),
        ]
    )
    assert found["security_id"].to_list() == ["S-ACH-20240101", "S-ACH-20240210"]
    assert found["evidence"].to_list() == ["first_seen", "symbol_reused"]
    assert found["company_id"].n_unique() == 2


@pytest.mark.parametrize("day", [1, 3])
def test_a_symbol_used_again_at_once_needs_another_name_price_and_size(day: int) -> None:
    parent = listing(0, "BHN", "Biohave Pharma Holding Ltd.", close_usd=151.8)
    name = "Birdcage Ltd."
    other = listing(day, "BHN", name, close_usd=8.3, previous_close_usd=7.0, market_cap_usd=3e8)
    split = listing(
        day,
        "BHN",
        name,
        close_usd=8.3,
        previous_close_usd=7.0,
        market_cap_usd=parent["market_cap_usd"],
    )
    assert linked([parent, other])["security_id"].n_unique() == 2
    assert linked([parent, split])["security_id"].n_unique() == 1


def test_a_long_silence_under_the_same_name_is_the_same_line() -> None:
    rows = [listing(0, "ABR^D", "Arbo 5%"), listing(50, "ABR^D", "Arbo 5%", close_usd=31.0)]
    assert linked(rows).height == 1


def test_a_symbol_that_returns_after_its_line_was_renamed_is_a_new_line() -> None:
    name = "Faber Platforms Inc. Class A Common Stock"
    rows = [listing(0, "FBK", name), listing(1, "MTA", name), listing(2, "FBK", name)]
    found = linked(rows)
    assert ids(found) == {"FBK": "S-FBK-20240103", "MTA": "S-FBK-20240101"}


def test_a_symbol_in_another_spelling_is_the_same_line() -> None:
    found = linked(
        [
            listing(0, "ABR.PRD", "Arbo Realty Trust", close_usd=25.0, market_cap_usd=None),
            listing(0, "ABR.PRE", "Arbo Realty Trust", close_usd=25.0, market_cap_usd=None),
            listing(
                1, "ABR^D", "Arbo Realty Trust 6.375% Series D", close_usd=25.1, market_cap_usd=None
            ),
            listing(
                1, "ABR^E", "Arbo Realty Trust 6.25% Series E", close_usd=25.1, market_cap_usd=None
            ),
        ]
    )
    assert ids(found)["ABR^D"] == ids(found)["ABR.PRD"]
    assert ids(found)["ABR^E"] == ids(found)["ABR.PRE"]


def override(symbol: str, day: int, link: LinkKind, other: str | None = None) -> IdentityOverride:
    return IdentityOverride(
        symbol=symbol,
        session=FIRST + timedelta(days=day),
        link=link,
        other_symbol=other,
        person="index operations",
        reason="a reason",
        source="a document",
        certainty=Certainty.FROM_MEMORY,
    )


def test_an_override_links_what_nothing_proves() -> None:
    rows = [
        listing(0, "DSC", "Discover Inc. Series A", close_usd=24.4, previous_close_usd=24.4),
        listing(2, "WBX", "Warnock Bros Inc.", close_usd=26.1, market_cap_usd=None),
    ]
    continues = override("WBX", 1, LinkKind.CONTINUES, "DSC")
    assert len(set(ids(linked(rows)).values())) == 2
    found = linked(rows, continues)
    assert len(set(ids(found).values())) == 1
    assert found["evidence"].to_list() == ["first_seen", "override"]
    late = override("WBX", -9, LinkKind.CONTINUES, "DSC")
    assert len(set(ids(linked(rows, late)).values())) == 2


def test_an_override_splits_a_symbol_and_settles_companies() -> None:
    rows = [
        *(listing(day, "SAF", "Saferock Inc. Common Stock") for day in range(3)),
        *(listing(day, "STA", "Starlet Inc. Common Stock") for day in range(3)),
    ]
    found = linked(
        rows,
        override("SAF", 1, LinkKind.NEW_LINE),
        override("STA", 0, LinkKind.SAME_COMPANY, "SAF"),
    )
    lines = found.select("security_id", "company_id").sort("security_id").rows()
    assert lines[0] == ("S-SAF-20240101", "C-SAF-20240101")
    assert lines[1][0] == "S-SAF-20240102"
    assert lines[2] == ("S-STA-20240101", "C-SAF-20240101")
