"""Replaying incidents one after the other, and the table of what came of them.

Holds how incidents are run and judged; the incidents themselves are in the modules of `registry`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.gym.incident import Finding, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from r2k_pipeline.gym.arena import Arena
    from r2k_pipeline.gym.incident import Incident
    from r2k_pipeline.orchestration.progress import Progress

TABLE = pl.Schema({
    "number": pl.Int32(), "incident": pl.String(), "example": pl.String(),
    "caught_by": pl.String(), "published": pl.String(), "lost": pl.String(),
    "is_survived": pl.Boolean(), "is_fast": pl.Boolean(), "seconds": pl.Float64(),
})  # fmt: skip
_HEADINGS = ("#", "incident", "example", "caught by", "published", "lost", "fast")


def replay(arena: Arena, chosen: Sequence[Incident], *, progress: Progress) -> list[Result]:
    """Replay incidents in one arena.

    Args:
        arena: A scratch folder of their own.
        chosen: Which.
        progress: Told before each and at the end.
    """
    results = []
    for done, incident in enumerate(chosen):
        progress(done, len(chosen), f"{incident.number} {incident.name}")
        results.append(replayed(arena, incident))
    progress(len(chosen), len(chosen), "gym")
    return results


def replayed(arena: Arena, incident: Incident) -> Result:
    """Replay one incident. Whatever it raises is a failure of the gym itself and told so."""
    started = time.monotonic()
    try:
        finding = incident.replay(arena)
    except Exception as error:  # noqa: BLE001 - one incident that breaks must not hide the others
        told = f"the replay broke: {type(error).__name__}: {error}".splitlines()[0]
        finding = Finding(caught_by=frozenset(), published="unknown", wrong=(told,))
    return Result(incident=incident, finding=finding, seconds=time.monotonic() - started)


def table(results: Iterable[Result]) -> pl.DataFrame:
    """The results as a table, one row an incident."""
    return pl.DataFrame([result.row for result in results], schema=TABLE)


def markdown(results: Sequence[Result]) -> str:
    """The results as a page for the documentation."""
    survived = sum(result.is_survived for result in results)
    seconds = sum(result.seconds for result in results)
    lines = [
        "# The disaster gym",
        "",
        "Written by `r2k gym --markdown docs/disaster_gym.md`; not edited by hand.",
        "",
        "Each incident has happened to somebody. Its shape is put into a synthetic market, and",
        "the pipeline is judged beside an undisturbed one over the same market: it must be",
        "caught by the checks and rules named here, nothing wrong may be published, and once the",
        "input is mended nothing may be lost. A fast incident is replayed by `make test`, too.",
        "The incidents are in `r2k_pipeline/gym/`, the proof that they can fail in",
        "`r2k_pipeline_tests/gym/test_gym.py`.",
        "",
        f"**{survived} of {len(results)} survived**, in {seconds:,.0f} seconds.",
        "",
        f"| {' | '.join(_HEADINGS)} |",
        f"| --- |{' --- |' * (len(_HEADINGS) - 1)}",
    ]
    for row in table(results).iter_rows(named=True):
        cells = (
            row["number"], row["incident"], row["example"], row["caught_by"], row["published"],
            row["lost"], "yes" if row["is_fast"] else "",
        )  # fmt: skip
        lines.append(f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |")
    return "\n".join([*lines, ""])
