"""What every command takes and opens: its options by type, the settings, the store.

An option that two commands or more share is declared here, so that it reads the
same everywhere. Slow libraries are imported inside functions, as in the commands.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from pydantic import ValidationError

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.queries.addressing import parse_day, parse_moment
from r2k_pipeline.reports.answers import say
from r2k_pipeline.reports.tables import Format
from r2k_pipeline.settings import Restate, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from r2k_pipeline.storage.store import Store

T = TypeVar("T")


def typed(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Let a parser's refusal count as bad usage."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except BadInputError as error:
            raise typer.BadParameter(error.culprit) from error

    return parsed


Home = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of the store; else R2K_HOME, else ~/.r2k.", metavar="DIR"),
]
Index = Annotated[str, typer.Argument(help="An index, as r2000.", metavar="INDEX")]
Session = Annotated[
    date, typer.Argument(parser=typed(parse_day), help="A session, as 2022-06-27.", metavar="DATE")
]
EventId = Annotated[str, typer.Argument(help="A reconstitution, as 2022-06.", metavar="EVENT")]
Start = Annotated[
    date | None,
    typer.Option("--from", parser=typed(parse_day), help="First session.", metavar="D"),
]
End = Annotated[
    date | None, typer.Option("--to", parser=typed(parse_day), help="Last session.", metavar="D")
]
KnownAt = Annotated[
    datetime | None,
    typer.Option("--known-at", parser=typed(parse_moment), help="As published then.", metavar="T"),
]
Form = Annotated[Format, typer.Option("--format", help="A short table, or all rows.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write to this file.", metavar="FILE")]
Restating = Annotated[
    Restate | None,
    typer.Option("--restate", help="Whether corrections replace what was published."),
]
Person = Annotated[str, typer.Option("--person", help="Who decides; a role will do.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in a sentence.")]
IndexOption = Annotated[str, typer.Option("--index", help="The index.", metavar="INDEX")]


def settings_of(home: Path | None) -> Settings:
    """Read the settings in force.

    Raises:
        BadInputError: A setting is wrong.
    """
    try:
        return Settings() if home is None else Settings(home=home)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors())
        raise BadInputError(
            f"a setting is wrong: {wrong}",
            state="nothing was done",
            remedy="mend the R2K_ variable",
        ) from error


@contextmanager
def opened_store(home: Path | None) -> Iterator[Store]:
    """Open the store of a home, and close it again."""
    from r2k_pipeline.storage.store import open_store

    with open_store(settings_of(home)) as store:
        yield store


@contextmanager
def written_store(home: Path | None) -> Iterator[Store]:
    """Open the store of a home to land something, while nobody else lands or builds there."""
    from r2k_pipeline.orchestration.progress import WAITING
    from r2k_pipeline.storage.home import build_lock

    with (
        build_lock(settings_of(home).home, waiting=lambda: say(WAITING)),
        opened_store(home) as store,
    ):
        yield store
