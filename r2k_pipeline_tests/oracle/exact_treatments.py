"""What each corporate action does to an index, as its definition says and no more.

One function a kind of action, in the order in which actions of one morning apply. They
change the basket of an `Opening`; no divisor appears here, for it follows from what the
basket was worth before and after. Lines that are no members are left alone.
"""

from __future__ import annotations

from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING

from r2k_pipeline_tests.oracle.exact_opening import Holding, LastDay, Opening

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from r2k_pipeline_tests.oracle.exact_market import Action, ExactMarket

_TAKEN_OVER = Fraction(9, 10)
_LEAST_FLOAT = Fraction(5, 100)
NOMINAL = Fraction(0.0001)  # the float that the pipeline has, not the decimal


def split(opening: Opening, action: Action) -> None:
    """Shares times k, price over k."""
    held = opening.basket.get(action.line)
    factor = _given(action.factor)
    if held is not None:
        held.shares *= factor
        held.worth /= factor


def cash_dividend(opening: Opening, action: Action) -> None:
    """The price index is untouched; total return reinvests on the ex-date."""
    paid = opening.paid.get(action.line, Fraction(0))
    opening.paid[action.line] = paid + _given(action.amount)


def special_dividend(opening: Opening, action: Action) -> None:
    """Taken off the price on the ex-date; the fourth in a row counts as ordinary."""
    if action.outcome == "as_ordinary":
        cash_dividend(opening, action)
    elif return_of_capital(opening, action):
        opening.special[action.line] = _given(action.amount)


def return_of_capital(opening: Opening, action: Action) -> bool:
    """The price is cut on the ex-date; no payment reaches the price. Says whether it was."""
    held = opening.basket.get(action.line)
    paid = _given(action.amount)
    is_paid = held is not None and paid < held.worth
    if held is not None and is_paid:
        held.worth -= paid
    return is_paid


def rights_issue(opening: Opening, action: Action) -> None:
    """Below the cum price all rights are taken up, and the price is the theoretical ex-rights."""
    held = opening.basket.get(action.line)
    price, new = _given(action.amount), _given(action.ratio)
    if held is not None and price < held.worth:
        held.worth = (held.worth + new * price) / (1 + new)
        held.shares *= 1 + new
        if action.line in opening.special:
            opening.special[action.line] /= 1 + new


def spin_off(opening: Opening, action: Action) -> None:
    """The child joins its parent's indexes at a when-issued price, which the parent loses."""
    parent = opening.basket.get(action.line)
    if parent is None:
        return
    start, ratio = action.amount or Fraction(0), _given(action.ratio)
    if ratio * start < parent.worth:
        parent.worth -= ratio * start
    if action.other is None or action.other in opening.basket:
        return
    opening.bear(action.other, parent, parent.shares * ratio, start)
    opening.given[action.other] = action.line


def share_change(opening: Opening, action: Action) -> None:
    """More or fewer shares at an unchanged price."""
    held = opening.basket.get(action.line)
    if held is not None:
        held.shares *= _given(action.ratio)


def tender_offer(opening: Opening, action: Action) -> None:
    """What was tendered floats no more; from 90 %, or below 5 % of float, the line leaves.

    An offer is no end, so a line that is silent for too long leaves for that.
    """
    held = opening.basket.get(action.line)
    if held is None or opening.is_silent(held):
        return
    left = held.free - _given(action.ratio)
    if _given(action.ratio) >= _TAKEN_OVER or left < _LEAST_FLOAT:
        opening.leave(action, action.amount, is_priced=action.amount is not None)
    elif action.outcome == "delayed":
        opening.late.append((action, left / held.free))
    else:
        held.free = left


def cash_merger(opening: Opening, action: Action) -> None:
    """The target leaves at its last price, or at the terms if it did not trade on the eve."""
    opening.leave(action, action.amount)


