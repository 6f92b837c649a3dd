"""3c: membership + float -> index shares and closes, a line and session.

Reads the decisions of each event and the universe since; how members are laid against
sessions is `methodology.constituents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from dagster import AssetDep

from r2k_pipeline.methodology.constituents import first_session_read
from r2k_pipeline.methodology.float_factors import (
    event_floats,
    with_float_status,
    with_floats_in_force,
)
from r2k_pipeline.methodology.leaving_lines import CARRIED_STATUSES
from r2k_pipeline.methodology.maintained_lines import maintained_lines
from r2k_pipeline.methodology.market_adjustment import (
    CHILD_ACTIONS,
    MARKET_COLUMNS,
    market_ratios,
    with_least_caps,
)
from r2k_pipeline.orchestration.assets.confirmed_shares import confirmed
from r2k_pipeline.orchestration.assets.declaration import session_asset
from r2k_pipeline.orchestration.assets.events_in_force import events_in_force
from r2k_pipeline.orchestration.assets.float_factors import known_floats
from r2k_pipeline.orchestration.partitions import EVENT_IN_FORCE
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.sessions import next_session, sessions_before, sessions_between

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan
    from r2k_pipeline.rulebook.schedule import Event

_READ = (
    "session",
    "security_id",
    "company_id",
    "symbol",
    "name",
    "country",
    "close_usd",
    "previous_close_usd",
    "market_cap_usd",
    "line_shares",
    "is_eligible",
)


@session_asset(
    "constituents",
    deps=[
        "universe",
        "corporate_actions",
        "maintenance",
        AssetDep("reconstitution", partition_mapping=EVENT_IN_FORCE),
    ],
)
def constituents(run: TableRun, span: SessionSpan) -> None:
    """Lay the members of each event against its sessions; before the first event are none."""
    for event, part in events_in_force(run, span):
        rules = rules_in_force(event.rank_day)
        observed = sessions_before(event.effective_session, rules.share_observation_sessions)
        first = first_session_read(event, observed, rules)
        # The snapshot after the range, if there is one, tells closes that the range missed.
        last = next_session(part.end)
        decisions = run.read_event("reconstitution", event)
        floats = known_floats(run, until=part.end)
        seen = run.read("universe", start=first, end=last, columns=_READ)
        universe = confirmed(run, seen, event)
        taken = event_floats(floats, event, rules_of=rules_in_force)
        changes = run.read("maintenance", start=event.effective_session, end=part.end)
        laid = maintained_lines(
            decisions,
            with_float_status(changes, floats),
            with_floats_in_force(universe, floats, taken, event=event),
            _actions(run, event, decisions, start=first, end=last),
            event=event,
            sessions=sessions_between(first, last),
            end=part.end,
            rules=rules,
        ).filter(pl.col("session") >= part.start)
        run.publish_sessions(laid, part)
        run.state("session", _facts(laid))


def _actions(
    run: TableRun, event: Event, decisions: pl.DataFrame, *, start: date, end: date
) -> pl.DataFrame:
    """The actions of a range; where a child comes of one, how large it must be to be kept."""
    actions = run.read("corporate_actions", start=start, end=end)
    if actions.filter(pl.col("action_type").is_in(CHILD_ACTIONS)).is_empty():
        return actions
    members = decisions.drop_nulls("segment")["security_id"]
    market = run.read(
        "universe",
        start=event.rank_day,
        end=end,
        columns=MARKET_COLUMNS,
        rows=pl.col("security_id").is_in(members.implode()),
    )
    splits = run.read("corporate_actions", start=event.rank_day, end=end)
    return with_least_caps(
        actions, decisions, market_ratios(market, splits), rules=rules_in_force(event.rank_day)
    )


def _facts(laid: pl.DataFrame) -> pl.DataFrame:
    return laid.group_by("session").agg(
        lines=pl.len(),
        carried=pl.col("status").is_in(CARRIED_STATUSES).sum(),
        market_value_usd=pl.col("market_value_usd").sum(),
    )
