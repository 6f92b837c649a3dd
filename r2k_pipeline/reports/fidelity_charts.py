"""Charts of a comparison with the real thing: causes, drift of levels, the score over time.

Add a chart here that only the fidelity report shows; what several reports show
is `charts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from r2k_pipeline.reports.charts import OTHERS, OWN, level_chart, rendered

if TYPE_CHECKING:
    from r2k_pipeline.reports.page import Markup

_WIDTH = 820
_MOST_POINTS = 1500
_MOST_CAUSES = 16


def causes_chart(causes: pl.DataFrame) -> Markup:
    """Draw how many lines each cause explains.

    Args:
        causes: `index`, `side`, `cause`, `reason`, `lines`, as
            `queries.fidelity_members.MemberComparison` has them.
    """
    label = pl.concat_str(
        pl.col("cause").str.replace_all("_", " "),
        pl.when(pl.col("reason").is_not_null())
        .then(pl.concat_str(pl.lit(": "), pl.col("reason").str.replace_all("_", " ")))
        .otherwise(pl.lit("")),
    )
    rows = causes.with_columns(label=label, what=pl.concat_str("index", pl.lit(" "), "side"))
    largest = (
        rows.group_by("label")
        .agg(pl.col("lines").sum().alias("sum"))
        .sort("sum", "label", descending=[True, False])["label"]
        .head(_MOST_CAUSES)
        .to_list()
    )
    kept = rows.filter(pl.col("label").is_in(largest)).select("label", "what", "lines")
    whats = kept["what"].unique().sort().to_list()
    chart = (
        alt.Chart(kept)
        .mark_bar()
        .encode(
            y=alt.Y("label:N", sort=largest, title=None, axis=alt.Axis(labelLimit=320)),
            x=alt.X("lines:Q", title="lines"),
            color=alt.Color("what:N", title=None, legend=alt.Legend(orient="top")).scale(
                domain=whats, range=[OWN, OTHERS[0], OTHERS[1], OTHERS[2]][: len(whats)]
            ),
        )
        .properties(width=_WIDTH - 220, height=alt.Step(18))
    )
    return rendered(chart)


def growth_chart(growth: pl.DataFrame) -> Markup:
    """Draw both series from a common start at 100.

    Args:
        growth: `session`, `ours`, `theirs`.
    """
    series = {name: growth.select("session", price_level=name) for name in ("ours", "theirs")}
    return level_chart(series, own="ours")


def drift_chart(growth: pl.DataFrame) -> Markup:
    """Draw by how much our growth lies above theirs since the start.

    Args:
        growth: `session`, `ours`, `theirs`.
    """
    step = max(1, growth.height // _MOST_POINTS)
    rows = growth.gather_every(step).select("session", drift=pl.col("ours") / pl.col("theirs") - 1)
    chart = (
        alt.Chart(rows)
        .mark_area(color=OWN, opacity=0.55, line={"color": OWN})
        .encode(
            x=alt.X("session:T", title=None, axis=alt.Axis(grid=False, tickCount=8)),
            y=alt.Y("drift:Q", title="ours over theirs", axis=alt.Axis(format="+.1%")),
        )
        .properties(width=_WIDTH, height=150)
    )
    return rendered(chart)


def history_chart(history: pl.DataFrame) -> Markup:
    """Draw the F1 of each list over the measurements.

    Args:
        history: `measured_at`, `label`, `value` (0 to 1).
    """
    labels = history["label"].unique().sort().to_list()
    chart = (
        alt.Chart(history)
        .mark_line(point=True)
        .encode(
            x=alt.X("measured_at:T", title="measured", axis=alt.Axis(grid=False, tickCount=6)),
            y=alt.Y("value:Q", title="F1", axis=alt.Axis(format=".0%")).scale(zero=False),
            color=alt.Color(
                "label:N",
                title=None,
                legend=alt.Legend(orient="top", labelLimit=300, columns=2),
            ).scale(domain=labels, scheme="tableau10"),
        )
        .properties(width=_WIDTH, height=180)
    )
    return rendered(chart)
