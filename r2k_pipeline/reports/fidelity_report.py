"""The report of a comparison with the real thing: scores, causes, figures, levels, history.

Counts and ratios only: no line is named, so that a report can be shown where the
user's lists cannot. `fidelity_report` sets what `queries.fidelity` found and
reads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.queries.wording import percent
from r2k_pipeline.reports.fidelity_charts import (
    causes_chart,
    drift_chart,
    growth_chart,
    history_chart,
)
from r2k_pipeline.reports.fidelity_terminal import own_causes, presentable, subject_line
from r2k_pipeline.reports.notices import disclaimers
from r2k_pipeline.reports.page import (
    Markup,
    bullets,
    joined,
    page,
    paragraph,
    section,
    table,
    tiles,
)
from r2k_pipeline.reports.tables import heading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from r2k_pipeline.queries.fidelity import Compared, Fidelity

_SIDES = ("r1000", "r2000")


def fidelity_report(found: Fidelity, *, history: pl.DataFrame, measured_at: datetime) -> str:
    """Set the report.

    Args:
        found: As `queries.fidelity.fidelity` gives it.
        history: Contract `fidelity`, this measurement included.
        measured_at: When it was made.

    Returns:
        One self-contained HTML document: no script, nothing fetched, every word
        from a file escaped.
    """
    return page(
        title="Fidelity",
        subtitle="R2000-style index family beside files of the real thing",
        facts=f"Measured {measured_at:%d %B %Y %H:%M} UTC",
        content=joined(
            [
                tiles(dict(headline(found))),
                *_history(history),
                *(_compared(compared) for compared in found.compared),
                *_skipped(found),
            ]
        ),
        footer=disclaimers(),
    )


def headline(found: Fidelity) -> Iterator[tuple[str, str]]:
    """The few figures that everything is judged by, with their labels."""
    for compared in found.compared:
        day = compared.file.session
        scores = compared.frames.get("scores", pl.DataFrame())
        for row in scores.iter_rows(named=True):
            if "f1_share" in row and row["index"] != "r3000":
                yield f"{row['index'].upper()} F1, {day}", percent(row["f1_share"], 1)
            elif "found_share" in row:
                yield f"{row['action']}s found, {compared.event_id}", percent(row["found_share"], 1)
        years = compared.frames.get("years", pl.DataFrame())
        for row in years.tail(1).iter_rows(named=True):
            if row["tracking_error_bp"] is not None:
                measure = row["measure"].replace("_", " ").removesuffix(" level")
                yield f"Tracking error, {measure}", f"{row['tracking_error_bp']:,.0f} bp"


def _compared(compared: Compared) -> Markup:
    tables = [
        table(frame, {name: _one_line(name) for name in frame.columns}, caption=title)
        for title, frame in presentable(compared).items()
    ]
    words = paragraph(f"{subject_line(compared)}.")
    return section(compared.file.subject, words, *tables[:1], *_plots(compared), *tables[1:])


def _one_line(column: str) -> str:
    return heading(column).replace("\n", " ")


def _plots(compared: Compared) -> Iterator[Markup]:
    causes = compared.frames.get("causes")
    if causes is not None and not causes.is_empty():
        yield causes_chart(own_causes(causes))
    growth = compared.frames.get("growth")
    if growth is not None:
        for _, series in growth.group_by("measure", maintain_order=True):
            yield growth_chart(series)
            yield drift_chart(series)


def _history(history: pl.DataFrame) -> Iterator[Markup]:
    """The F1 of every list, if it was measured more than once."""
    scores = history.filter(pl.col("metric") == "f1_share", pl.col("scope").is_in(_SIDES)).select(
        "measured_at", "value", label=pl.concat_str("scope", pl.lit(" "), "subject")
    )
    if scores["measured_at"].n_unique() > 1:
        yield section("The score over the measurements", history_chart(scores))


def _skipped(found: Fidelity) -> Iterator[Markup]:
    if found.skipped:
        items = [f"{subject}: {why}" for subject, why in found.skipped]
        yield section("Not compared", bullets(items))
