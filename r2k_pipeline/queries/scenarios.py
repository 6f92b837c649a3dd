"""What another schedule or another band would have made of the same years.

Reads the stored ranking of each rank day and the stored closes, and runs the scenarios of
`methodology.scenarios` on them; nothing is stored. What one company's decision would have
needed is `counterfactual`, what an event would decide today `proforma`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, product
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.methodology.scenarios import (
    LARGE,
    SMALL,
    Scenario,
    decided_history,
    index_returns,
    line_returns,
    movements,
    scenario_events,
    scenario_rules,
    turnovers,
)
from r2k_pipeline.queries.addressing import nothing_there

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.storage.store import Store

SCHEDULES: Mapping[str, tuple[int, ...]] = {
    "annual": (4,),
    "semi-annual": (4, 10),
    "quarterly": (1, 4, 7, 10),
}
BAND_POINTS = (0.0, 2.5, 5.0)
BASE_SCENARIO = "annual, band 2.5"

_SESSIONS_A_YEAR = 252
_LINE_COLUMNS = ("session", "security_id", "close_usd", "previous_close_usd", "market_cap_usd")
_MOVES = ("moves_up", "moves_down", "additions", "deletions")


@dataclass(frozen=True, kw_only=True)
class Counterfactual:
    """Scenarios side by side, over the same sessions.

    Args:
        first_session: The first session on which the members of the scenarios count.
        last_session: The last session.
        scenarios: One row per scenario: `scenario`, `rank_days` and `band_pct` (its
            rules), `events` (after the first, which founds the indexes), and a year on
            average: `r1000_turnover_share`, `r2000_turnover_share` (one way, 0 to 1),
            `moves_up` (R2000 to R1000), `moves_down`, `additions` and `deletions` (of
            the R3000), `r2000_price_return`, `tracking_difference_share` (that return
            less the base's) and `tracking_error_share` (the standard deviation of the
            daily difference). Null where no event followed the first.
        years: One row per scenario and calendar year: `scenario`, `year`, `sessions`,
            `r2000_price_return` and `tracking_difference_share`.
        events: One row per scenario and event after the first: `scenario`, `event_id`,
            `effective_session`, the four counts and the two turnovers.
    """

    first_session: date
    last_session: date
    scenarios: pl.DataFrame
    years: pl.DataFrame
    events: pl.DataFrame


def standard_scenarios(*, lag_sessions: int) -> tuple[Scenario, ...]:
    """Every schedule with every band.

    Example:
        >>> [scenario.scenario_id for scenario in standard_scenarios(lag_sessions=40)][:3]
        ['annual, band 0', 'annual, band 2.5', 'annual, band 5']
    """
    return tuple(
        Scenario(
            scenario_id=f"{schedule}, band {points:g}",
            rank_months=months,
            band_half_width=points / 100,
            lag_sessions=lag_sessions,
        )
        for (schedule, months), points in product(SCHEDULES.items(), BAND_POINTS)
    )


def counterfactual(
    store: Store,
    *,
    start: date | None = None,
    end: date | None = None,
    lag_sessions: int = 40,
) -> Counterfactual:
    """Keep the indexes in other ways over the same market, and compare.

    Every scenario begins with the first rank day of the annual schedule, against nobody,
    so that all start with the same members. Returns are weighted by full capitalisation.

    Args:
        store: The open store.
        start: Read no session before; None is all.
        end: Read no session after; None is all.
        lag_sessions: How many sessions after its rank day an event takes effect.

    Raises:
        BadInputError: The store holds no annual rank day with an event after it.
        TooFewCompaniesError: Too few companies are ranked on a rank day.
    """
    sessions = store.lake.sessions("ranking", start, end)
    if not sessions:
        raise nothing_there("ranking", asked=[start, end])
    scenarios = standard_scenarios(lag_sessions=lag_sessions)
    events = _aligned(scenarios, sessions)
    rankings = _rankings(store, events)
    decided = {
        scenario.scenario_id: decided_history(
            (
                (event, scenario_rules(scenario, event.rank_day), rankings[event.rank_day])
                for event in events[scenario.scenario_id]
            ),
            family=store.family,
        )
        for scenario in scenarios
    }
    first = events[BASE_SCENARIO][0].effective_session
    returns, eves = _market(store, decided, sessions, first=first)
    daily = pl.concat(
        returns_of.with_columns(scenario=pl.lit(name)) for name, returns_of in returns.items()
    )
    told = pl.concat(_told_events(name, decided[name], eves) for name in decided)
    return Counterfactual(
        first_session=first,
        last_session=sessions[-1],
        scenarios=_summary(scenarios, told, _against_base(daily)),
        years=_years(_against_base(daily)),
        events=told,
    )


def _aligned(scenarios: Sequence[Scenario], sessions: Sequence[date]) -> dict[str, list[Event]]:
    """The events of each scenario from the first annual rank day on."""
    found = {s.scenario_id: scenario_events(s, sessions) for s in scenarios}
    base = found[BASE_SCENARIO]
    if not base:
        lag = scenarios[0].lag_sessions
        raise BadInputError(
            f"no annual event lies in {sessions[0]} to {sessions[-1]}",
            state="nothing was simulated",
            remedy=f"it takes the last session of April and {lag} more: build a longer range",
        )
    return {
        name: [event for event in events if event.rank_day >= base[0].rank_day]
        for name, events in found.items()
    }


def _rankings(store: Store, events: Mapping[str, Sequence[Event]]) -> dict[date, pl.DataFrame]:
    days = sorted({event.rank_day for found in events.values() for event in found})
    return {day: store.lake.scan("ranking", start=day, end=day).collect() for day in days}


def _market(
    store: Store, decided: Mapping[str, pl.DataFrame], sessions: Sequence[date], *, first: date
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Each scenario's daily R2000 returns, and the capitalisations on the eve of each event.

    A year of lines is read at a time, with the session before it.
    """
    members = pl.concat(frame.select("security_id") for frame in decided.values()).unique()
    effective = {d for frame in decided.values() for d in frame["effective_session"].unique()}
    eve_of = {sessions[sessions.index(day) - 1]: day for day in effective}
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in decided}
    eves = []
    wanted = [day for day in sessions if day >= sessions[sessions.index(first) - 1]]
    before = wanted[0]
    for _, days in groupby(wanted, key=lambda day: day.year):
        held = list(days)
        lines = (
            store.lake.scan("universe", start=before, end=held[-1], columns=list(_LINE_COLUMNS))
            .join(members.lazy(), on="security_id", how="semi")
            .collect()
        )
        returns = line_returns(lines).filter(pl.col("session") >= max(held[0], first))
        for name, frame in decided.items():
            parts[name].append(index_returns(frame, returns, segment=SMALL))
        eves.append(
            lines.filter(pl.col("session").is_in(list(eve_of)) & (pl.col("session") >= held[0]))
            .select(
                pl.col("session").replace_strict(eve_of, return_dtype=pl.Date)
                .alias("effective_session"),
                "security_id",
                "market_cap_usd",
            )
        )  # fmt: skip
        before = held[-1]
    return {name: pl.concat(found) for name, found in parts.items()}, pl.concat(eves)


