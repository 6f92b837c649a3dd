"""Whether a feed still brings the columns that are read, and no others, as a verdict.

Pure: the source tells what it found. A column that nobody reads warns, for something may be
missed; one that is gone, or holds something else, stops the landing before anything lands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.quality.outcome import WHOLE, CheckOutcome, told_outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from r2k_pipeline.errors import SourceShapeError

CHECK_NAME = "source_columns_are_as_expected"


def unknown_columns_outcome(table: str, told: Mapping[date, Sequence[str]]) -> CheckOutcome:
    """Judge batches by the columns that nobody reads.

    Args:
        table: The table that the feed is for.
        told: By the first session of a batch, what the source says, naming the columns.

    Returns:
        The outcome of `source_columns_are_as_expected`, severity `warn`.

    Example:
        >>> from datetime import date
        >>> outcome = unknown_columns_outcome(
        ...     "raw_listings", {date(2022, 1, 3): ["nobody reads 2022.parquet: analyst"]})
        >>> outcome.is_passed, outcome.sentence_by_partition
        (False, {'2022-01-03': 'nobody reads 2022.parquet: analyst'})
    """
    first = next((said[0] for _, said in sorted(told.items()) if said), "Every column is known.")
    return told_outcome(table, CHECK_NAME, told, sentence=first)


def lost_column_outcome(table: str, error: SourceShapeError) -> CheckOutcome:
    """The verdict on a source that cannot be read for one of its columns.

    Args:
        table: The table that the feed is for; nothing of it was landed.
        error: What the source raised.

    Returns:
        The outcome of `source_columns_are_as_expected`, severity `error`, of no session:
        which ones the file holds is not known.
    """
    return CheckOutcome(
        table=table,
        check_name=CHECK_NAME,
        severity=Severity.ERROR,
        is_passed=False,
        evaluated_rows=1,
        failed_rows=1,
        sentence=f"{error.culprit}.",
        sample=({"column": error.column, "expected": error.expected, "actual": error.actual},),
        failed_by_partition={WHOLE: 1},
    )
