"""The commands about events: what one decided, what one would decide, and what if.

`r2k reconstitution`, `r2k proforma` and `r2k counterfactual`. What is asked is `queries`, what
it looks like `reports`; both are imported inside, as in the other commands.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from r2k_pipeline.cli.options import (
    End,
    EventId,
    Form,
    Home,
    KnownAt,
    Out,
    Session,
    Start,
    opened_store,
)
from r2k_pipeline.errors import BadInputError
from r2k_pipeline.queries.addressing import require_order
from r2k_pipeline.queries.event_table_names import EventTable
from r2k_pipeline.reports.answers import answer, say
from r2k_pipeline.reports.tables import Format

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import polars as pl

    from r2k_pipeline.storage.store import Store

Changes = Annotated[bool, typer.Option("--changes", help="The same as --table changes.")]
WantedTable = Annotated[
    EventTable | None, typer.Option("--table", help="One table in full, in place of the summary.")
]
Tracked = Annotated[
    list[str] | None,
    typer.Option(
        "--tracked-usd",
        help="What tracks an index, for --table desk: 12bn is of r2000, r1000=30bn of another; "
        "again for more. Else r2000=10bn.",
        metavar="AMOUNT",
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option("--plot", help="Write odds and their reliability as HTML.", metavar="FILE"),
]
Lag = Annotated[
    int, typer.Option("--lag", min=1, help="Sessions from a rank day to its effective session.")
]


def reconstitution(
    event: EventId,
    *,
    table: WantedTable = None,
    changes: Changes = False,
    tracked: Tracked = None,
    known_at: KnownAt = None,
    form: Form = Format.TABLE,
    out: Out = None,
    home: Home = None,
) -> None:
    """Show what an event decided: a summary, or with --table one of its tables in full."""
    from r2k_pipeline.queries.reconstitution import reconstitution_summary
    from r2k_pipeline.reports.terminal import summary_parts

    wanted = EventTable.CHANGES if changes and table is None else table
    if tracked and wanted is not EventTable.DESK:
        raise typer.BadParameter("--tracked-usd belongs to --table desk")
    with opened_store(home) as store:
        if wanted is None:
            summary = reconstitution_summary(store, event, known_at=known_at)
            answer(summary.boundaries, summary_parts(summary), form=form, out=out)
        else:
            _one_table(store, event, wanted, tracked or (), known_at, form, out)


def _one_table(
    store: Store,
    event: str,
    table: EventTable,
    tracked: Sequence[str],
    known_at: datetime | None,
    form: Format,
    out: Path | None,
) -> None:
    from r2k_pipeline.queries.desk import parse_tracked
    from r2k_pipeline.queries.event_tables import event_table
    from r2k_pipeline.reports.event_terminal import table_parts

    try:
        amounts = parse_tracked(tracked, store.family)
    except BadInputError as error:
        raise typer.BadParameter(error.culprit) from error
    found: pl.DataFrame = event_table(store, event, table, tracked_usd=amounts, known_at=known_at)
    parts = table_parts(found, table, event_id=event, tracked_usd=amounts)
    answer(found, parts, form=form, out=out)


def proforma(
    session: Session,
    *,
    plot: Plot = None,
    known_at: KnownAt = None,
    form: Form = Format.TABLE,
    out: Out = None,
    home: Home = None,
) -> None:
    """Reconstitute as if a session were the rank day, with the odds by the real one."""
    from r2k_pipeline.queries import proforma as query
    from r2k_pipeline.queries.reconstitution import movers
    from r2k_pipeline.reports.event_terminal import odds_parts
    from r2k_pipeline.reports.terminal import proforma_parts

    with opened_store(home) as store:
        found = query.proforma(store, session, known_at=known_at)
    parts = [*proforma_parts(found, moved=movers(found.companies)), *odds_parts(found.odds)]
    answer(found.companies, parts, form=form, out=out)
    if plot is not None:
        from r2k_pipeline.reports.files import write_file
        from r2k_pipeline.reports.odds_report import odds_page

        say(f"written: {write_file(odds_page(found), plot)}")


def counterfactual(
    *,
    start: Start = None,
    end: End = None,
    lag: Lag = 40,
    form: Form = Format.TABLE,
    out: Out = None,
    home: Home = None,
) -> None:
    """Keep the indexes in other ways over the same years: schedules against bands."""
    from r2k_pipeline.queries import scenarios as query
    from r2k_pipeline.reports.event_terminal import counterfactual_parts

    require_order(start, end)
    with opened_store(home) as store:
        found = query.counterfactual(store, start=start, end=end, lag_sessions=lag)
    answer(found.scenarios, counterfactual_parts(found), form=form, out=out)
