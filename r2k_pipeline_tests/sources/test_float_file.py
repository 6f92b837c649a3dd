"""A file of float factors: both forms read alike, and each bad one has its own words.

The bound is the contract's: above 0 and at most 1.
"""

from __future__ import annotations

import io
from datetime import date

import polars as pl
import pytest

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.sources.float_file import read_floats

HEADER = "session,symbol,float_factor,source,certainty"
GOOD = "2022-06-24,HAL,0.85,10-K of 2021,reported"


def text(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows]).encode()


def test_a_csv_with_mark_blank_lines_and_other_columns_is_read() -> None:
    data = text(
        "note,2022-06-24, HAL ,1,10-K,official", "", header=f"\ufeffremark,{HEADER.upper()}"
    )
    assert read_floats(data, file="f.csv").rows() == [
        (date(2022, 6, 24), "HAL", 1.0, "10-K", "official")
    ]


def test_parquet_reads_like_csv() -> None:
    rows = pl.DataFrame(
        {
            "Session": [date(2022, 6, 24)], "symbol": ["HAL"], "float_factor": [0.85],
            "source": ["10-K of 2021"], "certainty": ["reported"], "more": [1],
        }
    )  # fmt: skip
    written = io.BytesIO()
    rows.write_parquet(written)
    found = read_floats(written.getvalue(), file="f.parquet")
    assert found.equals(read_floats(text(GOOD), file="f.csv"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "f.csv: the header must name session and symbol and"),
        (text(), "f.csv gives no factor"),
        (b"PAR1 and nothing else", "f.csv cannot be read as Parquet"),
        (b"\xff\xfe\x00", "f.csv is neither CSV in UTF-8 nor Parquet"),
        (text(GOOD, header=HEADER.replace("source", "says")), "the header must name source once"),
        (text(GOOD, header=HEADER + ",symbol"), "the header must name symbol once"),
        (text("2022-06-24,HAL,0.85"), "row 2: 3 cells under 5 columns"),
        (text(GOOD, "2022-06-24,--,0.5,x,reported"), "row 3: no symbol"),
        (text("2022-06-24,HAL,0.5,,reported"), "row 2: no source"),
        (text("2022-06-24,HAL,0.5,x,guessed"), "row 2: unknown certainty 'guessed'"),
        (text("24 June,HAL,0.5,x,reported"), "row 2: session is '24 June', not a day"),
        (text("2022-06-25,HAL,0.5,x,reported"), "row 2: 2022-06-25 is not a session"),
        (text("2022-06-24,HAL,0,x,reported"), "row 2: float_factor is '0', not above 0"),
        (text("2022-06-24,HAL,1.0001,x,reported"), "row 2: float_factor is '1.0001'"),
        (text("2022-06-24,HAL,nan,x,reported"), "row 2: float_factor is 'nan'"),
        (text("2022-06-24,HAL,85 %,x,reported"), "row 2: float_factor is '85 %'"),
        (text(GOOD, GOOD.replace("0.85", "0.9")), "gives HAL twice from 2022-06-24 on"),
    ],
)
def test_each_bad_file_is_refused_with_its_place(data: bytes, words: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read_floats(data, file="f.csv")
    assert words in caught.value.culprit
    assert caught.value.state == "no float factor was landed"
    assert caught.value.remedy
