"""`r2k fidelity`: how close we are to the real thing, by files that the user has.

Reads, compares, keeps the values and prints. How a file is read is `sources.truth`, what is
compared `queries.fidelity`, what it looks like `reports.fidelity_terminal` and `fidelity_report`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from r2k_pipeline.cli.options import Form, Home, opened_store, typed
from r2k_pipeline.queries.addressing import parse_day, require_index
from r2k_pipeline.reports.answers import answer, say, show
from r2k_pipeline.reports.tables import Format
from r2k_pipeline.rulebook.family import family

Truth = Annotated[
    Path, typer.Option("--truth", help="Folder of CSV files, or one file.", metavar="DIR")
]
ListSession = Annotated[
    date | None,
    typer.Option(
        "--session", parser=typed(parse_day), help="Of lists that name none.", metavar="D"
    ),
]
ListIndex = Annotated[
    str | None, typer.Option("--index", help="Of files that name none.", metavar="INDEX")
]
Names = Annotated[bool, typer.Option("--names", help="List every line that differs, with why.")]
ReportFile = Annotated[
    Path | None,
    typer.Option("--out", help="The report; else fidelity.html in the home.", metavar="FILE"),
]


def fidelity(
    *,
    truth: Truth,
    session: ListSession = None,
    index: ListIndex = None,
    names: Names = False,
    form: Form = Format.TABLE,
    out: ReportFile = None,
    home: Home = None,
) -> None:
    """Compare with files of the real thing; what help says of them is `TRUTH_FORMATS`."""
    from r2k_pipeline.queries import fidelity as query
    from r2k_pipeline.queries.fidelity_rows import TABLE, fidelity_rows
    from r2k_pipeline.reports import fidelity_terminal as terminal
    from r2k_pipeline.reports.publishing import write_fidelity_report
    from r2k_pipeline.sources.truth.folder import read_truth

    index_id = None if index is None else require_index(index, family()).index_id
    files = read_truth(truth, session=session, index_id=index_id)
    now = datetime.now(tz=UTC)
    with opened_store(home) as store:
        found = query.fidelity(store, files)
        rows = fidelity_rows(found, run_id=uuid4().hex, measured_at=now)
        store.published.append(TABLE, rows)
        path = write_fidelity_report(store, found, measured_at=now, path=out)
    if names and form is not Format.TABLE:
        answer(terminal.named_frame(found), [], form=form, out=None)
    else:
        answer(rows, terminal.fidelity_parts(found), form=form, out=None)
        if names:
            show(terminal.names_parts(found))
    say(f"report: {path}")
