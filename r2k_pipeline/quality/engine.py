"""The only place that runs Great Expectations: one frame, some expectations, their verdicts.

Add here what the engine needs to be told. Which frame answers which rule is
`views`; what a verdict means for the table is `expectations`. Great Expectations
and pandas are imported on first use, because that takes seconds.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from r2k_pipeline.contracts.expectations import expectation_arguments, tolerates_failures
from r2k_pipeline.errors import CheckExecutionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from r2k_pipeline.contracts.model import Rule

# Great Expectations publishes no types.
Untyped: TypeAlias = Any

# Whether it holds, at half the price: the engine computes only what this needs.
_VERDICT_ALONE = {"result_format": "BOOLEAN_ONLY"}
# Positions of all failing rows, but neither their values nor a pandas query to find them.
_WITH_POSITIONS = {
    "result_format": "COMPLETE",
    "partial_unexpected_count": 0,
    "return_unexpected_index_query": False,
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the engine says of one expectation.

    Attributes:
        is_passed: Whether it holds.
        positions: Failing rows, by position in the frame that was shown.
        observed: The observed value of an expectation about the table that does not hold.
    """

    is_passed: bool
    positions: tuple[int, ...]
    observed: object


def validate(table: str, frame: pl.DataFrame, rules: Sequence[Rule]) -> list[Verdict]:
    """Run the rules' expectations on one frame: all at once, then what fails for its rows.

    Args:
        table: Named in errors.
        frame: The columns that the rules judge, and no more: the engine hashes all.
        rules: Which expectations.

    Returns:
        One verdict a rule, in the rules' order.

    Raises:
        CheckExecutionError: An expectation could not be built or its metric raised.
            The engine itself would call that a failed check.
    """
    definition = _batch_definition()
    batch = definition.get_batch({"dataframe": frame.to_pandas()})
    try:
        found = _verdicts(table, batch, rules, _VERDICT_ALONE)
        # A rule that holds has failing rows only if it tolerates some.
        told = [r for r in rules if not found[r.name].is_passed or tolerates_failures(r)]
        if told:
            found |= _verdicts(table, batch, told, _WITH_POSITIONS)
    finally:
        # The engine keeps the last frame it saw; let it keep an empty one.
        definition.get_batch({"dataframe": frame.clear().to_pandas()})
    return [found[rule.name] for rule in rules]


def _verdicts(
    table: str, batch: Untyped, rules: Sequence[Rule], result_format: Mapping[str, object]
) -> dict[str, Verdict]:
    """What the engine says of a batch, by rule."""
    engine = _great_expectations()
    refusals = (ValueError, TypeError, KeyError, engine.exceptions.GreatExpectationsError)
    try:
        suite = engine.ExpectationSuite(
            name=table, expectations=[expectation_arguments(rule) for rule in rules]
        )
    except refusals as fault:
        raise _cannot(table, ", ".join(rule.name for rule in rules), fault) from fault
    result = batch.validate(suite, result_format=result_format)
    by_rule = {entry.expectation_config.meta["rule"]: entry for entry in result.results}
    return {rule.name: _verdict(table, rule, by_rule.get(rule.name)) for rule in rules}


@cache
def _great_expectations() -> Untyped:
    """Import the engine. It imports a deprecated module of the standard library."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return import_module("great_expectations")


@cache
def _batch_definition() -> Untyped:
    asset = new_context().data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("whole")


def new_context(sites: Mapping[str, object] | None = None) -> Untyped:
    """A silent context of the engine that keeps nothing beyond this process.

    Args:
        sites: The sites of its Data Docs by name; none without it.
    """
    context = _great_expectations().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    context.variables.analytics_enabled = False
    if sites is not None:
        for name in list(context.variables.data_docs_sites):
            context.delete_data_docs_site(name)
        for name, site in sites.items():
            context.add_data_docs_site(name, site)
    return context


def table_batch(
    context: Untyped,
    name: str,
    partitions: str,
    frame: pl.DataFrame,
    expectations: Sequence[dict[str, Any]],
) -> Untyped:
    """Run expectations on a frame within a context, which keeps the result for its Data Docs.

    Args:
        context: As `new_context` gives it.
        name: A name that the context does not know yet.
        partitions: What the frame holds, for a reader.
        frame: The columns that the expectations judge.
        expectations: As `expectation_arguments` gives them.

    Returns:
        The engine's result.
    """
    engine = _great_expectations()
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    suite = context.suites.add(engine.ExpectationSuite(name=name, expectations=expectations))
    definition = engine.ValidationDefinition(
        name=name, data=asset.add_batch_definition_whole_dataframe(partitions), suite=suite
    )
    run = context.validation_definitions.add(definition)
    return run.run(
        batch_parameters={"dataframe": frame.to_pandas()},
        result_format={"result_format": "SUMMARY"},
    )


def _verdict(table: str, rule: Rule, entry: Untyped) -> Verdict:
    # The engine leaves out an expectation that it does not know.
    raised = f"no {rule.expectation}" if entry is None else _raised(entry.exception_info)
    if raised is not None:
        raise _cannot(table, rule.name, raised)
    result = entry.result
    return Verdict(
        is_passed=bool(entry.success),
        positions=tuple(int(p) for p in result.get("unexpected_index_list") or ()),
        observed=result.get("observed_value"),
    )


def _raised(info: dict[str, Any]) -> object | None:
    """The message of the first metric that raised: the engine nests it by metric, or not."""
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if isinstance(entry, dict) and entry.get("raised_exception"):
            return entry.get("exception_message") or "no message"
    return None


def _cannot(table: str, check: str, reason: object) -> CheckExecutionError:
    return CheckExecutionError(
        f"{table}: the check {check} could not be evaluated: {' '.join(str(reason).split())}",
        state=f"nothing is known about the rows; {table} was not touched",
        remedy=f"this is a fault in data_contracts/{table}.yaml or in the program, not in the data",
    )
