"""How likely a company is to end on the other side of an edge by the rank day.

1. A company's cap relative to the market is taken for a random walk: its steps are its
   log returns of cap less the session's median over all companies.
2. Its distance from an edge is the logarithm of its cap over the cap at which it would
   cross: where the band ends for incumbents, at the edge itself where there is none.
3. Distance over volatility times the root of the sessions that remain is its score, and
   the odds are logistic in the score: fatter in the tails than a normal walk.

Holds the model. How it is fitted to what happened and judged is `odds_calibration`; who
is asked about, and when, is `queries.proforma`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from r2k_pipeline.rulebook.rules import IndexRules

NORMAL_STEEPNESS = 1.702
"""The steepness at which the logistic curve lies nearest to the normal distribution."""

CROSSING_KEY = ("boundary_rank", "is_upward")


@dataclass(frozen=True, kw_only=True)
class OddsModel:
    """How volatility is measured.

    Args:
        window_sessions: Over how many of a company's last sessions.
        largest_step: Steps beyond this size, in logarithms, count as this size: faults of a
            feed and single leaps say little about the next sessions.
        pooled_sessions: For how many sessions of the average company the prior counts, so
            that a newcomer is neither still nor wild.
    """

    window_sessions: int = 126
    largest_step: float = 0.12
    pooled_sessions: int = 20


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """One way over one edge.

    Args:
        boundary_rank: The company rank of the edge.
        half_width: Half of the band around it, in cumulative share (0 to 1); 0 is none.
        is_upward: From below the edge to above it, or the other way.
        segments: Where the companies that can cross come from; None is outside the family.
    """

    boundary_rank: int
    half_width: float
    is_upward: bool
    segments: tuple[str | None, ...]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The curve of one crossing: probability = 1 / (1 + exp(-(location + steepness * score))).

    Args:
        boundary_rank: The crossing's edge.
        is_upward: The crossing's direction.
        location: 0 unless companies cross more or less often than their walk says.
        steepness: Above 0; below `NORMAL_STEEPNESS` the walk strays further than it says.
        observations: On how many past pairs of sessions and companies it rests; 0 is the
            uncalibrated walk.
    """

    boundary_rank: int
    is_upward: bool
    location: float = 0.0
    steepness: float = NORMAL_STEEPNESS
    observations: int = 0


def crossings(rules: IndexRules) -> tuple[Crossing, ...]:
    """List the crossings between large, small and what is outside both.

    Args:
        rules: The rules of the event; read the two ranks and the band.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> [(c.boundary_rank, c.is_upward) for c in crossings(rules_in_force(date(2022, 5, 6)))]
        [(1000, True), (1000, False), (3000, True), (3000, False)]
    """
    large, total, band = rules.large_cap_count, rules.total_count, rules.band_at_1000
    return (
        Crossing(boundary_rank=large, half_width=band, is_upward=True, segments=("small",)),
        Crossing(boundary_rank=large, half_width=band, is_upward=False, segments=("large",)),
        Crossing(boundary_rank=total, half_width=0.0, is_upward=True, segments=("micro", None)),
        Crossing(boundary_rank=total, half_width=0.0, is_upward=False, segments=("small",)),
    )


def with_volatility(ranking: pl.DataFrame, *, model: OddsModel) -> pl.DataFrame:
    """Add each company's volatility relative to the market, session by session.

    Args:
        ranking: Contract `ranking`, any range of sessions. Read: `session`, `company_id`,
            `total_market_cap_usd` (above 0).
        model: How it is measured.

    Returns:
        `ranking` plus `volatility`: the standard deviation a session of the logarithm of
        the cap relative to the market, about 0; null on the first session of the range.

    Notes:
        Look-ahead: a row depends on its own session and earlier ones only.

    Example:
        Two companies part by 2 % a session, one up and one down, after a first session.

        >>> from datetime import date
        >>> ranking = pl.DataFrame({
        ...     "session": [date(2024, 1, d) for d in (2, 2, 3, 3)],
        ...     "company_id": ["A", "B"] * 2,
        ...     "total_market_cap_usd": [1.0, 1.0, 1.02, 1 / 1.02],
        ... })
        >>> with_volatility(ranking, model=OddsModel())["volatility"].round(4).to_list()
        [None, None, 0.0198, 0.0198]
    """
    limit = model.largest_step
    step = pl.col("total_market_cap_usd").log().diff().over("company_id")
    own = pl.col("step") - pl.col("step").median().over("session")
    pooled = pl.col("squares").sum().over("session") / pl.col("steps").sum().over("session")
    seen = pl.col("steps") + model.pooled_sessions
    return (
        ranking.sort("company_id", "session")
        .with_columns(step=step)
        .with_columns(own=own.clip(-limit, limit))
        .with_columns(
            squares=_rolled(pl.col("own").pow(2).fill_null(0.0), model),
            steps=_rolled(pl.col("own").is_not_null().cast(pl.Float64), model),
        )
        .with_columns(
            volatility=((pl.col("squares") + model.pooled_sessions * pooled) / seen)
            .sqrt()
            .fill_nan(None)
        )
        .drop("step", "own", "squares", "steps")
        .sort("session", "company_id")
    )


def _rolled(values: pl.Expr, model: OddsModel) -> pl.Expr:
    return values.rolling_sum(model.window_sessions, min_samples=1).over("company_id")


