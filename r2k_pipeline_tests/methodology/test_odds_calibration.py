"""Fitting odds to what happened: pairs by hand, no look-ahead, and walks whose true odds are known.

Invariants:
1. A pair's outcome is read on its second session and nowhere else.
2. What is judged begins after everything that the fit has seen.
3. Fitted curves never turn odds around: steepness stays above 0.
4. On random walks the fitted odds come near the best Brier score that anybody could have.
"""

from __future__ import annotations

from datetime import date, timedelta
from math import erf, sqrt

import numpy as np
import polars as pl
import pytest

from r2k_pipeline.methodology.migration_odds import (
    NORMAL_STEEPNESS,
    Crossing,
    OddsModel,
    with_volatility,
)
from r2k_pipeline.methodology.odds_calibration import (
    NEAR_SCORE,
    brier_scores,
    calibrated,
    foretold,
    observed_crossings,
    reliability,
)
from r2k_pipeline_tests.methodology.test_migration_odds import DAY, ranked

COMPANIES, EDGE, LAST = 240, 60, 180
WAYS = (
    Crossing(boundary_rank=EDGE, half_width=0.02, is_upward=True, segments=("small",)),
    Crossing(boundary_rank=EDGE, half_width=0.02, is_upward=False, segments=("large",)),
    Crossing(boundary_rank=LAST, half_width=0.0, is_upward=True, segments=(None,)),
    Crossing(boundary_rank=LAST, half_width=0.0, is_upward=False, segments=("small",)),
)
OVER = Crossing(boundary_rank=1, half_width=0.0, is_upward=True, segments=())
UNDER = Crossing(boundary_rank=1, half_width=0.0, is_upward=False, segments=())


def days(count: int) -> list[date]:
    return [DAY + timedelta(days=place) for place in range(count)]


def history(*caps_by_day: dict[str, float]) -> pl.DataFrame:
    """Rankings of named companies, a calendar day a session, each with a volatility of 0.1."""
    frames = []
    for session, caps in zip(days(len(caps_by_day)), caps_by_day, strict=True):
        names = pl.DataFrame(
            {"company_id": [f"C{place}" for place in range(len(caps))], "named": list(caps)}
        )
        frames.append(
            ranked(list(caps.values()), session=session)
            .join(names, on="company_id", maintain_order="left")
            .with_columns(company_id="named")
            .drop("named")
        )
    return pl.concat(frames).with_columns(volatility=pl.lit(0.1))


def test_pairs_by_hand() -> None:
    known = history(
        {"A": 1.1, "B": 1.0, "C": 0.9}, {"A": 1.0, "B": 1.2, "C": 0.9}, {"A": 1.3, "B": 1.2}
    )
    pairs = observed_crossings(
        known, crossings=[OVER, UNDER], sessions=days(3), horizon_sessions=1, every=1
    )
    said = {
        (row["session"].day - DAY.day, row["company_id"], row["is_upward"]): row["has_crossed"]
        for row in pairs.iter_rows(named=True)
    }
    assert said == {
        (0, "A", True): False, (0, "B", True): True, (0, "C", True): False,
        (0, "A", False): True, (0, "B", False): False, (0, "C", False): True,
        (1, "A", True): True, (1, "B", True): False, (1, "C", True): False,
        # C is gone on the last day: from the last edge downward that is a crossing.
        (1, "A", False): False, (1, "B", False): True, (1, "C", False): True,
    }  # fmt: skip


def test_who_is_gone_has_not_moved_into_the_segment_below() -> None:
    ways = [UNDER, Crossing(boundary_rank=2, half_width=0.0, is_upward=False, segments=())]
    known = history({"A": 1.1, "B": 1.0, "C": 0.9}, {"B": 1.0, "C": 0.9, "D": 0.8})
    pairs = observed_crossings(known, crossings=ways, sessions=days(2), horizon_sessions=1)
    of_a = pairs.filter(pl.col("company_id") == "A").sort("boundary_rank")
    assert of_a["has_crossed"].to_list() == [False, True]


