"""The steps of a publication, and what came of it.

1. Shape: the frame has the contract's columns and types, and no row outside the
   partitions that it claims to be.
2. Checks: every rule of the contract, on the rows and on what stands beside them
   (``beside``), and outcomes that only the caller can find.
3. Quarantine: rows that a rule lets go are taken out and written down.
4. Promote: one commit replaces the partitions.
5. Account: `quality_results`, `quarantine` and `provenance`, a row a partition.

A failure in 1 or 2 is accounted for and leaves the table as it was. No other
module writes a contract's table. How rules are judged is ``quality``, how rows
are kept ``storage``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.model import Partitioning, Severity, Storage
from r2k_pipeline.contracts.polars_shape import empty_frame, require_shape
from r2k_pipeline.errors import ContractShapeError, ContractViolationError, StorageError
from r2k_pipeline.publication.accounts import (
    Occasion,
    belonging,
    provenance_rows,
    quality_rows,
    quarantine_rows,
    shape_outcome,
)
from r2k_pipeline.publication.beside import read_beside
from r2k_pipeline.publication.held_rows import decided_rows
from r2k_pipeline.publication.partitions import EventKeys, SessionList, SessionRange, Whole
from r2k_pipeline.quality.beyond_rows import check_beyond_rows
from r2k_pipeline.quality.expectations import check_frame
from r2k_pipeline.quality.quarantine import split_quarantined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from r2k_pipeline.contracts.model import Contract
    from r2k_pipeline.publication.partitions import Partitions
    from r2k_pipeline.quality.outcome import CheckOutcome
    from r2k_pipeline.storage.history import PublishedWriter
    from r2k_pipeline.storage.store import Store


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What happened to some partitions of a table.

    Attributes:
        table: Which table.
        partitions: The partitions' keys, also those that got no row.
        rows: Rows that the partitions hold now.
        changed_rows: Rows superseded or added; None in the lake, where
            partitions are replaced as a whole.
        quarantined_rows: Rows that were held back.
        outcomes: What every check said.
        run_id: Whose work it was.
        known_at: From when on it counts.
    """

    table: str
    partitions: tuple[str, ...]
    rows: int
    changed_rows: int | None
    quarantined_rows: int
    outcomes: tuple[CheckOutcome, ...]
    run_id: str
    known_at: datetime

    @property
    def warnings(self) -> tuple[CheckOutcome, ...]:
        """The checks that failed without stopping the publication."""
        return tuple(outcome for outcome in self.outcomes if not outcome.is_passed)

    @property
    def sentence(self) -> str:
        """What a log or a person wants to read.

        Example:
            >>> from datetime import UTC, datetime
            >>> Publication(table="ranking", partitions=("2022-06-24",), rows=4012,
            ...             changed_rows=None, quarantined_rows=2, outcomes=(), run_id="r",
            ...             known_at=datetime(2022, 6, 24, tzinfo=UTC)).sentence
            'ranking: 4,012 rows in 1 partition(s), 2 quarantined, 0 of 0 checks warn'
        """
        return (
            f"{self.table}: {self.rows:,} rows in {len(self.partitions)} partition(s), "
            f"{self.quarantined_rows:,} quarantined, "
            f"{len(self.warnings)} of {len(self.outcomes)} checks warn"
        )


@dataclass(frozen=True, kw_only=True)
class LastPublication:
    """The newest partition of a table, and which run wrote it when."""

    table: str
    partition: str
    rows: int
    run_id: str
    written_at: datetime


