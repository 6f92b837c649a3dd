"""What Alembic runs to migrate: the connection comes from ``schema_upgrade``.

Holds the one setting that differs from Alembic's defaults. Alembic loads this
file under the name ``env_py``; imported as a module of the package it does
nothing.
"""

from __future__ import annotations

from alembic import context

from r2k_pipeline.storage.published_rows import published_metadata
from r2k_pipeline.storage.schema_upgrade import VERSION_TABLE


def migrate() -> None:
    """Run the migrations asked for, on the connection given."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=published_metadata(),
        version_table=VERSION_TABLE,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":
    migrate()
