"""The factsheet of an index: what it is, how it did, what it holds.

`factsheet_inputs` asks the queries; `factsheet` turns the answers into one
self-contained HTML text and reads nothing. Returns and risk are computed in
`queries.performance`, sizes and sectors in `queries.composition`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from r2k_pipeline.errors import R2kError
from r2k_pipeline.queries.addressing import PARENT_INDEX, require_index
from r2k_pipeline.queries.composition import characteristics, sector_weights
from r2k_pipeline.queries.levels import levels
from r2k_pipeline.queries.members import holdings
from r2k_pipeline.queries.performance import calendar_years, performance_table, risk
from r2k_pipeline.queries.reconstitution import reconstitution_summary
from r2k_pipeline.queries.wording import NONE_SHOWN, percent, usd
from r2k_pipeline.reports.charts import level_chart, year_chart
from r2k_pipeline.reports.index_words import described, held_by_bands, weighted
from r2k_pipeline.reports.notices import disclaimers
from r2k_pipeline.reports.page import (
    Markup,
    bars,
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
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event_in_force

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    import polars as pl

    from r2k_pipeline.queries.reconstitution import ReconstitutionSummary
    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.storage.store import Store

COMPARED_WITH = ("r3000", "r1000")
_TOP = 10


@dataclass(frozen=True, kw_only=True)
class FactsheetInputs:
    """What a factsheet is made from.

    Args:
        index: The index.
        levels: Index id -> levels as `queries.levels` gives them; the index
            itself first, then those it is compared with.
        held: Its members at the last close, as `queries.holdings` gives them.
        parent_held: The same of the parent.
        summary: The event in force on that day, if it is built.
        rules: The rules in force on that day.
    """

    index: IndexDefinition
    levels: Mapping[str, pl.DataFrame]
    held: pl.DataFrame
    parent_held: pl.DataFrame
    summary: ReconstitutionSummary | None
    rules: IndexRules

    @property
    def as_of(self) -> date:
        """The session of the factsheet: the last one with a level."""
        last: date = self.levels[self.index.index_id]["session"][-1]
        return last


def factsheet_inputs(
    store: Store,
    index_id: str,
    *,
    end: date | None = None,
    known_at: datetime | None = None,
) -> FactsheetInputs:
    """Ask for everything that a factsheet shows.

    Args:
        store: The open store.
        index_id: An index of the family.
        end: The session of the factsheet; None is the last with a level.
        known_at: Read what was published at that moment (UTC); None is now.

    Raises:
        BadInputError: No such index.
        MissingPartitionError: No levels or no constituents there.
    """
    index = require_index(index_id, store.family)
    wanted = list(dict.fromkeys([index.index_id, *COMPARED_WITH]))
    found = {name: levels(store, name, end=end, known_at=known_at) for name in wanted}
    as_of: date = found[index.index_id]["session"][-1]
    return FactsheetInputs(
        index=index,
        levels=found,
        held=holdings(store, index.index_id, as_of, known_at=known_at),
        parent_held=holdings(store, PARENT_INDEX, as_of, known_at=known_at),
        summary=_event_summary(store, as_of, known_at=known_at),
        rules=rules_in_force(as_of),
    )


def _event_summary(
    store: Store, session: date, *, known_at: datetime | None
) -> ReconstitutionSummary | None:
    """The event in force, or None: a factsheet without it is still a factsheet."""
    event = event_in_force(session)
    if event is None:
        return None
    try:
        return reconstitution_summary(store, event.event_id, known_at=known_at)
    except R2kError:
        return None


def factsheet(inputs: FactsheetInputs) -> str:
    """Set the factsheet.

    Args:
        inputs: As `factsheet_inputs` gives them.

    Returns:
        One self-contained HTML document: no script, nothing fetched, every word
        from a feed escaped. The same inputs give the same figures and charts.
    """
    index = inputs.index
    first = inputs.levels[index.index_id]["session"][0]
    return page(
        title=index.name,
        subtitle=f"{index.index_id.upper()} \N{MIDDLE DOT} price, total and net total return, USD",
        facts=f"Factsheet, close of {inputs.as_of:%d %B %Y}",
        content=joined(
            [
                _headline(inputs),
                columns(_description(inputs), _methodology(inputs)),
                section(
                    f"Price level since {first:%d %B %Y}",
                    level_chart(inputs.levels, own=index.index_id),
                ),
                columns(_performance(inputs), _years(inputs)),
                columns(_risk(inputs), _characteristics(inputs)),
                columns(_top(inputs), _sectors(inputs)),
                _cap_ranges(inputs),
            ]
        ),
        footer=disclaimers(),
    )


def _headline(inputs: FactsheetInputs) -> Markup:
    last = inputs.levels[inputs.index.index_id].row(-1, named=True)
    one_day = performance_table(inputs.levels[inputs.index.index_id]).row(0, named=True)
    return tiles(
        {
            "Price level": f"{last['price_level']:,.2f}",
            "Change on the day": percent(one_day["price_return"]),
            "Total return level": f"{last['total_return_level']:,.2f}",
            "Net total return level": f"{last['net_total_return_level']:,.2f}",
            "Member lines": f"{last['members']:,}",
            "Status": str(last["status"]),
        }
    )


def _description(inputs: FactsheetInputs) -> Markup:
    return section("Description", paragraph(described(inputs.index)))


def _methodology(inputs: FactsheetInputs) -> Markup:
    rules = inputs.rules
    return section(
        "Methodology",
        bullets(
            [
                (
                    "Eligible: common shares and REITs of United States companies with a close of "
                    f"at least {usd(rules.minimum_close_usd)} and a total market cap of at least "
                    f"{usd(rules.minimum_total_market_cap_usd)} on the rank day."
                ),
                held_by_bands(inputs.index, rules),
                weighted(inputs.index),
                (
                    f"Base {inputs.index.base_value:,.0f} on the first session of this history; "
                    "divisor events keep the level continuous."
                ),
            ]
        ),
        kind="box",
    )


def _performance(inputs: FactsheetInputs) -> Markup:
    own = performance_table(inputs.levels[inputs.index.index_id])
    parent = performance_table(inputs.levels[PARENT_INDEX]).select(
        "period", parent_return="total_return"
    )
    shown = own.join(parent, on="period", how="left", maintain_order="left")
    return section(
        "Performance",
        table(
            shown.drop_nulls("since"),
            {
                "period": "Period",
                "since": "From the close of",
                "price_return": "Price",
                "total_return": "Total",
                "parent_return": f"{PARENT_INDEX.upper()} total",
            },
        ),
        paragraph("Not annualised. Periods beyond this history are left out.", kind="note"),
    )


def _years(inputs: FactsheetInputs) -> Markup:
    own = inputs.index.index_id
    wanted = dict.fromkeys([own, PARENT_INDEX])
    years = {name: calendar_years(inputs.levels[name]) for name in wanted}
    return section(
        "Calendar years",
        year_chart(years, own=own),
        paragraph("* part of a year", kind="note"),
    )


def _risk(inputs: FactsheetInputs) -> Markup:
    own = inputs.index.index_id
    found = risk(inputs.levels[own], inputs.levels[PARENT_INDEX] if own != PARENT_INDEX else None)
    when = (
        f" ({found.drawdown_from} to {found.drawdown_to})"
        if found.drawdown_from and found.drawdown_to
        else ""
    )
    parent = PARENT_INDEX.upper()
    rows = {
        "Volatility, annualised": percent(found.volatility),
        f"Deepest drawdown{when}": percent(found.max_drawdown),
        f"Beta to {parent}": NONE_SHOWN if found.beta is None else f"{found.beta:.2f}",
        f"Tracking error to {parent}, annualised": percent(found.tracking_error),
    }
    return section(
        "Risk",
        pairs(rows),
        paragraph("Daily total returns since the start of this history.", kind="note"),
    )


def _characteristics(inputs: FactsheetInputs) -> Markup:
    figures = characteristics(inputs.held)
    return section(
        "Characteristics",
        pairs(
            {
                "Companies (lines)": f"{figures['companies']:,} ({figures['lines']:,})",
                "Market value": usd(figures["total_usd"]),
                "Average company": usd(figures["mean_usd"]),
                "Median company": usd(figures["median_usd"]),
                "Largest company": usd(figures["largest_usd"]),
                "Smallest company": usd(figures["smallest_usd"]),
                f"Weight of the {_TOP} largest": percent(figures["top_10_weight"]),
            }
        ),
    )


def _top(inputs: FactsheetInputs) -> Markup:
    return section(
        f"Top {_TOP} holdings",
        table(
            inputs.held.head(_TOP),
            {"symbol": "Symbol", "name": "Name", "sector": "Sector", "weight": "Weight"},
        ),
    )


def _sectors(inputs: FactsheetInputs) -> Markup:
    weights = sector_weights(inputs.held, inputs.parent_held)
    return section(
        "Sector weights",
        bars(
            weights.select("sector", "weight", "parent_weight").iter_rows(),
            own=inputs.index.index_id.upper(),
            other=PARENT_INDEX.upper(),
        ),
    )


def _cap_ranges(inputs: FactsheetInputs) -> Markup:
    if inputs.summary is None:
        return section(
            "Size on the rank day", paragraph("No reconstitution is built for this day.")
        )
    event = inputs.summary.event
    return section(
        f"Size on the rank day, {event.rank_day:%d %B %Y} (event {event.event_id})",
        table(inputs.summary.cap_ranges, CAP_RANGE_HEADINGS),
        paragraph("Total market capitalisation by company; float plays no part.", kind="note"),
    )


CAP_RANGE_HEADINGS = {
    "group": "Index",
    "companies": "Companies",
    "total_usd": "Total",
    "largest_usd": "Largest",
    "median_usd": "Median",
    "smallest_usd": "Smallest",
}
"""How a table of cap ranges is headed, here and in the reconstitution report."""
