"""What became of companies near an edge, and how well odds of crossing foretold it.

Takes every earlier session for a day on which the odds were asked, and a later one, no
later than what is known, for the rank day. Holds the fitting and the judging; the model
itself is `migration_odds`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.migration_odds import (
    CROSSING_KEY,
    NORMAL_STEEPNESS,
    Calibration,
    crossing_caps,
    scored,
    with_probability,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.methodology.migration_odds import Crossing

NEAR_SCORE = 3.0
"""A company further from an edge than this many standard deviations is not near it."""

# The prior counts as much as so many periods that do not overlap. One shock moves all companies
# of a period against an edge, so a location seen over a few periods says little.
_PRIOR_PERIODS_OF_LOCATION = 10.0
_PRIOR_PERIODS_OF_STEEPNESS = 1.0
_CURVATURE = 0.15  # of the log-likelihood, an observation near the edge
_LEAST_STEEPNESS = 0.05
_MOST_STEPS, _CLOSE_ENOUGH = 60, 1e-9
_BINS = 10


def observed_crossings(
    history: pl.DataFrame,
    *,
    crossings: Sequence[Crossing],
    sessions: Sequence[date],
    horizon_sessions: int,
    every: int = 5,
) -> pl.DataFrame:
    """Pair sessions with later ones, and see which companies near an edge had crossed it.

    Args:
        history: Contract `ranking` with `volatility`, as `with_volatility` gives it: what
            is known and no more.
        crossings: Which.
        sessions: Consecutive sessions, in order; pairs lie within them.
        horizon_sessions: How many sessions the second lies after the first, from 1.
        every: Every how many sessions a pair begins, counted back from the last possible.

    Returns:
        One row per pair, crossing and company near the edge at its beginning: `session`,
        `outcome_session`, `company_id`, `boundary_rank`, `is_upward`, `score` and
        `has_crossed`. A company that is not ranked any more has not crossed upward, nor
        into the segment below; it has left the last segment. A pair with a session that
        has no rows is left out.

    Notes:
        Look-ahead: none beyond `history`; a pair is used only when both of its sessions
        are known.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.methodology.migration_odds import Crossing
        >>> days = [date(2024, 1, 2), date(2024, 1, 3)]
        >>> history = pl.DataFrame({
        ...     "session": [days[0]] * 2 + [days[1]] * 2, "company_id": ["A", "B", "B", "A"],
        ...     "rank": [1, 2, 1, 2], "total_market_cap_usd": [1.1, 1.0, 1.2, 1.0],
        ...     "cumulative_market_cap_share": [0.52, 1.0, 0.55, 1.0], "volatility": [0.1] * 4,
        ... })
        >>> up = Crossing(boundary_rank=1, half_width=0.0, is_upward=True, segments=())
        >>> observed_crossings(history, crossings=[up], sessions=days, horizon_sessions=1).select(
        ...     "company_id", "has_crossed"
        ... ).rows()
        [('A', False), ('B', True)]
    """
    starts = range(len(sessions) - 1 - horizon_sessions, -1, -every)
    pairs = pl.DataFrame(
        [(sessions[at], sessions[at + horizon_sessions]) for at in starts],
        schema={"session": pl.Date, "outcome_session": pl.Date},
        orient="row",
    )
    days = pl.concat([pairs["session"], pairs["outcome_session"]]).unique()
    known = history.filter(pl.col("session").is_in(days.implode()))
    present = known.get_column("session").unique().implode()
    pairs = pairs.filter(pl.all_horizontal(pl.all().is_in(present)))
    caps = crossing_caps(known, crossings=crossings)
    standing = known.select("session", "company_id", "total_market_cap_usd", "volatility")
    begun = (
        scored(standing.join(pairs, on="session"), caps, horizon_sessions=horizon_sessions)
        .filter(pl.col("score").abs() <= NEAR_SCORE)
        .select("session", "outcome_session", "company_id", *CROSSING_KEY, "score")
    )
    ended = standing.select("company_id", outcome_session="session", end_usd="total_market_cap_usd")
    reached = caps.select(*CROSSING_KEY, outcome_session="session", end_crossing_usd="crossing_usd")
    return (
        begun.join(reached, on=["outcome_session", *CROSSING_KEY])
        .join(ended, on=["outcome_session", "company_id"], how="left")
        .with_columns(has_crossed=_has_crossed(crossings))
        .drop("end_usd", "end_crossing_usd")
        .sort("session", *CROSSING_KEY, "company_id")
    )


def _has_crossed(crossings: Sequence[Crossing]) -> pl.Expr:
    above = pl.col("end_usd") > pl.col("end_crossing_usd")
    last = max(crossing.boundary_rank for crossing in crossings)
    out_when_gone = pl.col("boundary_rank") == last
    return (
        pl.when("is_upward")
        .then(above.fill_null(False))
        .otherwise(~above.fill_null(~out_when_gone))
    )


def calibrated(
    pairs: pl.DataFrame, *, crossings: Sequence[Crossing], periods: float
) -> tuple[Calibration, ...]:
    """Fit the curve of each crossing to what happened.

    Args:
        pairs: As `observed_crossings` gives them.
        crossings: Which; one without pairs keeps the curve of the walk.
        periods: How many periods without overlap the pairs span: sessions spanned over the
            horizon. The fewer, the nearer the fit stays to the walk itself.

    Example:
        A coin that knows nothing of scores: the curve flattens.

        >>> from r2k_pipeline.methodology.migration_odds import Crossing
        >>> up = Crossing(boundary_rank=1, half_width=0.0, is_upward=True, segments=())
        >>> pairs = pl.DataFrame({
        ...     "boundary_rank": [1] * 400, "is_upward": [True] * 400,
        ...     "score": [-1.0, 1.0] * 200, "has_crossed": [True, True, False, False] * 100,
        ... })
        >>> (curve,) = calibrated(pairs, crossings=[up], periods=1000.0)
        >>> curve.steepness < 0.1, abs(curve.location) < 0.01, curve.observations
        (True, True, 400)
    """
    return tuple(
        _curve(
            crossing,
            pairs.filter(
                (pl.col("boundary_rank") == crossing.boundary_rank)
                & (pl.col("is_upward") == crossing.is_upward)
            ),
            periods=periods,
        )
        for crossing in crossings
    )


def _curve(crossing: Crossing, pairs: pl.DataFrame, *, periods: float) -> Calibration:
    """The most probable curve under the prior, by Newton's steps: the target is convex."""
    location, steepness = 0.0, NORMAL_STEEPNESS
    weight = _CURVATURE * pairs.height / max(periods, 1.0)
    held = (_PRIOR_PERIODS_OF_LOCATION * weight, _PRIOR_PERIODS_OF_STEEPNESS * weight)
    score = pl.col("score")
    for _ in range(_MOST_STEPS if pairs.height else 0):
        chance = 1 / (1 + (-(location + steepness * score)).exp())
        spread = chance * (1 - chance)
        miss = chance - pl.col("has_crossed").cast(pl.Float64)
        g0, g1, h00, h01, h11 = pairs.select(
            g0=miss.sum(), g1=(miss * score).sum(),
            h00=spread.sum(), h01=(spread * score).sum(), h11=(spread * score * score).sum(),
        ).row(0)  # fmt: skip
        g0 += held[0] * location
        g1 += held[1] * (steepness - NORMAL_STEEPNESS)
        h00, h11 = h00 + held[0], h11 + held[1]
        determinant = h00 * h11 - h01 * h01
        to_location = (h11 * g0 - h01 * g1) / determinant
        to_steepness = (h00 * g1 - h01 * g0) / determinant
        location, steepness = location - to_location, steepness - to_steepness
        if max(abs(to_location), abs(to_steepness)) < _CLOSE_ENOUGH:
            break
    return Calibration(
        boundary_rank=crossing.boundary_rank,
        is_upward=crossing.is_upward,
        location=location,
        steepness=max(steepness, _LEAST_STEEPNESS),
        observations=pairs.height,
    )


