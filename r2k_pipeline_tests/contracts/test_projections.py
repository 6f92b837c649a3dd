"""Polars, SQL, Iceberg, Great Expectations and Dagster are told the same about a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError
from sqlalchemy.schema import CreateTable

from r2k_pipeline.contracts.dagster_columns import column_metadata
from r2k_pipeline.contracts.expectations import columns_read, judged_columns, suite_arguments
from r2k_pipeline.contracts.iceberg_schema import arrow_schema, iceberg_schema, partition_spec
from r2k_pipeline.contracts.load import contract, tables
from r2k_pipeline.contracts.polars_shape import empty_frame, polars_schema
from r2k_pipeline.contracts.sql_schema import UtcDateTime, sql_table

if TYPE_CHECKING:
    from pathlib import Path

# One row a type, spelled by hand: contract, Polars, Arrow, Iceberg, SQL as PostgreSQL says it.
TYPES = {
    "date": (pl.Date(), pa.date32(), "date", "DATE"),
    "string": (pl.String(), pa.large_string(), "string", "TEXT"),
    "boolean": (pl.Boolean(), pa.bool_(), "boolean", "BOOLEAN"),
    "float64": (pl.Float64(), pa.float64(), "double", "DOUBLE PRECISION"),
    "int64": (pl.Int64(), pa.int64(), "long", "BIGINT"),
    "int32": (pl.Int32(), pa.int32(), "int", "INTEGER"),
    "timestamp": (
        pl.Datetime("us", "UTC"),
        pa.timestamp("us", "UTC"),
        "timestamptz",
        "TIMESTAMP WITH TIME ZONE",
    ),
}
POSTGRESQL = sa.make_url("postgresql+psycopg2://").get_dialect()()
ADDED = {"known_from", "known_to", "row_id"}


@pytest.mark.parametrize("table", tables())
def test_all_projections_agree_on_names_order_types_and_nulls(table: str) -> None:
    promised = contract(table)
    dagster = column_metadata(promised)
    names, types = [c["name"] for c in dagster], [c["type"] for c in dagster]
    nullable = [c["nullable"] for c in dagster]
    frame, arrow = polars_schema(promised), arrow_schema(promised)
    iceberg = iceberg_schema(promised).fields
    sql = [c for c in sql_table(promised, sa.MetaData()).columns if c.name not in ADDED]

    assert names == list(promised.names)
    assert names == frame.names() == arrow.names == [f.name for f in iceberg]
    assert names == [c.name for c in sql]
    assert [TYPES[t] for t in types] == [
        (dtype, field.type, str(ice.field_type), column.type.compile(POSTGRESQL))
        for dtype, field, ice, column in zip(frame.dtypes(), arrow, iceberg, sql, strict=True)
    ]
    assert nullable == [f.nullable for f in arrow] == [not f.required for f in iceberg]
    assert nullable == [bool(c.nullable) for c in sql]


@pytest.mark.parametrize("table", tables())
def test_rules_read_columns_of_the_table(table: str) -> None:
    promised = contract(table)
    suite = suite_arguments(promised)

    assert [e["meta"]["rule"] for e in suite["expectations"]] == [r.name for r in promised.rules]
    for rule in promised.rules:
        assert set(judged_columns(rule)) <= {*promised.names, *rule.derived}
        assert columns_read(promised, rule) or not rule.arguments.get("column")


def test_a_written_file_is_as_strict_as_the_iceberg_table(tmp_path: Path) -> None:
    """Iceberg refuses to add a file in which a required column is optional."""
    ranking = contract("ranking")
    path = tmp_path / "ranking.parquet"
    empty_frame(ranking).write_parquet(path, arrow_schema=arrow_schema(ranking))

    assert [f.nullable for f in pq.read_schema(path)] == [c.nullable for c in ranking.columns]


def test_lake_tables_of_sessions_are_partitioned_by_month() -> None:
    assert [str(f.transform) for f in partition_spec(contract("universe")).fields] == ["month"]
    assert partition_spec(contract("securities")).is_unpartitioned()


@pytest.mark.parametrize("table", tables())
def test_every_table_can_be_created_on_both_databases(table: str) -> None:
    metadata = sa.MetaData()
    declared = sql_table(contract(table), metadata)
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)

    assert sa.inspect(engine).get_columns(table)
    assert str(CreateTable(declared).compile(dialect=POSTGRESQL))
    assert sql_table(contract(table), metadata) is declared
    engine.dispose()


def test_history_is_in_the_primary_key_and_indexed() -> None:
    levels = sql_table(contract("levels"), sa.MetaData())
    (index,) = levels.indexes

    assert [c.name for c in levels.primary_key] == ["index_id", "session", "known_from"]
    assert [c.name for c in index.columns] == ["index_id", "session", "known_to"]
    assert levels.c.known_to.nullable


def test_a_log_says_the_same_twice() -> None:
    metadata = sa.MetaData()
    log = sql_table(contract("provenance"), metadata)
    row = {
        "table_name": "levels",
        "partition_key": "2022-06-27",
        "input_hash": None,
        "rows": 4,
        "run_id": "run-1",
        "written_at": datetime(2022, 6, 27, 21, 0, tzinfo=UTC),
    }
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(log), [row, row])
        ids = connection.execute(sa.select(log.c.row_id)).scalars().all()

    assert ids == [1, 2]
    engine.dispose()


def test_a_moment_comes_back_from_sqlite_with_its_zone() -> None:
    metadata = sa.MetaData()
    moments = sa.Table("moments", metadata, sa.Column("at", UtcDateTime()))
    new_york = timezone(timedelta(hours=-4))
    early = datetime(2022, 6, 27, 16, 0, 0, 5, tzinfo=new_york)
    late = datetime(2022, 6, 27, 20, 30, tzinfo=UTC)
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(moments), [{"at": late}, {"at": early}, {"at": None}])
        stored = connection.execute(
            sa.select(moments.c.at).where(moments.c.at.is_not(None)).order_by(moments.c.at)
        ).scalars()
        before = sa.select(sa.func.count()).where(moments.c.at < late)

        assert list(stored) == [early.astimezone(UTC), late]
        assert connection.execute(before).scalar() == 1
        assert connection.execute(sa.select(moments.c.at).limit(1)).scalar() == late
    engine.dispose()


def test_a_moment_without_a_zone_is_refused() -> None:
    metadata = sa.MetaData()
    moments = sa.Table("moments", metadata, sa.Column("at", UtcDateTime()))
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    naive = datetime(2022, 6, 27, 20, 30, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(StatementError, match="without zone"), engine.begin() as connection:
        connection.execute(sa.insert(moments), [{"at": naive}])
    engine.dispose()
