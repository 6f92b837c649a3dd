"""Bringing a database to the tables that this package expects.

Holds the way to Alembic. What changes from one version to the next is a file in
``migrations/versions``: when a contract of a published table changes, add one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from r2k_pipeline.errors import StorageError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

VERSION_TABLE = "r2k_schema_version"


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration for an open connection.

    Example:
        >>> from sqlalchemy import create_engine
        >>> engine = create_engine("sqlite://")
        >>> with engine.connect() as connection:
        ...     config = alembic_config(connection)
        >>> ScriptDirectory.from_config(config).get_current_head()
        '0011'
        >>> engine.dispose()
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine) -> None:
    """Upgrade a database to this package's version, in one transaction.

    Args:
        engine: Of the database; the caller holds the set-up lock.

    Raises:
        StorageError: The database is newer than this package.

    Example:
        >>> from sqlalchemy import create_engine, inspect
        >>> engine = create_engine("sqlite://")
        >>> upgrade(engine)
        >>> "levels" in inspect(engine).get_table_names()
        True
        >>> engine.dispose()
    """
    with engine.execution_options(is_writing=True).begin() as connection:
        config = alembic_config(connection)
        script = ScriptDirectory.from_config(config)
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        found = context.get_current_revision()
        if found == script.get_current_head():
            return
        known = {revision.revision for revision in script.walk_revisions()}
        if found is not None and found not in known:
            raise StorageError(
                f"the database has schema version {found}, which this r2k-pipeline does not know",
                state="nothing was read or written",
                remedy="use the newer r2k-pipeline that last opened it, or another R2K_HOME",
            )
        command.upgrade(config, "head")
