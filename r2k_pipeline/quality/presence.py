"""Which sessions of a range are not there, and how long the worst gap is.

Pure: the caller says which sessions there should be (the calendar's answer), which
have landed, and why others did not. What is in a session belongs to `continuity` and
to the contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.errors import listed
from r2k_pipeline.quality.outcome import SAMPLE_ROWS, CheckOutcome

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

CHECK_NAME = "every_session_is_present"
_UNTOLD = "the source has nothing for it."


@dataclass(frozen=True, kw_only=True)
class Presence:
    """What is there of what should be.

    Attributes:
        expected: Sessions that should be there, in order.
        missing: Those that are not, in order.
        longest_gap: The longest run of missing sessions that follow one another on the
            calendar; the first of them, if several are as long. It may begin before the
            range.
    """

    expected: tuple[date, ...]
    missing: tuple[date, ...]
    longest_gap: tuple[date, ...]


def session_presence(
    expected: Sequence[date], landed: Collection[date], *, before: Sequence[date] = ()
) -> Presence:
    """Compare the sessions of a range with those that have landed.

    Args:
        expected: Every session of the range, as the calendar gives them.
        landed: Sessions that have rows; others than those asked about are not looked at.
        before: Sessions directly before the range, of which a gap may begin it: a close is
            as old as the last session that landed, whichever range is asked for.

    Returns:
        What is missing.

    Example:
        >>> from datetime import date
        >>> december = [date(2022, 12, day) for day in (20, 21, 22, 23, 27, 28, 29)]
        >>> presence = session_presence(december, {date(2022, 12, d) for d in (20, 23, 27, 29)})
        >>> [session.day for session in presence.missing]
        [21, 22, 28]
        >>> [session.day for session in presence.longest_gap]
        [21, 22]
    """
    ordered = sorted(set(expected))
    asked, there = set(ordered), set(landed)
    runs = groupby(sorted({*before, *ordered}), lambda session: session not in there)
    gaps = [gap for is_missing, run in runs if is_missing and asked & set(gap := tuple(run))]
    return Presence(
        expected=tuple(ordered),
        missing=tuple(session for session in ordered if session not in there),
        longest_gap=max(gaps, key=len, default=()),
    )


def presence_outcome(
    table: str,
    presence: Presence,
    *,
    tolerated_gap: int,
    reasons: Mapping[date, str] | None = None,
) -> CheckOutcome:
    """Judge a range by its gaps: a short one warns, a long one blocks.

    Args:
        table: The table whose sessions were counted.
        presence: What is missing.
        tolerated_gap: Sessions in a row that may be missing without blocking, at least 0.
        reasons: Why a session is missing, where that is known.

    Returns:
        The outcome of `every_session_is_present`. Its rows are sessions: failed where any
        is missing, of severity `error` where more than `tolerated_gap` in a row are, or
        where nothing of the range is there, so that there is nothing to build.

    Example:
        >>> from datetime import date
        >>> week = [date(2022, 12, day) for day in (20, 21, 22)]
        >>> outcome = presence_outcome(
        ...     "raw_listings", session_presence(week, [week[0], week[2]]), tolerated_gap=3)
        >>> outcome.severity.value, outcome.sentence
        ('warn', 'raw_listings has nothing for 1 of 3 sessions: 2022-12-21; 1 in a row at most,
        3 are tolerated.')
    """
    count = len(presence.expected)
    is_too_long = len(presence.longest_gap) > tolerated_gap
    is_nothing = 0 < count == len(presence.missing)
    why = {day: (reasons or {}).get(day, _UNTOLD) for day in presence.missing}
    if presence.missing:
        sentence = (
            f"{table} has nothing for {len(presence.missing):,} of {count:,} sessions: "
            f"{listed(presence.missing, SAMPLE_ROWS)}; "
            f"{len(presence.longest_gap)} in a row at most, {tolerated_gap} are tolerated."
        )
    else:
        sentence = f"{table} has every one of {count:,} sessions."
    return CheckOutcome(
        table=table,
        check_name=CHECK_NAME,
        severity=Severity.ERROR if is_too_long or is_nothing else Severity.WARN,
        is_passed=not presence.missing,
        evaluated_rows=count,
        failed_rows=len(presence.missing),
        sentence=sentence,
        sample=tuple(
            {"session": session, "why": why[session]} for session in presence.missing[:SAMPLE_ROWS]
        ),
        failed_by_partition={str(session): 1 for session in presence.missing},
        sentence_by_partition={str(session): f"Missing: {told}" for session, told in why.items()},
    )
