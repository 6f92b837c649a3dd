"""The project's own levels of a history: its functions, called as its assets call them.

Holds the calls in the order of the build, stretch by stretch, without Dagster and without
tables. What is compared with what is in the tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.methodology.constituents import first_session_read
from r2k_pipeline.methodology.divisors import divisor_events
from r2k_pipeline.methodology.levels import index_levels
from r2k_pipeline.methodology.maintained_lines import maintained_lines
from r2k_pipeline.methodology.weighting import weight_factors
from r2k_pipeline_tests.oracle.told_history import FAMILY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline_tests.oracle.told_history import History


def levels_of(history: History, *, cut: date | None = None) -> pl.DataFrame:
    """Contract `levels` of a history.

    Args:
        history: What is known.
        cut: Build up to this session first and what follows after that; None at once.
    """
    days = history.in_force
    stretches: list[Sequence[date]] = [days]
    if cut is not None:
        stretches = [[d for d in days if d <= cut], [d for d in days if d > cut]]
    stretches = [part for part in stretches if part]
    lines = pl.concat(members_of(history, part) for part in stretches)
    factors = reset_factors(history, lines)
    entries: list[pl.DataFrame] = []
    for part in stretches:
        earlier = pl.concat(entries) if entries else None
        entries.append(ledger_of(history, lines, factors, part, earlier=earlier))
    ledger = pl.concat(entries)
    return pl.concat(index_levels_of(history, lines, ledger, factors, part) for part in stretches)


def members_of(history: History, days: Sequence[date]) -> pl.DataFrame:
    """Contract `constituents` of some consecutive sessions, event by event."""
    starts = [event.effective_session for event in history.events]
    parts = []
    for number, event in enumerate(history.events):
        following = starts[number + 1] if number + 1 < len(starts) else None
        part = [d for d in days if d >= starts[number] and (following is None or d < following)]
        if part:
            parts.append(_members(history, event, part))
    return pl.concat(parts)


def _members(history: History, event: Event, part: Sequence[date]) -> pl.DataFrame:
    first = first_session_read(event, history.sessions, history.rules)
    later = [day for day in history.sessions if day > part[-1]]
    last = later[0] if later else part[-1]
    return maintained_lines(
        history.decisions.filter(pl.col("event_id") == event.event_id),
        _between(history.maintenance, event.effective_session, part[-1]),
        _between(history.universe, first, last),
        _between(history.actions, first, last),
        event=event,
        sessions=[day for day in history.sessions if first <= day <= last],
        end=part[-1],
        rules=history.rules,
    ).filter(pl.col("session") >= part[0])


def ledger_of(
    history: History,
    lines: pl.DataFrame,
    factors: pl.DataFrame,
    part: Sequence[date],
    *,
    earlier: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Contract `divisors` of some consecutive sessions; `earlier` is that of those before."""
    eve = max((day for day in history.sessions if day < part[0]), default=part[0])
    return divisor_events(
        _between(lines, eve, part[-1]),
        _between(history.actions, eve, part[-1]),
        sessions=part,
        family=FAMILY,
        base_session=history.base_session,
        factors=_in_force(history, factors, eve, part[-1]),
        earlier=earlier,
    )


def index_levels_of(
    history: History,
    lines: pl.DataFrame,
    ledger: pl.DataFrame,
    factors: pl.DataFrame,
    part: Sequence[date],
) -> pl.DataFrame:
    """Contract `levels` of some consecutive sessions, from the ledger of all."""
    return index_levels(
        _between(lines, part[0], part[-1]),
        ledger,
        family=FAMILY,
        factors=_in_force(history, factors, part[0], part[-1]),
    )


def reset_factors(history: History, lines: pl.DataFrame) -> pl.DataFrame:
    """Contract `weight_factors`; no index of the family holds a style, so none has scores."""
    resets = [_between(lines, day, day) for day in history.resets]
    scores = empty_frame(contract("style_scores"))
    found = [weight_factors(day, family=FAMILY, scores=scores) for day in resets]
    return pl.concat([empty_frame(contract("weight_factors")), *found])


def _in_force(history: History, factors: pl.DataFrame, start: date, end: date) -> pl.DataFrame:
    """Factors from the last reset by a session on."""
    return _between(factors, max([day for day in history.resets if day <= start] or [start]), end)


def _between(frame: pl.DataFrame, start: date, end: date) -> pl.DataFrame:
    return frame.filter(pl.col("session").is_between(start, end))
