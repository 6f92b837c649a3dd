"""Folding the small files of a lake table: a month that gathered several gets one.

Every row stays, and every snapshot before reads as it did. It is promoted like any other
replacement; when it is time for it is ``retention``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.expressions import AlwaysTrue

from r2k_pipeline.contracts.polars_shape import empty_frame, polars_schema
from r2k_pipeline.storage.data_files import first_and_last_session, planned_files, scan_files
from r2k_pipeline.storage.replacement import Replacement, month_of

if TYPE_CHECKING:
    import polars as pl
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

    from r2k_pipeline.contracts.model import Contract


def scattered_months(table: Table) -> dict[str, list[DataFile]]:
    """The files of the current snapshot by month, of months that have more than one.

    Args:
        table: One that is partitioned by session.

    Raises:
        StorageError: A file has no statistics, or another writer left delete files.
    """
    months: dict[str, list[DataFile]] = {}
    for file in planned_files(table, AlwaysTrue()):
        first, _ = first_and_last_session(table, file)
        months.setdefault(month_of(first), []).append(file)
    return {month: files for month, files in months.items() if len(files) > 1}


class Compaction(Replacement):
    """A replacement of files by which no row changes.

    Args:
        promised: The contract of a table that is partitioned by session.
        note: Kept in the snapshot's summary.
    """

    def __init__(self, promised: Contract, *, note: dict[str, str]) -> None:
        super().__init__(promised, empty_frame(promised), scope=None, note=note)
        self._rows = {}
        self._columns = polars_schema(promised)

    def _stale_files(self, table: Table) -> dict[str, list[DataFile]]:
        return scattered_months(table)

    def _staying_rows(self, table: Table, stale: list[DataFile]) -> pl.DataFrame:  # noqa: ARG002
        return scan_files(stale, self._columns).collect()
