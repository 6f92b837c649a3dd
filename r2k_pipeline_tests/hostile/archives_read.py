"""The archives of listings in all their forms: good ones, and how an input is read as one.

Rows that are accepted are held against contract `raw_listings`. A git archive is made by real
git, once. Keep out files of other kinds (`readers`).
"""

from __future__ import annotations

import atexit
import json
import shutil
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import require_shape
from r2k_pipeline.rulebook.sessions import is_session
from r2k_pipeline.sources.us_stock_symbols.git_history import GitHistory
from r2k_pipeline.sources.us_stock_symbols.listings import VENDOR_SCHEMA, as_raw_listings
from r2k_pipeline.sources.us_stock_symbols.shown_session import SnapshotLabel
from r2k_pipeline.sources.us_stock_symbols.snapshot_json import SnapshotFile, parse_snapshot
from r2k_pipeline.sources.us_stock_symbols.year_files import YearFiles
from r2k_pipeline_tests.hostile.mutations import (
    damaged_bytes,
)
from r2k_pipeline_tests.sources.archives import GitArchive, evening, row, year_file

if TYPE_CHECKING:
    from random import Random

DAY = date(2022, 6, 27)


def only_finite(frame: pl.DataFrame) -> None:
    for column in frame.select(pl.col(pl.Float64, pl.Float32)):
        assert column.drop_nulls().is_finite().all(), column.name


def named(frame: pl.DataFrame, *columns: str) -> None:
    for name in columns:
        assert not frame[name].is_null().any()
        assert not (frame[name].str.strip_chars() == "").any(), name


def read_snapshot(data: bytes, _: Path) -> None:
    file = SnapshotFile(
        commit_id="c0ffee", path="nyse.json", exchange="nyse", taken_for=DAY, data=data
    )
    rows = parse_snapshot(file).rows
    assert rows.schema == VENDOR_SCHEMA
    label = SnapshotLabel(exchange="nyse", taken_for=DAY, session=DAY)
    _listings(as_raw_listings(rows, [label]))


def _listings(listings: pl.DataFrame) -> None:
    require_shape(contract("raw_listings"), listings)
    only_finite(listings)
    named(listings, "exchange", "symbol", "source", "source_hash")
    assert not any("\0" in text for text in listings["name"].drop_nulls())
    days = listings["session"].unique()
    assert all(is_session(day) for day in days)
    assert listings.equals(listings.sort("session", "exchange", "symbol", maintain_order=True))


def read_year(data: bytes, folder: Path) -> None:
    path = folder / "2022.parquet"
    path.write_bytes(data)
    with YearFiles(path) as source:
        for plan in source.plan():
            batch = source.read(plan)
            _listings(batch.listings)
            assert set(batch.listings["session"]) <= set(plan.sessions)


def _history(folder: Path, place: Path) -> None:
    with GitHistory(place, cache_dir=folder) as source:
        for plan in source.plan():
            batch = source.read(plan)
            _listings(batch.listings)
            assert set(batch.listings["session"]) <= set(plan.sessions)


def read_bundle(data: bytes, folder: Path) -> None:
    path = folder / "history.bundle"
    path.write_bytes(data)
    _history(folder, path)


def read_git_files(data: bytes, folder: Path) -> None:
    """A git directory in which one file was damaged: name, line end, content."""
    name, _, content = data.partition(b"\n")
    shutil.copytree(_good_repository(), folder / "archive")
    file = folder / "archive" / name.decode()
    if file.is_dir():
        shutil.rmtree(file)
    file.unlink(missing_ok=True)
    file.write_bytes(content)
    _history(folder, folder / "archive")


def damaged_git_file(rng: Random, data: bytes) -> bytes:
    name, _, content = data.partition(b"\n")
    return name + b"\n" + damaged_bytes(rng, content)


def read_git_content(data: bytes, folder: Path) -> None:
    """An evening between two good ones whose NYSE file is the input."""
    archive = folder / "archive"
    shutil.copytree(_good_repository(), archive)
    made = GitArchive(archive)
    made.commit(datetime.combine(DAY + timedelta(days=3), time(0, 15), UTC), {"nyse": data})
    _history(folder, archive)


@cache
def _scratch() -> Path:
    """A folder for as long as the process lives."""
    folder = TemporaryDirectory(prefix="r2k-fuzz-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


@cache
def _good_repository() -> Path:
    """A small archive of four evenings, the last one not yet packed."""
    folder = _scratch() / "archive"
    archive = GitArchive.create(folder)
    shutil.rmtree(archive.folder / ".git" / "hooks")
    for n in range(3):
        when = datetime.combine(DAY + timedelta(days=n), time(0, 15), UTC)
        archive.commit(when, {one: rows[:3] for one, rows in evening(n + 1).items()})
    archive.git("gc", "--quiet")
    archive.commit(
        datetime.combine(DAY + timedelta(days=3), time(0, 15), UTC),
        {one: rows[:3] for one, rows in evening(4).items()},
    )
    return folder


def git_examples() -> tuple[bytes, ...]:
    """Every file of a git directory that git reads, with its name before it."""
    archive = _good_repository()
    files = sorted(path for path in (archive / ".git").rglob("*") if path.is_file())
    skipped = ("hooks", "logs", "info")
    read = [
        path.relative_to(archive).as_posix().encode() + b"\n" + path.read_bytes()
        for path in files
        if not set(skipped) & set(path.parts) and path.name not in {"description", "COMMIT_EDITMSG"}
    ]
    return (*read, b".git\ngitdir: .git-elsewhere")


def year_bytes() -> bytes:
    evenings = {
        DAY + timedelta(days=n): {one: rows[:4] for one, rows in evening(n + 1).items()}
        for n in range(4)
    }
    with TemporaryDirectory() as folder:
        return year_file(Path(folder) / "y.parquet", evenings).read_bytes()


def bundle_bytes() -> bytes:
    with TemporaryDirectory() as folder:
        return GitArchive(_good_repository()).bundle(Path(folder) / "b.bundle").read_bytes()


SNAPSHOT = json.dumps(
    [
        row("HAL", "$1,234.50", "-0.50", ipoyear="2008", name="Halden Inc."),
        row("BRK/B", "$310.00", "UNCH", marketCap="", volume="12,345"),
        row("ZZ^A", "NA", "NA", volume="", country="", sector="Finance"),
    ]
).encode()
