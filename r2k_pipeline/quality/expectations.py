"""Runs a contract's rules on a frame in memory, before anything is committed.

Holds the way from rules to outcomes. Add a rule in `data_contracts/`, not here;
rules across tables and against other sessions have modules of their own beside
this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.expectations import columns_read
from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.contracts.polars_shape import require_shape
from r2k_pipeline.errors import CheckExecutionError
from r2k_pipeline.quality.engine import validate
from r2k_pipeline.quality.outcome import (
    SAMPLE_ROWS,
    WHOLE,
    CheckOutcome,
    row_failure,
    table_failure,
)
from r2k_pipeline.quality.views import REDUCE_FROM, View, views, with_derived

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2k_pipeline.contracts.model import Contract, Rule
    from r2k_pipeline.quality.engine import Verdict

# A rule that would hold back more than this part of a partition speaks about the
# source, not about rows; a few rows are held back however small the partition is.
_QUARANTINE_AT_MOST_SHARE = 0.10
_QUARANTINE_ALWAYS_ROWS = 100


def check_frame(
    contract: Contract, frame: pl.DataFrame, *, reduce_from: int = REDUCE_FROM
) -> list[CheckOutcome]:
    """Judge a frame by every rule of its contract.

    Args:
        contract: Whose rules.
        frame: Rows of the contract's shape, any range of partitions at once.
        reduce_from: Rows from which rules are shown reduced frames (`views`); the
            verdicts are the same with and without.

    Returns:
        One outcome a rule, passed or failed, in the contract's order. A missing value
        breaks only the rule that asks for one. A rule that quarantines is raised to
        severity `error` where it would hold back a whole partition, or more than a
        tenth of one and more than a hundred rows: that is no bad row but a bad source.

    Raises:
        ContractShapeError: The frame is not of the contract's shape.
        CheckExecutionError: A rule could not be evaluated; no verdict is given at all.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.contracts.load import contract
        >>> signals = pl.DataFrame({
        ...     "index_id": ["r2000"], "session": [date(2024, 6, 28)], "signal": ["sma_50_200"],
        ...     "value": [1.02], "position": [2.0], "tradable_session": [date(2024, 7, 1)],
        ... })
        >>> outcomes = check_frame(contract("signals"), signals)
        >>> [outcome.sentence for outcome in outcomes if not outcome.is_passed]
        ['A position lies between -1 and 1. 1 of 1 rows breaks this, in 2024-06-28.']
    """
    frame = require_shape(contract, frame)
    outcomes: dict[str, CheckOutcome] = {}
    try:
        for view in views(contract, frame, reduce_from=reduce_from):
            verdicts = validate(contract.table, view.shown, view.rules)
            for rule, verdict in zip(view.rules, verdicts, strict=True):
                outcomes[rule.name] = _outcome(contract, frame, rule, verdict, view)
    except pl.exceptions.PolarsError as fault:
        raise CheckExecutionError(
            f"{contract.table}: a rule's columns could not be computed: {fault}",
            state=f"nothing is known about the rows; {contract.table} was not touched",
            remedy=f"this is a fault in data_contracts/{contract.table}.yaml, not in the data",
        ) from fault
    return [outcomes[rule.name] for rule in contract.rules]


def _outcome(
    contract: Contract, frame: pl.DataFrame, rule: Rule, verdict: Verdict, view: View
) -> CheckOutcome:
    if not verdict.positions:
        return CheckOutcome(
            table=contract.table,
            check_name=rule.name,
            severity=rule.severity,
            is_passed=verdict.is_passed,
            evaluated_rows=frame.height,
            failed_rows=0,
            sentence=rule.sentence
            if verdict.is_passed
            else table_failure(rule.sentence, verdict.observed),
            sample=() if verdict.is_passed else ({"observed": verdict.observed},),
        )
    rows = view.rows(verdict.positions)
    failed_by_partition = _rows_by_partition(contract, frame[rows])
    severity, remark = _severity(contract, frame, rule, failed_by_partition)
    sample = _sample(contract, frame, rule, rows)
    return CheckOutcome(
        table=contract.table,
        check_name=rule.name,
        severity=severity,
        is_passed=verdict.is_passed,
        evaluated_rows=frame.height,
        failed_rows=len(rows),
        sentence=row_failure(
            rule.sentence,
            failed=len(rows),
            evaluated=frame.height,
            partitions=list(failed_by_partition),
        )
        + remark,
        sample=tuple(sample.head(SAMPLE_ROWS).to_dicts()),
        sample_by_partition=_samples(contract, sample),
        failed_by_partition=failed_by_partition,
        failed_positions=tuple(rows.to_list()) if rule.quarantines else (),
    )


def _rows_by_partition(contract: Contract, rows: pl.DataFrame) -> dict[str, int]:
    column = contract.partition_column
    if column is None:
        return {WHOLE: rows.height}
    counts = rows.group_by(column).len().sort(column)
    return {str(key): count for key, count in counts.iter_rows()}


def _severity(
    contract: Contract, frame: pl.DataFrame, rule: Rule, failed: Mapping[str, int]
) -> tuple[Severity, str]:
    """The rule's severity, or `error` with a remark where quarantine would empty a partition."""
    if not rule.quarantines:
        return rule.severity, ""
    rows = _rows_by_partition(contract, frame)
    for partition, count in failed.items():
        is_flood = count > max(_QUARANTINE_ALWAYS_ROWS, _QUARANTINE_AT_MOST_SHARE * rows[partition])
        if is_flood or count == rows[partition]:
            remark = f" Too many to hold back: {count:,} of {rows[partition]:,} in {partition}."
            return Severity.ERROR, remark
    return rule.severity, ""


def _sample(contract: Contract, frame: pl.DataFrame, rule: Rule, rows: pl.Series) -> pl.DataFrame:
    """The first failing rows of each partition. Derived columns may look at other rows."""
    shown = list(dict.fromkeys((*contract.key, *columns_read(contract, rule), *rule.derived)))
    failing = with_derived(frame, rule).select(shown)[rows]
    column = contract.partition_column
    return failing.head(SAMPLE_ROWS) if column is None else _first_of_each(failing, column)


def _first_of_each(failing: pl.DataFrame, column: str) -> pl.DataFrame:
    place = pl.int_range(pl.len()).over(column)
    return failing.filter(place < SAMPLE_ROWS)


def _samples(
    contract: Contract, sample: pl.DataFrame
) -> dict[str, tuple[Mapping[str, object], ...]]:
    """The sample's rows by partition; one partition needs none beside the sample."""
    column = contract.partition_column
    if column is None:
        return {}
    parts = sample.partition_by(column, as_dict=True, maintain_order=True)
    return {str(key): tuple(rows.to_dicts()) for (key,), rows in parts.items()}
