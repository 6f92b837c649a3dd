"""The batched event log stores and reads what Dagster's own would.

Invariants:
    1. After the same run both storages hold the same rows in the same order: events of the
       run, the index over all runs, assets. Checks of a range are planned once.
    2. What the UI asks for agrees: materialized partitions, latest events, run log, checks.
    3. A file replaced by another process is noticed; a fork opens its own handles.

The upstream behaviour relied on (names of private methods included) is pinned by running
it: an upgrade of Dagster that changes it fails here.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import sqlite3
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest
import yaml
from dagster._core.events import BATCH_WRITABLE_EVENTS
from dagster._core.storage.event_log import SqliteEventLogStorage

from r2k_pipeline.orchestration.event_log import (
    BatchedSqliteEventLogStorage,
    BatchedSqliteStorage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    Materialized = dg.MaterializeResult[None]
else:
    # Dagster knows the bare class only: a parametrized one is taken for a value's type.
    Materialized = dg.MaterializeResult

RUN_ID = "0b5f1b52-6f0c-4d2e-9a35-3f1e4d0c7a11"
DAYS = dg.DailyPartitionsDefinition("2022-01-01", end_date="2022-02-01")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
RANGE = {
    "dagster/asset_partition_range_start": "2022-01-03",
    "dagster/asset_partition_range_end": "2022-01-12",
}


# Ranged runs are what this package is about; Dagster still calls their policy beta.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `backfill_policy`")


@cache
def ranged_job(name: str = "all_assets") -> dg.JobDefinition:
    """Two assets with ten partitions in a run, a blocking check, and one without partitions."""
    policy = dg.BackfillPolicy.single_run()

    @dg.asset(
        partitions_def=DAYS,
        backfill_policy=policy,
        check_specs=[dg.AssetCheckSpec("rows_exist", asset="ranking", blocking=True)],
        code_version="1",
    )
    def ranking() -> Materialized:
        return dg.MaterializeResult(
            metadata={"rows": 7},
            check_results=[dg.AssetCheckResult(check_name="rows_exist", passed=True)],
        )

    @dg.asset(partitions_def=DAYS, backfill_policy=policy, deps=[ranking])
    def levels() -> None: ...

    @dg.asset(deps=[levels])
    def report() -> None: ...

    jobs = [
        dg.define_asset_job("all_assets"),
        dg.define_asset_job("partitioned_assets", [ranking, levels]),
    ]
    definitions = dg.Definitions(assets=[ranking, levels, report], jobs=jobs)
    return definitions.resolve_job_def(name)


@contextmanager
def instance_with(storage: str, home: Path) -> Iterator[dg.DagsterInstance]:
    """An instance in `home` with Dagster's own storage (`stock`) or ours (`batched`)."""
    settings: dict[str, object] = {"telemetry": {"enabled": False}}
    if storage == "batched":
        settings["storage"] = {
            "custom": {
                "module": BatchedSqliteStorage.__module__,
                "class": BatchedSqliteStorage.__name__,
                "config": {"base_dir": str(home), "event_batch_size": 4},
            }
        }
    home.mkdir()
    Path(home, "dagster.yaml").write_text(yaml.safe_dump(settings))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def run_into(home: Path, storage: str) -> None:
    with instance_with(storage, home) as instance:
        instance.event_log_storage.get_records_for_run(RUN_ID)  # opened before the run starts
        assert (
            ranged_job()
            .execute_in_process(instance=instance, run_id=RUN_ID, tags=RANGE, run_config=QUIET)
            .success
        )


@pytest.fixture
def batching(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set and unset, so that what the storage sets itself is undone after the test.
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "")
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE")


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    root = tmp_path_factory.mktemp("homes")
    homes = {name: root / name for name in ("stock", "batched")}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_EVENT_BATCH_SIZE", "")
        environment.delenv("DAGSTER_EVENT_BATCH_SIZE")
        for storage, home in homes.items():
            run_into(home, storage)
        yield homes


