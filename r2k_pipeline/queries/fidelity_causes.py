"""Why a line may be in one of two lists only: a code each, with its sentence.

Holds words, no comparison: which cause applies is decided in `fidelity_members`
and `fidelity_changes`. Values travel with rows of the table `fidelity`: add one,
never rename one.
"""

from __future__ import annotations

from enum import StrEnum

NEAR_RANKS = 200
"""How far from a boundary a rank still counts as near it."""


class Cause(StrEnum):
    """Why a line is in one of the two lists only.

    Example:
        >>> Cause("excluded").sentence
        'a rule of eligibility left the line out on the rank day'
    """

    NOT_LISTED = "not_listed"
    NOT_LISTED_ON_RANK_DAY = "not_listed_on_rank_day"
    EXCLUDED = "excluded"
    OTHER_LINE = "other_line"
    RANKED_TOO_LOW = "ranked_too_low"
    WRONG_SIDE_IN_BAND = "wrong_side_in_band"
    WRONG_SIDE = "wrong_side"
    LEFT_SINCE = "left_since"
    NEAR_THE_CUT = "near_the_cut"
    ONLY_OURS = "only_ours"
    ALREADY_MEMBER = "already_member"
    KEPT = "kept"
    NEVER_OURS = "never_ours"
    UNEXPLAINED = "unexplained"

    @property
    def sentence(self) -> str:
        """What the cause says to a reader."""
        return _SENTENCES[self]


_SENTENCES = {
    Cause.NOT_LISTED: "no line of ours bears the symbol on that session",
    Cause.NOT_LISTED_ON_RANK_DAY: "the line was not listed on the rank day",
    Cause.EXCLUDED: "a rule of eligibility left the line out on the rank day",
    Cause.OTHER_LINE: "another line of the same company stands for it",
    Cause.RANKED_TOO_LOW: "the company is ranked below the last member",
    Cause.WRONG_SIDE_IN_BAND: "the other side of the breakpoint, inside the band",
    Cause.WRONG_SIDE: "the other side of the breakpoint, outside the band",
    Cause.LEFT_SINCE: "decided a member, but gone before the session",
    Cause.NEAR_THE_CUT: f"ranked within {NEAR_RANKS} of the last member",
    Cause.ONLY_OURS: "eligible and large enough to us alone",
    Cause.ALREADY_MEMBER: "a member of ours before the event too",
    Cause.KEPT: "stays a member of ours",
    Cause.NEVER_OURS: "was no member of ours before the event",
    Cause.UNEXPLAINED: "our tables do not tell why",
}
