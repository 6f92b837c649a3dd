"""Reading rows of published tables: which ones, and how they become a frame.

Holds the conditions (partitions, time of knowledge, values) and the way from a
cursor to a contract-shaped frame. Writing is ``history``; connections are
``published``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import MetaData, Table, or_

from r2k_pipeline.contracts.load import contract, tables
from r2k_pipeline.contracts.model import Storage
from r2k_pipeline.contracts.polars_shape import polars_schema
from r2k_pipeline.contracts.sql_schema import KNOWN_FROM, KNOWN_TO, ROW_ID, sql_table
from r2k_pipeline.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Column, ColumnElement, Connection, Select

_MOMENT = pl.Datetime("us", "UTC")


@cache
def published_metadata() -> MetaData:
    """Every published table, as its contract declares it.

    Example:
        >>> "levels" in published_metadata().tables
        True
        >>> "ranking" in published_metadata().tables
        False
    """
    metadata = MetaData()
    for name in tables():
        promised = contract(name)
        if promised.storage is Storage.PUBLISHED:
            sql_table(promised, metadata)
    return metadata


def sql_table_of(table: str) -> Table:
    """The SQL table of a contract.

    Raises:
        StorageError: The contract's table is not kept in SQL.

    Example:
        >>> sql_table_of("ranking")
        Traceback (most recent call last):
        ...
        r2k_pipeline.errors.StorageError: ranking is kept in the lake, not in the published tables
        state: nothing was read or written
        remedy: read and write it through store.lake
    """
    contract(table)
    sql = published_metadata().tables.get(table)
    if sql is None:
        raise StorageError(
            f"{table} is kept in the lake, not in the published tables",
            state="nothing was read or written",
            remedy="read and write it through store.lake",
        )
    return sql


def column_of(sql: Table, name: str) -> Column[Any]:
    """A column of a table by its name.

    Raises:
        StorageError: There is no such column.

    Example:
        >>> column_of(sql_table_of("levels"), "prise_level")
        Traceback (most recent call last):
        ...
        r2k_pipeline.errors.StorageError: levels has no column prise_level
        state: nothing was read or written
        remedy: see data_contracts/levels.yaml
    """
    found = sql.columns.get(name)
    if found is None:
        raise StorageError(
            f"{sql.name} has no column {name}",
            state="nothing was read or written",
            remedy=f"see data_contracts/{sql.name}.yaml",
        )
    return found


def in_scope(
    sql: Table,
    *,
    start: date | None = None,
    end: date | None = None,
    event_ids: Sequence[str] | None = None,
) -> list[ColumnElement[bool]]:
    """The conditions for a range of sessions or some events.

    Args:
        sql: A published table.
        start: First session, included; None for no bound.
        end: Last session, included; None for no bound.
        event_ids: Which events; None for all.

    Raises:
        StorageError: The table has no sessions or no events to choose by.

    Example:
        >>> print(in_scope(sql_table_of("breakpoints"), event_ids=["2022-06"])[0])
        breakpoints.event_id IN (__[POSTCOMPILE_event_id_1])
    """
    conditions: list[ColumnElement[bool]] = []
    if start is not None:
        conditions.append(column_of(sql, "session") >= start)
    if end is not None:
        conditions.append(column_of(sql, "session") <= end)
    if event_ids is not None:
        conditions.append(column_of(sql, "event_id").in_(event_ids))
    return conditions


def was_known(sql: Table, known_at: datetime | None) -> list[ColumnElement[bool]]:
    """The conditions for rows that stood at a time; None for those that stand now.

    Args:
        sql: A published table. A log keeps no history: every row of it stands.
        known_at: A tz-aware moment.

    Raises:
        StorageError: The moment has no time zone.
    """
    if KNOWN_FROM not in sql.columns:
        return []
    since, until = sql.columns[KNOWN_FROM], sql.columns[KNOWN_TO]
    if known_at is None:
        return [until.is_(None)]
    moment = aware(known_at)
    return [since <= moment, or_(until.is_(None), until > moment)]


def equal(sql: Table, where: Mapping[str, object] | None) -> list[ColumnElement[bool]]:
    """The conditions for rows with these values; None matches a missing value.

    Example:
        >>> print(equal(sql_table_of("levels"), {"index_id": "r2000"})[0])
        levels.index_id = :index_id_1
    """
    return [column_of(sql, name) == value for name, value in (where or {}).items()]


def aware(moment: datetime) -> datetime:
    """A moment, provided that it has a time zone.

    Raises:
        StorageError: It has none.

    Example:
        >>> from datetime import datetime
        >>> aware(datetime(2024, 1, 2))
        Traceback (most recent call last):
        ...
        r2k_pipeline.errors.StorageError: the moment 2024-01-02T00:00:00 has no time zone
        state: nothing was read or written
        remedy: give it in UTC, such as datetime.now(UTC)
    """
    if moment.tzinfo is None:
        raise StorageError(
            f"the moment {moment.isoformat()} has no time zone",
            state="nothing was read or written",
            remedy="give it in UTC, such as datetime.now(UTC)",
        )
    return moment


def reading_order(sql: Table) -> list[Column[Any]]:
    """By key and time of publication; a log in the order in which it was written.

    Example:
        >>> [column.name for column in reading_order(sql_table_of("levels"))]
        ['index_id', 'session', 'known_from']
    """
    if ROW_ID in sql.columns:
        return [sql.columns[ROW_ID]]
    return [*(sql.columns[name] for name in contract(sql.name).key), sql.columns[KNOWN_FROM]]


def fetch(connection: Connection, sql: Table, statement: Select[Any]) -> pl.DataFrame:
    """Run a query over one table and return its rows in the contract's types.

    Args:
        connection: An open one.
        sql: The table that the query reads.
        statement: Selects plain columns of it.
    """
    dtypes = {**polars_schema(contract(sql.name)), KNOWN_FROM: _MOMENT, KNOWN_TO: _MOMENT}
    result = connection.execute(statement)
    names = list(result.keys())
    schema = pl.Schema({name: dtypes[name] for name in names})
    values = list(zip(*result.all(), strict=True))
    if not values:
        return pl.DataFrame(schema=schema)
    return pl.DataFrame([
        pl.Series(name, column, dtype=schema[name])
        for name, column in zip(names, values, strict=True)
    ])  # fmt: skip
