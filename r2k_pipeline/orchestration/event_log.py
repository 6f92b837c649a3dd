"""Where Dagster keeps runs and events of the embedded store: SQLite, written in batches.

Dagster's stock SQLite event log opens an engine and a transaction in two databases for
every single event. A ranged run writes two events a partition and asset, so three years
of sessions over eight assets cost minutes of pure bookkeeping. The classes here keep
what is stored and read exactly as upstream (the tests compare both, row by row) and
change only how it is written: one engine a shard, one transaction a batch. The one
exception: a check of a ranged run is planned once, as it is evaluated, and not once a
partition, and its plan does not repeat the calendar of all partitions.

Add a method here only if it changes *how* events are written, never *what*. The class is
named in ``dagster.yaml`` under ``storage: custom``, Dagster's documented extension point.
A deployment on PostgreSQL names ``dagster_postgres`` there and needs nothing of this.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import Field, IntSource, StringSource
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationPlanned,
)
from dagster._core.definitions.partitions.subset import DefaultPartitionsSubset
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorageTable, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError

from r2k_pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dagster._config.config_schema import UserConfigSchema
    from dagster._core.events.log import EventLogEntry
    from dagster._serdes import ConfigurableClassData
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

EVENT_BATCH_SIZE = 500
"""Events a transaction. Dagster flushes the rest at the end of each step's output."""

_OPEN_SHARDS = 8
_BATCH_SIZE_VARIABLE = "DAGSTER_EVENT_BATCH_SIZE"


@dataclass(frozen=True, kw_only=True)
class _Shard:
    """An engine, and the file it was opened on."""

    engine: Engine
    inode: int


