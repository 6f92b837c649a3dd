"""Contract -> SQL: the published tables, on SQLite and PostgreSQL alike.

Add here what a published table's DDL needs. Connections, migrations and the
reading of history belong to `storage.published`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

    from r2k_pipeline.contracts.model import Contract

KNOWN_FROM = "known_from"
KNOWN_TO = "known_to"
ROW_ID = "row_id"


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment in UTC that leaves every database as it entered: with its zone.

    SQLite keeps no zone; there the value is stored as naive UTC, whose text form
    sorts like time itself, and is given its zone back when read.

    Example:
        >>> UtcDateTime().process_bind_param(datetime(2024, 1, 2), None)
        Traceback (most recent call last):
        ...
        ValueError: a moment without zone: 2024-01-02 00:00:00
    """

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Zone-aware wherever the database can."""
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect | None
    ) -> datetime | None:
        """To UTC, without zone for SQLite."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"a moment without zone: {value}"
            raise ValueError(message)
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect and dialect.name == "sqlite" else moment

    def process_result_value(
        self, value: datetime | None, dialect: Dialect | None
    ) -> datetime | None:
        """Back in UTC, with zone."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_TYPES: dict[pl.DataType, TypeEngine[Any]] = {
    pl.Date(): sa.Date(),
    pl.String(): sa.Text(),
    pl.Boolean(): sa.Boolean(),
    pl.Float64(): sa.Double(),
    pl.Int64(): sa.BigInteger(),
    pl.Int32(): sa.Integer(),
    pl.Datetime("us", "UTC"): UtcDateTime(),
}


def sql_table(contract: Contract, metadata: sa.MetaData) -> sa.Table:
    """Declare the contract's table, or return it if `metadata` has it.

    A table with history (`Contract.keeps_history`) gains `known_from` and
    `known_to`, in UTC; its primary key is the contract's key with `known_from`, and
    an index on the key with `known_to` finds the rows that stand now (null). A log
    gains `row_id`, counted by the database: the same row may be said twice.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> levels = sql_table(contract("levels"), sa.MetaData())
        >>> [column.name for column in levels.primary_key]
        ['index_id', 'session', 'known_from']
        >>> [index.name for index in levels.indexes]
        ['ix_levels_standing']
    """
    if contract.table in metadata.tables:
        return metadata.tables[contract.table]
    columns = [
        sa.Column(
            column.name,
            _TYPES[column.dtype],
            nullable=column.nullable,
            primary_key=contract.keeps_history and column.name in contract.key,
            comment=column.description,
            autoincrement=False,
        )
        for column in contract.columns
    ]
    if contract.keeps_history:
        added = _history_columns()
        index = sa.Index(f"ix_{contract.table}_standing", *contract.key, KNOWN_TO)
    else:
        added = [_row_id()]
        index = sa.Index(f"ix_{contract.table}_key", *contract.key)
    return sa.Table(contract.table, metadata, *columns, *added, index, comment=contract.description)


def _history_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column(
            KNOWN_FROM,
            UtcDateTime(),
            primary_key=True,
            nullable=False,
            comment="When the row was published.",
        ),
        sa.Column(
            KNOWN_TO,
            UtcDateTime(),
            nullable=True,
            comment="When it was replaced or withdrawn; null while it stands.",
        ),
    ]


def _row_id() -> sa.Column[Any]:
    # SQLite counts by itself only on a column declared INTEGER.
    counted = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(
        ROW_ID, counted, primary_key=True, autoincrement=True, comment="Counted by the database."
    )