def foretold(pairs: pl.DataFrame, *, crossings: Sequence[Crossing], periods: float) -> pl.DataFrame:
    """Give the later half of the pairs the odds that the earlier half would have given them.

    Args:
        pairs: As `observed_crossings` gives them.
        crossings: Which.
        periods: As in `calibrated`, of all pairs.

    Returns:
        The pairs that begin after the middle of the outcomes, with `probability`, and
        `base_rate`: how often the earlier pairs of the same crossing crossed. No row if
        either half is empty.

    Notes:
        Look-ahead: what fits ends before what is judged begins.

    Example:
        >>> foretold(
        ...     pl.DataFrame(schema={
        ...         "session": pl.Date, "outcome_session": pl.Date, "boundary_rank": pl.Int32,
        ...         "is_upward": pl.Boolean, "score": pl.Float64, "has_crossed": pl.Boolean,
        ...     }), crossings=[], periods=1.0).height
        0
    """
    ends = pairs.get_column("outcome_session").unique().sort()
    middle = pl.lit(ends[len(ends) // 2] if len(ends) else None, pl.Date)
    earlier = pairs.filter(pl.col("outcome_session") <= middle)
    later = pairs.filter((pl.col("session") > middle) & (not earlier.is_empty()))
    rates = earlier.group_by(CROSSING_KEY).agg(base_rate=pl.col("has_crossed").mean())
    curves = calibrated(earlier, crossings=crossings, periods=periods / 2)
    return with_probability(later, calibrations=curves).join(
        rates, on=CROSSING_KEY, how="left", maintain_order="left"
    )


def brier_scores(judged: pl.DataFrame) -> pl.DataFrame:
    """Score odds against what happened, beside two forecasters who know less.

    Args:
        judged: `boundary_rank`, `is_upward`, `score`, `probability`, `base_rate` and
            `has_crossed`, as `foretold` gives them.

    Returns:
        One row per crossing: `companies` (observations judged), `crossed_share`, and the
        mean squared error of the odds (`brier`), of one who says that all stays as it is
        (`brier_as_it_is`), and of one who gives every company the earlier rate
        (`brier_base_rate`). 0 is perfect.

    Example:
        >>> judged = pl.DataFrame({
        ...     "boundary_rank": [1000, 1000], "is_upward": [True, True], "score": [-1.0, 1.0],
        ...     "probability": [0.2, 0.8], "base_rate": [0.5, 0.5], "has_crossed": [False, True],
        ... })
        >>> brier_scores(judged).select(pl.col("^brier.*$").round(6)).row(0)
        (0.04, 0.0, 0.25)
    """
    happened = pl.col("has_crossed").cast(pl.Float64)
    stays = (pl.col("score") > 0).cast(pl.Float64)
    return (
        judged.group_by(CROSSING_KEY)
        .agg(
            companies=pl.len(),
            crossed_share=happened.mean(),
            brier=(pl.col("probability") - happened).pow(2).mean(),
            brier_as_it_is=(stays - happened).pow(2).mean(),
            brier_base_rate=(pl.col("base_rate") - happened).pow(2).mean(),
        )
        .sort("boundary_rank", "is_upward", descending=[False, True])
    )


def reliability(judged: pl.DataFrame) -> pl.DataFrame:
    """Compare odds with frequencies, in ten steps of the odds.

    Args:
        judged: As `foretold` gives it.

    Returns:
        One row per edge and step that holds companies: `boundary_rank`, `companies`,
        `mean_probability` and `crossed_share`. Good odds lie on the diagonal.

    Example:
        >>> judged = pl.DataFrame({
        ...     "boundary_rank": [1000] * 4, "probability": [0.11, 0.13, 0.95, 1.0],
        ...     "has_crossed": [False, True, True, True],
        ... })
        >>> reliability(judged).select("companies", "crossed_share").rows()
        [(2, 0.5), (2, 1.0)]
    """
    step = (pl.col("probability") * _BINS).floor().clip(0, _BINS - 1)
    return (
        judged.group_by("boundary_rank", step.alias("step"))
        .agg(
            companies=pl.len(),
            mean_probability=pl.col("probability").mean(),
            crossed_share=pl.col("has_crossed").mean(),
        )
        .sort("boundary_rank", "step")
        .drop("step")
    )
