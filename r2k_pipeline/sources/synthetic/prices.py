"""Price and share paths: one market, its sectors, each line's own luck, and what events do.

Matrices have one row a session and one column a line (or company). A line has a
value in every row; only `spells` says on which sessions it is listed.

1. Daily log returns from a market, a sector and an own factor.
2. Events move them: splits, dividends, spin-offs, ruin.
3. Paths start at each line's first price; offers then hold their targets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from r2k_pipeline.sources.synthetic.draws import OFFERS, STOCK_OFFERS
from r2k_pipeline.sources.synthetic.lines import EQUITY, PaperKind
from r2k_pipeline.sources.synthetic.parameters import (
    CompanyKind,
    EventKind,
    MarketParameters,
    Stream,
)
from r2k_pipeline.sources.synthetic.vocabulary import SECTORS

if TYPE_CHECKING:
    import polars as pl
    from numpy.random import Generator
    from numpy.typing import NDArray

    from r2k_pipeline.sources.synthetic.dividends import Dividends
    from r2k_pipeline.sources.synthetic.draws import Event
    from r2k_pipeline.sources.synthetic.events import Schedule

    Matrix = NDArray[np.float64]

_MARKET_DRIFT, _MARKET_VOLATILITY = 0.0008, 0.0105
# A market begins with a slump and two good years. A longer one goes on at the pace of history: the
# 3,000 largest companies were worth $1.8 tn in 1984 and $53.0 tn in 2024, 8.5 % a year in
# logarithms, of which sectors and news bring one.
_RECOVERED_AFTER_SESSIONS, _LONG_RUN_DRIFT = 630, 0.075 / 252
_SECTOR_VOLATILITY = 0.005
# One session in a hundred brings a line news: four times its usual move.
_NEWS_SHARE, _NEWS_MOVE = 0.01, 4.0
_SLUMP_SESSIONS, _SLUMP_DRIFT = 120, -0.0018
# (market beta, own volatility a session) of papers and companies that are not operating shares.
_PAPERS: dict[PaperKind, tuple[float, float]] = {
    PaperKind.PREFERRED: (0.1, 0.004),
    PaperKind.NOTE: (0.05, 0.003),
    PaperKind.WARRANT: (1.2, 0.05),
    PaperKind.UNIT: (0.01, 0.0012),
    PaperKind.RIGHT: (0.2, 0.04),
}
_QUIET_KINDS: dict[CompanyKind, tuple[float, float]] = {
    CompanyKind.SPAC: (0.005, 0.001),
    CompanyKind.FUND: (0.5, 0.004),
}
_SECOND_CLASS_NOISE = 0.001
_RUIN_SESSIONS, _RUIN_DRIFT = 60, -0.03
_OFFER_DISCOUNT, _OFFER_NOISE = 0.03, 0.002
_MERGED_SPAC_VOLATILITY, _MERGED_SPAC_DRIFT = 0.05, -0.003
_LOWEST_PRICE_USD = 0.01
_SHARE_FACTORS = (EventKind.FORWARD_SPLIT, EventKind.REVERSE_SPLIT, EventKind.SHARE_CHANGE)


@dataclass(frozen=True, kw_only=True)
class Paths:
    """What the market did.

    Attributes:
        close_usd: Unadjusted close, sessions x lines.
        previous_close_usd: Close of the session before, divided by the factor of a
            split of the session itself; not adjusted for dividends.
        total_shares: The company's shares outstanding, sessions x companies.
        terms: For each merged line, the cash a share or the acquirer's shares a share.
        cash: For each line merged for both, the cash a share.
    """

    close_usd: Matrix
    previous_close_usd: Matrix
    total_shares: Matrix
    terms: dict[int, float]
    cash: dict[int, float]


def make_paths(
    companies: pl.DataFrame,
    lines: pl.DataFrame,
    schedule: Schedule,
    dividends: Dividends,
    parameters: MarketParameters,
    *,
    sessions: int,
) -> Paths:
    """Simulate every line and company over all sessions.

    Args:
        companies: As `companies.make_companies` returns them.
        lines: As `lines.make_lines` returns them.
        schedule: What happens to whom and when.
        dividends: When which line goes ex, and what share of its price it pays.
        parameters: Size and seed.
        sessions: Number of sessions.

    Returns:
        The paths. Every price is positive and rounded to cents, below a dollar to a
        hundredth of a cent; shares are whole.
    """
    rng = parameters.stream(Stream.RETURNS)
    owner = lines["company"].to_numpy()
    steps = _returns(rng, companies, lines, sessions)
    splits = np.ones_like(steps)
    equity = _Equity(lines)
    for event in schedule.events:
        _move(rng, event, equity.of(event.company), steps, splits)
    steps[dividends.session, dividends.line] += np.log1p(-dividends.share)
    for event in schedule.of(EventKind.HALT):
        _halt(event, equity.of(event.company), steps)
    steps -= np.log(splits)
    prices = _walk(lines["start_price_usd"].to_numpy(), steps, schedule.first[owner])
    for event in schedule.of(EventKind.SPIN_OFF):
        _start_child(event, equity, steps, prices)
    terms, cash = _hold_targets(rng, schedule, equity, prices)
    close = _rounded(np.maximum(prices, _LOWEST_PRICE_USD))
    previous = np.empty_like(close)
    previous[0] = _rounded(close[0] / np.exp(steps[0]))
    previous[1:] = np.round(close[:-1] / splits[1:], 4)
    shares = _shares(companies, lines, schedule, parameters, terms, close)
    return Paths(
        close_usd=close, previous_close_usd=previous, total_shares=shares, terms=terms, cash=cash
    )


class _Equity:
    """Which lines are a company's shares; the first of them is its main line."""

    def __init__(self, lines: pl.DataFrame) -> None:
        self._of: dict[int, list[int]] = {}
        for line, company, paper in lines.select("line", "company", "paper").iter_rows():
            if paper in EQUITY:
                self._of.setdefault(company, []).append(line)

    def of(self, company: int) -> list[int]:
        """A company's share lines."""
        return self._of[company]

    def main(self, company: int) -> int:
        """The line that prices the company."""
        return self._of[company][0]


