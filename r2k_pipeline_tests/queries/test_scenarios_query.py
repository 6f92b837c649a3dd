"""Scenarios on a store: the same start for all, the base against itself, and no future.

A few sessions around each month's end that is a rank day, over two years; the lag is three
sessions, so each event takes effect among them.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.queries.scenarios import BASE_SCENARIO, Counterfactual, counterfactual
from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import Store, open_store
from r2k_pipeline_tests.queries.market_rows import ranking_rows, universe_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPANIES = 1_600
LAG = 3
SPANS = [
    (date(2021, 4, 29), date(2021, 5, 7)),
    (date(2021, 7, 29), date(2021, 8, 6)),
    (date(2021, 10, 28), date(2021, 11, 5)),
    (date(2022, 1, 28), date(2022, 2, 7)),
    (date(2022, 4, 28), date(2022, 5, 6)),
]
SESSIONS = [day for span in SPANS for day in sessions_between(*span)]


def caps() -> np.ndarray:
    rng = np.random.default_rng(23)
    start = np.log(2.4e12 / np.arange(1, COMPANIES + 1) ** 0.8)
    firsts = {sessions_between(*span)[0] for span in SPANS}
    wide = np.array([day in firsts for day in SESSIONS])
    steps = rng.standard_normal((len(SESSIONS), COMPANIES)) * np.where(wide, 0.12, 0.01)[:, None]
    return np.asarray(np.exp(start + np.cumsum(steps, axis=0)))


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(Settings(home=tmp_path_factory.mktemp("scenarios"))) as store:
        for table, rows in (
            ("ranking", ranking_rows(SESSIONS, caps())),
            ("universe", universe_rows(SESSIONS, caps())),
        ):
            store.lake.replace(table, rows, start=SESSIONS[0], end=SESSIONS[-1])
        yield store


@pytest.fixture(scope="module")
def found(market: Store) -> Counterfactual:
    return counterfactual(market, lag_sessions=LAG)


def row(found: Counterfactual, name: str) -> dict[str, float]:
    return found.scenarios.filter(pl.col("scenario") == name).row(0, named=True)


def test_every_schedule_with_every_band_from_the_same_start(found: Counterfactual) -> None:
    assert found.scenarios.height == 9
    assert found.first_session == date(2021, 5, 5)
    assert found.last_session == SESSIONS[-1]
    events = dict(found.scenarios.select("scenario", "events").iter_rows())
    assert [events[f"{name}, band 2.5"] for name in ("annual", "semi-annual", "quarterly")] == [
        1, 2, 4,
    ]  # fmt: skip


def test_the_base_does_not_differ_from_itself(found: Counterfactual) -> None:
    base = row(found, BASE_SCENARIO)
    assert base["tracking_difference_share"] == 0
    assert base["tracking_error_share"] == 0
    years = found.years.filter(pl.col("scenario") == BASE_SCENARIO)
    assert years["tracking_difference_share"].to_list() == [0, 0]


def test_bands_lower_moves_and_turnover_and_frequency_raises_them(found: Counterfactual) -> None:
    for name in ("annual", "semi-annual", "quarterly"):
        none, some, wide = (row(found, f"{name}, band {band}") for band in ("0", "2.5", "5"))
        for measure in ("moves_up", "moves_down", "r2000_turnover_share"):
            assert none[measure] > some[measure] >= wide[measure] >= 0
    for measure in ("moves_up", "r1000_turnover_share", "r2000_turnover_share"):
        once, often = (row(found, f"{name}, band 0")[measure] for name in ("annual", "quarterly"))
        assert often > once > 0


def test_a_year_is_the_product_of_its_days_of_members_weighed_at_the_close_before(
    found: Counterfactual,
) -> None:
    matrix = caps()
    places = {day: place for place, day in enumerate(SESSIONS)}
    days = [day for day in SESSIONS if found.first_session <= day <= date(2021, 12, 31)]
    rank_day = places[date(2021, 4, 30)]
    small = np.argsort(-matrix[rank_day])[1000:]
    growth = 1.0
    for day in days:
        now, before = matrix[places[day]], matrix[places[day] - 1]
        growth *= now[small].sum() / before[small].sum()
    of_2021 = found.years.filter(
        (pl.col("scenario") == BASE_SCENARIO) & (pl.col("year") == 2021)
    ).row(0, named=True)
    assert of_2021["sessions"] == len(days)
    assert of_2021["r2000_price_return"] == pytest.approx(growth - 1)


def test_a_shorter_range_tells_the_same_of_its_sessions(
    market: Store, found: Counterfactual
) -> None:
    short = counterfactual(market, end=date(2022, 1, 31), lag_sessions=LAG)
    held = found.events.filter(pl.col("effective_session") <= date(2022, 1, 31))
    assert held.height == 9
    assert_frame_equal(short.events, held)
    of_2021 = pl.col("year") == 2021
    assert_frame_equal(short.years.filter(of_2021), found.years.filter(of_2021))


def test_a_range_without_an_annual_event_is_refused(market: Store, empty_store: Store) -> None:
    with pytest.raises(BadInputError, match="no annual event"):
        counterfactual(market, end=date(2021, 5, 3), lag_sessions=LAG)
    with pytest.raises(BadInputError, match="ranking is empty"):
        counterfactual(empty_store)
