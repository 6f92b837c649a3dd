"""What may land of a batch: half a universe is refused, and what was odd is written down.

Holds the judgement that only landing can make, because it alone sees what a source offers
beside what landed before. Keep out how lines are compared (`quality.continuity`) and
what single rows must be (the contract, judged by `publication`).
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.errors import SourceShapeError
from r2k_pipeline.publication import SessionList, Whole, record_verdicts
from r2k_pipeline.quality.continuity import (
    WINDOW_SESSIONS,
    ExchangeCount,
    exchange_continuity,
    exchange_counts,
    rows_by_exchange,
)
from r2k_pipeline.quality.regularity import CHECK_NAME as REGULARITY
from r2k_pipeline.quality.regularity import regularity_outcome
from r2k_pipeline.quality.source_columns import CHECK_NAME as COLUMNS
from r2k_pipeline.quality.source_columns import lost_column_outcome, unknown_columns_outcome
from r2k_pipeline.rulebook.sessions import sessions_before
from r2k_pipeline.sources.feed import EvidenceKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from r2k_pipeline.quality.outcome import CheckOutcome
    from r2k_pipeline.sources.feed import Evidence, SourceBatch
    from r2k_pipeline.storage.store import Store

_TABLE = "raw_listings"
_NEAR_SESSIONS = 21


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A session that did not land, and why."""

    session: date
    sentence: str

    def __str__(self) -> str:
        """The sentence, which names the session."""
        return self.sentence


@dataclass(frozen=True, kw_only=True)
class GateVerdict:
    """What the gate says about the sessions of a batch that would be written.

    Attributes:
        counts: Their exchanges beside the sessions before.
    """

    counts: tuple[ExchangeCount, ...]

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """Sessions that must not land, ascending."""
        days = sorted({count.session for count in self.counts if count.is_refused})
        return tuple(Refusal(session=day, sentence=self.outcome([day]).sentence) for day in days)

    def outcome(self, sessions: Collection[date]) -> CheckOutcome:
        """The verdict on some of the sessions, as `publish` takes it."""
        return exchange_continuity(
            _TABLE, [count for count in self.counts if count.session in sessions]
        )


def judge(
    store: Store, batch: SourceBatch, changed: Collection[date], *, accept_short: bool
) -> GateVerdict:
    """Lay the sessions that would be written beside those before them.

    Args:
        store: Read: the sessions that landed before the batch.
        batch: What the source offers.
        changed: Sessions of the batch that would be written; the others stand already and
            are part of the past.
        accept_short: Refuse nothing, because somebody looked and said so.
    """
    standing = set(batch.plan.sessions) - set(changed)
    counts = exchange_counts(
        rows_by_exchange(batch.listings),
        earlier=_landed_before(store, batch.plan.first_session),
        accepted=batch.plan.sessions if accept_short else standing,
    )
    return GateVerdict(counts=tuple(count for count in counts if count.session in changed))


def counts_that_stand(store: Store, start: date, end: date) -> list[ExchangeCount]:
    """Lay what landed beside what landed before it; whatever stands is accepted.

    Args:
        store: Read: `raw_listings`.
        start: First session.
        end: Last session.
    """
    columns = ["session", "exchange"]
    counts = rows_by_exchange(store.lake.scan(_TABLE, start=start, end=end, columns=columns))
    return exchange_counts(
        counts, earlier=_landed_before(store, start), accepted=set(counts["session"])
    )


def _landed_before(store: Store, first: date) -> pl.DataFrame | None:
    """Rows by exchange of the last sessions that landed before a day; None if none did."""
    # A month answers but for the longest gap, and the whole history is long.
    near = sessions_before(first, _NEAR_SESSIONS)
    days = store.lake.sessions(_TABLE, near[0], near[-1]) if near else []
    days = days or [day for day in store.lake.sessions(_TABLE, None, first) if day < first]
    if not days:
        return None
    last = days[-WINDOW_SESSIONS:]
    columns = ["session", "exchange"]
    landed = store.lake.scan(_TABLE, start=last[0], end=last[-1], columns=columns)
    return rows_by_exchange(landed)


