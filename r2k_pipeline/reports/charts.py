"""Charts as inline SVG: levels, calendar years, the cap curve, breakpoints over time.

Drawn with Altair and rendered to SVG in process, so that a report needs neither
a script nor a network. Add here what is drawn; a bar in a table is `page`. Altair
is slow to load: the command imports this module, like every report, only when a
report is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import polars as pl
import vl_convert

from r2k_pipeline.reports.page import Markup

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = "#1f4e79"
OTHERS = ("#d07b2c", "#7c9a3f", "#8a6fae")
_GREY = "#667485"
_WIDTH = 940
_HALF = 440
_MOST_POINTS = 1500


def rendered(chart: alt.Chart | alt.LayerChart | alt.FacetChart) -> Markup:
    """Render a chart to inline SVG.

    Args:
        chart: An Altair chart.
    """
    styled = (
        chart.configure_view(stroke=None)
        .configure_axis(
            labelColor=_GREY, titleColor=_GREY, gridColor="#e6ebf0", domainColor="#c3ccd6",
            tickColor="#c3ccd6", labelFontSize=11, titleFontSize=11, titleFontWeight="normal",
        )
        .configure_text(fontSize=11)
    )  # fmt: skip
    svg = str(vl_convert.vegalite_to_svg(styled.to_json(), vl_version=_vega_lite_version()))
    return Markup(f"<figure>{svg[svg.index('<svg') :]}</figure>")


def _vega_lite_version() -> str:
    return ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])


def level_chart(levels: Mapping[str, pl.DataFrame], *, own: str) -> Markup:
    """Draw price levels from a common start at 100.

    Args:
        levels: Index id -> its levels as `queries.levels` gives them.
        own: The index that is emphasised.
    """
    rebased = pl.concat(
        [
            frame.select(
                "session",
                level=100 * pl.col("price_level") / pl.col("price_level").first(),
                index=pl.lit(index_id.upper()),
            ).pipe(_thinned)
            for index_id, frame in levels.items()
        ]
    )
    names = [own.upper(), *(i.upper() for i in levels if i != own)]
    color = alt.Color("index:N", legend=None).scale(
        domain=names, range=[OWN, *OTHERS][: len(names)]
    )
    base = alt.Chart(rebased).encode(
        x=alt.X("session:T", title=None, axis=alt.Axis(grid=False, tickCount=8)),
        y=alt.Y("level:Q", title="price level, start = 100").scale(zero=False),
        color=color,
    )
    lines = base.mark_line().encode(
        strokeDash=alt.StrokeDash("index:N", legend=None).scale(
            domain=names, range=[[1, 0], [1, 0], [4, 3], [1, 2]][: len(names)]
        ),
        strokeWidth=alt.condition(
            alt.datum["index"] == own.upper(), alt.value(2.2), alt.value(1.3)
        ),
    )
    ends = alt.Chart(_spread_labels(rebased)).encode(
        x="session:T", y="label_at:Q", text="index:N", color=color
    )
    labels = ends.mark_text(align="left", dx=5, fontWeight="bold")
    return rendered((lines + labels).properties(width=_WIDTH - 110, height=250))


def _thinned(frame: pl.DataFrame) -> pl.DataFrame:
    """Keep a long series drawable: every n-th session and always the last."""
    step = max(1, frame.height // _MOST_POINTS)
    return frame.filter((pl.int_range(pl.len()).reverse() % step) == 0)


def _spread_labels(rebased: pl.DataFrame) -> pl.DataFrame:
    """Set the names at the ends of the lines apart where the lines end close together."""
    spread = rebased["level"].max(), rebased["level"].min()
    gap = 0.06 * (float(str(spread[0])) - float(str(spread[1])))
    ends = rebased.group_by("index").last().sort("level")
    placed: list[float] = []
    for level in ends["level"]:
        placed.append(max(level, placed[-1] + gap) if placed else level)
    return ends.with_columns(label_at=pl.Series(placed))


def year_chart(years: Mapping[str, pl.DataFrame], *, own: str) -> Markup:
    """Draw total returns by calendar year, the index beside its parent.

    Args:
        years: Index id -> its years as `queries.performance.calendar_years` gives them.
        own: The index that is emphasised.
    """
    rows = pl.concat(
        [
            frame.select(
                year=pl.col("year").cast(pl.String)
                + pl.when("is_whole").then(pl.lit("")).otherwise(pl.lit("*")),
                total_return="total_return",
                index=pl.lit(index_id.upper()),
            )
            for index_id, frame in years.items()
        ]
    )
    names = [own.upper(), *(i.upper() for i in years if i != own)]
    base = alt.Chart(rows).encode(
        x=alt.X("year:N", title=None, axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("index:N", sort=names),
        y=alt.Y(
            "total_return:Q",
            title="total return",
            axis=alt.Axis(format="%"),
            scale=alt.Scale(domain=_with_room(rows["total_return"])),
        ),
        color=alt.Color("index:N", title=None, legend=alt.Legend(orient="top")).scale(
            domain=names, range=[OWN, "#a9b8c7"]
        ),
    )
    bars = base.mark_bar()
    above = base.transform_filter("datum.total_return >= 0").mark_text(dy=-7)
    below = base.transform_filter("datum.total_return < 0").mark_text(dy=8)
    figures = [
        part.encode(text=alt.Text("total_return:Q", format=".1%"), color=alt.value(_GREY))
        for part in (above, below)
    ]
    chart = alt.layer(bars, *figures).properties(width=_HALF - 60, height=200)
    return rendered(chart)


def _with_room(returns: pl.Series) -> list[float]:
    """Bounds that leave room for figures above and below the bars."""
    held = [0.0, *returns.drop_nulls()]
    room = 0.18 * (max(held) - min(held)) or 0.01
    return [min(held) - room * (min(held) < 0), max(held) + room * (max(held) > 0)]


def cap_curve(ranked: pl.DataFrame, boundaries: pl.DataFrame) -> Markup:
    """Draw total market cap against rank, with the boundaries and the band.

    Args:
        ranked: `rank` and `total_market_cap_usd` (USD) of every ranked company.
        boundaries: As in `queries.reconstitution.ReconstitutionSummary`.
    """
    curve = ranked.select("rank", cap_bn=pl.col("total_market_cap_usd") / 1e9).drop_nulls()
    step = max(1, curve.height // _MOST_POINTS)
    marks = boundaries.select("boundary_rank", cap_bn=pl.col("breakpoint_usd") / 1e9).with_columns(
        label=pl.format("#{}: ${} bn", "boundary_rank", pl.col("cap_bn").round(2))
    )
    band = boundaries.drop_nulls("lower_bound_usd").select(
        low=pl.col("lower_bound_usd") / 1e9, high=pl.col("upper_bound_usd") / 1e9
    )
    decades = [10.0**power for power in range(-2, 5)]
    y = alt.Y(
        "cap_bn:Q",
        title="total market cap, USD bn (log)",
        axis=alt.Axis(values=decades, format="~g"),
    ).scale(type="log")
    line = (
        alt.Chart(curve.sort("rank").gather_every(step))
        .mark_line(color=OWN, strokeWidth=2)
        .encode(x=alt.X("rank:Q", title="company rank", axis=alt.Axis(grid=False)), y=y)
    )
    shade = alt.Chart(band).mark_rect(color=OTHERS[0], opacity=0.18).encode(y="low:Q", y2="high:Q")
    points = alt.Chart(marks).encode(x="boundary_rank:Q", y=y)
    dots = points.mark_point(filled=True, size=60, color=OTHERS[0], opacity=1)
    words = points.mark_text(align="left", dx=8, dy=-8, color=_GREY).encode(text="label:N")
    chart = alt.layer(shade, line, dots, words).properties(width=_WIDTH - 70, height=270)
    return rendered(chart)


def breakpoint_history(history: pl.DataFrame) -> Markup:
    """Draw the first breakpoint and its band over the events.

    Args:
        history: `event_id`, `breakpoint_usd`, `lower_bound_usd`,
            `upper_bound_usd` (USD), one row per event.
    """
    usd_bn = (pl.col("breakpoint_usd", "lower_bound_usd", "upper_bound_usd") / 1e9).name.replace(
        "_usd", "_bn"
    )
    rows = history.select("event_id", usd_bn)
    base = alt.Chart(rows).encode(
        x=alt.X("event_id:O", title=None, axis=alt.Axis(labelAngle=0)),
    )
    title = "USD bn; the bar is the band"
    band = base.mark_bar(color="#c9d6e3", width=22).encode(
        y=alt.Y("lower_bound_bn:Q", title=title).scale(zero=False), y2="upper_bound_bn:Q"
    )
    at = alt.Y("breakpoint_bn:Q", title=title)
    tick = base.mark_tick(color=OWN, thickness=3, width=30).encode(y=at)
    words = base.mark_text(dx=18, align="left", color=OWN).encode(
        y=at, text=alt.Text("breakpoint_bn:Q", format=".2f")
    )
    return rendered(alt.layer(band, tick, words).properties(width=_HALF - 40, height=200))
