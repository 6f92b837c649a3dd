"""`r2k gym`: the failure catalogue against the pipeline, in a scratch home.

What is injected and how it is judged is the package `gym`, imported inside.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from r2k_pipeline.cli.options import Form, Out, typed
from r2k_pipeline.errors import BadInputError, R2kError
from r2k_pipeline.reports.answers import Bar, answer, say
from r2k_pipeline.reports.files import write_file
from r2k_pipeline.reports.tables import Format, terminal_table

if TYPE_CHECKING:
    from r2k_pipeline.gym.incident import Result


def _numbers(text: str) -> frozenset[int]:
    """Read `4,20`."""
    if not all(part.strip().isdecimal() for part in text.split(",")):
        raise BadInputError(
            f"{text!r} is no list of numbers", state="nothing was done", remedy="say --only 4,20"
        )
    return frozenset(int(part) for part in text.split(","))


def gym(
    *,
    only: Annotated[
        frozenset[int] | None,
        typer.Option("--only", parser=typed(_numbers), help="Only these.", metavar="N,N"),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Only incidents for which no index is built.")
    ] = False,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="Write the table here, too.", metavar="FILE")
    ] = None,
    form: Form = Format.TABLE,
    out: Out = None,
    home: Annotated[
        Path | None,
        typer.Option("--home", help="Scratch folder; else a temporary one.", metavar="DIR"),
    ] = None,
) -> None:
    """Replay 28 real incidents against the pipeline; exit 1 if one is not survived."""
    from r2k_pipeline.gym import replay as running

    results = _replayed(home, only=only, fast=fast)
    found = running.table(results)
    shown = found.select("number", "incident", "caught_by", "published", "lost", "is_survived")
    answer(found, [terminal_table(shown, title="The disaster gym", rows=None)], form=form, out=out)
    if markdown is not None:
        say(f"written: {write_file(running.markdown(results), markdown)}")
    failed = [str(result.incident.number) for result in results if not result.is_survived]
    if failed:
        raise R2kError(
            f"{len(failed)} of {len(results)} incidents were not survived: {', '.join(failed)}",
            state="only the scratch folder was written to",
            remedy="the table says which guard was silent, and what was wrong or lost",
        )


def _replayed(home: Path | None, *, only: frozenset[int] | None, fast: bool) -> list[Result]:
    from r2k_pipeline.gym.arena import Arena
    from r2k_pipeline.gym.registry import incidents
    from r2k_pipeline.gym.replay import replay

    chosen = [one for one in incidents(fast=fast) if only is None or one.number in only]
    if not chosen:
        raise typer.BadParameter("--only names no incident of the catalogue")
    if home is not None:
        home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="r2k-gym-", dir=home) as folder, Bar("gym") as bar:
        return replay(Arena(Path(folder)), chosen, progress=bar)
