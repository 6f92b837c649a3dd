"""The Parquet files of one Iceberg table: written by polars, described for a commit.

Holds what concerns single files: writing one, its first and last session,
reading the rows of it that stay, removing it. Which files a commit takes out
or puts in is ``lake``. Everything goes through the table's own file IO, so a
folder and an object store are the same here.
"""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO
from typing import TYPE_CHECKING
from uuid import uuid4

import polars as pl
from pyiceberg.conversions import from_bytes
from pyiceberg.io.pyarrow import parquet_file_to_data_file, schema_to_pyarrow
from pyiceberg.types import DateType

from r2k_pipeline.errors import StorageError
from r2k_pipeline.storage.scope import SESSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyiceberg.expressions import BooleanExpression
    from pyiceberg.io import FileIO
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

# A session of a US market has some 7,000 lines: reading one touches one or two groups.
_ROWS_PER_GROUP = 50_000
_EPOCH = date(1970, 1, 1)


def planned_files(table: Table, scope: BooleanExpression) -> list[DataFile]:
    """The files of the current snapshot that may hold rows of a scope.

    Args:
        table: As loaded; its snapshot is the one that is planned.
        scope: An Iceberg predicate.

    Raises:
        StorageError: Another writer left delete files. This package replaces
            whole files, so that a Parquet scan is the truth; with delete files
            it would not be.
    """
    tasks = list(table.scan(row_filter=scope).plan_files())
    if any(task.delete_files for task in tasks):
        raise StorageError(
            f"{'.'.join(table.name())} has delete files, which are neither written nor read here",
            state="nothing was read or written",
            remedy="rewrite the table copy-on-write with the engine that wrote them",
        )
    return [task.file for task in tasks]


def write_file(table: Table, frame: pl.DataFrame, *, folder: str) -> DataFile:
    """Write rows into one new Parquet file and describe it for a commit.

    The file is zstd with statistics and carries the table's field ids and
    nullability. Nobody sees it before a commit names it.

    Args:
        table: Whose file it will be.
        frame: Rows of one partition, in the table's columns and in key order.
        folder: Where under the table's data location, such as "2024-01".

    Raises:
        OSError: The warehouse cannot be written.
    """
    schema = table.schema()
    buffer = BytesIO()
    # A table that gained a column has it last, wherever the contract says it.
    frame.select(schema.column_names).write_parquet(
        buffer,
        compression="zstd",
        statistics=True,
        row_group_size=_ROWS_PER_GROUP,
        arrow_schema=schema_to_pyarrow(schema),
    )
    path = table.location_provider().new_data_location(f"{folder}/{uuid4()}.parquet")
    with table.io.new_output(path).create() as stream:
        stream.write(buffer.getvalue())
    try:
        return parquet_file_to_data_file(table.io, table.metadata, path)
    except BaseException:
        remove_files(table.io, [path])
        raise


def first_and_last_session(table: Table, file: DataFile) -> tuple[date, date]:
    """The first and last session in a file, by its statistics.

    Raises:
        StorageError: The file has no statistics for `session`.
    """
    field_id = table.schema().find_field(SESSION).field_id
    low = (file.lower_bounds or {}).get(field_id)
    high = (file.upper_bounds or {}).get(field_id)
    if low is None or high is None:
        raise StorageError(
            f"{file.file_path} has no statistics for {SESSION}",
            state="nothing was written",
            remedy="rewrite the table with the engine that wrote this file, with statistics on",
        )
    days = [_EPOCH + timedelta(days=int(from_bytes(DateType(), bound))) for bound in (low, high)]
    return days[0], days[1]


def scan_files(files: Iterable[DataFile], schema: pl.Schema) -> pl.LazyFrame:
    """A lazy scan over files, in the contract's columns.

    A column that a file is too old to have is null. No files give no rows.

    Args:
        files: In any order.
        schema: The contract's columns.
    """
    return scan_paths([file.file_path for file in files], schema)


def scan_paths(paths: Sequence[str], schema: pl.Schema) -> pl.LazyFrame:
    """As `scan_files`, of files by where they lie."""
    if not paths:
        return pl.LazyFrame(schema=schema)
    return pl.scan_parquet(
        list(paths), schema=schema, glob=False, missing_columns="insert", extra_columns="ignore"
    )


def remove_files(io: FileIO, paths: Sequence[str]) -> None:
    """Remove files that no commit names. One that is gone already is no error."""
    for path in paths:
        try:
            io.delete(path)
        except OSError:
            # It is unreferenced: it costs space, never rows.
            continue
