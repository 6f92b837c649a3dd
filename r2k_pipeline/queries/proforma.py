"""What an event would decide if a session were its rank day.

Runs the methodology's own reconstitution on the ranking of any session, with
the members of the event then in force as incumbents, or of the list that the
operator gave where no earlier event is decided. What may still change by the real
rank day is `migration_odds`. Nothing is stored.

Nothing later than the session is read. So on a real rank day it gives the published
decisions as long as nobody's size was in doubt: an event asks the later sessions about
those companies (`doubts`), and here they are out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.initial_members import as_incumbents
from r2k_pipeline.methodology.member_exceptions import rank_with_members
from r2k_pipeline.methodology.reconstitution import breakpoints, reconstitute
from r2k_pipeline.queries.addressing import nothing_there
from r2k_pipeline.queries.incumbents import members_by
from r2k_pipeline.queries.migration_odds import likeliest, migration_odds
from r2k_pipeline.queries.reconstitution import boundaries_with_bands
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event_in_force, next_event
from r2k_pipeline.rulebook.sessions import require_session

if TYPE_CHECKING:
    from datetime import date, datetime

    from r2k_pipeline.queries.migration_odds import MigrationOdds
    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.storage.store import Store

PROFORMA_COLUMNS = (
    "rank",
    "symbol",
    "name",
    "company_id",
    "total_market_cap_usd",
    "cumulative_market_cap_share",
    "previous_segment",
    "segment",
    "previous_indexes",
    "indexes",
    "decision",
    "to_r1000_usd",
    "to_r1000_pct",
    "to_r3000_usd",
    "to_r3000_pct",
    "crossing",
    "crossing_probability",
    "reason",
)


@dataclass(frozen=True, kw_only=True)
class Proforma:
    """A reconstitution that nobody decided.

    Args:
        session: The session taken for the rank day.
        incumbents_event_id: The event whose members count as incumbents; None
            if there was none to read.
        incumbents_given_for: The session at whose open the operator's list of
            incumbents was in force; None if none was read.
        boundaries: As in `reconstitution.ReconstitutionSummary`.
        companies: One row per company, by rank; see `proforma`.
        odds: What may still change by the rank day.
    """

    session: date
    incumbents_event_id: str | None
    incumbents_given_for: date | None
    boundaries: pl.DataFrame
    companies: pl.DataFrame
    odds: MigrationOdds


def proforma(store: Store, session: date, *, known_at: datetime | None = None) -> Proforma:
    """Reconstitute as if a session were the rank day.

    Args:
        store: The open store.
        session: A trading session with a ranking.
        known_at: Take incumbents as published at that moment (UTC); None is now.

    Returns:
        The boundaries, and per company its `rank`, `segment` and `decision`,
        with the distance of its total market cap from the R1000/R2000 breakpoint
        (`to_r1000_usd`, `to_r1000_pct`) and from the last company of the R3000
        (`to_r3000_usd`, `to_r3000_pct`): positive above, in USD and in per cent
        of the breakpoint; null without a rank or without that breakpoint. `crossing`
        says over which edge it is likeliest to go by the real rank day, and
        `crossing_probability` (0 to 1) how likely; null without a rank, and the
        probability also once the rank day has passed.

    Raises:
        NotASessionError: The exchange is closed on that day; names neighbours.
        MissingPartitionError: The session has no ranking; names those that have.
        TooFewCompaniesError: Too few companies are ranked for a breakpoint.
    """
    require_session(session)
    ranking = store.lake.scan("ranking", start=session, end=session).collect()
    if ranking.is_empty():
        days = store.lake.sessions("ranking")
        raise nothing_there("ranking", asked=[session], available=days)
    universe = store.lake.scan("universe", start=session, end=session).collect()
    coming = next_event(session)
    incumbents, event_id, given_for = _incumbents(store, session, coming, known_at=known_at)
    as_event = replace(coming, rank_day=session)
    rules = rules_in_force(session)
    ranking = rank_with_members(ranking, universe, members=incumbents, rules=rules)
    decided = reconstitute(
        ranking,
        incumbents=incumbents,
        excluded=universe,
        event=as_event,
        rules=rules,
        family=store.family,
    )
    found = breakpoints(
        ranking,
        event=as_event,
        rules=rules,
        family=store.family,
        is_banded=not incumbents.is_empty(),
    )
    odds = migration_odds(store, session, decided=decided, event=coming)
    placed = with_distances(decided, found, ranks=(rules.large_cap_count, rules.total_count))
    return Proforma(
        session=session,
        incumbents_event_id=event_id,
        incumbents_given_for=given_for,
        boundaries=boundaries_with_bands(found, decided),
        companies=placed.join(
            likeliest(odds.companies), on="company_id", how="left", maintain_order="left"
        ).select(PROFORMA_COLUMNS),
        odds=odds,
    )


def _incumbents(
    store: Store, session: date, coming: Event, *, known_at: datetime | None
) -> tuple[pl.DataFrame, str | None, date | None]:
    """The members by the event in force and the reviews since; before any event those given."""
    in_force = event_in_force(session)
    event_id = in_force.event_id if in_force else ""
    members = members_by(store, event_id, until=session, known_at=known_at)
    if not members.is_empty():
        return members, event_id, None
    given = store.published.read(
        "initial_members", event_id=coming.event_id, known_at=known_at
    ).filter(pl.col("session") <= session)
    rules = rules_in_force(session)
    known = as_incumbents(given, family=store.family, rules=rules)
    return known, None, None if given.is_empty() else given["session"][0]


def with_distances(
    decided: pl.DataFrame, found: pl.DataFrame, *, ranks: tuple[int, int]
) -> pl.DataFrame:
    """Measure each company's distance from the two breakpoints.

    Args:
        decided: Contract `reconstitution`, one event.
        found: Contract `breakpoints`, the same event.
        ranks: The boundary ranks of the R1000 and of the R3000.
    """
    caps = dict(found.select("boundary_rank", "breakpoint_usd").iter_rows())
    cap = pl.col("total_market_cap_usd")
    distances = {}
    for name, rank in zip(("r1000", "r3000"), ranks, strict=True):
        at = pl.lit(caps.get(rank), pl.Float64)
        distances[f"to_{name}_usd"] = cap - at
        distances[f"to_{name}_pct"] = 100 * (cap / at - 1)
    return decided.with_columns(**distances)
