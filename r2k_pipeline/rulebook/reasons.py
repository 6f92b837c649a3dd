"""Why a line is out, and why a company ends where it does.

Holds enums whose values travel with rows and whose `sentence` is what a reader
sees. Add a value with its sentence; never reuse or rename one, because published
rows carry it. Keep out thresholds (`rules`) and the decisions (`methodology/`).
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class LineType(StrEnum):
    """What kind of instrument a listed line is.

    Example:
        >>> LineType("spac").sentence
        'A blank-cheque company that has not yet merged.'
    """

    COMMON = "common"
    REIT = "reit"
    TRACKING_STOCK = "tracking_stock"
    PREFERRED = "preferred"
    WARRANT = "warrant"
    UNIT = "unit"
    RIGHT = "right"
    NOTE = "note"
    DEPOSITARY_RECEIPT = "depositary_receipt"
    FUND = "fund"
    BDC = "bdc"
    SPAC = "spac"
    LIMITED_PARTNERSHIP = "limited_partnership"
    LLC = "llc"
    ROYALTY_TRUST = "royalty_trust"

    @property
    def sentence(self) -> str:
        """What the value says to a reader."""
        return _LINE_TYPE_SENTENCES[self]


class ExclusionReason(StrEnum):
    """Why a line is not eligible; it carries the first reason that applies.

    The reasons of line type have the value of the `LineType` they exclude.

    Example:
        >>> ExclusionReason.FOREIGN.sentence
        'The company does not count as a United States company.'
    """

    PREFERRED = "preferred"
    WARRANT = "warrant"
    UNIT = "unit"
    RIGHT = "right"
    NOTE = "note"
    DEPOSITARY_RECEIPT = "depositary_receipt"
    FUND = "fund"
    BDC = "bdc"
    SPAC = "spac"
    LIMITED_PARTNERSHIP = "limited_partnership"
    LLC = "llc"
    ROYALTY_TRUST = "royalty_trust"
    FOREIGN = "foreign"
    EXCHANGE = "exchange"
    VOTES_BELOW_MINIMUM = "votes_below_minimum"
    UNREPAIRED = "unrepaired"
    NO_CLOSE = "no_close"
    PRICE_BELOW_MINIMUM = "price_below_minimum"
    NO_MARKET_CAP = "no_market_cap"
    CAP_BELOW_MINIMUM = "cap_below_minimum"
    SECONDARY_CLASS = "secondary_class"
    FLOAT_BELOW_MINIMUM = "float_below_minimum"
    NOT_TRADED = "not_traded"
    EXCLUDED_BY_OVERRIDE = "excluded_by_override"

    @property
    def sentence(self) -> str:
        """What the value says to a reader."""
        return _EXCLUSION_SENTENCES[self]


class MembershipDecision(StrEnum):
    """Why a company ends in its segment, or outside, at an event.

    Example:
        >>> MembershipDecision("stays_by_band").sentence
        'The band keeps it where its rank alone would not.'
    """

    ENTERS = "enters"
    LEAVES = "leaves"
    MOVES_UP = "moves_up"
    MOVES_DOWN = "moves_down"
    STAYS_BY_RANK = "stays_by_rank"
    STAYS_BY_BAND = "stays_by_band"
    STAYS_OUT = "stays_out"

    @property
    def sentence(self) -> str:
        """What the value says to a reader."""
        return _DECISION_SENTENCES[self]


class RepairRule(StrEnum):
    """What was wrong with a listing's values, and what was done about it.

    Three kinds: a repair replaces the market cap and keeps the raw one; a
    quarantine leaves the values and says that they cannot be used; a flag only
    tells. The last two are repairs of a rank day, which only its event makes.

    Example:
        >>> RepairRule("blank_cap").sentence
        'The cap is blank or zero; the shares that the line had are carried.'
        >>> RepairRule.CLOSE_MISSING.is_quarantine
        True
    """

    CAP_SPIKE = "cap_spike"
    SPLIT_WITHOUT_CLOSE = "split_without_close"
    SHARES_NOT_SPLIT = "shares_not_split"
    REVERSE_SPLIT_ON_PRICE_ONLY = "reverse_split_on_price_only"
    BLANK_CAP = "blank_cap"
    KNOWN_SHARES = "known_shares"
    UNLISTED_CLASS = "unlisted_class"
    SIBLING_CAP = "sibling_cap"
    CLASS_LEVEL_CAP = "class_level_cap"
    CLOSE_MISSING = "close_missing"
    CLOSE_OUT_OF_LINE = "close_out_of_line"
    CAP_WITHOUT_HISTORY = "cap_without_history"
    NEW_LEVEL_ACCEPTED = "new_level_accepted"
    STALE_COPY = "stale_copy"
    PREVIOUS_CLOSE_CONTRADICTS = "previous_close_contradicts"
    VALUES_ACCEPTED = "values_accepted"
    SETTLED_LATER = "settled_later"
    SIZE_ASSUMED = "size_assumed"
    SET_BY_OVERRIDE = "set_by_override"
    EXCLUDED_BY_OVERRIDE = "excluded_by_override"

    @property
    def sentence(self) -> str:
        """What the value says to a reader."""
        return _REPAIR_SENTENCES[self]

    @property
    def is_quarantine(self) -> bool:
        """Whether the listing's values cannot be used on this session."""
        return self in {self.CLOSE_MISSING, self.CLOSE_OUT_OF_LINE, self.CAP_WITHOUT_HISTORY}

    @property
    def is_flag(self) -> bool:
        """Whether the rule only tells, and leaves the values as they are."""
        return self in {
            self.NEW_LEVEL_ACCEPTED,
            self.STALE_COPY,
            self.PREVIOUS_CLOSE_CONTRADICTS,
            self.VALUES_ACCEPTED,
        }


