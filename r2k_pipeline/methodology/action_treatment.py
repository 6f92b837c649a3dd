"""4a: the table of corporate actions - what each does to shares, prices, members and divisor.

Holds `TREATMENTS`, one row a kind in the order in which those of one line and session
apply, and the arithmetic of one action on one line. To change what an action does, change
its row here. Which sessions and lines it meets is `line_adjustments` (prices and shares),
`leaving_lines` (who leaves) and `linked_lines` (what concerns two lines); the ledger is
`divisors`. Nothing here reads a table or a clock.

The *adjusted close* is the last close before a session in the terms of that session: what
a change at the open is valued with, `previous_close_usd` of contract `constituents`.

    adjusted close = (close - deduction_usd) / price_divisor
    index shares   = index shares before * share_factor
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from r2k_pipeline.rulebook.action_types import ActionType, LedgerCause
from r2k_pipeline.rulebook.sources import Certainty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2k_pipeline.rulebook.rules import IndexRules

NOMINAL_PRICE_USD = 0.0001
"""What a bankrupt line, or one halted for good, is removed at, if nobody says another price."""


class SharesEffect(StrEnum):
    """What happens to the line's index shares."""

    UNCHANGED = "unchanged"
    TIMES_FACTOR = "times split_factor"
    PLUS_RATIO = "times 1 + ratio"
    TIMES_RATIO = "times ratio"
    LESS_TENDERED = "less what was tendered"


class PriceEffect(StrEnum):
    """What happens to its close before the session, to value changes at the open with."""

    UNCHANGED = "unchanged"
    OVER_FACTOR = "over split_factor"
    LESS_AMOUNT = "less amount_usd"
    LESS_CHILD = "less ratio x amount_usd, where a when-issued price is known"
    EX_RIGHTS = "theoretical ex-rights price"


class MembershipEffect(StrEnum):
    """What happens to membership."""

    STAYS = "stays"
    CHILD_JOINS = "stays; the child joins its indexes"
    LEAVES = "leaves at its last close, or at amount_usd if it did not trade"
    LEAVES_FOR_SHARES = "leaves; the acquirer's shares grow by ratio"
    LEAVES_AT_NOMINAL = "leaves at a nominal price"
    LEAVES_IF_TAKEN = "leaves if taken over or without float, else stays"
    CARRIED = "stays at its last close; leaves at a nominal price after long"


class IfLate(StrEnum):
    """What becomes of it if it was announced on its session or later."""

    DELAYED = "counts a session later, at a price made from its terms"
    RESTATED = "counts from its own session; what was published is restated"


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """One row of the table.

    Attributes:
        kind: The kind of action.
        shares: What happens to index shares.
        price: What happens to the adjusted close.
        membership: Who joins, who leaves, and at which price.
        cause: Under which cause it moves the divisor; None if it does not.
        if_late: What becomes of one that was announced late.
        certainty: How sure the treatment is; all are of section 9.1, 9.2 and appendix E
            of `rulebook.rules.SOURCES["methodology_2026"]`, or reported of the guide to
            corporate actions in `SOURCES["index_guide_comparison_2026"]`.
    """

    kind: ActionType
    shares: SharesEffect = SharesEffect.UNCHANGED
    price: PriceEffect = PriceEffect.UNCHANGED
    membership: MembershipEffect = MembershipEffect.STAYS
    cause: LedgerCause | None = None
    if_late: IfLate = IfLate.RESTATED
    certainty: Certainty = Certainty.REPORTED


