"""4b: what the members of each index are worth, added up the same way everywhere.

Sums are rounded once, so they do not depend on the order of rows, on which sessions are
summed together or on how a frame is laid in memory: a session that is rebuilt alone has
the same bytes. Ledger and levels both take their market values from here.
"""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING

import polars as pl
from polars import selectors as cs

from r2k_pipeline.methodology.edges import in_index
from r2k_pipeline.methodology.index_lines import is_grouped, lines_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2k_pipeline.rulebook.index_definition import IndexDefinition

# An index that is worth less than this part of what it was has lost its last member.
_NOTHING_LEFT = 1e-12


def exact_sum(column: str) -> pl.Expr:
    """Add a column up within groups, rounded once at the end; null counts as nothing.

    Example:
        >>> rows = pl.DataFrame({"day": [1, 1, 1], "usd": [1e16, 1.0, -1e16]})
        >>> rows.group_by("day").agg(exact_sum("usd"))["usd"].item()
        1.0
    """
    return (
        pl.col(column)
        .drop_nulls()
        .map_batches(_rounded_once, return_dtype=pl.Float64, returns_scalar=True)
    )


def _rounded_once(values: pl.Series) -> float:
    return fsum(values.to_list())


def market_values(
    lines: pl.DataFrame,
    *,
    family: Mapping[str, IndexDefinition],
    factors: pl.DataFrame,
    facts: Mapping[str, pl.Expr] | None = None,
) -> pl.DataFrame:
    """Add up the market value of each index on each session.

    Args:
        lines: Contract `constituents`, any sessions. Read: `session`, `security_id`,
            `indexes`, `market_value_usd`, and `float_factor`, `parent_security_id` where
            an index weighs by them.
        family: The indexes.
        factors: Contract `weight_factors` from the last reset by the first session on;
            may be empty if no index of the family has factors.
        facts: What else is to be known of the lines of an index on a session, by name: a
            count, or the earliest of dates.

    Returns:
        `index_id`, `session`, `market_value_usd` (USD), `members` (lines) and the facts,
        one row per index that has members on a session, sorted by `index_id`, `session`.

    Notes:
        Lines in the same indexes are added first, and then these sums.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> lines = pl.DataFrame({
        ...     "session": [date(2024, 7, 1)] * 2, "security_id": ["ACE", "BOLT"],
        ...     "indexes": ["r3000 r2000", "r3000"], "market_value_usd": [20.0, 10.0],
        ... })
        >>> small = {"r2000": family()["r2000"], "r3000": family()["r3000"]}
        >>> market_values(lines, family=small, factors=pl.DataFrame())[
        ...     "market_value_usd"].to_list()
        [20.0, 30.0]
    """
    asked = facts or {}
    together = _sums(lines, asked)
    parts = [
        _of_index(
            index.index_id,
            together if is_grouped(index) else _sums(lines_of(lines, index, factors), asked),
        )
        for index in family.values()
    ]
    return pl.concat(parts).sort("index_id", "session")


def _sums(lines: pl.DataFrame, facts: Mapping[str, pl.Expr]) -> pl.DataFrame:
    return lines.group_by("session", "indexes").agg(
        exact_sum("market_value_usd"), members=pl.len().cast(pl.Int32), **facts
    )


def _of_index(index_id: str, sums: pl.DataFrame) -> pl.DataFrame:
    return (
        sums.filter(in_index(index_id))
        .group_by("session")
        .agg(
            exact_sum("market_value_usd"),
            cs.integer().sum(),
            (cs.date() - cs.by_name("session")).min(),
        )
        .select(pl.lit(index_id).alias("index_id"), pl.all())
    )


def in_one_where_emptied(changes: pl.DataFrame) -> pl.DataFrame:
    """Make one of a session's changes where an index would hold nothing between them.

    Nothing is worth no factor: whoever leaves last and whoever comes first change places at
    once.

    Args:
        changes: Of one index, by session and in the order in which they are made: `session`,
            `before_usd` (what it is worth before the first), `change_usd`, `withheld_usd`,
            `labels`, and columns of which the last row's value stands for all.

    Example:
        >>> from datetime import date
        >>> in_one_where_emptied(pl.DataFrame({
        ...     "session": [date(2024, 7, 1)] * 2, "cause": ["deletion", "reconstitution"],
        ...     "before_usd": 200.0, "change_usd": [-200.0, 900.0], "withheld_usd": 0.0,
        ...     "labels": [["bankruptcy HAL"], []],
        ... }, schema_overrides={"labels": pl.List(pl.String)})).select(
        ...     "cause", "change_usd", "labels").rows()
        [('reconstitution', 700.0, ['bankruptcy HAL'])]
    """
    left = pl.col("before_usd") + pl.col("change_usd").cum_sum().over("session")
    is_nothing = left <= _NOTHING_LEFT * pl.col("before_usd")
    emptied = changes.filter(is_nothing.any().over("session") & (pl.len().over("session") > 1))
    if emptied.is_empty():
        return changes
    others = changes.join(emptied.select("session").unique(), on="session", how="anti")
    as_one = emptied.group_by("session", maintain_order=True).agg(
        exact_sum("change_usd"),
        exact_sum("withheld_usd"),
        pl.col("labels").explode().drop_nulls().unique().sort(),
        pl.exclude("session", "change_usd", "withheld_usd", "labels").last(),
    )
    return pl.concat([others, as_one.select(changes.columns)]).sort("session", maintain_order=True)
