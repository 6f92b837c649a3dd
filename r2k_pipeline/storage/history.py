"""Writing published tables: what was said stays, and from when to when it was said.

Holds the replacements and additions of one transaction. The rules of history:
time only moves forward; a row is closed, never changed; of two publications at
the same moment the later one stands. Opening transactions and trying again is
``published``.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import and_, delete, func, insert, select, tuple_, update

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.model import Partitioning
from r2k_pipeline.contracts.polars_shape import require_shape
from r2k_pipeline.contracts.sql_schema import KNOWN_FROM, KNOWN_TO
from r2k_pipeline.errors import StorageError, listed
from r2k_pipeline.storage.published_rows import aware, fetch, in_scope, sql_table_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from sqlalchemy import ColumnElement, Connection, Table

    from r2k_pipeline.contracts.model import Contract

# Databases limit the parameters of one statement: 32,766 in SQLite.
_KEYS_A_STATEMENT = 1_000
_ROWS_A_STATEMENT = 10_000


class PublishedWriter:
    """What may be written inside one transaction; see `PublishedTables.write`.

    Args:
        connection: Inside a transaction that sees no other writer's changes.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
        """As `PublishedTables.replace`, within this transaction."""
        promised, sql = contract(table), sql_table_of(table)
        shaped = require_shape(promised, frame)
        column, inside = _partitions(promised, start=start, end=end, event_ids=event_ids)
        _require_inside(promised, shaped, column, inside)
        moment = aware(known_at).astimezone(UTC)
        scope = and_(*in_scope(sql, start=start, end=end, event_ids=event_ids))
        self._require_later(sql, scope, moment)
        standing = self._standing(promised, sql, scope)
        ended = standing.join(shaped, on=promised.names, how="anti", nulls_equal=True)
        begun = shaped.join(standing, on=promised.names, how="anti", nulls_equal=True)
        if ended.height == standing.height:
            self._end(sql, [scope] if ended.height else [], moment)
        else:
            self._end(sql, _keyed(sql, ended.select(promised.key)), moment)
        self._insert(sql, begun.with_columns(pl.lit(moment).alias(KNOWN_FROM)))
        return ended.height + begun.height

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """As `PublishedTables.append`, within this transaction."""
        promised = contract(table)
        sql = sql_table_of(table)
        if promised.keeps_history:
            raise StorageError(
                f"{table} keeps history and is not a log",
                state=f"{table} was not touched",
                remedy="publish its partitions with `replace`",
            )
        self._insert(sql, require_shape(promised, frame))

    def _standing(self, promised: Contract, sql: Table, scope: ColumnElement[bool]) -> pl.DataFrame:
        chosen = [sql.columns[name] for name in promised.names]
        statement = select(*chosen).where(scope, sql.columns[KNOWN_TO].is_(None))
        return fetch(self._connection, sql, statement)

    def _require_later(self, sql: Table, scope: ColumnElement[bool], moment: datetime) -> None:
        begun, ended = func.max(sql.columns[KNOWN_FROM]), func.max(sql.columns[KNOWN_TO])
        row = self._connection.execute(select(begun, ended).where(scope)).one()
        latest = max((moment_ for moment_ in row if moment_ is not None), default=moment)
        if latest > moment:
            raise StorageError(
                f"{sql.name} was last published at {latest.isoformat()}, "
                f"after {moment.isoformat()}",
                state=f"{sql.name} was not touched; its last good partitions stand",
                remedy="publish with a known_at that is not earlier; check this machine's clock",
            )

    def _end(
        self, sql: Table, conditions: Iterator[ColumnElement[bool]] | list[Any], moment: datetime
    ) -> None:
        since, until = sql.columns[KNOWN_FROM], sql.columns[KNOWN_TO]
        for condition in conditions:
            standing = and_(condition, until.is_(None))
            # What was said at this very moment was never known at any other.
            self._connection.execute(delete(sql).where(standing, since == moment))
            self._connection.execute(update(sql).where(standing).values({until: moment}))

    def _insert(self, sql: Table, frame: pl.DataFrame) -> None:
        for rows in frame.iter_slices(_ROWS_A_STATEMENT):
            if rows.height:
                self._connection.execute(insert(sql), rows.to_dicts())


def _keyed(sql: Table, keys: pl.DataFrame) -> Iterator[ColumnElement[bool]]:
    key = tuple_(*(sql.columns[name] for name in keys.columns))
    for some in keys.iter_slices(_KEYS_A_STATEMENT):
        if some.height:
            yield key.in_(some.rows())


def _partitions(
    promised: Contract,
    *,
    start: date | None,
    end: date | None,
    event_ids: Sequence[str] | None,
) -> tuple[str, pl.Expr]:
    """The partition column, and whether a row belongs to the partitions named."""
    match promised.partitioning:
        case Partitioning.SESSION if start is not None and end is not None and event_ids is None:
            return "session", pl.col("session").is_between(start, end)
        case Partitioning.EVENT if event_ids and start is None and end is None:
            return "event_id", pl.col("event_id").is_in(list(event_ids))
        case _:
            raise StorageError(
                f"{promised.table} is published by {promised.partitioning}, "
                f"and start={start}, end={end}, event_ids={event_ids} do not name its partitions",
                state=f"{promised.table} was not touched; its last good partitions stand",
                remedy="give start and end for sessions, event_ids for events; append to logs",
            )


def _require_inside(promised: Contract, frame: pl.DataFrame, column: str, inside: pl.Expr) -> None:
    strays = frame.filter(~inside)
    if strays.height:
        named = listed(strays[column].unique().sort().to_list(), 5)
        raise StorageError(
            f"{strays.height} row(s) for {promised.table} lie outside the partitions: {named}",
            state=f"{promised.table} was not touched; its last good partitions stand",
            remedy="name the partitions that the frame covers",
        )
