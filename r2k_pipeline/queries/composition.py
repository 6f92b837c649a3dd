"""What an index is made of: sizes, sectors and the largest members.

Frames in, frames out, from `queries.members`. What follows from levels is
`performance`.
"""

from __future__ import annotations

import polars as pl

UNKNOWN_SECTOR = "not given"
"""The sector of a line for which the source names none."""


def characteristics(held: pl.DataFrame) -> dict[str, float | int]:
    """Size an index up, company by company.

    Args:
        held: As `queries.members` gives them.

    Returns:
        `lines`, `companies`, `total_usd`, `mean_usd`, `median_usd`,
        `largest_usd`, `smallest_usd` (a company's value in the index) and
        `top_10_weight` (0 to 1).

    Example:
        >>> held = pl.DataFrame(
        ...     {
        ...         "company_id": ["A", "A", "B"],
        ...         "market_cap_usd": [2.0, 1.0, 5.0],
        ...         "weight": [0.25, 0.125, 0.625],
        ...     }
        ... )
        >>> figures = characteristics(held)
        >>> figures["companies"], figures["smallest_usd"], figures["top_10_weight"]
        (2, 3.0, 1.0)
    """
    cap = pl.col("market_cap_usd")
    companies = held.group_by("company_id").agg(pl.col("market_cap_usd", "weight").sum())
    figures = companies.select(
        lines=pl.lit(held.height),
        companies=pl.len(),
        total_usd=cap.sum(),
        mean_usd=cap.mean(),
        median_usd=cap.median(),
        largest_usd=cap.max(),
        smallest_usd=cap.min(),
        top_10_weight=pl.col("weight").top_k(10).sum(),
    )
    return figures.row(0, named=True)


def sector_weights(held: pl.DataFrame, parent: pl.DataFrame) -> pl.DataFrame:
    """Weigh the sectors of an index beside those of its parent.

    Args:
        held: As `queries.members` gives them.
        parent: The same of the parent index.

    Returns:
        `sector`, `weight`, `parent_weight` (0 to 1), the heaviest first.
    """
    return (
        _by_sector(held, "weight")
        .join(_by_sector(parent, "parent_weight"), on="sector", how="full", coalesce=True)
        .with_columns(pl.col("weight", "parent_weight").fill_null(0.0))
        .sort(["weight", "sector"], descending=[True, False])
    )


def _by_sector(held: pl.DataFrame, name: str) -> pl.DataFrame:
    return held.group_by(pl.col("sector").fill_null(UNKNOWN_SECTOR)).agg(
        pl.col("weight").sum().alias(name)
    )
