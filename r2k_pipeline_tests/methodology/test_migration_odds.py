"""The odds of crossing an edge: worked by hand, at their limits, and blind to what comes later.

Invariants:
1. A company is on the far side of a crossing exactly when the reconstitution would move it.
2. The further the cap lies beyond the crossing, the likelier the crossing, at any horizon.
3. With no session left the odds are 0 or 1; far away they go to 0 and 1.
4. Volatility on a session does not depend on any later row.
5. Steps that all companies share change no volatility.
"""

from __future__ import annotations

from datetime import date, timedelta
from math import exp, log, sqrt
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.methodology.migration_odds import (
    Calibration,
    Crossing,
    OddsModel,
    crossing_caps,
    scored,
    with_probability,
    with_volatility,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = date(2024, 1, 2)
UP = Crossing(boundary_rank=2, half_width=0.12, is_upward=True, segments=("small",))
DOWN = Crossing(boundary_rank=2, half_width=0.12, is_upward=False, segments=("large",))


def ranked(caps: Sequence[float], *, session: date = DAY) -> pl.DataFrame:
    """One session's ranking of companies with these caps, named by their place in the list."""
    return (
        pl.DataFrame(
            {
                "session": [session] * len(caps),
                "company_id": [f"C{place}" for place in range(len(caps))],
                "total_market_cap_usd": [float(cap) for cap in caps],
            }
        )
        .sort("total_market_cap_usd", descending=True)
        .with_columns(
            rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32),
            cumulative_market_cap_share=pl.col("total_market_cap_usd").cum_sum()
            / pl.col("total_market_cap_usd").sum(),
        )
    )


def walks(steps: np.ndarray, *, start: Sequence[float]) -> pl.DataFrame:
    """Rankings of companies whose caps follow log steps, one session a calendar day."""
    paths = np.vstack([np.log(start), np.log(start) + np.cumsum(steps, axis=0)])
    return pl.concat(
        ranked(np.exp(caps).tolist(), session=DAY + timedelta(days=place))
        for place, caps in enumerate(paths)
    )


def test_the_crossing_lies_midway_between_the_last_within_and_the_first_beyond() -> None:
    # Shares 0.50, 0.82, 0.91, 0.96, 1.00: the band around 0.82 is 0.70 to 0.94.
    caps = crossing_caps(ranked([50, 32, 9, 5, 4]), crossings=[UP, DOWN])
    assert caps["crossing_usd"].to_list() == pytest.approx([sqrt(50 * 32), sqrt(9 * 5)])


def test_without_a_band_both_ways_lead_over_the_edge_itself() -> None:
    ways = [
        Crossing(boundary_rank=2, half_width=0.0, is_upward=up, segments=()) for up in (True, False)
    ]
    caps = crossing_caps(ranked([50, 32, 9, 5, 4]), crossings=ways)
    assert caps["crossing_usd"].to_list() == pytest.approx([sqrt(32 * 9)] * 2)


def test_too_few_companies_have_no_edge() -> None:
    edge = Crossing(boundary_rank=6, half_width=0.0, is_upward=True, segments=())
    assert crossing_caps(ranked([5, 4, 3]), crossings=[edge]).is_empty()


def test_the_odds_by_hand() -> None:
    # 20 % below the crossing at 2 % a session with 25 left: ln 0.8 / (0.02 * 5) = -2.2314;
    # 1 / (1 + exp(3.247153)) = 1 / 26.7170 = 0.037429.
    standing = pl.DataFrame(
        {
            "session": [DAY],
            "company_id": ["C"],
            "total_market_cap_usd": [80.0],
            "volatility": [0.02],
        }
    )
    caps = pl.DataFrame(
        {"session": [DAY], "boundary_rank": [2], "is_upward": [True], "crossing_usd": [100.0]},
        schema_overrides={"boundary_rank": pl.Int32},
    )
    curve = Calibration(boundary_rank=2, is_upward=True, location=0.1, steepness=1.5)
    found = with_probability(scored(standing, caps, horizon_sessions=25), calibrations=[curve])
    assert found["score"].item() == pytest.approx(-2.231436, abs=1e-6)
    assert found["probability"].item() == pytest.approx(0.037429, abs=1e-6)


