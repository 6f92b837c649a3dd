"""From a source into `raw_listings` and `reported_actions`: archive, judge, then publish.

Holds what `r2k ingest` and the raw assets have in common, and needs no Dagster. Landing
again changes nothing: a session whose rows stand already is left alone. Keep out how a
feed is read (`sources`), what half a universe is (`landing_gate`) and what single rows
must be (`publication`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.orchestration.landing_gate import (
    judge,
    lost_columns_recorded,
    record_evidence,
    record_refusals,
)
from r2k_pipeline.orchestration.progress import Progress, silent
from r2k_pipeline.publication import SessionList, SessionRange, publish
from r2k_pipeline.publication.held_rows import kept_out
from r2k_pipeline.rulebook.sessions import sessions_between

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from r2k_pipeline.orchestration.landing_gate import GateVerdict, Refusal
    from r2k_pipeline.sources.feed import Evidence, Source, SourceBatch
    from r2k_pipeline.storage.store import Store

RAW_TABLES = ("raw_listings", "reported_actions")


@dataclass(frozen=True, kw_only=True)
class LandingReport:
    """What landing did.

    Attributes:
        source: Name of the source.
        landed: Sessions whose rows were written, ascending.
        unchanged: Sessions that stood already with the same rows, ascending.
        refused: Sessions that lack an exchange or much of one, ascending. What stood of
            them before stands; one of which nothing stood counts as missing.
        rows: Rows of `raw_listings` written.
        archived_files: Files received; the archive keeps equal bytes once.
        evidence: What the source left out or moved, and why.
    """

    source: str
    landed: tuple[date, ...]
    unchanged: tuple[date, ...]
    refused: tuple[Refusal, ...]
    rows: int
    archived_files: int
    evidence: tuple[Evidence, ...]


def land(
    store: Store,
    source: Source,
    start: date | None,
    end: date | None,
    *,
    run_id: str,
    known_at: datetime,
    accept_short: bool = False,
    progress: Progress = silent,
) -> LandingReport:
    """Archive and publish what a source has for a range of sessions.

    Each batch is promoted on its own, so an interrupted landing keeps what it has, and
    the next one goes on from there.

    Args:
        store: Where to.
        source: Where from; open.
        start: First session, or None for the source's first.
        end: Last session, or None for the source's last.
        run_id: Recorded with every check.
        known_at: When this was received (UTC).
        accept_short: Land also sessions that lack an exchange or much of one.
        progress: Told after each batch.

    Raises:
        NothingInRangeError: The source has nothing in the range.
        SourceShapeError: A column that is read is gone or holds something else; nothing of
            the batch was landed, and that is recorded.
        SourceError: The source cannot be read; nothing of it was landed.
        ContractViolationError: A batch breaks its contract; earlier batches stand.
    """
    reports = []
    with lost_columns_recorded(store, run_id=run_id, known_at=known_at):
        plans = source.plan(start=start, end=end)
        for done, plan in enumerate(plans):
            told = f"{source.name} {plan.first_session} to {plan.last_session}"
            progress(done, len(plans), told)
            offer = _Offer(store=store, batch=source.read(plan), run_id=run_id, known_at=known_at)
            reports.append(_land_batch(offer, source.name, accept_short=accept_short))
    progress(len(plans), len(plans), source.name)
    return reduce(_joined, reports)


def _joined(one: LandingReport, other: LandingReport) -> LandingReport:
    return LandingReport(
        source=one.source,
        landed=tuple(sorted({*one.landed, *other.landed})),
        unchanged=tuple(sorted({*one.unchanged, *other.unchanged})),
        refused=(*one.refused, *other.refused),
        rows=one.rows + other.rows,
        archived_files=one.archived_files + other.archived_files,
        evidence=(*one.evidence, *other.evidence),
    )


@dataclass(frozen=True, kw_only=True)
class _Offer:
    """A batch on its way into the store, and whose work that is."""

    store: Store
    batch: SourceBatch
    run_id: str
    known_at: datetime

    @property
    def frames(self) -> dict[str, pl.DataFrame]:
        """The rows that are offered, by table."""
        return {
            "raw_listings": self.batch.listings,
            "reported_actions": self.batch.reported_actions,
        }


def _land_batch(offer: _Offer, source: str, *, accept_short: bool) -> LandingReport:
    store, batch = offer.store, offer.batch
    run_id, known_at = offer.run_id, offer.known_at
    for file in batch.raw:
        if file.path is not None:
            store.archive.keep_file(file.path)
        elif file.data is not None:
            store.archive.keep(file.data, name=file.name)
    changed = {
        table: _changed_sessions(store, table, frame, batch.plan.sessions)
        for table, frame in offer.frames.items()
    }
    verdict = judge(store, batch, changed["raw_listings"], accept_short=accept_short)
    refused = {refusal.session for refusal in verdict.refused}
    record_refusals(store, batch, verdict, run_id=run_id, known_at=known_at)
    landed = set()
    for table, days in changed.items():
        kept = [day for day in days if day not in refused]
        _publish(offer, table, kept, verdict)
        landed.update(kept)
    record_evidence(store, batch, written=landed, run_id=run_id, known_at=known_at)
    written = [day for day in changed["raw_listings"] if day not in refused]
    return LandingReport(
        source=source,
        landed=tuple(sorted(landed)),
        unchanged=tuple(day for day in batch.plan.sessions if day not in landed | refused),
        refused=verdict.refused,
        rows=batch.listings.filter(pl.col("session").is_in(written)).height,
        archived_files=len(batch.raw),
        evidence=batch.evidence,
    )


def _publish(offer: _Offer, table: str, sessions: Sequence[date], verdict: GateVerdict) -> None:
    """Hand over some sessions of one table."""
    for partitions in _partitions(sessions):
        publish(
            offer.store,
            table,
            offer.frames[table].filter(partitions.rows()),
            partitions=partitions,
            run_id=offer.run_id,
            known_at=offer.known_at,
            extra_outcomes=[verdict.outcome(sessions)] if table == "raw_listings" else (),
        )


def _fingerprints(frame: pl.DataFrame | pl.LazyFrame) -> dict[date, tuple[int, int]]:
    """Rows of each session and the sum of their hashes: equal for equal rows in any order.

    Which file they came from is no part of it: an archive that grew by an evening tells the
    same of the evenings before, and what stands points at bytes that are still kept.
    """
    collected = frame.lazy().drop("source_hash").collect()
    hashes = collected.select(sorted(collected.columns)).hash_rows(seed=0)
    by_session = (
        collected.select("session", row_hash=hashes)
        .group_by("session")
        # The sum of unsigned integers wraps round, which is what is wanted of it.
        .agg(pl.len(), pl.col("row_hash").sum())
    )
    return {day: (rows, digest) for day, rows, digest in by_session.iter_rows()}


def _changed_sessions(
    store: Store, table: str, frame: pl.DataFrame, sessions: Sequence[date]
) -> list[date]:
    """Sessions whose rows differ from those that stand and those kept out, ascending."""
    standing = _fingerprints(store.lake.scan(table, start=sessions[0], end=sessions[-1]))
    held = kept_out(store, table, sessions)
    told = [name for name in frame.columns if name != "source_hash"]
    offered = _fingerprints(frame.join(held, on=told, how="anti", nulls_equal=True))
    return [day for day in sessions if offered.get(day) != standing.get(day)]


def _partitions(changed: Sequence[date]) -> list[SessionRange | SessionList]:
    """Name the changed sessions, as a range if they are one; sessions between them stay."""
    if not changed:
        return []
    span = SessionRange(start=changed[0], end=changed[-1])
    is_gapless = len(changed) == len(sessions_between(span.start, span.end))
    return [span if is_gapless else SessionList(tuple(changed))]
