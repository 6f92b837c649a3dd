"""`r2k quarantine`: rows that a rule held back, released or rejected by a person.

What is held is `queries.quarantine`, what is decided `orchestration.quarantine`; both are
imported inside, as in the other commands.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import uuid4

import typer

from r2k_pipeline.cli.options import (
    End,
    Form,
    Home,
    Out,
    Person,
    Reason,
    Start,
    opened_store,
    settings_of,
)
from r2k_pipeline.queries.addressing import require_order
from r2k_pipeline.reports.answers import Bar, answer, say
from r2k_pipeline.reports.tables import Format, terminal_table

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from r2k_pipeline.orchestration.quarantine import Decision

RowId = Annotated[str, typer.Argument(help="As `quarantine list` names it.", metavar="ID")]
NoBuild = Annotated[
    bool, typer.Option("--no-build", help="Only put the row back; the next build applies it.")
]

quarantine = typer.Typer(
    name="quarantine", no_args_is_help=True, help="Rows that a rule held back, and what to do."
)


@quarantine.command("list")
def list_rows(
    *,
    table: Annotated[str | None, typer.Option("--table", help="Only of this table.")] = None,
    state: Annotated[
        Literal["held", "released", "rejected"] | None,
        typer.Option("--state", help="Only in this state."),
    ] = None,
    check: Annotated[str | None, typer.Option("--check", help="Only by this rule.")] = None,
    start: Start = None,
    end: End = None,
    form: Form = Format.TABLE,
    out: Out = None,
    home: Home = None,
) -> None:
    """List rows that were held back, decided on or not."""
    from r2k_pipeline.queries import quarantine as query

    require_order(start, end)
    with opened_store(home) as store:
        found = query.quarantine(store, table=table, state=state, check=check, start=start, end=end)
    shown = found.select("quarantine_id", "state", "table_name", "row_key", "checks", "person")
    answer(found, [terminal_table(shown, title="Quarantine")], form=form, out=out)


@quarantine.command()
def release(
    row_id: RowId, *, person: Person, reason: Reason, no_build: NoBuild = False, home: Home = None
) -> None:
    """Put a held row into its table, and build again whatever it touches."""
    from r2k_pipeline.orchestration.quarantine import release as put_back

    with opened_store(home) as store:
        day = put_back(store, _decision(row_id, person, reason))
        last = store.lake.sessions("universe")[-1:]
    say(f"row {row_id} released: it stands on {day}")
    if not last or last[0] < day or no_build:
        say(f"`r2k build` applies it from {day} on")
        return
    _rebuild(home, day, last[0])


@quarantine.command()
def reject(row_id: RowId, *, person: Person, reason: Reason, home: Home = None) -> None:
    """Keep a held row out for good, also when it is received again."""
    from r2k_pipeline.orchestration.quarantine import reject as keep_out

    with opened_store(home) as store:
        keep_out(store, _decision(row_id, person, reason))
    say(f"row {row_id} rejected: it stays out")


def _decision(row_id: str, person: str, reason: str) -> Decision:
    from r2k_pipeline.orchestration.quarantine import Decision

    return Decision(
        quarantine_id=row_id,
        person=person,
        reason=reason,
        run_id=uuid4().hex,
        known_at=datetime.now(tz=UTC),
    )


def _rebuild(home: Path | None, first: date, last: date) -> None:
    from r2k_pipeline.orchestration.build import build

    with Bar("build") as bar:
        built = build(settings_of(home), first, last, progress=bar)
    for stage in built.stages:
        say(f"{stage.job}: {stage.first_key} to {stage.last_key}")
    say(built.note)
