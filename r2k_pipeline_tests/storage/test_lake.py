"""Bulk tables: what a replacement does, and what it leaves alone."""

from __future__ import annotations

import sqlite3
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema
from r2k_pipeline.errors import ContractShapeError, StorageError
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.lake import Lake, open_lake
from r2k_pipeline.storage.replacement import in_order
from r2k_pipeline_tests.storage.kept_rows import (
    JULY_1,
    JUNE_24,
    JUNE_27,
    closes,
    listings,
    shaped,
    weekdays,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JUNE = weekdays(date(2022, 6, 1), date(2022, 6, 30))
YEAR = weekdays(date(2022, 1, 3), date(2022, 12, 30))


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with open_lake(Settings(home=tmp_path)) as opened:
        yield opened


def write(lake: Lake, sessions: list[date], *, version: float = 1.0) -> None:
    frame = listings(sessions, version=version)
    lake.replace("raw_listings", frame, start=sessions[0], end=sessions[-1])


def live_files(lake: Lake, table: str = "raw_listings") -> list[str]:
    tasks = lake._catalog.load_table(("r2k", table)).scan().plan_files()
    return sorted(task.file.file_path for task in tasks)


def files_on_disk(home: Path) -> set[str]:
    return {path.name for path in home.rglob("*.parquet")}


def test_a_table_that_was_never_written_reads_as_its_contract(lake: Lake) -> None:
    frame = lake.scan("raw_listings").collect()
    assert frame.is_empty()
    assert frame.schema == polars_schema(contract("raw_listings"))
    assert lake.sessions("raw_listings") == []


def test_rows_come_back_as_they_were_written(lake: Lake) -> None:
    frame = listings(JUNE).sample(fraction=1.0, shuffle=True, seed=1)
    lake.replace("raw_listings", frame, start=JUNE[0], end=JUNE[-1])
    read = lake.scan("raw_listings").collect()
    assert read.schema == frame.schema
    assert read.sort("session", "symbol").equals(frame.sort("session", "symbol"))


def test_every_type_and_null_survives(lake: Lake) -> None:
    row: dict[str, object] = {
        "security_id": "BOLT-1",
        "company_id": "BOLT",
        "symbol": "BOLT",
        "exchange": "nyse",
        "company_name": "Bolt Inc.",
        "first_session": JUNE_24,
        "last_session": JULY_1,
        "evidence": "listed",
        "confidence": 0.5,
    }
    frame = shaped("securities", [row])
    lake.replace_all("securities", frame)
    assert lake.scan("securities").collect().equals(frame)


def test_a_session_inside_a_month_is_replaced_alone(lake: Lake) -> None:
    write(lake, JUNE)
    write(lake, [JUNE_24], version=7.0)
    expected = {day: [1.0, 2.0] for day in JUNE} | {JUNE_24: [7.0, 8.0]}
    assert closes(lake) == expected


def test_a_year_is_replaced_by_a_file_a_month(lake: Lake) -> None:
    write(lake, YEAR)
    before = live_files(lake)
    write(lake, YEAR, version=3.0)
    after = live_files(lake)
    assert closes(lake) == {day: [3.0, 4.0] for day in YEAR}
    assert len(after) == 12
    assert set(before).isdisjoint(after)


def test_a_range_across_months_keeps_what_lies_around_it(lake: Lake) -> None:
    write(lake, YEAR)
    middle = weekdays(date(2022, 5, 16), date(2022, 8, 15))
    write(lake, middle, version=5.0)
    expected = {day: [5.0, 6.0] if day in middle else [1.0, 2.0] for day in YEAR}
    assert closes(lake) == expected


def test_files_of_other_months_are_not_rewritten(lake: Lake) -> None:
    write(lake, YEAR)
    before = set(live_files(lake))
    write(lake, JUNE, version=2.0)
    assert len(before - set(live_files(lake))) == 1


def test_a_session_without_new_rows_is_empty_afterwards(lake: Lake) -> None:
    write(lake, JUNE)
    lake.replace("raw_listings", listings([JUNE_24]), start=JUNE_24, end=JUNE_27)
    assert lake.sessions("raw_listings", JUNE_24, JUNE_27) == [JUNE_24]
    assert len(lake.sessions("raw_listings")) == len(JUNE) - 1


def test_replacing_nothing_by_nothing_makes_no_snapshot(lake: Lake) -> None:
    write(lake, JUNE)
    files = live_files(lake)
    nothing = listings([]).clear()
    lake.replace("raw_listings", nothing, start=date(2023, 1, 3), end=date(2023, 1, 4))
    table = lake._catalog.load_table(("r2k", "raw_listings"))
    assert live_files(lake) == files
    assert len(table.snapshots()) == 1


def test_the_same_content_twice_is_the_same_table(lake: Lake) -> None:
    write(lake, JUNE)
    once = closes(lake)
    write(lake, JUNE)
    assert closes(lake) == once


def test_scattered_sessions_leave_those_between_alone(lake: Lake) -> None:
    write(lake, YEAR)
    scattered = [date(2022, 2, 1), JUNE_24, date(2022, 11, 2)]
    before = live_files(lake)
    lake.replace_sessions("raw_listings", listings(scattered, version=9.0), scattered)
    expected = {day: [9.0, 10.0] if day in scattered else [1.0, 2.0] for day in YEAR}
    assert closes(lake) == expected
    assert len(set(before) - set(live_files(lake))) == 3


def test_an_unpartitioned_table_is_replaced_whole(lake: Lake) -> None:
    row: dict[str, object] = {
        "security_id": "BOLT-1",
        "company_id": "BOLT",
        "symbol": "BOLT",
        "exchange": "nyse",
        "company_name": "Bolt Inc.",
        "first_session": JUNE_24,
        "last_session": JULY_1,
        "evidence": "listed",
        "confidence": 1.0,
    }
    lake.replace_all("securities", shaped("securities", [row]))
    renamed = shaped("securities", [{**row, "security_id": "CORE-1", "symbol": "CORE"}])
    lake.replace_all("securities", renamed)
    assert lake.scan("securities").collect().equals(renamed)
    assert len(live_files(lake, "securities")) == 1
    lake.replace_all("securities", renamed.clear())
    assert lake.scan("securities").collect().is_empty()


def test_daily_appends_are_folded_into_few_files(lake: Lake) -> None:
    for day in JUNE:
        write(lake, [day])
    assert len(live_files(lake)) <= 8
    assert closes(lake) == {day: [1.0, 2.0] for day in JUNE}


def test_a_scan_reads_the_snapshot_of_its_making(lake: Lake) -> None:
    write(lake, JUNE)
    scan = lake.scan("raw_listings", start=JUNE_24, end=JUNE_24)
    write(lake, JUNE, version=4.0)
    assert scan.collect()["close_usd"].to_list() == [1.0, 2.0]


def test_a_range_reads_only_its_sessions_and_columns(lake: Lake) -> None:
    write(lake, YEAR)
    frame = lake.scan("raw_listings", start=JUNE_24, end=JUNE_27, columns=["session"]).collect()
    assert frame.columns == ["session"]
    assert frame["session"].unique().sort().to_list() == [JUNE_24, JUNE_27]
    assert lake.sessions("raw_listings", start=date(2022, 12, 30)) == [date(2022, 12, 30)]
    assert lake.sessions("raw_listings", end=date(2022, 1, 3)) == [date(2022, 1, 3)]


def test_a_new_process_sees_what_was_written(lake: Lake, tmp_path: Path) -> None:
    write(lake, JUNE)
    with open_lake(Settings(home=tmp_path)) as other:
        assert closes(other) == {day: [1.0, 2.0] for day in JUNE}


def test_the_files_are_sorted_by_key_and_carry_field_ids(lake: Lake) -> None:
    frame = listings(JUNE).sample(fraction=1.0, shuffle=True, seed=2)
    lake.replace("raw_listings", frame, start=JUNE[0], end=JUNE[-1])
    (path,) = live_files(lake)
    stored = pl.read_parquet(path)
    assert stored.equals(stored.sort(contract("raw_listings").key))
    # pyiceberg reads by field id, so its own reader proves that the ids are right.
    table = lake._catalog.load_table(("r2k", "raw_listings"))
    assert "schema.name-mapping.default" not in table.properties
    assert pl.DataFrame(table.scan().to_arrow()).equals(stored)


def test_the_run_is_noted_in_the_snapshot(lake: Lake) -> None:
    frame = listings([JUNE_24])
    lake.replace("raw_listings", frame, start=JUNE_24, end=JUNE_24, note={"r2k.run-id": "run-1"})
    snapshot = lake._catalog.load_table(("r2k", "raw_listings")).current_snapshot()
    assert snapshot is not None
    assert snapshot.summary is not None
    assert snapshot.summary["r2k.run-id"] == "run-1"


def test_old_metadata_files_are_removed(lake: Lake, tmp_path: Path) -> None:
    write(lake, [JUNE_24])
    table = lake._catalog.load_table(("r2k", "raw_listings"))
    with table.transaction() as change:
        change.set_properties({"write.metadata.previous-versions-max": "3"})
    for version in range(6):
        write(lake, [JUNE_24], version=float(version + 2))
    assert len(list(tmp_path.rglob("*.metadata.json"))) <= 5


def test_a_frame_without_the_contract_s_shape_is_refused(lake: Lake) -> None:
    write(lake, [JUNE_24])
    files = live_files(lake)
    bad = listings([JUNE_24], version=2.0).drop("close_usd")
    with pytest.raises(ContractShapeError, match="missing close_usd"):
        lake.replace("raw_listings", bad, start=JUNE_24, end=JUNE_24)
    assert live_files(lake) == files


def test_rows_outside_the_range_are_refused(lake: Lake) -> None:
    write(lake, [JUNE_24])
    files = live_files(lake)
    with pytest.raises(StorageError, match=r"4 row[(]s[)] for raw_listings lie outside 2022-06-24"):
        lake.replace(
            "raw_listings", listings([JUNE_24, JUNE_27, JULY_1]), start=JUNE_24, end=JUNE_24
        )
    assert live_files(lake) == files


def test_a_missing_key_is_refused_before_anything_is_promoted(lake: Lake, tmp_path: Path) -> None:
    write(lake, [JUNE_24])
    files, stored = live_files(lake), files_on_disk(tmp_path)
    bad = listings([JUNE_24]).with_columns(symbol=pl.lit(None, dtype=pl.String))
    with pytest.raises(StorageError, match="raw_listings"):
        lake.replace("raw_listings", bad, start=JUNE_24, end=JUNE_24)
    assert (live_files(lake), files_on_disk(tmp_path)) == (files, stored)


def test_a_warehouse_that_is_in_the_way_leaves_the_table_as_it_was(
    lake: Lake, tmp_path: Path
) -> None:
    write(lake, JUNE)
    (data,) = (tmp_path / "warehouse").rglob("data")
    (data / "2022-07").write_text("a file where the month's folder belongs", encoding="utf-8")
    sessions = [*JUNE, JULY_1]
    stored = files_on_disk(tmp_path)
    with pytest.raises(StorageError, match=r"replacing 2022-06-01\.\.2022-07-01 of raw_listings"):
        write(lake, sessions, version=2.0)
    assert closes(lake) == {day: [1.0, 2.0] for day in JUNE}
    assert files_on_disk(tmp_path) == stored


def test_a_busy_catalog_gives_up_and_leaves_the_table_as_it_was(lake: Lake, tmp_path: Path) -> None:
    write(lake, JUNE)
    stored = files_on_disk(tmp_path)
    with lake._catalog.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    other = sqlite3.connect(tmp_path / "r2k.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StorageError, match="database is locked"):
            write(lake, [JUNE_24], version=2.0)
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert closes(lake) == {day: [1.0, 2.0] for day in JUNE}
    assert files_on_disk(tmp_path) == stored


def test_tables_of_the_other_store_are_refused(lake: Lake) -> None:
    with pytest.raises(StorageError, match="levels is kept in the published tables"):
        lake.scan("levels")


def test_a_range_of_a_table_without_sessions_is_refused(lake: Lake) -> None:
    with pytest.raises(StorageError, match="securities is not partitioned by session"):
        lake.scan("securities", start=JUNE_24)


def test_a_range_that_ends_before_it_starts_is_refused(lake: Lake) -> None:
    with pytest.raises(StorageError, match="ends before it starts"):
        lake.replace("raw_listings", listings([JUNE_24]), start=JUNE_27, end=JUNE_24)


def test_no_session_to_replace_is_refused(lake: Lake) -> None:
    with pytest.raises(StorageError, match="no session is named"):
        lake.replace_sessions("raw_listings", listings([JUNE_24]), [])


def test_an_unusable_database_url_says_what_to_do(tmp_path: Path) -> None:
    settings = Settings.model_validate({"home": tmp_path, "database_url": "nonsense"})
    with pytest.raises(StorageError, match="set R2K_DATABASE_URL"):
        open_lake(settings)


def test_a_password_is_never_told(tmp_path: Path) -> None:
    url = "postgresql+psycopg2://ann:secret@127.0.0.1:1/none"
    settings = Settings.model_validate({"home": tmp_path, "database_url": url})
    with pytest.raises(StorageError) as caught:
        open_lake(settings)
    assert "secret" not in str(caught.value)
    assert "ann:***@127.0.0.1" in str(caught.value)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["A", "AB", "B"]), st.integers(0, 1)),
        max_size=6,
    )
)
def test_rows_are_told_in_order_exactly_if_sorting_changes_nothing(
    rows: list[tuple[int, str, int]],
) -> None:
    frame = pl.DataFrame(rows, schema=["a", "b", "c"], orient="row")
    key = ("a", "b", "c")
    assert in_order(frame, key).rows() == sorted(rows)
