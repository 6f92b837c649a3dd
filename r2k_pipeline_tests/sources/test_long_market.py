"""A synthetic market of 37 years behaves as the real one did, before the band and since.

A fifth of the full size, so that it takes seconds; `benchmarks/synthetic_migrations.py` does
the whole. Real figures: 182 moves a year from 1991 to 2006, 66 from 2007 to 2020; the 1,000th
company worth $1.1 bn in 1997 and $4.6 bn in 2024.
"""

from __future__ import annotations

import importlib
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.sources.synthetic.companies import make_companies
from r2k_pipeline.sources.synthetic.draws import LEAVES
from r2k_pipeline.sources.synthetic.eras import CURVE_YEAR, era_factor
from r2k_pipeline.sources.synthetic.events import make_schedule
from r2k_pipeline.sources.synthetic.parameters import CompanyKind, MarketParameters, demo_market

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMPANIES = 690


@pytest.fixture(scope="module")
def benchmark(project_root: Path) -> Iterator[Any]:
    """The benchmark's module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(project_root / "benchmarks"))
        yield importlib.import_module("synthetic_migrations")


@pytest.fixture(scope="module")
def counted(benchmark: Any) -> pl.DataFrame:  # noqa: ANN401 - a module
    found: pl.DataFrame = benchmark.migrations(benchmark.long_market(COMPANIES, seed=1))
    return found


def test_the_band_more_than_halves_the_moves_between_large_and_small(
    benchmark: Any,  # noqa: ANN401 - a module
    counted: pl.DataFrame,
) -> None:
    before, since = benchmark.mean_moves(counted)
    assert 150 < before < 215
    assert 33 < since < 100
    assert since * 2 < before


def test_no_year_is_still_and_none_is_wild(counted: pl.DataFrame) -> None:
    early = counted.filter(pl.col("event_id") < "2007")["moves"]
    assert len(early) == 17
    assert early.is_between(90, 300).all()
    assert (counted["additions"] > 0).all()
    assert (counted["deletions"] > 0).all()


def test_capitalisation_stays_as_spread_as_it_really_is(counted: pl.DataFrame) -> None:
    # The 1,000 largest hold some 92 % of the broad market; if own luck only ever added up, nearly
    # all of it would be theirs after 37 years, and the band would hold everybody.
    assert counted["large_share"].is_between(0.82, 0.96).all()


def test_a_market_neither_dies_out_nor_fills_up(counted: pl.DataFrame) -> None:
    full = counted["companies"] * MarketParameters().companies / COMPANIES
    assert full.is_between(3_200, 4_600).all()


def test_who_lists_later_leaves_much_as_often_as_who_was_there(
    benchmark: Any,  # noqa: ANN401 - a module
) -> None:
    market = benchmark.long_market(COMPANIES)
    sessions = len(sessions_between(market.first_session, market.last_session))
    companies = make_companies(market, sessions=sessions)
    schedule = make_schedule(companies, market, sessions=sessions)
    domestic = companies.filter(pl.col("kind") == CompanyKind.DOMESTIC.value)
    leavers = {event.company for event in schedule.of(*LEAVES)}
    rates = {}
    for origin in ("start", "arrival"):
        numbers = domestic.filter(pl.col("origin") == origin)["company"].to_list()
        years = sum(int(schedule.last[n] - schedule.first[n] + 1) for n in numbers) / 252
        rates[origin] = len(leavers & set(numbers)) / years
    # The rate is 112 of 3,450 a year; of those that were there some split or are renamed instead.
    assert 0.027 < rates["arrival"] < 0.036
    assert 0.017 < rates["start"] < 0.036


@pytest.mark.parametrize(
    ("rank", "year", "size_usd", "known_usd"),
    [(1000, 1984, 4.0e9, 255e6), (1000, 1997, 4.0e9, 1.107e9), (1, 1997, 2.6e12, 198.3e9),
     (3000, 1997, 150e6, 171.7e6), (3000, 2024, 150e6, 150.4e6), (1000, 2024, 4.0e9, 4.6e9)],
)  # fmt: skip
def test_the_sizes_of_earlier_years_are_near_the_published_ones(
    rank: int, year: int, size_usd: float, known_usd: float
) -> None:
    assert size_usd * era_factor(rank, year) == pytest.approx(known_usd, rel=0.25)


def test_a_market_of_today_starts_at_the_curve_itself() -> None:
    assert (era_factor(np.arange(1, 3451), CURVE_YEAR) == 1.0).all()
    market = demo_market()
    assert market.first_session > date(CURVE_YEAR, 1, 1)
    companies = make_companies(market, sessions=588)
    assert companies["start_cap_usd"].equals(companies["size_usd"].rename("start_cap_usd"))
