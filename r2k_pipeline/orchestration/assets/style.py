"""3b: the user's fundamentals of each event, and the style that follows from them.

Reads a file that the settings name; without one both tables are empty and nothing depends
on them. How companies are divided is `methodology.style`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.methodology.style import style_scores as score
from r2k_pipeline.methodology.symbol_keys import matching_key
from r2k_pipeline.orchestration.assets.declaration import event_asset
from r2k_pipeline.rulebook.schedule import all_events
from r2k_pipeline.sources.fundamentals_file import (
    VARIABLES,
    fundamentals_bytes,
    read_fundamentals,
)

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.rulebook.schedule import Event

_HASH_DIGITS = 16
_FULL_MONTH = "06"


@event_asset("fundamentals", deps=["reconstitution"])
def fundamentals(run: TableRun, events: list[Event]) -> None:
    """Find the companies of the symbols in the user's file, if there is one."""
    file = run.store.settings.fundamentals_file
    found = [empty_frame(contract("fundamentals"))]
    if file is not None:
        data = fundamentals_bytes(file)
        given = read_fundamentals(data, file=file.name).with_columns(
            source_hash=pl.lit(hashlib.sha256(data).hexdigest()[:_HASH_DIGITS])
        )
        found += [_of_event(run, event, given) for event in events]
    run.publish_events(pl.concat(found), [event.event_id for event in events])


def _of_event(run: TableRun, event: Event, given: pl.DataFrame) -> pl.DataFrame:
    """The rows of one event whose symbol prices a company that is decided on.

    Symbols are compared without punctuation; of several, the one spelt alike is taken.
    """
    decided = run.read_event("reconstitution", event).select(
        "company_id", "symbol", key=matching_key()
    )
    is_alike = pl.col("symbol") == pl.col("symbol_decided")
    return (
        given.filter(pl.col("event_id") == event.event_id)
        .with_columns(key=matching_key())
        .join(decided, on="key", suffix="_decided")
        .sort("company_id", ~is_alike, "symbol")
        .unique("company_id", keep="first", maintain_order=True)
        .select(contract("fundamentals").names)
    )


@event_asset("style_scores", deps=["reconstitution", "fundamentals"])
def style_scores(run: TableRun, events: list[Event]) -> None:
    """Score event after event, each with the scores of the one before."""
    for event in events:
        scored = score(
            run.read_event("reconstitution", event),
            run.read_event("fundamentals", event).select("company_id", *VARIABLES, "analysts"),
            _scores_before(run, event),
            event=event,
            # In December only who is new or has changed its segment is scored.
            is_full=event.event_id.endswith(_FULL_MONTH),
        )
        run.publish_events(scored, [event.event_id])


def _scores_before(run: TableRun, event: Event) -> pl.DataFrame:
    place = all_events().index(event)
    before = all_events()[place - 1].event_id if place else ""
    # Not by `run`: like incumbents, a table's own past is no input of it.
    return run.store.published.read("style_scores", event_id=before)
