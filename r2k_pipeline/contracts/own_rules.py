"""Rules with `engine: r2k-pipeline`: promises that go beyond the rows of one frame.

Three kinds, told apart by `implementation`: a module's name (a judge of its own), `measure`
(drift against the partition before) or `broken` (a query over several tables). Add a kind
here and in `model`; how it is judged is `quality`'s business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import polars as pl

from r2k_pipeline.contracts.document import FaultError, choice, given
from r2k_pipeline.contracts.model import (
    AcrossRule,
    Column,
    DriftRule,
    Form,
    Reading,
    SeriesRule,
    Severity,
    When,
)
from r2k_pipeline.errors import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from open_data_contract_standard.model import DataQuality

OWN_ENGINE = "r2k-pipeline"
_BOUNDS = ("change_from", "change_to", "value_to")
_DRIFT_KEYS = frozenset({"measure", "noun", "form", "by", "derived", "rows_at_least", *_BOUNDS})
_ACROSS_KEYS = frozenset({"broken", "reads"})


class OwnRules(TypedDict):
    """The rules of one table, by kind."""

    series_rules: tuple[SeriesRule, ...]
    drift_rules: tuple[DriftRule, ...]
    across_rules: tuple[AcrossRule, ...]


def own_rules(qualities: Sequence[DataQuality], columns: Sequence[Column]) -> OwnRules:
    """Read the rules that this package judges itself.

    Args:
        qualities: The `quality` of a table, rules of other engines among them.
        columns: The table's columns, which a measure may name.

    Raises:
        FaultError: A rule is incomplete, or names what is not there.
    """
    series, drift, across = [], [], []
    for quality in qualities:
        if quality.engine != OWN_ENGINE:
            continue
        where = f"quality.{quality.name}"
        name = given(quality.name, where)
        sentence = given(quality.description, f"{where}.description")
        severity = choice(Severity, quality.severity, f"{where}.severity")
        body = quality.implementation
        if isinstance(body, dict) and "measure" in body:
            _require_keys(body, _DRIFT_KEYS, f"{where}.implementation")
            rule = DriftRule(name=name, sentence=sentence, severity=severity, **_drift(body, where))
            _require_judgeable(rule, columns, where)
            drift.append(rule)
        elif isinstance(body, dict) and "broken" in body:
            _require_keys(body, _ACROSS_KEYS, f"{where}.implementation")
            reads = tuple(_reading(reading, where) for reading in body.get("reads", ()))
            broken = given(body["broken"], f"{where}.implementation.broken")
            across.append(
                AcrossRule(
                    name=name, sentence=sentence, severity=severity, broken=broken, reads=reads
                )
            )
        else:
            judge = given(body, f"{where}.implementation")
            series.append(SeriesRule(name=name, sentence=sentence, severity=severity, judge=judge))
    return OwnRules(
        series_rules=tuple(series), drift_rules=tuple(drift), across_rules=tuple(across)
    )


def _drift(body: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The arguments of a `DriftRule` beside its name, sentence and severity."""
    return {
        **{key: float(body[key]) for key in _BOUNDS if key in body},
        "measure": given(body["measure"], f"{where}.implementation.measure"),
        "noun": given(body.get("noun"), f"{where}.implementation.noun"),
        "form": choice(Form, body.get("form", Form.COUNT), f"{where}.implementation.form"),
        "by": tuple(body.get("by", ())),
        "derived": dict(body.get("derived", {})),
        "rows_at_least": int(body.get("rows_at_least", 1)),
    }


def _reading(body: Mapping[str, Any], where: str) -> Reading:
    return Reading(
        table=given(body.get("table"), f"{where}.reads.table"),
        columns=tuple(body.get("columns", ())),
        when=choice(When, body.get("when", When.SAME), f"{where}.reads.when"),
    )


def _require_keys(body: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    strange = sorted(set(body) - known)
    if strange:
        message = f"{where}: no such key: {listed(strange)}"
        raise FaultError(message)


def _require_judgeable(rule: DriftRule, columns: Sequence[Column], where: str) -> None:
    """Refuse a rule without a bound, or one that reads a column which is not there."""
    if rule.is_of_change and rule.change_from is None and rule.change_to is None:
        message = f"{where}.implementation: say one of {listed(_BOUNDS)}"
        raise FaultError(message)
    unknown = sorted({*rule.by, *columns_measured(rule)} - {column.name for column in columns})
    if unknown:
        message = f"{where}: no such column: {listed(unknown)}"
        raise FaultError(message)


def columns_measured(rule: DriftRule) -> tuple[str, ...]:
    """The table's columns that a rule's measure and derived columns read, sorted.

    Example:
        >>> rule = DriftRule(
        ...     name="caps", sentence="Caps.", severity=Severity.WARN, noun="cap", form=Form.USD,
        ...     measure="SUM(close_usd * shares)", derived={"shares": "volume_shares + 0"},
        ...     change_to=0.5,
        ... )
        >>> columns_measured(rule)
        ('close_usd', 'volume_shares')
    """
    read: set[str] = set()
    for expression in (rule.measure, *rule.derived.values()):
        read.update(pl.sql_expr(expression).meta.root_names())
    return tuple(sorted(read - rule.derived.keys()))