def crossing_caps(ranking: pl.DataFrame, *, crossings: Sequence[Crossing]) -> pl.DataFrame:
    """Find the cap at which each crossing happens, session by session.

    Args:
        ranking: Contract `ranking`, any range of sessions.
        crossings: Which.

    Returns:
        `session`, `boundary_rank`, `is_upward` and `crossing_usd`: midway in logarithms
        between the smallest company that is above the edge, in the sense of the crossing,
        and the largest that is not. For incumbents below, above means beyond the upper end
        of the band; for incumbents above, within the band is still above. A session with
        too few companies for an edge has no row for it.

    Example:
        The band of 0.12 around the second company's 0.80 ends between 0.50 and 0.80 above,
        and between 0.90 and 0.96 below.

        >>> from datetime import date
        >>> ranking = pl.DataFrame({
        ...     "session": [date(2024, 4, 30)] * 4, "rank": [1, 2, 3, 4],
        ...     "total_market_cap_usd": [50.0, 32.0, 9.0, 4.0],
        ...     "cumulative_market_cap_share": [0.50, 0.80, 0.90, 0.96],
        ... })
        >>> ways = [
        ...     Crossing(boundary_rank=2, half_width=0.12, is_upward=up, segments=())
        ...     for up in (True, False)
        ... ]
        >>> crossing_caps(ranking, crossings=ways)["crossing_usd"].to_list()
        [40.0, 6.0]
    """
    cap = pl.col("total_market_cap_usd")
    found = []
    for crossing in crossings:
        above = _is_above(crossing)
        found.append(
            ranking.group_by("session", maintain_order=True)
            .agg(crossing_usd=(cap.filter(above).min() * cap.filter(~above).max()).sqrt())
            .select(
                "session",
                pl.lit(crossing.boundary_rank, pl.Int32).alias("boundary_rank"),
                pl.lit(crossing.is_upward).alias("is_upward"),
                "crossing_usd",
            )
        )
    return pl.concat(found).drop_nulls("crossing_usd")


def _is_above(crossing: Crossing) -> pl.Expr:
    """Whether a company lies above the edge, for those who would cross it this way."""
    rank, share = pl.col("rank"), pl.col("cumulative_market_cap_share")
    if crossing.half_width <= 0:
        return rank <= crossing.boundary_rank
    middle = share.filter(rank == crossing.boundary_rank).first()
    if crossing.is_upward:
        return share < middle - crossing.half_width
    return share <= middle + crossing.half_width


def scored(standing: pl.DataFrame, caps: pl.DataFrame, *, horizon_sessions: int) -> pl.DataFrame:
    """Measure how far each company is from each crossing, in moves of the sessions that remain.

    Args:
        standing: `session`, `company_id`, `total_market_cap_usd` and `volatility`.
        caps: As `crossing_caps` gives them.
        horizon_sessions: How many sessions remain, from 0.

    Returns:
        One row per company and crossing: the columns of both, and `score`: above 0 where
        the company has crossed already. With no session left it is infinite, with no
        volatility known it is null.

    Raises:
        BadInputError: The horizon is negative.

    Example:
        Half of the way up in logarithms, with two standard deviations to go.

        >>> from datetime import date
        >>> standing = pl.DataFrame({
        ...     "session": [date(2024, 1, 2)], "company_id": ["A"],
        ...     "total_market_cap_usd": [4.0], "volatility": [0.0866],
        ... })
        >>> caps = pl.DataFrame({
        ...     "session": [date(2024, 1, 2)], "boundary_rank": [1000], "is_upward": [True],
        ...     "crossing_usd": [8.0],
        ... })
        >>> scored(standing, caps, horizon_sessions=16)["score"].round(3).to_list()
        [-2.001]
    """
    if horizon_sessions < 0:
        raise BadInputError(
            f"the rank day lies {-horizon_sessions} sessions back",
            state="no odds were given",
            remedy="ask on a session up to the rank day",
        )
    gap = (pl.col("total_market_cap_usd") / pl.col("crossing_usd")).log()
    ahead = pl.when("is_upward").then(gap).otherwise(-gap)
    if horizon_sessions == 0:
        score = pl.when(ahead > 0).then(float("inf")).otherwise(float("-inf"))
    else:
        score = ahead / (pl.col("volatility") * horizon_sessions**0.5)
    return standing.join(caps, on="session").with_columns(score=score)


def with_probability(scores: pl.DataFrame, *, calibrations: Sequence[Calibration]) -> pl.DataFrame:
    """Turn scores into probabilities.

    Args:
        scores: `boundary_rank`, `is_upward` and `score`, as `scored` gives them.
        calibrations: One a crossing; a crossing without one is taken for the walk itself.

    Returns:
        `scores` plus `probability` (0 to 1) of having crossed on the rank day.

    Example:
        >>> scores = pl.DataFrame({
        ...     "boundary_rank": [1000] * 3, "is_upward": [True] * 3,
        ...     "score": [float("-inf"), 0.0, 1.0],
        ... }, schema_overrides={"boundary_rank": pl.Int32})
        >>> with_probability(scores, calibrations=[])["probability"].round(3).to_list()
        [0.0, 0.5, 0.846]
    """
    curves = pl.DataFrame(
        [(c.boundary_rank, c.is_upward, c.location, c.steepness) for c in calibrations],
        schema={
            "boundary_rank": pl.Int32,
            "is_upward": pl.Boolean,
            "location": pl.Float64,
            "steepness": pl.Float64,
        },
        orient="row",
    )
    bent = pl.col("location").fill_null(0.0) + pl.col("score") * pl.col("steepness").fill_null(
        NORMAL_STEEPNESS
    )
    return (
        scores.join(curves, on=CROSSING_KEY, how="left", maintain_order="left")
        .with_columns(probability=1 / (1 + (-bent).exp()))
        .drop("location", "steepness")
    )
