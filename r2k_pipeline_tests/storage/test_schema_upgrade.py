"""The migrations lead to exactly the tables that the contracts promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, column, create_engine, inspect, table, update

from r2k_pipeline.errors import StorageError
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.published import open_published
from r2k_pipeline.storage.published_rows import published_metadata
from r2k_pipeline.storage.schema_upgrade import VERSION_TABLE, alembic_config, upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = create_engine(f"sqlite:///{tmp_path}/r2k.db")
    yield opened
    opened.dispose()


def test_the_migrated_tables_are_the_contracts(engine: Engine) -> None:
    upgrade(engine)
    options = {"version_table": VERSION_TABLE, "compare_type": True}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, published_metadata()) == []


def test_the_comparison_sees_a_column_that_is_missing(engine: Engine) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE levels DROP COLUMN reason")
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        ((action, _, table, column),) = compare_metadata(context, published_metadata())
    assert (action, table, column.name) == ("add_column", "levels", "reason")


def test_upgrading_again_changes_nothing(engine: Engine) -> None:
    upgrade(engine)
    tables = inspect(engine).get_table_names()
    upgrade(engine)
    assert inspect(engine).get_table_names() == tables


def test_everything_can_be_undone(engine: Engine) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "base")
    assert inspect(engine).get_table_names() == [VERSION_TABLE]


def test_a_database_newer_than_the_package_is_refused(engine: Engine, tmp_path: Path) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        version = table(VERSION_TABLE, column("version_num"))
        connection.execute(update(version).values(version_num="9999"))
    with pytest.raises(StorageError, match="schema version 9999") as caught:
        open_published(Settings(home=tmp_path))
    assert "newer r2k-pipeline" in caught.value.remedy