def test_a_pair_needs_both_of_its_sessions() -> None:
    known = history({"A": 1.1, "B": 1.0}, {"A": 1.0, "B": 1.2}, {"A": 1.3, "B": 1.2})
    holed = known.filter(pl.col("session") != days(3)[1])
    for horizon, expected in ((1, 0), (2, 1)):
        pairs = observed_crossings(
            holed, crossings=[OVER], sessions=days(3), horizon_sessions=horizon, every=1
        )
        assert pairs["session"].n_unique() == expected


def test_companies_far_from_the_edge_teach_nothing() -> None:
    far = 1.1 * np.exp(-(NEAR_SCORE + 1) * 0.1 * sqrt(2))
    known = history(*[{"A": 1.1, "B": 1.09, "C": float(far)}] * 3)
    pairs = observed_crossings(known, crossings=[OVER], sessions=days(3), horizon_sessions=2)
    assert sorted(pairs["company_id"]) == ["A", "B"]


def test_pairs_step_back_from_the_last_session() -> None:
    known = history(*[{"A": 1.1, "B": 1.0}] * 8)
    pairs = observed_crossings(
        known, crossings=[OVER], sessions=days(8), horizon_sessions=2, every=3
    )
    assert sorted((d - DAY).days for d in pairs["session"].unique()) == [2, 5]


