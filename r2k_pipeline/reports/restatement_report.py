"""Corrections of published levels, for a terminal and as a page.

Sets what `queries.restatements` found: first by cause, then session by session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.queries.restatements import by_cause
from r2k_pipeline.reports.notices import disclaimers
from r2k_pipeline.reports.page import joined, page, paragraph, section, table, tiles
from r2k_pipeline.reports.tables import terminal_table
from r2k_pipeline.reports.terminal import line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from r2k_pipeline.reports.page import Markup

_NOTHING = "No published level was ever corrected."
_SHOWN = 250
_SESSION_HEADINGS = {
    "session": "Session",
    "index_id": "Index",
    "difference_bp": "Difference, bp",
    "price_level_before": "Price before",
    "price_level_after": "after",
    "total_return_level_before": "Total return before",
    "total_return_level_after": "after",
    "decision": "Decision",
    "decided_at": "Decided",
}
_CAUSE_HEADINGS = {
    "decided_at": "Decided",
    "cause": "Cause",
    "decision": "Decision",
    "index_id": "Index",
    "sessions": "Sessions",
    "first_session": "First",
    "last_session": "Last",
    "largest_bp": "Largest, bp",
}


def restatement_parts(found: pl.DataFrame) -> Iterator[RenderableType]:
    """Set corrections for a terminal: by cause, with the words of each, then the sessions.

    Args:
        found: As `queries.restatements.restatements` gives it.
    """
    if found.is_empty():
        yield line(_NOTHING)
        return
    causes = by_cause(found)
    shown = causes.select(
        "decided_at", "index_id", "decision", "sessions", "first_session", "largest_bp"
    )
    yield terminal_table(shown, title="Corrections by cause", rows=None)
    for words in causes["cause"].unique(maintain_order=True):
        yield line(f"cause: {words}", style="dim")
    sessions = found.select("session", "index_id", "difference_bp", "decision", "cause_code")
    yield terminal_table(sessions, title="Session by session")


def restatement_page(found: pl.DataFrame, *, what: str) -> str:
    """Set corrections as a page.

    Args:
        found: As `queries.restatements.restatements` gives it.
        what: Which indexes and sessions were asked for.

    Returns:
        One self-contained HTML document.
    """
    return page(
        title="Restatements",
        subtitle="Published levels that came out otherwise later, and what was decided",
        facts=what,
        content=joined(_sections(found)),
        footer=disclaimers(),
    )


def _sections(found: pl.DataFrame) -> Iterator[Markup]:
    if found.is_empty():
        yield section("Nothing to tell", paragraph(_NOTHING))
        return
    recalculated = found.filter(pl.col("decision") == "recalculate").height
    size = max(map(abs, found["difference_bp"]))
    yield tiles(
        {
            "levels corrected": f"{recalculated:,}",
            "levels held": f"{found.height - recalculated:,}",
            "largest difference": f"{size:,.4g} bp",
        }
    )
    yield section("By cause", table(by_cause(found), _CAUSE_HEADINGS), kind="long")
    last = found.tail(_SHOWN)
    title = f"Session by session (the last {last.height:,} of {found.height:,})"
    yield section(title, table(last, _SESSION_HEADINGS), kind="long")
