"""One JSON file of one evening: what its fields say, and what is refused.

Golden: written by hand in the vendor's spelling (strings only).
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.errors import SourceError
from r2k_pipeline.sources.us_stock_symbols.listings import VENDOR_SCHEMA
from r2k_pipeline.sources.us_stock_symbols.snapshot_json import SnapshotFile, parse_snapshot
from r2k_pipeline_tests.sources.archives import row

if TYPE_CHECKING:
    from r2k_pipeline_tests.sources.archives import Row

COMMIT = "2f6a91b5e9a2736b40069189ba36bde8bccd2113"


def file(content: bytes | list[Row]) -> SnapshotFile:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return SnapshotFile(
        commit_id=COMMIT,
        path="nyse/nyse_full_tickers.json",
        exchange="nyse",
        taken_for=date(2022, 6, 27),
        data=data,
    )


def test_a_listing_is_read_field_by_field() -> None:
    listing = row(
        "HAL^A ", "$1,234.50", "-0.04", volume="26997", marketCap="66410099.00", ipoyear="2008",
        name="Halden Inc. ", industry="Major Banks", sector="Finance",
    )  # fmt: skip
    parsed = parse_snapshot(file([listing]))
    assert parsed.rows.schema == VENDOR_SCHEMA
    assert parsed.unknown_columns == ()
    assert parsed.rows.row(0, named=True) == {
        "taken_for": date(2022, 6, 27),
        "exchange": "nyse",
        "symbol": "HAL^A ",
        "name": "Halden Inc. ",
        "lastsale": 1234.5,
        "netchange": -0.04,
        "volume": 26997,
        "marketCap": 66410099.0,
        "country": "United States",
        "ipoyear": 2008,
        "industry": "Major Banks",
        "sector": "Finance",
        "source_hash": hashlib.sha256(file([listing]).data).hexdigest()[:16],
    }


@pytest.mark.parametrize("said", ["", "NA", "N/A", " ", "--"])
def test_an_absent_number_is_null(said: str) -> None:
    parsed = parse_snapshot(file([row("HAL", said, said, volume=said, marketCap=said)]))
    numbers = parsed.rows.select("lastsale", "netchange", "volume", "marketCap")
    assert numbers.row(0) == (None, None, None, None)


def test_an_unchanged_price_has_no_change() -> None:
    assert parse_snapshot(file([row("HAL", "$1.00", "UNCH")])).rows["netchange"][0] == 0.0


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("lastsale", "-$1.00"),
        ("lastsale", "$1,23.4"),
        ("lastsale", "1e5"),
        ("lastsale", "UNCH"),
        ("netchange", "minus"),
        ("netchange", "nan"),
        ("volume", "12.5"),
        ("volume", "-3"),
        ("marketCap", "inf"),
        ("marketCap", "1.2B"),
        ("ipoyear", "21"),
    ],
)
def test_a_value_that_is_no_number_is_named(field: str, said: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_snapshot(
            file([row("OK", "$1.00", "0.0"), row("HAL", "$1.00", "0.0") | {field: said}])
        )
    assert f"{field} of 'HAL' is {said!r}, which is no number" in caught.value.culprit


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'[{"symbol":"A"}][{"symbol":"A"}]', "no JSON at byte 16"),
        (b"<html><body>503 Service Unavailable</body></html>", "no JSON at byte 0"),
        (b'[{"symbol":"A","na', "no JSON at byte 18"),
        (b"", "no JSON at byte 0"),
        (b'{"data":null}', "expected an array of listings, found dict"),
        (b'["A"]', "item 0 is str, expected an object of one listing"),
        (b"[null]", "item 0 is NoneType"),
        (b'\xff\xfe[{"symbol":"A"}]', "no JSON"),
    ],
)
def test_corrupt_bytes_name_commit_file_hash_and_fault(content: bytes, problem: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_snapshot(file(content))
    culprit = caught.value.culprit
    assert problem in culprit
    assert COMMIT[:12] in culprit
    assert "nyse/nyse_full_tickers.json" in culprit
    assert hashlib.sha256(content).hexdigest()[:16] in culprit
    assert "2022-06-27" in culprit


def test_a_missing_column_is_named_with_its_listing() -> None:
    lacking = row("HAL", "$1.00", "0.0")
    del lacking["marketCap"]
    with pytest.raises(SourceError, match="column 'marketCap' is missing, expected text in item 1"):
        parse_snapshot(file([row("OK", "$1.00", "0.0"), lacking]))


def test_a_number_where_text_belongs_is_refused() -> None:
    listing: dict[str, object] = {**row("HAL", "$1.00", "0.0"), "lastsale": 1.0}
    with pytest.raises(
        SourceError, match=r"column 'lastsale' is float 1.0, expected text of 'HAL'"
    ):
        parse_snapshot(file(json.dumps([listing]).encode()))


def test_a_listing_without_a_symbol_is_refused() -> None:
    with pytest.raises(SourceError, match=r"a listing has no symbol"):
        parse_snapshot(file([row("  ", "$1.00", "0.0")]))


def test_an_unknown_column_is_told_and_nothing_else_happens() -> None:
    parsed = parse_snapshot(file([row("HAL", "$1.00", "0.0", analyst="buy")]))
    assert parsed.unknown_columns == ("analyst",)
    assert parsed.rows.height == 1


def test_hostile_text_is_only_text() -> None:
    hostile = "'; DROP TABLE levels; --"
    parsed = parse_snapshot(file([row("../../etc", "$1.00", "0.0", name=hostile)]))
    assert parsed.rows.select("symbol", "name").row(0) == ("../../etc", hostile)


def test_a_file_without_listings_has_none() -> None:
    assert parse_snapshot(file(b"[]")).rows.height == 0
