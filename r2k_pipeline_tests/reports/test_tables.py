"""Frames for terminals and for machines."""

from __future__ import annotations

from datetime import date
from io import BytesIO, StringIO

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from r2k_pipeline.reports.tables import Format, encoded, plain, shown, terminal_table

FRAME = pl.DataFrame(
    {
        "session": [date(2022, 6, 27), None],
        "name": ['comma, "quote"\nline', "[red]x[/red]"],
        "weight": [0.1, None],
        "rank": [1, 2],
    }
)


def printed(frame: pl.DataFrame, width: int = 120) -> str:
    out = StringIO()
    Console(file=out, width=width).print(terminal_table(frame, title="[b]t[/b]"))
    return out.getvalue()


def test_machines_read_back_what_was_written() -> None:
    csv = pl.read_csv(BytesIO(encoded(FRAME, Format.CSV)), schema=FRAME.schema)
    json = pl.read_json(BytesIO(encoded(FRAME, Format.JSON)), schema=FRAME.schema)
    parquet = pl.read_parquet(BytesIO(encoded(FRAME, Format.PARQUET)))
    for again in (csv, json, parquet):
        assert again.equals(FRAME)


def test_an_empty_frame_keeps_its_columns() -> None:
    assert encoded(FRAME.clear(), Format.CSV) == b"session,name,weight,rank\n"
    assert encoded(FRAME.clear(), Format.JSON) == b"[]\n"


def test_markup_from_feeds_is_shown_and_not_obeyed() -> None:
    text = printed(FRAME)
    assert "[red]x[/red]" in text
    assert "[b]t[/b]" in text


def test_numbers_are_never_cut_in_a_narrow_terminal() -> None:
    wide = pl.DataFrame({"name": ["n" * 60], "total_market_cap_usd": [1.234e9], "rank": [12345]})
    text = printed(wide, width=50)
    assert "$1.23 bn" in text
    assert "12,345" in text


def test_the_rest_is_counted() -> None:
    assert "and 6 more" in printed(pl.concat([FRAME] * 13), width=200)


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_printed(words: str) -> None:
    assert all(char.isprintable() for char in plain(words))


@pytest.mark.parametrize(
    ("value", "column", "words"),
    [
        (-685_500_000.0, "to_r1000_usd", "-$685.5 m"),
        (0.0235, "change_share", "2.35 %"),
        (12.34, "to_r1000_pct", "12.3 %"),
        (1_234_567.0, "index_shares", "1,234,567"),
        (True, "is_well", "yes"),
        (1000.456, "price_level", "1,000.46"),
    ],
)
def test_a_unit_stands_in_the_name(value: object, column: str, words: str) -> None:
    assert shown(value, column) == words
