"""What kind of paper a made-up listing is, in the wording of the real feed."""

from __future__ import annotations

import polars as pl
import pytest

from r2k_pipeline.methodology.line_types import line_type

KINDS = [
    (
        "HAL",
        "Halden Instruments Inc. Common Stock",
        "Electrical Products",
        "Capital Goods",
        "common",
    ),
    ("HAL^B", "Halden Instruments Inc. Series B", None, None, "preferred"),
    ("HALP", "Halden 6.375% Cumulative Redeemable Stock", None, None, "preferred"),
    ("HALW", "Halden Acquisition Corp. Warrant", "Blank Checks", "Finance", "warrant"),
    ("HAL/WS", "Halden Inc.", None, None, "warrant"),
    ("HALU", "Halden Acquisition Corp. Unit", "Blank Checks", "Finance", "unit"),
    ("HALR", "Halden Acquisition Corp. Right", "Blank Checks", "Finance", "right"),
    ("HALN", "Halden Corp. 7.25% Senior Notes due 2027", None, None, "note"),
    ("HALY", "Halden S.A. American Depositary Shares", None, None, "depositary_receipt"),
    ("HALT", "Halden Permian Royalty Trust", "Oil & Gas Production", "Energy", "royalty_trust"),
    ("HALL", "Halden Pipeline Partners L.P. Common Units", None, "Energy", "limited_partnership"),
    ("HALF", "Halden Municipal Income Fund Inc. Common Stock", None, None, "fund"),
    ("HALB", "Halden Credit Shares of Beneficial Interest", None, "Finance", "fund"),
    ("HALS", "Halden Acquisition Corp. II Class A Ordinary Shares", None, "Finance", "spac"),
    ("HALC", "Halden Capital Class A Common Stock", "Blank Checks", "Finance", "spac"),
    ("HALG", "Halden Growth LLC Class A shares", None, None, "llc"),
    ("HALE", "Halden Towers Inc. Common Stock", None, "Real Estate", "reit"),
    ("HALI", "Halden Trust Common Shares of Beneficial Interest", None, "Real Estate", "reit"),
    ("HALQ", "Halden Brights United Inc. Common Stock", None, None, "common"),
    ("HALZ", None, None, None, "common"),
]


@pytest.mark.parametrize(("symbol", "name", "industry", "sector", "kind"), KINDS)
def test_a_listing_is_of_its_kind(
    symbol: str, name: str | None, industry: str | None, sector: str | None, kind: str
) -> None:
    line = pl.DataFrame(
        {"symbol": [symbol], "name": [name], "industry": [industry], "sector": [sector]},
        schema=dict.fromkeys(("symbol", "name", "industry", "sector"), pl.String),
    )
    assert line.select(line_type()).item() == kind
