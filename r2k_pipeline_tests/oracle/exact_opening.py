"""An index family between two closes: what was held overnight becomes what is held today.

Holds the basket and its elementary changes - a line leaves at a price, joins at a price,
has its shares or its price changed. Which event does what is `exact_treatments`; what the
levels make of it is `exact_index`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline_tests.oracle.exact_market import ExactMarket


@dataclass(kw_only=True)
class Holding:
    """A member line.

    Args:
        line: Its id.
        company: Its company's id.
        sector: Its sector.
        indexes: Ids of the indexes that hold it.
        event_id: The reconstitution that is in force.
        shares: Its shares, before float.
        free: The part of them that counts, 0 to 1.
        worth: The price at which it is valued now, USD.
        traded: The number of the session on which it last had a close.
    """

    line: str
    company: str
    sector: str | None
    indexes: frozenset[str]
    event_id: str
    shares: Fraction
    free: Fraction
    worth: Fraction
    traded: int

    @property
    def index_shares(self) -> Fraction:
        """Shares times float."""
        return self.shares * self.free


Basket = dict[str, Holding]


@dataclass(kw_only=True)
class Opening:
    """One session before its first trade.

    Args:
        day: The session.
        market: What is known of every line.
        eve: The basket as it closed, untouched from here on.
        basket: The basket as it opens.
        sold: What one share of the eve fetches, of lines that leave.
        given: Shares of today for each share of the eve.
        paid: Dividends a share of today.
    """

    day: date
    market: ExactMarket
    eve: Basket
    basket: Basket
    sold: dict[str, Fraction] = field(default_factory=dict)
    given: dict[str, Fraction] = field(default_factory=dict)
    paid: dict[str, Fraction] = field(default_factory=dict)

    @classmethod
    def of(cls, day: date, market: ExactMarket, eve: Basket) -> Opening:
        """The morning after a close."""
        return cls(
            day=day,
            market=market,
            eve={line: replace(held) for line, held in eve.items()},
            basket={line: replace(held) for line, held in eve.items()},
        )

    def exchange(self, basket: Basket) -> None:
        """Hold another basket; what is not in it is sold at the last close."""
        self.basket = basket

    def rescale(self, line: str, factor: Fraction) -> None:
        """Cut every share of a line into so many."""
        self.given[line] = self.given.get(line, Fraction(1)) * factor
        held = self.basket.get(line)
        if held is not None:
            held.shares *= factor
            held.worth /= factor

    def leave(self, line: str, price: Fraction) -> None:
        """Sell a line at a price a share of today."""
        if self.basket.pop(line, None) is not None:
            self.sold[line] = price * self.given.get(line, Fraction(1))

    def traded_on_the_eve(self, held: Holding) -> bool:
        """Whether a line had a close on the session before."""
        return held.traded == self.market.place(self.day) - 1
