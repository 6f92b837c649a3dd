"""Which frame answers which rule: the whole frame, its distinct values, or its suspects.

Great Expectations takes some 20 to 200 ms an expectation on two million rows, and a
session's texts repeat hundreds of times. So a rule is shown the smallest frame that
gives the same verdict:

- *suspects*: a rule against missing values is shown the rows without one, a rule of
  bounds, of a set or of two columns those outside it, all in one call. A rule of
  uniqueness is shown only rows whose key shares its hash with another row: equal keys
  have equal hashes, so every duplicate is among them; a collision shows an innocent
  row, which the rule then clears.
- *distinct*: another rule that looks at each row alone, at a few columns whose values
  repeat (text, flags, dates, small integers), is shown each combination once. A row
  breaks the rule exactly if its combination does.
- *counted*: a rule on the number of rows is shown flags, no more than it asks for.
- *whole*: everything else, all such rules in one call.

The verdict is always Great Expectations', never this module's. Small frames are
shown whole, since a call has its price. Add a kind of view here; running one is
`engine`'s business.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import polars as pl

from r2k_pipeline.contracts.expectations import judged_columns, tolerates_failures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from r2k_pipeline.contracts.model import Contract, Rule

# Below this many rows one call on the whole frame is quicker than several on parts of it.
REDUCE_FROM = 50_000


class _Kind(Enum):
    """How a rule is answered."""

    WHOLE = auto()
    KEY = auto()
    COUNT = auto()
    SUSPECTS = auto()
    DISTINCT = auto()


# Expectations that each row keeps or breaks by itself, beside those of `suspicion`.
_JUDGED_ROW_BY_ROW = frozenset({
    "expect_column_values_to_be_null",
    "expect_column_values_to_not_be_in_set",
    "expect_column_values_to_match_regex",
    "expect_column_values_to_not_match_regex",
    "expect_column_value_lengths_to_be_between",
})  # fmt: skip
_JUDGED_BY_COUNT = "expect_table_row_count_to_be_between"
_JUDGED_BY_KEY = frozenset({
    "expect_compound_columns_to_be_unique",
    "expect_column_values_to_be_unique",
})  # fmt: skip
# Of more, each combination of values once is the smaller frame.
_MOST_SUSPECTS = 10_000
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
    by_kind: defaultdict[_Kind, list[Rule]] = defaultdict(list)
    is_reduced = frame.height >= reduce_from
    for rule in contract.rules:
        by_kind[_kind(rule, judged) if is_reduced else _Kind.WHOLE].append(rule)
    for rule in by_kind[_Kind.KEY]:
        yield _sharing_a_hash(judged.select(judged_columns(rule)), rule)
    for rule in by_kind[_Kind.COUNT]:
        yield _counted(frame, rule)
    suspected, crowded = _few_and_many(judged, by_kind[_Kind.SUSPECTS])
    if suspected:
        yield _suspects(judged.select(_needed(contract, suspected)), suspected)
    again = [rule for rule in crowded if _repeats(judged, judged_columns(rule))]
    yield from _distinct(judged, [*by_kind[_Kind.DISTINCT], *again])
    if whole := [*by_kind[_Kind.WHOLE], *(rule for rule in crowded if rule not in again)]:
        shown = judged.select(_needed(contract, whole))
        yield View(shown=shown, rules=tuple(whole), source=shown)


def _kind(rule: Rule, judged: pl.DataFrame) -> _Kind:
    """How a rule is answered on a large frame."""
    columns = judged_columns(rule)
    if tolerates_failures(rule):
        # How large a part of the rows breaks it cannot be judged on fewer rows.
        return _Kind.WHOLE
    if rule.expectation in _JUDGED_BY_KEY:
        return _Kind.KEY
    if rule.expectation == _JUDGED_BY_COUNT:
        return _Kind.COUNT
    if suspicion(rule) is not None:
        return _Kind.SUSPECTS
    if _repeats(judged, columns) and rule.expectation in _JUDGED_ROW_BY_ROW:
        return _Kind.DISTINCT
    return _Kind.WHOLE


def suspicion(rule: Rule) -> pl.Expr | None:
    """True for rows that may break a rule; none where rows are not told apart by a condition.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> rules = {rule.name: rule for rule in contract("raw_listings").rules}
        >>> closes = pl.DataFrame({"close_usd": [None, -1.0, 0.0, 0.5]})
        >>> closes.select(suspicion(rules["close_is_positive"]))["close_usd"].to_list()
        [None, True, True, False]
        >>> suspicion(rules["symbol_is_well_formed"]) is None
        True
    """
    told = rule.arguments
    match rule.expectation:
        case "expect_column_values_to_not_be_null":
            return pl.col(told["column"]).is_null()
        case "expect_column_values_to_be_in_set":
            return ~pl.col(told["column"]).is_in(told["value_set"])
        case "expect_column_values_to_be_between":
            return _outside(told)
        case "expect_column_pair_values_a_to_be_greater_than_b":
            return pl.col(told["column_A"]) <= pl.col(told["column_B"])
        case "expect_column_pair_values_to_be_equal":
            return pl.col(told["column_A"]) != pl.col(told["column_B"])
        case _:
            return None


def _outside(told: Mapping[str, Any]) -> pl.Expr:
    """Below the least or above the greatest value, or on one that is not allowed itself."""
    value, outside = pl.col(told["column"]), pl.lit(False)
    low, high = told.get("min_value"), told.get("max_value")
    if low is not None:
        outside |= value <= low if told.get("strict_min") else value < low
    if high is not None:
        outside |= value >= high if told.get("strict_max") else value > high
    return outside.alias(told["column"])


def _few_and_many(judged: pl.DataFrame, rules: Sequence[Rule]) -> tuple[list[Rule], list[Rule]]:
    """Rules with a handful of suspects, and those that half the rows would be suspects of."""
    conditions = {rule.name: suspicion(rule) for rule in rules}
    counts = judged.select(c.sum().alias(name) for name, c in conditions.items() if c is not None)
    few = [rule for rule in rules if (counts[rule.name][0] or 0) <= _MOST_SUSPECTS]
    return few, [rule for rule in rules if rule not in few]


def _suspects(source: pl.DataFrame, rules: Sequence[Rule]) -> View:
    conditions = [found for rule in rules if (found := suspicion(rule)) is not None]
    # Each condition may be of a column of its own, but two may be of the same.
    named = [found.alias(str(place)) for place, found in enumerate(conditions)]
    suspected = source.select(named).select(pl.any_horizontal(pl.all()).fill_null(False))
    mask = suspected.to_series()
    return View(
        shown=source.filter(mask), rules=tuple(rules), source=source, positions=mask.arg_true()
    )


def _distinct(judged: pl.DataFrame, rules: Sequence[Rule]) -> Iterator[View]:
    by_columns: defaultdict[tuple[str, ...], list[Rule]] = defaultdict(list)
    for rule in rules:
        by_columns[judged_columns(rule)].append(rule)
    for columns, together in by_columns.items():
        source = judged.select(columns)
        yield View(
            shown=source.unique(maintain_order=True),
            rules=tuple(together),
            source=source,
            is_distinct=True,
        )


def _counted(frame: pl.DataFrame, rule: Rule) -> View:
    """As many rows as there are; without an upper bound no more than are asked for."""
    rows, least = frame.height, rule.arguments.get("min_value") or 0
    if rule.arguments.get("max_value") is None:
        rows = min(rows, least)
    shown = pl.DataFrame({"row": pl.repeat(True, rows, eager=True)})
    return View(shown=shown, rules=(rule,), source=shown)


def _repeats(frame: pl.DataFrame, columns: Sequence[str]) -> bool:
    return bool(columns) and all(frame.schema.get(name) in _REPEATING for name in columns)


def _sharing_a_hash(keys: pl.DataFrame, rule: Rule) -> View:
    shares_its_hash = keys.select(pl.struct(pl.all()).hash().is_duplicated()).to_series()
    positions = shares_its_hash.arg_true()
    return View(shown=keys.filter(shares_its_hash), rules=(rule,), source=keys, positions=positions)


def _needed(contract: Contract, rules: Iterable[Rule]) -> list[str]:
    """What the rules judge; at least one column, for rules about the table."""
    names = dict.fromkeys(name for rule in rules for name in judged_columns(rule))
    return list(names) or [contract.names[0]]
