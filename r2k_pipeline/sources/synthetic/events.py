"""The schedule: who arrives, who leaves, and what happens to whom on which session.

A company has at most one event of `EventKind`, so events never meet. Sessions are
positions (0, 1, ...) in the market's sessions. Prices are not known here: an
event says what will happen, `prices` what it does.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from r2k_pipeline.sources.synthetic.parameters import (
    EVENTS_PER_YEAR,
    KIND_COUNTS,
    CompanyKind,
    EventKind,
    MarketParameters,
    Stream,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

_QUIET_AT_START, _QUIET_AT_END = 12, 3
_FORWARD_FACTORS, _REVERSE_FACTORS = (2.0, 2.0, 3.0, 4.0, 1.5, 10.0), (0.1, 0.05, 0.2, 0.04)
_SPIN_RATIOS = (0.25, 0.5, 1.0, 0.2)
_LONGEST_OFFER, _SHORTEST_OFFER = 90, 8
_SESSIONS_PER_YEAR = 252
_SETTLED_SESSIONS = 252  # who lists later stays at least so long
_BOUGHT_SHARE = 0.5

LEAVES = (
    EventKind.CASH_MERGER,
    EventKind.STOCK_MERGER,
    EventKind.BANKRUPTCY,
    EventKind.LIQUIDATION,
)


# Of the operating companies that are there, so many leave in a session.
_LEAVING_RATE = (
    sum(EVENTS_PER_YEAR[kind] for kind in LEAVES[:3])
    / KIND_COUNTS[CompanyKind.DOMESTIC]
    / _SESSIONS_PER_YEAR
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happens to a company.

    Attributes:
        kind: What happens.
        company: To whom.
        session: Position of the ex or effective session; for a bankruptcy or
            liquidation the last session on which the lines are listed.
        factor: Shares after per share before, of a split; null otherwise.
        ratio: Child's or acquirer's shares per share; a stock merger's is only
            known with prices and null here.
        share: Size (0 to 1) of what the event moves: the part of the value that a
            spin-off takes, the premium of an offer, the yield of a special dividend.
        counterparty: The child or the acquirer.
        announced: Position of the session on which an offer becomes known.
    """

    kind: EventKind
    company: int
    session: int
    factor: float | None = None
    ratio: float | None = None
    share: float | None = None
    counterparty: int | None = None
    announced: int | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Everything that will happen.

    Attributes:
        events: In order of session, then company.
        first: Position of each company's first listed session.
        last: Position of each company's last listed session.
        silent: Positions of sessions for which the feed has nothing.
    """

    events: tuple[Event, ...]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    silent: frozenset[int]

    def of(self, *kinds: EventKind) -> list[Event]:
        """The events of some kinds, in order."""
        return [event for event in self.events if event.kind in kinds]


def make_schedule(
    companies: pl.DataFrame,
    parameters: MarketParameters,
    *,
    sessions: int,
    busy: frozenset[int] = frozenset(),
    heard: frozenset[int] = frozenset(),
) -> Schedule:
    """Draw the schedule of a market.

    Args:
        companies: As `companies.make_companies` returns them.
        parameters: Size and seed.
        sessions: Number of sessions.
        busy: Companies that must not leave, since other lines hang on them.
        heard: Positions of sessions for which the feed must have something.

    Returns:
        The schedule. Each kind of event happens at least once if a company suits.
        In a long market leaves thin out with the companies that were there at its start,
        while those that listed later leave at the same rate.

    Example:
        >>> from r2k_pipeline.sources.synthetic.companies import make_companies
        >>> from r2k_pipeline.sources.synthetic.parameters import small_market
        >>> companies = make_companies(small_market(), sessions=126)
        >>> schedule = make_schedule(companies, small_market(), sessions=126)
        >>> sorted({event.kind.value for event in schedule.events})[:3]
        ['bankruptcy', 'cash_merger', 'forward_split']
    """
    rng = parameters.stream(Stream.EVENTS)
    silent = _silent_sessions(rng, parameters, sessions, heard)
    days = _eventful_sessions(sessions, silent)
    draw = _Draw(rng=rng, companies=companies, days=days, taken=set())
    events: list[Event] = []
    for kind, yearly in EVENTS_PER_YEAR.items():
        count = parameters.scaled_a_year(yearly, _exposure(sessions))
        if kind is EventKind.SPIN_OFF:
            count = int((companies["origin"] == "child").sum())
        events += [
            _event(draw, kind, company, number)
            for number, company in enumerate(draw.suited(kind, count, busy))
        ]
    first, last = _lifetimes(rng, companies, events, days, sessions)
    for event in _later_leaves(parameters, companies, first, days):
        events.append(event)
        last[event.company] = event.session - (event.kind is EventKind.CASH_MERGER)
    ordered = sorted(events, key=lambda event: (event.session, event.company))
    return Schedule(events=tuple(ordered), first=first, last=last, silent=silent)


def _exposure(sessions: int) -> int:
    """For how many sessions those of the start are there, on average, as some leave."""
    return round((1.0 - exp(-_LEAVING_RATE * sessions)) / _LEAVING_RATE)


def _later_leaves(
    parameters: MarketParameters,
    companies: pl.DataFrame,
    first: NDArray[np.int64],
    days: NDArray[np.int64],
) -> list[Event]:
    """How operating companies that listed later leave: bought for cash, or bankrupt."""
    rng = parameters.stream(Stream.FATES)
    arrivals = companies.filter(pl.col("origin") == "arrival", _operating())["company"].to_numpy()
    stays = _SETTLED_SESSIONS + rng.exponential(1.0 / _LEAVING_RATE, len(arrivals))
    places = np.searchsorted(days, first[arrivals] + stays)
    bought, premiums = (
        rng.random(len(arrivals)) < _BOUGHT_SHARE,
        rng.uniform(0.1, 0.5, len(arrivals)),
    )
    offers = rng.integers(_SHORTEST_OFFER, _LONGEST_OFFER, len(arrivals))
    found = []
    for number in np.flatnonzero(places < len(days)):
        company, day = int(arrivals[number]), int(days[places[number]])
        if bought[number]:
            found.append(
                Event(
                    kind=EventKind.CASH_MERGER,
                    company=company,
                    session=day,
                    share=float(premiums[number]),
                    announced=day - int(offers[number]),
                )
            )
        else:
            found.append(Event(kind=EventKind.BANKRUPTCY, company=company, session=day))
    return found


def _lifetimes(
    rng: Generator,
    companies: pl.DataFrame,
    events: list[Event],
    days: NDArray[np.int64],
    sessions: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last listed session of each company."""
    first = np.zeros(companies.height, dtype=np.int64)
    last = np.full(companies.height, sessions - 1, dtype=np.int64)
    arrivals = companies.filter(pl.col("origin") == "arrival")["company"].to_numpy()
    first[arrivals] = rng.choice(days, len(arrivals))
    children = companies.filter(pl.col("origin") == "child")["company"].to_numpy()
    first[children] = sessions  # a child without a parent is never listed
    for event in events:
        if event.kind is EventKind.SPIN_OFF and event.counterparty is not None:
            first[event.counterparty] = event.session
        elif event.kind in {EventKind.CASH_MERGER, EventKind.STOCK_MERGER}:
            last[event.company] = event.session - 1
        elif event.kind in LEAVES:
            last[event.company] = event.session
    return first, last


