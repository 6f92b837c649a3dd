"""What was odd about the snapshots of a session, as a verdict: repeated, moved, unconnected.

Pure: the source found the oddities and says them in sentences. How they are found belongs
to the source; how many lines a session has, to `continuity`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.quality.outcome import told_outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from r2k_pipeline.quality.outcome import CheckOutcome

CHECK_NAME = "snapshots_are_regular"


def regularity_outcome(table: str, told: Mapping[date, Sequence[str]]) -> CheckOutcome:
    """Judge days by what the source told about their snapshots.

    Args:
        table: The table that the snapshots are for.
        told: By day, a session or not, what was odd, a sentence each. A day without a
            sentence is regular.

    Returns:
        The outcome of `snapshots_are_regular`, severity `warn`: the source has acted on
        what it told, and left out or moved the snapshot. Its rows are sentences.

    Example:
        >>> from datetime import date
        >>> saturday = date(2023, 11, 4)
        >>> outcome = regularity_outcome("raw_listings", {saturday: ["nyse shows Friday again"]})
        >>> outcome.is_passed, outcome.sentence_by_partition
        (False, {'2023-11-04': 'nyse shows Friday again'})
    """
    counts = [len(sentences) for sentences in told.values() if sentences]
    sentence = "Every snapshot shows the session of its day."
    if counts:
        sentence = f"{sum(counts):,} oddities of snapshots, on {len(counts):,} days."
    return told_outcome(table, CHECK_NAME, told, sentence=sentence)
