"""The sections of a reconstitution report that are tables of the event.

Each takes the tables by name and gives a section; what a section says in words belongs to
`reconstitution_report`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.queries.event_table_names import EventTable
from r2k_pipeline.queries.event_tables import SECTOR_INDEXES
from r2k_pipeline.queries.wording import DECISION_LABELS, segment_label, usd
from r2k_pipeline.reports.factsheet import CAP_RANGE_HEADINGS
from r2k_pipeline.reports.page import bars, columns, paragraph, section, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2k_pipeline.reports.page import Markup

_SHOWN_OF_DESK = 40
_NO_HOLDINGS = "No holdings before this event are known, so nothing can be compared."


def ranges_section(tables: Mapping[EventTable, pl.DataFrame]) -> Markup:
    """Cap ranges by index, against the event before."""
    headings = {**CAP_RANGE_HEADINGS, "change_share": "Total vs event before"}
    return section("Cap ranges after the event", table(tables[EventTable.RANGES], headings))


def largest_section(tables: Mapping[EventTable, pl.DataFrame]) -> Markup:
    """The largest companies, with their ranks at the event before."""
    rows = tables[EventTable.LARGEST]
    return section(
        f"The {rows.height} largest companies",
        table(
            rows,
            {
                "rank": "Rank",
                "previous_rank": "Before",
                "symbol": "Symbol",
                "name": "Name",
                "sector": "Sector",
                "total_market_cap_usd": "Total market cap",
                "change_share": "Change",
                "cumulative_market_cap_share": "Cumulative share",
            },
        ),
    )


def banding_section(tables: Mapping[EventTable, pl.DataFrame], decisions: pl.DataFrame) -> Markup:
    """Whom the bands held, edge by edge, and the decisions in numbers.

    Args:
        tables: The event's tables.
        decisions: As in `queries.reconstitution.ReconstitutionSummary`.
    """
    rows = tables[EventTable.BANDING]
    held = table(
        rows,
        {
            "edge": "Edge",
            "lower_bound_share": "Band from",
            "upper_bound_share": "Band to",
            "held_above": "Held above",
            "held_below": "Held below",
            "held_usd": "Their market cap",
        },
    )
    counts = decisions.with_columns(label=pl.col("decision").replace(DECISION_LABELS))
    if rows.is_empty():
        said = paragraph("No band was in force.")
    elif not rows.select("held_above", "held_below").sum().sum_horizontal().item():
        said = paragraph("The band held nobody at this event.")
    else:
        said = paragraph(
            "So many more companies would have changed sides by rank alone.", kind="note"
        )
    return section(
        "Effect of banding",
        *([] if rows.is_empty() else [held]),
        said,
        table(
            counts, {"label": "Decision", "companies": "Companies", "total_usd": "Total market cap"}
        ),
    )


def migrations_section(tables: Mapping[EventTable, pl.DataFrame]) -> Markup:
    """From which segment to which, and the sectors of those who move."""
    ways = tables[EventTable.MIGRATIONS].with_columns(
        pl.col("previous_segment", "segment").map_elements(
            lambda name: segment_label(None if name == "outside" else name), return_dtype=pl.String
        )
    )
    counts = {kind: label for kind, label in DECISION_LABELS.items() if kind in _MOVER_COLUMNS}
    return columns(
        section(
            "From segment to segment",
            table(
                ways,
                {
                    "previous_segment": "From",
                    "segment": "To",
                    "companies": "Companies",
                    "total_usd": "Total market cap",
                },
            ),
        ),
        section(
            "Sectors of those who move",
            table(tables[EventTable.MOVERS], {"sector": "Sector", **counts}),
        ),
    )


_MOVER_COLUMNS = ("enters", "leaves", "moves_up", "moves_down")


def sectors_section(tables: Mapping[EventTable, pl.DataFrame]) -> Markup:
    """Sector weights of the two main indexes, before and after at the same prices."""
    rows = tables[EventTable.SECTORS]
    if rows.is_empty():
        return section("Sector weights before and after", paragraph(_NO_HOLDINGS))
    return columns(
        *(
            section(
                f"Sector weights of the {index_id.upper()}",
                bars(
                    rows.filter(pl.col("index") == index_id)
                    .select("sector", "after_weight", "before_weight")
                    .iter_rows(),
                    own="after",
                    other="before",
                ),
            )
            for index_id in SECTOR_INDEXES
        )
    )


def turnover_section(tables: Mapping[EventTable, pl.DataFrame]) -> Markup:
    """One-way turnover of every index of the family."""
    rows = tables[EventTable.TURNOVER]
    if rows.is_empty():
        return section("Turnover", paragraph(_NO_HOLDINGS))
    return section(
        "One-way turnover by index",
        table(
            rows.with_columns(pl.col("index").str.to_uppercase()),
            {
                "index": "Index",
                "lines_before": "Lines before",
                "lines_after": "Lines after",
                "lines_in": "In",
                "lines_out": "Out",
                "in_weight": "Weight in",
                "out_weight": "Weight out",
                "turnover_share": "Turnover",
            },
        ),
        paragraph(
            "Half of all changes in weight, at the last close before the event counts.", kind="note"
        ),
    )


def ipos_section(tables: Mapping[EventTable, pl.DataFrame]) -> list[Markup]:
    """Who joined since the event before; nothing if nobody did."""
    rows = tables[EventTable.IPOS]
    if rows.is_empty():
        return []
    return [
        section(
            f"IPO additions since the event before ({rows.height:,})",
            table(
                rows,
                {
                    "session": "From",
                    "symbol": "Symbol",
                    "name": "Name",
                    "sector": "Sector",
                    "segment": "Segment",
                    "total_market_cap_usd": "Total market cap",
                    "reason": "Reason",
                },
            ),
            kind="long",
        )
    ]


def desk_section(
    tables: Mapping[EventTable, pl.DataFrame], tracked_usd: Mapping[str, float]
) -> Markup:
    """What trackers trade: the largest amounts.

    Args:
        tables: The event's tables.
        tracked_usd: What tracks each index, USD.
    """
    rows = tables[EventTable.DESK]
    if rows.is_empty():
        return section("What trackers trade", paragraph(_NO_HOLDINGS))
    tracked = ", ".join(f"{usd(amount)} in the {name.upper()}" for name, amount in
                        tracked_usd.items())  # fmt: skip
    both = rows.select(
        bought=pl.col("trade_usd").filter(pl.col("trade_usd") > 0).sum(),
        sold=-pl.col("trade_usd").filter(pl.col("trade_usd") < 0).sum(),
    ).row(0, named=True)
    return section(
        f"What trackers trade, the largest {min(rows.height, _SHOWN_OF_DESK)} of {rows.height:,}",
        paragraph(
            f"Tracked: {tracked}; every figure is proportional to it. Bought {usd(both['bought'])},"
            f" sold {usd(both['sold'])} in all."
        ),
        table(
            rows.head(_SHOWN_OF_DESK).with_columns(pl.col("days_of_adv").round(2)),
            {
                "symbol": "Symbol",
                "name": "Name",
                "side": "Side",
                "from": "From",
                "to": "To",
                "index_change_shares": "Index shares",
                "trade_shares": "To trade",
                "trade_usd": "Amount",
                "adv20_usd": "ADV20",
                "days_of_adv": "Days of ADV",
                "float_share": "Of float",
            },
        ),
        kind="long",
    )
