"""Checks as Dagster shows them: specs from the contract, results from the outcomes.

Both come from the contract's rules, so a result can never report for a check that no
spec claims. Dagster records a check of a ranged run once, without a partition; the table
`quality_results` keeps the truth a partition. How rows are judged is `quality`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, MetadataValue

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.quality.outcome import CheckOutcome, row_failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dagster import RawMetadataValue

    from r2k_pipeline.contracts.model import Contract

_SAMPLE_ROWS = 5


@dataclass(frozen=True, kw_only=True)
class _Check:
    """What a spec and a result have in common."""

    name: str
    sentence: str
    severity: Severity
    is_blocking: bool
    # Whether the outcome says what is wrong better than a count of rows does.
    has_own_words: bool = False


# Publication judges these before any rule, for every table.
_GATES = (
    _Check(
        name="columns_and_types_are_as_promised",
        sentence="Columns and types are as the contract promises.",
        severity=Severity.ERROR,
        is_blocking=True,
    ),
    _Check(
        name="rows_belong_to_the_partitions",
        sentence="Every row belongs to the partitions that the run materializes.",
        severity=Severity.ERROR,
        is_blocking=True,
    ),
)


def _checks(contract: Contract) -> list[_Check]:
    rules = [
        _Check(
            name=rule.name,
            sentence=rule.sentence,
            severity=rule.severity,
            # A rule that quarantines lets the partition pass without its bad rows.
            is_blocking=rule.severity is Severity.ERROR and not rule.quarantines,
        )
        for rule in contract.rules
    ]
    beyond = [
        _Check(
            name=rule.name,
            sentence=rule.sentence,
            severity=rule.severity,
            is_blocking=rule.severity is Severity.ERROR,
            has_own_words=True,
        )
        for rule in contract.rules_beyond_rows
    ]
    return [*_GATES, *rules, *beyond]


def check_specs(contract: Contract) -> list[AssetCheckSpec]:
    """One spec a rule of the contract, after those that hold for every table.

    Rules of severity `error` block what comes after.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> specs = check_specs(contract("levels"))
        >>> specs[0].name, specs[0].blocking
        ('columns_and_types_are_as_promised', True)
    """
    return [
        AssetCheckSpec(
            check.name,
            asset=contract.table,
            description=check.sentence,
            blocking=check.is_blocking,
            metadata={"severity": check.severity.value},
        )
        for check in _checks(contract)
    ]


def check_results(
    contract: Contract, outcomes: Iterable[CheckOutcome], *, is_whole: bool = True
) -> list[AssetCheckResult]:
    """One result a check, over all outcomes that a run brought for it.

    Args:
        contract: Whose checks.
        outcomes: Outcomes of one table, from one or several publications of a run.
        is_whole: Whether the run came to its end, so that each check has its result.

    Returns:
        In the order of the specs. A check that nothing was judged by says so, since its
        table landed before the check was promised or there was nothing to tell; in a run
        that was stopped it is left out.
    """
    by_name: dict[str, list[CheckOutcome]] = {}
    for outcome in outcomes:
        by_name.setdefault(outcome.check_name, []).append(outcome)
    return [
        _result(check, by_name[check.name]) if check.name in by_name else _unjudged(check)
        for check in _checks(contract)
        if is_whole or check.name in by_name
    ]


def _unjudged(check: _Check) -> AssetCheckResult:
    return AssetCheckResult(
        check_name=check.name,
        passed=True,
        description=f"{check.sentence} Nothing was judged by it in this run.",
        metadata={"evaluated_rows": 0, "failed_rows": 0},
    )


def _result(check: _Check, outcomes: Sequence[CheckOutcome]) -> AssetCheckResult:
    failed = [outcome for outcome in outcomes if not outcome.is_passed]
    is_error = any(outcome.severity is Severity.ERROR for outcome in failed)
    return AssetCheckResult(
        check_name=check.name,
        passed=not failed,
        severity=AssetCheckSeverity.ERROR if is_error else AssetCheckSeverity.WARN,
        description=_verdict(check, failed) if failed else check.sentence,
        metadata=_evidence(outcomes, failed),
    )


def _verdict(check: _Check, failed: Sequence[CheckOutcome]) -> str:
    partitions = sorted({key for outcome in failed for key in outcome.failed_by_partition})
    rows = sum(outcome.failed_rows for outcome in failed)
    if check.has_own_words or not rows or not partitions:
        return failed[0].sentence
    evaluated = sum(outcome.evaluated_rows for outcome in failed)
    return row_failure(check.sentence, failed=rows, evaluated=evaluated, partitions=partitions)


def recorded_outcomes(rows: pl.DataFrame) -> list[CheckOutcome]:
    """Read outcomes back from what a run recorded: all that is left when a check stopped it.

    Args:
        rows: Contract `quality_results` of one table and run.

    Returns:
        One outcome a check. `failed_rows` counts a failure of the table as a whole once a
        partition, as it is recorded.
    """
    outcomes = []
    for (table, name, severity), recorded in rows.group_by(
        "table_name", "check_name", "severity", maintain_order=True
    ):
        failed = recorded.filter(~pl.col("is_passed"))
        outcomes.append(
            CheckOutcome(
                table=str(table),
                check_name=str(name),
                severity=Severity(str(severity)),
                is_passed=failed.is_empty(),
                evaluated_rows=int(recorded["evaluated_rows"].sum()),
                failed_rows=int(failed["failed_rows"].sum()),
                sentence=str((recorded if failed.is_empty() else failed)["sentence"][0]),
                sample=tuple(row for text in failed["sample"] for row in json.loads(text)),
                failed_by_partition=dict(failed.select("partition_key", "failed_rows").iter_rows()),
            )
        )
    return outcomes


def _evidence(
    outcomes: Sequence[CheckOutcome], failed: Sequence[CheckOutcome]
) -> Mapping[str, RawMetadataValue]:
    counts: dict[str, RawMetadataValue] = {
        "evaluated_rows": sum(outcome.evaluated_rows for outcome in outcomes),
        "failed_rows": sum(outcome.failed_rows for outcome in outcomes),
    }
    if not failed:
        return counts
    by_partition = {
        partition: rows
        for outcome in failed
        for partition, rows in outcome.failed_by_partition.items()
    }
    sample = [dict(row) for outcome in failed for row in outcome.sample][:_SAMPLE_ROWS]
    return {
        **counts,
        "failed_by_partition": MetadataValue.md(_counted(by_partition)),
        "sample": MetadataValue.md(rows_as_markdown(sample)),
    }


def _counted(by_partition: Mapping[str, int], shown: int = 20) -> str:
    rows: list[dict[str, object]] = [
        {"partition": partition, "failed rows": rows}
        for partition, rows in sorted(by_partition.items())
    ]
    rest = len(rows) - shown
    note = f"\n\nand {rest} more partitions" if rest > 0 else ""
    return rows_as_markdown(rows[:shown]) + note


def rows_as_markdown(rows: Sequence[Mapping[str, object]]) -> str:
    r"""Lay out rows as a Markdown table.

    Example:
        >>> print(rows_as_markdown([{"symbol": "BOLT", "close_usd": -1.0}]))
        | symbol | close_usd |
        | --- | --- |
        | BOLT | -1 |
        >>> rows_as_markdown([])
        'no rows'
    """
    if not rows:
        return "no rows"
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [[_cell(row.get(name)) for name in columns] for row in rows]
    rule = ["---"] * len(columns)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [columns, rule, *lines])


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else _number_or_text(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _number_or_text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"  # noqa: PLR2004 - a million
    if isinstance(value, bool | int):
        return str(value)
    return json.dumps(value, default=str).strip('"')
