"""The incident of a cap many times too large: repaired where a level held, blocked where none did.

The spike of a company with a history is repaired on every session, the rank day included. Of
one that is new nobody can say what is true: the event waits until the vendor mends it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.gym.incident import Finding, Incident
from r2k_pipeline.gym.line_incidents import SHOWN, disturbed, select, selections
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from r2k_pipeline.gym.arena import Arena
    from r2k_pipeline.settings import Settings

_GATE = "no_candidate_is_in_doubt"


def _spike(arena: Arena) -> Finding:
    both = selections(arena)
    repaired = both.judged(both.cast.spiked, rules=("cap_spike",))
    settings, doubted = both.found.settings, pl.col("symbol") == both.cast.doubted
    with open_store(settings) as store:
        decided = store.published.read("reconstitution").height
    blocked = _verdict(settings, both.cast.doubted)
    is_shown = pl.col("session").is_in(list(SHOWN))
    true = arena.listings.filter(doubted & is_shown)
    others = disturbed(arena.listings, both.cast).filter(~doubted)
    mended = select(arena, pl.concat([others, true]), settings)
    # The market of the gym is too small for an event: what counts is who stops it.
    still = _verdict(settings, both.cast.doubted) or mended.stopped_by == both.found.stopped_by
    return replace(
        repaired,
        caught_by=repaired.caught_by | blocked | {both.found.stopped_by},
        published=f"{repaired.published}; no event on a size that nobody knows",
        wrong=repaired.wrong + (("an event on a doubt",) if decided else ()),
        lost=repaired.lost + (("the event, once mended",) if still else ()),
    )


def _verdict(settings: Settings, symbol: str) -> frozenset[str]:
    """The gate before the event, if what it recorded last stops it for this company."""
    with open_store(settings) as store:
        told = store.published.read("quality_results", where={"check_name": _GATE})
    last = told.sort("checked_at").row(-1, named=True)
    is_stopped = last["severity"] == "error" and not last["is_passed"] and symbol in last["sample"]
    return frozenset({f"{last['table_name']}.{_GATE}"} if is_stopped else ())


INCIDENTS = (
    Incident(
        number=4,
        name="a cap many times too large, also on the rank day",
        example="2023-12-05: a large company at 284 times its size",
        guards=("cap_spike", f"reconstitution.{_GATE}", "UndecidedEventError"),
        replay=_spike,
    ),
)
