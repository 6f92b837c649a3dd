"""How likely each company near an edge is to migrate by the next rank day.

Fits the walk of `methodology.migration_odds` to the sessions up to the one asked about, and
to no later one, and judges it there. What an event would decide on the session itself is
`proforma`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.migration_odds import (
    CROSSING_KEY,
    Calibration,
    OddsModel,
    crossing_caps,
    crossings,
    scored,
    with_probability,
    with_volatility,
)
from r2k_pipeline.methodology.odds_calibration import (
    brier_scores,
    calibrated,
    foretold,
    observed_crossings,
    reliability,
)
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.sessions import sessions_between

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.methodology.migration_odds import Crossing
    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.storage.store import Store

HISTORY_SESSIONS = 756
"""How many sessions are looked back on: three years."""

ODDS_COLUMNS = (
    "rank",
    "symbol",
    "name",
    "company_id",
    "previous_segment",
    "boundary_rank",
    "is_upward",
    "total_market_cap_usd",
    "crossing_usd",
    "distance_pct",
    "volatility_pct",
    "probability",
)

_WARM_UP_SESSIONS = 42
_SESSIONS_A_YEAR = 252
_READ = (
    "session", "company_id", "total_market_cap_usd", "rank", "cumulative_market_cap_share",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MigrationOdds:
    """The odds on one session, and what they were worth so far.

    Args:
        event: The event whose rank day comes next.
        horizon_sessions: Sessions that remain to its rank day; None if it has passed, so
            that the event is decided and nothing is left to chance.
        fitted_sessions: How far apart the past pairs were to which the odds were fitted: as
            far as the horizon where the history allows; 0 if it allowed no pair.
        companies: One row per company and edge that it can cross: see `migration_odds`.
        calibrations: The fitted curves.
        brier: As `odds_calibration.brier_scores` gives it; empty without history.
        reliability: As `odds_calibration.reliability` gives it; empty without history.
    """

    event: Event
    horizon_sessions: int | None
    fitted_sessions: int
    companies: pl.DataFrame
    calibrations: tuple[Calibration, ...]
    brier: pl.DataFrame
    reliability: pl.DataFrame


def migration_odds(
    store: Store, session: date, *, decided: pl.DataFrame, event: Event
) -> MigrationOdds:
    """Give every company the odds of having crossed an edge on the next rank day.

    Args:
        store: The open store; read is `ranking` up to `session`.
        session: The session on which is asked.
        decided: What the event would decide on that session; read are the companies with
            their `previous_segment` and how they are called.
        event: The event whose rank day comes next.

    Returns:
        The odds. `companies` has `rank`, `symbol`, `name`, `company_id`,
        `previous_segment`, `boundary_rank`, `is_upward`, `total_market_cap_usd`,
        `crossing_usd` (where the band ends for this company, else the edge),
        `distance_pct` (of the cap from it, negative before the crossing),
        `volatility_pct` (a year, relative to the market; null on the first session of a
        history) and `probability` (0 to 1; null where the volatility is); by edge, the
        likeliest first. Companies without a rank have no row.

    Notes:
        Look-ahead: none. Sessions after `session` are not read, and pairs to which the
        odds are fitted have both ends up to it.
    """
    known = _known(store, session)
    ways = crossings(rules_in_force(session))
    left = sessions_between(session, event.rank_day)
    horizon = len(left) - 1 if left else None
    pairs, fitted_sessions, periods = _past(known, ways, session, horizon or 0)
    curves = calibrated(pairs, crossings=ways, periods=periods) if fitted_sessions else ()
    judged = foretold(pairs, crossings=ways, periods=periods)
    now = known.filter(pl.col("session") == session)
    companies = _companies(now, ways, decided, horizon=horizon, curves=curves)
    return MigrationOdds(
        event=event,
        horizon_sessions=horizon,
        fitted_sessions=fitted_sessions,
        companies=companies,
        calibrations=curves,
        brier=brier_scores(judged),
        reliability=reliability(judged),
    )


def _known(store: Store, session: date) -> pl.DataFrame:
    """The ranking up to a session, with volatilities."""
    years = HISTORY_SESSIONS / _SESSIONS_A_YEAR
    start = session.replace(year=session.year - round(years), day=1)
    ranking = store.lake.scan("ranking", start=start, end=session, columns=list(_READ)).collect()
    return with_volatility(ranking, model=OddsModel())


def _past(
    known: pl.DataFrame, ways: Sequence[Crossing], session: date, horizon: int
) -> tuple[pl.DataFrame, int, float]:
    """Past pairs as far apart as the horizon or as the history allows, and how far that is."""
    held = known.get_column("session")
    sessions = sessions_between(min(held), session)[_WARM_UP_SESSIONS:]
    apart = min(horizon, (len(sessions) - 1) // 2)
    if apart < 1:
        return _no_pairs(), 0, 0.0
    pairs = observed_crossings(known, crossings=ways, sessions=sessions, horizon_sessions=apart)
    if pairs.is_empty():
        return pairs, 0, 0.0
    return pairs, apart, (len(sessions) - 1) / apart


def _no_pairs() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "session": pl.Date,
            "outcome_session": pl.Date,
            "company_id": pl.String,
            "boundary_rank": pl.Int32,
            "is_upward": pl.Boolean,
            "score": pl.Float64,
            "has_crossed": pl.Boolean,
        }
    )


def _companies(
    now: pl.DataFrame,
    ways: Sequence[Crossing],
    decided: pl.DataFrame,
    *,
    horizon: int | None,
    curves: Sequence[Calibration],
) -> pl.DataFrame:
    caps = crossing_caps(now, crossings=ways)
    standing = now.select("session", "company_id", "total_market_cap_usd", "rank", "volatility")
    scores = scored(standing, caps, horizon_sessions=horizon or 0)
    known = decided.select("company_id", "symbol", "name", "previous_segment")
    able = pl.concat(
        scores.filter(
            (pl.col("boundary_rank") == way.boundary_rank) & (pl.col("is_upward") == way.is_upward)
        ).join(
            known.filter(pl.col("previous_segment").is_in(way.segments, nulls_equal=True)),
            on="company_id",
        )
        for way in ways
    )
    return (
        with_probability(able, calibrations=curves)
        .with_columns(
            probability=pl.when(horizon is not None).then("probability"),
            distance_pct=100 * (pl.col("total_market_cap_usd") / pl.col("crossing_usd") - 1),
            volatility_pct=100 * _SESSIONS_A_YEAR**0.5 * pl.col("volatility"),
        )
        .select(ODDS_COLUMNS)
        .sort(*CROSSING_KEY, "probability", "rank", descending=[False, True, True, False])
    )


def likeliest(companies: pl.DataFrame) -> pl.DataFrame:
    """Keep each company's likelier crossing: nobody can go up and down at once.

    Args:
        companies: As in `MigrationOdds`.

    Returns:
        One row per company: `company_id`, `crossing` in words (`above 1000` is ending
        above that rank) and `crossing_probability`.

    Example:
        >>> companies = pl.DataFrame({
        ...     "company_id": ["C1", "C1"], "boundary_rank": [1000, 3000],
        ...     "is_upward": [True, False], "probability": [0.4, 0.01],
        ... })
        >>> likeliest(companies).row(0)
        ('C1', 'above 1000', 0.4)
    """
    side = pl.when("is_upward").then(pl.lit("above")).otherwise(pl.lit("below"))
    return (
        companies.sort("probability", descending=True, nulls_last=True)
        .unique("company_id", keep="first", maintain_order=True)
        .select(
            "company_id",
            crossing=pl.concat_str(side, "boundary_rank", separator=" "),
            crossing_probability="probability",
        )
    )


def undecided(companies: pl.DataFrame, *, least: float = 0.05) -> pl.DataFrame:
    """Keep the companies for which both outcomes are open, the most open first at each edge.

    Args:
        companies: As in `MigrationOdds`.
        least: The smaller of the two probabilities is at least this (0 to 1).

    Example:
        >>> companies = pl.DataFrame({
        ...     "boundary_rank": [1000] * 3, "probability": [0.9, 0.45, 0.99], "rank": [1, 2, 3],
        ... })
        >>> undecided(companies)["probability"].to_list()
        [0.45, 0.9]
    """
    chance = pl.col("probability")
    return companies.filter(chance.is_between(least, 1 - least)).sort(
        "boundary_rank", (chance - 0.5).abs(), "rank"
    )
