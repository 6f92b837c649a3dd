"""Where an index begins: the effective session of the first decided event.

Holds the one question that divisors, levels and signals all ask first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.errors import MissingPartitionError
from r2k_pipeline.orchestration.partitions import SessionSpan

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.orchestration.assets.table_run import TableRun


def from_base_session(run: TableRun, span: SessionSpan) -> tuple[date, SessionSpan]:
    """Return the base session, and the part of a span that does not lie before it.

    Raises:
        MissingPartitionError: No event is decided, or the span ends before the first one.
    """
    found = run.store.published.read("breakpoints", columns=["effective_session"])
    sessions: list[date] = found["effective_session"].to_list()
    base = min(sessions, default=None)
    if base is None or base > span.end:
        raise MissingPartitionError(
            "constituents",
            [span.end],
            remedy="build a range that contains a rank day and the effective session after it",
        )
    return base, SessionSpan(start=max(base, span.start), end=span.end)
