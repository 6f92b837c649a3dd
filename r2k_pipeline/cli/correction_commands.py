"""The commands about corrections: `r2k restatements` and `r2k override`.

What is asked is `queries.restatements`, what is written `orchestration.overrides`; both are
imported inside, as in the other commands.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from r2k_pipeline.cli.options import (
    End,
    Form,
    Home,
    KnownAt,
    Out,
    Person,
    Reason,
    Start,
    opened_store,
    typed,
)
from r2k_pipeline.queries.addressing import parse_day
from r2k_pipeline.reports.answers import answer, say
from r2k_pipeline.reports.tables import Format, terminal_table

SomeIndex = Annotated[
    str | None, typer.Argument(help="An index, as r2000; else all.", metavar="INDEX")
]
Page = Annotated[
    Path | None, typer.Option("--page", help="Write the report as HTML, too.", metavar="FILE")
]
_Day = typed(parse_day)


def restatements(
    index: SomeIndex = None,
    *,
    start: Start = None,
    end: End = None,
    known_at: KnownAt = None,
    page: Page = None,
    form: Form = Format.TABLE,
    out: Out = None,
    home: Home = None,
) -> None:
    """Report every correction of a published level, in basis points and by cause."""
    from r2k_pipeline.queries import restatements as query
    from r2k_pipeline.reports.files import write_file
    from r2k_pipeline.reports.restatement_report import restatement_page, restatement_parts

    with opened_store(home) as store:
        found = query.restatements(store, index, start=start, end=end, known_at=known_at)
    answer(found, restatement_parts(found), form=form, out=out)
    if page is not None:
        of = (index or "all indexes").upper()
        what = f"{of}, {start or 'the first session'} to {end or 'the last'}"
        say(f"written: {write_file(restatement_page(found, what=what), page)}")


override = typer.Typer(
    name="override", no_args_is_help=True, help="Values that a person sets, with a reason."
)


@override.command()
def add(
    field: Annotated[
        str,
        typer.Argument(
            help="close_usd, market_cap_usd, total_shares, country or exclusion.", metavar="FIELD"
        ),
    ],
    symbol: Annotated[str, typer.Argument(help="The ticker then, as AAPL.", metavar="SYMBOL")],
    value: Annotated[
        str, typer.Argument(help="A number, a country, or out (an exclusion).", metavar="VALUE")
    ],
    *,
    start: Annotated[date, typer.Option("--from", parser=_Day, help="First session.", metavar="D")],
    end: Annotated[
        date | None,
        typer.Option("--to", parser=_Day, help="Last session; else the first.", metavar="D"),
    ] = None,
    person: Person,
    reason: Reason,
    home: Home = None,
) -> None:
    """Set a value of a share line on some sessions; the next build applies it."""
    from r2k_pipeline.orchestration.overrides import Override, record_override

    wanted = Override(
        field=field,
        symbol=symbol,
        value=value,
        first=start,
        last=end or start,
        person=person,
        reason=reason,
    )
    with opened_store(home) as store:
        override_id = record_override(store, wanted, known_at=datetime.now(tz=UTC))
    say(f"override {override_id} recorded; `r2k build --from {start}` applies it")


@override.command("list")
def list_overrides(*, form: Form = Format.TABLE, out: Out = None, home: Home = None) -> None:
    """List every override, withdrawn or not."""
    from r2k_pipeline.queries import restatements as query

    with opened_store(home) as store:
        found = query.overrides(store)
    shown = found.select(
        "override_id", "field", "symbol", "value", "first_session", "last_session", "person",
        stands=found["withdrawn_at"].is_null(),
    )  # fmt: skip
    answer(found, [terminal_table(shown, title="Overrides")], form=form, out=out)


@override.command()
def withdraw(
    override_id: Annotated[str, typer.Argument(help="As `override list` names it.", metavar="ID")],
    *,
    person: Person,
    reason: Reason,
    home: Home = None,
) -> None:
    """Withdraw an override; the next build goes back to what was received."""
    from r2k_pipeline.orchestration.overrides import withdraw_override

    with opened_store(home) as store:
        first = withdraw_override(
            store, override_id, person=person, reason=reason, known_at=datetime.now(tz=UTC)
        )
    say(f"override {override_id} withdrawn; `r2k build --from {first}` takes it out again")