def _returns(rng: Generator, companies: pl.DataFrame, lines: pl.DataFrame, sessions: int) -> Matrix:
    """Log returns before any event, sessions x lines."""
    owner = lines["company"].to_numpy()
    betas, volatilities, sectors = _loadings(rng, companies, lines)
    market = rng.normal(_MARKET_DRIFT, _MARKET_VOLATILITY, sessions)
    market[:_SLUMP_SESSIONS] += _SLUMP_DRIFT
    market[_RECOVERED_AFTER_SESSIONS:] += _LONG_RUN_DRIFT - _MARKET_DRIFT
    by_sector = rng.normal(0.0, _SECTOR_VOLATILITY, (sessions, len(SECTORS) + 1))
    by_sector[:, -1] = 0.0
    own = rng.standard_normal((sessions, lines.height))
    own *= np.where(rng.random((sessions, lines.height)) < _NEWS_SHARE, _NEWS_MOVE, 1.0)
    own *= volatilities
    own -= volatilities**2 / 2
    own += np.outer(market, betas)
    own += by_sector[:, sectors]
    papers = lines["paper"].to_numpy()
    for line in np.flatnonzero(papers == PaperKind.SECOND_CLASS.value):
        main = int(np.flatnonzero((owner == owner[line]) & (papers == PaperKind.SHARE.value))[0])
        own[:, line] = own[:, main] + rng.normal(0.0, _SECOND_CLASS_NOISE, sessions)
    return np.asarray(own)


def _loadings(
    rng: Generator, companies: pl.DataFrame, lines: pl.DataFrame
) -> tuple[Matrix, Matrix, NDArray[np.int64]]:
    """Beta, own volatility and sector number of each line; the last sector number is none."""
    names = [sector for sector, _, _ in SECTORS]
    numbers = [names.index(s) if s in names else len(names) for s in companies["sector"]]
    sizes = companies["size_usd"].to_numpy()
    volatility = np.clip(0.021 - 0.0045 * np.log10(sizes / 1e9), 0.009, 0.034)
    beta = np.clip(rng.normal(1.0, 0.3, companies.height), 0.2, 2.2)
    sector = np.array(numbers)
    for kind, (kind_beta, kind_volatility) in _QUIET_KINDS.items():
        own = companies["kind"].to_numpy() == kind.value
        beta[own], volatility[own], sector[own] = kind_beta, kind_volatility, len(names)
    owner, papers = lines["company"].to_numpy(), lines["paper"].to_numpy()
    beta, volatility, sector = beta[owner], volatility[owner], sector[owner]
    for paper, (paper_beta, paper_volatility) in _PAPERS.items():
        own = papers == paper.value
        beta[own], volatility[own], sector[own] = paper_beta, paper_volatility, len(names)
    return beta, volatility, sector


def _move(rng: Generator, event: Event, lines: list[int], steps: Matrix, splits: Matrix) -> None:
    """Write what an event does to its company's lines into the matrices."""
    day = event.session
    match event.kind:
        case EventKind.FORWARD_SPLIT | EventKind.REVERSE_SPLIT:
            splits[day, lines] = event.factor or 1.0
        case EventKind.SPIN_OFF | EventKind.SPECIAL_DIVIDEND | EventKind.RETURN_OF_CAPITAL:
            steps[day, lines] += np.log1p(-(event.share or 0.0))
        case EventKind.RIGHTS_ISSUE:
            new = event.ratio or 0.0
            steps[day, lines] += np.log((1.0 + new * (1.0 - (event.share or 0.0))) / (1.0 + new))
        case EventKind.BANKRUPTCY:
            steps[max(day - _RUIN_SESSIONS, 0) : day + 1, lines] += _RUIN_DRIFT
        case EventKind.SPAC_MERGER:
            wild = rng.normal(
                _MERGED_SPAC_DRIFT, _MERGED_SPAC_VOLATILITY, (len(steps) - day, len(lines))
            )
            steps[day:, lines] += wild


