"""How many companies a year change between large and small, before and after the band.

Runs ranking and reconstitution, without Dagster, over a synthetic market from 1989 to 2026,
each event under the rules of its day. In reality 182 companies a year changed sides from 1991
to 2006, and 66 from 2007 to 2020, when the band was in force.

A market of a third of the size takes half a minute and 3 GB; ranks shrink with it, and counts
are told as of a market of full size.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.methodology.scenarios import decided_history, movements
from r2k_pipeline.rulebook.family import family
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import events_between
from r2k_pipeline.sources.synthetic.lines import EQUITY
from r2k_pipeline.sources.synthetic.market import simulate
from r2k_pipeline.sources.synthetic.parameters import CompanyKind, MarketParameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.sources.synthetic.market import Simulation

FIRST, LAST = date(1989, 4, 3), date(2026, 7, 31)
BAND_SINCE = "2007"
FULL_SIZE = MarketParameters().companies


def long_market(companies: int, *, seed: int = 2000) -> MarketParameters:
    """A market of so many operating companies from the first event to the present."""
    return MarketParameters(seed=seed, companies=companies, first_session=FIRST, last_session=LAST)


def migrations(parameters: MarketParameters) -> pl.DataFrame:
    """Count who moved at each event of a market.

    Args:
        parameters: The market.

    Returns:
        As `methodology.scenarios.movements` gives it, plus `moves`, the sum of both ways as of
        a market of full size, and at the event the `large_share` of the total market cap
        (cumulative share at the breakpoint, 0 to 1) and `companies`.
    """
    simulation = simulate(parameters)
    shrunk = parameters.companies / FULL_SIZE
    decided = decided_history(_events(simulation, shrunk), family=family())
    large = decided.filter(pl.col("segment") == "large")
    told = decided.group_by("event_id", maintain_order=True).agg(companies=pl.len())
    share = large.group_by("event_id").agg(large_share=pl.col("total_market_cap_usd").sum())
    total = (
        decided.drop_nulls("segment")
        .group_by("event_id")
        .agg(total_usd=pl.col("total_market_cap_usd").sum())
    )
    return (
        movements(decided)
        .join(told, on="event_id", maintain_order="left")
        .join(share, on="event_id", maintain_order="left")
        .join(total, on="event_id", maintain_order="left")
        .with_columns(
            moves=(pl.col("moves_up") + pl.col("moves_down")) / shrunk,
            large_share=pl.col("large_share") / pl.col("total_usd"),
        )
    )


def _events(
    simulation: Simulation, shrunk: float
) -> Iterator[tuple[Event, IndexRules, pl.DataFrame]]:
    """Each event with its rules, ranks shrunk to the market, and its ranking."""
    for event in events_between(simulation.sessions[0], simulation.sessions[-1]):
        if event.rank_day < simulation.sessions[0]:
            continue
        rules = rules_in_force(event.rank_day)
        fitting = replace(
            rules,
            large_cap_count=round(rules.large_cap_count * shrunk),
            total_count=round(rules.total_count * shrunk),
            extended_count=round(rules.extended_count * shrunk),
        )
        lines = listed_shares(simulation, event.rank_day)
        yield event, fitting, rank_companies(lines, rules=fitting)


def listed_shares(simulation: Simulation, session: date) -> pl.DataFrame:
    """What `ranking` reads of the universe: each operating company's main share, that day."""
    day = simulation.sessions.index(session)
    mains = (
        simulation.lines.filter(pl.col("paper").is_in(list(EQUITY)))
        .unique("company", keep="first", maintain_order=True)
        .join(simulation.companies.select("company", "kind", "sector"), on="company")
    )
    line, company = mains["line"].to_numpy(), mains["company"].to_numpy()
    schedule, paths = simulation.schedule, simulation.paths
    is_listed = (schedule.first[company] <= day) & (day <= schedule.last[company])
    close = paths.close_usd[day, line]
    least = rules_in_force(session).minimum_close_usd
    return mains.with_columns(
        pl.lit(session).alias("session"),
        pl.format("C{}", "company").alias("company_id"),
        pl.format("S{}", "line").alias("security_id"),
        pl.Series("close_usd", close),
        pl.lit(1.0).alias("addtv_usd"),
        pl.Series("market_cap_usd", close * paths.total_shares[day, company]),
        (
            (pl.col("kind") == CompanyKind.DOMESTIC.value) & pl.Series(is_listed & (close >= least))
        ).alias("is_eligible"),
    )


def mean_moves(counted: pl.DataFrame) -> tuple[float, float]:
    """Moves a year before the band and since, as of a market of full size."""
    year = pl.col("event_id").str.slice(0, 4)
    by_year = counted.group_by(year.alias("year")).agg(pl.col("moves").sum())
    before = by_year.filter(pl.col("year") < BAND_SINCE)["moves"].to_numpy()
    since = by_year.filter(pl.col("year") >= BAND_SINCE)["moves"].to_numpy()
    return float(np.mean(before)), float(np.mean(since))


def main() -> int:
    """Print the counts; exit 1 if the band does not halve them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--companies", type=int, default=FULL_SIZE // 3)
    parser.add_argument("--seed", type=int, default=2000)
    asked = parser.parse_args()
    counted = migrations(long_market(asked.companies, seed=asked.seed))
    with pl.Config(tbl_rows=-1, tbl_hide_column_data_types=True, tbl_hide_dataframe_shape=True):
        sys.stdout.write(f"{counted}\n")
    before, since = mean_moves(counted)
    sys.stdout.write(
        f"moves a year: {before:.0f} before the band (really 182), {since:.0f} since (really 66)\n"
    )
    return int(since * 2 >= before)


if __name__ == "__main__":
    sys.exit(main())
