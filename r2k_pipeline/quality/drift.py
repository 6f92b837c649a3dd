"""Whether a partition differs from the one before it by more than a contract allows.

Pure: numbers of every partition of a range in one pass, laid beside those of the partition
before; of the first one that is what stood. The verdict on them is `beyond_rows`. The lines
of an exchange against several sessions are `continuity`'s.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.model import Form
from r2k_pipeline.contracts.own_rules import columns_measured
from r2k_pipeline.quality.outcome import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from r2k_pipeline.contracts.model import Contract, DriftRule

_PARTITION, _PLACE, _IS_JUDGED = "_partition", "_place", "_is_judged"
_USD_SHOWN = 1e9


def columns_of_drift(contract: Contract) -> tuple[str, ...]:
    """The columns that a contract's drift rules read, in the contract's order.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> columns_of_drift(contract("signals"))
        ('index_id', 'session')
    """
    read: set[str] = set()
    for rule in contract.drift_rules:
        read.update(rule.by, columns_measured(rule))
    if contract.drift_rules:
        # Something is needed to count rows by, also of a table without partitions.
        read.add(contract.partition_column or contract.key[0])
    return tuple(name for name in contract.names if name in read)


def measured_drift(
    contract: Contract, frame: pl.DataFrame, before: pl.DataFrame | None
) -> dict[str, pl.DataFrame]:
    """Measure each partition, and each of its groups, beside the partition before it.

    Args:
        contract: Whose drift rules.
        frame: Contract-shaped rows of any range.
        before: Rows of the partitions directly before those of the frame, at least
            `columns_of_drift`; None if there are none.

    Returns:
        By rule `partition_key`, `group` (null for the partition as a whole), `value`,
        `value_before` (null for a rule about the number itself) and `judged`, the number
        that the rule bounds. A group that was there before and is gone counts 0. A
        partition with nothing before it, and a group of too few rows, is left out.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.contracts.load import contract
        >>> friday, monday = date(2024, 6, 28), date(2024, 7, 1)
        >>> levels = pl.DataFrame({
        ...     "session": [friday, monday], "index_id": ["r2000"] * 2,
        ...     "price_level": [1000.0, 600.0], "members": [1950, 1950],
        ... })
        >>> found = measured_drift(contract("levels"), levels, None)
        >>> found["price_level_does_not_jump"].select("partition_key", "judged").rows()
        [('2024-07-01', -0.4)]
    """
    columns = columns_of_drift(contract)
    if not columns:
        return {}
    standing = frame.select(columns).with_columns(pl.lit(True).alias(_IS_JUDGED))
    if before is not None and not before.is_empty():
        earlier = before.select(columns).with_columns(pl.lit(False).alias(_IS_JUDGED))
        standing = pl.concat([earlier, standing])
    partition = contract.partition_column or _IS_JUDGED
    standing = standing.with_columns(pl.col(partition).alias(_PARTITION))
    found = {}
    for rules in _measured_together(contract.drift_rules):
        cells = _cells(standing, rules)
        for rule in rules:
            laid = _changes(cells, rule) if rule.is_of_change else _values(cells, rule)
            found[rule.name] = laid.select(
                partition_key=pl.col(_PARTITION).cast(pl.String)
                if contract.partition_column
                else pl.lit(WHOLE),
                group=pl.concat_str(rule.by, separator=" ") if rule.by else pl.lit(None, pl.String),
                value="value",
                value_before="value_before",
                judged="judged",
            ).sort("partition_key", "group")
    return found


def drift_sentence(rule: DriftRule, cell: Mapping[str, object], *, table: str) -> str:
    """Say what was measured and what was expected.

    Args:
        rule: Which promise.
        cell: A row of `measured_drift`.
        table: Named where the partition is the table as a whole.

    Example:
        >>> from r2k_pipeline.contracts.model import DriftRule, Severity
        >>> rule = DriftRule(name="rows", sentence="Rows.", severity=Severity.WARN, noun="rows",
        ...     form=Form.COUNT, measure="COUNT(*)", change_from=-0.03, change_to=0.03)
        >>> drift_sentence(rule, {"partition_key": "2022-06-10", "group": "nasdaq",
        ...     "value": 3500.0, "value_before": 4100.0}, table="raw_listings")
        'nasdaq on 2022-06-10: 3,500 rows, expected 4,100 ± 3 %'
    """
    key, group = str(cell["partition_key"]), cell["group"]
    value, before = float(str(cell["value"])), cell["value_before"]
    who = table if key == WHOLE else f"{group} on {key}" if group else key
    if value == 0 and before is not None and group:
        who = f"{group} is missing on {key}"
    if before is None:
        return f"{who}: {_said(rule, value)}, expected at most {_number(rule, rule.value_to or 0)}"
    return f"{who}: {_said(rule, value)}, expected {_expected(rule, float(str(before)))}"


def _expected(rule: DriftRule, before: float) -> str:
    """What the bounds of a change mean, beside what was there before."""
    low, high = rule.change_from, rule.change_to
    if low is None or high is None:
        side, bound = ("at least", low) if high is None else ("at most", high)
        return f"{side} {_number(rule, before * (1 + (bound or 0)))}, after {_number(rule, before)}"
    if low == -high:
        return f"{_number(rule, before)} ± {100 * high:.3g} %"
    bounds = f"{_number(rule, before * (1 + low))} to {_number(rule, before * (1 + high))}"
    return f"{bounds}, after {_number(rule, before)}"


def _said(rule: DriftRule, value: float) -> str:
    link = " of" if rule.form is Form.USD else ""
    return f"{_number(rule, value)}{link} {rule.noun}"


def _number(rule: DriftRule, value: float) -> str:
    match rule.form:
        case Form.COUNT:
            return f"{value:,.0f}"
        case Form.USD:
            return f"{value / _USD_SHOWN:,.1f} bn USD"
        case Form.POINTS:
            return f"{value:,.2f}"
        case Form.SHARE:
            return f"{100 * value:.3g} %"


def _measured_together(rules: Sequence[DriftRule]) -> Iterator[list[DriftRule]]:
    """Rules that one pass answers: the same groups, the same derived columns."""
    together: defaultdict[tuple[object, ...], list[DriftRule]] = defaultdict(list)
    for rule in rules:
        together[rule.by, tuple(sorted(rule.derived.items()))].append(rule)
    yield from together.values()


def _cells(standing: pl.DataFrame, rules: Sequence[DriftRule]) -> pl.DataFrame:
    """One row a partition and group: its rows, and each rule's number under the rule's name."""
    derived = [pl.sql_expr(e).alias(name) for name, e in rules[0].derived.items()]
    return (
        standing.lazy()
        .with_columns(derived)
        .group_by(_PARTITION, _IS_JUDGED, *rules[0].by)
        .agg(
            rows=pl.len(),
            **{rule.name: pl.sql_expr(rule.measure).cast(pl.Float64) for rule in rules},
        )
        .with_columns(pl.col(_PARTITION).rank("dense").alias(_PLACE))
        .collect()
    )


def _changes(cells: pl.DataFrame, rule: DriftRule) -> pl.DataFrame:
    """Each group that the partition before has, beside what it is now."""
    by, value, before = list(rule.by), pl.col("value"), pl.col("value_before")
    now = cells.select(_PLACE, *by, "rows", value=rule.name)
    earlier = cells.select(
        pl.col(_PLACE) + 1, *by, rows_before="rows", value_before=pl.col(rule.name)
    )
    judged = cells.filter(_IS_JUDGED).select(_PLACE, _PARTITION).unique()
    return (
        judged.join(earlier, on=_PLACE)
        .filter((pl.col("rows_before") >= rule.rows_at_least) & (before > 0))
        .join(now, on=[_PLACE, *by], how="left", nulls_equal=True)
        # A group that is gone is no missing number but a zero.
        .with_columns(value=pl.when(pl.col("rows").is_null()).then(0.0).otherwise(value))
        # 95 of 100 is a twentieth less, and not a hair more than that.
        .with_columns(judged=(value / before - 1).round(9))
        .drop_nulls("judged")
    )


def _values(cells: pl.DataFrame, rule: DriftRule) -> pl.DataFrame:
    """Each group that the partition before has too."""
    by = list(rule.by)
    earlier = cells.select(pl.col(_PLACE) + 1, *by)
    return (
        cells.filter(pl.col(_IS_JUDGED) & (pl.col("rows") >= rule.rows_at_least))
        .join(earlier, on=[_PLACE, *by], how="semi", nulls_equal=True)
        .with_columns(value=pl.col(rule.name), judged=pl.col(rule.name))
        .with_columns(value_before=pl.lit(None, pl.Float64))
        .drop_nulls("judged")
    )
