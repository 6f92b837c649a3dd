"""What each corporate action does to an index, as its definition says and no more.

One function a kind of action, in the order in which actions of one morning apply. They
change the basket of an `Opening`; no divisor appears here, for it follows from what the
basket was worth before and after. Lines that are no members are left alone.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from r2k_pipeline_tests.oracle.exact_opening import Holding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from r2k_pipeline_tests.oracle.exact_market import Action
    from r2k_pipeline_tests.oracle.exact_opening import Opening

_TAKEN_OVER = Fraction(9, 10)
_LEAST_FLOAT = Fraction(5, 100)
_NOMINAL = Fraction("0.0001")


def split(opening: Opening, action: Action) -> None:
    """Shares times k, price over k."""
    opening.rescale(action.line, _given(action.factor))


def cash_dividend(opening: Opening, action: Action) -> None:
    """The price index is untouched; total return reinvests on the ex-date."""
    paid = opening.paid.get(action.line, Fraction(0))
    opening.paid[action.line] = paid + _given(action.amount)


def special_dividend(opening: Opening, action: Action) -> None:
    """Taken off the price on the ex-date; the fourth in a row counts as ordinary."""
    if action.outcome == "as_ordinary":
        cash_dividend(opening, action)
        return
    return_of_capital(opening, action)


def return_of_capital(opening: Opening, action: Action) -> None:
    """The price is cut on the ex-date."""
    held = opening.basket.get(action.line)
    if held is not None:
        held.worth -= _given(action.amount)


def rights_issue(opening: Opening, action: Action) -> None:
    """Below the cum price all rights are taken up, and the price is the theoretical ex-rights."""
    held = opening.basket.get(action.line)
    price, new = _given(action.amount), _given(action.ratio)
    if held is not None and price < held.worth:
        held.worth = (held.worth + new * price) / (1 + new)
        held.shares *= 1 + new


def spin_off(opening: Opening, action: Action) -> None:
    """The child joins its parent's indexes at a when-issued price, which the parent loses."""
    parent = opening.basket.get(action.line)
    if parent is None or action.other is None or action.other in opening.basket:
        return
    start = action.amount or Fraction(0)
    parent.worth -= _given(action.ratio) * start
    opening.basket[action.other] = Holding(
        line=action.other,
        company=opening.market.company(action.other),
        sector=parent.sector,
        indexes=parent.indexes,
        event_id=parent.event_id,
        shares=parent.shares * _given(action.ratio),
        free=parent.free,
        worth=start,
        traded=opening.market.place(opening.day) - 1,
    )


def share_change(opening: Opening, action: Action) -> None:
    """More or fewer shares at an unchanged price."""
    held = opening.basket.get(action.line)
    if held is not None:
        held.shares *= _given(action.ratio)


def tender_offer(opening: Opening, action: Action) -> None:
    """The tendered part is free no more; beyond 90 %, or below 5 % of float, the line leaves."""
    held = opening.basket.get(action.line)
    if held is None:
        return
    part = _given(action.ratio)
    if part >= _TAKEN_OVER or held.free * (1 - part) < _LEAST_FLOAT:
        opening.leave(action.line, held.worth)
    else:
        held.free *= 1 - part


def cash_merger(opening: Opening, action: Action) -> None:
    """The target leaves at its last price, or at the terms if it did not trade on the eve."""
    held = opening.basket.get(action.line)
    if held is not None:
        traded = opening.traded_on_the_eve(held)
        opening.leave(action.line, held.worth if traded else _given(action.amount))


def stock_merger(opening: Opening, action: Action) -> None:
    """The target leaves and its shares become the acquirer's, at the same moment."""
    target = opening.basket.get(action.line)
    acquirer = opening.basket.get(action.other or "")
    ratio = _given(action.ratio)
    if target is not None:
        price = target.worth
        if acquirer is not None and not opening.traded_on_the_eve(target):
            price = acquirer.worth * ratio + (action.amount or 0)
        opening.leave(action.line, price)
    if acquirer is not None and target is not None:
        acquirer.shares += ratio * target.index_shares / acquirer.free


def delisting(opening: Opening, action: Action) -> None:
    """The line leaves at the price over the counter, or its last one."""
    held = opening.basket.get(action.line)
    if held is not None:
        opening.leave(action.line, held.worth if action.amount is None else action.amount)


def bankruptcy(opening: Opening, action: Action) -> None:
    """The line leaves at a nominal price."""
    opening.leave(action.line, _NOMINAL if action.amount is None else action.amount)


def nothing(opening: Opening, action: Action) -> None:
    """Halts carry the last close of themselves; the rest changes names, not values."""


TREATMENTS: Mapping[str, Callable[[Opening, Action], None]] = {
    "split": split,
    "spin_off": spin_off,
    "new_class": spin_off,
    "special_dividend": special_dividend,
    "return_of_capital": return_of_capital,
    "rights_issue": rights_issue,
    "share_change": share_change,
    "tender_offer": tender_offer,
    "stock_merger": stock_merger,
    "cash_merger": cash_merger,
    "delisting": delisting,
    "bankruptcy": bankruptcy,
    "cash_dividend": cash_dividend,
    "halt": nothing,
    "rename": nothing,
    "reincorporation": nothing,
    "offering": nothing,
    "listing": nothing,
}
"""Every kind of action, in the order in which those of one morning apply."""


def _given(value: Fraction | None) -> Fraction:
    if value is None:
        message = "an action without its terms"
        raise ValueError(message)
    return value
