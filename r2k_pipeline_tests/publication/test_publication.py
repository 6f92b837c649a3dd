"""The one life of a partition: promoted whole and accounted for, or left as it was."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.errors import (
    ContractShapeError,
    ContractViolationError,
    StorageError,
)
from r2k_pipeline.publication import (
    EventKeys,
    SessionList,
    SessionRange,
    Whole,
    last_published,
    publish,
    record_verdicts,
)
from r2k_pipeline.quality.outcome import CheckOutcome
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import Store, open_store
from r2k_pipeline_tests.storage.kept_rows import closes, levels, listings, shaped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRIDAY, MONDAY, TUESDAY = date(2022, 6, 24), date(2022, 6, 27), date(2022, 6, 28)
THREE = SessionRange(start=FRIDAY, end=TUESDAY)
NOON = datetime(2022, 7, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(Settings(home=tmp_path)) as opened:
        yield opened


def land(store: Store, frame: pl.DataFrame, *, known_at: datetime = NOON) -> None:
    publish(store, "raw_listings", frame, partitions=THREE, run_id="run-1", known_at=known_at)


def three_days(version: float = 1.0) -> pl.DataFrame:
    return listings([FRIDAY, MONDAY, TUESDAY], version=version)


def lay_members(store: Store, *sessions: date) -> None:
    """A member on each session, so that levels are allowed there."""
    member = {
        "security_id": "BOLT-1", "company_id": "BOLT", "symbol": "BOLT", "segment": "large",
        "indexes": "r1000", "event_id": "2022-06", "close_usd": 1.0, "previous_close_usd": 1.0,
        "index_shares": 1.0, "float_factor": 1.0, "market_value_usd": 1.0, "status": "ok",
    }  # fmt: skip
    rows = [{**member, "session": day, "close_session": day} for day in sessions]
    frame = shaped("constituents", rows)
    store.lake.replace("constituents", frame, start=min(sessions), end=max(sessions))


def verdicts(store: Store, **where: object) -> dict[tuple[str, str], bool]:
    """Whether each check passed, by check and partition."""
    rows = store.published.read("quality_results", where=where)
    names = ["check_name", "partition_key", "is_passed"]
    return {(check, key): passed for check, key, passed in rows.select(names).iter_rows()}


def outcome(*, severity: Severity, failed: dict[str, int] | None = None) -> CheckOutcome:
    return CheckOutcome(
        table="raw_listings",
        check_name="listings_are_as_many_as_yesterday",
        severity=severity,
        is_passed=False,
        evaluated_rows=2,
        failed_rows=sum((failed or {}).values()),
        sentence="Half of the listings are gone.",
        failed_by_partition=failed or {},
    )


def test_a_clean_range_is_promoted_and_every_check_reports_for_every_session(
    store: Store,
) -> None:
    publication = publish(
        store,
        "raw_listings",
        three_days(),
        partitions=THREE,
        run_id="run-1",
        known_at=NOON,
        input_hash="ab" * 32,
    )
    assert closes(store.lake) == {day: [1.0, 2.0] for day in (FRIDAY, MONDAY, TUESDAY)}
    assert publication.partitions == ("2022-06-24", "2022-06-27", "2022-06-28")
    assert (publication.rows, publication.quarantined_rows) == (6, 0)
    assert publication.warnings == ()
    assert publication.sentence.startswith("raw_listings: 6 rows in 3 partition(s), 0 quarantined")
    results = store.published.read("quality_results")
    assert results.height == 3 * len(publication.outcomes)
    assert results["is_passed"].all()
    assert results["evaluated_rows"].unique().to_list() == [2]
    assert results["checked_at"].unique().to_list() == [NOON]
    provenance = store.published.read("provenance")
    assert provenance["partition_key"].to_list() == list(publication.partitions)
    assert provenance["rows"].to_list() == [2, 2, 2]
    assert provenance["input_hash"].unique().to_list() == ["ab" * 32]


def test_a_frame_of_another_shape_leaves_everything_and_says_so(store: Store) -> None:
    land(store, three_days())
    with pytest.raises(ContractShapeError, match="missing close_usd"):
        land(store, three_days(2.0).drop("close_usd"), known_at=LATER)
    assert closes(store.lake)[FRIDAY] == [1.0, 2.0]
    assert verdicts(store, checked_at=LATER) == {
        ("columns_and_types_are_as_promised", str(day)): False for day in (FRIDAY, MONDAY, TUESDAY)
    }


def test_a_failed_error_check_leaves_everything_and_names_the_session(store: Store) -> None:
    land(store, three_days())
    unknown = pl.when(pl.col("session") == MONDAY).then(pl.lit("moon")).otherwise("exchange")
    with pytest.raises(ContractViolationError, match="exchange_is_known") as caught:
        land(store, three_days(2.0).with_columns(exchange=unknown), known_at=LATER)
    assert caught.value.partitions == "2022-06-24..2022-06-28"
    assert closes(store.lake)[FRIDAY] == [1.0, 2.0]
    found = verdicts(store, checked_at=LATER, check_name="exchange_is_known")
    assert [found["exchange_is_known", str(day)] for day in (FRIDAY, MONDAY, TUESDAY)] == [
        True,
        False,
        True,
    ]
    failed = store.published.read(
        "quality_results", where={"checked_at": LATER, "is_passed": False}
    )
    (row,) = failed.to_dicts()
    assert (row["evaluated_rows"], row["failed_rows"]) == (2, 2)
    assert "2 of 2 rows break this, in 2022-06-27" in row["sentence"]
    sample = json.loads(row["sample"])
    assert {line["symbol"] for line in sample} == {"BOLT", "CORE"}
    assert {line["session"] for line in sample} == {"2022-06-27"}
    assert store.published.read("provenance")["written_at"].unique().to_list() == [NOON]


def test_bad_rows_that_may_go_are_quarantined_and_the_rest_is_promoted(store: Store) -> None:
    frame = three_days()
    is_bad = (pl.col("session") == MONDAY) & (pl.col("symbol") == "CORE")
    bad = frame.with_columns(close_usd=pl.when(is_bad).then(pl.lit(-4.0)).otherwise("close_usd"))
    publication = publish(
        store, "raw_listings", bad, partitions=THREE, run_id="run-1", known_at=NOON
    )
    assert closes(store.lake)[MONDAY] == [1.0]
    assert (publication.rows, publication.quarantined_rows) == (5, 1)
    assert [warning.check_name for warning in publication.warnings] == ["close_is_positive"]
    (held,) = store.published.read("quarantine").to_dicts()
    assert (held["check_name"], held["row_key"]) == (
        "close_is_positive",
        "2022-06-27|nyse|CORE",
    )
    assert (held["state"], held["run_id"], held["quarantined_at"]) == ("held", "run-1", NOON)
    assert json.loads(held["row_json"])["close_usd"] == -4.0
    assert store.published.read("provenance")["rows"].to_list() == [2, 1, 2]


def test_rows_outside_the_partitions_are_a_violation(store: Store) -> None:
    with pytest.raises(ContractViolationError, match="rows_belong_to_the_partitions"):
        publish(
            store,
            "raw_listings",
            three_days(),
            partitions=SessionRange(start=FRIDAY, end=MONDAY),
            run_id="run-1",
            known_at=NOON,
        )
    assert store.lake.sessions("raw_listings") == []


@pytest.mark.parametrize("failed", [None, {"2022-06-27": 1}])
def test_a_verdict_of_the_caller_passes_the_same_gate(
    store: Store, failed: dict[str, int] | None
) -> None:
    stop = outcome(severity=Severity.ERROR, failed=failed)
    with pytest.raises(ContractViolationError, match="Half of the listings are gone"):
        publish(
            store,
            "raw_listings",
            three_days(),
            partitions=THREE,
            run_id="run-1",
            known_at=NOON,
            extra_outcomes=[stop],
        )
    assert store.lake.sessions("raw_listings") == []
    found = verdicts(store, check_name=stop.check_name)
    # What is not said of certain rows is said of every partition.
    broken = set(failed or map(str, (FRIDAY, MONDAY, TUESDAY)))
    assert {key for (_, key), passed in found.items() if not passed} == broken


def test_a_warning_is_recorded_and_does_not_stop(store: Store) -> None:
    warning = outcome(severity=Severity.WARN, failed={"2022-06-27": 1})
    publication = publish(
        store,
        "raw_listings",
        three_days(),
        partitions=THREE,
        run_id="run-1",
        known_at=NOON,
        extra_outcomes=[warning],
    )
    assert publication.warnings == (warning,)
    assert store.lake.sessions("raw_listings") == [FRIDAY, MONDAY, TUESDAY]


def test_published_rows_and_their_accounts_are_one_transaction(
    store: Store, tmp_path: Path
) -> None:
    frame = levels([FRIDAY, MONDAY])
    lay_members(store, FRIDAY, MONDAY)
    span = SessionRange(start=FRIDAY, end=MONDAY)
    with sqlite3.connect(tmp_path / "r2k.db") as connection:
        connection.execute(
            "CREATE TRIGGER no_accounts BEFORE INSERT ON provenance "
            "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    connection.close()
    with pytest.raises(StorageError, match="disk full"):
        publish(store, "levels", frame, partitions=span, run_id="run-1", known_at=NOON)
    assert store.published.read("levels").is_empty()
    assert store.published.read("quality_results").is_empty()


def test_publishing_the_same_again_changes_no_published_row(store: Store) -> None:
    frame = levels([FRIDAY, MONDAY])
    lay_members(store, FRIDAY, MONDAY)
    span = SessionRange(start=FRIDAY, end=MONDAY)
    first = publish(store, "levels", frame, partitions=span, run_id="run-1", known_at=NOON)
    again = publish(store, "levels", frame, partitions=span, run_id="run-2", known_at=LATER)
    assert (first.changed_rows, again.changed_rows) == (2, 0)
    assert store.published.read_history("levels")["known_from"].unique().to_list() == [NOON]
    newest = last_published(store, "levels")
    assert newest is not None
    assert (newest.partition, newest.run_id, newest.rows) == ("2022-06-27", "run-2", 1)
    assert newest.written_at == LATER


def test_scattered_sessions_leave_those_between_alone(store: Store) -> None:
    land(store, three_days())
    ends = SessionList((FRIDAY, TUESDAY))
    publish(
        store,
        "raw_listings",
        listings([FRIDAY, TUESDAY], version=5.0),
        partitions=ends,
        run_id="run-2",
        known_at=LATER,
    )
    assert closes(store.lake) == {FRIDAY: [5.0, 6.0], MONDAY: [1.0, 2.0], TUESDAY: [5.0, 6.0]}
    lay_members(store, FRIDAY, MONDAY, TUESDAY)
    publish(store, "levels", levels([FRIDAY, TUESDAY]), partitions=ends, run_id="r", known_at=NOON)
    assert store.published.read("levels")["session"].to_list() == [FRIDAY, TUESDAY]


def test_events_are_published_one_by_one(store: Store) -> None:
    decision: dict[str, object] = {
        "event_id": "2022-06",
        "company_id": "BOLT",
        "symbol": "BOLT",
        "security_id": "BOLT-1",
        "rank": 1,
        "total_market_cap_usd": 1e9,
        "segment": "large",
        "decision": "enters",
        "reason": "It ranks above the breakpoint.",
    }
    frame = shaped("reconstitution", [decision])
    june = EventKeys(("2022-06",))
    rank_day = date(2022, 5, 6)
    line: dict[str, object] = {
        "session": rank_day, "security_id": "BOLT-1", "company_id": "BOLT", "symbol": "BOLT",
        "exchange": "nyse", "line_type": "common", "is_eligible": True,
    }  # fmt: skip
    store.lake.replace("universe", shaped("universe", [line]), start=rank_day, end=rank_day)
    publication = publish(
        store, "reconstitution", frame, partitions=june, run_id="run-1", known_at=NOON
    )
    assert publication.changed_rows == 1
    assert store.published.read("reconstitution", event_id="2022-06").equals(frame)


def test_a_table_without_partitions_is_published_whole(store: Store) -> None:
    line: dict[str, object] = {
        "security_id": "BOLT-1",
        "company_id": "BOLT",
        "symbol": "BOLT",
        "exchange": "nyse",
        "company_name": "Bolt Inc.",
        "first_session": FRIDAY,
        "last_session": TUESDAY,
        "evidence": "listed under one symbol",
        "confidence": 1.0,
    }
    frame = shaped("securities", [line])
    publish(store, "securities", frame, partitions=Whole(), run_id="run-1", known_at=NOON)
    assert store.lake.scan("securities").collect().equals(frame)
    newest = last_published(store, "securities")
    assert newest is not None
    assert newest.partition == "whole"


def test_verdicts_on_what_is_not_published_are_written_down_and_nothing_else(
    store: Store,
) -> None:
    land(store, three_days())
    said = outcome(severity=Severity.ERROR, failed={"2022-06-24": 1, "2022-06-25": 2})
    own = replace(said, sentence_by_partition={"2022-06-25": "A Saturday's copy."})
    record_verdicts(
        store,
        "raw_listings",
        [own],
        partitions=SessionList((FRIDAY,)),
        run_id="run-2",
        known_at=LATER,
        judged=three_days(2.0).filter(session=FRIDAY),
    )
    assert closes(store.lake) == {day: [1.0, 2.0] for day in (FRIDAY, MONDAY, TUESDAY)}
    assert set(store.published.read("provenance")["run_id"]) == {"run-1"}
    rows = store.published.read("quality_results", where={"run_id": "run-2"})
    assert rows.select("partition_key", "is_passed", "evaluated_rows", "sentence").rows() == [
        ("2022-06-24", False, 2, "Half of the listings are gone."),
        ("2022-06-25", False, 2, "A Saturday's copy."),
    ]


def test_what_was_never_published_has_no_last_publication(store: Store) -> None:
    assert last_published(store, "levels") is None


def test_partitions_of_another_kind_are_refused(store: Store) -> None:
    with pytest.raises(StorageError, match="cannot be published as Whole"):
        publish(store, "raw_listings", three_days(), partitions=Whole(), run_id="r", known_at=NOON)
    log = shaped("provenance", [])
    with pytest.raises(StorageError, match="logs are appended to"):
        publish(store, "provenance", log, partitions=Whole(), run_id="r", known_at=NOON)
