"""What a contract demands of a table in the lake, before it is read or written.

Holds the refusals: a table kept elsewhere, a range where there are no sessions, rows outside
their range, a stored table that differs from its contract. How rows are read and replaced is
``lake``.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from r2k_pipeline.contracts.iceberg_schema import iceberg_schema
from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.model import Partitioning, Storage
from r2k_pipeline.errors import StorageError, listed
from r2k_pipeline.storage.scope import SESSION, Scope

if TYPE_CHECKING:
    import polars as pl
    from pyiceberg.table import Table

    from r2k_pipeline.contracts.model import Contract

# An open end of a range; not `date.max`, whose next month Iceberg could not name.
_FIRST_DAY, _LAST_DAY = date(1800, 1, 1), date(2999, 12, 31)


def keep_up(table: Table, promised: Contract) -> None:
    """Give a table the columns that its contract gained; refuse any other difference."""
    kept = {field.name: field.field_type for field in table.schema().fields}
    wanted = {field.name: field.field_type for field in iceberg_schema(promised).fields}
    if kept == wanted:
        return
    gained = [name for name in wanted if name not in kept]
    differing = [name for name in kept if kept[name] != wanted.get(name)]
    differing += [name for name in gained if not promised.column(name).nullable]
    if differing:
        raise StorageError(
            f"the stored {promised.table} differs from its contract in {listed(differing)}",
            state=f"{promised.table} was not touched; its last good partitions stand",
            remedy="only columns that may be empty can be added to a table; "
            "rebuild it in a new R2K_HOME",
        )
    with table.update_schema() as update:
        update.union_by_name(iceberg_schema(promised))


def lake_contract(table: str) -> Contract:
    """The contract of a table, provided that it is kept in the lake.

    Raises:
        StorageError: It is kept elsewhere.

    Example:
        >>> lake_contract("levels")
        Traceback (most recent call last):
        ...
        r2k_pipeline.errors.StorageError: levels is kept in the published tables, not in the lake
        state: nothing was read or written
        remedy: read and write it through store.published
    """
    promised = contract(table)
    if promised.storage is not Storage.LAKE:
        raise StorageError(
            f"{table} is kept in the {promised.storage} tables, not in the lake",
            state="nothing was read or written",
            remedy="read and write it through store.published",
        )
    return promised


def session_contract(table: str) -> Contract:
    """The contract of a table, provided that it lies in the lake by session.

    Raises:
        StorageError: It does not.

    Example:
        >>> session_contract("ranking").table
        'ranking'
    """
    promised = lake_contract(table)
    if promised.partitioning is not Partitioning.SESSION:
        raise StorageError(
            f"{table} is not partitioned by session",
            state="nothing was read or written",
            remedy="read it without a range, and replace it as a whole",
        )
    return promised


def session_scope(promised: Contract, start: date | None, end: date | None) -> Scope | None:
    """The sessions from `start` to `end`, either open; None if both are.

    Raises:
        StorageError: The table has no sessions, or the range ends before it starts.

    Example:
        >>> print(session_scope(lake_contract("ranking"), date(2024, 1, 2), None))
        2024-01-02..2999-12-31
    """
    if start is None and end is None:
        return None
    session_contract(promised.table)
    return Scope(start=start or _FIRST_DAY, end=end or _LAST_DAY)


def require_inside(promised: Contract, frame: pl.DataFrame, scope: Scope | None) -> None:
    """Refuse rows outside the sessions that they are to replace.

    Raises:
        StorageError: There are some.
    """
    if scope is None:
        return
    strays = frame.filter(~scope.rows())
    if strays.height:
        raise StorageError(
            f"{strays.height} row(s) for {promised.table} lie outside {scope}: "
            f"{listed(strays[SESSION].unique().sort().to_list(), 5)}",
            state=f"{promised.table} was not touched; its last good partitions stand",
            remedy="name the range that the frame covers",
        )