TREATMENTS: tuple[Treatment, ...] = (
    Treatment(
        kind=ActionType.SPLIT,
        shares=SharesEffect.TIMES_FACTOR,
        price=PriceEffect.OVER_FACTOR,
    ),
    Treatment(
        # Level-neutral whichever price the child starts at: what the parent loses, it brings.
        kind=ActionType.SPIN_OFF,
        price=PriceEffect.LESS_CHILD,
        membership=MembershipEffect.CHILD_JOINS,
        cause=LedgerCause.SPIN_OFF,
    ),
    Treatment(
        kind=ActionType.NEW_CLASS,
        price=PriceEffect.LESS_CHILD,
        membership=MembershipEffect.CHILD_JOINS,
        cause=LedgerCause.NEW_CLASS,
        certainty=Certainty.OFFICIAL,
    ),
    Treatment(
        # Not with outcome as_ordinary: then it is a cash dividend.
        kind=ActionType.SPECIAL_DIVIDEND,
        price=PriceEffect.LESS_AMOUNT,
        cause=LedgerCause.SPECIAL_DIVIDEND,
    ),
    Treatment(
        kind=ActionType.RETURN_OF_CAPITAL,
        price=PriceEffect.LESS_AMOUNT,
        cause=LedgerCause.RETURN_OF_CAPITAL,
    ),
    Treatment(
        # Only if subscribing is cheaper than buying; everybody then subscribes.
        kind=ActionType.RIGHTS_ISSUE,
        shares=SharesEffect.PLUS_RATIO,
        price=PriceEffect.EX_RIGHTS,
        cause=LedgerCause.RIGHTS_ISSUE,
    ),
    Treatment(kind=ActionType.CASH_DIVIDEND),
    Treatment(
        kind=ActionType.SHARE_CHANGE,
        shares=SharesEffect.TIMES_RATIO,
        cause=LedgerCause.SHARE_CHANGE,
        if_late=IfLate.DELAYED,
        certainty=Certainty.OFFICIAL,
    ),
    Treatment(
        kind=ActionType.TENDER_OFFER,
        shares=SharesEffect.LESS_TENDERED,
        membership=MembershipEffect.LEAVES_IF_TAKEN,
        cause=LedgerCause.MERGER,
        if_late=IfLate.DELAYED,
    ),
    Treatment(
        kind=ActionType.CASH_MERGER,
        membership=MembershipEffect.LEAVES,
        cause=LedgerCause.MERGER,
        if_late=IfLate.DELAYED,
        certainty=Certainty.OFFICIAL,
    ),
    Treatment(
        # Default terms of an election; with an amount it is mixed.
        kind=ActionType.STOCK_MERGER,
        membership=MembershipEffect.LEAVES_FOR_SHARES,
        cause=LedgerCause.MERGER,
        if_late=IfLate.DELAYED,
        certainty=Certainty.OFFICIAL,
    ),
    Treatment(
        kind=ActionType.DELISTING,
        membership=MembershipEffect.LEAVES,
        cause=LedgerCause.DELISTING,
        if_late=IfLate.DELAYED,
        certainty=Certainty.FROM_MEMORY,
    ),
    Treatment(
        kind=ActionType.BANKRUPTCY,
        membership=MembershipEffect.LEAVES_AT_NOMINAL,
        cause=LedgerCause.DELISTING,
        if_late=IfLate.DELAYED,
    ),
    Treatment(
        kind=ActionType.HALT,
        membership=MembershipEffect.CARRIED,
        cause=LedgerCause.DELISTING,
        certainty=Certainty.FROM_MEMORY,
    ),
    # Identity, domicile and what `maintenance` decides: nothing happens at the open.
    Treatment(kind=ActionType.RENAME),
    Treatment(kind=ActionType.REINCORPORATION, certainty=Certainty.FROM_MEMORY),
    Treatment(kind=ActionType.OFFERING, certainty=Certainty.OFFICIAL),
    Treatment(kind=ActionType.LISTING, certainty=Certainty.OFFICIAL),
)
"""What every kind of action does; actions of one line and session apply in this order."""

_BY_KIND = {treatment.kind: treatment for treatment in TREATMENTS}
APPLICATION_ORDER: Mapping[str, int] = {
    treatment.kind.value: place for place, treatment in enumerate(TREATMENTS)
}
"""The place of each kind among those of one line and session."""


