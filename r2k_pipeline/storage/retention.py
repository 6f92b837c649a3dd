"""How long what was superseded is kept: snapshots, small files, files that nobody names.

1. The small files of a month are folded into one. No row changes.
2. Snapshots that were superseded long ago are let go, unless a tag or branch names them.
3. Files that no remaining snapshot names are removed, unless they are so young that a writer
   may be about to name them.
4. Bytes of the archive that no row names are removed, if that is asked for: a level of the
   past may have been computed from them.

Published tables are never touched: their history is what was said. Holds when and in which
order; how is ``compaction``, ``expiry``, ``warehouse`` and ``archive``.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
from polars.exceptions import PolarsError

from r2k_pipeline.contracts.load import contract, tables
from r2k_pipeline.contracts.model import Partitioning, Storage
from r2k_pipeline.contracts.polars_shape import polars_schema
from r2k_pipeline.errors import BadInputError, StorageError
from r2k_pipeline.storage.compaction import scattered_months
from r2k_pipeline.storage.data_files import scan_paths
from r2k_pipeline.storage.expiry import named_files, superseded_snapshots
from r2k_pipeline.storage.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from pyiceberg.table import Table

    from r2k_pipeline.storage.archive import ArchivedFile
    from r2k_pipeline.storage.store import Store

    _Row = tuple[str, str, int, int | None]

_SOURCE_HASH = "source_hash"
_HASH_DIGITS = 16
_NOTE = {"r2k.run-id": "retention"}
_SCHEMA = pl.Schema({
    "place": pl.String(),
    "what": pl.String(),
    "items": pl.Int64(),
    "size_bytes": pl.Int64(),
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RetentionPolicy:
    """How long things are kept.

    Args:
        snapshots: How long a table can be read as it was before it was superseded.
        unnamed_files: How old a file must be before it counts as left behind. A writer
            names what it writes within minutes.
        received_bytes: How long bytes of the archive that no row names are kept; None for ever.

    Raises:
        BadInputError: A time is negative.

    Example:
        >>> RetentionPolicy().snapshots.days
        30
    """

    snapshots: timedelta = timedelta(days=30)
    unnamed_files: timedelta = timedelta(days=1)
    received_bytes: timedelta | None = None

    def __post_init__(self) -> None:
        """Refuse what would reach into the future."""
        times = (self.snapshots, self.unnamed_files, self.received_bytes or timedelta())
        if min(times) < timedelta():
            raise BadInputError(
                "a time for which things are kept is negative",
                state="nothing was removed",
                remedy="give zero days or more",
            )


def retain(
    store: Store, *, now: datetime, policy: RetentionPolicy, is_applied: bool
) -> pl.DataFrame:
    """Find what has had its time, and remove it if that is wanted.

    Doing it again removes nothing more. What fails half-way has removed only what may go.

    Args:
        store: Whose tables and archive.
        now: The moment from which ages count, tz-aware.
        policy: How long things are kept.
        is_applied: Whether to do it; False only tells.

    Returns:
        `place` (a table, or the archive), `what`, `items` and `size_bytes`, a row for each
        kind of thing that goes or went. Removing frees the bytes of files; folding and
        letting go of snapshots frees none by itself.

    Raises:
        StorageError: A table, the warehouse or the archive cannot be read or written, or a
            table names files that are not there.
    """
    care = _Care(store=store, now=now, policy=policy, is_applied=is_applied)
    rows: list[_Row] = []
    for table in tables():
        if contract(table).storage is Storage.LAKE:
            with _warehouse_errors(table):
                rows += care.of_table(table)
    rows += care.of_archive()
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


@dataclass(frozen=True, kw_only=True)
class _Care:
    """One maintenance: what it looks at, and whether it acts."""

    store: Store
    now: datetime
    policy: RetentionPolicy
    is_applied: bool

    def of_table(self, table: str) -> Iterator[_Row]:
        stored = self.store.lake.stored(table)
        if stored is None:
            return
        by_session = contract(table).partitioning is Partitioning.SESSION
        months = scattered_months(stored) if by_session else {}
        before = self.now - self.policy.snapshots
        superseded = superseded_snapshots(stored, before)
        if self.is_applied:
            if months:
                self.store.lake.compact(table, note=_NOTE)
            self.store.lake.expire(table, before=before)
        small = [file for files in months.values() for file in files]
        if small:
            yield table, "small files folded", len(small), sum(f.file_size_in_bytes for f in small)
        if superseded:
            yield table, "superseded snapshots let go", len(superseded), None
        yield from self._unnamed(stored, table, but=() if self.is_applied else superseded)

    def _unnamed(self, stored: Table, table: str, *, but: Sequence[int]) -> Iterator[_Row]:
        """Files that nothing names: listed first, so that what is named meanwhile counts."""
        warehouse = Warehouse(stored)
        listing = warehouse.listing()
        stored = self.store.lake.stored(table) or stored
        named = named_files(stored, but=but)
        warehouse.require(warehouse.paths(named.needed) - {file.path for file in listing})
        paths, until = warehouse.paths(named.all), self.now - self.policy.unnamed_files
        left = [f for f in listing if f.path not in paths and f.written_at < until]
        if self.is_applied:
            for file in left:
                warehouse.remove(file)
        if left:
            yield table, "files that no snapshot names", len(left), sum(f.size_bytes for f in left)

    def of_archive(self) -> Iterator[_Row]:
        files = list(self.store.archive.files())
        until = self.now - self.policy.unnamed_files
        unfinished = [f for f in files if f.sha256 is None and f.received_at < until]
        yield from self._removed("bytes half written", unfinished)
        if self.policy.received_bytes is None:
            return
        named, until = _named_hashes(self.store), self.now - self.policy.received_bytes
        unnamed = [
            file
            for file in files
            if file.sha256 is not None
            and file.sha256[:_HASH_DIGITS] not in named
            and file.received_at < until
        ]
        yield from self._removed("bytes that no row names", unnamed)

    def _removed(self, what: str, files: Sequence[ArchivedFile]) -> Iterator[_Row]:
        if self.is_applied:
            files = [file for file in files if self.store.archive.remove(file)]
        if files:
            yield "archive", what, len(files), sum(file.size_bytes for file in files)


def _named_hashes(store: Store) -> set[str]:
    """Every source hash in a row of any table, also in earlier versions of it."""
    found: set[str | None] = set()
    for table in tables():
        promised = contract(table)
        if _SOURCE_HASH not in promised.names:
            continue
        if promised.storage is Storage.PUBLISHED:
            read = store.published.read_history if promised.keeps_history else store.published.read
            found |= set(read(table)[_SOURCE_HASH])
        else:
            with _warehouse_errors(table):
                found |= set(_hashes_in_lake(store, table))
    held = store.published.read("quarantine", columns=["row_json"])["row_json"]
    found |= set(held.str.json_path_match(f"$.{_SOURCE_HASH}"))
    return {digits for digits in found if digits is not None}


def _hashes_in_lake(store: Store, table: str) -> pl.Series:
    stored = store.lake.stored(table)
    paths = () if stored is None else sorted(named_files(stored).data)
    rows = scan_paths(paths, polars_schema(contract(table)))
    return rows.select(pl.col(_SOURCE_HASH).unique()).collect()[_SOURCE_HASH]


@contextmanager
def _warehouse_errors(table: str) -> Iterator[None]:
    try:
        yield
    except (OSError, PolarsError) as error:
        raise StorageError(
            f"looking after {table} failed: {error}",
            state="what was removed was in no use; everything else is as it was",
            remedy="check that the warehouse can be reached and written, then run again",
        ) from error
