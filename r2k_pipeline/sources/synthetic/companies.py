"""Who is in the market: companies with cap, price, trade and place, under made-up names.

One row a company, those that list later included; when each arrives and leaves
is `events`, which papers it lists is `lines`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from r2k_pipeline.sources.synthetic.eras import ARRIVAL_RANK, era_factor
from r2k_pipeline.sources.synthetic.parameters import (
    ARRIVALS_PER_YEAR,
    EVENTS_PER_YEAR,
    KIND_COUNTS,
    CompanyKind,
    EventKind,
    MarketParameters,
    Stream,
)
from r2k_pipeline.sources.synthetic.vocabulary import (
    CODAS,
    DEPOSITARY_COUNTRIES,
    DOMESTIC_FORMS,
    FOREIGN_COUNTRIES,
    FOREIGN_FORMS,
    FUND_INDUSTRIES,
    FUND_NAMES,
    MIDDLES,
    ONSETS,
    SECTORS,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.random import Generator
    from numpy.typing import NDArray

# Total market cap in USD by rank among domestic companies of a market of full size, as of 2021
# (`eras` has earlier years); between the
# ranks it is straight in logarithms. It gives some 45 trillion in all, 4 billion at rank 1000
# and 150 million at rank 3000.
_RANKS = (1, 5, 10, 50, 100, 500, 1000, 2000, 3000, 3450)
_CAPS_USD = (2.6e12, 1.1e12, 5.0e11, 1.6e11, 8.0e10, 1.4e10, 4.0e9, 8.5e8, 1.5e8, 3.5e7)

# Median cap and price of the other kinds, with the spread of the logarithm of the cap.
_OTHER_CAPS_USD: dict[CompanyKind, tuple[float, float]] = {
    CompanyKind.FOREIGN: (1.2e9, 1.6),
    CompanyKind.DEPOSITARY: (2.5e9, 2.0),
    CompanyKind.PARTNERSHIP: (2.0e9, 1.2),
    CompanyKind.LLC: (9.0e8, 1.0),
    CompanyKind.ROYALTY_TRUST: (1.5e8, 0.8),
    CompanyKind.FUND: (3.0e8, 0.8),
    CompanyKind.SPAC: (2.6e8, 0.4),
}
# Companies that list later are smaller than those that are there.
_ARRIVAL_CAP_USD = (6.0e8, 1.1)

_NEVER_OF_A_FEED_YEAR = 0.4
# Where nyse is preferred, and where amex begins.
_LARGE_CAP_USD, _SMALL_CAP_USD = 1e10, 1e9
_BLANK_TRADE_SHARE = 0.04
_BLANK_COUNTRY_SHARE = 0.03


def make_companies(parameters: MarketParameters, *, sessions: int) -> pl.DataFrame:
    """Draw every company that the market will ever list.

    Args:
        parameters: Size and seed.
        sessions: Number of sessions of the market, which decides how many arrive.

    Returns:
        One row per company in order of `company` (0, 1, ...): `kind`, `origin`
        (`start`, `arrival` or `child`), `company_name`, `stem` (first word of the
        name), `sector`, `industry`, `country` (text, "" where the feed has
        none), `ipo_year` (null where the feed has none), `exchange`, `size_usd`
        (the cap that it would start with in `eras.CURVE_YEAR`), `start_cap_usd`
        and `start_price_usd` (on the first day of listing; the cap of companies
        that list later as if they listed on the first session).

    Example:
        >>> from r2k_pipeline.sources.synthetic.parameters import small_market
        >>> companies = make_companies(small_market(), sessions=126)
        >>> companies.filter(pl.col("kind") == "domestic", pl.col("origin") == "start").height
        60
    """
    rng = parameters.stream(Stream.COMPANIES)
    roster = _roster(parameters, sessions)
    stems = make_stems(rng, roster.height)
    sizes, ranks = _sizes(rng, roster)
    trades = _trades(rng, roster["kind"].to_list())
    stated = np.where(rng.random(roster.height) < _NEVER_OF_A_FEED_YEAR, 0, 1)
    years = parameters.first_session.year - 1 - rng.integers(0, 30, roster.height)
    table = roster.with_columns(
        pl.Series("stem", stems),
        pl.Series("sector", [trade[0] for trade in trades]),
        pl.Series("industry", [trade[1] for trade in trades]),
        pl.Series("trade", [trade[2] for trade in trades]),
        pl.Series("country", _countries(rng, roster["kind"].to_list())),
        pl.Series("ipo_year", np.where(stated == 1, years, 0)).replace(0, None).cast(pl.Int32),
        pl.Series("size_usd", sizes),
        pl.Series("start_cap_usd", sizes * era_factor(ranks, parameters.first_session.year)),
        pl.Series("start_price_usd", _prices(rng, roster["kind"].to_list(), sizes)),
    )
    exchanges = _exchanges(rng, table)
    names = _names(rng, table)
    return table.with_columns(
        pl.Series("exchange", exchanges), pl.Series("company_name", names)
    ).drop("trade")


def _roster(parameters: MarketParameters, sessions: int) -> pl.DataFrame:
    """Kind and origin of every company; those that are there on the first session come first."""
    start = [
        (kind.value, "start")
        for kind, count in KIND_COUNTS.items()
        for _ in range(parameters.scaled(count))
    ]
    arrivals = [
        (kind.value, "arrival")
        for kind, count in ARRIVALS_PER_YEAR.items()
        for _ in range(parameters.scaled_a_year(count, sessions))
    ]
    children = parameters.scaled_a_year(EVENTS_PER_YEAR[EventKind.SPIN_OFF], sessions)
    rows = start + arrivals + [(CompanyKind.DOMESTIC.value, "child")] * children
    return pl.DataFrame(rows, schema=["kind", "origin"], orient="row").with_row_index("company")


def make_stems(
    rng: Generator, count: int, *, taken: frozenset[str] | set[str] = frozenset()
) -> list[str]:
    """So many different made-up words, none of them taken.

    Example:
        >>> len(set(make_stems(np.random.default_rng(1), 50)))
        50
    """
    stems: dict[str, None] = {}
    while len(stems) < count:
        word = _drawn(rng, ONSETS) + _drawn(rng, MIDDLES) + _drawn(rng, CODAS)
        if word not in taken:
            stems.setdefault(word)
    return list(stems)


def _drawn(rng: Generator, words: Sequence[str]) -> str:
    return words[int(rng.integers(len(words)))]


def _sizes(rng: Generator, roster: pl.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Caps in USD as of the curve's year, and at what rank each is looked up in other years."""
    kinds, origins = roster["kind"].to_numpy(), roster["origin"].to_numpy()
    caps = np.empty(roster.height)
    domestic = (kinds == CompanyKind.DOMESTIC.value) & (origins == "start")
    count = int(domestic.sum())
    ranks = 1 + np.arange(count) * (_RANKS[-1] - 1) / max(count - 1, 1)
    if count < _RANKS[-1]:
        ranks = np.maximum(ranks, 1 + _RANKS[-1] / count)  # no giants in a small market
    curve = np.exp(np.interp(np.log(ranks), np.log(_RANKS), np.log(_CAPS_USD)))
    caps[domestic] = curve * np.exp(rng.normal(0.0, 0.08, count))
    for kind, (median, spread) in _OTHER_CAPS_USD.items():
        own = kinds == kind.value
        caps[own] = median * np.exp(rng.normal(0.0, spread, int(own.sum())))
    late = (origins != "start") & (kinds == CompanyKind.DOMESTIC.value)
    caps[late] = _ARRIVAL_CAP_USD[0] * np.exp(rng.normal(0.0, _ARRIVAL_CAP_USD[1], int(late.sum())))
    looked_up = np.full(roster.height, float(ARRIVAL_RANK))
    looked_up[domestic] = ranks
    return caps, looked_up


