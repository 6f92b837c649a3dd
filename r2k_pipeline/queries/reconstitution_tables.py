"""The tables of one event that follow from its decisions alone.

Frames in, frames out, each of `reconstitution` and `breakpoints`: ranges, the largest,
migrations, whose sectors moved, what the bands held. What follows from holdings is
`rebalance`; reading and the summary are `reconstitution`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.edges import in_index
from r2k_pipeline.queries.composition import UNKNOWN_SECTOR
from r2k_pipeline.queries.reconstitution import MOVES, cap_ranges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2k_pipeline.rulebook.index_definition import IndexDefinition

OUTSIDE = "outside"
"""Where a company is that no segment holds."""

_SIZES = {"large": 0, "small": 1, "micro": 2, OUTSIDE: 3}


def ranges_against(
    decided: pl.DataFrame, before: pl.DataFrame | None, family: Mapping[str, IndexDefinition]
) -> pl.DataFrame:
    """Size each index after an event beside its size after the event before.

    Args:
        decided: Contract `reconstitution` of the event.
        before: The same of the event before; None if there is none.
        family: The indexes.

    Returns:
        As `reconstitution.cap_ranges`, plus `total_before_usd` and `change_share`; null
        where there is nothing to compare with. Both totals are those of their rank days.

    Example:
        >>> from r2k_pipeline.rulebook.family import family
        >>> now, before = (
        ...     pl.DataFrame({"indexes": ["r3000 r2000"], "total_market_cap_usd": [cap]})
        ...     for cap in (6.0, 5.0)
        ... )
        >>> ranges_against(now, before, family()).select("group", "change_share").row(0)
        ('r3000', 0.19999999999999996)
    """
    now = cap_ranges(decided, family)
    if before is None:
        return now.with_columns(
            total_before_usd=pl.lit(None, pl.Float64), change_share=pl.lit(None, pl.Float64)
        )
    earlier = cap_ranges(before, family).select("group", total_before_usd="total_usd")
    return now.join(earlier, on="group", how="left", maintain_order="left").with_columns(
        change_share=pl.col("total_usd") / pl.col("total_before_usd") - 1
    )


def largest(decided: pl.DataFrame, before: pl.DataFrame | None, *, count: int = 10) -> pl.DataFrame:
    """List the largest companies of a rank day with their ranks at the event before.

    Args:
        decided: Contract `reconstitution` of the event.
        before: The same of the event before; None if there is none.
        count: How many.

    Returns:
        `rank`, `previous_rank` (null for who was not ranked), `symbol`, `name`, `sector`,
        `total_market_cap_usd`, `change_share` of it and `cumulative_market_cap_share`.

    Example:
        >>> columns = ["rank", "symbol", "name", "sector", "company_id",
        ...            "total_market_cap_usd", "cumulative_market_cap_share"]
        >>> now = pl.DataFrame([(1, "B", "B", None, "C2", 6.0, 0.6)], schema=columns, orient="row")
        >>> then = pl.DataFrame([(2, "B", "B", None, "C2", 4.0, 1.0)], schema=columns, orient="row")
        >>> largest(now, then).select("rank", "previous_rank", "change_share").row(0)
        (1, 2, 0.5)
    """
    top = decided.drop_nulls("rank").sort("rank").head(count)
    earlier = (decided.clear() if before is None else before).select(
        "company_id", previous_rank="rank", previous_usd="total_market_cap_usd"
    )
    return (
        top.join(earlier, on="company_id", how="left", maintain_order="left")
        .with_columns(change_share=pl.col("total_market_cap_usd") / pl.col("previous_usd") - 1)
        .select(
            "rank", "previous_rank", "symbol", "name", "sector", "total_market_cap_usd",
            "change_share", "cumulative_market_cap_share",
        )
    )  # fmt: skip


def migrations(decided: pl.DataFrame) -> pl.DataFrame:
    """Count the ways from segment to segment.

    Args:
        decided: Contract `reconstitution`, one event.

    Returns:
        One row per pair of segments that a company went between or stayed in, from the
        largest down: `previous_segment`, `segment` (`outside` where it is none),
        `companies` and `total_usd` (null where no company of the row was ranked).
        Companies that were and stay outside have no row.

    Example:
        >>> decided = pl.DataFrame({
        ...     "previous_segment": ["small", None, None], "segment": ["large", "small", None],
        ...     "total_market_cap_usd": [9.0, 1.0, 0.1],
        ... })
        >>> migrations(decided).rows()
        [('small', 'large', 1, 9.0), ('outside', 'small', 1, 1.0)]
    """
    cap = pl.col("total_market_cap_usd")
    places = ("previous_segment", "segment")
    return (
        decided.filter(pl.any_horizontal(pl.col(places).is_not_null()))
        .with_columns(pl.col(places).fill_null(OUTSIDE))
        .group_by(places)
        .agg(companies=pl.len(), total_usd=pl.when(cap.count() > 0).then(cap.sum()))
        .sort([pl.col(place).replace_strict(_SIZES, return_dtype=pl.Int8) for place in places])
    )


def mover_sectors(decided: pl.DataFrame) -> pl.DataFrame:
    """Count additions, deletions and moves by sector, the busiest sector first.

    Args:
        decided: Contract `reconstitution`, one event.

    Returns:
        `sector`, and one column of counts a decision of `reconstitution.MOVES`.

    Example:
        >>> decided = pl.DataFrame({"sector": ["Energy", None], "decision": ["enters"] * 2})
        >>> mover_sectors(decided).row(0)
        ('Energy', 1, 0, 0, 0)
    """
    counts = {kind: (pl.col("decision") == kind).sum() for kind in MOVES}
    return (
        decided.filter(pl.col("decision").is_in(MOVES))
        .group_by(pl.col("sector").fill_null(UNKNOWN_SECTOR))
        .agg(**counts)
        .sort(pl.sum_horizontal(MOVES), "sector", descending=[True, False])
    )


def banding_effect(decided: pl.DataFrame, boundaries: pl.DataFrame) -> pl.DataFrame:
    """Count whom each band held against rank: so many more would have changed sides without.

    Args:
        decided: Contract `reconstitution`, one event; read are `rank`, `edges_above` and
            `total_market_cap_usd`.
        boundaries: Contract `breakpoints`, the same event.

    Returns:
        One row per edge with a band: `edge`, `lower_bound_share`, `upper_bound_share`,
        `held_above` (companies that rank below it and stay above), `held_below`, and
        `held_usd`, what the held are worth together.

    Example:
        >>> decided = pl.DataFrame({
        ...     "rank": [2, 3, 4], "edges_above": ["3 9", "9", "3 9"],
        ...     "total_market_cap_usd": [5.0, 3.0, 2.0],
        ... })
        >>> boundaries = pl.DataFrame({
        ...     "edge": ["3"], "boundary_rank": [3],
        ...     "lower_bound_share": [0.4], "upper_bound_share": [0.9],
        ... })
        >>> banding_effect(decided, boundaries).row(0)
        ('3', 0.4, 0.9, 1, 1, 5.0)
    """
    placed = decided.drop_nulls(["rank", "edges_above"])
    rows = []
    for band in boundaries.drop_nulls("lower_bound_share").iter_rows(named=True):
        is_above = in_index(str(band["edge"]), "edges_above")
        ranks_above = pl.col("rank") <= band["boundary_rank"]
        held = placed.filter(is_above != ranks_above).select(
            held_above=is_above.sum(),
            held_below=(~is_above).sum(),
            held_usd=pl.col("total_market_cap_usd").sum(),
        )
        bounds = {name: band[name] for name in ("edge", "lower_bound_share", "upper_bound_share")}
        rows.append(bounds | held.row(0, named=True))
    return pl.DataFrame(rows, schema=_BANDING_SCHEMA)


_BANDING_SCHEMA = {
    "edge": pl.String,
    "lower_bound_share": pl.Float64,
    "upper_bound_share": pl.Float64,
    "held_above": pl.Int64,
    "held_below": pl.Int64,
    "held_usd": pl.Float64,
}
