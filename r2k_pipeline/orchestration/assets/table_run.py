"""One run of one table: what an asset's body is given, and what it hands back.

Holds reading a range, publishing it, and the numbers a human asks for. Bodies see this
and never Dagster's context. How it becomes an asset is ``declaration``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.model import Storage
from r2k_pipeline.publication import EventKeys, SessionRange, Whole, publish, record_verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from r2k_pipeline.orchestration.partitions import SessionSpan
    from r2k_pipeline.publication import Publication
    from r2k_pipeline.quality.outcome import CheckOutcome
    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.storage.store import Store

_PREVIEW_ROWS = 5
# The name by which Dagster shows a partition's rows beside its materialization.
_ROW_COUNT = "dagster/partition_row_count"


@dataclass(kw_only=True)
class TableRun:
    """A table while one run materializes it.

    Args:
        table: Its name.
        store: Where it and its inputs lie.
        run_id: Recorded with every check and row of provenance.
    """

    table: str
    store: Store
    run_id: str
    publications: list[Publication] = field(default_factory=list)
    outcomes: list[CheckOutcome] = field(default_factory=list)
    facts: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: dict[str, str | int | float] = field(default_factory=dict)
    preview: pl.DataFrame | None = None
    _inputs: list[str] = field(default_factory=list)

    def read(
        self,
        table: str,
        *,
        start: date | None = None,
        end: date | None = None,
        columns: Sequence[str] | None = None,
        rows: pl.Expr | None = None,
    ) -> pl.DataFrame:
        """Read a range of sessions of an input, or all of it; it enters the input hash.

        Of a table in the lake `rows` keeps some, before they are in memory.
        """
        if contract(table).storage is Storage.LAKE:
            scanned = self.store.lake.scan(table, start=start, end=end, columns=columns)
            frame = (scanned if rows is None else scanned.filter(rows)).collect()
        else:
            frame = self.store.published.read(table, start=start, end=end, columns=columns)
        self._inputs.append(fingerprint(table, frame))
        return frame

    def read_event(self, table: str, event: Event) -> pl.DataFrame:
        """Read one event of an input; it enters the input hash."""
        frame = self.store.published.read(table, event_id=event.event_id)
        self._inputs.append(fingerprint(table, frame))
        return frame

    def publish_sessions(self, frame: pl.DataFrame, span: SessionSpan) -> None:
        """Hand over the rows of a span of sessions: checks, then one commit."""
        self._publish(frame, SessionRange(start=span.start, end=span.end))
        self.state("session", frame.group_by("session").agg(pl.len().alias(_ROW_COUNT)))

    def publish_events(self, frame: pl.DataFrame, event_ids: Sequence[str]) -> None:
        """Hand over the rows of some events: checks, then one commit."""
        self._publish(frame, EventKeys(tuple(event_ids)))

    def publish_whole(self, frame: pl.DataFrame) -> None:
        """Hand over the whole table: checks, then one commit."""
        self._publish(frame, Whole())

    def record(
        self, outcome: CheckOutcome, event: Event, *, judged: pl.DataFrame | None = None
    ) -> None:
        """Write down a verdict on an event, whether or not it is published then.

        Args:
            outcome: The verdict.
            event: The event.
            judged: The rows that it is about; None if there are none.
        """
        self.outcomes.append(outcome)
        record_verdicts(
            self.store,
            self.table,
            [outcome],
            partitions=EventKeys((event.event_id,)),
            run_id=self.run_id,
            known_at=datetime.now(UTC),
            judged=judged,
        )

    def _publish(self, frame: pl.DataFrame, partitions: SessionRange | EventKeys | Whole) -> None:
        publication = publish(
            self.store,
            self.table,
            frame,
            partitions=partitions,
            run_id=self.run_id,
            known_at=datetime.now(UTC),
            input_hash=self.input_hash,
        )
        self.publications.append(publication)
        self.outcomes.extend(publication.outcomes)
        self.show(frame)

    def show(self, frame: pl.DataFrame) -> None:
        """Choose the rows that stand for the run: the first few of these."""
        self.preview = frame.head(_PREVIEW_ROWS)

    @property
    def input_hash(self) -> str | None:
        """One hash over everything read so far; None if nothing was."""
        if not self._inputs:
            return None
        return hashlib.sha256("\n".join(self._inputs).encode()).hexdigest()[:16]

    def state(self, partition_column: str, facts: pl.DataFrame) -> None:
        """Note numbers of each partition, which Dagster plots over partitions.

        Args:
            partition_column: The column that names the partition: a session or an
                event's effective session.
            facts: One row a partition; every other column is a number.
        """
        for row in facts.iter_rows(named=True):
            key = str(row.pop(partition_column))
            known = {name: value for name, value in row.items() if value is not None}
            self.facts.setdefault(key, {}).update(known)

    def note(self, notes: Mapping[str, str | int | float]) -> None:
        """Note something about the run as a whole."""
        self.notes.update(notes)


def fingerprint(table: str, frame: pl.DataFrame) -> str:
    """Name a table, its rows and a hash of them that does not depend on their order.

    Example:
        >>> one, other = pl.DataFrame({"rank": [1, 2]}), pl.DataFrame({"rank": [2, 1]})
        >>> fingerprint("ranking", one) == fingerprint("ranking", other)
        True
    """
    # The sum of unsigned integers wraps round, which is what is wanted of it.
    digest = frame.hash_rows(seed=0).sum() if frame.width else 0
    return f"{table} {frame.height} {digest:016x}"