def _told_events(name: str, decided: pl.DataFrame, eves: pl.DataFrame) -> pl.DataFrame:
    effective = decided.select("event_id", "effective_session").unique()
    told = movements(decided).join(effective, on="event_id", maintain_order="left")
    for index_id, segment in (("r1000", LARGE), ("r2000", SMALL)):
        turned = turnovers(decided, eves, segment=segment).rename(
            {"turnover_share": f"{index_id}_turnover_share"}
        )
        told = told.join(turned, on="effective_session", how="left", maintain_order="left")
    return told.select(pl.lit(name).alias("scenario"), pl.all())


def _against_base(daily: pl.DataFrame) -> pl.DataFrame:
    base = daily.filter(pl.col("scenario") == BASE_SCENARIO)
    return daily.join(base.select("session", base_return="price_return"), on="session", how="left")


def _grown(column: str) -> pl.Expr:
    return (1 + pl.col(column)).product()


def _years(daily: pl.DataFrame) -> pl.DataFrame:
    return (
        daily.group_by("scenario", pl.col("session").dt.year().alias("year"), maintain_order=True)
        .agg(
            sessions=pl.len(),
            r2000_price_return=_grown("price_return") - 1,
            tracking_difference_share=_grown("price_return") - _grown("base_return"),
        )
    )  # fmt: skip


def _summary(
    scenarios: Sequence[Scenario], told: pl.DataFrame, daily: pl.DataFrame
) -> pl.DataFrame:
    years = pl.len() / _SESSIONS_A_YEAR
    returns = daily.group_by("scenario").agg(
        years=years,
        r2000_price_return=_grown("price_return").pow(1 / years) - 1,
        tracking_difference_share=_grown("price_return").pow(1 / years)
        - _grown("base_return").pow(1 / years),
        tracking_error_share=(pl.col("price_return") - pl.col("base_return")).std()
        * _SESSIONS_A_YEAR**0.5,
    )
    sums = told.group_by("scenario").agg(
        pl.len().alias("events"),
        pl.col("r1000_turnover_share", "r2000_turnover_share", *_MOVES).sum(),
    )
    rules = pl.DataFrame(
        [(s.scenario_id, len(s.rank_months), 100 * s.band_half_width) for s in scenarios],
        schema={"scenario": pl.String, "rank_days": pl.Int64, "band_pct": pl.Float64},
        orient="row",
    )
    a_year = pl.col("r1000_turnover_share", "r2000_turnover_share", *_MOVES) / pl.col("years")
    return (
        rules.join(sums, on="scenario", how="left", maintain_order="left")
        .join(returns, on="scenario", how="left", maintain_order="left")
        .with_columns(a_year, pl.col("events").fill_null(0))
        .drop("years")
    )
