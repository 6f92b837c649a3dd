"""Which frame answers which rule: the whole frame, its distinct values, or its suspects.

Great Expectations takes some 20 to 200 ms an expectation on two million rows, and a
session's texts repeat hundreds of times. So a rule is shown the smallest frame that
gives the same verdict:

- *distinct*: a rule that looks at each row alone, at a few columns whose values repeat
  (text, flags, dates, small integers), is shown each combination once. A row breaks
  the rule exactly if its combination does.
- *suspects*: a rule of uniqueness is shown only rows whose key shares its hash with
  another row. Equal keys have equal hashes, so every duplicate is among them; a
  collision shows an innocent row, which the rule then clears.
- *whole*: everything else, all such rules in one call.

The verdict is always Great Expectations', never this module's. Small frames are
shown whole, since a call has its price. Add a kind of view here; running one is
`engine`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.expectations import judged_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from r2k_pipeline.contracts.model import Contract, Rule

# Below this many rows one call on the whole frame is quicker than several on parts of it.
REDUCE_FROM = 50_000

# Expectations that each row keeps or breaks by itself.
_JUDGED_ROW_BY_ROW = frozenset({
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_be_null",
    "expect_column_values_to_be_between",
    "expect_column_values_to_be_in_set",
    "expect_column_values_to_not_be_in_set",
    "expect_column_values_to_match_regex",
    "expect_column_values_to_not_match_regex",
    "expect_column_value_lengths_to_be_between",
    "expect_column_pair_values_a_to_be_greater_than_b",
    "expect_column_pair_values_to_be_equal",
})  # fmt: skip
_JUDGED_BY_KEY = frozenset({
    "expect_compound_columns_to_be_unique",
    "expect_column_values_to_be_unique",
})  # fmt: skip
# How large a part of the rows may break a rule cannot be judged on fewer rows.
_COUNTING_ARGUMENT = "mostly"
_REPEATING = (pl.String, pl.Boolean, pl.Date, pl.Int32, pl.UInt32)


@dataclass(frozen=True, kw_only=True)
class View:
    """A frame to show, the rules it answers, and the way back to the rows.

    Attributes:
        shown: The frame for the engine; only columns that the rules judge.
        rules: The rules that it answers.
        source: The frame that `shown` was reduced from, with the same columns.
        positions: For suspects, the position in `source` of each row of `shown`.
        is_distinct: Whether `shown` has each combination of values once.
    """

    shown: pl.DataFrame
    rules: tuple[Rule, ...]
    source: pl.DataFrame
    positions: pl.Series | None = None
    is_distinct: bool = False

    def rows(self, failing: Sequence[int]) -> pl.Series:
        """The positions in the source of what `failing` rows of `shown` stand for."""
        failed = pl.Series("row", failing, dtype=pl.UInt32)
        if self.is_distinct:
            broken = self.shown[failed]
            return (
                self.source.with_row_index("row")
                .join(broken, on=broken.columns, how="semi", nulls_equal=True)["row"]
                .sort()
            )
        return failed if self.positions is None else self.positions.gather(failed)


def with_derived(frame: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """The frame with the columns that the rule derives for itself."""
    return frame.with_columns(
        pl.sql_expr(expression).alias(name) for name, expression in rule.derived.items()
    )


def views(contract: Contract, frame: pl.DataFrame, *, reduce_from: int) -> Iterator[View]:
    """Split the contract's rules over as few and as small frames as give the same verdicts.

    Args:
        contract: Whose rules.
        frame: Contract-shaped rows of any range.
        reduce_from: Rows from which reduced views are used.

    Yields:
        Views that together answer every rule exactly once.
    """
    judged = frame
    for rule in contract.rules:
        if rule.derived:
            judged = with_derived(judged, rule)
    whole: list[Rule] = []
    distinct: dict[tuple[str, ...], list[Rule]] = {}
    for rule in contract.rules:
        columns = judged_columns(rule)
        if frame.height < reduce_from or _COUNTING_ARGUMENT in rule.arguments:
            whole.append(rule)
        elif rule.expectation in _JUDGED_BY_KEY:
            yield _suspects(judged.select(columns), rule)
        elif _repeats(judged, columns) and rule.expectation in _JUDGED_ROW_BY_ROW:
            distinct.setdefault(columns, []).append(rule)
        else:
            whole.append(rule)
    for columns, rules in distinct.items():
        source = judged.select(columns)
        yield View(
            shown=source.unique(maintain_order=True),
            rules=tuple(rules),
            source=source,
            is_distinct=True,
        )
    if whole:
        shown = judged.select(_needed(contract, whole))
        yield View(shown=shown, rules=tuple(whole), source=shown)


def _repeats(frame: pl.DataFrame, columns: Sequence[str]) -> bool:
    return bool(columns) and all(frame.schema.get(name) in _REPEATING for name in columns)


def _suspects(keys: pl.DataFrame, rule: Rule) -> View:
    shares_its_hash = keys.select(pl.struct(pl.all()).hash().is_duplicated()).to_series()
    positions = shares_its_hash.arg_true()
    return View(shown=keys.filter(shares_its_hash), rules=(rule,), source=keys, positions=positions)


def _needed(contract: Contract, rules: Iterable[Rule]) -> list[str]:
    """What the rules judge; at least one column, for rules about the table."""
    names = dict.fromkeys(name for rule in rules for name in judged_columns(rule))
    return list(names) or [contract.names[0]]
