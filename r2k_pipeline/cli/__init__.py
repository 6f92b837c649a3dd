"""The `r2k` command: one function a command, and how answers and errors leave it.

A command parses what was typed, asks a query or starts the pipeline, and prints.
What is computed lives in `queries`, what it looks like in `reports`. Whatever
a command needs is imported inside it: Dagster, Altair and the storage engines
are slow to load, and `r2k --help` should not wait for them.

Exit codes: 0 success, 1 the input or a check says no, 2 bad usage, 130 interrupted.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer
from typer.core import TyperGroup

from r2k_pipeline.cli.correction_commands import override, restatements
from r2k_pipeline.cli.event_commands import counterfactual, proforma, reconstitution
from r2k_pipeline.cli.fidelity_command import fidelity
from r2k_pipeline.cli.float_command import FLOAT, ingest_floats
from r2k_pipeline.cli.gym_command import gym
from r2k_pipeline.cli.maintain_command import maintain
from r2k_pipeline.cli.options import (
    End,
    EventId,
    Form,
    Home,
    Index,
    IndexOption,
    KnownAt,
    Out,
    Restating,
    Session,
    Start,
    opened_store,
    settings_of,
    written_store,
)
from r2k_pipeline.cli.quarantine_command import quarantine
from r2k_pipeline.cli.report_command import report
from r2k_pipeline.cli.rulebook import rulebook
from r2k_pipeline.errors import ContractViolationError, R2kError
from r2k_pipeline.queries.addressing import require_order
from r2k_pipeline.reports.answers import Bar, answer, say, say_some, show
from r2k_pipeline.reports.tables import Format, last_rows, members_table, terminal_table
from r2k_pipeline.sources.truth.formats import TRUTH_FORMATS

if TYPE_CHECKING:
    from r2k_pipeline.settings import Settings
    from r2k_pipeline.sources.feed import Source
    from r2k_pipeline.storage.store import Store

_DEMO_HOME = Path(".r2k-demo")


class _Command(TyperGroup):
    """The command as a whole: an error of ours ends it with three lines and exit code 1."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except R2kError as error:
            say(str(error))
            raise typer.Exit(1) from error


app = typer.Typer(
    name="r2k",
    cls=_Command,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Universe, ranking, reconstitution, levels and signals of a Russell-2000-style family.",
)


@app.command()
def members(
    index: Index,
    session: Session,
    *,
    known_at: KnownAt = None,
    form: Form = Format.TABLE,
    out: Out = None,
    home: Home = None,
) -> None:
    """List the members of an index at the open of a session."""
    from r2k_pipeline.queries import members as query

    with opened_store(home) as store:
        found = query.members(store, index, session, known_at=known_at)
    title = f"{index.upper()} at the open of {session}"
    answer(found, [members_table(found, title=title)], form=form, out=out)


@app.command()
def levels(
    index: Index,
    *,
    start: Start = None,
    end: End = None,
    known_at: KnownAt = None,
    form: Form = Format.TABLE,
    out: Out = None,
    home: Home = None,
) -> None:
    """Show the levels of an index; the table shows the last sessions."""
    from r2k_pipeline.queries import levels as query
    from r2k_pipeline.reports.terminal import levels_parts

    with opened_store(home) as store:
        found = query.levels(store, index, start=start, end=end, known_at=known_at)
    answer(found, levels_parts(found, f"{index.upper()} levels"), form=form, out=out)


@app.command()
def explain(
    symbol: Annotated[str, typer.Argument(help="A ticker, as AAPL.", metavar="SYMBOL")],
    event: EventId,
    *,
    known_at: KnownAt = None,
    form: Form = Format.TABLE,
    out: Out = None,
    home: Home = None,
) -> None:
    """Explain why a company is where it is, and what would have changed it."""
    from r2k_pipeline.queries import explain as query
    from r2k_pipeline.reports.why_card import why_document, why_frame, why_parts

    with opened_store(home) as store:
        card = query.explain(store, symbol, event, known_at=known_at)
    document = why_document(card)
    answer(why_frame(card), why_parts(card), form=form, out=out, document=document)


@app.command()
def signals(
    name: Annotated[str | None, typer.Argument(help="One signal; else all.")] = None,
    *,
    index: IndexOption = "r2000",
    start: Start = None,
    end: End = None,
    known_at: KnownAt = None,
    form: Form = Format.TABLE,
    out: Out = None,
    home: Home = None,
) -> None:
    """Show the values and positions of the signals on an index."""
    from r2k_pipeline.queries import signals as query

    with opened_store(home) as store:
        found = query.signals(store, name, index_id=index, start=start, end=end, known_at=known_at)
    answer(found, last_rows(found, f"signals on {index.upper()}"), form=form, out=out)


@app.command()
def verify(
    *,
    start: Start = None,
    end: End = None,
    known_at: KnownAt = None,
    form: Form = Format.TABLE,
    out: Out = None,
    home: Home = None,
) -> None:
    """Recompute every published level from constituents and ledger; exit 1 on any difference."""
    from r2k_pipeline.queries import verification as query

    with opened_store(home) as store:
        found = query.verify(store, start=start, end=end, known_at=known_at)
    answer(found.indexes, [terminal_table(found.indexes, title="Verified")], form=form, out=out)
    first = query.first_difference(found)
    if first is not None:
        raise R2kError(
            f"{found.differences.height:,} published numbers differ; the first: {first}",
            state="nothing was changed",
            remedy="build these sessions again with `r2k build`, then verify again",
        )


