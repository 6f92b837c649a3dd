"""The verdicts on lines: gathered as one number a line, written out as texts.

Millions of lines are asked a dozen rules, and what comes of it is the same few hundred
combinations, so verdicts travel as bits and each combination is written once. What is
asked stands in `eligibility`; nothing here knows a rule.
"""

from __future__ import annotations

from enum import StrEnum
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.eligibility import ELIGIBILITY_RULES, LINE_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from r2k_pipeline.methodology.eligibility import EligibilityRule
    from r2k_pipeline.rulebook.rules import IndexRules

VERDICT_BITS = "verdict_bits"
"""The column in which all verdicts on a line travel."""

_UNKNOWN_SHIFT = 16
_NAMES = tuple(rule.name for rule in ELIGIBILITY_RULES)


class Verdict(StrEnum):
    """What a rule says of a line."""

    MET = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


def verdict_bits(
    rules: IndexRules, asked: Iterable[EligibilityRule] = ELIGIBILITY_RULES
) -> pl.Expr:
    """Ask rules of every line; all verdicts as one number.

    Args:
        rules: The rules in force.
        asked: Which rules of the table.

    Returns:
        An unsigned number over the lines: a bit a failed rule, at the rule's place in
        the table, and one a rule whose verdict is unknown, 16 places higher. What two
        disjoint askings give can be added.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> price = [r for r in ELIGIBILITY_RULES if r.name == "price_below_minimum"]
        >>> lines = pl.DataFrame({"close_usd": [12.0, 0.97, None]})
        >>> bits = lines.select(verdict_bits(rules_in_force(date(2022, 5, 6)), price)).to_series()
        >>> bits.to_list() == [0, 1 << 5, 1 << 21]
        True
    """
    return reduce(add, (_bit(rule.is_passed(rules), _NAMES.index(rule.name)) for rule in asked))


def _bit(is_passed: pl.Expr, place: int) -> pl.Expr:
    unknown, failed, nothing = (
        pl.lit(number, pl.UInt32) for number in (1 << place + _UNKNOWN_SHIFT, 1 << place, 0)
    )
    return (
        pl.when(is_passed).then(nothing).when(is_passed.is_null()).then(unknown).otherwise(failed)
    )


def has_failed() -> pl.Expr:
    """Whether any rule that was asked failed, over the column `verdict_bits`.

    Example:
        >>> lines = pl.DataFrame({"verdict_bits": [0, 1 << 5, 1 << 21]})
        >>> lines.select(has_failed()).to_series().to_list()
        [False, True, False]
    """
    return (pl.col(VERDICT_BITS) & ((1 << _UNKNOWN_SHIFT) - 1)) > 0


def verdict_texts(bits: pl.Series) -> Sequence[pl.Expr]:
    """Write verdicts out.

    Args:
        bits: All values of the column `verdict_bits`. The same few combinations recur,
            so each is written once.

    Returns:
        `exclusion_reason` (the first failed rule's, null if none failed; reads
        `line_type` too), `failed_rules` and `unknown_rules` (names in the order of the
        table, separated by a space; null if there are none), as expressions over the
        same column.

    Example:
        >>> lines = pl.DataFrame({
        ...     "line_type": ["common", "spac"], "verdict_bits": [1 << 21, (1 << 5) + 1],
        ... }, schema_overrides={"verdict_bits": pl.UInt32})
        >>> for row in lines.select(*verdict_texts(lines["verdict_bits"])).rows():
        ...     print(row)
        (None, None, 'price_below_minimum')
        ('spac', 'line_type price_below_minimum', None)
    """
    patterns = bits.unique().to_list()
    failed = [_named(pattern, _NAMES) for pattern in patterns]
    unknown = [_named(pattern >> _UNKNOWN_SHIFT, _NAMES) for pattern in patterns]
    first = [None if found is None else found.split(" ", 1)[0] for found in failed]
    column = pl.col(VERDICT_BITS)

    def written(texts: list[str | None]) -> pl.Expr:
        return column.replace_strict(
            pl.Series(patterns, dtype=pl.UInt32),
            pl.Series(texts, dtype=pl.String),
            return_dtype=pl.String,
        )

    return (
        pl.when((column & 1) == 1)
        .then(LINE_TYPE)
        .otherwise(written(first))
        .alias("exclusion_reason"),
        written(failed).alias("failed_rules"),
        written(unknown).alias("unknown_rules"),
    )


def _named(pattern: int, names: Sequence[str]) -> str | None:
    """The rules of the lower bits.

    Example:
        >>> _named(0b101, ["type", "price", "cap"])
        'type cap'
    """
    return " ".join(name for place, name in enumerate(names) if pattern >> place & 1) or None


def verdict_of(rule: EligibilityRule) -> pl.Expr:
    """What a rule said of a line, read from the texts of contract `universe`.

    Example:
        >>> lines = pl.DataFrame({
        ...     "failed_rules": ["line_type", None], "unknown_rules": [None, "exchange"]
        ... })
        >>> lines.select(kind=verdict_of(ELIGIBILITY_RULES[0])).to_series().to_list()
        ['fail', 'pass']
    """

    def names_it(texts: str) -> pl.Expr:
        words = pl.concat_str(pl.lit(" "), pl.col(texts), pl.lit(" "))
        return words.str.contains(f" {rule.name} ", literal=True).fill_null(value=False)

    return (
        pl.when(names_it("failed_rules"))
        .then(pl.lit(Verdict.FAIL.value))
        .when(names_it("unknown_rules"))
        .then(pl.lit(Verdict.UNKNOWN.value))
        .otherwise(pl.lit(Verdict.MET.value))
    )
