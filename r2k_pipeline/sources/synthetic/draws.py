"""Whom an event suits, and its particulars: companies, sessions, ratios and premiums, drawn.

Add a kind of event to `parameters`, its pool to `_SUITS` and its particulars here. When
companies arrive and leave is `events`; what an event does to prices is `prices`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from r2k_pipeline.sources.synthetic.parameters import (
    EVENTS_PER_YEAR,
    KIND_COUNTS,
    CompanyKind,
    EventKind,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

_FORWARD_FACTORS, _REVERSE_FACTORS = (2.0, 2.0, 3.0, 4.0, 1.5, 10.0), (0.1, 0.05, 0.2, 0.04)
_SPIN_RATIOS = (0.25, 0.5, 1.0, 0.2)
_RIGHTS_RATIOS, _SHARE_CHANGES, _TENDERED = (0.1, 0.2, 0.25), (0.96, 1.02, 1.05), (0.1, 0.2, 0.3)
_TAKEN_OVER = 0.95
_LONGEST_OFFER, _SHORTEST_OFFER = 90, 8
_SHORTEST_HALT, _LONGEST_HALT = 2, 12
_SESSIONS_PER_YEAR = 252
_LATE_EVERY = 10  # one offer in so many is completed too late for the open

STOCK_OFFERS = (
    EventKind.STOCK_MERGER,
    EventKind.MIXED_MERGER,
    EventKind.FOREIGN_TARGET,
    EventKind.FOREIGN_ACQUIRER,
)
"""Mergers that are paid in shares of another company, some with cash."""

OFFERS = (EventKind.CASH_MERGER, EventKind.TENDER_TAKEOVER, *STOCK_OFFERS)
"""What is announced, held for, and ends the target."""

LEAVES = (*OFFERS, EventKind.BANKRUPTCY, EventKind.LIQUIDATION)
"""After which the lines of a company are gone."""


_COMMON_ENDS = (EventKind.CASH_MERGER, EventKind.STOCK_MERGER, EventKind.BANKRUPTCY)
LEAVING_RATE = (
    sum(EVENTS_PER_YEAR[kind] for kind in _COMMON_ENDS)
    / KIND_COUNTS[CompanyKind.DOMESTIC]
    / _SESSIONS_PER_YEAR
)
"""How many of the operating companies that are there leave in a session."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happens to a company.

    Attributes:
        kind: What happens.
        company: To whom.
        session: Position of the ex or effective session; for a bankruptcy or
            liquidation the last session on which the lines are listed.
        factor: Shares after per share before, of a split or a change of shares; null
            otherwise.
        ratio: Child's or acquirer's shares per share, new shares of a rights issue, or the
            part that is tendered; a stock merger's is only known with prices and null here.
        share: Size (0 to 1) of what the event moves: the part of the value that a
            spin-off takes, the premium of an offer, the yield of a special dividend, the
            discount of a rights issue.
        cash: The part (0 to 1) of an offer that is paid in cash, of a mixed one.
        counterparty: The child or the acquirer.
        announced: Position of the session on which an offer becomes known.
        until: Position of the first session after a halt.
        is_late: Whether an end is told only on the session on which the line is gone.
    """

    kind: EventKind
    company: int
    session: int
    factor: float | None = None
    ratio: float | None = None
    share: float | None = None
    cash: float | None = None
    counterparty: int | None = None
    announced: int | None = None
    until: int | None = None
    is_late: bool = False


@dataclass(frozen=True, kw_only=True)
class Draw:
    """What is drawn from: sessions, and companies that nothing has happened to yet."""

    rng: Generator
    companies: pl.DataFrame
    days: NDArray[np.int64]
    taken: set[int]

    def day(self) -> int:
        """Any eventful session; the earlier the likelier, as fewer are there later."""
        span = 1.0 - np.exp(-LEAVING_RATE * len(self.days))
        place = -np.log(1.0 - self.rng.random() * span) / LEAVING_RATE
        return int(self.days[int(place)])

    def pick(self, values: tuple[float, ...]) -> float:
        """Any of some values."""
        return values[int(self.rng.integers(len(values)))]

    def suited(self, kind: EventKind, count: int, busy: frozenset[int]) -> list[int]:
        """Draw companies that suit a kind of event, and take them."""
        pool = self.companies.filter(
            pl.col("origin") == "start",
            _SUITS[kind](),
            ~pl.col("company").is_in(list(self.taken)),
        )
        if kind in LEAVES or kind is EventKind.SPAC_MERGER:
            pool = pool.filter(~pl.col("company").is_in(list(busy)))
        numbers = pool["company"].to_numpy()
        chosen = [int(c) for c in self.rng.choice(numbers, min(count, len(numbers)), replace=False)]
        self.taken.update(chosen)
        return chosen


def operating() -> pl.Expr:
    """Domestic companies that make or do something.

    Example:
        >>> pl.DataFrame({"kind": ["domestic", "spac"]}).filter(operating()).height
        1
    """
    return pl.col("kind") == CompanyKind.DOMESTIC.value


def _cap_quantile(low: float, high: float) -> pl.Expr:
    """Operating companies between two quantiles of cap."""
    rank = (pl.col("start_cap_usd").rank() / pl.len()).over("kind")
    return operating() & rank.is_between(low, high)


def _cheapest(share: float) -> pl.Expr:
    """Operating companies whose price is among the lowest."""
    return operating() & ((pl.col("start_price_usd").rank() / pl.len()).over("kind") <= share)


def _dearest(share: float) -> pl.Expr:
    """Operating companies whose price is among the highest."""
    return operating() & ((pl.col("start_price_usd").rank() / pl.len()).over("kind") > 1 - share)


def _foreign() -> pl.Expr:
    return pl.col("kind") == CompanyKind.FOREIGN.value


def _spac() -> pl.Expr:
    return pl.col("kind") == CompanyKind.SPAC.value


_SUITS: dict[EventKind, Callable[[], pl.Expr]] = {
    EventKind.SPIN_OFF: lambda: _cap_quantile(0.8, 1.0),
    EventKind.STOCK_MERGER: lambda: _cap_quantile(0.2, 0.8),
    EventKind.CASH_MERGER: lambda: _cap_quantile(0.1, 0.9),
    EventKind.FORWARD_SPLIT: lambda: _dearest(0.15),
    EventKind.REVERSE_SPLIT: lambda: _cheapest(0.15),
    EventKind.BANKRUPTCY: lambda: _cap_quantile(0.0, 0.5),
    EventKind.LIQUIDATION: _spac,
    EventKind.SPAC_MERGER: _spac,
    EventKind.SYMBOL_CHANGE: operating,
    EventKind.SYMBOL_AND_NAME_CHANGE: operating,
    EventKind.NAME_CHANGE: operating,
    EventKind.SPECIAL_DIVIDEND: lambda: _cap_quantile(0.3, 1.0),
    EventKind.RIGHTS_ISSUE: lambda: _cap_quantile(0.2, 1.0),
    EventKind.RETURN_OF_CAPITAL: lambda: _cap_quantile(0.2, 1.0),
    EventKind.SHARE_CHANGE: lambda: _cap_quantile(0.2, 1.0),
    EventKind.PARTIAL_TENDER: lambda: _cap_quantile(0.2, 1.0),
    EventKind.HALT: lambda: _cap_quantile(0.1, 1.0),
    EventKind.TENDER_TAKEOVER: lambda: _cap_quantile(0.1, 0.9),
    EventKind.MIXED_MERGER: lambda: _cap_quantile(0.1, 0.8),
    EventKind.FOREIGN_TARGET: _foreign,
    EventKind.FOREIGN_ACQUIRER: lambda: _cap_quantile(0.1, 0.8),
}


def particulars(draw: Draw, kind: EventKind, company: int, number: int) -> Event | None:
    """Draw the particulars of one event; null where nobody is left to buy for shares.

    Args:
        draw: What is drawn from.
        kind: What happens.
        company: To whom.
        number: How many events of the kind there were before.
    """
    day = draw.day()
    if kind in OFFERS:
        return _offer(draw, kind, company, day, number)
    drawn = _DRAWN.get(kind)
    own = {} if drawn is None else drawn(draw, number)
    if kind is EventKind.HALT:
        halt = int(draw.rng.integers(_SHORTEST_HALT, _LONGEST_HALT))
        own = {"until": min(day + halt, int(draw.days[-1]) + 1)}
    return Event(kind=kind, company=company, session=day, **own)


def _spin_off(draw: Draw, number: int) -> dict[str, Any]:
    ratio, share = draw.pick(_SPIN_RATIOS), float(draw.rng.uniform(0.05, 0.25))
    return {"ratio": ratio, "share": share, "counterparty": _child(draw.companies, number)}


_DRAWN: dict[EventKind, Callable[[Draw, int], dict[str, Any]]] = {
    EventKind.FORWARD_SPLIT: lambda draw, _: {"factor": draw.pick(_FORWARD_FACTORS)},
    EventKind.REVERSE_SPLIT: lambda draw, _: {"factor": draw.pick(_REVERSE_FACTORS)},
    EventKind.SHARE_CHANGE: lambda draw, _: {"factor": draw.pick(_SHARE_CHANGES)},
    EventKind.SPIN_OFF: _spin_off,
    EventKind.SPECIAL_DIVIDEND: lambda draw, _: {"share": float(draw.rng.uniform(0.04, 0.12))},
    EventKind.RETURN_OF_CAPITAL: lambda draw, _: {"share": float(draw.rng.uniform(0.04, 0.12))},
    EventKind.RIGHTS_ISSUE: lambda draw, _: {
        "ratio": draw.pick(_RIGHTS_RATIOS),
        "share": float(draw.rng.uniform(0.1, 0.4)),
    },
    EventKind.PARTIAL_TENDER: lambda draw, _: {
        "ratio": draw.pick(_TENDERED),
        "share": float(draw.rng.uniform(0.05, 0.2)),
    },
}
"""What else is drawn of a kind than its session and company."""


def _child(companies: pl.DataFrame, number: int) -> int:
    """The company that the numbered spin-off lists."""
    return int(companies.filter(pl.col("origin") == "child")["company"].to_list()[number])


def _offer(draw: Draw, kind: EventKind, company: int, day: int, number: int) -> Event | None:
    """An offer with its premium: for cash, for shares of another company, or both."""
    acquirer = _acquirer(draw, kind) if kind in STOCK_OFFERS else None
    if acquirer is None and kind in STOCK_OFFERS:
        return None
    offer = int(draw.rng.integers(_SHORTEST_OFFER, _LONGEST_OFFER))
    is_mixed = kind is EventKind.MIXED_MERGER
    return Event(
        kind=kind,
        company=company,
        session=day,
        ratio=_TAKEN_OVER if kind is EventKind.TENDER_TAKEOVER else None,
        share=float(draw.rng.uniform(0.1, 0.5)),
        counterparty=acquirer,
        cash=float(draw.rng.uniform(0.2, 0.6)) if is_mixed else None,
        announced=max(day - offer, 1),
        is_late=number % (2 if is_mixed else _LATE_EVERY) == 1,
    )


def _acquirer(draw: Draw, kind: EventKind) -> int | None:
    """A large company, which itself has no event, and may buy only once; null if none is left."""
    free = draw.companies.filter(
        pl.col("origin") == "start", ~pl.col("company").is_in(list(draw.taken))
    )
    suits = _foreign() if kind is EventKind.FOREIGN_ACQUIRER else _cap_quantile(0.8, 1.0)
    pool = free.filter(suits)
    if pool.is_empty():  # in a long market something has happened to all of them
        pool = free.filter(operating())
    if pool.is_empty():
        return None
    chosen = int(draw.rng.choice(pool["company"].to_numpy()))
    draw.taken.add(chosen)
    return chosen
