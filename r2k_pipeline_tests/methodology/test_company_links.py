"""Which lines have one issuer."""

from __future__ import annotations

from r2k_pipeline_tests.listing_rows import linked, listing


def test_share_classes_are_lines_of_one_company_and_tracking_stocks_are_not() -> None:
    found = linked(
        [
            listing(0, "GG", "Galpha Inc. Class C Capital Stock"),
            listing(0, "GGL", "Galpha Inc. Class A Common Stock"),
            listing(0, "HE", "Heiko Corporation Common Stock"),
            listing(0, "HE/A", "Heiko Corporation"),
            listing(0, "GRF", "Greff Inc. Class A Common Stock"),
            listing(0, "GRF.B", "Greff Inc. Corporation Class B"),
            listing(0, "LMA", "Livre Media Corp. Series A Livre Radio Common Stock"),
            listing(0, "LMF", "Livre Media Corp. Series A Livre Racing Common Stock"),
        ]
    )
    company = dict(found.select("symbol", "company_id").iter_rows())
    assert company["GG"] == company["GGL"]
    assert company["HE"] == company["HE/A"]
    assert company["GRF"] == company["GRF.B"]
    assert company["LMA"] != company["LMF"]
    assert found["security_id"].n_unique() == 8


def test_two_companies_with_one_name_stay_two() -> None:
    rows = [
        listing(0, "IBC", "Independence Bank Corporation Common Stock"),
        listing(0, "INB", "Independence Bank Corporation Common Stock"),
    ]
    assert linked(rows)["company_id"].n_unique() == 2


def test_a_line_issued_after_a_change_of_name_finds_its_company() -> None:
    rows = [
        listing(0, "FBK", "Faber Inc. Common Stock"),
        listing(1, "FBK", "Metta Inc. Common Stock"),
        listing(2, "FBK", "Metta Inc. Common Stock"),
        listing(2, "FBKW", "Metta Inc. Warrants", close_usd=1.3),
    ]
    assert linked(rows)["company_id"].unique().to_list() == ["C-FBK-20240101"]


def test_lines_without_a_name_are_companies_of_their_own() -> None:
    assert linked([listing(0, "AA", None), listing(0, "BB", None)])["company_id"].n_unique() == 2
