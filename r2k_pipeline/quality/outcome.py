"""The verdict of one check, as a value.

Every judge of this package answers with `CheckOutcome`, so that publication and
Dagster treat them alike. How a verdict is found belongs to the judges.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from r2k_pipeline.errors import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from r2k_pipeline.contracts.model import Severity

# Rows shown of each failing rule: enough to see the pattern, and one noisy rule cannot
# crowd out the others.
SAMPLE_ROWS = 5
# The partition's name in a table that has one partition only.
WHOLE = "whole"
_SHOWN_PARTITIONS = 3


@dataclass(frozen=True, kw_only=True)
class CheckOutcome:
    """What one rule says about the rows it was shown.

    Attributes:
        table: The table that the rows are for.
        check_name: The rule's name, a sentence in snake_case.
        severity: What a failure does: `error` blocks, `warn` does not.
        is_passed: Whether the rule holds.
        evaluated_rows: Rows that the rule looked at.
        failed_rows: Rows that break it; 0 for a failed rule about the table as a whole.
        sentence: The verdict in words.
        sample: Up to five failing rows: key, columns read, derived columns. For a rule
            about the table as a whole, the observed value.
        failed_by_partition: Failing rows of each partition that has any, by its key
            (session as ISO date, event, or `whole`). Empty for a rule about the table.
        sentence_by_partition: What to say of one partition, where `sentence`, which is about
            all of them, does not say it.
        sample_by_partition: Up to five failing rows of each partition, where the judge took
            them apart; else those of `sample` that lie in it are shown.
        failed_positions: Positions of the failing rows in the checked frame, kept for
            rules that quarantine; not part of equality.
    """

    table: str
    check_name: str
    severity: Severity
    is_passed: bool
    evaluated_rows: int
    failed_rows: int
    sentence: str
    sample: tuple[Mapping[str, object], ...] = ()
    failed_by_partition: Mapping[str, int] = field(default_factory=dict)
    sentence_by_partition: Mapping[str, str] = field(default_factory=dict)
    sample_by_partition: Mapping[str, tuple[Mapping[str, object], ...]] = field(
        default_factory=dict
    )
    failed_positions: tuple[int, ...] = field(default=(), repr=False, compare=False)


def row_failure(promise: str, *, failed: int, evaluated: int, partitions: Sequence[str]) -> str:
    """Say how many rows break a promise, and where.

    Example:
        >>> row_failure("A close is above zero.", failed=1200, evaluated=6900,
        ...             partitions=["2022-06-24", "2022-06-27"])
        'A close is above zero. 1,200 of 6,900 rows break this, in 2022-06-24, 2022-06-27.'
    """
    verb = "breaks" if failed == 1 else "break"
    where = listed(partitions, _SHOWN_PARTITIONS)
    return f"{promise} {failed:,} of {evaluated:,} rows {verb} this, in {where}."


def table_failure(promise: str, observed: object) -> str:
    """Say what was observed where a promise about the whole table fails.

    Example:
        >>> table_failure("The range has at least one listing.", 0)
        'The range has at least one listing. Observed: 0.'
    """
    return f"{promise} Observed: {observed}."
