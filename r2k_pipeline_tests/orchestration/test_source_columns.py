"""A feed that changes its columns: told by name and landed, or stopped before anything lands."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.errors import SourceShapeError
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.quality.source_columns import CHECK_NAME
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.registry import open_source
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.sources.archives import EXCHANGES, GitArchive, evening, row, year_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from r2k_pipeline.storage.store import Store

MONDAY = date(2022, 1, 3)
NOON = datetime(2022, 1, 4, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(Settings(home=tmp_path / "home")) as opened:
        yield opened


def ingest(store: Store, path: Path) -> None:
    with open_source("us-stock-symbols", str(path)) as feed:
        land(store, feed, None, None, run_id="run-1", known_at=NOON)


def verdicts(store: Store) -> list[dict[str, Any]]:
    where = {"check_name": CHECK_NAME}
    return store.published.read("quality_results", where=where).to_dicts()


def test_an_unknown_column_of_a_file_is_told_by_name_and_the_rest_lands(
    store: Store, tmp_path: Path
) -> None:
    file = year_file(tmp_path / "2022.parquet", {MONDAY: evening(0)})
    pl.read_parquet(file).with_columns(analyst=pl.lit("buy")).write_parquet(file)
    ingest(store, file)
    ingest(store, file)

    (told,) = verdicts(store)
    assert (told["partition_key"], told["severity"]) == ("2022-01-03", "warn")
    assert not told["is_passed"]
    assert told["sentence"] == "the feed brings a column that nobody reads (2022.parquet: analyst)"
    assert store.lake.sessions("raw_listings") == [MONDAY]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ([pl.exclude("marketCap")], ("marketCap", "Float64", None)),
        (
            [pl.exclude("lastsale"), pl.col("lastsale").cast(pl.String)],
            ("lastsale", "Float64", "String"),
        ),
    ],
    ids=["missing", "retyped"],
)
def test_a_lost_column_of_a_file_is_recorded_and_nothing_lands(
    store: Store, tmp_path: Path, change: list[pl.Expr], told: tuple[str, str, str | None]
) -> None:
    file = year_file(tmp_path / "2022.parquet", {MONDAY: evening(0)})
    pl.read_parquet(file).select(change).write_parquet(file)
    with pytest.raises(SourceShapeError) as caught:
        ingest(store, file)

    error = caught.value
    assert (error.column, error.expected, error.actual) == told
    (recorded,) = verdicts(store)
    assert (recorded["partition_key"], recorded["severity"]) == ("whole", "error")
    assert recorded["sentence"] == f"{error.culprit}."
    assert tuple(json.loads(recorded["sample"])[0].values()) == told
    assert store.lake.sessions("raw_listings") == []
    assert store.published.read("provenance").is_empty()


def test_a_feed_of_json_is_judged_alike(store: Store, tmp_path: Path) -> None:
    archive = GitArchive.create(tmp_path / "feed")
    night = datetime(2022, 1, 4, 1, 30, tzinfo=UTC)  # Monday evening in New York
    archive.commit(night, {key: [row("HAL", "$1.00", "0.50", analyst="buy")] for key in EXCHANGES})
    ingest(store, archive.folder)

    (told,) = verdicts(store)
    assert told["sentence"] == "the feed brings a column that nobody reads (analyst)"

    lacking = row("HAL", "$1.00", "0.50")
    del lacking["marketCap"]
    archive.commit(night.replace(day=5), {key: [lacking] for key in EXCHANGES})
    with pytest.raises(SourceShapeError, match="column 'marketCap' is missing, expected text"):
        ingest(store, archive.folder)

    assert [said["partition_key"] for said in verdicts(store)] == ["2022-01-03", "whole"]
    assert store.lake.sessions("raw_listings") == [MONDAY]