@given(
    caps=st.lists(st.floats(1e6, 1e12), min_size=8, max_size=30, unique=True),
    half_width=st.floats(0, 0.2),
    is_upward=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_who_has_crossed_is_whom_the_band_does_not_hold(
    caps: list[float], half_width: float, *, is_upward: bool
) -> None:
    way = Crossing(boundary_rank=4, half_width=half_width, is_upward=is_upward, segments=())
    ranking = ranked(caps).with_columns(volatility=pl.lit(0.02))
    found = scored(ranking, crossing_caps(ranking, crossings=[way]), horizon_sessions=0)
    middle = ranking.filter(pl.col("rank") == 4)["cumulative_market_cap_share"].item()
    for row in found.iter_rows(named=True):
        share, rank = row["cumulative_market_cap_share"], row["rank"]
        by_rank = rank <= 4 if is_upward else rank > 4
        is_held = half_width > 0 and middle - half_width <= share <= middle + half_width
        assert (row["score"] > 0) == (by_rank and not is_held)


@given(
    caps=st.lists(st.floats(0.2, 5.0), min_size=2, max_size=12, unique=True),
    horizon=st.integers(0, 250),
    is_upward=st.booleans(),
    location=st.floats(-0.5, 0.5),
    steepness=st.floats(0.05, 4.0),
)
@settings(max_examples=60, deadline=None)
def test_the_odds_never_fall_with_the_distance_beyond(
    caps: list[float], horizon: int, *, is_upward: bool, location: float, steepness: float
) -> None:
    standing = pl.DataFrame({"session": DAY, "total_market_cap_usd": sorted(caps)}).with_columns(
        volatility=pl.lit(0.02)
    )
    edge = pl.DataFrame(
        {"session": [DAY], "boundary_rank": [2], "is_upward": [is_upward], "crossing_usd": [1.0]},
        schema_overrides={"boundary_rank": pl.Int32},
    )
    curve = Calibration(
        boundary_rank=2, is_upward=is_upward, location=location, steepness=steepness
    )
    scores = scored(standing, edge, horizon_sessions=horizon)
    odds = with_probability(scores, calibrations=[curve])["probability"]
    assert odds.is_between(0, 1).all()
    assert odds.is_sorted(descending=not is_upward)


@pytest.mark.parametrize("location", [-3.0, 0.0, 3.0])
def test_no_session_left_is_certainty_and_far_away_nearly(location: float) -> None:
    standing = pl.DataFrame(
        {"session": DAY, "total_market_cap_usd": [1e-9, 0.999, 1.001, 1e9], "volatility": 0.02}
    )
    edge = pl.DataFrame(
        {"session": [DAY], "boundary_rank": [2], "is_upward": [True], "crossing_usd": [1.0]},
        schema_overrides={"boundary_rank": pl.Int32},
    )
    curve = Calibration(boundary_rank=2, is_upward=True, location=location)
    now = with_probability(scored(standing, edge, horizon_sessions=0), calibrations=[curve])
    assert now["probability"].to_list() == [0.0, 0.0, 1.0, 1.0]
    later = with_probability(scored(standing, edge, horizon_sessions=100), calibrations=[curve])
    assert later["probability"][0] == pytest.approx(0.0, abs=1e-9)
    assert later["probability"][-1] == pytest.approx(1.0, abs=1e-9)


def test_a_rank_day_behind_us_is_refused() -> None:
    with pytest.raises(BadInputError, match="3 sessions back"):
        scored(pl.DataFrame(), pl.DataFrame(), horizon_sessions=-3)


def test_volatility_by_hand() -> None:
    # Log steps against the market: +-0.01 of the outer two, 0 of the middle one. Pooled over the
    # three companies: (1e-4 + 0 + 1e-4) / 3 a step.
    steps = np.array([[0.03, 0.02, 0.01], [0.01, 0.02, 0.03]])
    found = with_volatility(
        walks(steps, start=[4.0, 2.0, 1.0]), model=OddsModel(pooled_sessions=2)
    ).filter(pl.col("session") == DAY + timedelta(days=2))
    pooled = 2e-4 / 3
    outer = sqrt((2e-4 + 2 * pooled) / 4)
    assert found.sort("company_id")["volatility"].to_list() == pytest.approx(
        [outer, sqrt(2 * pooled / 4), outer]
    )


def test_a_leap_counts_as_the_largest_step() -> None:
    steps = np.zeros((3, 5))
    steps[1, 0] = log(100)
    model = OddsModel(pooled_sessions=0, largest_step=0.12)
    found = with_volatility(walks(steps, start=[5, 4, 3, 2, 1]), model=model)
    last = found.filter(
        (pl.col("company_id") == "C0") & (pl.col("session") == found["session"].max())
    )
    assert last["volatility"].item() == pytest.approx(sqrt(0.12**2 / 3))


def test_old_steps_leave_the_window() -> None:
    steps = np.zeros((6, 3))
    steps[0, 0] = 0.1
    model = OddsModel(pooled_sessions=0, window_sessions=4)
    found = with_volatility(walks(steps, start=[3, 2, 1]), model=model).filter(
        pl.col("company_id") == "C0"
    )
    assert found.sort("session")["volatility"].to_list()[1:] == pytest.approx(
        [0.1, 0.1 / sqrt(2), 0.1 / sqrt(3), 0.05, 0, 0]
    )


@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_volatility_knows_nothing_of_later_rows(until: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.03, (9, 6))
    ranking = walks(steps, start=[6, 5, 4, 3, 2, 1])
    last = DAY + timedelta(days=until)
    is_later = pl.col("session") > last
    changed = ranking.with_columns(
        total_market_cap_usd=pl.when(is_later)
        .then(pl.col("total_market_cap_usd") * exp(rng.normal()))
        .otherwise("total_market_cap_usd")
    )
    seen = [
        with_volatility(frame, model=OddsModel()).filter(~is_later) for frame in (ranking, changed)
    ]
    cut = with_volatility(ranking.filter(~is_later), model=OddsModel())
    columns = ["session", "company_id", "volatility"]
    assert seen[0].select(columns).equals(seen[1].select(columns))
    assert seen[0].select(columns).equals(cut.select(columns))


def test_what_moves_all_companies_alike_is_no_volatility() -> None:
    steps = np.random.default_rng(3).normal(0, 0.02, (30, 7))
    market = np.random.default_rng(4).normal(0, 0.05, (30, 1))
    start = [7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]
    calm, stormy = (
        with_volatility(walks(moves, start=start), model=OddsModel())["volatility"].drop_nulls()
        for moves in (steps, steps + market)
    )
    assert stormy.to_list() == pytest.approx(calm.to_list())
