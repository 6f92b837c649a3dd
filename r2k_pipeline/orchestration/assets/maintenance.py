"""3b: what changes between reconstitutions, as rows of the sessions on which it counts.

Reads the decisions of the event in force and what happened since; who joins and whose
shares change is `methodology.maintenance`. The event after this one asks the same of the
additions, for they are incumbents then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from dagster import AssetDep

from r2k_pipeline.methodology.ipo_additions import first_listings
from r2k_pipeline.methodology.maintenance import maintenance as work_through
from r2k_pipeline.methodology.maintenance_book import MaintenanceInputs, observation_sessions
from r2k_pipeline.methodology.maintenance_rows import no_rows
from r2k_pipeline.methodology.market_adjustment import MARKET_COLUMNS, market_ratios
from r2k_pipeline.orchestration.assets.confirmed_shares import confirmed
from r2k_pipeline.orchestration.assets.declaration import session_asset
from r2k_pipeline.orchestration.assets.events_in_force import events_in_force
from r2k_pipeline.orchestration.assets.float_factors import known_floats
from r2k_pipeline.orchestration.partitions import EVENT_IN_FORCE
from r2k_pipeline.rulebook.reviews import reviews_between
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import next_event

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan
    from r2k_pipeline.rulebook.reviews import Review
    from r2k_pipeline.rulebook.schedule import Event

_READ = (
    "session",
    "security_id",
    "company_id",
    "symbol",
    "name",
    "sector",
    "line_type",
    "is_eligible",
    "close_usd",
    "market_cap_usd",
    "addtv_usd",
    "total_shares",
    "line_shares",
)


@session_asset(
    "maintenance",
    deps=[
        "raw_listings",
        "securities",
        "security_events",
        "corporate_actions",
        "universe",
        AssetDep("reconstitution", partition_mapping=EVENT_IN_FORCE),
    ],
)
def maintenance(run: TableRun, span: SessionSpan) -> None:
    """Work through each event up to the end of its part of the span."""
    for event, part in events_in_force(run, span):
        changes = (
            maintenance_of(run, event, until=part.end)
            if _is_anything_due(run, event, part)
            else no_rows()
        )
        found = changes.filter(pl.col("session").is_between(part.start, part.end))
        run.publish_sessions(found, part)
        run.state("session", _facts(found))


def maintenance_of(run: TableRun, event: Event, *, until: date) -> pl.DataFrame:
    """Contract `maintenance` of an event, as far as a day reaches.

    Args:
        run: The run that asks; what is read enters its input hash.
        event: A decided event.
        until: The last session that is known.
    """
    following = next_event(event.effective_session)
    reviews = _reviews(event, until=until)
    return work_through(
        _inputs(run, event, reviews, until=until),
        event=event,
        following=following,
        reviews=reviews,
        rules_of=rules_in_force,
    ).filter(pl.col("session") <= until)


def _reviews(event: Event, *, until: date) -> list[Review]:
    """The reviews while an event is in force that count by a day."""
    following = next_event(event.effective_session)
    return [
        review
        for review in reviews_between(event.effective_session, until)
        if event.effective_session < review.effective_session < following.effective_session
    ]


def _is_anything_due(run: TableRun, event: Event, part: SessionSpan) -> bool:
    """Whether a review counts from a session of the part on, or a source told of more."""
    if any(review.effective_session >= part.start for review in _reviews(event, until=part.end)):
        return True
    actions = run.read("corporate_actions", start=event.rank_day, end=part.end)
    told = (pl.col("action_type") == "listing") & pl.col("ratio").is_not_null()
    return not actions.filter(told | (pl.col("action_type") == "offering")).is_empty()


def _inputs(
    run: TableRun, event: Event, reviews: list[Review], *, until: date
) -> MaintenanceInputs:
    start, end = _observed_from(event), until
    days = _observed_days(event, reviews, until=end)
    decisions = run.read_event("reconstitution", event)
    actions = run.read("corporate_actions", start=start, end=end)
    listings = run.read(
        "raw_listings",
        start=start,
        end=end,
        columns=("session", "symbol", "ipo_year"),
        rows=pl.col("session").is_in(days),
    )
    new_lines = first_listings(
        run.read("security_events"), run.read("securities"), listings
    ).filter(pl.col("first_session").is_between(event.rank_day, end, closed="right"))
    members = decisions.drop_nulls("segment")
    is_member, is_new = (
        pl.col("company_id").is_in(frame["company_id"].implode()) for frame in (members, new_lines)
    )
    seen = run.read(
        "universe",
        start=start,
        end=end,
        columns=_READ,
        rows=(pl.col("session").is_in(days) & is_member) | is_new,
    )
    return MaintenanceInputs(
        decisions=decisions,
        universe=confirmed(run, seen, event),
        ratios=_market_ratios(run, event, members, actions, reviews, end=end),
        actions=actions,
        new_lines=new_lines,
        floats=known_floats(run, until=end),
        family=run.store.family,
    )


def _market_ratios(
    run: TableRun,
    event: Event,
    members: pl.DataFrame,
    actions: pl.DataFrame,
    reviews: list[Review],
    *,
    end: date,
) -> pl.DataFrame:
    """The movement of the members' prices, where somebody may join."""
    may_join = any(review.has_ipo_additions for review in reviews)
    if not (may_join or rules_in_force(end).fast_entry_rank):
        end = event.rank_day
    market = run.read(
        "universe",
        start=event.rank_day,
        end=end,
        columns=MARKET_COLUMNS,
        rows=pl.col("security_id").is_in(members["security_id"].implode()),
    )
    return market_ratios(market, actions)


def _observed_days(event: Event, reviews: list[Review], *, until: date) -> list[date]:
    """The sessions up to a day on which every member is observed."""
    observed = set(observation_sessions(event, None, rules_in_force(event.rank_day)))
    for review in reviews:
        rules = rules_in_force(review.cut_off_day)
        observed |= set(observation_sessions(event, review, rules))
    return sorted(day for day in observed if day <= until)


def _observed_from(event: Event) -> date:
    """The first session that anything about an event is read from."""
    observed = observation_sessions(event, None, rules_in_force(event.rank_day))
    return min(event.rank_day, *observed)


def _facts(found: pl.DataFrame) -> pl.DataFrame:
    return found.group_by("session").agg(
        joins=pl.col("segment").count(), share_changes=pl.col("share_factor").count()
    )
