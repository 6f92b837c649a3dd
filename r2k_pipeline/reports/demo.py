"""What `r2k demo` shows at the end: the last event, the last levels, and where to look.

Asks the queries, writes the two reports, and gives the parts to print. The demo
itself (a market, landing, building) is the command's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.queries.levels import LEVEL_COLUMNS
from r2k_pipeline.queries.reconstitution import (
    latest_event,
    reconstitution_changes,
    reconstitution_summary,
)
from r2k_pipeline.reports.publishing import write_factsheet, write_reconstitution_report
from r2k_pipeline.reports.tables import terminal_table
from r2k_pipeline.reports.terminal import boundaries_table, changes_table, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from r2k_pipeline.storage.store import Store

_INDEX = "r2000"
_LEFT_OUT = ("divisor", "reason")


def demo_parts(store: Store, *, home_option: str) -> Iterator[RenderableType]:
    """Write the reports of a built store and show what is worth a look.

    Args:
        store: The open store, built.
        home_option: What to add to a command so that it finds this store.

    Raises:
        BadInputError: Nothing is built.
    """
    event_id = latest_event(store)
    summary = reconstitution_summary(store, event_id)
    yield boundaries_table(summary.boundaries, title=f"Breakpoints and bands of {event_id}")
    yield changes_table(reconstitution_changes(store, event_id), title=event_id)
    yield terminal_table(last_levels(store), title="The last levels")
    if summary.note:
        yield line(f"Note: {summary.note}", style="yellow")
    yield line(f"factsheet: {write_factsheet(store, _INDEX)}")
    yield line(f"reconstitution report: {write_reconstitution_report(store, event_id)}")
    yield line(f"look around: r2k ui{home_option}")
    yield line(f"ask: r2k explain SYMBOL {event_id}{home_option}")


def last_levels(store: Store) -> pl.DataFrame:
    """Take the last level of every index of the family that has one, in its order."""
    found = store.published.read("levels")
    last = found.filter(pl.col("session") == pl.col("session").max())
    family = pl.DataFrame({"index_id": list(store.family)})
    return family.join(last, on="index_id", maintain_order="left").select(
        pl.col("index_id").alias("index"),
        *(name for name in LEVEL_COLUMNS if name not in _LEFT_OUT),
    )
