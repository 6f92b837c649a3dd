"""Damaged files offered to a real store: what is refused changes no table.

Invariants, for every damaged file:
    1. Landing ends, or raises one of the project's own errors.
    2. After an error every table of data holds what it held before, row by row.
    3. After a landing every row has the shape of its contract, and its own key.

The files are those of `test_fuzz_readers`, a few of them: here each is judged by the contract too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import require_shape
from r2k_pipeline.errors import R2kError
from r2k_pipeline.orchestration.float_landing import land_floats
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.us_stock_symbols.year_files import YearFiles
from r2k_pipeline.storage.store import Store, open_store
from r2k_pipeline_tests.hostile.readers import READERS, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import polars as pl

TABLES = ("raw_listings", "reported_actions", "float_factors")
INPUTS = 15
RECEIVED = datetime(2022, 7, 1, 23, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(Settings(home=tmp_path / "home")) as opened:
        yield opened


def reader(name: str) -> Reader:
    return next(one for one in READERS if one.name == name)


def standing(store: Store) -> dict[str, pl.DataFrame]:
    return {table: store.lake.scan(table).collect().sort(contract(table).key) for table in TABLES}


def land_year(store: Store, path: Path) -> None:
    with YearFiles(path) as source:
        land(store, source, None, None, run_id="hostile", known_at=RECEIVED, accept_short=True)


def land_float(store: Store, path: Path) -> None:
    land_floats(store, path, run_id="hostile", known_at=RECEIVED)


@pytest.mark.parametrize(
    ("name", "file", "landing"),
    [
        ("year_file", "2022.parquet", land_year),
        ("floats_csv", "floats.csv", land_float),
        ("floats_parquet", "floats.parquet", land_float),
    ],
)
def test_what_is_refused_changes_no_table(
    store: Store, tmp_path: Path, name: str, file: str, landing: Callable[[Store, Path], None]
) -> None:
    source, path = reader(name), tmp_path / file
    path.write_bytes(source.examples[0])
    landing(store, path)
    before = standing(store)
    assert any(not rows.is_empty() for rows in before.values())
    refused = 0
    for number in range(INPUTS):
        rng = Random(f"landing {name} {number}")  # noqa: S311 - a seed that repeats is wanted
        path.write_bytes(source.damage(rng, source.examples[0]))
        try:
            landing(store, path)
        except R2kError:
            refused += 1
            after = standing(store)
            assert all(after[table].equals(before[table]) for table in TABLES), number
            continue
        before = standing(store)
        for table, rows in before.items():
            require_shape(contract(table), rows)
            assert rows.select(contract(table).key).is_unique().all(), (number, table)
    assert refused