def _relax_fsync(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # In WAL mode NORMAL cannot corrupt; a power cut may lose the last events, never the data,
    # whose truth is in the tables and in quality_results.
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _planned_once(entry: EventLogEntry) -> EventLogEntry:
    """The plan of a check over a range, without the range; of one partition, with its key.

    Upstream plans a check once a partition, yet a ranged run evaluates it once, without a
    partition, so all those rows would stay planned for ever: 3 MB a check and decade. And
    each would carry the whole definition of the partitions, holidays included.
    """
    planned = entry.dagster_event and entry.dagster_event.event_specific_data
    if not isinstance(planned, AssetCheckEvaluationPlanned) or planned.partitions_subset is None:
        return entry
    is_alone = len(planned.partitions_subset) == 1
    keys = set(planned.partitions_subset.get_partition_keys()) if is_alone else set()
    once = AssetCheckEvaluationPlanned(
        asset_key=planned.asset_key,
        check_name=planned.check_name,
        partitions_subset=DefaultPartitionsSubset(keys) if is_alone else None,
    )
    event = entry.get_dagster_event()._replace(event_specific_data=once)
    return entry._replace(dagster_event=event)


def _planned_check(entry: EventLogEntry, event_id: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row by which the UI knows that a check will be evaluated; batches have no other."""
    planned = entry.get_dagster_event().asset_check_planned_data
    subset = planned.partitions_subset
    return {
        "asset_key": planned.asset_key.to_string(),
        "check_name": planned.check_name,
        "partition": next(iter(subset.get_partition_keys())) if subset else None,
        "run_id": entry.run_id,
        "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
        "evaluation_event": row["event"],
        "evaluation_event_timestamp": datetime.fromtimestamp(entry.timestamp, UTC),
        "evaluation_event_storage_id": event_id,
    }


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """Dagster's SQLite event log with one engine a shard and one transaction a batch.

    A shard is a database file: one a run, and one index over all runs. Engines are kept
    per process id, because a SQLite handle must not cross a fork, and are opened anew if
    another process replaced the file.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._open_shards: OrderedDict[tuple[int, str], _Shard] = OrderedDict()
        self._known_tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine_of(shard).connect() as connection, connection.begin():
            yield connection

    def _engine_of(self, shard: str) -> Engine:
        key, path = (os.getpid(), shard), Path(self.path_for_shard(shard))
        known = self._open_shards.get(key)
        if known is not None and path.exists() and path.stat().st_ino == known.inode:
            self._open_shards.move_to_end(key)
            return known.engine
        if known is not None:
            known.engine.dispose()
            self._initialized_dbs.discard(shard)
        engine = create_engine(
            self.conn_string_for_shard(shard),
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
        )
        event.listen(engine, "connect", _relax_fsync)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        self._open_shards[key] = _Shard(engine=engine, inode=path.stat().st_ino)
        self._close_least_used()
        return engine

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; one that was there is not looked for again.

        Upstream opens a connection to ask this before it stores the outcome of each check.
        """
        if table_name not in self._known_tables and super().has_table(table_name):
            self._known_tables.add(table_name)
        return table_name in self._known_tables

    def _close_least_used(self) -> None:
        # Engines of a parent process are left alone: closing its handles here would not be safe.
        own = [key for key in self._open_shards if key[0] == os.getpid()]
        for key in own[:-_OPEN_SHARDS]:
            self._open_shards.pop(key).engine.dispose()

    def store_event(self, event: EventLogEntry) -> None:
        """Store one event, as upstream does."""
        super().store_event(_planned_once(event))

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run as `store_event` would one by one, in two transactions.

        Args:
            events: Events of Dagster's own kinds for batches: materializations, observations
                and the planned ones of assets and checks. All of one run.
        """
        runs = {entry.run_id for entry in events}
        if len(runs) != 1:
            super().store_event_batch(events)
            return
        try:
            self._store_batch(runs.pop(), [_planned_once(entry) for entry in events])
        except DBAPIError as error:
            # Dagster prints it, and the whole would be every parameter of every event.
            raise error.orig or error from error

    def _store_batch(self, run_id: str, events: Sequence[EventLogEntry]) -> None:
        rows = [self._event_to_row(entry) for entry in events]
        with self.run_connection(run_id) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
        mirrored = [
            (entry, row)
            for entry, row in zip(events, rows, strict=True)
            if entry.dagster_event_type in ASSET_EVENTS | ASSET_CHECK_EVENTS
        ]
        if mirrored:
            self._mirror([entry for entry, _ in mirrored], [row for _, row in mirrored])

    def _mirror(self, entries: list[EventLogEntry], rows: list[dict[str, Any]]) -> None:
        """Copy asset and check events into the index over all runs."""
        insert = SqlEventLogStorageTable.insert().returning(
            SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
        )
        with self.index_transaction() as connection:
            event_ids = [int(row[0]) for row in connection.execute(insert, rows)]
            stored = list(zip(entries, event_ids, strict=True))
            of_assets = [pair for pair in stored if pair[0].dagster_event_type in ASSET_EVENTS]
            if of_assets:
                self._store_asset_event_tags(
                    connection, [entry for entry, _ in of_assets], [i for _, i in of_assets]
                )
            # The asset's own row keeps only its newest event, so the last one of each suffices.
            newest = {entry.get_dagster_event().asset_key: (entry, i) for entry, i in of_assets}
            for entry, event_id in newest.values():
                self._store_asset_event(connection, entry, event_id)
            planned = [
                _planned_check(entry, event_id, row)
                for (entry, event_id), row in zip(stored, rows, strict=True)
                if entry.dagster_event_type in ASSET_CHECK_EVENTS
            ]
            if planned:
                connection.execute(AssetCheckExecutionsTable.insert(), planned)

    def wipe(self) -> None:
        """Delete every event, closing the shards first."""
        self._close_all()
        self._known_tables.clear()
        super().wipe()

    def dispose(self) -> None:
        """Close the shards of this process and stop watching."""
        self._close_all()
        super().dispose()

    def _close_all(self) -> None:
        for key in [key for key in self._open_shards if key[0] == os.getpid()]:
            self._open_shards.pop(key).engine.dispose()


class BatchedSqliteStorage(DagsterSqliteStorage):
    """Runs, events and schedules of Dagster in one folder, events written in batches.

    Args:
        base_dir: The folder; by default the one `Settings` names, so that `dagster dev` in a
            checkout and the `r2k` command see the same runs.
        event_batch_size: Events a transaction; 0 writes each event alone, as upstream does.
    """

    def __init__(
        self,
        base_dir: str,
        inst_data: ConfigurableClassData | None = None,
        event_batch_size: int = EVENT_BATCH_SIZE,
    ) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = BatchedSqliteEventLogStorage(
            str(Path(base_dir, "history", "runs"))
        )
        # Dagster reads the size of a batch from the environment of the process that logs, and
        # this object lives in each of them: command, web server, daemon and run workers.
        os.environ.setdefault(_BATCH_SIZE_VARIABLE, str(event_batch_size))

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """The fields that ``dagster.yaml`` may set."""
        return {
            "base_dir": Field(StringSource, is_required=False),
            "event_batch_size": Field(IntSource, is_required=False),
        }

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Mapping[str, Any],
    ) -> BatchedSqliteStorage:
        """Build the storage that ``dagster.yaml`` describes."""
        base_dir = Path(config_value.get("base_dir") or Settings().dagster_home)
        base_dir.mkdir(parents=True, exist_ok=True)
        batch_size = config_value.get("event_batch_size", EVENT_BATCH_SIZE)
        return cls(str(base_dir), inst_data=inst_data, event_batch_size=batch_size)
