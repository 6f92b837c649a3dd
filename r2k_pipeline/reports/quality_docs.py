"""Data Docs of what stands: each table's rows of a range, judged again by its contract.

Reads the rows and what stands beside them; how pages are made is `quality.data_docs`. What
was judged when the rows were published stands in `quality_results`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.contracts.load import contract, tables
from r2k_pipeline.contracts.model import Partitioning, Storage
from r2k_pipeline.errors import BadInputError
from r2k_pipeline.publication import EventKeys, SessionRange, Whole
from r2k_pipeline.publication.beside import read_beside
from r2k_pipeline.quality.data_docs import DocumentedTable, write_data_docs
from r2k_pipeline.rulebook.schedule import all_events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    import polars as pl

    from r2k_pipeline.contracts.model import Contract
    from r2k_pipeline.publication import Partitions
    from r2k_pipeline.storage.store import Store

_FOLDER = "data_docs"


def write_quality_docs(
    store: Store,
    *,
    names: Sequence[str] = (),
    start: date | None = None,
    end: date | None = None,
    folder: Path | None = None,
) -> Path:
    """Write the Data Docs of some tables and a range of sessions.

    Args:
        store: Where the tables stand.
        names: Which tables; all of them if none is named.
        start: First session; without it the last session that stands. Tables by event show
            the events that became effective in the range.
        end: Last session; without it the last one that stands.
        folder: Where to; `reports/data_docs` of the home if not told.

    Returns:
        The page that lists the others.

    Raises:
        BadInputError: A table is unknown, or none of them has rows in the range.
        StorageError: A table cannot be read.
    """
    last = end or _last_session(store)
    first = start or last
    documented = [
        DocumentedTable(
            promised=promised,
            frame=frame,
            surroundings=read_beside(store, promised, frame, partitions),
            partitions=str(partitions),
        )
        for promised in (contract(name) for name in names or tables())
        if (partitions := _partitions(promised, first, last)) is not None
        and not (frame := _rows(store, promised, partitions)).is_empty()
    ]
    if not documented:
        raise BadInputError(
            f"no table has rows in {first}..{last}",
            state="nothing was written",
            remedy="name another range with --from and --to, or build this one first",
        )
    return write_data_docs(documented, folder or store.settings.home / "reports" / _FOLDER)


def _last_session(store: Store) -> date:
    row = store.published.last("levels", by="session")
    if row is None:
        raise BadInputError(
            "no level was published yet",
            state="nothing was written",
            remedy="name a range with --from and --to, or run `r2k build` first",
        )
    last: date = row["session"]
    return last


def _partitions(promised: Contract, first: date, last: date) -> Partitions | None:
    """The table's partitions in a range of sessions; None if it has none there."""
    match promised.partitioning:
        case Partitioning.SESSION:
            return SessionRange(start=first, end=last)
        case Partitioning.EVENT:
            known = [e.event_id for e in all_events() if first <= e.effective_session <= last]
            return EventKeys(tuple(known)) if known else None
        case Partitioning.NONE:
            return Whole()


def _rows(store: Store, promised: Contract, partitions: Partitions) -> pl.DataFrame:
    span = partitions if isinstance(partitions, SessionRange) else None
    start, end = (span.start, span.end) if span else (None, None)
    if promised.storage is Storage.LAKE:
        return store.lake.scan(promised.table, start=start, end=end).collect()
    rows = store.published.read(promised.table, start=start, end=end)
    return rows.filter(partitions.rows()) if rows.height else rows
