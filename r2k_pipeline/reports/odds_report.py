"""How reliable migration odds were: one chart, alone or on a page of its own.

`odds_page` asks nothing and writes nothing; whoever calls it has the odds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from r2k_pipeline.queries.migration_odds import undecided
from r2k_pipeline.reports.charts import OTHERS, OWN, rendered
from r2k_pipeline.reports.notices import disclaimers
from r2k_pipeline.reports.page import columns, joined, page, paragraph, section, table

if TYPE_CHECKING:
    from r2k_pipeline.queries.proforma import Proforma
    from r2k_pipeline.reports.page import Markup

_SIZE = 380
_SHOWN = 60


def reliability_chart(reliability: pl.DataFrame) -> Markup:
    """Draw frequencies against odds, one line an edge; the diagonal is perfect.

    Args:
        reliability: As `queries.migration_odds.MigrationOdds` holds it.
    """
    rows = reliability.with_columns(edge=pl.format("rank {}", "boundary_rank"))
    names = rows["edge"].unique(maintain_order=True).to_list()
    unit = alt.Scale(domain=[0, 1])
    percent = alt.Axis(format="%")
    base = alt.Chart(rows).encode(
        x=alt.X("mean_probability:Q", title="odds given", scale=unit, axis=percent),
        y=alt.Y("crossed_share:Q", title="share that crossed", scale=unit, axis=percent),
        color=alt.Color("edge:N", title=None, legend=alt.Legend(orient="top")).scale(
            domain=names, range=[OWN, *OTHERS][: len(names)]
        ),
    )
    perfect = (
        alt.Chart(pl.DataFrame({"at": [0.0, 1.0]}))
        .mark_line(color="#c3ccd6", strokeDash=[4, 3])
        .encode(x="at:Q", y="at:Q")
    )
    dots = base.mark_point(filled=True, opacity=1).encode(
        size=alt.Size("companies:Q", title="cases", legend=None)
    )
    chart = alt.layer(perfect, base.mark_line(), dots).properties(width=_SIZE, height=_SIZE)
    return rendered(chart)


def odds_page(found: Proforma) -> str:
    """Set the odds of one session: who may still migrate, and how reliable such odds were.

    Args:
        found: As `queries.proforma.proforma` gives it.

    Returns:
        One self-contained HTML document.
    """
    odds = found.odds
    parts = []
    if not odds.reliability.is_empty():
        chart = section("How reliable such odds were", reliability_chart(odds.reliability))
        parts.append(columns(chart, _scores(odds.brier)))
    else:
        parts.append(section("How reliable such odds were", paragraph("No history to judge by.")))
    near = undecided(odds.companies)
    for (rank,), rows in near.group_by("boundary_rank", maintain_order=True):
        shown = rows.head(_SHOWN).with_columns(probability_share="probability")
        parts.append(
            section(
                f"Open at rank {rank} ({rows.height:,}; the most open {shown.height:,})",
                table(shown, _HEADINGS),
                kind="long",
            )
        )
    event = odds.event
    return page(
        title=f"Migration odds on {found.session}",
        subtitle=f"Of having crossed an edge by {event.rank_day}, the rank day of {event.event_id}",
        facts=f"{odds.horizon_sessions or 0} sessions ahead",
        content=joined(parts),
        footer=disclaimers(),
    )


_HEADINGS = {
    "symbol": "Symbol",
    "name": "Name",
    "previous_segment": "From",
    "rank": "Rank",
    "total_market_cap_usd": "Total market cap",
    "crossing_usd": "Crosses at",
    "distance_pct": "Distance",
    "volatility_pct": "Volatility a year",
    "probability_share": "Odds",
}


def _scores(brier: pl.DataFrame) -> Markup:
    rows = brier.with_columns(
        pl.col("brier", "brier_as_it_is", "brier_base_rate").round(4),
        crossing=pl.concat_str(
            pl.when("is_upward").then(pl.lit("to above")).otherwise(pl.lit("to below")),
            "boundary_rank",
            separator=" ",
        ),
    )
    return section(
        "Brier scores",
        table(
            rows,
            {
                "crossing": "Crossing",
                "companies": "Cases",
                "crossed_share": "Crossed",
                "brier": "These odds",
                "brier_as_it_is": "All stays",
                "brier_base_rate": "One rate",
            },
        ),
        paragraph(
            "The mean squared error; 0 is perfect. All stays: as it is on the day; one rate: the "
            "earlier frequency for everybody. Fitted to the earlier half of the history and "
            "judged on the later half, on companies within three standard deviations of an edge.",
            kind="note",
        ),
    )
