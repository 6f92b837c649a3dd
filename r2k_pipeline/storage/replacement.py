"""One replacement of rows in a lake table: plan, stage, promote.

A replacement is one snapshot that takes files out and puts files in:

1. Plan: the live files of the months in question, by metadata alone.
2. Stage: what stays of a partly replaced file, and the new rows, go into one
   new file a month. Nobody sees it yet.
3. Promote: one commit swaps the files, provided that the table still is as it
   was planned. If not, the caller loads the table and promotes again; a file
   is staged again only if its month changed in between.

A file outside the scope is left alone, unless its month has gathered so many
that the commit folds them into one. Trying again, and removing what was staged
in vain, is ``lake``.
"""

from __future__ import annotations

from calendar import monthrange
from typing import TYPE_CHECKING

import polars as pl
from pyiceberg.expressions import AlwaysTrue

from r2k_pipeline.contracts.polars_shape import polars_schema
from r2k_pipeline.storage.data_files import (
    first_and_last_session,
    planned_files,
    scan_files,
    write_file,
)
from r2k_pipeline.storage.scope import SESSION, within

if TYPE_CHECKING:
    from datetime import date

    from pyiceberg.expressions import BooleanExpression
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

    from r2k_pipeline.contracts.model import Contract
    from r2k_pipeline.storage.scope import Scope

# Daily appends add a file a session: a dozen months of eight still scan as one.
_FILES_A_MONTH = 8
_WHOLE = "whole"


class Replacement:
    """One replacement on its way: its rows, what it staged, and what was promoted.

    Args:
        promised: The table's contract.
        frame: The new rows, contract-shaped and inside the scope.
        scope: The sessions to replace; None replaces the table.
        note: Kept in the snapshot's summary.
    """

    def __init__(
        self, promised: Contract, frame: pl.DataFrame, *, scope: Scope | None, note: dict[str, str]
    ) -> None:
        self._schema = polars_schema(promised)
        self._key = promised.key
        self._scope = scope
        self._note = note
        self._rows = _by_month(frame) if scope is not None else {_WHOLE: frame}
        self._staged: dict[tuple[str, frozenset[str]], DataFile] = {}
        self._promoted: frozenset[str] = frozenset()

    @property
    def staged_paths(self) -> frozenset[str]:
        """Every file that was written so far, in whichever attempt."""
        return frozenset(file.file_path for file in self._staged.values())

    @property
    def promoted_paths(self) -> frozenset[str]:
        """The files of the commit that succeeded; empty before it did."""
        return self._promoted

    def promote(self, table: Table) -> None:
        """Plan against a table as loaded, stage what is not staged yet, and commit.

        Args:
            table: Freshly loaded.

        Raises:
            CommitFailedException: Another writer committed since it was loaded.
        """
        stale = self._stale_files(table)
        fresh = [
            staged
            for month in sorted(stale.keys() | self._rows.keys())
            if (staged := self._stage(table, month, stale.get(month, []))) is not None
        ]
        leaving = [file for files in stale.values() for file in files]
        if not leaving and not fresh:
            return
        with table.transaction() as transaction:
            update = transaction.update_snapshot(snapshot_properties=self._note)
            # An append also sheds the manifests that only tell what was taken out.
            with update.overwrite() if leaving else update.merge_append() as snapshot:
                for file in leaving:
                    snapshot.delete_data_file(file)
                for file in fresh:
                    snapshot.append_data_file(file)
        self._promoted = frozenset(file.file_path for file in fresh)

    def _reach(self) -> BooleanExpression:
        """The whole months that the scope touches."""
        if self._scope is None:
            return AlwaysTrue()
        end = self._scope.end
        last_day = end.replace(day=monthrange(end.year, end.month)[1])
        return within(self._scope.start.replace(day=1), last_day)

    def _stale_files(self, table: Table) -> dict[str, list[DataFile]]:
        """The files to take out, by month."""
        files = planned_files(table, self._reach())
        if self._scope is None:
            return {_WHOLE: files} if files else {}
        months: dict[str, list[tuple[DataFile, bool]]] = {}
        for file in files:
            first, last = first_and_last_session(table, file)
            candidate = file, self._scope.touches(first, last)
            months.setdefault(month_of(first), []).append(candidate)
        stale = {}
        for month, candidates in months.items():
            touched = [file for file, is_touched in candidates if is_touched]
            is_written = bool(touched) or month in self._rows
            is_folded = is_written and len(candidates) >= _FILES_A_MONTH
            stale[month] = [file for file, _ in candidates] if is_folded else touched
        return {month: files for month, files in stale.items() if files}

    def _stage(self, table: Table, month: str, stale: list[DataFile]) -> DataFile | None:
        """The one new file of a month, written now or by an earlier attempt."""
        identity = (month, frozenset(file.file_path for file in stale))
        if identity not in self._staged:
            staying = self._staying_rows(table, stale)
            frames = [staying, self._rows[month]] if month in self._rows else [staying]
            frame = pl.concat(frames)
            if frame.is_empty():
                return None
            ordered = in_order(frame, self._key)
            self._staged[identity] = write_file(table, ordered, folder=month)
        return self._staged[identity]

    def _staying_rows(self, table: Table, stale: list[DataFile]) -> pl.DataFrame:
        scope = self._scope
        if scope is None:
            return pl.DataFrame(schema=self._schema)
        partly = [file for file in stale if not scope.covers(*first_and_last_session(table, file))]
        return scan_files(partly, self._schema).filter(~scope.rows()).collect()


def month_of(session: date) -> str:
    """The folder of a session's month.

    Example:
        >>> from datetime import date
        >>> month_of(date(2024, 1, 2))
        '2024-01'
    """
    return f"{session:%Y-%m}"


def _by_month(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Cut a frame into months; without copying it if it is in order of session."""
    ordered = frame if frame[SESSION].is_sorted() else frame.sort(SESSION)
    runs = ordered.select(pl.col(SESSION).dt.truncate("1mo").rle().struct.unnest())
    months, offset = {}, 0
    for length, month in runs.iter_rows():
        months[month_of(month)] = ordered.slice(offset, length)
        offset += length
    return months


def in_order(frame: pl.DataFrame, key: tuple[str, ...]) -> pl.DataFrame:
    """The rows in order of their key; as they are if they are in order already.

    Telling that rows are in order costs a twentieth of ordering them.

    Args:
        frame: Any rows; a missing value comes first.
        key: The columns that order them, the first one first.

    Example:
        >>> in_order(pl.DataFrame({"a": [2, 1, 1], "b": ["x", "z", "y"]}), ("a", "b")).rows()
        [(1, 'y'), (1, 'z'), (2, 'x')]
    """
    is_ordered = frame.select(pl.struct(key)).to_series().is_sorted()
    return frame if is_ordered else frame.sort(key)
