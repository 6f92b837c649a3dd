"""How this package talks to its SQL database: one engine, one way to write.

Holds what is the same for the published tables and the Iceberg catalog:
settings of a connection and what a broken database looks like to a user. Which
tables exist is ``contracts`` and ``migrations``; what is in them ``published``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from r2k_pipeline.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

_BUSY_MILLISECONDS = 60_000


def open_engine(database: SecretStr) -> Engine:
    """An engine for a database URL, without connecting yet.

    SQLite gets write-ahead logging (readers never wait for a writer), a busy
    timeout and foreign keys; other databases have these by nature. A
    connection that says ``is_writing`` takes SQLite's write lock when its
    transaction begins: one that reads first and writes later could otherwise
    find that what it read has changed.

    Args:
        database: A SQLAlchemy URL, with its password if it has one.

    Raises:
        StorageError: The URL is malformed or names a driver that is not installed.

    Example:
        >>> from pydantic import SecretStr
        >>> engine = open_engine(SecretStr("sqlite://"))
        >>> with engine.connect() as connection:
        ...     connection.exec_driver_sql("PRAGMA foreign_keys").scalar()
        1
        >>> engine.dispose()
    """
    try:
        engine = create_engine(database.get_secret_value(), pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        # SQLAlchemy quotes what it could not make a port of: a password, if an @ is missing.
        why = "its port is no number" if type(error) is ValueError else str(error)
        raise StorageError(
            f"the database URL cannot be used: {why}",
            state="nothing was read or written",
            remedy="set R2K_DATABASE_URL to a SQLAlchemy URL whose driver is installed, "
            "such as postgresql+psycopg2://user@host/name, or leave it unset for SQLite",
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver's own transaction control begins too late, see `configure`.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


@contextmanager
def database_errors(database: SecretStr, doing: str) -> Iterator[None]:
    """Turn what a database raises into a `StorageError` that hides the password.

    Args:
        database: The URL of the database.
        doing: What was being done, as in "reading levels".

    Yields:
        Nothing.

    Raises:
        StorageError: The block raised an error of SQLAlchemy, or needs a driver
            that is not installed.

    Example:
        >>> from pydantic import SecretStr
        >>> url = SecretStr("sqlite://")
        >>> engine = open_engine(url)
        >>> with database_errors(url, "reading levels"), engine.connect() as connection:
        ...     connection.exec_driver_sql("select * from levels")
        Traceback (most recent call last):
        ...
        r2k_pipeline.errors.StorageError: reading levels in sqlite:// failed: no such table: levels
        state: the transaction was rolled back; the tables are as they were
        remedy: check that the database can be reached and written, then run again
        >>> engine.dispose()
    """
    try:
        yield
    except SQLAlchemyError as error:
        # Drivers write paragraphs; an error of ours has three lines.
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        # Without what follows the question mark: a password may stand there too.
        place = make_url(database.get_secret_value()).set(query={}).render_as_string()
        raise StorageError(
            f"{doing} in {place} failed: {reason}",
            state="the transaction was rolled back; the tables are as they were",
            remedy="check that the database can be reached and written, then run again",
        ) from error