def at_their_time(
    companies: pl.DataFrame, first: NDArray[np.int64], sessions: Sequence[date]
) -> pl.DataFrame:
    """Give companies that list later the caps of the year in which they do.

    Args:
        companies: As `make_companies` returns them.
        first: Position of each company's first session; of those that never list, any.
        sessions: The market's sessions.
    """
    years = np.array([session.year for session in sessions])[np.minimum(first, len(sessions) - 1)]
    late = pl.Series(companies["size_usd"].to_numpy() * era_factor(ARRIVAL_RANK, years))
    return companies.with_columns(
        start_cap_usd=pl.when(pl.col("origin") == "start").then("start_cap_usd").otherwise(late)
    )


def _prices(rng: Generator, kinds: list[str], caps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Start prices in USD: dearer shares for larger companies, 10 for SPACs."""
    noise = rng.normal(0.0, 1.0, len(kinds))
    prices = np.exp(np.log(11.0) + 0.34 * np.log(caps / 6e8) + 0.75 * noise)
    prices = np.clip(prices, 0.35, 3500.0)
    is_spac = np.array([kind == CompanyKind.SPAC.value for kind in kinds])
    is_fund = np.array([kind == CompanyKind.FUND.value for kind in kinds])
    prices = np.where(is_spac, 9.95 + 0.1 * np.tanh(noise), prices)
    prices = np.where(is_fund, np.clip(13.0 * np.exp(0.35 * noise), 4.0, 60.0), prices)
    return np.asarray(np.round(prices, 2))


def _trades(rng: Generator, kinds: list[str]) -> list[tuple[str, str, str]]:
    """Sector, industry and the trade in the name, of each company."""
    weights = np.array([weight for _, weight, _ in SECTORS])
    drawn = rng.choice(len(SECTORS), size=len(kinds), p=weights / weights.sum())
    picks, blanks = rng.random(len(kinds)), rng.random(len(kinds))
    trades = []
    for kind, sector_number, pick, blank in zip(kinds, drawn, picks, blanks, strict=True):
        sector, _, industries = SECTORS[int(sector_number)]
        industry, trade = industries[int(pick * len(industries))]
        if kind == CompanyKind.SPAC.value:
            trades.append(("Finance", "Blank Checks", "Acquisition"))
        elif kind == CompanyKind.FUND.value:
            industry = FUND_INDUSTRIES[int(pick * len(FUND_INDUSTRIES))]
            trades.append(("Finance", industry, FUND_NAMES[int(blank * len(FUND_NAMES))]))
        elif kind == CompanyKind.PARTNERSHIP.value:
            trades.append(("Utilities", "Natural Gas Distribution", "Midstream"))
        elif kind == CompanyKind.ROYALTY_TRUST.value:
            trades.append(("Energy", "Oil & Gas Production", "Royalty Trust"))
        elif blank < _BLANK_TRADE_SHARE and sector != "Real Estate":
            trades.append(("", "", trade))
        else:
            trades.append((sector, industry, trade))
    return trades


def _countries(rng: Generator, kinds: list[str]) -> list[str]:
    """Country of the headquarters, as the vendor sees it; some are blank."""
    picks, blanks = rng.random(len(kinds)), rng.random(len(kinds))
    countries = []
    for kind, pick, blank in zip(kinds, picks, blanks, strict=True):
        if blank < _BLANK_COUNTRY_SHARE:
            countries.append("")
        elif kind == CompanyKind.FOREIGN.value:
            countries.append(FOREIGN_COUNTRIES[int(pick * len(FOREIGN_COUNTRIES))])
        elif kind == CompanyKind.DEPOSITARY.value:
            countries.append(DEPOSITARY_COUNTRIES[int(pick * len(DEPOSITARY_COUNTRIES))])
        else:
            countries.append("United States")
    return countries


def _exchanges(rng: Generator, table: pl.DataFrame) -> list[str]:
    """Where each company lists: large ones and funds on nyse rather, a few small ones on amex."""
    draws = rng.random(table.height)
    exchanges = []
    for kind, cap, draw in zip(table["kind"], table["size_usd"], draws, strict=True):
        if kind == CompanyKind.SPAC.value:
            exchanges.append("nasdaq")
            continue
        on_nyse = 0.85 if kind == CompanyKind.FUND.value else 0.62 if cap > _LARGE_CAP_USD else 0.36
        on_amex = 0.07 if cap < _SMALL_CAP_USD else 0.0
        exchanges.append(
            "amex" if draw < on_amex else "nyse" if draw < on_amex + on_nyse else "nasdaq"
        )
    return exchanges


def _names(rng: Generator, table: pl.DataFrame) -> list[str]:
    """Full company names; the first word alone makes each unique."""
    picks = rng.random(table.height)
    names = []
    for kind, stem, trade, pick in zip(
        table["kind"], table["stem"], table["trade"], picks, strict=True
    ):
        foreign = kind in {CompanyKind.FOREIGN.value, CompanyKind.DEPOSITARY.value}
        forms = FOREIGN_FORMS if foreign else DOMESTIC_FORMS
        form = forms[int(pick * len(forms))]
        ending = {
            CompanyKind.SPAC.value: "Acquisition Corp.",
            CompanyKind.FUND.value: trade,
            CompanyKind.ROYALTY_TRUST.value: "Royalty Trust",
            CompanyKind.PARTNERSHIP.value: "Midstream Partners LP",
            CompanyKind.LLC.value: f"{trade} LLC",
        }.get(kind, f"{trade} {form}")
        names.append(f"{stem} {ending}")
    return names