def publish(
    store: Store,
    table: str,
    frame: pl.DataFrame,
    *,
    partitions: Partitions,
    run_id: str,
    known_at: datetime,
    input_hash: str | None = None,
    extra_outcomes: Sequence[CheckOutcome] = (),
) -> Publication:
    """Replace partitions of a table, if everything that is promised about them holds.

    Args:
        store: Where the table is kept.
        table: Name of its contract.
        frame: All rows that the partitions will have, contract-shaped, any
            order. A partition without rows is empty afterwards.
        partitions: Which partitions the frame is.
        run_id: The run that does it, as it shall appear in the accounts.
        known_at: The moment from which on it counts as published, tz-aware.
        input_hash: Hash of the input it was built from, in hex, if it has one.
        extra_outcomes: Verdicts that only the caller can give, because it saw more
            than the rows; they pass the same gate.

    Returns:
        What happened.

    Raises:
        ContractShapeError: Columns or types differ. The table is untouched.
        ContractViolationError: A check of severity `error` failed, or a row lies
            outside the partitions. The table is untouched.
        CheckExecutionError: A check could not be evaluated. The table is
            untouched, and nothing is said about the rows.
        StorageError: The commit failed. The table is as it was.

    Notes:
        Published tables are promoted and accounted for in one transaction. A
        lake table is promoted first and accounted for at once after it: a run
        that dies in between has no account, and publishing again is harmless.
    """
    promised = contract(table)
    _require_kind(promised, partitions)
    occasion = Occasion(
        promised=promised,
        partitions=partitions,
        run_id=run_id,
        known_at=known_at,
        input_hash=input_hash,
    )
    shaped = _require_shape(store, occasion, frame)
    outcomes = (
        shape_outcome(occasion, shaped.height),
        belonging(occasion, shaped),
        *check_frame(promised, shaped),
        *check_beyond_rows(promised, shaped, read_beside(store, promised, shaped, partitions)),
        *extra_outcomes,
    )
    verdicts = quality_rows(occasion, shaped, outcomes)
    _require_no_failure(store, occasion, outcomes, verdicts)
    return _promote_rows(store, occasion, shaped, outcomes, verdicts)


def record_verdicts(
    store: Store,
    table: str,
    outcomes: Sequence[CheckOutcome],
    *,
    partitions: Partitions,
    run_id: str,
    known_at: datetime,
    judged: pl.DataFrame | None = None,
) -> None:
    """Write down verdicts on partitions that are not published: refused, missing, left out.

    Args:
        store: Where the accounts are kept.
        table: Name of the contract that the verdicts are about.
        outcomes: What was found.
        partitions: Which partitions were judged; the table's rows of them stay as they are.
        run_id: The run that judged.
        known_at: When, tz-aware.
        judged: The rows that were looked at, contract-shaped; None if there are none.

    Raises:
        StorageError: The record cannot be written.
    """
    promised = contract(table)
    occasion = Occasion(
        promised=promised,
        partitions=partitions,
        run_id=run_id,
        known_at=known_at,
        input_hash=None,
    )
    rows = empty_frame(promised) if judged is None else judged
    store.published.append("quality_results", quality_rows(occasion, rows, outcomes))


def last_published(store: Store, table: str) -> LastPublication | None:
    """The newest partition that a table has, and who wrote it when.

    Args:
        store: Where the table is kept.
        table: Name of its contract.

    Returns:
        The partition with the greatest key, as it was last written; None if
        nothing was ever published.

    Raises:
        StorageError: The database cannot be read.
    """
    newest = store.published.last("provenance", by="partition_key", where={"table_name": table})
    if newest is None:
        return None
    return LastPublication(
        table=table,
        partition=newest["partition_key"],
        rows=newest["rows"],
        run_id=newest["run_id"],
        written_at=newest["written_at"],
    )


def _require_shape(store: Store, occasion: Occasion, frame: pl.DataFrame) -> pl.DataFrame:
    try:
        return require_shape(occasion.promised, frame)
    except ContractShapeError as error:
        outcome = shape_outcome(occasion, frame.height, fault=error.culprit)
        verdicts = quality_rows(occasion, empty_frame(occasion.promised), [outcome])
        store.published.append("quality_results", verdicts)
        raise


