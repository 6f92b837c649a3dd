"""`r2k report`: files for people, written where they are told or into the home.

What is in a report is `reports`; here stand the options of each.
"""

from __future__ import annotations

from typing import Annotated

import typer

from r2k_pipeline.cli.options import End, Home, IndexOption, KnownAt, Out, Start, opened_store
from r2k_pipeline.queries.addressing import require_order

report = typer.Typer(
    name="report",
    no_args_is_help=True,
    help="Write a factsheet, a reconstitution report, or the Data Docs of the checks.",
)


@report.command()
def factsheet(
    *,
    index: IndexOption = "r2000",
    known_at: KnownAt = None,
    out: Out = None,
    home: Home = None,
) -> None:
    """Write the factsheet of an index, one self-contained HTML file."""
    from r2k_pipeline.reports.publishing import write_factsheet

    with opened_store(home) as store:
        path = write_factsheet(store, index, known_at=known_at, path=out)
    typer.echo(path)


@report.command()
def reconstitution(
    *,
    event: Annotated[
        str | None, typer.Option("--event", help="The event; else the last.", metavar="E")
    ] = None,
    known_at: KnownAt = None,
    out: Out = None,
    home: Home = None,
) -> None:
    """Write the report of a reconstitution, one self-contained HTML file."""
    from r2k_pipeline.reports.publishing import write_reconstitution_report

    with opened_store(home) as store:
        path = write_reconstitution_report(store, event, known_at=known_at, path=out)
    typer.echo(path)


@report.command()
def quality(
    *,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", help="One table, again for more; else all.", metavar="T"),
    ] = None,
    start: Start = None,
    end: End = None,
    out: Out = None,
    home: Home = None,
) -> None:
    """Write Great Expectations' Data Docs of what stands: a folder that opens offline.

    Without a range it is about the last session.
    """
    from r2k_pipeline.reports.quality_docs import write_quality_docs

    require_order(start, end)
    with opened_store(home) as store:
        path = write_quality_docs(store, names=table or (), start=start, end=end, folder=out)
    typer.echo(path)
