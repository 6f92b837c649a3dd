"""The gate before an event: no candidate's size may be in doubt on its rank day.

Reads the rank day and the sessions that show last sound sizes, records the verdict, and
stops the event if there is a doubt. Which doubts are grave is `methodology.doubtful_candidates`'
to say; a doubt is settled in the rulebook's reference.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.errors import UndecidedEventError
from r2k_pipeline.methodology.doubtful_candidates import (
    CONTEXT_SESSIONS,
    READ,
    doubtful_candidates,
    waiting,
)
from r2k_pipeline.publication import EventKeys, record_verdicts
from r2k_pipeline.quality.candidates import candidates_outcome
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.sessions import sessions_before

if TYPE_CHECKING:
    import polars as pl

    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.rulebook.schedule import Event


def require_decidable(
    run: TableRun, event: Event, ranking: pl.DataFrame, settled: pl.DataFrame
) -> None:
    """Judge the companies in doubt on a rank day, and record the verdict.

    Args:
        run: The run that is about to decide the event.
        event: The event.
        ranking: Contract `ranking`, the rank day.
        settled: What persons decided: `reference_facts.settled_doubt_facts`.

    Raises:
        UndecidedEventError: A candidate is in doubt; names all of them and their values.
    """
    day = event.rank_day
    first = next(iter(sessions_before(day, CONTEXT_SESSIONS)), day)
    doubts = doubtful_candidates(
        run.read("universe", start=first, end=day, columns=READ),
        ranking,
        rank_day=day,
        settled=settled,
        rules=rules_in_force(day),
    )
    outcome = candidates_outcome(run.table, event.event_id, doubts)
    run.outcomes.append(outcome)
    record_verdicts(
        run.store,
        run.table,
        [outcome],
        partitions=EventKeys((event.event_id,)),
        run_id=run.run_id,
        known_at=datetime.now(UTC),
    )
    if not outcome.is_passed and outcome.severity is Severity.ERROR:
        raise UndecidedEventError(event.event_id, waiting(doubts)["sentence"].to_list())