# What differs between two runs of anything: random ids, where, and every number in the text of
# an event (times, durations, process ids). The plain columns are compared as they are.
_VOLATILE = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"stock|batched"), "HOME"),
    (re.compile(r'"(file_key|log_key)": ("[a-z]+"|\[[^]]*\])|\b[a-z]{8}\.(out|err)'), "LOG"),
    (re.compile(r"\d+(\.\d+)?(e-?\d+)?(μs|ms|s)?"), "N"),
)


_TEXTS = ("event", "last_materialization")


def stable(text: str) -> str:
    for pattern, name in _VOLATILE:
        text = pattern.sub(name, text)
    return text


def stored_rows(database: Path, table: str, columns: str) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(f"SELECT {columns} FROM {table} ORDER BY id").fetchall()  # noqa: S608 - constants
    return [repr(row) for row in rows]


@pytest.mark.parametrize(
    ("shard", "table", "columns"),
    [
        (RUN_ID, "event_logs", "id, run_id, dagster_event_type, step_key, asset_key, partition"),
        (RUN_ID, "event_logs", "event"),
        ("index", "event_logs", "id, run_id, dagster_event_type, step_key, asset_key, partition"),
        ("index", "event_logs", "event"),
        ("index", "asset_keys", "asset_key, last_run_id"),
        ("index", "asset_keys", "last_materialization"),
        ("index", "asset_event_tags", "asset_key, event_id, key"),
    ],
)
def test_stored_rows_equal_upstream(
    homes: dict[str, Path], shard: str, table: str, columns: str
) -> None:
    stock, batched = (
        stored_rows(homes[name] / "history" / "runs" / f"{shard}.db", table, columns)
        for name in ("stock", "batched")
    )
    if columns in _TEXTS:
        stock, batched = [stable(row) for row in stock], [stable(row) for row in batched]
    assert batched == stock


def test_both_runs_wrote_ten_partitions_of_two_assets(homes: dict[str, Path]) -> None:
    kinds = stored_rows(
        homes["batched"] / "history" / "runs" / "index.db", "event_logs", "dagster_event_type"
    )
    assert kinds.count("('ASSET_MATERIALIZATION_PLANNED',)") == 2 * 10 + 1
    assert kinds.count("('ASSET_MATERIALIZATION',)") == 2 * 10 + 1


@pytest.mark.parametrize(("storage", "unresolved"), [("stock", 10), ("batched", 0)])
def test_a_ranged_check_is_planned_once_and_resolved(
    tmp_path: Path, batching: None, storage: str, unresolved: int
) -> None:
    del batching
    home = tmp_path / storage
    with instance_with(storage, home) as instance:
        ranged_job("partitioned_assets").execute_in_process(
            instance=instance, run_id=RUN_ID, tags=RANGE, run_config=QUIET
        )
    rows = stored_rows(
        home / "history" / "runs" / "index.db",
        "asset_check_executions",
        "check_name, partition, execution_status",
    )
    assert rows.count("('rows_exist', None, 'SUCCEEDED')") == 1
    assert sum("PLANNED" in row for row in rows) == unresolved


def test_a_check_of_one_partition_is_planned_as_upstream_plans_it(
    tmp_path: Path, batching: None
) -> None:
    del batching
    columns = (
        "asset_key, check_name, partition, execution_status, evaluation_event_storage_id,"
        " length(evaluation_event_timestamp)"
    )
    planned = {}
    for storage in ("stock", "batched"):
        home = tmp_path / storage
        with instance_with(storage, home) as instance:
            instance.create_run_for_job(
                ranged_job("partitioned_assets"), tags={"dagster/partition": "2022-01-03"}
            )
        index = home / "history" / "runs" / "index.db"
        planned[storage] = stored_rows(index, "asset_check_executions", columns)
    assert "'2022-01-03', 'PLANNED'" in planned["stock"][0]
    assert planned["batched"] == planned["stock"]


