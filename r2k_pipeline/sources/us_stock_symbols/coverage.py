"""What an archive covers: its labelled snapshots, and the batches that a range falls into.

Both forms of the archive are planned and accounted for here. Keep out reading.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.sources.feed import BatchPlan, Evidence, EvidenceKind, sessions_in_range
from r2k_pipeline.sources.us_stock_symbols.exchanges import EXCHANGES
from r2k_pipeline.sources.us_stock_symbols.listings import SOURCE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date

    from r2k_pipeline.sources.us_stock_symbols.shown_session import SnapshotLabel


@dataclass(frozen=True)
class Coverage:
    """The labelled snapshots of an archive, by exchange and day."""

    labels: tuple[SnapshotLabel, ...]

    def batches(
        self, *, start: date | None, end: date | None, together: Callable[[date], object]
    ) -> tuple[BatchPlan, ...]:
        """Group the sessions of a range into batches.

        Args:
            start: First session wanted, or null for the archive's first.
            end: Last session wanted, or null for the archive's last.
            together: Sessions with an equal value of it form one batch.

        Raises:
            BadInputError: The range is empty.
            NothingInRangeError: The archive has nothing in it.
        """
        available = {label.session for label in self.labels if label.session is not None}
        groups: defaultdict[object, list[date]] = defaultdict(list)
        for session in sessions_in_range(
            sorted(available), source=SOURCE_NAME, start=start, end=end
        ):
            groups[together(session)].append(session)
        return tuple(self._plans(list(groups.values()), start=start, end=end))

    def _plans(
        self, groups: Sequence[Sequence[date]], *, start: date | None, end: date | None
    ) -> Iterator[BatchPlan]:
        """Batches that together tell of every day that is asked for and was looked at."""
        first = min(label.session or label.taken_for for label in self.labels)
        last = max(label.taken_for for label in self.labels)
        told_from = max(start or first, first)
        for sessions, following in zip_longest(groups, groups[1:]):
            told_to = following[0] - timedelta(days=1) if following else min(end or last, last)
            yield BatchPlan(sessions=tuple(sessions), told_from=told_from, told_to=told_to)
            told_from = told_to + timedelta(days=1)

    def has(self, plan: BatchPlan) -> bool:
        """Whether every session of a plan is covered."""
        return set(plan.sessions) <= {label.session for label in self.labels}

    def within(self, plan: BatchPlan) -> tuple[SnapshotLabel, ...]:
        """The snapshots that land on the plan's sessions."""
        wanted = set(plan.sessions)
        return tuple(label for label in self.labels if label.session in wanted)

    def evidence(self, plan: BatchPlan) -> tuple[Evidence, ...]:
        """What to tell about the plan's range: left out, moved, missing; in order of days."""
        notes = [
            label.note
            for label in self.labels
            if label.note is not None and plan.tells_of(label.session or label.taken_for)
        ]
        days = sessions_between(
            plan.told_from or plan.first_session, plan.told_to or plan.last_session
        )
        notes += _gaps(self.within(plan), days)
        return tuple(sorted(notes, key=lambda note: (str(note.session), str(note.exchange))))


def _gaps(labels: Iterable[SnapshotLabel], calendar: Iterable[date]) -> list[Evidence]:
    """Sessions that no snapshot shows, and exchanges that a session lacks."""
    shown: defaultdict[date | None, set[str]] = defaultdict(set)
    for label in labels:
        shown[label.session].add(label.exchange)
    gaps = []
    for session in calendar:
        if session not in shown:
            gaps.append(Evidence(kind=EvidenceKind.MISSING_SESSION, session=session))
            continue
        gaps += [
            Evidence(kind=EvidenceKind.MISSING_EXCHANGE, session=session, exchange=exchange)
            for exchange in EXCHANGES
            if exchange not in shown[session]
        ]
    return gaps
