"""`r2k rulebook show` and `r2k rulebook diff`: what the rules are, and what changed.

What is asked is `queries.rulebook_diff` and `queries.rulebook_effect`. Only the effect of
rules on an event needs a store.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from r2k_pipeline.cli.options import Form, Home, Out, opened_store, typed
from r2k_pipeline.reports.answers import answer
from r2k_pipeline.reports.tables import Format, terminal_table


def _rule_day(text: str) -> date:
    # What reads rules loads Polars, and help must not wait for it.
    from r2k_pipeline.queries.rulebook_diff import parse_rule_day

    return parse_rule_day(text)


_DAY_HELP = "A day, as 2022-08-12, or a year: the rules that its June event applies."
RuleDay = Annotated[date, typer.Argument(parser=typed(_rule_day), help=_DAY_HELP, metavar="DAY")]
OtherDay = Annotated[date, typer.Argument(parser=typed(_rule_day), help="Another.", metavar="DAY")]
Effect = Annotated[
    str | None,
    typer.Option(
        "--effect", help="Whom of this event the other rules would move.", metavar="EVENT"
    ),
]

# What fits a terminal; the machine formats have every column.
_SHOWN = ("rule", "value", "since", "certainty")
_CHANGED = ("rule", "before", "after", "since", "certainty")
_MOVED = (
    "symbol",
    "name",
    "rank_before",
    "rank_after",
    "segment_before",
    "segment_after",
    "indexes_before",
    "indexes_after",
)

rulebook = typer.Typer(
    name="rulebook", no_args_is_help=True, help="The rules in force on a day, and what changed."
)


@rulebook.command()
def show(day: RuleDay, *, form: Form = Format.TABLE, out: Out = None) -> None:
    """Show every rule in force on a day, with its source."""
    from r2k_pipeline.queries.rulebook_diff import rules_on

    found = rules_on(day)
    tables = [terminal_table(found.select(_SHOWN), title=f"Rules of {day}", rows=None)]
    answer(found, tables, form=form, out=out)


@rulebook.command()
def diff(
    before: RuleDay,
    after: OtherDay,
    *,
    effect: Effect = None,
    form: Form = Format.TABLE,
    out: Out = None,
    home: Home = None,
) -> None:
    """Show what changed between two days; with --effect, whom that would move."""
    if effect is None:
        from r2k_pipeline.queries.rulebook_diff import rules_changed

        found = rules_changed(before, after)
        title = f"Rules of {after} against those of {before}"
        shown = found.select(_CHANGED)
    else:
        from r2k_pipeline.queries.rulebook_effect import rules_effect

        with opened_store(home) as store:
            found = rules_effect(store, effect, before=before, after=after)
        title = f"{effect} by the rules of {after} against those of {before}"
        shown = found.select(_MOVED)
    answer(found, [terminal_table(shown, title=title)], form=form, out=out)
