"""What an archive covers: its labelled snapshots, and the batches that a range falls into.

Both forms of the archive are planned and accounted for here. Keep out reading.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.sources.feed import BatchPlan, Evidence, EvidenceKind, sessions_in_range
from r2k_pipeline.sources.us_stock_symbols.exchanges import EXCHANGES
from r2k_pipeline.sources.us_stock_symbols.listings import SOURCE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
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
            SourceError: The archive has nothing in it.
        """
        available = {label.session for label in self.labels if label.session is not None}
        groups: defaultdict[object, list[date]] = defaultdict(list)
        for session in sessions_in_range(
            sorted(available), source=SOURCE_NAME, start=start, end=end
        ):
            groups[together(session)].append(session)
        return tuple(BatchPlan(sessions=tuple(sessions)) for sessions in groups.values())

    def has(self, plan: BatchPlan) -> bool:
        """Whether every session of a plan is covered."""
        return set(plan.sessions) <= {label.session for label in self.labels}

    def within(self, plan: BatchPlan) -> tuple[SnapshotLabel, ...]:
        """The snapshots that land on the plan's sessions."""
        wanted = set(plan.sessions)
        return tuple(label for label in self.labels if label.session in wanted)

    def evidence(self, plan: BatchPlan) -> tuple[Evidence, ...]:
        """What to tell about the plan's range: left out, moved, missing; in order of days."""
        first, last = plan.first_session, plan.last_session
        notes = [
            label.note
            for label in self.labels
            if label.note is not None and first <= (label.session or label.taken_for) <= last
        ]
        notes += _gaps(self.within(plan), sessions_between(first, last))
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
