"""What the command shows of answers that are more than one table.

Holds the summaries as renderables for a terminal. The why-card is `why_card`,
single tables are `tables`; what a command prints besides an answer is its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from rich.text import Text

from r2k_pipeline.errors import listed
from r2k_pipeline.queries.doubts import RANKED
from r2k_pipeline.queries.reconstitution import MOVES
from r2k_pipeline.queries.wording import DECISION_LABELS, NONE_SHOWN, percent, usd
from r2k_pipeline.reports.tables import SHOWN_ROWS, last_rows, plain, terminal_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

    from r2k_pipeline.queries.proforma import Proforma
    from r2k_pipeline.queries.reconstitution import ReconstitutionSummary

_LARGEST_A_DECISION = 5
_SHORT_NAME = 14
_DOUBTS_SHOWN = 5
_SESSIONS_NAMED = 2


def line(words: str, *, style: str = "") -> Text:
    """Set one line of plain text.

    Example:
        >>> line("[red]no markup[/red]").plain
        '[red]no markup[/red]'
    """
    return Text(plain(words), style=style)


def levels_parts(found: pl.DataFrame, what: str) -> Iterator[RenderableType]:
    """Set the last levels of an index, and below them why some are not plainly OK.

    Args:
        found: As `queries.levels.levels` gives it.
        what: What the series is.
    """
    yield from last_rows(found.drop("reason"), what)
    told = found.tail(SHOWN_ROWS).drop_nulls("reason")
    for (reason,), rows in told.group_by("reason", maintain_order=True):
        sessions = listed(rows["session"].to_list(), _SESSIONS_NAMED)
        yield line(f"{sessions}: {reason}", style="dim")


def boundaries_table(boundaries: pl.DataFrame, *, title: str) -> RenderableType:
    """Set breakpoints and bands, narrow enough for 80 columns."""
    rows = [
        {
            "rank": place["boundary_rank"],
            "breakpoint_usd": place["breakpoint_usd"],
            "at_share": place["cumulative_market_cap_share"],
            "band": _span(percent, place["lower_bound_share"], place["upper_bound_share"]),
            "sizes in the band": _span(usd, place["lower_bound_usd"], place["upper_bound_usd"]),
            "total_usd": place["cumulative_market_cap_usd"],
        }
        for place in boundaries.iter_rows(named=True)
    ]
    return terminal_table(pl.DataFrame(rows), title=title)


def _span(phrase: Callable[[float], str], low: float | None, high: float | None) -> str:
    """Phrase two bounds as one."""
    if low is None or high is None:
        return NONE_SHOWN
    return f"{phrase(low)}\N{EN DASH}{phrase(high)}"


def summary_parts(summary: ReconstitutionSummary) -> Iterator[RenderableType]:
    """Set one event in figures."""
    event = summary.event
    yield line(f"Reconstitution {event.event_id}", style="bold")
    yield line(f"rank day {event.rank_day}, effective with the session {event.effective_session}")
    yield boundaries_table(summary.boundaries, title="Breakpoints and bands")
    yield terminal_table(summary.cap_ranges, title="Total market cap after the event")
    yield terminal_table(summary.decisions, title="Decisions")
    if summary.note:
        yield line(f"Note: {summary.note}", style="yellow")
    is_ranked = pl.col("state").is_in(RANKED)
    for rows, meaning in ((~is_ranked, "In doubt, and so left out"), (is_ranked, "Settled doubts")):
        sentences = summary.doubts.filter(rows).get_column("sentence").to_list()
        if sentences:
            yield line(f"{meaning}: {listed(sentences, _DOUBTS_SHOWN)}.", style="yellow")


def changes_table(moved: pl.DataFrame, *, title: str) -> RenderableType:
    """Set the largest additions, deletions and moves with their reasons."""
    return terminal_table(
        largest_movers(moved).select(
            "symbol",
            _short_name(),
            "rank",
            cap_usd="total_market_cap_usd",
            move=_way(),
            reason="reason",
        ),
        title=f"{title}: {counted(moved)}; the largest",
        rows=None,
    )


def _short_name() -> pl.Expr:
    """As much of a name as leaves room for the reason in 80 columns."""
    return pl.col("name").str.head(_SHORT_NAME)


def _way() -> pl.Expr:
    """From which segment to which."""
    before, after = (pl.col(c).fill_null("out") for c in ("previous_segment", "segment"))
    return pl.concat_str(before, pl.lit("\N{RIGHTWARDS ARROW}"), after)


def largest_movers(moved: pl.DataFrame) -> pl.DataFrame:
    """Keep the largest companies of each decision.

    Args:
        moved: As `queries.reconstitution.movers` gives them.
    """
    return pl.concat(
        [moved.filter(pl.col("decision") == kind).head(_LARGEST_A_DECISION) for kind in MOVES]
    )


def counted(moved: pl.DataFrame) -> str:
    """Count the movers by decision, in words.

    Example:
        >>> counted(pl.DataFrame({"decision": ["enters", "leaves", "enters"]}))
        'additions 2, deletions 1, moves up 0, moves down 0'
    """
    counts = dict(moved.group_by("decision").len().iter_rows())
    return ", ".join(f"{DECISION_LABELS[kind].lower()} {counts.get(kind, 0):,}" for kind in MOVES)


def proforma_parts(found: Proforma, *, moved: pl.DataFrame) -> Iterator[RenderableType]:
    """Set a pro-forma reconstitution: its boundaries and who would change."""
    given = f"the members given for {found.incumbents_given_for}"
    known = given if found.incumbents_given_for else "no incumbents"
    against = found.incumbents_event_id or known
    yield line(f"As if {found.session} were the rank day, against {against}", style="bold")
    yield boundaries_table(found.boundaries, title="Breakpoints and bands")
    yield terminal_table(
        largest_movers(moved).select(
            "symbol", _short_name(), "rank", "to_r1000_pct", "to_r3000_pct",
            cap_usd="total_market_cap_usd", move=_way(),
        ),
        title=f"Would change: {counted(moved)}; the largest",
        rows=None,
    )  # fmt: skip
