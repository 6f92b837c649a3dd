"""From a source into `raw_listings` and `reported_actions`: archive, then publish.

Holds what `r2k ingest` and the raw assets have in common, and needs no Dagster. Landing
again changes nothing: a session whose rows stand already is left alone. Keep out how a
feed is read (`sources`) and what may be promoted (`publication`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.orchestration.progress import Progress, silent
from r2k_pipeline.publication import SessionList, SessionRange, publish
from r2k_pipeline.rulebook.sessions import sessions_between

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

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
        rows: Rows of `raw_listings` written.
        archived_files: Files received; the archive keeps equal bytes once.
        evidence: What the source left out or moved, and why.
    """

    source: str
    landed: tuple[date, ...]
    unchanged: tuple[date, ...]
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
        progress: Told after each batch.

    Raises:
        SourceError: The source has nothing in the range or cannot be read; nothing of
            it was landed.
        ContractViolationError: A batch breaks its contract; earlier batches stand.
    """
    plans = source.plan(start=start, end=end)
    reports = []
    for done, plan in enumerate(plans):
        progress(done, len(plans), f"{source.name} {plan.first_session} to {plan.last_session}")
        batch = source.read(plan)
        reports.append(_land_batch(store, source.name, batch, run_id=run_id, known_at=known_at))
    progress(len(plans), len(plans), source.name)
    return reduce(_joined, reports)


def _joined(one: LandingReport, other: LandingReport) -> LandingReport:
    return LandingReport(
        source=one.source,
        landed=tuple(sorted({*one.landed, *other.landed})),
        unchanged=tuple(sorted({*one.unchanged, *other.unchanged})),
        rows=one.rows + other.rows,
        archived_files=one.archived_files + other.archived_files,
        evidence=(*one.evidence, *other.evidence),
    )


def _land_batch(
    store: Store, source: str, batch: SourceBatch, *, run_id: str, known_at: datetime
) -> LandingReport:
    for file in batch.raw:
        if file.path is not None:
            store.archive.keep_file(file.path)
        elif file.data is not None:
            store.archive.keep(file.data, name=file.name)
    offered = {"raw_listings": batch.listings, "reported_actions": batch.reported_actions}
    changed = {
        table: _changed_sessions(store, table, frame, batch.plan.sessions)
        for table, frame in offered.items()
    }
    for table, frame in offered.items():
        for partitions in _partitions(changed[table]):
            publish(
                store,
                table,
                frame.filter(partitions.rows()),
                partitions=partitions,
                run_id=run_id,
                known_at=known_at,
            )
    landed = sorted({day for days in changed.values() for day in days})
    return LandingReport(
        source=source,
        landed=tuple(landed),
        unchanged=tuple(day for day in batch.plan.sessions if day not in set(landed)),
        rows=batch.listings.filter(pl.col("session").is_in(changed["raw_listings"])).height,
        archived_files=len(batch.raw),
        evidence=batch.evidence,
    )


def _fingerprints(frame: pl.DataFrame | pl.LazyFrame) -> dict[date, tuple[int, int]]:
    """Rows of each session and the sum of their hashes: equal for equal rows in any order."""
    collected = frame.lazy().collect()
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
    """Sessions whose rows differ from those that stand, ascending."""
    standing = _fingerprints(store.lake.scan(table, start=sessions[0], end=sessions[-1]))
    offered = _fingerprints(frame)
    return [day for day in sessions if offered.get(day) != standing.get(day)]


def _partitions(changed: Sequence[date]) -> list[SessionRange | SessionList]:
    """Name the changed sessions, as a range if they are one; sessions between them stay."""
    if not changed:
        return []
    span = SessionRange(start=changed[0], end=changed[-1])
    is_gapless = len(changed) == len(sessions_between(span.start, span.end))
    return [span if is_gapless else SessionList(tuple(changed))]
