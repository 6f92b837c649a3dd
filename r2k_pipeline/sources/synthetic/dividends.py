"""Regular dividends: which lines pay, how much of their price, and when they go ex.

Specials are events (`events`). A company pays nothing on the session of an event
of its own, once an offer for it stands, or in its last months.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from r2k_pipeline.sources.synthetic.draws import LEAVES
from r2k_pipeline.sources.synthetic.lines import PaperKind
from r2k_pipeline.sources.synthetic.parameters import (
    CompanyKind,
    EventKind,
    MarketParameters,
    Stream,
)

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from r2k_pipeline.sources.synthetic.events import Schedule

_QUARTER, _MONTH = 63, 21
_LARGE_CAP_USD = 1e10
_LAST_MONTHS = 80


@dataclass(frozen=True, kw_only=True)
class Dividends:
    """Regular ex-dividend sessions as parallel arrays.

    Attributes:
        session: Position of the ex-session.
        line: The line.
        share: The dividend as a share (0 to 1) of the close before.
    """

    session: NDArray[np.int64]
    line: NDArray[np.int64]
    share: NDArray[np.float64]


def make_dividends(
    companies: pl.DataFrame,
    lines: pl.DataFrame,
    schedule: Schedule,
    parameters: MarketParameters,
    *,
    sessions: int,
) -> Dividends:
    """Draw who pays and when; sorted by session, then line."""
    rng = parameters.stream(Stream.DIVIDENDS)
    owner = lines["company"].to_numpy()
    yields, periods = _policies(rng.random((4, companies.height)), companies)
    line_yields, line_periods = yields[owner], periods[owner]
    papers = lines["paper"].to_numpy()
    preferred = papers == PaperKind.PREFERRED.value
    line_yields[preferred], line_periods[preferred] = 0.06, _QUARTER
    equity = (papers == PaperKind.SHARE.value) | (papers == PaperKind.SECOND_CLASS.value)
    line_yields[~(equity | preferred)] = 0.0
    stops = _stops(schedule)[owner]
    first = schedule.first[owner]
    banned = {
        (day, event.company)
        for event in schedule.events
        for day in range(event.session, event.until or event.session + 1)
    }
    found: list[tuple[int, int, float]] = []
    for line in np.flatnonzero(line_yields > 0.0):
        period = int(line_periods[line])
        for offset in range(int(owner[line]) * 7 % period, sessions, period):
            day = offset + 1 if offset in schedule.silent else offset
            is_open = first[line] < day < stops[line] and day < sessions and day > 0
            if is_open and (day, int(owner[line])) not in banned:
                found.append((day, int(line), line_yields[line] * period / 252))
    found.sort()
    return Dividends(
        session=np.array([day for day, _, _ in found], dtype=np.int64),
        line=np.array([line for _, line, _ in found], dtype=np.int64),
        share=np.array([share for _, _, share in found], dtype=np.float64),
    )


def _policies(
    draws: NDArray[np.float64], companies: pl.DataFrame
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Yearly yield (0 to 1, 0 for who pays nothing) and sessions between payments."""
    kinds, caps = companies["kind"].to_numpy(), companies["size_usd"].to_numpy()
    pays = draws[0] < np.where(caps > _LARGE_CAP_USD, 0.7, 0.35)
    pays &= companies["sector"].to_numpy() != "Health Care"
    is_trust = companies["sector"].to_numpy() == "Real Estate"
    yields = np.where(pays | is_trust, 0.005 + 0.035 * draws[1] + np.where(is_trust, 0.02, 0), 0.0)
    periods = np.full(companies.height, _QUARTER)
    generous = {
        CompanyKind.FUND: _MONTH,
        CompanyKind.ROYALTY_TRUST: _MONTH,
        CompanyKind.PARTNERSHIP: _QUARTER,
    }
    for kind, period in generous.items():
        own = kinds == kind.value
        yields[own], periods[own] = 0.05 + 0.04 * draws[2][own], period
    yields[kinds == CompanyKind.SPAC.value] = 0.0
    return yields, periods


def _stops(schedule: Schedule) -> NDArray[np.int64]:
    """The position from which a company pays nothing more."""
    stops = schedule.last + 1
    for event in schedule.of(*LEAVES):
        stops[event.company] = event.announced or event.session - _LAST_MONTHS
    for event in schedule.of(EventKind.SPAC_MERGER):
        stops[event.company] = 0
    return stops
