"""An index family between two closes: what was held overnight becomes what is held today.

Holds the basket and its elementary changes - a line leaves at a price, is held a last day,
grows, is cut into other shares. Which event does what is `exact_treatments`; what the
levels make of it is `exact_index`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline_tests.oracle.exact_market import Action, ExactMarket


@dataclass(kw_only=True)
class Holding:
    """A member line.

    Args:
        line: Its id.
        company: Its company's id.
        sector: Its sector.
        indexes: Ids of the indexes that hold it.
        shares: Its shares, before float.
        free: The part of them that counts, 0 to 1.
        worth: The price at which it is valued now, USD.
        traded: The number of the session on which it last had a close.
        parent: The line that it was spun off, since the last reset of weights or before.
    """

    line: str
    company: str
    sector: str | None
    indexes: frozenset[str]
    shares: Fraction
    free: Fraction
    worth: Fraction
    traded: int
    parent: str | None = None

    @property
    def index_shares(self) -> Fraction:
        """Shares times float."""
        return self.shares * self.free


Basket = dict[str, Holding]


@dataclass(frozen=True, kw_only=True)
class LastDay:
    """A line that is held through one more session and leaves after it.

    Args:
        action: Why.
        price: What a share is worth at that close; None: its own close.
    """

    action: Action | None
    price: Fraction | None


@dataclass(kw_only=True)
class Opening:
    """One session before its first trade.

    Args:
        day: The session.
        market: What is known of every line.
        observed: How many of its last share counts stand for a line that is no member.
        patience: For how many sessions a line without a close is carried.
        since: The number of the first session that the event in force observed.
        eve: The basket as it closed, untouched from here on.
        basket: The basket as it opens.
        last_days: Lines that are held through this session only.
        births: Children that have not closed yet.
        given: Of children of today the line that gave them.
        late: What was told too late to change shares before the next open.
        paid: Dividends a share of today.
        special: Special dividends a share of today.
    """

    day: date
    market: ExactMarket
    observed: int
    patience: int
    since: int
    eve: Basket
    basket: Basket
    last_days: dict[str, LastDay] = field(default_factory=dict)
    births: Basket = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    late: list[tuple[Action, Fraction]] = field(default_factory=list)
    paid: dict[str, Fraction] = field(default_factory=dict)
    special: dict[str, Fraction] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        day: date,
        market: ExactMarket,
        eve: Basket,
        *,
        observed: int = 0,
        patience: int = 0,
        since: int = 0,
    ) -> Opening:
        """The morning after a close."""
        return cls(
            day=day,
            market=market,
            observed=observed,
            patience=patience,
            since=since,
            eve={line: replace(held) for line, held in eve.items()},
            basket={line: replace(held) for line, held in eve.items()},
        )

    def traded_on_the_eve(self, held: Holding) -> bool:
        """Whether a line had a close on the session before."""
        return held.traded == self.market.place(self.day) - 1

    def is_silent(self, held: Holding) -> bool:
        """Whether a line that is not halted has had no close for longer than it is carried."""
        today = self.market.place(self.day)
        since = self.market.sessions[held.traded : today + 1]
        return (
            today - held.traded > self.patience
            and self.market.close(held.line, self.day) is None
            and not any(self.market.is_halted(held.line, day) for day in since)
        )

    def leave(self, action: Action, price: Fraction | None, *, is_priced: bool = True) -> None:
        """Let a line go at its last close, or, where that says nothing, after a last day.

        Args:
            action: Why it leaves.
            price: Its removal price, if that is known before the close.
            is_priced: Whether it has a removal price at all.
        """
        held = self.basket.get(action.line)
        if held is None or action.line in self.last_days:
            return
        is_late = action.outcome == "delayed"
        if is_late or (is_priced and not self.traded_on_the_eve(held)):
            self.last_days[action.line] = LastDay(action=action, price=price)
        else:
            self.take_out(action.line, action)

    def take_out(self, line: str, action: Action | None) -> None:
        """Sell a line for what it is worth; if it is paid with shares, the payer grows."""
        self.exchange(self.basket.pop(line), action)

    def exchange(self, held: Holding, action: Action | None) -> None:
        """Take the payer's shares for a line that left, if it is paid with shares."""
        if action is None or action.kind != "stock_merger" or action.other is None:
            return
        if action.other in self.basket:
            self.grow(action, held.index_shares / self.basket[action.other].free)
        elif self.market.is_new(action.other, action.day) and action.ratio is not None:
            start = (held.worth - (action.amount or 0)) / action.ratio
            self.bear(action.other, held, held.shares * action.ratio, max(start, Fraction(0)))

    def grow(self, action: Action, target: Fraction) -> None:
        """Add the acquirer's new shares to its own, for so many of the target's."""
        acquirer = self.basket.get(action.other or "") if action.kind == "stock_merger" else None
        if acquirer is not None and action.ratio is not None:
            acquirer.shares += action.ratio * target

    def bear(self, line: str, parent: Holding, shares: Fraction, price: Fraction) -> None:
        """Let a line join in its parent's place, at a price, when it closes first."""
        self.births[line] = Holding(
            line=line,
            company=self.market.company(line),
            sector=parent.sector,
            indexes=parent.indexes,
            shares=shares,
            free=parent.free,
            worth=price,
            traded=self.market.place(self.day) - 1,
            parent=parent.parent or parent.line,
        )

    def sell_last_days(self, last_days: dict[str, LastDay]) -> list[tuple[Holding, Action | None]]:
        """Sell, at the prices of the eve, what was held a last day; say what was sold, and why."""
        return [
            (self.basket.pop(line), last.action)
            for line, last in last_days.items()
            if line in self.basket
        ]
