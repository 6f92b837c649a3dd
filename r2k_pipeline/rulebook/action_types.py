"""The kinds of corporate action, what becomes of one, and the causes of the divisor ledger.

Holds the words whose values travel with rows. A new kind needs its value here and in the
contracts, and its row in `methodology/action_treatment`, which alone says what it does.
"""

from __future__ import annotations

from enum import StrEnum


class ActionType(StrEnum):
    """What happened to a line.

    Example:
        >>> ActionType("spin_off").is_ending, ActionType("cash_merger").is_ending
        (False, True)
    """

    SPLIT = "split"
    """Also a reverse split, a stock dividend and a bonus issue."""
    SPIN_OFF = "spin_off"
    NEW_CLASS = "new_class"
    SPECIAL_DIVIDEND = "special_dividend"
    RETURN_OF_CAPITAL = "return_of_capital"
    RIGHTS_ISSUE = "rights_issue"
    CASH_DIVIDEND = "cash_dividend"
    SHARE_CHANGE = "share_change"
    TENDER_OFFER = "tender_offer"
    CASH_MERGER = "cash_merger"
    STOCK_MERGER = "stock_merger"
    DELISTING = "delisting"
    BANKRUPTCY = "bankruptcy"
    HALT = "halt"
    RENAME = "rename"
    REINCORPORATION = "reincorporation"
    OFFERING = "offering"
    LISTING = "listing"

    @property
    def is_ending(self) -> bool:
        """Whether the line no longer exists afterwards; a tender offer ends only some."""
        return self in _ENDINGS


_ENDINGS = frozenset(
    {
        ActionType.CASH_MERGER,
        ActionType.STOCK_MERGER,
        ActionType.DELISTING,
        ActionType.BANKRUPTCY,
    }
)
ENDINGS: tuple[str, ...] = tuple(kind.value for kind in ActionType if kind.is_ending)
"""The values of the kinds after which a line no longer exists."""


class ActionOutcome(StrEnum):
    """What became of an action that was not simply applied on its session."""

    DELAYED = "delayed"
    """Known too late, so it counts from a later session on."""
    RESTATED = "restated"
    """Known too late, so sessions that were published change."""
    AS_ORDINARY = "as_ordinary"
    """A special dividend that is one of a habit: only total return has it."""
    UNKNOWN_LINE = "unknown_line"
    """No line bears the symbol: kept, and without effect."""


class LedgerCause(StrEnum):
    """Why a row stands in the ledger; the order is that in which one session's rows apply.

    Who joins comes before who leaves, so that an index is never empty in between.
    """

    BASE = "base"
    SPIN_OFF = "spin_off"
    NEW_CLASS = "new_class"
    SPECIAL_DIVIDEND = "special_dividend"
    RETURN_OF_CAPITAL = "return_of_capital"
    RIGHTS_ISSUE = "rights_issue"
    SHARE_CHANGE = "share_change"
    ADDITION = "addition"
    MERGER = "merger"
    DELISTING = "delisting"
    DELETION = "deletion"
    SHARE_UPDATE = "share_update"
    REWEIGHT = "reweight"
    RECONSTITUTION = "reconstitution"
    DIVIDEND = "dividend"


CAUSE_ORDER: dict[str, int] = {cause.value: place for place, cause in enumerate(LedgerCause)}
"""The place of each cause within a session."""
