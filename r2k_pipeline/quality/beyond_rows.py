"""The verdicts on rules that go beyond the rows: drift, and truths across tables.

What is measured is `drift` and `across`; whether a number keeps its bound is for Great
Expectations to say, in one call for all rules of a table. Rules with a judge of their own
(`continuity`, `presence` and so on) are asked where they arise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.model import AcrossRule, DriftRule, Rule
from r2k_pipeline.errors import CheckExecutionError, listed
from r2k_pipeline.quality.across import broken_rows
from r2k_pipeline.quality.drift import drift_sentence, measured_drift
from r2k_pipeline.quality.engine import validate
from r2k_pipeline.quality.outcome import SAMPLE_ROWS, CheckOutcome, row_failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from r2k_pipeline.contracts.model import Contract
    from r2k_pipeline.quality.surroundings import Surroundings


def check_beyond_rows(
    contract: Contract, frame: pl.DataFrame, surroundings: Surroundings
) -> list[CheckOutcome]:
    """Judge a frame by the contract's drift rules and truths across tables.

    Args:
        contract: Whose rules.
        frame: Contract-shaped rows of any range of partitions.
        surroundings: What the rules read beside them.

    Returns:
        One outcome a rule, in the contract's order. The rows of a drift rule are the
        partitions, or groups of partitions, that had something before them.

    Raises:
        CheckExecutionError: A rule could not be evaluated; no verdict is given at all.
    """
    measured = _measured(contract, frame, surroundings)
    drift, broken = measured.drift, measured.broken
    failing = _failing(contract, measured)
    return [
        *(_drifted(contract, r, drift[r.name], failing[r.name]) for r in contract.drift_rules),
        *(
            _tied(contract, r, frame, broken[r.name], failing[r.name])
            for r in contract.across_rules
        ),
    ]


def measured_numbers(
    contract: Contract, frame: pl.DataFrame, surroundings: Surroundings
) -> tuple[pl.DataFrame, tuple[Rule, ...]]:
    """What Great Expectations is shown of the rules beyond the rows, and asked about it.

    Args:
        contract: Whose rules.
        frame: Contract-shaped rows of any range of partitions.
        surroundings: What the rules read beside them.

    Returns:
        A column of numbers for each rule that has any, filled up with nulls; and those
        rules, as bounds on their columns.

    Raises:
        CheckExecutionError: A rule could not be evaluated.
    """
    return _shown(contract, _measured(contract, frame, surroundings))


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """What was found, by rule: numbers of partitions, and rows that break a promise."""

    drift: Mapping[str, pl.DataFrame]
    broken: Mapping[str, pl.DataFrame]


def _measured(contract: Contract, frame: pl.DataFrame, surroundings: Surroundings) -> _Measured:
    try:
        return _Measured(
            drift=measured_drift(contract, frame, surroundings.before),
            broken={
                rule.name: broken_rows(contract, rule, frame, surroundings)
                for rule in contract.across_rules
            },
        )
    except (pl.exceptions.PolarsError, KeyError) as fault:
        raise CheckExecutionError(
            f"{contract.table}: a rule beyond the rows could not be computed: {fault}",
            state=f"nothing is known about the rows; {contract.table} was not touched",
            remedy=f"this is a fault in data_contracts/{contract.table}.yaml, not in the data",
        ) from fault


def measuring_rules(contract: Contract) -> tuple[Rule, ...]:
    """What Great Expectations is asked about the numbers: each rule's bounds on its own column.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> rule = measuring_rules(contract("levels"))[0]
        >>> rule.arguments["column"] == rule.name
        True
    """
    rules: list[DriftRule | AcrossRule] = [*contract.drift_rules, *contract.across_rules]
    return tuple(
        Rule(
            name=rule.name,
            sentence=rule.sentence,
            severity=rule.severity,
            quarantines=False,
            expectation="expect_column_values_to_be_between",
            arguments={"column": rule.name, **_bounds(rule)},
        )
        for rule in rules
    )


def _bounds(rule: DriftRule | AcrossRule) -> dict[str, float]:
    if isinstance(rule, AcrossRule):
        return {"max_value": 0}
    if rule.value_to is not None:
        return {"max_value": rule.value_to}
    bounds = {"min_value": rule.change_from, "max_value": rule.change_to}
    return {name: bound for name, bound in bounds.items() if bound is not None}


def _counted(broken: pl.DataFrame) -> pl.Series:
    """Broken rows of each partition that has any, in the order of the partitions; else a zero."""
    if broken.is_empty():
        return pl.Series([0.0])
    return broken.group_by("partition_key").len().sort("partition_key")["len"].cast(pl.Float64)


def _shown(contract: Contract, measured: _Measured) -> tuple[pl.DataFrame, tuple[Rule, ...]]:
    numbers = {
        **{name: cells["judged"] for name, cells in measured.drift.items()},
        **{name: _counted(rows) for name, rows in measured.broken.items()},
    }
    asked = tuple(rule for rule in measuring_rules(contract) if numbers[rule.name].len())
    longest = max((numbers[rule.name].len() for rule in asked), default=0)
    columns = [
        numbers[r.name].alias(r.name).extend_constant(None, longest - numbers[r.name].len())
        for r in asked
    ]
    return pl.DataFrame(columns), asked


def _failing(contract: Contract, measured: _Measured) -> dict[str, list[int]]:
    """Positions of the numbers outside their rule's bounds, by rule, as the engine says."""
    shown, asked = _shown(contract, measured)
    failing: dict[str, list[int]] = {name: [] for name in (*measured.drift, *measured.broken)}
    if asked:
        verdicts = validate(contract.table, shown, asked)
        failing |= {r.name: sorted(v.positions) for r, v in zip(asked, verdicts, strict=True)}
    return failing


