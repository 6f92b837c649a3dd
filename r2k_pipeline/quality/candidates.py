"""Whether an event can be decided: the verdict on the companies in doubt on its rank day.

Pure: which companies those are is `methodology.doubtful_candidates`; this module
only counts them and puts the verdict into words. What happens then is the asset's.
"""

from __future__ import annotations

import polars as pl

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.errors import listed
from r2k_pipeline.methodology.doubtful_candidates import CandidateState, waiting
from r2k_pipeline.quality.outcome import SAMPLE_ROWS, CheckOutcome

CHECK_NAME = "no_candidate_is_in_doubt"
_SHOWN = 10


def candidates_outcome(table: str, event_id: str, doubts: pl.DataFrame) -> CheckOutcome:
    """Judge the rank day of an event: a candidate in doubt blocks, an unknown size warns.

    Args:
        table: The table whose event would be decided.
        event_id: The event.
        doubts: What `doubtful_candidates` returns.

    Returns:
        The outcome of `no_candidate_is_in_doubt`. Its rows are companies in doubt;
        failed, of severity `error`, if the event has to wait for one; failed, of
        severity `warn`, if only the sizes of some are unknown.

    Example:
        >>> doubts = pl.DataFrame({
        ...     "state": ["waits"], "company_id": ["C-B"], "symbol": ["BETA"],
        ...     "sentence": ["BETA (cap_without_history): $42.0 bn as received (rank 1)"],
        ... })
        >>> outcome = candidates_outcome("reconstitution", "2022-06", doubts)
        >>> outcome.severity.value, outcome.failed_by_partition
        ('error', {'2022-06': 1})
        >>> outcome.sentence
        '1 candidate is in doubt: BETA (cap_without_history): $42.0 bn as received (rank 1).'
    """
    blocking = waiting(doubts)
    unknown = doubts.filter(pl.col("state") == CandidateState.SIZE_UNKNOWN.value)
    failing = unknown if blocking.is_empty() else blocking
    return CheckOutcome(
        table=table,
        check_name=CHECK_NAME,
        severity=Severity.WARN if blocking.is_empty() else Severity.ERROR,
        is_passed=failing.is_empty(),
        evaluated_rows=doubts.height,
        failed_rows=failing.height,
        sentence=_sentence(blocking, unknown, doubts),
        sample=tuple(failing.head(SAMPLE_ROWS).to_dicts()),
        failed_by_partition={event_id: failing.height} if failing.height else {},
    )


def _sentence(blocking: pl.DataFrame, unknown: pl.DataFrame, doubts: pl.DataFrame) -> str:
    if blocking.height:
        told = listed(blocking.get_column("sentence").to_list(), _SHOWN)
        subject = "candidate is" if blocking.height == 1 else "candidates are"
        return f"{blocking.height:,} {subject} in doubt: {told}."
    if unknown.height:
        told = listed(unknown.get_column("symbol").to_list(), _SHOWN)
        return f"{unknown.height:,} of unknown size stay out: {told}."
    return f"No candidate is in doubt; {doubts.height:,} are left out or too small to matter."