def logistic_pairs(location: float, steepness: float, count: int) -> pl.DataFrame:
    rng = np.random.default_rng(11)
    score = rng.normal(0, 1, count)
    chance = 1 / (1 + np.exp(-(location + steepness * score)))
    return pl.DataFrame(
        {
            "session": [DAY + timedelta(days=i * 400 // count) for i in range(count)],
            "outcome_session": [DAY + timedelta(days=1 + i * 400 // count) for i in range(count)],
            "boundary_rank": 1,
            "is_upward": True,
            "score": score,
            "has_crossed": rng.random(count) < chance,
        },
        schema_overrides={"boundary_rank": pl.Int32},
    )


def test_the_curve_that_made_the_outcomes_is_found() -> None:
    (curve,) = calibrated(logistic_pairs(0.4, 1.1, 40_000), crossings=[OVER], periods=1e9)
    assert curve.location == pytest.approx(0.4, abs=0.05)
    assert curve.steepness == pytest.approx(1.1, abs=0.05)
    assert curve.observations == 40_000


def test_few_periods_say_little() -> None:
    shifted, flat = logistic_pairs(0.8, 1.1, 20_000), logistic_pairs(0.0, 1.1, 20_000)
    locations, steepnesses = [], []
    for periods in (1.0, 10.0, 1000.0):
        locations += [c.location for c in calibrated(shifted, crossings=[OVER], periods=periods)]
        steepnesses += [c.steepness for c in calibrated(flat, crossings=[OVER], periods=periods)]
    assert 0 < locations[0] < locations[1] < locations[2]
    assert NORMAL_STEEPNESS > steepnesses[0] > steepnesses[1] > steepnesses[2]


def test_without_pairs_the_walk_stands() -> None:
    (curve,) = calibrated(logistic_pairs(0, 1, 10).clear(), crossings=[OVER], periods=1.0)
    assert (curve.location, curve.steepness, curve.observations) == (0.0, NORMAL_STEEPNESS, 0)


def test_odds_are_never_turned_around() -> None:
    (curve,) = calibrated(logistic_pairs(0, -2.0, 5_000), crossings=[OVER], periods=1e9)
    assert curve.steepness > 0


def test_what_is_judged_begins_after_what_was_fitted() -> None:
    pairs = logistic_pairs(0.3, 1.2, 4_000)
    judged = foretold(pairs, crossings=[OVER], periods=50.0)
    middle = pairs["outcome_session"].unique().sort()[200]
    assert judged.filter(pl.col("session") <= middle).is_empty()
    assert not judged.is_empty()
    turned = pairs.with_columns(
        has_crossed=pl.when(pl.col("session") > middle)
        .then(~pl.col("has_crossed"))
        .otherwise("has_crossed")
    )
    same = foretold(turned, crossings=[OVER], periods=50.0)
    assert same["probability"].equals(judged["probability"])
    assert same["base_rate"].equals(judged["base_rate"])


def test_the_scores_of_the_ignorant() -> None:
    judged = foretold(logistic_pairs(0.0, 3.0, 8_000), crossings=[OVER], periods=50.0)
    (row,) = brier_scores(judged).iter_rows(named=True)
    assert row["brier_base_rate"] == pytest.approx(0.25, abs=0.01)
    assert row["brier"] < row["brier_as_it_is"] < row["brier_base_rate"]


def test_reliable_odds_lie_on_the_diagonal() -> None:
    bins = reliability(foretold(logistic_pairs(0.2, 1.3, 40_000), crossings=[OVER], periods=1e6))
    assert bins["companies"].sum() > 15_000
    held = bins.filter(pl.col("companies") > 500)
    assert held.height >= 8
    assert ((held["mean_probability"] - held["crossed_share"]).abs() < 0.05).all()


@pytest.fixture(scope="module")
def random_walks() -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Rankings of 240 walks over 260 sessions, with each walk's true volatility and its path."""
    rng = np.random.default_rng(5)
    volatility = rng.uniform(0.008, 0.03, COMPANIES)
    start = np.log(3e9) - np.linspace(-2.5, 2.5, COMPANIES)
    steps = rng.standard_normal((259, COMPANIES)) * volatility
    paths = np.vstack([start, start + np.cumsum(steps, axis=0)])
    frames = [
        ranked(np.exp(caps).tolist(), session=session)
        for session, caps in zip(days(260), paths, strict=True)
    ]
    return pl.concat(frames), volatility, paths


def test_on_random_walks_the_odds_are_nearly_the_best_there_are(
    random_walks: tuple[pl.DataFrame, np.ndarray, np.ndarray],
) -> None:
    ranking, volatility, _ = random_walks
    horizon = 20
    known = with_volatility(ranking, model=OddsModel())
    pairs = observed_crossings(
        known, crossings=WAYS, sessions=days(260)[42:], horizon_sessions=horizon, every=2
    )
    judged = foretold(pairs, crossings=WAYS, periods=218 / horizon)
    # Who knew each walk's volatility and that it is normal would say this of the last edge, which
    # hardly moves: 180 of 240 walks lie above it at any time.
    own = {f"C{place}": float(value) for place, value in enumerate(volatility)}
    wise = (
        judged.join(
            known.select("session", "company_id", "volatility"), on=["session", "company_id"]
        )
        .with_columns(
            exact=pl.col("score")
            * pl.col("volatility")
            / pl.col("company_id").replace_strict(own, return_dtype=pl.Float64)
        )
        .with_columns(
            best=pl.col("exact").map_elements(
                lambda score: 0.5 * (1 + erf(score / sqrt(2))), return_dtype=pl.Float64
            )
        )
    )
    happened = pl.col("has_crossed").cast(pl.Float64)
    found = wise.select(
        odds=(pl.col("probability") - happened).pow(2).mean(),
        best=(pl.col("best") - happened).pow(2).mean(),
    ).row(0, named=True)
    assert judged.height > 4_000
    assert found["odds"] < found["best"] + 0.004
    scores = brier_scores(judged)
    assert (scores["brier"] < scores["brier_as_it_is"]).all()
    assert (scores["brier"] < scores["brier_base_rate"]).all()


def test_later_sessions_do_not_change_earlier_pairs(
    random_walks: tuple[pl.DataFrame, np.ndarray, np.ndarray],
) -> None:
    ranking, _, _ = random_walks
    sessions, cut = days(260), 150
    later = pl.col("session") > sessions[cut]
    changed = ranking.with_columns(
        total_market_cap_usd=pl.when(later)
        .then(pl.col("total_market_cap_usd").reverse().over("session"))
        .otherwise("total_market_cap_usd")
    )
    one, other = (
        observed_crossings(
            with_volatility(frame, model=OddsModel()),
            crossings=WAYS,
            sessions=sessions[42 : cut + 1],
            horizon_sessions=20,
        )
        for frame in (ranking, changed)
    )
    assert one.height > 500
    assert one.equals(other)