@pytest.mark.parametrize("storage", ["stock", "batched"])
def test_what_the_ui_asks_for(tmp_path: Path, batching: None, storage: str) -> None:
    del batching
    with instance_with(storage, tmp_path / storage) as instance:
        ranged_job().execute_in_process(
            instance=instance, run_id=RUN_ID, tags=RANGE, run_config=QUIET
        )
        key = dg.AssetKey("ranking")
        expected = {f"2022-01-{day:02d}" for day in range(3, 13)}
        assert instance.get_materialized_partitions(key) == expected
        latest = instance.get_latest_materialization_event(key)
        assert latest is not None
        assert latest.asset_materialization is not None
        assert latest.asset_materialization.partition == "2022-01-12"
        assert latest.asset_materialization.metadata["rows"].value == 7
        fetched = instance.fetch_materializations(key, limit=100).records
        assert {record.partition_key for record in fetched} == expected
        log = instance.get_records_for_run(RUN_ID).records
        assert log[-1].event_log_entry.dagster_event_type is dg.DagsterEventType.RUN_SUCCESS
        check = dg.AssetCheckKey(key, "rows_exist")
        history = instance.event_log_storage.get_asset_check_execution_history(check, limit=99)
        assert history[0].status.value == "SUCCEEDED"


def test_the_storage_is_found_through_dagster_yaml(tmp_path: Path, batching: None) -> None:
    del batching
    with instance_with("batched", tmp_path / "batched") as instance:
        assert isinstance(instance.event_log_storage, BatchedSqliteEventLogStorage)
        assert os.environ["DAGSTER_EVENT_BATCH_SIZE"] == "4"


def test_a_wipe_by_another_process_is_noticed(tmp_path: Path, batching: None) -> None:
    del batching
    with instance_with("batched", tmp_path / "batched") as instance:
        ranged_job().execute_in_process(
            instance=instance, run_id=RUN_ID, tags=RANGE, run_config=QUIET
        )
        SqliteEventLogStorage(str(tmp_path / "batched" / "history" / "runs")).wipe()
        assert instance.get_materialized_partitions(dg.AssetKey("ranking")) == set()
        assert not instance.get_records_for_run(RUN_ID).records


def _report_from_child(home: str) -> None:
    with dg.DagsterInstance.from_config(home) as instance:
        instance.report_runless_asset_event(
            dg.AssetMaterialization("ranking", partition="2022-01-20")
        )


def test_processes_share_the_files(tmp_path: Path, batching: None) -> None:
    del batching
    home = tmp_path / "batched"
    with instance_with("batched", home) as instance:
        instance.report_runless_asset_event(
            dg.AssetMaterialization("ranking", partition="2022-01-19")
        )
        child = multiprocessing.get_context("spawn").Process(
            target=_report_from_child, args=(str(home),)
        )
        child.start()
        child.join()
        assert child.exitcode == 0
        instance.report_runless_asset_event(
            dg.AssetMaterialization("ranking", partition="2022-01-21")
        )
        assert instance.get_materialized_partitions(dg.AssetKey("ranking")) == {
            "2022-01-19",
            "2022-01-20",
            "2022-01-21",
        }


def test_a_fork_opens_its_own_handles(tmp_path: Path, batching: None) -> None:
    del batching
    with instance_with("batched", tmp_path / "batched") as instance:
        storage = instance.event_log_storage
        assert isinstance(storage, BatchedSqliteEventLogStorage)
        instance.report_runless_asset_event(dg.AssetMaterialization("ranking"))
        own = set(storage._open_shards)
        pid = os.fork()
        if pid == 0:
            instance.report_runless_asset_event(dg.AssetMaterialization("ranking"))
            shards = {shard for process, shard in storage._open_shards if process == os.getpid()}
            os._exit(0 if shards == {"", "index"} else 1)
        assert os.waitpid(pid, 0)[1] == 0
        assert set(storage._open_shards) == own
        assert len(instance.fetch_materializations(dg.AssetKey("ranking"), limit=9).records) == 2


def test_upstream_batches_these_kinds() -> None:
    assert {kind.value for kind in BATCH_WRITABLE_EVENTS} == {
        "ASSET_MATERIALIZATION",
        "ASSET_OBSERVATION",
        "ASSET_FAILED_TO_MATERIALIZE",
        "ASSET_MATERIALIZATION_PLANNED",
        "ASSET_CHECK_EVALUATION_PLANNED",
    }