def exclusion_of(line_type: LineType) -> ExclusionReason:
    """Return the reason that excludes a line type.

    Args:
        line_type: A type of `rules.IndexRules.excluded_line_types`.

    Raises:
        ValueError: No reason exists, because the type itself is eligible.

    Example:
        >>> exclusion_of(LineType.WARRANT)
        <ExclusionReason.WARRANT: 'warrant'>
    """
    return ExclusionReason(line_type.value)


_LINE_TYPE_SENTENCES: Mapping[LineType, str] = MappingProxyType(
    {
        LineType.COMMON: "An ordinary share of an operating company.",
        LineType.REIT: "A share of a real estate investment trust.",
        LineType.TRACKING_STOCK: "A share that follows one part of its company.",
        LineType.PREFERRED: "A preferred, participating or convertible preferred share.",
        LineType.WARRANT: "A warrant to buy shares.",
        LineType.UNIT: "A unit that bundles shares with warrants or rights.",
        LineType.RIGHT: "A right to subscribe or to receive shares.",
        LineType.NOTE: "A note, bond or other debt instrument listed like a share.",
        LineType.DEPOSITARY_RECEIPT: "A receipt for shares held by a depositary.",
        LineType.FUND: "An exchange-traded, closed-end or mutual fund.",
        LineType.BDC: "A business development company, which reports acquired-fund fees.",
        LineType.SPAC: "A blank-cheque company that has not yet merged.",
        LineType.LIMITED_PARTNERSHIP: "A unit of a limited partnership.",
        LineType.LLC: "A share of a United States limited liability company.",
        LineType.ROYALTY_TRUST: "A unit of a royalty trust.",
    }
)

_EXCLUSION_SENTENCES: Mapping[ExclusionReason, str] = MappingProxyType(
    {
        ExclusionReason.PREFERRED: "Preferred shares are not eligible.",
        ExclusionReason.WARRANT: "Warrants are not eligible.",
        ExclusionReason.UNIT: "Units are not eligible.",
        ExclusionReason.RIGHT: "Rights are not eligible.",
        ExclusionReason.NOTE: "Notes and other debt are not eligible.",
        ExclusionReason.DEPOSITARY_RECEIPT: "Depositary receipts are not eligible.",
        ExclusionReason.FUND: "Funds are not eligible.",
        ExclusionReason.BDC: "Business development companies are not eligible.",
        ExclusionReason.SPAC: "Blank-cheque companies are not eligible.",
        ExclusionReason.LIMITED_PARTNERSHIP: "Limited partnerships are not eligible.",
        ExclusionReason.LLC: "United States limited liability companies are not eligible.",
        ExclusionReason.ROYALTY_TRUST: "Royalty trusts are not eligible.",
        ExclusionReason.FOREIGN: "The company does not count as a United States company.",
        ExclusionReason.EXCHANGE: "The line is not listed on an eligible exchange.",
        ExclusionReason.VOTES_BELOW_MINIMUM: "Too few of the votes are in public hands.",
        ExclusionReason.UNREPAIRED: "The feed contradicts itself and no rule repairs it.",
        ExclusionReason.NO_CLOSE: "The line has no close on this session.",
        ExclusionReason.PRICE_BELOW_MINIMUM: "The close is below the minimum price.",
        ExclusionReason.NO_MARKET_CAP: "The feed gives no market capitalisation.",
        ExclusionReason.CAP_BELOW_MINIMUM: "The company's total market cap is below the minimum.",
        ExclusionReason.SECONDARY_CLASS: "Another line of the same company stands for it.",
        ExclusionReason.FLOAT_BELOW_MINIMUM: "Too few of the shares are in public hands.",
        ExclusionReason.NOT_TRADED: "The line did not trade on this session.",
        ExclusionReason.EXCLUDED_BY_OVERRIDE: "A person excludes the line, with a reason.",
    }
)