def _drifted(
    contract: Contract, rule: DriftRule, cells: pl.DataFrame, failing: Sequence[int]
) -> CheckOutcome:
    told: dict[str, list[str]] = {}
    samples: dict[str, list[Mapping[str, object]]] = {}
    for cell in cells[list(failing)].iter_rows(named=True):
        key = str(cell["partition_key"])
        told.setdefault(key, []).append(drift_sentence(rule, cell, table=contract.table))
        samples.setdefault(key, []).append(
            {contract.partition_column or "table": key, **dict(list(cell.items())[1:])}
        )
    sentences = {key: f"{'; '.join(said)}." for key, said in told.items()}
    return CheckOutcome(
        table=contract.table,
        check_name=rule.name,
        severity=rule.severity,
        is_passed=not failing,
        evaluated_rows=cells.height,
        failed_rows=len(failing),
        sentence=_all_told(list(sentences.values()), rule.sentence),
        sample=tuple(row for rows in samples.values() for row in rows)[:SAMPLE_ROWS],
        failed_by_partition={key: len(said) for key, said in told.items()},
        sentence_by_partition=sentences,
        sample_by_partition={key: tuple(rows[:SAMPLE_ROWS]) for key, rows in samples.items()},
    )


def _tied(
    contract: Contract,
    rule: AcrossRule,
    frame: pl.DataFrame,
    broken: pl.DataFrame,
    failing: Sequence[int],
) -> CheckOutcome:
    parts = broken.partition_by("partition_key", as_dict=True, include_key=False)
    samples = {str(key): tuple(rows.head(SAMPLE_ROWS).to_dicts()) for (key,), rows in parts.items()}
    counts = {str(key): rows.height for (key,), rows in parts.items()}
    evaluated = max(frame.height, broken.height)
    sentence = rule.sentence
    if failing:
        sentence = row_failure(
            rule.sentence, failed=broken.height, evaluated=evaluated, partitions=list(counts)
        )
    return CheckOutcome(
        table=contract.table,
        check_name=rule.name,
        severity=rule.severity,
        is_passed=not failing,
        evaluated_rows=evaluated,
        failed_rows=broken.height,
        sentence=sentence,
        sample=tuple(broken.drop("partition_key").head(SAMPLE_ROWS).to_dicts()),
        failed_by_partition=counts,
        sentence_by_partition={
            key: f"{rule.sentence} {count:,} {'breaks' if count == 1 else 'break'} this: "
            f"{listed([_row_words(row) for row in samples[key]], 2)}."
            for key, count in counts.items()
        },
        sample_by_partition=samples,
    )


def _all_told(sentences: Sequence[str], promise: str) -> str:
    """The first failure, and how many more there are; the promise itself if none."""
    if not sentences:
        return promise
    return sentences[0] + (f" And {len(sentences) - 1:,} more." if len(sentences) > 1 else "")


def _row_words(row: Mapping[str, object]) -> str:
    return " ".join(f"{name} {value}" for name, value in row.items() if value is not None)