@app.command()
def doctor(*, form: Form = Format.TABLE, out: Out = None, home: Home = None) -> None:
    """Show settings, versions, database, calendar horizon, disk and tables."""
    from r2k_pipeline.queries.health import health

    found = health(settings_of(home), today=datetime.now(tz=UTC).date())
    answer(found, [terminal_table(found, title="r2k doctor", rows=None)], form=form, out=out)
    ill = found.filter(~found["is_well"])
    if not ill.is_empty():
        raise R2kError(
            "not well: " + "; ".join(f"{row['item']}: {row['value']}" for row in ill.to_dicts()),
            state="nothing was changed",
            remedy="; ".join(ill["remedy"]),
        )


@app.command()
def ingest(
    source: Annotated[str, typer.Argument(help="synthetic, us-stock-symbols or float.")],
    *,
    path: Annotated[str | None, typer.Option("--path", help="File, folder or URL.")] = None,
    start: Start = None,
    end: End = None,
    accept_short: Annotated[
        bool,
        typer.Option("--accept-short", help="Land also sessions that lack much of an exchange."),
    ] = False,
    home: Home = None,
) -> None:
    """Land the raw sessions of a source, or a file of float factors; again lands what is new."""
    from r2k_pipeline.sources.registry import open_source

    require_order(start, end)
    if source == FLOAT:
        ingest_floats(path, start=start, end=end, home=home)
        return
    with written_store(home) as store, open_source(source, path) as feed:
        _land(store, feed, start=start, end=end, accept_short=accept_short)


def _land(
    store: Store,
    feed: Source,
    *,
    start: date | None = None,
    end: date | None = None,
    accept_short: bool = False,
) -> None:
    from r2k_pipeline.orchestration.landing import land

    now, run_id = datetime.now(tz=UTC), uuid4().hex
    with Bar(f"ingest {feed.name}") as bar:
        landed = land(
            store, feed, start, end,
            run_id=run_id, known_at=now, accept_short=accept_short, progress=bar,
        )  # fmt: skip
    new, old = len(landed.landed), len(landed.unchanged)
    say(
        f"{feed.name}: {new:,} sessions landed, {landed.rows:,} rows; {old:,} stood already; "
        f"{len(landed.refused):,} refused"
    )
    say_some(landed.refused)
    say_some(landed.evidence)
    if landed.refused and not new + old:
        days = f"{landed.refused[0].session}..{landed.refused[-1].session}"
        raise ContractViolationError("raw_listings", days, [str(one) for one in landed.refused])


@app.command()
def build(
    *,
    start: Start = None,
    end: End = None,
    incumbents: Annotated[
        Path | None,
        typer.Option(
            "--incumbents",
            help="CSV symbol,index: the members at the first open; the first event bands them.",
            metavar="FILE",
        ),
    ] = None,
    restate: Restating = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes.")] = 1,
    home: Home = None,
) -> None:
    """Materialize every asset for a range through Dagster; again goes on where it stopped."""
    require_order(start, end)
    settings = settings_of(home)
    if restate is not None:
        settings = settings.model_copy(update={"restate": restate})
    _build(settings, start=start, end=end, incumbents=incumbents, workers=workers)


def _build(
    settings: Settings,
    *,
    start: date | None = None,
    end: date | None = None,
    incumbents: Path | None = None,
    workers: int = 1,
) -> None:
    from r2k_pipeline.orchestration.build import build as materialize

    with Bar("build") as bar:
        built = materialize(
            settings, start, end, incumbents=incumbents, workers=workers, progress=bar
        )
    for stage in built.stages:
        again = ": nothing had changed" if stage.is_reused else ""
        say(f"{stage.job}: {stage.first_key} to {stage.last_key}{again}")
    say(built.note)


@app.command()
def demo(
    *,
    home: Home = None,
    years: Annotated[int, typer.Option("--years", min=1, help="Junes after the first.")] = 2,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another one, another market.")] = 2000,
) -> None:
    """Make a synthetic market and run the whole pipeline on it; into ./.r2k-demo if not told."""
    from r2k_pipeline.reports.demo import demo_parts
    from r2k_pipeline.sources.synthetic.parameters import demo_market
    from r2k_pipeline.sources.synthetic.source import SyntheticSource

    settings = settings_of(home)
    if "home" not in settings.model_fields_set:
        settings = settings_of(_DEMO_HOME)
    market = demo_market(years=years, seed=seed)
    with written_store(settings.home) as store, SyntheticSource(market) as feed:
        _land(store, feed)
        _build(settings)
        show(demo_parts(store, home_option=f" --home {settings.home}"))


@app.command()
def ui(
    *, port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 3000, home: Home = None
) -> None:
    """Serve the Dagster UI on 127.0.0.1, with its daemon; Ctrl-C ends both."""
    from r2k_pipeline.orchestration.ui import LOOPBACK, ui_command

    command, environment = ui_command(settings_of(home), port)
    say(f"http://{LOOPBACK}:{port}")
    # This process becomes Dagster's, so that Ctrl-C reaches it and ends what it started.
    os.execve(command[0], command, environment)  # noqa: S606 - our own interpreter, no shell


app.command()(reconstitution)
app.command()(proforma)
app.command()(counterfactual)
app.command(help=TRUTH_FORMATS)(fidelity)
app.command()(restatements)
app.command()(gym)
app.command()(maintain)
app.add_typer(override)
app.add_typer(quarantine)
app.add_typer(report)
app.add_typer(rulebook)


def main() -> None:
    """Run the command."""
    app()