_DECISION_SENTENCES: Mapping[MembershipDecision, str] = MappingProxyType(
    {
        MembershipDecision.ENTERS: "It was in no segment and its rank gives it one.",
        MembershipDecision.LEAVES: "It was in a segment, but is out of rank or ineligible.",
        MembershipDecision.MOVES_UP: "Its rank moves it to a segment of larger companies.",
        MembershipDecision.MOVES_DOWN: "Its rank moves it to a segment of smaller companies.",
        MembershipDecision.STAYS_BY_RANK: "Its rank gives it the segment it already had.",
        MembershipDecision.STAYS_BY_BAND: "The band keeps it where its rank alone would not.",
        MembershipDecision.STAYS_OUT: "It was in no segment and its rank gives it none.",
    }
)

_REPAIR_SENTENCES: Mapping[RepairRule, str] = MappingProxyType(
    {
        RepairRule.CAP_SPIKE: (
            "The implied shares left their own history without a split; the shares that held "
            "before are carried until a new level has held as long."
        ),
        RepairRule.SPLIT_WITHOUT_CLOSE: (
            "The implied shares moved by a split ratio that the close does not show; the shares "
            "that held before are carried."
        ),
        RepairRule.SHARES_NOT_SPLIT: (
            "The close was split and the shares were not; the shares are split as well."
        ),
        RepairRule.REVERSE_SPLIT_ON_PRICE_ONLY: (
            "A reverse split reached the close and not the shares; the shares are combined as well."
        ),
        RepairRule.KNOWN_SHARES: (
            "The cap is blank and always was, or jumped with nothing to compare it to; publicly "
            "known shares give it."
        ),
        RepairRule.UNLISTED_CLASS: (
            "The cap is that of the listed class; publicly known unlisted shares are added."
        ),
        RepairRule.BLANK_CAP: "The cap is blank or zero; the shares that the line had are carried.",
        RepairRule.SIBLING_CAP: (
            "The cap is blank and never was known; the company's is taken from another class."
        ),
        RepairRule.CLASS_LEVEL_CAP: (
            "The classes of the company had one count of shares, and only this one left it; the "
            "common count is carried."
        ),
        RepairRule.CLOSE_MISSING: "There is no positive close, so nothing can be valued.",
        RepairRule.CLOSE_OUT_OF_LINE: (
            "The close is many times its former self, without a split or the trading that news "
            "brings."
        ),
        RepairRule.CAP_WITHOUT_HISTORY: (
            "The implied shares jumped, and no level ever held that could replace them."
        ),
        RepairRule.NEW_LEVEL_ACCEPTED: (
            "The implied shares jumped some sessions ago and have held since: the new level is "
            "believed from here on."
        ),
        RepairRule.STALE_COPY: "Close and volume are those of the sessions before, to the share.",
        RepairRule.PREVIOUS_CLOSE_CONTRADICTS: (
            "The vendor's previous close is neither the close of the session before nor a split "
            "of it."
        ),
        RepairRule.VALUES_ACCEPTED: (
            "The feed contradicts itself; a person looked and took the values as received."
        ),
        RepairRule.SETTLED_LATER: (
            "The feed contradicts itself on the rank day; the shares that it gives on a later "
            "session, up to the preliminary day, are carried back."
        ),
        RepairRule.SIZE_ASSUMED: (
            "The feed contradicts itself on the rank day and no later session settles it; no "
            "breakpoint is near and every plausible size gives the same segment."
        ),
        RepairRule.SET_BY_OVERRIDE: "A person set the value, with a reason; see the evidence.",
        RepairRule.EXCLUDED_BY_OVERRIDE: "A person excludes the line, with a reason.",
    }
)