def _silent_sessions(
    rng: Generator, parameters: MarketParameters, sessions: int, heard: frozenset[int]
) -> frozenset[int]:
    """Sessions without a snapshot, away from both ends."""
    middle = range(sessions // 4, sessions - sessions // 4)
    pool = [day for day in middle if day not in heard]
    chosen = rng.choice(pool, parameters.missing_sessions, replace=False)
    return frozenset(int(day) for day in chosen)


def _eventful_sessions(sessions: int, silent: frozenset[int]) -> NDArray[np.int64]:
    """Positions on which something may happen: not at the ends, nor in or after a gap."""
    shut = silent | {day + 1 for day in silent}
    days = range(_QUIET_AT_START, sessions - _QUIET_AT_END)
    return np.array([day for day in days if day not in shut], dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class _Draw:
    """What is drawn from: sessions, and companies that nothing has happened to yet."""

    rng: Generator
    companies: pl.DataFrame
    days: NDArray[np.int64]
    taken: set[int]

    def day(self) -> int:
        """Any eventful session; the earlier the likelier, as fewer are there later."""
        span = 1.0 - np.exp(-_LEAVING_RATE * len(self.days))
        place = -np.log(1.0 - self.rng.random() * span) / _LEAVING_RATE
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


def _operating() -> pl.Expr:
    return pl.col("kind") == CompanyKind.DOMESTIC.value


def _cap_quantile(low: float, high: float) -> pl.Expr:
    """Operating companies between two quantiles of cap."""
    rank = (pl.col("start_cap_usd").rank() / pl.len()).over("kind")
    return _operating() & rank.is_between(low, high)


def _cheapest(share: float) -> pl.Expr:
    """Operating companies whose price is among the lowest."""
    return _operating() & ((pl.col("start_price_usd").rank() / pl.len()).over("kind") <= share)


def _dearest(share: float) -> pl.Expr:
    """Operating companies whose price is among the highest."""
    return _operating() & ((pl.col("start_price_usd").rank() / pl.len()).over("kind") > 1 - share)


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
    EventKind.SYMBOL_CHANGE: _operating,
    EventKind.SYMBOL_AND_NAME_CHANGE: _operating,
    EventKind.NAME_CHANGE: _operating,
    EventKind.SPECIAL_DIVIDEND: lambda: _cap_quantile(0.3, 1.0),
}


def _event(draw: _Draw, kind: EventKind, company: int, number: int) -> Event:
    """Draw the particulars of one event."""
    day = draw.day()
    match kind:
        case EventKind.FORWARD_SPLIT:
            return Event(
                kind=kind, company=company, session=day, factor=draw.pick(_FORWARD_FACTORS)
            )
        case EventKind.REVERSE_SPLIT:
            return Event(
                kind=kind, company=company, session=day, factor=draw.pick(_REVERSE_FACTORS)
            )
        case EventKind.SPIN_OFF:
            return Event(
                kind=kind,
                company=company,
                session=day,
                ratio=draw.pick(_SPIN_RATIOS),
                share=float(draw.rng.uniform(0.05, 0.25)),
                counterparty=_child(draw.companies, number),
            )
        case EventKind.CASH_MERGER | EventKind.STOCK_MERGER:
            offer = int(draw.rng.integers(_SHORTEST_OFFER, _LONGEST_OFFER))
            return Event(
                kind=kind,
                company=company,
                session=day,
                share=float(draw.rng.uniform(0.1, 0.5)),
                counterparty=_acquirer(draw) if kind is EventKind.STOCK_MERGER else None,
                announced=max(day - offer, 1),
            )
        case EventKind.SPECIAL_DIVIDEND:
            return Event(
                kind=kind, company=company, session=day, share=float(draw.rng.uniform(0.04, 0.12))
            )
        case _:
            return Event(kind=kind, company=company, session=day)


def _child(companies: pl.DataFrame, number: int) -> int:
    """The company that the numbered spin-off lists."""
    return int(companies.filter(pl.col("origin") == "child")["company"].to_list()[number])


def _acquirer(draw: _Draw) -> int:
    """A large company, which itself has no event, and may buy only once."""
    pool = draw.companies.filter(
        pl.col("origin") == "start",
        _cap_quantile(0.8, 1.0),
        ~pl.col("company").is_in(list(draw.taken)),
    )
    chosen = int(draw.rng.choice(pool["company"].to_numpy()))
    draw.taken.add(chosen)
    return chosen