def stock_merger(opening: Opening, action: Action) -> None:
    """The target leaves and its shares become the acquirer's, at the same moment."""
    if action.line in opening.basket:
        close = opening.market.last_close(action.other or "", opening.day)
        opening.leave(action, None, is_priced=close is not None)
        return
    shares = observed_today(opening, action.line)
    if shares is None:
        return
    if action.outcome == "delayed":
        opening.late.append((action, shares))
    else:
        opening.grow(action, shares)


def delisting(opening: Opening, action: Action) -> None:
    """The line leaves at its last price, or over the counter if it did not trade on the eve."""
    opening.leave(action, action.amount, is_priced=action.amount is not None)


def bankruptcy(opening: Opening, action: Action) -> None:
    """The line is worth a nominal price at the close, and leaves."""
    if action.line in opening.basket and action.line not in opening.last_days:
        price = NOMINAL if action.amount is None else action.amount
        opening.last_days[action.line] = LastDay(action=action, price=price)


def nothing(opening: Opening, action: Action) -> None:
    """A name changes, no value. Offerings are a review's; a halted line is only carried longer."""


TREATMENTS: Mapping[str, Callable[[Opening, Action], object]] = {
    "split": split,
    "spin_off": spin_off,
    "new_class": spin_off,
    "special_dividend": special_dividend,
    "return_of_capital": return_of_capital,
    "rights_issue": rights_issue,
    "share_change": share_change,
    "tender_offer": tender_offer,
    "cash_merger": cash_merger,
    "stock_merger": stock_merger,
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

ON_ONE_LINE = (
    "split", "spin_off", "new_class", "special_dividend", "return_of_capital", "rights_issue",
    "share_change",
)  # fmt: skip
"""Those that change the shares or the price of their own line."""


def observed(
    market: ExactMarket, line: str, days: Sequence[date], count: int
) -> tuple[Fraction | None, tuple[Fraction, int] | None]:
    """The median of a line's last share counts, and its last close and when that was.

    Both in the terms of the last of the days: what happens to a line happens to what was
    counted of it before.
    """
    seen: list[Fraction] = []
    last: tuple[Fraction, int] | None = None
    for day in days:
        worth, factor = carried(market, line, day, None if last is None else last[0])
        seen = [shares * factor for shares in seen]
        last = None if last is None or worth is None else (worth, last[1])
        quote = market.quotes(day).get(line)
        if quote is not None and quote.shares:
            seen.append(quote.shares)
        close = market.close(line, day)
        if close is not None:
            last = close, market.place(day)
    return (median(seen[-count:]) if seen else None), last


def observed_today(opening: Opening, line: str) -> Fraction | None:
    """The shares of a line that is no member, after the actions of this open.

    What was seen of it before the last event observed anybody's shares says nothing.
    """
    days = opening.market.sessions[opening.since : opening.market.place(opening.day)]
    shares, last = observed(opening.market, line, days, opening.observed)
    if shares is None:
        return None
    worth = None if last is None else last[0]
    return shares * carried(opening.market, line, opening.day, worth)[1]


def carried(
    market: ExactMarket, line: str, day: date, worth: Fraction | None
) -> tuple[Fraction | None, Fraction]:
    """What a close of the eve and one share of it are after the actions of a session."""
    alone = Holding(
        line=line, company="", sector=None, indexes=frozenset(), shares=Fraction(1),
        free=Fraction(1), worth=worth or Fraction(0), traded=0,
    )  # fmt: skip
    opening = Opening.of(day, market, {line: alone})
    for kind in ON_ONE_LINE:
        for action in market.actions(day):
            if action.kind == kind and action.line == line and action.outcome != "unknown_line":
                TREATMENTS[kind](opening, action)
    held = opening.basket[line]
    return (None if worth is None else held.worth), held.shares


def _given(value: Fraction | None) -> Fraction:
    if value is None:
        message = "an action without its terms"
        raise ValueError(message)
    return value
