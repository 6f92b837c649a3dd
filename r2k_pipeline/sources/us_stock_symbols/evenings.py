"""Which evening a commit belongs to, by New York time.

The archive is committed between 19:00 and 23:00 in New York, which is the next
day by UTC. An evening lasts until the next opening; of several commits the last
counts. A commit made while a session trades shows no close.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from r2k_pipeline.rulebook.sessions import is_session
from r2k_pipeline.sources.feed import Evidence, EvidenceKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from r2k_pipeline.sources.us_stock_symbols.git_repository import Commit

_NEW_YORK = ZoneInfo("America/New_York")
_OPENS, _CLOSES = time(9, 30), time(16, 0)


@dataclass(frozen=True, kw_only=True)
class Evening:
    """The commit that counts for a day."""

    taken_for: date
    commit: Commit


def evening_of(committed_at: datetime) -> date | None:
    """The day on whose evening something was committed.

    Args:
        committed_at: Any time with a zone.

    Returns:
        The day in New York; the day before for the hours before 09:30; null while
        a session trades, when there is no close to show.

    Example:
        Quarter past midnight UTC is the evening before, in winter and in summer.

        >>> from datetime import UTC
        >>> evening_of(datetime(2022, 6, 28, 0, 15, tzinfo=UTC))
        datetime.date(2022, 6, 27)
        >>> evening_of(datetime(2022, 6, 28, 15, 0, tzinfo=UTC)) is None
        True
    """
    local = committed_at.astimezone(_NEW_YORK)
    if local.time() < _OPENS:
        return local.date() - timedelta(days=1)
    if local.time() < _CLOSES and is_session(local.date()):
        return None
    return local.date()


def evenings(commits: Iterable[Commit]) -> tuple[list[Evening], list[Evidence]]:
    """The commit that counts for each day, and what to tell about the others.

    Args:
        commits: Oldest first, as the repository has them; of equal times the later
            one counts.

    Returns:
        Evenings in order of days, and evidence of what does not count.
    """
    latest: dict[date, Commit] = {}
    notes = []
    for commit in sorted(commits, key=lambda commit: commit.committed_at):
        day = evening_of(commit.committed_at)
        if day is None:
            day = commit.committed_at.astimezone(_NEW_YORK).date()
            notes.append(_note(EvidenceKind.TAKEN_BEFORE_CLOSE, day, commit))
            continue
        if day in latest:
            notes.append(_note(EvidenceKind.SUPERSEDED, day, latest[day]))
        latest[day] = commit
    counted = [Evening(taken_for=day, commit=commit) for day, commit in sorted(latest.items())]
    return counted, notes


def _note(kind: EvidenceKind, day: date, commit: Commit) -> Evidence:
    when = commit.committed_at.astimezone(_NEW_YORK)
    return Evidence(
        kind=kind,
        session=day,
        detail=f"commit {commit.commit_id[:12]}, made {when:%Y-%m-%d %H:%M} in New York",
    )