def _require_no_failure(
    store: Store, occasion: Occasion, outcomes: Sequence[CheckOutcome], verdicts: pl.DataFrame
) -> None:
    blocking = [o for o in outcomes if not o.is_passed and o.severity is Severity.ERROR]
    if blocking:
        store.published.append("quality_results", verdicts)
        failures = [f"{outcome.check_name}: {outcome.sentence}" for outcome in blocking]
        raise ContractViolationError(occasion.promised.table, str(occasion.partitions), failures)


def _require_kind(promised: Contract, partitions: Partitions) -> None:
    kinds: dict[Partitioning, tuple[type, ...]] = {
        Partitioning.SESSION: (SessionRange, SessionList),
        Partitioning.EVENT: (EventKeys,),
        Partitioning.NONE: (Whole,),
    }
    is_log = promised.storage is Storage.PUBLISHED and not promised.keeps_history
    if is_log or not isinstance(partitions, kinds[promised.partitioning]):
        raise StorageError(
            f"{promised.table} is partitioned by {promised.partitioning} "
            f"and cannot be published as {type(partitions).__name__}",
            state=f"{promised.table} was not touched; its last good partitions stand",
            remedy="name partitions of its kind; logs are appended to, not published",
        )


def _promote_rows(
    store: Store,
    occasion: Occasion,
    frame: pl.DataFrame,
    outcomes: tuple[CheckOutcome, ...],
    verdicts: pl.DataFrame,
) -> Publication:
    """Hold back what a rule lets go, promote the rest, and account for both."""
    decided = decided_rows(store) if any(o.failed_positions for o in outcomes) else {}
    kept, held = split_quarantined(occasion.promised, frame, outcomes, decided)
    accounts = {
        "quality_results": verdicts,
        "quarantine": quarantine_rows(occasion, held),
        "provenance": provenance_rows(occasion, kept),
    }
    return Publication(
        table=occasion.promised.table,
        partitions=occasion.partitions.keys(),
        rows=kept.height,
        changed_rows=_promote(store, occasion, kept, accounts),
        quarantined_rows=frame.height - kept.height,
        outcomes=outcomes,
        run_id=occasion.run_id,
        known_at=occasion.known_at,
    )


def _promote(
    store: Store, occasion: Occasion, frame: pl.DataFrame, accounts: Mapping[str, pl.DataFrame]
) -> int | None:
    """Commit the rows and the accounts; how many rows changed, where history tells."""
    if occasion.promised.storage is Storage.LAKE:
        _promote_in_lake(store, occasion, frame)
        store.published.write(lambda writer: _append_all(writer, accounts))
        return None

    def promote_and_account(writer: PublishedWriter) -> int:
        changed = _replace_published(writer, occasion, frame)
        _append_all(writer, accounts)
        return changed

    return store.published.write(promote_and_account)


def _promote_in_lake(store: Store, occasion: Occasion, frame: pl.DataFrame) -> None:
    table, note = occasion.promised.table, {"r2k.run-id": occasion.run_id}
    match occasion.partitions:
        case SessionRange(start=start, end=end):
            store.lake.replace(table, frame, start=start, end=end, note=note)
        case SessionList(sessions):
            store.lake.replace_sessions(table, frame, sessions, note=note)
        case _:
            store.lake.replace_all(table, frame, note=note)


def _replace_published(writer: PublishedWriter, occasion: Occasion, frame: pl.DataFrame) -> int:
    table, known_at = occasion.promised.table, occasion.known_at
    match occasion.partitions:
        case SessionRange(start=start, end=end):
            return writer.replace(table, frame, known_at=known_at, start=start, end=end)
        case EventKeys(event_ids):
            return writer.replace(table, frame, known_at=known_at, event_ids=event_ids)
        case SessionList(sessions):
            return sum(
                writer.replace(
                    table,
                    frame.filter(pl.col("session") == session),
                    known_at=known_at,
                    start=session,
                    end=session,
                )
                for session in sessions
            )
        case _:
            return 0


def _append_all(writer: PublishedWriter, accounts: Mapping[str, pl.DataFrame]) -> None:
    for table, rows in accounts.items():
        writer.append(table, rows)