def treatment_of(kind: str) -> Treatment:
    """Find the row of a kind of action.

    Raises:
        ValueError: There is no such kind.

    Example:
        >>> treatment_of("rights_issue").price.value
        'theoretical ex-rights price'
    """
    return _BY_KIND[ActionType(kind)]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What was announced of one action, as contract `corporate_actions` has it.

    Attributes:
        kind: Its kind.
        split_factor: Shares after a split per share before.
        amount_usd: Cash a share; see the contract for each kind.
        ratio: Shares a share; see the contract for each kind.
        is_ordinary: Whether a special dividend counts as an ordinary one.
    """

    kind: ActionType
    split_factor: float | None = None
    amount_usd: float | None = None
    ratio: float | None = None
    is_ordinary: bool = False


@dataclass(frozen=True, kw_only=True)
class Adjustment:
    """What an action does to a line that stays: the default is nothing.

    Attributes:
        deduction_usd: Taken from the close first; negative for what is paid in.
        price_divisor: What the rest is divided by.
        share_factor: What index shares are multiplied by.
    """

    deduction_usd: float = 0.0
    price_divisor: float = 1.0
    share_factor: float = 1.0

    def adjusted_close(self, close_usd: float) -> float:
        """The close before the session in the terms of the session, USD.

        Example:
            >>> Adjustment(deduction_usd=1.5).adjusted_close(20.0)
            18.5
        """
        return (close_usd - self.deduction_usd) / self.price_divisor


def adjustment(terms: Terms, *, cum_close_usd: float | None) -> Adjustment:
    """Work out what an action does to shares and adjusted close of a line that stays.

    Args:
        terms: The action.
        cum_close_usd: The last close before the session, after the actions of the same
            session that come earlier in `TREATMENTS`; None if the line never closed.

    Returns:
        The adjustment. Nothing, if the terms lack what the kind needs; if a payment is
        not below the close, which no payment is; and for a rights issue that nobody
        takes up because its price is not below the close. What a tender offer does
        depends on the float: `tendered`.

    Example:
        A right to one new share at 6 for every four held, at a close of 10:
        (4 x 10 + 6) / 5 = 9.2.

        >>> terms = Terms(kind=ActionType.RIGHTS_ISSUE, ratio=0.25, amount_usd=6.0)
        >>> taken_up = adjustment(terms, cum_close_usd=10.0)
        >>> taken_up.adjusted_close(10.0), taken_up.share_factor
        (9.2, 1.25)

    References:
        `rulebook.rules.SOURCES["index_guide_comparison_2026"]`.
    """
    treatment = _BY_KIND[terms.kind]
    factor, amount, ratio = terms.split_factor, terms.amount_usd or 0.0, terms.ratio or 0.0
    match treatment.price:
        case PriceEffect.OVER_FACTOR if factor:
            return Adjustment(price_divisor=factor, share_factor=factor)
        case PriceEffect.LESS_AMOUNT if not terms.is_ordinary and _below(amount, cum_close_usd):
            return Adjustment(deduction_usd=amount)
        case PriceEffect.LESS_CHILD if _below(amount * ratio, cum_close_usd):
            return Adjustment(deduction_usd=amount * ratio)
        case PriceEffect.EX_RIGHTS if ratio and _below(amount, cum_close_usd):
            grown = 1.0 + ratio
            return Adjustment(
                deduction_usd=-ratio * amount, price_divisor=grown, share_factor=grown
            )
        case _ if treatment.shares is SharesEffect.TIMES_RATIO and ratio:
            return Adjustment(share_factor=ratio)
        case _:
            return Adjustment()


def _below(payment_usd: float, cum_close_usd: float | None) -> bool:
    return payment_usd > 0 and (cum_close_usd is None or payment_usd < cum_close_usd)


def removal_price(
    terms: Terms, *, is_delayed: bool, traded_before: bool, counterparty_close_usd: float | None
) -> float | None:
    """Find the price at which a line leaves, if that is not its last close.

    Args:
        terms: An action that ends the line, or a tender offer that took it over.
        is_delayed: Whether it was announced too late to remove the line before the open.
        traded_before: Whether the line traded on the session before.
        counterparty_close_usd: The acquirer's close on the session, USD.

    Returns:
        USD a share: the line is held through the session at this price and leaves after
        it. None where its own close stands: it leaves before the open, or, if delayed,
        after the session.

    Example:
        It stopped at 5.00 on time; it was halted, or known too late: 5.02.

        >>> deal = Terms(kind=ActionType.CASH_MERGER, amount_usd=5.02)
        >>> removal_price(
        ...     deal, is_delayed=False, traded_before=True, counterparty_close_usd=None)
        >>> removal_price(
        ...     deal, is_delayed=True, traded_before=True, counterparty_close_usd=None)
        5.02

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` appendix E.
    """
    if terms.kind is ActionType.BANKRUPTCY:
        return terms.amount_usd or NOMINAL_PRICE_USD
    if traded_before and not is_delayed:
        return None
    if terms.kind is not ActionType.STOCK_MERGER:
        return terms.amount_usd or None
    if counterparty_close_usd is None or not terms.ratio:
        return None
    return counterparty_close_usd * terms.ratio + (terms.amount_usd or 0.0)


def tendered(ratio: float, *, float_factor: float, rules: IndexRules) -> float | None:
    """What a tender offer leaves of a target's index shares.

    Args:
        ratio: The part of all shares that was tendered, 0 to 1.
        float_factor: The part of all shares that is free to trade, above 0.
        rules: The rules in force; read `taken_over_share` and `minimum_float_share`.

    Returns:
        What index shares and float factor are multiplied by; None if the line leaves.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> rules = rules_in_force(date(2024, 7, 1))
        >>> tendered(0.3, float_factor=0.8, rules=rules)
        0.625
        >>> tendered(0.9, float_factor=1.0, rules=rules) is None
        True

    References:
        `rulebook.rules.SOURCES["index_guide_comparison_2026"]`.
    """
    left = float_factor - ratio
    if ratio >= rules.taken_over_share or left < rules.minimum_float_share:
        return None
    return left / float_factor


def increased_shares(acquirer_shares: float, target_shares: float, ratio: float) -> float:
    """Index shares of an acquirer that pays with its own.

    Args:
        acquirer_shares: Its index shares before.
        target_shares: The target's index shares when it leaves, or, if the target was in
            no index, its shares times the acquirer's float.
        ratio: The acquirer's shares for each of the target's.

    Example:
        >>> increased_shares(1000.0, 500.0, 0.2)
        1100.0

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 9.3.8 and appendix E.
    """
    return acquirer_shares + target_shares * ratio
