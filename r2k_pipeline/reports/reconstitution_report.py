"""The report of one reconstitution: what changed, where the lines lie, and why.

`reconstitution_inputs` asks the queries; `reconstitution_report` turns the
answers into one self-contained HTML text and reads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.queries.desk import DEFAULT_TRACKED
from r2k_pipeline.queries.doubts import DOUBT_SENTENCES
from r2k_pipeline.queries.event_table_names import EventTable
from r2k_pipeline.queries.event_tables import SECTOR_INDEXES, event_table
from r2k_pipeline.queries.reconstitution import (
    MOVES,
    built_events,
    changes,
    decisions_of,
    reconstitution_summary,
)
from r2k_pipeline.queries.wording import (
    DECISION_LABELS,
    NONE_SHOWN,
    percent,
    signed_percent,
    usd,
)
from r2k_pipeline.reports.charts import breakpoint_history, cap_curve
from r2k_pipeline.reports.event_sections import (
    banding_section,
    desk_section,
    ipos_section,
    largest_section,
    migrations_section,
    ranges_section,
    sectors_section,
    turnover_section,
)
from r2k_pipeline.reports.notices import disclaimers
from r2k_pipeline.reports.page import (
    Markup,
    bullets,
    columns,
    joined,
    page,
    pairs,
    paragraph,
    section,
    table,
    tiles,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from r2k_pipeline.queries.reconstitution import ReconstitutionSummary
    from r2k_pipeline.storage.store import Store


@dataclass(frozen=True, kw_only=True)
class ReconstitutionInputs:
    """What a reconstitution report is made from.

    Args:
        summary: The event in figures.
        previous: The event before it, if it is built.
        decided: Contract `reconstitution` of the event, every company.
        tables: Every table of the event, as `queries.event_tables.event_table` gives it.
        tracked_usd: What tracks each index in the desk's table, USD.
    """

    summary: ReconstitutionSummary
    previous: ReconstitutionSummary | None
    decided: pl.DataFrame
    tables: Mapping[EventTable, pl.DataFrame]
    tracked_usd: Mapping[str, float]


def reconstitution_inputs(
    store: Store, event_id: str, *, known_at: datetime | None = None
) -> ReconstitutionInputs:
    """Ask for everything that a reconstitution report shows.

    Args:
        store: The open store.
        event_id: The event's key, for example `2022-06`.
        known_at: Read what was published at that moment (UTC); None is now.

    Raises:
        UnknownEventError: The schedule has no such event.
        BadInputError: The event is not built; names those that are.
    """
    summary = reconstitution_summary(store, event_id, known_at=known_at)
    before = [found for found in built_events(store, known_at=known_at) if found < event_id]
    return ReconstitutionInputs(
        summary=summary,
        previous=reconstitution_summary(store, before[-1], known_at=known_at) if before else None,
        decided=decisions_of(store, event_id, known_at=known_at),
        tables={name: event_table(store, event_id, name, known_at=known_at) for name in EventTable},
        tracked_usd=DEFAULT_TRACKED,
    )


def reconstitution_report(inputs: ReconstitutionInputs) -> str:
    """Set the report.

    Args:
        inputs: As `reconstitution_inputs` gives them.

    Returns:
        One self-contained HTML document: no script, nothing fetched, every word
        from a feed escaped.
    """
    event = inputs.summary.event
    moved, tables = changes(inputs.decided), inputs.tables
    return page(
        title=f"Reconstitution {event.event_id}",
        subtitle="R2000-style index family: breakpoints, bands, additions, deletions and moves",
        facts=f"Effective after the close of {event.effective_friday:%d %B %Y}",
        content=joined(
            [
                _headline(inputs),
                *_note(inputs),
                columns(_takeaways(inputs), _schedule(inputs)),
                section("Total market cap by rank", _curve(inputs)),
                _boundaries(inputs),
                *_doubts(inputs),
                ranges_section(tables),
                columns(_history(inputs), banding_section(tables, inputs.summary.decisions)),
                largest_section(tables),
                migrations_section(tables),
                turnover_section(tables),
                sectors_section(tables),
                desk_section(tables, inputs.tracked_usd),
                *ipos_section(tables),
                *(_changes(moved, decision) for decision in MOVES),
            ]
        ),
        footer=disclaimers(),
    )


def _total(summary: ReconstitutionSummary | None, group: str) -> float | None:
    if summary is None:
        return None
    found = summary.cap_ranges.filter(pl.col("group") == group).get_column("total_usd")
    return float(found[0]) if found.len() else None


def _change(now: float | None, before: float | None) -> float | None:
    return now / before - 1 if now is not None and before else None


def _count(inputs: ReconstitutionInputs, decision: str) -> int:
    return inputs.decided.filter(pl.col("decision") == decision).height


def _headline(inputs: ReconstitutionInputs) -> Markup:
    first = inputs.summary.breakpoint
    return tiles(
        {
            "Large/small breakpoint": usd(first["breakpoint_usd"]),
            "R3000 total": usd(_total(inputs.summary, "r3000")),
            "Additions": f"{_count(inputs, 'enters'):,}",
            "Deletions": f"{_count(inputs, 'leaves'):,}",
            "Moves up": f"{_count(inputs, 'moves_up'):,}",
            "Moves down": f"{_count(inputs, 'moves_down'):,}",
        }
    )


def _note(inputs: ReconstitutionInputs) -> list[Markup]:
    return [paragraph(inputs.summary.note, kind="warning")] if inputs.summary.note else []


def _takeaways(inputs: ReconstitutionInputs) -> Markup:
    now, before = inputs.summary, inputs.previous
    first = now.breakpoint
    items = [
        f"The breakpoint between large and small is {usd(first['breakpoint_usd'])}"
        + _versus(_change(first["breakpoint_usd"], _earlier_breakpoint(before)), before),
        f"The R3000's companies are worth {usd(_total(now, 'r3000'))} in total"
        + _versus(_change(_total(now, "r3000"), _total(before, "r3000")), before),
        f"The R2000's companies are worth {usd(_total(now, 'r2000'))} in total"
        + _versus(_change(_total(now, "r2000"), _total(before, "r2000")), before),
        (
            f"{_count(inputs, 'enters'):,} companies enter the family and "
            f"{_count(inputs, 'leaves'):,} leave it; {_count(inputs, 'moves_up'):,} move up and "
            f"{_count(inputs, 'moves_down'):,} down."
        ),
        (
            f"{_count(inputs, 'stays_by_band'):,} incumbents keep their segment only because of "
            "the band."
        ),
        *_turned_over(inputs),
    ]
    return section("Key takeaways", bullets(items), kind="box")


def _turned_over(inputs: ReconstitutionInputs) -> list[str]:
    rows = inputs.tables[EventTable.TURNOVER]
    shares = dict(zip(rows["index"], rows["turnover_share"], strict=True)) if rows.width else {}
    return [
        f"The {index_id.upper()} turns over {percent(shares[index_id], 1)} one way."
        for index_id in SECTOR_INDEXES
        if index_id in shares
    ]


def _earlier_breakpoint(before: ReconstitutionSummary | None) -> float | None:
    return None if before is None else before.breakpoint["breakpoint_usd"]


def _versus(change: float | None, before: ReconstitutionSummary | None) -> str:
    if change is None or before is None:
        return "."
    return f", {signed_percent(change)} against {before.event.event_id}."


def _schedule(inputs: ReconstitutionInputs) -> Markup:
    event = inputs.summary.event
    days = {
        "Rank day": event.rank_day,
        "Preliminary lists": event.preliminary_day,
        "Lock-down": event.lock_down_day,
        "Effective after the close of": event.effective_friday,
        "First session of the new members": event.effective_session,
    }
    return section("Schedule", pairs({step: _day(day) for step, day in days.items()}))


def _day(day: date | None) -> str:
    return f"{day:%A, %d %B %Y}" if day else NONE_SHOWN


def _curve(inputs: ReconstitutionInputs) -> Markup:
    return cap_curve(inputs.decided.drop_nulls("rank"), inputs.summary.boundaries)


def _boundaries(inputs: ReconstitutionInputs) -> Markup:
    return section(
        "Breakpoints and bands",
        table(
            inputs.summary.boundaries,
            {
                "boundary_rank": "Rank",
                "breakpoint_usd": "Breakpoint",
                "cumulative_market_cap_share": "Cumulative share",
                "upper_bound_usd": "Largest in the band",
                "lower_bound_usd": "Smallest in the band",
                "lower_bound_share": "Band from",
                "upper_bound_share": "Band to",
                "cumulative_market_cap_usd": "Total to this rank",
            },
        ),
        paragraph(
            "Shares run from the largest company down, over the total of the extended market.",
            kind="note",
        ),
    )


def _doubts(inputs: ReconstitutionInputs) -> list[Markup]:
    """Companies about which the feed contradicts itself; nothing if there are none."""
    found = inputs.summary.doubts
    if found.is_empty():
        return []
    rows = found.with_columns(meaning=pl.col("state").replace(DOUBT_SENTENCES))
    return [
        section(
            f"Companies in doubt ({found.height:,})",
            table(
                rows,
                {
                    "symbol": "Symbol",
                    "name": "Name",
                    "meaning": "What follows",
                    "doubt": "Doubt",
                    "received_usd": "Market cap as received",
                    "received_rank": "Its rank",
                    "sound_usd": "Last sound market cap",
                    "sound_session": "On",
                    "sound_rank": "Its rank",
                    "settled_session": "Settled on",
                    "taken_usd": "Taken with",
                },
            ),
            paragraph(
                "On the rank day no line of these companies could be ranked: the feed contradicts "
                "itself or gives no capitalisation, and no rule repairs it. A later session up to "
                "the preliminary day settles a doubt.",
                kind="note",
            ),
        )
    ]


def _history(inputs: ReconstitutionInputs) -> Markup:
    return section(
        "Breakpoint over the events", breakpoint_history(inputs.tables[EventTable.HISTORY])
    )


def _changes(moved: pl.DataFrame, decision: str) -> Markup:
    rows = moved.filter(pl.col("decision") == decision).with_columns(
        previous_segment=pl.col("previous_segment").fill_null("outside"),
        segment=pl.col("segment").fill_null("outside"),
    )
    title = f"{DECISION_LABELS[decision]} ({rows.height:,})"
    if rows.is_empty():
        return section(title, paragraph("None."))
    return section(
        title,
        table(
            rows,
            {
                "symbol": "Symbol",
                "name": "Name",
                "sector": "Sector",
                "rank": "Rank",
                "total_market_cap_usd": "Total market cap",
                "previous_segment": "From",
                "segment": "To",
                "reason": "Reason",
            },
        ),
        kind="long",
    )
