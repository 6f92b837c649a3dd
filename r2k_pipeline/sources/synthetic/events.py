"""The schedule: who arrives, who leaves, and what happens to whom on which session.

A company has at most one event of `EventKind`, so events never meet. Sessions are
positions (0, 1, ...) in the market's sessions. Prices are not known here: an
event says what will happen, `prices` what it does; whom a kind of event suits and its
particulars are `draws`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from r2k_pipeline.sources.synthetic.draws import (
    LEAVES,
    LEAVING_RATE,
    OFFERS,
    Draw,
    Event,
    operating,
    particulars,
)
from r2k_pipeline.sources.synthetic.parameters import (
    EVENTS_PER_YEAR,
    RARER_EVENTS_PER_YEAR,
    EventKind,
    MarketParameters,
    Stream,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator
    from numpy.typing import NDArray

_QUIET_AT_START, _QUIET_AT_END = 12, 3
_LONGEST_OFFER, _SHORTEST_OFFER = 90, 8
_SETTLED_SESSIONS = 252  # who lists later stays at least so long
_BOUGHT_SHARE = 0.5


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
        ['bankruptcy', 'cash_merger', 'foreign_acquirer']
    """
    rng = parameters.stream(Stream.EVENTS)
    silent = _silent_sessions(rng, parameters, sessions, heard)
    days = _eventful_sessions(sessions, silent)
    draw = Draw(rng=rng, companies=companies, days=days, taken=set())
    exposure = _exposure(sessions)
    events = _drawn(draw, EVENTS_PER_YEAR, parameters, exposure, busy)
    # A stream of their own: more of the rare leaves the common as it was.
    rarely = replace(draw, rng=parameters.stream(Stream.RARER_EVENTS))
    events += _drawn(rarely, RARER_EVENTS_PER_YEAR, parameters, exposure, busy)
    first, last = _lifetimes(rng, companies, events, days, sessions)
    for event in _later_leaves(parameters, companies, first, days):
        events.append(event)
        last[event.company] = event.session - (event.kind is EventKind.CASH_MERGER)
    ordered = sorted(events, key=lambda event: (event.session, event.company))
    return Schedule(events=tuple(ordered), first=first, last=last, silent=silent)


def _drawn(
    draw: Draw,
    yearly: Mapping[EventKind, int],
    parameters: MarketParameters,
    exposure: int,
    busy: frozenset[int],
) -> list[Event]:
    """Events of some kinds, in the order of the kinds."""
    events: list[Event | None] = []
    for kind, count in yearly.items():
        happens = parameters.scaled_a_year(count, exposure)
        if kind is EventKind.SPIN_OFF:
            happens = int((draw.companies["origin"] == "child").sum())
        suited = enumerate(draw.suited(kind, happens, busy))
        events += [particulars(draw, kind, company, number) for number, company in suited]
    return [event for event in events if event is not None]


def _exposure(sessions: int) -> int:
    """For how many sessions those of the start are there, on average, as some leave."""
    return round((1.0 - exp(-LEAVING_RATE * sessions)) / LEAVING_RATE)


def _later_leaves(
    parameters: MarketParameters,
    companies: pl.DataFrame,
    first: NDArray[np.int64],
    days: NDArray[np.int64],
) -> list[Event]:
    """How operating companies that listed later leave: bought for cash, or bankrupt."""
    rng = parameters.stream(Stream.FATES)
    arrivals = companies.filter(pl.col("origin") == "arrival", operating())["company"].to_numpy()
    stays = _SETTLED_SESSIONS + rng.exponential(1.0 / LEAVING_RATE, len(arrivals))
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
        elif event.kind in OFFERS:
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
