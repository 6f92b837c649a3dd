"""Bulk tables: Apache Iceberg through a SQL catalog, a month of sessions a partition.

Holds the catalog, reading, and the patience to try a replacement again when
another writer committed first. How one replacement comes about is
``replacement``; whether rows may be promoted is decided in ``publication``;
what a table looks like is its contract.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from secrets import SystemRandom
from typing import TYPE_CHECKING, Self

from polars.exceptions import PolarsError
from pydantic import SecretStr
from pyiceberg.catalog import load_catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, ValidationException
from pyiceberg.expressions import AlwaysTrue
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from r2k_pipeline.contracts.iceberg_schema import iceberg_schema, partition_spec
from r2k_pipeline.contracts.polars_shape import polars_schema, require_shape
from r2k_pipeline.errors import StorageError
from r2k_pipeline.storage.compaction import Compaction
from r2k_pipeline.storage.data_files import planned_files, remove_files, scan_files
from r2k_pipeline.storage.database import database_errors, open_engine
from r2k_pipeline.storage.expiry import expire_snapshots
from r2k_pipeline.storage.home import setup_lock
from r2k_pipeline.storage.lake_contracts import (
    keep_up,
    lake_contract,
    require_inside,
    session_contract,
    session_scope,
)
from r2k_pipeline.storage.replacement import Replacement
from r2k_pipeline.storage.scope import SESSION, Scope, scattered, within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    import polars as pl
    from pyiceberg.expressions import BooleanExpression
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

    from r2k_pipeline.contracts.model import Contract
    from r2k_pipeline.settings import Settings

_NAMESPACE = "r2k"
_ATTEMPTS = 40
_SHORTEST_WAIT_SECONDS = 0.02
_LONGEST_WAIT_SECONDS = 1.0
_PROPERTIES = {
    "format-version": "2",
    # `Lake` plans again itself: only then is what it takes out still what it planned.
    "commit.retry.num-retries": "0",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "16",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "50",
}


class Lake:
    """The bulk tables of one warehouse.

    Example:
        >>> import tempfile
        >>> from datetime import date
        >>> from pathlib import Path
        >>> from r2k_pipeline.settings import Settings
        >>> with tempfile.TemporaryDirectory() as home:
        ...     with open_lake(Settings(home=Path(home))) as lake:
        ...         lake.sessions("ranking", date(2024, 1, 1), date(2024, 12, 31))
        []
    """

    def __init__(self, catalog: SqlCatalog) -> None:
        self._catalog = catalog

    def __enter__(self) -> Self:
        """Use the lake in a ``with`` block that closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the lake."""
        self.close()

    def close(self) -> None:
        """Release the connections to the catalog."""
        self._catalog.close()

    def scan(
        self,
        table: str,
        *,
        start: date | None = None,
        end: date | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.LazyFrame:
        """Read a table lazily, as it stands now.

        The files are chosen once, here: however long the scan is kept, it
        reads the snapshot that was current when it was made.

        Args:
            table: Name of a contract kept in the lake.
            start: First session, included; None for the first there is.
            end: Last session, included; None for the last there is.
            columns: Which columns; None for all, in contract order.

        Returns:
            The contract's columns and types, in no particular order. No rows
            if nothing was ever written for these sessions.

        Raises:
            StorageError: The catalog or the warehouse cannot be read, the
                table is not kept in the lake, or sessions are asked of a table
                that has none.
        """
        promised = lake_contract(table)
        scope = session_scope(promised, start, end)
        files = self._live_files(
            promised, AlwaysTrue() if scope is None else within(scope.start, scope.end)
        )
        frame = scan_files(files, polars_schema(promised))
        if scope is not None:
            frame = frame.filter(scope.rows())
        return frame if columns is None else frame.select(columns)

    def sessions(
        self, table: str, start: date | None = None, end: date | None = None
    ) -> list[date]:
        """The sessions that a table has rows for, in order.

        Args:
            table: Name of a contract partitioned by session.
            start: First session, included.
            end: Last session, included.

        Raises:
            StorageError: As `scan`.
        """
        frame = self.scan(table, start=start, end=end, columns=[SESSION])
        return frame.unique().sort(SESSION).collect(engine="streaming")[SESSION].to_list()

    def replace(
        self,
        table: str,
        frame: pl.DataFrame,
        *,
        start: date,
        end: date,
        note: Mapping[str, str] | None = None,
    ) -> None:
        """Replace every row of a range of sessions in one commit.

        Args:
            table: Name of a contract partitioned by session.
            frame: The new rows, in the contract's columns, any order. A
                session of the range that has none is empty afterwards.
            start: First session, included.
            end: Last session, included.
            note: Kept in the snapshot's summary, such as the run's id.

        Raises:
            ContractShapeError: The frame has other columns or types.
            StorageError: A row lies outside the range, other writers kept
                committing first, or the warehouse or catalog refused. The
                table is as it was.
        """
        promised = session_contract(table)
        self._replace(promised, frame, Scope(start=start, end=end), note)

    def replace_sessions(
        self,
        table: str,
        frame: pl.DataFrame,
        sessions: Sequence[date],
        *,
        note: Mapping[str, str] | None = None,
    ) -> None:
        """Replace every row of some scattered sessions in one commit.

        Args:
            table: Name of a contract partitioned by session.
            frame: The new rows; sessions that have none are empty afterwards.
            sessions: Which to replace, in any order; sessions between them stay.
            note: Kept in the snapshot's summary.

        Raises:
            ContractShapeError: The frame has other columns or types.
            StorageError: As `replace`, or no session is named.
        """
        promised = session_contract(table)
        self._replace(promised, frame, scattered(sessions), note)

    def replace_all(
        self, table: str, frame: pl.DataFrame, *, note: Mapping[str, str] | None = None
    ) -> None:
        """Replace a table as a whole in one commit.

        Args:
            table: Name of a contract kept in the lake.
            frame: All rows that the table has afterwards.
            note: Kept in the snapshot's summary.

        Raises:
            ContractShapeError: The frame has other columns or types.
            StorageError: Other writers kept committing first, or the warehouse
                or catalog refused. The table is as it was.
        """
        self._replace(lake_contract(table), frame, None, note)

    def compact(self, table: str, *, note: Mapping[str, str] | None = None) -> None:
        """Fold the files of every month that has several into one, in one commit.

        No row changes. A table in good order gets no commit.

        Args:
            table: Name of a contract partitioned by session.
            note: Kept in the snapshot's summary.

        Raises:
            StorageError: As `replace`.
        """
        promised = session_contract(table)
        if self.stored(table) is not None:
            self._run(promised, Compaction(promised, note=dict(note or {})), f"compacting {table}")

    def expire(self, table: str, *, before: datetime) -> None:
        """Let go of the snapshots that were superseded before a moment, in one commit.

        The current snapshot stays, and so does every one that a tag or branch names, also
        one that is named while this runs. Their files stay until they are collected.

        Args:
            table: Name of a contract kept in the lake.
            before: A tz-aware moment.

        Raises:
            StorageError: As `replace`.
        """
        promised = lake_contract(table)
        if self.stored(table) is not None:
            with _lake_errors(self._catalog, f"expiring snapshots of {table}"):
                self._promote(promised, lambda stored: expire_snapshots(stored, before))

    def stored(self, table: str) -> Table | None:
        """The Iceberg table of a contract as it stands now; None if nothing was ever written.

        Args:
            table: Name of a contract kept in the lake.

        Raises:
            StorageError: As `scan`.
        """
        promised = lake_contract(table)
        with _lake_errors(self._catalog, f"reading {table}"), suppress(NoSuchTableError):
            return self._load(promised)
        return None

    def _live_files(self, promised: Contract, predicate: BooleanExpression) -> list[DataFile]:
        with _lake_errors(self._catalog, f"reading {promised.table}"):
            try:
                return planned_files(self._load(promised), predicate)
            except NoSuchTableError:
                return []

    def _load(self, promised: Contract) -> Table:
        return self._catalog.load_table((_NAMESPACE, promised.table))

    def _open_to_write(self, promised: Contract) -> Table:
        try:
            table = self._load(promised)
        except NoSuchTableError:
            return self._catalog.create_table_if_not_exists(
                (_NAMESPACE, promised.table),
                schema=iceberg_schema(promised),
                partition_spec=partition_spec(promised),
                properties=_PROPERTIES,
            )
        keep_up(table, promised)
        return table

    def _replace(
        self,
        promised: Contract,
        frame: pl.DataFrame,
        scope: Scope | None,
        note: Mapping[str, str] | None,
    ) -> None:
        shaped = require_shape(promised, frame)
        require_inside(promised, shaped, scope)
        replacement = Replacement(promised, shaped, scope=scope, note=dict(note or {}))
        self._run(promised, replacement, f"replacing {scope or 'all'} of {promised.table}")

    def _run(self, promised: Contract, replacement: Replacement, doing: str) -> None:
        with _lake_errors(self._catalog, doing):
            try:
                self._promote(promised, replacement.promote)
            except DBAPIError as error:
                # Cut off from the database, nobody knows whether the commit landed or will:
                # what it staged stays until it is collected.
                if not error.connection_invalidated:
                    self._sweep(promised, replacement)
                raise
            except BaseException:
                self._sweep(promised, replacement)
                raise
            self._sweep(promised, replacement)

    def _promote(self, promised: Contract, promote: Callable[[Table], None]) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                promote(self._open_to_write(promised))
            except (CommitFailedException, ValidationException):
                wait = min(_LONGEST_WAIT_SECONDS, _SHORTEST_WAIT_SECONDS * 2**attempt)
                time.sleep(SystemRandom().uniform(0.5, 1.5) * wait)
            else:
                return
        raise StorageError(
            f"other writers kept committing to {promised.table}; gave up after {_ATTEMPTS} tries",
            state=f"{promised.table} was not touched; its last good partitions stand",
            remedy="run again with fewer writers at once",
        )

    def _sweep(self, promised: Contract, replacement: Replacement) -> None:
        """Remove staged files that no snapshot names.

        Asks the table rather than trusting the outcome.
        """
        staged = replacement.staged_paths
        if staged <= replacement.promoted_paths:
            return
        with suppress(SQLAlchemyError, OSError, NoSuchTableError):
            table = self._load(promised)
            live = {file.file_path for file in planned_files(table, AlwaysTrue())}
            remove_files(table.io, sorted(staged - live))


def open_lake(settings: Settings) -> Lake:
    """Open the lake of a store, setting up its catalog if it is new.

    Several processes may open a new home at once.

    Args:
        settings: Which database holds the catalog, and where the warehouse lies.

    Raises:
        StorageError: The home or the database cannot be opened.
    """
    database = settings.database
    engine = open_engine(database)
    with setup_lock(settings.home), database_errors(database, "opening the catalog"):
        # `load_catalog` also heeds what pyiceberg is told of object stores, such as
        # PYICEBERG_CATALOG__R2K__S3__ENDPOINT.
        catalog = load_catalog(
            _NAMESPACE,
            type="sql",
            uri=database.get_secret_value(),
            warehouse=settings.warehouse_uri,
        )
        if not isinstance(catalog, SqlCatalog):
            raise StorageError(
                f"pyiceberg is configured to open {_NAMESPACE} as a {type(catalog).__name__}",
                state="nothing was read or written",
                remedy=f"remove catalog.{_NAMESPACE} from pyiceberg's configuration",
            )
        # The catalog makes an engine of its own, which waits too briefly for a busy database.
        catalog.engine.dispose()
        catalog.engine = engine
        catalog.create_namespace_if_not_exists(_NAMESPACE)
    return Lake(catalog)


@contextmanager
def _lake_errors(catalog: SqlCatalog, doing: str) -> Iterator[None]:
    try:
        with database_errors(SecretStr(catalog.properties["uri"]), doing):
            yield
    except (OSError, PolarsError) as error:
        raise StorageError(
            f"{doing} failed: {error}",
            state="nothing was promoted; the table's last good partitions stand",
            remedy="check that the warehouse can be reached and written, then run again",
        ) from error