def _halt(event: Event, lines: list[int], steps: Matrix) -> None:
    """While trading is halted a price stands still; what happened meanwhile comes at once."""
    day, after = event.session, event.until or event.session
    steps[after, lines] += steps[day:after, lines].sum(axis=0)
    steps[day:after, lines] = 0.0


def _walk(start: Matrix, steps: Matrix, first: NDArray[np.int64]) -> Matrix:
    """Prices that are `start` on each line's first session and follow the steps from there."""
    walked = np.cumsum(steps, axis=0)
    inside = np.minimum(first, len(steps) - 1)
    walked += np.log(start) - walked[inside, np.arange(len(start))]
    return np.asarray(np.exp(walked))


def _start_child(event: Event, equity: _Equity, steps: Matrix, prices: Matrix) -> None:
    """A child starts at the part of its parent's value that it takes with it."""
    if event.counterparty is None:
        return
    day, child = event.session, equity.main(event.counterparty)
    parent = prices[day - 1, equity.main(event.company)]
    start = parent * (event.share or 0.0) / (event.ratio or 1.0)
    prices[day:, child] = start * np.exp(np.cumsum(steps[day:, child]) - steps[day, child])


def _hold_targets(
    rng: Generator, schedule: Schedule, equity: _Equity, prices: Matrix
) -> tuple[dict[int, float], dict[int, float]]:
    """From the announcement on a target trades a little below what is offered for it."""
    terms: dict[int, float] = {}
    cash: dict[int, float] = {}
    for event in schedule.of(*OFFERS):
        told, day = event.announced or 1, event.session
        left = (day - np.arange(told, day)) / (day - told)
        for line in equity.of(event.company):
            offer = prices[told - 1, line] * (1.0 + (event.share or 0.0))
            if event.counterparty is None:
                terms[line] = max(round(float(offer), 2), 0.01)
                worth = np.full(day - told, terms[line])
            else:
                acquirer = prices[:, equity.main(event.counterparty)]
                paid = round(float(offer) * (event.cash or 0.0), 2)
                if event.cash is not None:
                    cash[line] = max(paid, 0.01)
                ratio = float((offer - paid) / acquirer[told - 1])
                terms[line] = max(round(ratio, 4), 0.0001)
                worth = terms[line] * acquirer[told:day] + paid
            noise = np.exp(rng.normal(0.0, _OFFER_NOISE, day - told))
            prices[told:day, line] = worth * (1.0 - _OFFER_DISCOUNT * left) * noise
    return terms, cash


def _rounded(prices: Matrix) -> Matrix:
    """To cents; below a dollar to a hundredth of a cent."""
    return np.where(prices < 1.0, np.round(prices, 4), np.round(prices, 2))


def _shares(
    companies: pl.DataFrame,
    lines: pl.DataFrame,
    schedule: Schedule,
    parameters: MarketParameters,
    terms: dict[int, float],
    close: Matrix,
) -> Matrix:
    """Whole shares outstanding: a few issued or bought back each quarter, and what events do."""
    rng = parameters.stream(Stream.SHARES)
    sessions, quarter = len(close), 63
    equity = _Equity(lines)
    start = companies["start_cap_usd"].to_numpy() / companies["start_price_usd"].to_numpy()
    steps = np.zeros((sessions, companies.height))
    numbers = np.arange(companies.height)
    for first in range(0, sessions, quarter):
        days = first + numbers % quarter
        inside = days < sessions
        steps[days[inside], numbers[inside]] = rng.normal(0.0004, 0.004, companies.height)[inside]
    for event in schedule.of(*_SHARE_FACTORS):
        steps[event.session, event.company] = np.log(event.factor or 1.0)
    for event in schedule.of(EventKind.RIGHTS_ISSUE):
        steps[event.session, event.company] = np.log1p(event.ratio or 0.0)
    shares = np.exp(np.cumsum(steps, axis=0)) * start
    for event in schedule.of(EventKind.SPIN_OFF):
        if event.counterparty is not None:
            given = shares[event.session, event.company] * (event.ratio or 1.0)
            path = shares[:, event.counterparty]
            shares[:, event.counterparty] = path * (given / path[event.session])
    for event in schedule.of(*STOCK_OFFERS):
        if event.counterparty is not None:
            issued = shares[event.session - 1, event.company] * terms[equity.main(event.company)]
            shares[event.session :, event.counterparty] += issued
    return np.asarray(np.maximum(np.rint(shares), 1.0))
