"""The lines of one index with what they weigh in it: shares times float times factor.

Holds how an index's weighting acts on the family's constituents. Which factor a line
has is `weighting`; what is summed of the lines is `divisors` and `levels`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.edges import in_index
from r2k_pipeline.rulebook.index_definition import Weighting

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.index_definition import IndexDefinition


def is_grouped(index: IndexDefinition) -> bool:
    """Whether the family's own shares weigh the index, so that many are summed together.

    Example:
        >>> from r2k_pipeline.rulebook.family import family
        >>> is_grouped(family()["r2000"]), is_grouped(family()["r2000eq"])
        (True, False)
    """
    return index.weighting is Weighting.FREE_FLOAT_MARKET_CAP and not index.has_factors


def lines_of(lines: pl.DataFrame, index: IndexDefinition, factors: pl.DataFrame) -> pl.DataFrame:
    """Take the lines of one index, with its own shares and values.

    Args:
        lines: Contract `constituents`, any sessions. Read: `session`, `security_id`,
            `indexes`, and of these what is there: `index_shares`, `market_value_usd`,
            `float_factor`, `parent_security_id`.
        index: The index.
        factors: Contract `weight_factors` from the last reset by the first session
            on; not read if the index has none.

    Returns:
        The rows of `lines` that are in the index, `indexes` naming it alone, with
        `index_shares` and `market_value_usd` as it counts them.

    Notes:
        A line without a factor since the last reset is not in the index before the next;
        a child that joined since then counts with the factor of its parent.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> lines = pl.DataFrame({
        ...     "session": [date(2022, 6, 28)] * 2, "security_id": ["S1", "S2"],
        ...     "indexes": ["r2000 r2000eq", "r1000"], "market_value_usd": [300.0, 900.0],
        ... })
        >>> factors = pl.DataFrame({
        ...     "index_id": ["r2000eq"], "session": [date(2022, 6, 27)], "security_id": ["S1"],
        ...     "factor": [0.5],
        ... })
        >>> lines_of(lines, family()["r2000eq"], factors)["market_value_usd"].to_list()
        [150.0]
    """
    own = lines.filter(in_index(index.index_id)).with_columns(indexes=pl.lit(index.index_id))
    if index.has_factors:
        own = _with_factors(own, factors.filter(pl.col("index_id") == index.index_id))
        return _scaled(own, pl.col("factor")).drop("factor")
    if index.weighting is Weighting.FULL_MARKET_CAP:
        return _scaled(own, 1 / pl.col("float_factor"))
    return own


def _with_factors(own: pl.DataFrame, factors: pl.DataFrame) -> pl.DataFrame:
    """Join the factor of the last reset by each session."""
    resets = factors.select(reset="session").unique().sort("reset")
    in_force = (
        own.select("session")
        .unique()
        .sort("session")
        .join_asof(resets, left_on="session", right_on="reset", strategy="backward")
    )
    known = factors.select("security_id", "factor", reset="session")
    dated = own.join(in_force, on="session")
    found = dated.join(known, on=["reset", "security_id"], how="left")
    if "parent_security_id" in own.columns:
        of_parents = known.select("reset", parent_security_id="security_id", parent_factor="factor")
        found = found.join(of_parents, on=["reset", "parent_security_id"], how="left")
        found = found.with_columns(factor=pl.coalesce("factor", "parent_factor"))
    return found.drop_nulls("factor").select(*own.columns, "factor")


def _scaled(own: pl.DataFrame, scale: pl.Expr) -> pl.DataFrame:
    named = [name for name in ("index_shares", "market_value_usd") if name in own.columns]
    return own.with_columns(pl.col(named) * scale)
