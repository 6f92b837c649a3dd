"""The odds of a store with a year of random walks: fitted, judged, and blind to the future."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from r2k_pipeline.queries.migration_odds import likeliest, migration_odds, undecided
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import Store, open_store
from r2k_pipeline_tests.queries.market_rows import ranking_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPANIES = 1_600
SESSIONS = sessions_between(date(2022, 1, 3), date(2023, 3, 31))
ASKED = date(2023, 3, 1)
JUNE = event("2023-06")


def walks() -> np.ndarray:
    rng = np.random.default_rng(17)
    volatility = rng.uniform(0.008, 0.03, COMPANIES)
    start = np.log(2.4e12 / np.arange(1, COMPANIES + 1) ** 0.8)
    steps = rng.standard_normal((len(SESSIONS), COMPANIES)) * volatility
    return np.asarray(np.exp(start + np.cumsum(steps, axis=0)))


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(Settings(home=tmp_path_factory.mktemp("walks"))) as store:
        rows = ranking_rows(SESSIONS, walks())
        store.lake.replace("ranking", rows, start=SESSIONS[0], end=SESSIONS[-1])
        yield store


@pytest.fixture(scope="module")
def decided(walked: Store) -> pl.DataFrame:
    """Companies with the side that their rank had at the beginning."""
    first = walked.lake.scan("ranking", start=SESSIONS[0], end=SESSIONS[0]).collect()
    return first.select(
        "company_id",
        "symbol",
        "name",
        previous_segment=pl.when(pl.col("rank") <= 1000)
        .then(pl.lit("large"))
        .otherwise(pl.lit("small")),
    )


def test_the_odds_are_fitted_to_pairs_as_far_apart_as_the_rank_day_is(
    walked: Store, decided: pl.DataFrame
) -> None:
    odds = migration_odds(walked, ASKED, decided=decided, event=JUNE)
    assert odds.horizon_sessions == len(sessions_between(ASKED, JUNE.rank_day)) - 1 == 41
    assert odds.fitted_sessions == 41
    curves = {(c.boundary_rank, c.is_upward): c for c in odds.calibrations}
    assert curves[1000, True].observations > 500
    # The walks are normal, and the curve that is nearest to the normal has steepness 1.702.
    assert curves[1000, True].steepness == pytest.approx(1.702, abs=0.35)
    # Nobody ranks beyond 3,000, so there is no such edge.
    assert odds.companies["boundary_rank"].unique().to_list() == [1000]


def test_they_beat_who_knows_less(walked: Store, decided: pl.DataFrame) -> None:
    odds = migration_odds(walked, ASKED, decided=decided, event=JUNE)
    assert odds.brier.height == 2
    assert (odds.brier["brier"] < odds.brier["brier_as_it_is"]).all()
    assert (odds.brier["brier"] < odds.brier["brier_base_rate"]).all()
    steps = odds.reliability
    assert steps.height >= 8
    assert steps["mean_probability"].is_sorted()
    off = (pl.col("mean_probability") - pl.col("crossed_share")).abs()
    count = pl.col("companies")
    assert steps.select((off * count).sum() / count.sum()).item() < 0.08


def test_later_sessions_change_nothing(walked: Store, decided: pl.DataFrame) -> None:
    before = migration_odds(walked, ASKED, decided=decided, event=JUNE)
    later = walked.lake.scan("ranking", start=ASKED).collect().filter(pl.col("session") > ASKED)
    upset = later.with_columns(
        total_market_cap_usd=pl.col("total_market_cap_usd").reverse().over("session")
    )
    days = upset["session"].unique().to_list()
    walked.lake.replace_sessions("ranking", upset, days)
    try:
        after = migration_odds(walked, ASKED, decided=decided, event=JUNE)
    finally:
        walked.lake.replace_sessions("ranking", later, days)
    assert after.companies.equals(before.companies)
    assert after.brier.equals(before.brier)
    assert after.calibrations == before.calibrations


def test_a_short_history_is_fitted_as_far_as_it_goes(walked: Store, decided: pl.DataFrame) -> None:
    odds = migration_odds(walked, date(2022, 4, 1), decided=decided, event=JUNE)
    assert (odds.horizon_sessions or 0) > 100
    assert 0 < odds.fitted_sessions < 15
    first = migration_odds(walked, date(2022, 1, 12), decided=decided, event=JUNE)
    assert first.fitted_sessions == 0
    assert first.calibrations == ()
    assert first.companies["probability"].is_between(0, 1).all()


def test_each_company_has_its_likelier_crossing(walked: Store, decided: pl.DataFrame) -> None:
    odds = migration_odds(walked, ASKED, decided=decided, event=JUNE)
    likely = likeliest(odds.companies)
    assert likely["company_id"].is_unique().all()
    assert set(likely["crossing"]) == {"above 1000", "below 1000"}
    near = undecided(odds.companies, least=0.1)
    assert near["probability"].is_between(0.1, 0.9).all()
    openness = (near["probability"] - 0.5).abs()
    assert openness.is_sorted()
