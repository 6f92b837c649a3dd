"""`r2k maintain`: what is kept without being needed, and its removal.

What may go is decided by `storage.retention`; this only asks and prints.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from r2k_pipeline.cli.options import Form, Home, Out, opened_store
from r2k_pipeline.reports.answers import answer, say
from r2k_pipeline.reports.tables import Format, terminal_table


def maintain(
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; else only tell.")] = False,
    keep_days: Annotated[
        int, typer.Option("--keep-days", min=1, help="Days of superseded snapshots.")
    ] = 30,
    archive_days: Annotated[
        int | None,
        typer.Option(
            "--archive-days",
            min=1,
            help="Days of received bytes that no row names; else they stay for ever.",
        ),
    ] = None,
    form: Form = Format.TABLE,
    out: Out = None,
    home: Home = None,
) -> None:
    """Fold small files, let go of old snapshots, collect files that nothing names."""
    from r2k_pipeline.storage.retention import RetentionPolicy, retain

    policy = RetentionPolicy(
        snapshots=timedelta(days=keep_days),
        received_bytes=None if archive_days is None else timedelta(days=archive_days),
    )
    with opened_store(home) as store:
        found = retain(store, now=datetime.now(tz=UTC), policy=policy, is_applied=apply)
    title = "What was done" if apply else "What would be done"
    parts = [] if found.is_empty() else [terminal_table(found, title=title, rows=None)]
    answer(found, parts, form=form, out=out)
    if found.is_empty():
        say("nothing has had its time")
    elif not apply:
        say("nothing was changed; `r2k maintain --apply` does it")
