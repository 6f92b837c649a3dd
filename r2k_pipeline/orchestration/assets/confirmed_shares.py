"""3b: the shares that are believed at an event, as assets read them.

Reads the sessions on which they were observed before; what is believed is
`methodology.confirmed_shares`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.confirmed_shares import (
    COUNT_COLUMNS,
    earlier_sessions,
    with_confirmed_shares,
)
from r2k_pipeline.rulebook.rules import rules_in_force

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.rulebook.schedule import Event


def confirmed(run: TableRun, universe: pl.DataFrame, event: Event) -> pl.DataFrame:
    """Put what earlier sessions showed in place of counts that only the eve shows.

    Args:
        run: The run that asks; what is read enters its input hash.
        universe: Contract `universe` from before the event on.
        event: The event in force.
    """
    rules = rules_in_force(event.rank_day)
    ranked, listed = earlier_sessions(event, rules)
    if not listed:
        return universe
    lines = universe["security_id"].unique()
    asked = pl.col("session").is_in([*ranked, *listed])
    return with_confirmed_shares(
        universe,
        run.read(
            "universe",
            start=ranked[0],
            end=listed[-1],
            columns=COUNT_COLUMNS,
            rows=asked & pl.col("security_id").is_in(lines.implode()),
        ),
        run.read(
            "corporate_actions",
            start=ranked[0],
            end=event.effective_session - timedelta(days=1),
        ),
        event=event,
        rules=rules,
    )
