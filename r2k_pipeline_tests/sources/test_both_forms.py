"""Both forms of the archive give the same frames: on a told archive, and on the real one.

Golden for the real one: one form checks the other, since they were made by
different hands.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.sources.registry import open_source
from r2k_pipeline_tests.sources.archives import GitArchive, evening, year_file

if TYPE_CHECKING:
    from pathlib import Path


def listings(path: Path, start: date | None = None, end: date | None = None) -> pl.DataFrame:
    """All rows; the hash is of different bytes, so it is left away."""
    with open_source("us-stock-symbols", path) as source:
        batches = list(source.iter_batches(start=start, end=end))
    return pl.concat([batch.listings for batch in batches]).drop("source_hash")


def test_a_told_archive_reads_the_same(tmp_path: Path) -> None:
    days = sessions_between(date(2022, 6, 20), date(2022, 7, 8))
    shown = [min(n, 3) if n < 5 else n - 1 for n in range(len(days))]
    told = {day: evening(session) for day, session in zip(days, shown, strict=True)}
    told[date(2022, 7, 9)] = evening(len(days) - 1)  # a Saturday brings the session that was due
    archive = GitArchive.create(tmp_path / "clone")
    for day, exchanges in told.items():
        archive.commit(datetime(day.year, day.month, day.day, 23, 30, tzinfo=UTC), exchanges)
    files = year_file(tmp_path / "2022.parquet", told)
    from_git = listings(archive.folder)
    assert from_git.equals(listings(files))
    assert from_git.equals(listings(archive.bundle(tmp_path / "a.bundle")))
    assert from_git["session"].n_unique() == len(days)


def test_the_real_archive_reads_the_same(shared_data: Path) -> None:
    start, end = date(2022, 5, 25), date(2022, 6, 3)
    from_git = listings(shared_data / "us-stock-symbols-2022q2.bundle", start, end)
    from_files = listings(shared_data / "us_universe" / "2022.parquet", start, end)
    # Memorial Day's copy of Friday is in neither.
    assert from_git["session"].unique().sort().to_list() == sessions_between(start, end)
    assert len(sessions_between(start, end)) == 7
    assert from_git.equals(from_files)


def test_the_real_archives_late_session_is_found(shared_data: Path) -> None:
    # Nasdaq was served Thursday 2021-10-28 again on Friday, and Friday on Saturday.
    path = shared_data / "us_universe" / "2021.parquet"
    two = listings(path, date(2021, 10, 28), date(2021, 10, 29)).filter(symbol="AAPL")
    assert two.select("close_usd", "previous_close_usd").rows() == [
        (152.57, 148.85),  # Apple's closes of 28 and 29 October 2021 are public knowledge
        (149.80, 152.57),
    ]
