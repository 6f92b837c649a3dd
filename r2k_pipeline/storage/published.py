"""Published tables: SQL, each row with the time from and to which it was what we said.

Holds reading (now, or as known at some time), replacement of partitions and
appending to the logs. How one replacement is recorded is ``history``; what the
tables look like is their contract, and how they came to look so ``migrations``.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from secrets import SystemRandom
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.sql_schema import KNOWN_FROM, KNOWN_TO
from r2k_pipeline.storage.database import database_errors, open_engine
from r2k_pipeline.storage.history import PublishedWriter
from r2k_pipeline.storage.home import setup_lock
from r2k_pipeline.storage.published_rows import (
    column_of,
    equal,
    fetch,
    in_scope,
    reading_order,
    sql_table_of,
    was_known,
)
from r2k_pipeline.storage.schema_upgrade import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    import polars as pl
    from pydantic import SecretStr
    from sqlalchemy import ColumnElement, Connection, Engine, Table

    from r2k_pipeline.settings import Settings

_Answer = TypeVar("_Answer")
_ATTEMPTS = 6
_WAIT_SECONDS = 0.05


class PublishedTables:
    """The published tables of one database.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from r2k_pipeline.settings import Settings
        >>> with tempfile.TemporaryDirectory() as home:
        ...     with open_published(Settings(home=Path(home))) as published:
        ...         published.read("levels").height
        0
    """

    def __init__(self, engine: Engine, database: SecretStr) -> None:
        self._engine = engine
        self._database = database

    def __enter__(self) -> Self:
        """Use the tables in a ``with`` block that closes them."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()

    def read(
        self,
        table: str,
        *,
        start: date | None = None,
        end: date | None = None,
        event_id: str | None = None,
        known_at: datetime | None = None,
        columns: Sequence[str] | None = None,
        where: Mapping[str, object] | None = None,
    ) -> pl.DataFrame:
        """Read a table as it stands, or as it stood.

        Args:
            table: Name of a contract that is published.
            start: First session, included; None for the first there is.
            end: Last session, included; None for the last there is.
            event_id: Only this event.
            known_at: As published at that time (tz-aware): a row counts from
                its publication on, up to but without the moment at which it
                was superseded. None for now.
            columns: Which columns; None for all, in contract order.
            where: Only rows with these values in these columns.

        Returns:
            The contract's columns and types, sorted by its key.

        Raises:
            StorageError: The database cannot be read, or the table or a column
                is not a published one.

        Notes:
            `known_at` says what this store had published by then. It cannot
            say what was knowable before the store existed.
        """
        sql = sql_table_of(table)
        events = None if event_id is None else [event_id]
        conditions = [
            *in_scope(sql, start=start, end=end, event_ids=events),
            *was_known(sql, known_at),
            *equal(sql, where),
        ]
        return self._select(sql, columns or contract(table).names, conditions)

    def read_history(
        self, table: str, *, where: Mapping[str, object] | None = None
    ) -> pl.DataFrame:
        """Read every row that was ever published, with `known_from` and `known_to`.

        Args:
            table: Name of a contract that is published and keeps history.
            where: Only rows with these values in these columns.

        Returns:
            The contract's columns, then `known_from` and `known_to` (UTC; null
            while a row stands), sorted by key and time.

        Raises:
            StorageError: As `read`.
        """
        sql = sql_table_of(table)
        columns = [*contract(table).names, KNOWN_FROM, KNOWN_TO]
        return self._select(sql, columns, equal(sql, where))

    def last(
        self, table: str, *, by: str, where: Mapping[str, object] | None = None
    ) -> dict[str, Any] | None:
        """The row with the greatest value in a column; of several, the one written last.

        Args:
            table: Name of a contract that is published.
            by: The column.
            where: Only rows with these values in these columns.

        Returns:
            The row by column name, or None if there is none.

        Raises:
            StorageError: As `read`.
        """
        sql = sql_table_of(table)
        latest = [column.desc() for column in (column_of(sql, by), *reading_order(sql)[::-1])]
        statement = (
            select(*(sql.columns[name] for name in contract(table).names))
            .where(*was_known(sql, None), *equal(sql, where))
            .order_by(*latest)
            .limit(1)
        )
        with self._reading(sql) as connection:
            row = connection.execute(statement).mappings().one_or_none()
        return None if row is None else dict(row)

    def replace(
        self,
        table: str,
        frame: pl.DataFrame,
        *,
        known_at: datetime,
        start: date | None = None,
        end: date | None = None,
        event_ids: Sequence[str] | None = None,
    ) -> int:
        """Publish the rows of some partitions in one transaction.

        Rows that say what they said before stay untouched. A row that changed
        or vanished was known up to `known_at`, a new one from then on. Equal
        content writes nothing.

        Args:
            table: Name of a contract that is published by session or event.
            frame: All rows of these partitions, contract-shaped.
            known_at: When they are published, tz-aware.
            start: First session, included.
            end: Last session, included.
            event_ids: The events, for a table partitioned by event.

        Returns:
            How many rows were superseded or added.

        Raises:
            ContractShapeError: The frame has other columns or types.
            StorageError: A row lies outside the partitions, something was
                published later than `known_at`, or the database refused. The
                table is as it was.
        """
        return self.write(
            lambda writer: writer.replace(
                table, frame, known_at=known_at, start=start, end=end, event_ids=event_ids
            )
        )

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Add rows to a log: `quality_results`, `quarantine` or `provenance`.

        Args:
            table: Name of a contract that is published and keeps no history.
            frame: New rows, contract-shaped.

        Raises:
            ContractShapeError: The frame has other columns or types.
            StorageError: The table keeps history, or the database refused.
        """
        self.write(lambda writer: writer.append(table, frame))

    def write(self, work: Callable[[PublishedWriter], _Answer]) -> _Answer:
        """Do several writes in one transaction: all of them happen or none.

        Args:
            work: Called with a writer. It may be called again if the database
                says that another writer came first, so it must not do anything
                else.

        Returns:
            What `work` returned.

        Raises:
            StorageError: The database refused. The tables are as they were.
        """
        with database_errors(self._database, "writing published tables"):
            for _ in range(_ATTEMPTS - 1):
                try:
                    return self._write_once(work)
                except DBAPIError as error:
                    if not _is_conflict(error):
                        raise
                    time.sleep(SystemRandom().uniform(0.5, 1.5) * _WAIT_SECONDS)
            return self._write_once(work)

    def _write_once(self, work: Callable[[PublishedWriter], _Answer]) -> _Answer:
        # Serializable, so that what a replacement read still holds when it writes.
        engine = self._engine.execution_options(isolation_level="SERIALIZABLE", is_writing=True)
        with engine.begin() as connection:
            return work(PublishedWriter(connection))

    def _select(
        self, sql: Table, columns: Sequence[str], conditions: Sequence[ColumnElement[bool]]
    ) -> pl.DataFrame:
        chosen = [column_of(sql, name) for name in columns]
        statement = select(*chosen).where(*conditions).order_by(*reading_order(sql))
        with self._reading(sql) as connection:
            return fetch(connection, sql, statement)

    @contextmanager
    def _reading(self, sql: Table) -> Iterator[Connection]:
        with (
            database_errors(self._database, f"reading {sql.name}"),
            self._engine.connect() as connection,
        ):
            yield connection


def open_published(settings: Settings) -> PublishedTables:
    """Open the published tables of a store, bringing an older database up to date.

    Several processes may open a new home at once.

    Args:
        settings: Which database.

    Raises:
        StorageError: The home or the database cannot be opened, or the
            database is newer than this package.
    """
    engine = open_engine(settings.database)
    with setup_lock(settings.home), database_errors(settings.database, "opening the tables"):
        upgrade(engine)
    return PublishedTables(engine, settings.database)


def _is_conflict(error: DBAPIError) -> bool:
    """Whether another writer came first, so that a second try may succeed.

    A serialization failure has the SQLSTATE class 40. Two first publications
    of one row meet in the primary key.
    """
    state = str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or "")
    return state.startswith("40") or (state == "23505")
