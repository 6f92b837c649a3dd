"""The extracted Parquet files: sessions by year, and files that are not what they claim.

Golden: by hand; which session each day shows is the story of each test.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.errors import BadInputError, SourceError
from r2k_pipeline.sources.feed import EvidenceKind
from r2k_pipeline.sources.us_stock_symbols.year_files import YearFiles
from r2k_pipeline_tests.sources.archives import EXCHANGES, LINES, evening, row, year_file

if TYPE_CHECKING:
    from pathlib import Path

THURSDAY, FRIDAY, TUESDAY = date(2021, 12, 30), date(2021, 12, 31), date(2022, 1, 4)
MONDAY = date(2022, 1, 3)


def test_a_batch_is_a_calendar_year(tmp_path: Path) -> None:
    year_file(tmp_path / "2021.parquet", {THURSDAY: evening(0), FRIDAY: evening(1)})
    second = year_file(tmp_path / "2022.parquet", {MONDAY: evening(2), TUESDAY: evening(3)})
    first_batch, second_batch = YearFiles(tmp_path).iter_batches()
    assert first_batch.plan.sessions == (THURSDAY, FRIDAY)
    assert second_batch.plan.sessions == (MONDAY, TUESDAY)
    assert second_batch.evidence == ()
    (raw,) = second_batch.raw
    assert raw.path == second
    assert raw.sha256 == hashlib.sha256(second.read_bytes()).hexdigest()
    assert second_batch.listings["source_hash"].unique().to_list() == [raw.sha256[:16]]
    assert second_batch.listings.height == 2 * len(EXCHANGES) * LINES


def test_a_session_shown_in_the_next_years_file_lands_in_its_own_year(tmp_path: Path) -> None:
    # On New Year's Eve the vendor serves the session before again, and is one behind after it.
    year_file(tmp_path / "2021.parquet", {THURSDAY: evening(0), FRIDAY: evening(0)})
    year_file(tmp_path / "2022.parquet", {MONDAY: evening(1), TUESDAY: evening(2)})
    first, second = YearFiles(tmp_path).iter_batches()
    assert first.plan.sessions == (THURSDAY, FRIDAY)
    assert second.plan.sessions == (MONDAY,)
    assert len(first.raw) == 2
    assert first.listings.filter(session=FRIDAY).height == len(EXCHANGES) * LINES
    assert {n.kind for n in first.evidence} == {EvidenceKind.STALE_COPY, EvidenceKind.RELABELLED}


def test_a_missing_session_is_told(tmp_path: Path) -> None:
    file = year_file(tmp_path / "a.parquet", {MONDAY: evening(0), date(2022, 1, 5): evening(2)})
    (batch,) = YearFiles(file).iter_batches()
    assert (EvidenceKind.MISSING_SESSION, TUESDAY) in [(n.kind, n.session) for n in batch.evidence]


def test_what_lies_between_two_years_is_told_once(tmp_path: Path) -> None:
    # New Year's Day is a Saturday; its copy belongs to no session.
    year_file(tmp_path / "2021.parquet", {THURSDAY: evening(0), FRIDAY: evening(1)})
    saturday = date(2022, 1, 1)
    year_file(tmp_path / "2022.parquet", {saturday: evening(1), MONDAY: evening(2)})
    batches = list(YearFiles(tmp_path).iter_batches())
    notes = [(n.kind, n.session, n.exchange) for batch in batches for n in batch.evidence]
    assert notes == [(EvidenceKind.NOT_A_SESSION, saturday, exchange) for exchange in EXCHANGES]


def test_a_range_cuts_a_year(tmp_path: Path) -> None:
    days = {MONDAY: evening(0), TUESDAY: evening(1), date(2022, 1, 5): evening(2)}
    source = YearFiles(year_file(tmp_path / "a.parquet", days))
    (batch,) = source.iter_batches(start=TUESDAY, end=TUESDAY)
    assert batch.listings["session"].unique().to_list() == [TUESDAY]
    with pytest.raises(BadInputError, match="is empty"):
        source.plan(start=TUESDAY, end=MONDAY)
    with pytest.raises(SourceError, match="has nothing from 2024-01-02"):
        source.plan(start=date(2024, 1, 2))


def test_blanks_are_null_symbols_stripped_and_nothing_else_repaired(tmp_path: Path) -> None:
    listing = row("HAL ", "$9.50", "0.1", name="Halden Inc. ", country="  ", marketCap="0.00",
                  industry="", sector="", ipoyear="2008")  # fmt: skip
    file = year_file(tmp_path / "a.parquet", {MONDAY: {"nyse": [listing]}})
    (batch,) = YearFiles(file).iter_batches()
    landed = batch.listings.drop("source_hash", "source").row(0, named=True)
    assert landed == {
        "session": MONDAY,
        "exchange": "nyse",
        "symbol": "HAL",
        "name": "Halden Inc. ",
        "close_usd": 9.5,
        "previous_close_usd": 9.4,
        "volume_shares": 1000,
        "market_cap_usd": 0.0,
        "country": None,
        "ipo_year": 2008,
        "industry": None,
        "sector": None,
    }


def test_an_unsorted_file_gives_the_same_frame(tmp_path: Path) -> None:
    days = {MONDAY: evening(0), TUESDAY: evening(1), date(2022, 1, 5): evening(1)}
    sorted_file = year_file(tmp_path / "a.parquet", days)
    shuffled = tmp_path / "b.parquet"
    pl.read_parquet(sorted_file).sample(fraction=1.0, shuffle=True, seed=3).write_parquet(shuffled)
    (one,), (other,) = (YearFiles(f).iter_batches() for f in (sorted_file, shuffled))
    assert one.listings.drop("source_hash").equals(other.listings.drop("source_hash"))
    assert one.evidence == other.evidence


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (pl.exclude("marketCap"), "column 'marketCap' is missing, expected Float64"),
        (
            [pl.exclude("volume"), pl.col("volume").cast(pl.Float64)],
            "column 'volume' is Float64, expected Int64",
        ),
        (
            [pl.exclude("trade_date"), pl.col("trade_date").cast(pl.String)],
            "column 'trade_date' is String, expected Date",
        ),
    ],
)
def test_a_wrong_column_is_named_with_its_file(
    tmp_path: Path, change: pl.Expr | list[pl.Expr], told: str
) -> None:
    file = year_file(tmp_path / "2022.parquet", {MONDAY: evening(0)})
    pl.read_parquet(file).select(change).write_parquet(file)
    with pytest.raises(SourceError) as caught:
        YearFiles(tmp_path).plan()
    assert caught.value.culprit == f"{file}: {told}"
    assert "nothing of it was landed" in caught.value.state


def test_an_unknown_column_is_told(tmp_path: Path) -> None:
    file = year_file(tmp_path / "2022.parquet", {MONDAY: evening(0)})
    pl.read_parquet(file).with_columns(analyst=pl.lit("buy")).write_parquet(file)
    (batch,) = YearFiles(file).iter_batches()
    assert [(n.kind, n.detail) for n in batch.evidence] == [
        (EvidenceKind.UNKNOWN_COLUMN, "2022.parquet: analyst")
    ]
    assert batch.listings.height == len(EXCHANGES) * LINES


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (pl.lit("iex").alias("exchange"), "names exchange iex; known are amex, nasdaq, nyse"),
        (
            pl.lit(None, pl.String).alias("symbol"),
            "has rows without trade_date, exchange or symbol",
        ),
    ],
)
def test_rows_without_a_place_are_refused(tmp_path: Path, change: pl.Expr, told: str) -> None:
    file = year_file(tmp_path / "2022.parquet", {MONDAY: evening(0)})
    pl.read_parquet(file).with_columns(change).write_parquet(file)
    with pytest.raises(SourceError, match=told):
        YearFiles(file).plan()


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    file = year_file(tmp_path / "2022.parquet", {MONDAY: evening(0)})
    pl.read_parquet(file).clear().write_parquet(file)
    with pytest.raises(SourceError, match="has no rows"):
        YearFiles(file).plan()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"<html>503</html>"])
def test_bytes_that_are_no_parquet_are_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "2022.parquet"
    file.write_bytes(content)
    with pytest.raises(SourceError, match=r"2022\.parquet cannot be read as Parquet"):
        YearFiles(file).plan()


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    file = year_file(tmp_path / "2022.parquet", {MONDAY: evening(0)})
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        YearFiles(file).plan()


def test_two_files_of_one_day_are_refused(tmp_path: Path) -> None:
    for name in ("2022.parquet", "copy.parquet"):
        year_file(tmp_path / name, {MONDAY: evening(0)})
    with pytest.raises(SourceError, match="both cover 2022-01-03"):
        YearFiles(tmp_path).plan()


def test_a_folder_without_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no Parquet file"):
        YearFiles(tmp_path)
