"""When a correction replaces a published level, and what a correction is caused by.

Holds the decision by size and age, and the words of causes. The values are the rulebook's
(`restatement_parameters`); what becomes of levels is `restatement`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules


class Decision(StrEnum):
    """What becomes of a published level that would come out otherwise now."""

    RECALCULATE = "recalculate"
    NOTE_ONLY = "note_only"


class CauseCode(StrEnum):
    """What changed between two publications of a level."""

    OVERRIDE_ADDED = "override_added"
    OVERRIDE_WITHDRAWN = "override_withdrawn"
    LATE_ACTION = "late_action"
    SOURCE_RESTATED = "source_restated"
    LATER_SESSIONS = "later_sessions"
    BASE_MOVED = "base_moved"
    RULES_CHANGED = "rules_changed"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Something that changed.

    Args:
        session: The first session that it can affect.
        code: What kind of change.
        words: What changed, for a reader.
    """

    session: date
    code: CauseCode
    words: str


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When a correction replaces what was published.

    Args:
        threshold_bp: From this difference on, in basis points, it does.
        fresh_sessions: Reaching back at most so many sessions, it does whatever the size.
        told: None lets these two decide; else what whoever builds decided.
    """

    threshold_bp: float
    fresh_sessions: int
    told: Decision | None = None

    @classmethod
    def of(cls, rules: IndexRules, told: Decision | None) -> Policy:
        """The policy of the rulebook, unless it is overruled."""
        return cls(
            threshold_bp=rules.restatement_threshold_bp,
            fresh_sessions=rules.restatement_fresh_sessions,
            told=told,
        )

    def decide(self, difference_bp: float, age_sessions: int) -> tuple[Decision, str]:
        """Decide on a correction, and say why.

        Args:
            difference_bp: Its largest difference, in basis points.
            age_sessions: How many sessions lie between its first session and the last
                published one.

        Example:
            >>> policy = Policy(threshold_bp=3.0, fresh_sessions=2)
            >>> for correction in ((3.0, 40), (2.9, 40), (0.1, 2)):
            ...     print(*policy.decide(*correction))
            recalculate up to 3 bp, the threshold is 3 bp
            note_only up to 2.9 bp, below the threshold of 3 bp, and 40 sessions old
            recalculate found within 2 sessions
        """
        size = f"up to {abs(difference_bp):.4g} bp"
        if self.told is not None:
            return self.told, f"{size}, decided by whoever built"
        if abs(difference_bp) >= self.threshold_bp:
            return Decision.RECALCULATE, f"{size}, the threshold is {self.threshold_bp:g} bp"
        if age_sessions <= self.fresh_sessions:
            return Decision.RECALCULATE, f"found within {self.fresh_sessions} sessions"
        below = f"below the threshold of {self.threshold_bp:g} bp"
        return Decision.NOTE_ONLY, f"{size}, {below}, and {age_sessions} sessions old"
