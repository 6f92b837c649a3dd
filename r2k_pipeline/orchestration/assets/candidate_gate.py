"""The gate before an event: no candidate near a breakpoint may be in doubt on its rank day.

Records the verdict on the companies in doubt, and stops the event if it has to wait for
one. Which doubts are grave, and which the later sessions settle, is
`methodology.doubtful_candidates`' to say; a person settles one in the rulebook's reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.errors import UndecidedEventError
from r2k_pipeline.methodology.doubtful_candidates import waiting
from r2k_pipeline.quality.candidates import candidates_outcome

if TYPE_CHECKING:
    import polars as pl

    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.rulebook.schedule import Event


def require_decidable(run: TableRun, event: Event, doubts: pl.DataFrame) -> None:
    """Judge the companies in doubt on a rank day, and record the verdict.

    Args:
        run: The run that is about to decide the event.
        event: The event.
        doubts: What `doubtful_candidates` returns for it.

    Raises:
        UndecidedEventError: A candidate is in doubt; names all of them and their values.
    """
    outcome = candidates_outcome(run.table, event.event_id, doubts)
    run.record(outcome, event)
    if not outcome.is_passed and outcome.severity is Severity.ERROR:
        raise UndecidedEventError(event.event_id, waiting(doubts)["sentence"].to_list())
