"""Contract -> Great Expectations: the suite as plain data, and the columns that rules read.

Add here what is known about a rule without running it. Great Expectations itself is
imported only by `quality.expectations`, which runs the suite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from r2k_pipeline.contracts.model import Contract, Rule

_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")
_COLUMN_LIST_ARGUMENTS = ("column_list", "column_set")
_TOLERANCE = "mostly"


def suite_arguments(contract: Contract) -> dict[str, Any]:
    """The keyword arguments of a `great_expectations.ExpectationSuite`.

    Each expectation carries its rule's name in `meta`, in the contract's order.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> suite = suite_arguments(contract("signals"))
        >>> suite["name"], suite["expectations"][0]["type"]
        ('signals', 'expect_compound_columns_to_be_unique')
    """
    return {
        "name": contract.table,
        "expectations": [expectation_arguments(rule) for rule in contract.rules],
    }


def expectation_arguments(rule: Rule) -> dict[str, Any]:
    """One rule as Great Expectations takes it.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> rule = contract("signals").rules[0]
        >>> sorted(expectation_arguments(rule))
        ['kwargs', 'meta', 'severity', 'type']
    """
    return {
        "type": rule.expectation,
        "kwargs": dict(rule.arguments),
        "severity": "critical" if rule.severity == "error" else "warning",
        "meta": {"rule": rule.name},
    }


def tolerates_failures(rule: Rule) -> bool:
    """Whether a part of the rows may break the rule.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> tolerates_failures(contract("signals").rules[0])
        False
    """
    return _TOLERANCE in rule.arguments


def judged_columns(rule: Rule) -> tuple[str, ...]:
    """The columns that the rule's expectation names, derived ones among them.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> dense = next(r for r in contract("ranking").rules if r.name == "ranks_are_dense")
        >>> judged_columns(dense)
        ('highest_rank_in_session', 'companies_in_session')
    """
    named = [str(rule.arguments[a]) for a in _COLUMN_ARGUMENTS if a in rule.arguments]
    for argument in _COLUMN_LIST_ARGUMENTS:
        named += [str(name) for name in rule.arguments.get(argument, ())]
    return tuple(dict.fromkeys(named))


def columns_read(contract: Contract, rule: Rule) -> tuple[str, ...]:
    """The contract's own columns that a rule depends on, in the contract's order.

    Those behind derived columns are counted in.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> ranking = contract("ranking")
        >>> dense = next(r for r in ranking.rules if r.name == "ranks_are_dense")
        >>> columns_read(ranking, dense)
        ('session', 'rank')
    """
    read = set(judged_columns(rule))
    for expression in rule.derived.values():
        read.update(pl.sql_expr(expression).meta.root_names())
    return tuple(name for name in contract.names if name in read)
