"""The verdict of one check, as a value.

Every judge of this package answers with `CheckOutcome`, so that publication and
Dagster treat them alike. How a verdict is found belongs to the judges.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.errors import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

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


def told_outcome(
    table: str, check_name: str, told: Mapping[date, Sequence[str]], *, sentence: str
) -> CheckOutcome:
    """Turn what a source told of days into a verdict of severity `warn`, whose rows are sentences.

    Args:
        table: The table that the source is for.
        check_name: The rule's name.
        told: By day what the source says; a day without a sentence keeps the rule.
        sentence: The verdict in words, over all days.

    Example:
        >>> from datetime import date
        >>> days = {date(2023, 11, 3): [], date(2023, 11, 4): ["odd", "odder"]}
        >>> outcome = told_outcome("raw_listings", "days_are_even", days, sentence="Two.")
        >>> outcome.is_passed, outcome.failed_rows, outcome.sentence_by_partition
        (False, 2, {'2023-11-04': 'odd; odder'})
    """
    odd = {str(day): said for day, said in sorted(told.items()) if said}
    count = sum(len(said) for said in odd.values())
    rows = [{"session": day, "told": one} for day, said in odd.items() for one in said]
    return CheckOutcome(
        table=table,
        check_name=check_name,
        severity=Severity.WARN,
        is_passed=not odd,
        evaluated_rows=count,
        failed_rows=count,
        sentence=sentence,
        sample=tuple(rows[:SAMPLE_ROWS]),
        failed_by_partition={day: len(said) for day, said in odd.items()},
        sentence_by_partition={day: "; ".join(said) for day, said in odd.items()},
    )


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
