"""An index by its definitions alone, session after session, in exact rational arithmetic.

    price(t) = sum of closes times shares that count, over the divisor
    divisor: multiplied at each open by what the basket is worth after its changes over
             what it was worth before, both at the closes of the eve
    total(t) = total(t-1) * (price(t) + dividends of t over the divisor) / price(t-1)

Slow and plain on purpose: it carries a basket from one close to the next as an index
clerk would, sharing nothing with the pipeline but its input. Not a thing to extend for
speed; a new rule of methodology is a new few lines here, written from the rule.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from r2k_pipeline.rulebook.index_definition import Weighting
from r2k_pipeline_tests.oracle.exact_market import ExactMarket
from r2k_pipeline_tests.oracle.exact_opening import Holding, LastDay, Opening
from r2k_pipeline_tests.oracle.exact_treatments import NOMINAL, TREATMENTS, observed
from r2k_pipeline_tests.oracle.told_history import FAMILY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline_tests.oracle.exact_market import Action, Decision
    from r2k_pipeline_tests.oracle.exact_opening import Basket
    from r2k_pipeline_tests.oracle.told_history import History

# US tax on dividends to holders without a treaty.
_TAX = Fraction(3, 10)
_NONE = Fraction(0)


@dataclass(frozen=True, kw_only=True)
class ExactLevel:
    """One session of one index."""

    price: Fraction
    total: Fraction
    net: Fraction
    members: int


class ExactIndex:
    """One index: which shares count, and the divisor that keeps its level continuous."""

    def __init__(self, index: IndexDefinition) -> None:
        """An index that has not begun."""
        self.index = index
        self.factors: dict[str, Fraction] = {}
        self.divisor: Fraction | None = None
        self.level: ExactLevel | None = None
        self.kept = Fraction(1)

    def counts(self, held: Holding) -> Fraction:
        """The shares of a line that count in this index."""
        if self.index.index_id not in held.indexes:
            return _NONE
        if self.index.weighting is Weighting.FULL_MARKET_CAP:
            return held.shares
        if self.index.weighting is Weighting.EQUAL:
            inherited = self.factors.get(held.parent or "", Fraction(0))
            return held.index_shares * self.factors.get(held.line, inherited)
        return held.index_shares

    def value(self, basket: Basket) -> Fraction:
        """What a basket is worth."""
        own = [held for held in basket.values() if self.index.index_id in held.indexes]
        return sum((self.counts(held) * held.worth for held in own), _NONE)

    def reset(self, basket: Basket) -> None:
        """Give every sector the same weight, and every company within a sector.

        A child that begins at nothing has no weight yet and counts as its parent does.
        """
        members = {
            line: held
            for line, held in basket.items()
            if self.index.index_id in held.indexes and held.worth
        }
        worth = {line: held.index_shares * held.worth for line, held in members.items()}
        company: Counter[str] = Counter()
        sector_of = {held.company: held.sector for held in members.values()}
        for line, held in members.items():
            company[held.company] += worth[line]  # type: ignore[assignment]
        companies = Counter(sector_of.values())
        self.factors = {}
        for line, held in members.items():
            weight = Fraction(1, len(companies) * companies[held.sector])
            part = worth[line] / company[held.company]
            self.factors[line] = weight * part * sum(worth.values()) / worth[line]

    def open(self, opening: Opening, *, is_reset: bool) -> None:
        """Keep the level where it closed, whatever the basket has become."""
        before = None if self.divisor is None else self.value(opening.eve)
        self.kept = Fraction(1)
        if is_reset and self.index.weighting is Weighting.EQUAL:
            self.reset(opening.basket)
        after = self.value(opening.basket)
        if self.divisor is not None and before:
            self.divisor = self.divisor * after / before
            taxed = _TAX * self.dividends(opening.special, opening.basket)
            self.kept = after / (after + taxed) if after else Fraction(1)

    def dividends(self, paid: Mapping[str, Fraction], basket: Basket) -> Fraction:
        """What dividends a share are to the basket."""
        paying = [line for line in paid if line in basket]
        return sum((self.counts(basket[line]) * paid[line] for line in paying), _NONE)

    def close(self, opening: Opening) -> ExactLevel | None:
        """The level at the closes of the day; None without members."""
        held = [h for h in opening.basket.values() if self.counts(h)]
        value = self.value(opening.basket)
        if not held:
            self.divisor, self.level = None, None
        elif self.level is None or not self.divisor:
            base = Fraction(self.index.base_value)
            self.divisor = value / base
            self.level = ExactLevel(price=base, total=base, net=base, members=len(held))
        else:
            price = value / self.divisor
            paid = self.dividends(opening.paid, opening.basket) / self.divisor
            self.level = ExactLevel(
                price=price,
                total=self.level.total * (price + paid) / self.level.price,
                net=self.level.net * self.kept * (price + paid * (1 - _TAX)) / self.level.price,
                members=len(held),
            )
        return self.level


class ExactFamily:
    """The baskets of a family from its first session on, and the levels of its indexes."""

    def __init__(self, history: History) -> None:
        """Read the history; nothing is computed yet."""
        self.history = history
        self.market = ExactMarket(history)
        self.events = {event.effective_session: event.event_id for event in history.events}
        self.indexes = {index_id: ExactIndex(index) for index_id, index in FAMILY.items()}
        self.last_days: dict[str, LastDay] = {}
        self.births: Basket = {}
        self.applied: Counter[str] = Counter()
        self.since = 0
        self.late: list[tuple[Action, Fraction]] = []

    def levels(self) -> dict[tuple[str, date], ExactLevel]:
        """Every level of every index that has members."""
        found: dict[tuple[str, date], ExactLevel] = {}
        basket: Basket = {}
        for day in self.history.in_force:
            if day in self.events:
                count = self.history.rules.share_observation_sessions
                self.since = self.market.place(day) - count
            opening = Opening.of(
                day,
                self.market,
                basket,
                observed=self.history.rules.share_observation_sessions,
                patience=self.history.rules.max_carried_sessions,
                since=self.since,
            )
            self.change(opening)
            for index in self.indexes.values():
                index.open(opening, is_reset=day in self.history.resets)
            basket = opening.basket
            self.close(opening)
            for index_id, index in self.indexes.items():
                level = index.close(opening)
                if level is not None:
                    found[index_id, day] = level
        return found

    def close(self, opening: Opening) -> None:
        """Value every line at its close, and what is held a last day at its removal price."""
        for held in opening.basket.values():
            self.mark(held, opening.day)
        for line, last in opening.last_days.items():
            price = self.removal_price(last, opening)
            if price is not None:
                opening.basket[line].worth = price
        self.last_days, self.births = opening.last_days, opening.births
        self.late = opening.late

    def removal_price(self, last: LastDay, opening: Opening) -> Fraction | None:
        """What a share is worth on its last day; a merger in stock pays at the acquirer's close."""
        action = last.action
        if action is None or action.kind != "stock_merger":
            return last.price
        acquirer = opening.basket.get(action.other or "")
        close = self.market.last_close(action.other or "", opening.day)
        worth = acquirer.worth if acquirer is not None else close
        if worth is None or action.ratio is None:
            return None
        return worth * action.ratio + (action.amount or 0)

    def mark(self, held: Holding, day: date) -> None:
        """Value a line at its close; without one it keeps its last."""
        close = self.market.close(held.line, day)
        if close is not None:
            held.worth, held.traded = close, self.market.place(day)

    def change(self, opening: Opening) -> None:
        """Apply everything that counts from this open on: reviews first, then actions.

        The members of an event come with shares and floats observed anew, so nothing that
        was pending from before it is left.
        """
        opening.births = self.births
        sold, late = opening.sell_last_days(self.last_days), self.late
        event_id = self.events.get(opening.day)
        if event_id is not None:
            members = self.market.members_of(self.history.decisions, event_id)
            opening.basket, opening.births = self.enrolled(members, opening.day), {}
            sold, late = [], []
        self.shrink(opening, late)
        joining = self.enrolled(self.market.joins(opening.day), opening.day)
        for line, held in joining.items():
            opening.basket.setdefault(line, held)
        self.update(opening)
        for held, action in sold:
            opening.exchange(held, action)
        for action, size in late:
            opening.grow(action, size)
        self.treat(opening)
        self.remove_silent(opening)
        self.deliver(opening)

    def shrink(self, opening: Opening, late: list[tuple[Action, Fraction]]) -> None:
        """Take off the float what was tendered, as told late; a review may find another."""
        for action, size in late:
            if action.kind == "tender_offer" and action.line in opening.basket:
                opening.basket[action.line].free *= size

    def treat(self, opening: Opening) -> None:
        """Apply the actions of the morning, kind by kind."""
        for kind, treat in TREATMENTS.items():
            for action in self.market.actions(opening.day):
                if action.kind == kind and action.outcome != "unknown_line":
                    self.applied[kind] += action.line in opening.basket
                    treat(opening, action)

    def deliver(self, opening: Opening) -> None:
        """Let children join that close today, if it is soon; ineligible ones for a day.

        A parent that left this morning took its child with it: its last close has both.
        """
        for line, birth in list(opening.births.items()):
            waited = self.market.place(opening.day) - birth.traded
            giver = opening.given.get(line, line)
            is_orphan = giver != line and giver not in opening.basket
            if is_orphan or waited > opening.patience + 1:
                del opening.births[line]
            quote = self.market.quotes(opening.day).get(line)
            if line in opening.births and quote is not None:
                opening.basket[line] = opening.births.pop(line)
                if not quote.is_eligible:
                    opening.last_days[line] = LastDay(action=None, price=None)

    def enrolled(self, members: list[Decision], day: date) -> Basket:
        """The lines of companies that join, with the shares observed before the open."""
        basket: Basket = {}
        days = self.market.before(day, self.history.rules.share_observation_sessions)
        for decision in members:
            for line in self.lines_of(decision, days):
                shares, worth = observed(self.market, line, days, len(days))
                if shares is None or worth is None or self.market.has_ended(line, day):
                    continue
                basket[line] = Holding(
                    line=line,
                    company=decision.company,
                    sector=decision.sector,
                    indexes=decision.indexes,
                    shares=shares,
                    free=decision.free or Fraction(1),
                    worth=worth[0],
                    traded=worth[1],
                )
        return basket

    def lines_of(self, decision: Decision, days: Sequence[date]) -> list[str]:
        """A company's pricing vehicle and its other eligible lines."""
        others = {
            quote.line
            for eve in days
            for quote in self.market.rows(eve).values()
            if quote.company == decision.company and quote.is_eligible
        }
        return sorted({decision.line, *others})

    def update(self, opening: Opening) -> None:
        """Change shares and floats as a review decided, on every line of the company."""
        for update in self.market.updates(opening.day):
            for held in opening.basket.values():
                if held.company != update.company:
                    continue
                if update.kind == "float_update" and update.free is not None:
                    held.free = update.free
                else:
                    held.shares *= update.factor

    def remove_silent(self, opening: Opening) -> None:
        """Sell at its last close what has not traded for too long, halted lines for nothing."""
        today, limit = self.market.place(opening.day), self.history.rules.halt_removal_sessions
        for held in list(opening.basket.values()):
            if held.line in opening.last_days or self.market.close(held.line, opening.day):
                continue
            since = self.market.sessions[held.traded : today + 1]
            is_halted = any(self.market.is_halted(held.line, day) for day in since)
            if is_halted and today - held.traded > limit:
                opening.last_days[held.line] = LastDay(action=None, price=NOMINAL)
            elif opening.is_silent(held):
                opening.take_out(held.line, None)
