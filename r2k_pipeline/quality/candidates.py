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
_WARNED = {
    CandidateState.SIZE_UNKNOWN: "of unknown size stay out",
    CandidateState.SIZE_ASSUMED: "of assumed size are ranked",
}
_NOTED = {
    CandidateState.SETTLED_LATER: "settled by later sessions",
    CandidateState.LEFT_OUT: "left out by a person",
    CandidateState.TOO_SMALL: "too small to matter",
}


def candidates_outcome(table: str, event_id: str, doubts: pl.DataFrame) -> CheckOutcome:
    """Judge the rank day of an event: a candidate in doubt blocks, an open size warns.

    Args:
        table: The table whose event would be decided.
        event_id: The event.
        doubts: What `doubtful_candidates` returns.

    Returns:
        The outcome of `no_candidate_is_in_doubt`. Its rows are companies in doubt;
        failed, of severity `error`, if the event has to wait for one; failed, of
        severity `warn`, if the sizes of some are unknown or assumed. What a later
        session settled, a person left out, or is too small is told and fails nothing.

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
    warned = doubts.filter(pl.col("state").is_in([state.value for state in _WARNED]))
    failing = warned if blocking.is_empty() else blocking
    return CheckOutcome(
        table=table,
        check_name=CHECK_NAME,
        severity=Severity.WARN if blocking.is_empty() else Severity.ERROR,
        is_passed=failing.is_empty(),
        evaluated_rows=doubts.height,
        failed_rows=failing.height,
        sentence=_sentence(blocking, doubts),
        sample=tuple(failing.head(SAMPLE_ROWS).to_dicts()),
        failed_by_partition={event_id: failing.height} if failing.height else {},
    )


def _sentence(blocking: pl.DataFrame, doubts: pl.DataFrame) -> str:
    if blocking.height:
        told = listed(blocking.get_column("sentence").to_list(), _SHOWN)
        subject = "candidate is" if blocking.height == 1 else "candidates are"
        return f"{blocking.height:,} {subject} in doubt: {told}."
    parts = []
    for state, meaning in _WARNED.items():
        symbols = _symbols(doubts, state)
        parts += [f"{len(symbols):,} {meaning}: {listed(symbols, _SHOWN)}"] if symbols else []
    for state, meaning in _NOTED.items():
        symbols = _symbols(doubts, state)
        parts += [f"{len(symbols):,} {meaning}"] if symbols else []
    return f"No candidate is in doubt; {'; '.join(parts) or 'nothing was'}."


def _symbols(doubts: pl.DataFrame, state: CandidateState) -> list[str]:
    return doubts.filter(pl.col("state") == state.value).get_column("symbol").to_list()
