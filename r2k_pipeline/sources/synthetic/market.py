"""A synthetic market, whole: who is in it, what happens, and what the feed shows of it.

Only puts the steps together; what a step does belongs to its own module.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from r2k_pipeline.rulebook.schedule import all_events
from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.sources.synthetic.actions import report_actions
from r2k_pipeline.sources.synthetic.companies import at_their_time, make_companies
from r2k_pipeline.sources.synthetic.dividends import make_dividends
from r2k_pipeline.sources.synthetic.events import make_schedule
from r2k_pipeline.sources.synthetic.lines import PaperKind, make_lines
from r2k_pipeline.sources.synthetic.listings import render_listings
from r2k_pipeline.sources.synthetic.parameters import CompanyKind
from r2k_pipeline.sources.synthetic.prices import make_paths
from r2k_pipeline.sources.synthetic.spells import make_spells

if TYPE_CHECKING:
    from datetime import date

    import polars as pl

    from r2k_pipeline.sources.synthetic.dividends import Dividends
    from r2k_pipeline.sources.synthetic.events import Schedule
    from r2k_pipeline.sources.synthetic.parameters import MarketParameters
    from r2k_pipeline.sources.synthetic.prices import Paths

_HASH_CHARACTERS = 16


@dataclass(frozen=True, kw_only=True)
class SyntheticMarket:
    """A market and the truth about it.

    Attributes:
        parameters: What it was made from.
        sessions: Its sessions, ascending; the schedule counts in their positions.
        listings: Contract `raw_listings`, every session but the silent ones.
        reported_actions: Contract `reported_actions`.
        companies: One row a company, as `companies.make_companies` returns it.
        spells: One row a line and symbol, as `spells.make_spells` returns it: which
            listings are really one line, and which lines one company.
        schedule: What happened to whom.
    """

    parameters: MarketParameters
    sessions: tuple[date, ...]
    listings: pl.DataFrame
    reported_actions: pl.DataFrame
    companies: pl.DataFrame
    spells: pl.DataFrame
    schedule: Schedule

    @property
    def silent_sessions(self) -> tuple[date, ...]:
        """Sessions for which the feed has nothing."""
        return tuple(self.sessions[day] for day in sorted(self.schedule.silent))


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What a market did, before any feed shows it.

    Attributes:
        sessions: Its sessions, ascending; positions count in them.
        companies: One row a company, as `companies.make_companies` returns it.
        lines: One row a line, as `lines.make_lines` returns it.
        schedule: What happened to whom.
        dividends: Who went ex, and when.
        paths: Closes and shares, sessions x lines and sessions x companies.
    """

    sessions: tuple[date, ...]
    companies: pl.DataFrame
    lines: pl.DataFrame
    schedule: Schedule
    dividends: Dividends
    paths: Paths


def simulate(parameters: MarketParameters) -> Simulation:
    """Let a market happen; equal parameters give bit-identical paths.

    Notes:
        Holds a few matrices of sessions x lines in memory at once: a third of the full
        size over 37 years takes 3 GB.

    Example:
        >>> from r2k_pipeline.sources.synthetic.parameters import small_market
        >>> simulation = simulate(small_market())
        >>> simulation.paths.close_usd.shape == (126, simulation.lines.height)
        True
    """
    sessions = tuple(sessions_between(parameters.first_session, parameters.last_session))
    count = len(sessions)
    drawn = make_companies(parameters, sessions=count)
    lines = make_lines(drawn, parameters)
    schedule = make_schedule(
        drawn,
        parameters,
        sessions=count,
        busy=_issuers(drawn, lines),
        heard=_reconstitution_days(sessions),
    )
    companies = at_their_time(drawn, schedule.first, sessions)
    dividends = make_dividends(companies, lines, schedule, parameters, sessions=count)
    return Simulation(
        sessions=sessions,
        companies=companies,
        lines=lines,
        schedule=schedule,
        dividends=dividends,
        paths=make_paths(companies, lines, schedule, dividends, parameters, sessions=count),
    )


def make_market(parameters: MarketParameters) -> SyntheticMarket:
    """Make a market from its parameters; equal parameters give bit-identical frames.

    Example:
        >>> from r2k_pipeline.sources.synthetic.parameters import small_market
        >>> market = make_market(small_market())
        >>> market.listings["session"].n_unique() + len(market.silent_sessions)
        126
        >>> sorted(market.reported_actions["action_type"].unique())[:3]
        ['bankruptcy', 'cash_dividend', 'cash_merger']
    """
    done = simulate(parameters)
    sessions, companies, schedule, paths = done.sessions, done.companies, done.schedule, done.paths
    spells = make_spells(companies, done.lines, schedule, parameters, sessions=len(sessions))
    source_hash = recipe_hash(parameters)[:_HASH_CHARACTERS]
    return SyntheticMarket(
        parameters=parameters,
        sessions=sessions,
        listings=render_listings(
            spells, paths, schedule, parameters, sessions=sessions, source_hash=source_hash
        ),
        reported_actions=report_actions(
            spells, paths, schedule, done.dividends, sessions=sessions, source_hash=source_hash
        ),
        companies=companies,
        spells=spells,
        schedule=schedule,
    )


def recipe(parameters: MarketParameters) -> bytes:
    """The bytes that stand for a market in the archive: all that it is made from."""
    return f"{parameters!r}\n".encode()


def recipe_hash(parameters: MarketParameters) -> str:
    """SHA-256 of the recipe.

    Example:
        >>> from r2k_pipeline.sources.synthetic.parameters import small_market
        >>> recipe_hash(small_market()) == recipe_hash(small_market())
        True
    """
    return hashlib.sha256(recipe(parameters)).hexdigest()


def _issuers(companies: pl.DataFrame, lines: pl.DataFrame) -> frozenset[int]:
    """Operating companies with preferreds, notes or warrants; a SPAC's papers go where it goes."""
    hangers = [PaperKind.PREFERRED.value, PaperKind.NOTE.value, PaperKind.WARRANT.value]
    operating = companies.filter(companies["kind"] != CompanyKind.SPAC.value)
    owners = lines.filter(lines["paper"].is_in(hangers)).join(operating, on="company", how="semi")
    return frozenset(owners["company"])


def _reconstitution_days(sessions: tuple[date, ...]) -> frozenset[int]:
    """Positions of rank days, of the last session before an event counts and of the first after."""
    days = {
        day
        for event in all_events()
        for day in (event.rank_day, event.effective_friday, event.effective_session)
    }
    return frozenset(position for position, day in enumerate(sessions) if day in days)