def record_refusals(
    store: Store, batch: SourceBatch, verdict: GateVerdict, *, run_id: str, known_at: datetime
) -> None:
    """Write down which sessions were refused, and the rows that they were judged by."""
    days = [refusal.session for refusal in verdict.refused]
    if days:
        record_verdicts(
            store,
            _TABLE,
            [verdict.outcome(days)],
            partitions=SessionList(tuple(days)),
            run_id=run_id,
            known_at=known_at,
            judged=batch.listings.filter(pl.col("session").is_in(days)),
        )


def record_evidence(
    store: Store,
    batch: SourceBatch,
    *,
    written: Collection[date],
    run_id: str,
    known_at: datetime,
) -> None:
    """Write down what the source told of each day.

    Of a session that was written, always; of another day, if it was not written down before:
    landing again offers the same weekend's copy again.
    """
    first = batch.plan.first_session
    of_columns = [n for n in batch.evidence if n.kind is EvidenceKind.UNKNOWN_COLUMN]
    others = [n for n in batch.evidence if n.kind is not EvidenceKind.UNKNOWN_COLUMN]
    outcomes = [
        judged(_TABLE, fresh)
        for judged, notes in (
            (regularity_outcome, others),
            (unknown_columns_outcome, of_columns),
        )
        if (fresh := _fresh(store, _by_day(notes, otherwise=first), written))
    ]
    if outcomes:
        days = sorted({day for outcome in outcomes for day in outcome.failed_by_partition})
        record_verdicts(
            store,
            _TABLE,
            outcomes,
            partitions=SessionList(tuple(date.fromisoformat(day) for day in days)),
            run_id=run_id,
            known_at=known_at,
            judged=empty_frame(contract(_TABLE)),
        )


@contextmanager
def lost_columns_recorded(store: Store, *, run_id: str, known_at: datetime) -> Iterator[None]:
    """Write down that a source cannot be read for a column; it raises all the same.

    Raises:
        SourceShapeError: As the source raised it.
    """
    try:
        yield
    except SourceShapeError as error:
        record_verdicts(
            store,
            _TABLE,
            [lost_column_outcome(_TABLE, error)],
            partitions=Whole(),
            run_id=run_id,
            known_at=known_at,
        )
        raise


def _fresh(
    store: Store, told: Mapping[date, Sequence[str]], written: Collection[date]
) -> dict[date, Sequence[str]]:
    """What was told of sessions that were written, or was not written down before."""
    known = _recorded(store) if set(told) - set(written) else set()
    return {
        day: said
        for day, said in told.items()
        if day in written or (str(day), "; ".join(said)) not in known
    }


def reasons(evidence: Iterable[Evidence], refused: Iterable[Refusal]) -> dict[date, str]:
    """Why a session did not land, as far as the source and the gate told."""
    told = {day: "; ".join(said) for day, said in _by_day(evidence, otherwise=None).items()}
    return told | {refusal.session: refusal.sentence for refusal in refused}


def _by_day(evidence: Iterable[Evidence], *, otherwise: date | None) -> dict[date, Sequence[str]]:
    """Sentences by day; those of no day belong to `otherwise`, or are left out."""
    told: defaultdict[date, list[str]] = defaultdict(list)
    for note in evidence:
        day = note.session or otherwise
        if day is not None:
            told[day].append(str(note))
    return dict(told)


def _recorded(store: Store) -> set[tuple[str, str]]:
    """Day and sentence of everything that was told before."""
    told: set[tuple[str, str]] = set()
    for check in (REGULARITY, COLUMNS):
        where = {"table_name": _TABLE, "check_name": check}
        rows = store.published.read("quality_results", where=where)
        told.update(rows.select("partition_key", "sentence").iter_rows())
    return told
