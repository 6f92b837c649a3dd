"""What the command shows of a comparison with the real thing.

Frames of `queries.fidelity` as tables for a terminal, and the same frames made
presentable for the HTML report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.queries.fidelity_members import NO_INDEX
from r2k_pipeline.queries.wording import NONE_SHOWN, usd
from r2k_pipeline.reports.tables import terminal_table
from r2k_pipeline.reports.terminal import line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from r2k_pipeline.queries.fidelity import Compared, Fidelity

_SHOWN_CAUSES = 30
_PARENTS = ("r3000", "r3000e")
_SIDES = ("r1000", "r2000")
_SERIES = {
    "years": "Returns by year",
    "years_without": "The same without sessions on which the published series contradict",
    "contradicted": "Where the published series contradict one another",
    "worst_days": "The worst sessions of each year",
    "float_effect": "Tracking of the price series, what if",
}


def fidelity_parts(found: Fidelity) -> Iterator[RenderableType]:
    """Set a comparison, file after file.

    Args:
        found: As `queries.fidelity.fidelity` gives it.
    """
    for compared in found.compared:
        yield line("")
        yield line(f"{compared.file.subject}: {subject_line(compared)}", style="bold")
        for title, frame in presentable(compared).items():
            yield terminal_table(frame, title=title, rows=_SHOWN_CAUSES)
    for subject, why in found.skipped:
        yield line(f"skipped {subject}: {why}", style="yellow")


def names_parts(found: Fidelity) -> Iterator[RenderableType]:
    """Set every disagreement by name; the lists are the user's own."""
    for compared in found.compared:
        if compared.names is not None:
            rows = own_causes(compared.names)
            yield line("")
            yield terminal_table(rows, title=compared.file.subject, rows=None)


def named_frame(found: Fidelity) -> pl.DataFrame:
    """Every disagreement by name, for machines: `subject` and the columns of `names`."""
    return pl.concat(
        [
            compared.names.select(pl.lit(compared.file.subject).alias("subject"), pl.all())
            for compared in found.compared
            if compared.names is not None
        ]
        or [pl.DataFrame(schema={"subject": pl.String})]
    )


def subject_line(compared: Compared) -> str:
    """Say what a file tells and with what of ours it was compared."""
    file = compared.file
    parts = [file.kind.sentence]
    if file.session is not None:
        parts.append(f"session {file.session}")
    if compared.event_id is not None:
        banding = "" if compared.is_banded is not False else ", which had no incumbents to band"
        parts.append(f"our event {compared.event_id}{banding}")
    if file.note:
        parts.append(f"left out: {file.note}")
    return "; ".join(parts)


def presentable(compared: Compared) -> dict[str, pl.DataFrame]:
    """A file's frames as a reader wants them, by title.

    Args:
        compared: One file compared.

    Returns:
        In the order of reading. Of a list of both sides the causes are those of
        the sides, for the parent's follow from them.
    """
    shown: dict[str, pl.DataFrame] = {}
    for name, frame in compared.frames.items():
        match name:
            case "scores":
                shown["Agreement"] = frame.select(
                    c.name for c in frame if c.null_count() < frame.height
                )
            case "confusion" if not frame.is_empty():
                shown["Our segment against their index, lines"] = confusion_matrix(frame)
            case "causes":
                shown["Why the others differ"] = own_causes(frame).select(
                    pl.exclude("sentence", "median_rank_distance"),
                    pl.col("median_rank_distance").round().cast(pl.Int64),
                )
            case "figures":
                shown["Published figures"] = figures_shown(frame)
            case "floats":
                shown["Free-float factors"] = frame.with_columns(pl.col("lines").cast(pl.Int64))
            case _ if name in _SERIES and not frame.is_empty():
                shown[_SERIES[name]] = _series_shown(frame)
            case _:
                continue
    return {title: _readable(frame) for title, frame in shown.items()}


def _series_shown(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame about a series of levels; of what it is stands in the file's own line."""
    shares = [_in_share()] if "difference_pct" in frame.columns else []
    return frame.select(pl.exclude("measure"), *shares)


def own_causes(causes: pl.DataFrame) -> pl.DataFrame:
    """Leave out the parent index where both of its sides are listed too."""
    if set(causes["index"]) >= set(_SIDES):
        return causes.filter(~pl.col("index").is_in(_PARENTS))
    return causes


def confusion_matrix(confusion: pl.DataFrame) -> pl.DataFrame:
    """Our segments as rows, their indexes as columns.

    Example:
        >>> counts = pl.DataFrame({"ours": ["large", "none"], "theirs": ["r1000", "r2000"],
        ...                        "lines": [7, 2]})
        >>> confusion_matrix(counts).rows()
        [('large', 7, 0, 0), ('small', 0, 0, 0), ('micro', 0, 0, 0), ('none', 0, 2, 0)]
    """
    counts = {(ours, theirs): lines for ours, theirs, lines in confusion.iter_rows()}
    return pl.DataFrame(
        [
            {
                "ours": ours,
                **{f"their {name}": counts.get((ours, name), 0) for name in (*_SIDES, NO_INDEX)},
            }
            for ours in ("large", "small", "micro", NO_INDEX)
        ]
    )


def figures_shown(figures: pl.DataFrame) -> pl.DataFrame:
    """Published figures and ours in words, with the difference in per cent."""
    rows = [
        {
            "event": row["event"],
            "figure": row["figure"].removesuffix("_usd").replace("_", " "),
            **{side: _phrased(row[side], row["figure"]) for side in ("theirs", "ours")},
            "difference_share": row["difference_pct"] / 100,
        }
        for row in figures.iter_rows(named=True)
    ]
    return pl.DataFrame(rows)


def _phrased(value: float | None, figure: str) -> str:
    if value is None:
        return NONE_SHOWN
    return usd(value) if figure.endswith("_usd") else f"{value:,.0f}"


def _in_share() -> pl.Expr:
    return (pl.col("difference_pct") / 100).alias("difference_share")


def _readable(frame: pl.DataFrame) -> pl.DataFrame:
    """Without columns that only machines read."""
    return frame.select(pl.exclude("difference_pct"))
