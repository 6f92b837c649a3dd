"""Which companies are in doubt at an event, and what that did to it.

Asks `methodology.doubtful_candidates` about what the tables hold; the gate of the event
asks the same. Keep out how a doubt is settled: that is the rulebook's reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import UndecidedEventError
from r2k_pipeline.methodology.doubtful_candidates import (
    CONTEXT_SESSIONS,
    READ,
    CandidateState,
    doubtful_candidates,
    waiting,
)
from r2k_pipeline.rulebook.reference_facts import shipped_reference
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_before

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store

DOUBT_SENTENCES = {
    CandidateState.WAITS.value: "The event waits for it",
    CandidateState.LEFT_OUT.value: "The feed contradicts itself and a person left it out",
    CandidateState.SIZE_UNKNOWN.value: "Its size was never known, so it stays out",
    CandidateState.TOO_SMALL.value: "No plausible size would make it a member",
}
"""What a state of doubt means, for a reader."""


def doubts_of(store: Store, event_id: str, *, company_id: str | None = None) -> pl.DataFrame:
    """List the companies in doubt on an event's rank day.

    Args:
        store: The open store.
        event_id: The event's key, for example `2022-06`.
        company_id: Ask about one company only, which is quicker.

    Returns:
        What `doubtful_candidates` returns; empty if nothing is in doubt or the rank
        day is not built.

    Raises:
        UnknownEventError: The schedule has no such event.
    """
    day = event(event_id).rank_day
    first = next(iter(sessions_before(day, CONTEXT_SESSIONS)), day)
    ranking = store.lake.scan("ranking", start=day, end=day).collect()
    lines = store.lake.scan("universe", start=first, end=day, columns=READ)
    if ranking.is_empty():
        lines = lines.limit(0)
    if company_id is not None:
        lines = lines.filter(pl.col("company_id") == company_id)
    return doubtful_candidates(
        lines.collect(),
        ranking,
        rank_day=day,
        settled=shipped_reference().settled_doubts,
        rules=rules_in_force(day),
    )


def doubt_of(store: Store, event_id: str, company_id: str) -> str | None:
    """Say in a sentence what is in doubt about one company at an event; None if nothing is."""
    found = doubts_of(store, event_id, company_id=company_id)
    if found.is_empty():
        return None
    row = found.row(0, named=True)
    return f"{DOUBT_SENTENCES[row['state']]}: {row['sentence']}."


def undecided(store: Store, event_id: str) -> UndecidedEventError | None:
    """Return the error for which an event has to wait; None if nothing holds it up."""
    blocking = waiting(doubts_of(store, event_id))
    if blocking.is_empty():
        return None
    return UndecidedEventError(event_id, blocking["sentence"].to_list())
