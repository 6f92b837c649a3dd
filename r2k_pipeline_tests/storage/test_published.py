"""Published tables: what was said stays, and can be asked for as it was known.

Invariants, for any history of replacements:

1. Read as known at the moment of a replacement, the table is what it was after it.
2. At no moment does a key have two rows.
3. Equal content writes nothing.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema
from r2k_pipeline.errors import ContractShapeError, StorageError
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.published import PublishedTables, open_published
from r2k_pipeline_tests.storage.kept_rows import JULY_1, JUNE_24, JUNE_27, NOON, levels, shaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from r2k_pipeline.storage.history import PublishedWriter

LATER = NOON + timedelta(hours=1)
DAYS = [date(2022, 7, day) for day in (1, 5, 6, 7)]


@pytest.fixture
def published(tmp_path: Path) -> Iterator[PublishedTables]:
    with open_published(Settings(home=tmp_path)) as opened:
        yield opened


def decision(event_id: str, company_id: str, segment: str = "small") -> dict[str, object]:
    return {
        "event_id": event_id,
        "company_id": company_id,
        "symbol": company_id,
        "segment": segment,
        "decision": "enters",
        "reason": "It ranks above the breakpoint.",
    }


def test_rows_come_back_in_the_contract_s_types_and_key_order(published: PublishedTables) -> None:
    frame = levels([JULY_1, JUNE_24, JUNE_27])
    changed = published.replace("levels", frame, known_at=NOON, start=JUNE_24, end=JULY_1)
    read = published.read("levels")
    assert changed == 3
    assert read.schema == polars_schema(contract("levels"))
    assert read.equals(frame.sort("session"))
    assert published.read("levels", columns=["session"]).columns == ["session"]
    assert published.read("levels", start=JUNE_27)["session"].to_list() == [JUNE_27, JULY_1]
    assert published.read("levels", end=JUNE_24)["session"].to_list() == [JUNE_24]
    assert published.read("levels", where={"index_id": "r1000"}).is_empty()


def test_equal_content_writes_nothing(published: PublishedTables) -> None:
    frame = levels([JUNE_24, JUNE_27])
    published.replace("levels", frame, known_at=NOON, start=JUNE_24, end=JUNE_27)
    changed = published.replace("levels", frame, known_at=LATER, start=JUNE_24, end=JUNE_27)
    assert changed == 0
    history = published.read_history("levels")
    assert history["known_from"].to_list() == [NOON, NOON]
    assert history["known_to"].null_count() == 2


def test_a_correction_can_be_read_as_of_before_and_after(published: PublishedTables) -> None:
    first = levels([JUNE_24, JUNE_27])
    published.replace("levels", first, known_at=NOON, start=JUNE_24, end=JUNE_27)
    corrected = pl.concat([levels([JUNE_24]), levels([JUNE_27], level=999.0)])
    changed = published.replace("levels", corrected, known_at=LATER, start=JUNE_24, end=JUNE_27)
    assert changed == 2, "one row superseded, one added"
    just_before = LATER - timedelta(microseconds=1)
    assert published.read("levels", known_at=NOON - timedelta(microseconds=1)).is_empty()
    assert published.read("levels", known_at=NOON).equals(first)
    assert published.read("levels", known_at=just_before).equals(first)
    assert published.read("levels", known_at=LATER).equals(corrected)
    assert published.read("levels").equals(corrected)


def test_a_moment_is_the_same_in_every_zone(published: PublishedTables) -> None:
    new_york = timezone(timedelta(hours=-4))
    published.replace(
        "levels",
        levels([JUNE_24]),
        known_at=NOON.astimezone(new_york),
        start=JUNE_24,
        end=JUNE_24,
    )
    assert published.read_history("levels")["known_from"].to_list() == [NOON]
    assert published.read("levels", known_at=NOON.astimezone(new_york)).height == 1


def test_a_session_that_vanishes_is_closed_and_stays_readable(published: PublishedTables) -> None:
    frame = levels([JUNE_24, JUNE_27])
    published.replace("levels", frame, known_at=NOON, start=JUNE_24, end=JUNE_27)
    published.replace("levels", frame.clear(), known_at=LATER, start=JUNE_27, end=JUNE_27)
    assert published.read("levels")["session"].to_list() == [JUNE_24]
    assert published.read("levels", known_at=NOON).equals(frame)


def test_of_two_publications_at_one_moment_the_later_one_stands(
    published: PublishedTables,
) -> None:
    published.replace("levels", levels([JUNE_24]), known_at=NOON, start=JUNE_24, end=JUNE_24)
    second = levels([JUNE_24], level=999.0)
    published.replace("levels", second, known_at=NOON, start=JUNE_24, end=JUNE_24)
    assert published.read("levels", known_at=NOON).equals(second)
    assert published.read_history("levels").height == 1


def test_history_cannot_be_written_backwards(published: PublishedTables) -> None:
    published.replace("levels", levels([JUNE_24]), known_at=LATER, start=JUNE_24, end=JUNE_24)
    with pytest.raises(StorageError, match="levels was last published at 2022-07-01T13:00"):
        published.replace(
            "levels", levels([JUNE_24], level=1.0), known_at=NOON, start=JUNE_24, end=JUNE_24
        )
    assert published.read("levels").equals(levels([JUNE_24]))
    # Other partitions have a history of their own.
    published.replace("levels", levels([JUNE_27]), known_at=NOON, start=JUNE_27, end=JUNE_27)


def test_events_are_replaced_one_by_one(published: PublishedTables) -> None:
    rows = [decision("2021-06", "BOLT"), decision("2022-06", "BOLT"), decision("2022-06", "CORE")]
    frame = shaped("reconstitution", rows)
    published.replace("reconstitution", frame, known_at=NOON, event_ids=["2021-06", "2022-06"])
    moved = shaped("reconstitution", [decision("2022-06", "BOLT", "large")])
    published.replace("reconstitution", moved, known_at=LATER, event_ids=["2022-06"])
    assert published.read("reconstitution", event_id="2022-06").equals(moved)
    assert published.read("reconstitution", event_id="2021-06").height == 1
    assert published.read("reconstitution", known_at=NOON).equals(frame)


def test_more_rows_than_a_statement_takes(published: PublishedTables) -> None:
    rows = [decision("2022-06", f"C{n:05d}") for n in range(25_000)]
    frame = shaped("reconstitution", rows)
    published.replace("reconstitution", frame, known_at=NOON, event_ids=["2022-06"])
    every_second = pl.int_range(pl.len()) % 2 == 0
    moved = frame.with_columns(
        segment=pl.when(every_second).then(pl.lit("large")).otherwise("segment")
    )
    changed = published.replace("reconstitution", moved, known_at=LATER, event_ids=["2022-06"])
    assert changed == 25_000
    assert published.read("reconstitution").equals(moved)
    assert published.read("reconstitution", known_at=NOON).equals(frame)


def test_a_log_keeps_what_it_is_told_in_that_order(published: PublishedTables) -> None:
    row: dict[str, object] = {
        "table_name": "levels",
        "partition_key": "2022-06-24",
        "rows": 4,
        "run_id": "run-1",
        "written_at": NOON,
    }
    log = shaped("provenance", [row, {**row, "partition_key": "2022-06-23"}, row])
    published.append("provenance", log)
    assert published.read("provenance").equals(log)
    latest = published.last("provenance", by="partition_key", where={"table_name": "levels"})
    assert latest is not None
    assert (latest["partition_key"], latest["written_at"]) == ("2022-06-24", NOON)
    assert published.last("provenance", by="rows", where={"table_name": "signals"}) is None


def test_several_writes_happen_together_or_not_at_all(published: PublishedTables) -> None:
    def write_and_fail(writer: PublishedWriter) -> None:
        writer.replace("levels", levels([JUNE_24]), known_at=NOON, start=JUNE_24, end=JUNE_24)
        writer.append("provenance", shaped("provenance", []).drop("rows"))

    with pytest.raises(ContractShapeError):
        published.write(write_and_fail)
    assert published.read("levels").is_empty()


def test_a_key_twice_is_refused_and_nothing_is_written(published: PublishedTables) -> None:
    published.replace("levels", levels([JUNE_24]), known_at=NOON, start=JUNE_24, end=JUNE_24)
    twice = pl.concat([levels([JUNE_24], level=1.0), levels([JUNE_24], level=2.0)])
    with pytest.raises(StorageError, match="UNIQUE constraint failed"):
        published.replace("levels", twice, known_at=LATER, start=JUNE_24, end=JUNE_24)
    assert published.read("levels").equals(levels([JUNE_24]))


def test_rows_outside_the_partitions_are_refused(published: PublishedTables) -> None:
    with pytest.raises(StorageError, match=r"1 row[(]s[)] for levels lie outside"):
        published.replace(
            "levels", levels([JUNE_24, JUNE_27]), known_at=NOON, start=JUNE_24, end=JUNE_24
        )
    with pytest.raises(StorageError, match="2021-06"):
        published.replace(
            "reconstitution",
            shaped("reconstitution", [decision("2021-06", "BOLT")]),
            known_at=NOON,
            event_ids=["2022-06"],
        )


def test_partitions_must_be_named_in_their_kind(published: PublishedTables) -> None:
    with pytest.raises(StorageError, match="do not name its partitions"):
        published.replace("levels", levels([JUNE_24]), known_at=NOON, event_ids=["2022-06"])
    with pytest.raises(StorageError, match="do not name its partitions"):
        published.replace("levels", levels([JUNE_24]), known_at=NOON, start=JUNE_24)


def test_a_moment_without_a_zone_is_refused(published: PublishedTables) -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(StorageError, match="no time zone"):
        published.replace("levels", levels([JUNE_24]), known_at=naive, start=JUNE_24, end=JUNE_24)
    with pytest.raises(StorageError, match="no time zone"):
        published.read("levels", known_at=naive)


def test_tables_with_history_are_not_appended_to(published: PublishedTables) -> None:
    with pytest.raises(StorageError, match="levels keeps history"):
        published.append("levels", levels([JUNE_24]))


def test_an_unknown_column_is_named(published: PublishedTables) -> None:
    with pytest.raises(StorageError, match="levels has no column prise"):
        published.read("levels", columns=["prise"])
    with pytest.raises(StorageError, match="levels has no column event_id"):
        published.read("levels", event_id="2022-06")


@st.composite
def replacements(draw: st.DrawFn) -> tuple[date, date, dict[date, float]]:
    """A range, and levels for some of its sessions."""
    first, last = sorted([draw(st.sampled_from(DAYS)), draw(st.sampled_from(DAYS))])
    inside = [day for day in DAYS if first <= day <= last]
    values = st.sampled_from([1000.0, 1001.0])
    return first, last, draw(st.dictionaries(st.sampled_from(inside), values))


@given(history=st.lists(st.tuples(replacements(), st.booleans()), max_size=8))
@settings(max_examples=40)
def test_each_moment_is_remembered_as_it_was(
    history: list[tuple[tuple[date, date, dict[date, float]], bool]],
) -> None:
    model: dict[date, float] = {}
    moments: dict[datetime, dict[date, float]] = {}
    now = datetime(2022, 7, 1, tzinfo=UTC)
    with (
        tempfile.TemporaryDirectory() as home,
        open_published(Settings(home=Path(home))) as published,
    ):
        for (first, last, values), is_at_once in history:
            now += timedelta(0) if is_at_once else timedelta(minutes=1)
            model = {day: v for day, v in model.items() if not first <= day <= last} | values
            moments[now] = model
            frames = [levels([day], level=value) for day, value in values.items()]
            frame = pl.concat([levels([]).clear(), *frames])
            published.replace("levels", frame, known_at=now, start=first, end=last)
            again = published.replace("levels", frame, known_at=now, start=first, end=last)
            assert again == 0
        for moment, expected in moments.items():
            read = published.read("levels", known_at=moment)
            assert read["session"].is_unique().all()
            assert dict(read.select("session", "price_level").iter_rows()) == expected
        read = published.read("levels")
        assert dict(read.select("session", "price_level").iter_rows()) == model
