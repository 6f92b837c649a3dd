"""Inputs that once got through, or fell through: each by name, with what is said of it now.

Found by `test_fuzz_readers`. What is damaged at random may never come again; these do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.errors import BadInputError, R2kError, SourceError
from r2k_pipeline.rulebook.family_file import parse_family
from r2k_pipeline.rulebook.reference_facts import read_facts
from r2k_pipeline.sources.fundamentals_file import read_fundamentals
from r2k_pipeline.sources.truth.table_text import number_in
from r2k_pipeline.sources.us_stock_symbols.year_files import YearFiles
from r2k_pipeline_tests.hostile.archives_read import SNAPSHOT, read_snapshot, year_bytes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        (b"$1,234.50", b"9" * 400, "lastsale of 'HAL' is"),
        (b"12,345", b"9" * 19, "volume of 'BRK/B' is"),
        (b'"name": "Halden Inc."', b'"symbol": "OTHER", "name": "x"', "'symbol' stands twice"),
        (b"Halden Inc.", b"Hal\\u0000den", "a text of 'HAL' holds the character NUL"),
    ],
)
def test_a_snapshot(tmp_path: Path, good: bytes, bad: bytes, words: str) -> None:
    assert good in SNAPSHOT
    with pytest.raises(SourceError) as caught:
        read_snapshot(SNAPSHOT.replace(good, bad, 1), tmp_path)
    assert words in caught.value.culprit


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (pl.lit(float("inf")).alias("lastsale"), "has NaN or an infinite number"),
        (pl.lit(float("nan")).alias("marketCap"), "has NaN or an infinite number"),
        (pl.lit("a\0b").alias("name"), "has the character NUL"),
        (pl.lit(" \t").alias("symbol"), "has rows without trade_date, exchange or symbol"),
    ],
)
def test_a_year_file(tmp_path: Path, change: pl.Expr, words: str) -> None:
    path = tmp_path / "2022.parquet"
    pl.read_parquet(year_bytes()).with_columns(change).write_parquet(path)
    with pytest.raises(SourceError, match=words):
        YearFiles(path).plan()


def test_a_damaged_page_is_an_error_when_planning(tmp_path: Path) -> None:
    path = tmp_path / "2022.parquet"
    data = bytearray(year_bytes())
    data[4:200] = bytes(196)
    path.write_bytes(data)
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        YearFiles(path).plan()


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ("nan,,,2", "book_to_price is 'nan'"),
        ("1e309,,,2", "book_to_price is '1e309'"),
        (",,,-1", "analysts is '-1'"),
        (",,,99999999999", "analysts is '99999999999'"),
    ],
)
def test_fundamentals(cells: str, words: str) -> None:
    header = "event,symbol,book_to_price,growth_forecast,sales_growth,analysts"
    with pytest.raises(BadInputError) as caught:
        read_fundamentals(f"{header}\n2022-06,HAL,{cells}\n".encode(), file="f.csv")
    assert words in caught.value.culprit


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("indexes: &a {r9: *a}", "uses an alias"),
        ("indexes: !!python/object/apply:os.system ['id']", "uses a tag"),
        ("indexes: " + "[" * 50_000, "nests deeper than 10 levels"),
        ("indexes: {r9: {name: 2022-02-30, ranks: [1, 9]}}", "is not readable as YAML"),
        ("indexes: {r9: {name: x, ranks: [1, 0b_]}}", "is not readable as YAML"),
        ("indexes: {r9: {name: x, ranks: [1, 9], base_value: .inf}}", "base_value must be"),
        ("indexes: {r9: {name: x, ranks: [1, 9], base_value: 1" + "0" * 400 + "}}", "base_value"),
        ("# " + "x" * 200_001, "is longer than 200,000 characters"),
    ],
)
def test_a_family_file(text: str, words: str) -> None:
    with pytest.raises(BadInputError) as caught:
        parse_family(text, file="f.yaml")
    assert words in caught.value.culprit


@pytest.mark.parametrize("symbols", ["symbol\n" + "A" * 200_000, "symbol,symbol\nA,B"])
def test_a_list_of_the_excluded(symbols: str) -> None:
    text = "indexes: {r9: {name: x, ranks: [1, 9], excluding: x.csv}}"
    with pytest.raises(BadInputError):
        parse_family(text, file="f.yaml", read=lambda _: symbols)


@pytest.mark.parametrize("row", ["HAL,Halden,inf,2020,,x,reported", " ,Halden,1,2020,,x,reported"])
def test_facts(row: str) -> None:
    header = "symbol,company,total_shares,first_year,last_year,source,certainty"
    with pytest.raises(BadInputError):
        read_facts("share_counts", f"{header}\n{row}\n")


@pytest.mark.parametrize("cell", ["1.234,50", "1,23", "12,34,567", ",5"])
def test_a_decimal_comma_is_no_number(cell: str) -> None:
    with pytest.raises(ValueError, match=cell):
        number_in(cell)


def test_an_error_is_short_whatever_it_quotes() -> None:
    error = R2kError("x" * 10**7, state="y" * 10**7, remedy="z" * 10**7)
    assert len(str(error)) < 15_000
