"""How an answer leaves a command: tables for people, bytes for machines, a file.

People get tables on standard output, machines all rows in the format they name;
what is said besides goes to standard error. Add here where an answer can go;
what it looks like is `tables` and `terminal`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.reports.files import write_file
from r2k_pipeline.reports.tables import Format, encoded, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    import polars as pl
    from rich.console import RenderableType


_SAID = 10


def say(words: str) -> None:
    """Tell the person at the terminal something that is no part of the answer."""
    for part in words.expandtabs(4).splitlines():
        sys.stderr.write(plain(part) + "\n")


def say_some(items: Sequence[object], shown: int = _SAID) -> None:
    """Tell the first items, one a line, and count the rest."""
    for item in items[:shown]:
        say(f"  {item}")
    if len(items) > shown:
        say(f"  and {len(items) - shown:,} more")


def show(parts: Iterable[RenderableType]) -> None:
    """Print for people."""
    console = Console()
    for part in parts:
        console.print(part)


def answer(
    frame: pl.DataFrame,
    parts: Iterable[RenderableType],
    *,
    form: Format,
    out: Path | None,
    document: bytes | None = None,
) -> None:
    """Give an answer where it is wanted.

    Args:
        frame: All rows, for machines.
        parts: What people see.
        form: `table` prints `parts`; the others write `frame`.
        out: Write `frame` to this file instead; without a format its name's
            ending decides.
        document: What JSON is, where rows would not do.

    Raises:
        BadInputError: The file names no known format or cannot be written, or
            Parquet would go to a terminal.
    """
    if out is not None:
        wanted = form if form is not Format.TABLE else format_of(out)
        say(f"written: {write_file(_bytes(frame, wanted, document), out)}")
    elif form is Format.TABLE:
        show(parts)
    elif form is Format.PARQUET and sys.stdout.isatty():
        raise BadInputError(
            "Parquet is not readable in a terminal",
            state="nothing was printed",
            remedy="add --out FILE, or send the output to a file",
        )
    else:
        sys.stdout.buffer.write(_bytes(frame, form, document))
        sys.stdout.buffer.flush()


def _bytes(frame: pl.DataFrame, form: Format, document: bytes | None) -> bytes:
    if form is Format.JSON and document is not None:
        return document
    return encoded(frame, form)


def format_of(path: Path) -> Format:
    """Read the format off a file's name.

    Raises:
        BadInputError: The name ends in no known format.

    Example:
        >>> from pathlib import Path
        >>> format_of(Path("members.CSV"))
        <Format.CSV: 'csv'>
    """
    suffix = path.suffix.lstrip(".").lower()
    if suffix in {Format.CSV, Format.JSON, Format.PARQUET}:
        return Format(suffix)
    raise BadInputError(
        f"no format is named for {path}",
        state="nothing was written",
        remedy="end the name in .csv, .json or .parquet, or add --format",
    )


class Bar:
    """A progress bar on standard error; silent where nobody watches.

    It is called as `orchestration.progress.Progress` says: steps done, steps in
    all, what is being done.
    """

    def __init__(self, title: str) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[title]}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[what]}", markup=False),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("", total=None, title=title, what="")

    def __call__(self, done: int, total: int, what: str) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=done, total=total, what=plain(what))

    def __enter__(self) -> Self:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        self._progress.stop()
