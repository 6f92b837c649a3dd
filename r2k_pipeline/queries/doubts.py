"""Which companies are in doubt at an event, and the rank day as the event sees it.

The one place that reads what `methodology.doubtful_candidates` asks for: the event itself
reads through it, and whoever explains or reports it. Keep out how a doubt is settled and
what follows from it (`methodology.settled_rank_day`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

import polars as pl

from r2k_pipeline.errors import UndecidedEventError
from r2k_pipeline.methodology.doubtful_candidates import (
    CONTEXT_SESSIONS,
    READ,
    CandidateState,
    doubted_companies,
    doubtful_candidates,
    waiting,
)
from r2k_pipeline.methodology.later_sessions import last_settling_session
from r2k_pipeline.methodology.settled_rank_day import RankDay, settled_rank_day
from r2k_pipeline.rulebook.reference_facts import settled_doubt_facts
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event as scheduled
from r2k_pipeline.rulebook.sessions import sessions_before

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.storage.store import Store

DOUBT_SENTENCES = {
    CandidateState.WAITS.value: "The event waits for it",
    CandidateState.LEFT_OUT.value: "The feed contradicts itself and a person left it out",
    CandidateState.SIZE_UNKNOWN.value: "Its size is not known, so it stays out",
    CandidateState.SIZE_ASSUMED.value: (
        "No later session settled its size, but every plausible one gives the same segment"
    ),
    CandidateState.TOO_SMALL.value: "No plausible size would make it a member",
    CandidateState.SETTLED_LATER.value: "A later session settled its size",
}
"""What a state of doubt means, for a reader."""

RANKED = (CandidateState.SETTLED_LATER.value, CandidateState.SIZE_ASSUMED.value)
"""The states of companies that are ranked, if no rule of eligibility excludes them."""


class Reader(Protocol):
    """Reads a range of sessions of a table in the lake."""

    def __call__(
        self,
        table: str,
        *,
        start: date | None = None,
        end: date | None = None,
        columns: Sequence[str] | None = None,
        rows: pl.Expr | None = None,
    ) -> pl.DataFrame:
        """Read both ends included, and of the rows those that are asked for."""
        ...


def lake_reader(store: Store) -> Reader:
    """Read from a store, and take no note of it."""
    return partial(_read, store)


def _read(
    store: Store,
    table: str,
    *,
    start: date | None = None,
    end: date | None = None,
    columns: Sequence[str] | None = None,
    rows: pl.Expr | None = None,
) -> pl.DataFrame:
    scanned = store.lake.scan(table, start=start, end=end, columns=columns)
    return (scanned if rows is None else scanned.filter(rows)).collect()


def rank_day_of(
    store: Store, event: Event, *, read: Reader, settled: pl.DataFrame | None = None
) -> RankDay:
    """The rank day as its event sees it: doubts settled, everybody ranked.

    Args:
        store: The open store.
        event: The event.
        read: How rows are read; a run of an asset takes note of what it reads.
        settled: What persons decided; None for what the rulebook ships.

    Returns:
        The day, without the members that are let off a rule. Empty if it is not built.

    Notes:
        Look-ahead: of the companies in doubt the sessions up to
        `later_sessions.last_settling_session`.
    """
    day, last = event.rank_day, last_settling_session(event)
    rules = rules_in_force(day)
    universe = read("universe", start=day, end=day)
    ranking = read("ranking", start=day, end=day)
    companies = [] if ranking.is_empty() else doubted_companies(universe, ranking)
    lines, actions = _around(day, last, companies, read=read)
    doubts = doubtful_candidates(
        lines,
        ranking,
        actions,
        event=event,
        is_over=not store.lake.scan("universe", start=last).head(1).collect().is_empty(),
        settled=settled_doubt_facts() if settled is None else settled,
        rules=rules,
    )
    return settled_rank_day(universe, ranking, doubts, rules=rules)


def _around(
    day: date, last: date, companies: Sequence[str], *, read: Reader
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The lines of companies in doubt and their actions, before and after a rank day."""
    first = next(iter(sessions_before(day, CONTEXT_SESSIONS)), day)
    asked = pl.col("company_id").is_in(list(companies))
    lines = read("universe", start=first, end=last, columns=READ, rows=asked)
    known = pl.col("security_id").is_in(lines["security_id"].unique().to_list())
    return lines, read("corporate_actions", start=first, end=last, rows=known)


def doubts_of(store: Store, event_id: str) -> pl.DataFrame:
    """List the companies in doubt on an event's rank day.

    Args:
        store: The open store.
        event_id: The event's key, for example `2022-06`.

    Returns:
        What `doubtful_candidates` returns; empty if nothing is in doubt or the rank
        day is not built.

    Raises:
        UnknownEventError: The schedule has no such event.
    """
    return rank_day_of(store, scheduled(event_id), read=lake_reader(store)).doubts


def told_doubts(doubts: pl.DataFrame) -> pl.DataFrame:
    """Say of each company in doubt what is in doubt, and what followed from it.

    Args:
        doubts: What `doubtful_candidates` returns.

    Returns:
        `company_id` and `sentence`.

    Example:
        >>> told_doubts(pl.DataFrame({
        ...     "company_id": ["C-B"], "state": ["too_small"], "sentence": ["BETA: $1 m"],
        ... }))["sentence"].item()
        'No plausible size would make it a member: BETA: $1 m.'
    """
    meaning = pl.col("state").replace_strict(DOUBT_SENTENCES, return_dtype=pl.String)
    return doubts.select("company_id", sentence=pl.format("{}: {}.", meaning, "sentence"))


def undecided(store: Store, event_id: str) -> UndecidedEventError | None:
    """Return the error for which an event has to wait; None if nothing holds it up."""
    blocking = waiting(doubts_of(store, event_id))
    if blocking.is_empty():
        return None
    return UndecidedEventError(event_id, blocking["sentence"].to_list())
