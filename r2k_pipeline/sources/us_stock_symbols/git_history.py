"""The archive in its native shape: a git history with three JSON files a commit.

Planning reads every snapshot of the range, and of a run-up before it, once: so a
corrupt file fails before anything is landed, and snapshots are labelled the same
whichever range is asked for. Reading a batch reads its snapshots again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.errors import SourceError, listed
from r2k_pipeline.sources.feed import (
    BatchedSource,
    BatchPlan,
    Evidence,
    EvidenceKind,
    RawFile,
    SourceBatch,
    require_range,
)
from r2k_pipeline.sources.us_stock_symbols.coverage import Coverage
from r2k_pipeline.sources.us_stock_symbols.evenings import Evening, evenings
from r2k_pipeline.sources.us_stock_symbols.exchanges import EXCHANGES
from r2k_pipeline.sources.us_stock_symbols.git_repository import GitRepository
from r2k_pipeline.sources.us_stock_symbols.listings import (
    SOURCE_NAME,
    as_raw_listings,
    previous_close,
)
from r2k_pipeline.sources.us_stock_symbols.shown_session import ContinuityScan, label_snapshots
from r2k_pipeline.sources.us_stock_symbols.snapshot_json import SnapshotFile, parse_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# How long before the range the vendor may have fallen behind, and how long after it a late
# snapshot may still show a session of the range.
_RUN_UP, _RUN_OUT = timedelta(days=90), timedelta(days=7)
_SCANNED_TOGETHER = 20


@dataclass(frozen=True, kw_only=True)
class _Planned:
    """What is known after planning a range."""

    coverage: Coverage
    notes: tuple[Evidence, ...]


class GitHistory(BatchedSource):
    """The git archive as a source; a batch is a calendar month.

    Args:
        place: A bundle, git directory or working clone as `Path`, or a URL.
        cache_dir: Where a bundle or URL is cloned to; a temporary folder if none.
    """

    def __init__(self, place: Path | str, *, cache_dir: Path | None = None) -> None:
        self._place = place
        self._cache_dir = cache_dir
        self._planned: _Planned | None = None
        self._opened: GitRepository | None = None

    @property
    def name(self) -> str:
        """`us-stock-symbols`, in whichever form."""
        return SOURCE_NAME

    def plan(self, *, start: date | None = None, end: date | None = None) -> tuple[BatchPlan, ...]:
        """One batch a calendar month; see `Source.plan`."""
        require_range(start, end)
        self._planned = self._look_at(start, end)
        return self._planned.coverage.batches(
            start=start, end=end, together=lambda session: (session.year, session.month)
        )

    def read(self, plan: BatchPlan) -> SourceBatch:
        """Read the sessions of one batch; see `Source.read`."""
        planned = self._planned
        if planned is None or not planned.coverage.has(plan):
            planned = self._look_at(plan.first_session, plan.last_session)
        labels = planned.coverage.within(plan)
        wanted = {(label.taken_for, label.exchange) for label in labels}
        days = {day for day, _ in wanted}
        files = [
            file
            for file in self._files(e for e in self._evenings[0] if e.taken_for in days)
            if (file.taken_for, file.exchange) in wanted
        ]
        parsed = [parse_snapshot(file) for file in files]
        unknown = sorted({column for snapshot in parsed for column in snapshot.unknown_columns})
        notes = [
            note
            for note in planned.notes
            if note.session is not None and plan.tells_of(note.session)
        ]
        if unknown:
            notes.append(Evidence(kind=EvidenceKind.UNKNOWN_COLUMN, detail=listed(unknown)))
        return SourceBatch(
            plan=plan,
            listings=as_raw_listings(pl.concat([p.rows for p in parsed]), labels),
            reported_actions=empty_frame(contract("reported_actions")),
            evidence=(*notes, *planned.coverage.evidence(plan)),
            raw=tuple(
                RawFile(
                    name=f"{file.taken_for}-{file.exchange}.json",
                    sha256=file.sha256,
                    data=file.data,
                )
                for file in files
            ),
        )

    def close(self) -> None:
        """Stop git, and remove the clone that was made aside."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _look_at(self, start: date | None, end: date | None) -> _Planned:
        """Read the snapshots of a range, its run-up and its run-out, and label them."""
        counted, notes = self._evenings
        near = [
            evening
            for evening in counted
            if (start is None or evening.taken_for >= start - _RUN_UP)
            and (end is None or evening.taken_for <= end + _RUN_OUT)
        ]
        scan = ContinuityScan()
        found = list(notes)
        for group in _groups(near):
            prices, corrupt = self._prices(group, start=start, end=end)
            found += corrupt
            if prices is not None:
                scan.add(prices)
        coverage = Coverage(tuple(label_snapshots(scan.snapshots())))
        return _Planned(coverage=coverage, notes=tuple(found))

    @property
    def _repository(self) -> GitRepository:
        if self._opened is None:
            self._opened = GitRepository(self._place, cache_dir=self._cache_dir)
        return self._opened

    @cached_property
    def _evenings(self) -> tuple[list[Evening], list[Evidence]]:
        return evenings(self._repository.commits())

    def _files(self, wanted: Iterable[Evening]) -> Iterator[SnapshotFile]:
        """The files of some evenings, as far as they exist."""
        for evening in wanted:
            for exchange in EXCHANGES:
                path = f"{exchange}/{exchange}_full_tickers.json"
                data = self._repository.file_bytes(evening.commit, path)
                if data is not None:
                    yield SnapshotFile(
                        commit_id=evening.commit.commit_id,
                        path=path,
                        exchange=exchange,
                        taken_for=evening.taken_for,
                        data=data,
                    )

    def _prices(
        self, group: list[Evening], *, start: date | None, end: date | None
    ) -> tuple[pl.DataFrame | None, list[Evidence]]:
        """The prices of some evenings; a corrupt file outside the range is only noted."""
        prices, notes = [], []
        for file in self._files(group):
            try:
                rows = parse_snapshot(file).rows
            except SourceError as fault:
                if (start is None or file.taken_for >= start) and (
                    end is None or file.taken_for <= end
                ):
                    raise
                notes.append(_corrupt_note(file, fault))
                continue
            prices.append(
                rows.select(
                    "taken_for",
                    "exchange",
                    pl.col("symbol").str.strip_chars(),
                    pl.col("lastsale").alias("close_usd"),
                    previous_close(),
                )
            )
        return (pl.concat(prices) if prices else None), notes


def _corrupt_note(file: SnapshotFile, fault: SourceError) -> Evidence:
    return Evidence(
        kind=EvidenceKind.CORRUPT_OUTSIDE_RANGE,
        session=file.taken_for,
        exchange=file.exchange,
        detail=fault.culprit,
    )


def _groups(wanted: list[Evening]) -> Iterator[list[Evening]]:
    """Evenings in groups that fit in memory."""
    for first in range(0, len(wanted), _SCANNED_TOGETHER):
        yield wanted[first : first + _SCANNED_TOGETHER]
