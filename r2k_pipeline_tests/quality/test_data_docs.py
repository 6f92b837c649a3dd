"""Data Docs open without a network, say what failed, and run nothing that a feed wrote.

Invariants of a page, whatever it is made from: no script, no handler, no address elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.quality.data_docs import DocumentedTable, offline, write_data_docs
from r2k_pipeline.quality.drift import columns_of_drift
from r2k_pipeline.quality.surroundings import Surroundings
from r2k_pipeline_tests.quality.drift_cases import ROUND, partition_of

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

HOSTILE = '<img src="//evil.example/x" onerror="alert(1)">'
LISTINGS = replace(contract("raw_listings"), across_rules=())


def lines(*, is_second: bool, **cells: object) -> pl.DataFrame:
    kept = {name: value for name, value in ROUND.items() if name in LISTINGS.names}
    return partition_of("raw_listings", is_second=is_second, cells={**kept, **cells})


def written(folder: Path, **cells: object) -> dict[str, str]:
    """The pages of a hundred listings beside as many of the session before, by name."""
    around = Surroundings(before=lines(is_second=False).select(columns_of_drift(LISTINGS)))
    table = DocumentedTable(
        promised=LISTINGS,
        frame=lines(is_second=True, close_usd=11.0, **cells),
        surroundings=around,
        partitions="2022-06-27",
    )
    index = write_data_docs([table], folder)
    assert index == folder / "index.html"
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def words(page: str) -> str:
    """What a reader sees of a page."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_what_failed_is_said_in_the_contracts_words(tmp_path: Path) -> None:
    pages = written(tmp_path / "docs", market_cap_usd=2e13)

    assert set(pages) == {
        "index.html",
        "style.css",
        "raw_listings.html",
        "raw_listings_beyond_rows.html",
    }
    assert "raw_listings 2022-06-27 100 18 1 failed" in words(pages["index.html"])
    assert "raw_listings_beyond_rows 2022-06-27 100 3 1 failed" in words(pages["index.html"])
    assert (
        "market_cap_is_plausible: No line is valued above 10 trillion USD; the vendor has been "
        "wrong by a factor of 280 for a day. 100 unexpected values found."
    ) in words(pages["raw_listings.html"])
    assert (
        "The total cap of an exchange moves by at most 15 per cent from one session to the next. "
        "1 unexpected values found."
    ) in words(pages["raw_listings_beyond_rows.html"])


def test_a_page_asks_nobody_for_anything_and_runs_nothing(tmp_path: Path) -> None:
    pages = written(tmp_path, exchange=HOSTILE)

    assert "&lt;img" in pages["raw_listings.html"]
    for page in pages.values():
        assert not re.search(r"<(?:script|iframe|img)\b", page, re.IGNORECASE)
        assert not re.search(r"<[^>]*\son\w+\s*=", page)
        assert not re.search(r"""(?:href|src)\s*=\s*["']?\s*(?:https?:)?//""", page)
        assert "@import" not in page
        assert "url(" not in page


def test_every_link_leads_to_a_page(tmp_path: Path) -> None:
    pages = written(tmp_path)
    links = {link for page in pages.values() for link in re.findall(r'href="([^"#]+)"', page)}

    assert links == set(pages)


@pytest.mark.parametrize(
    ("page", "kept"),
    [
        ("<SCRIPT\nsrc=x>a</script >b", "b"),
        ("<style>@import url(//x)</style>b", "b"),
        ("<LINK rel=stylesheet href=//x.org/y.css>b", "b"),
        ("<a onclick='x()' href='HTTPS://x.org'>b</a>", "<a>b</a>"),
        ('<a href="../../index.html">b</a>', '<a href="index.html">b</a>'),
    ],
)
def test_what_comes_from_elsewhere_is_cut_out(page: str, kept: str) -> None:
    assert offline(page) == kept
