"""Each edge of the family beside companies: where they stand, and what would bring them over.

Lays the what-if of `counterfactual` out as rows: per company and edge the bounds of the
band, the side before and after, and the size and rank at which the side would change.
Keep out how a side is decided (`methodology.edges`) and how it reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from r2k_pipeline.methodology.edges import Standing, edges_of, segment_ranks, sides_before
from r2k_pipeline.queries.counterfactual import Asked, Field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from r2k_pipeline.methodology.edges import Counts, Edge, Flags, Numbers
    from r2k_pipeline.queries.counterfactual import Placement
    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.rules import IndexRules

EDGE_FIELDS = (
    "edge", "boundary_rank", "breakpoint_usd", "lower_bound_share", "upper_bound_share",
    "was_above", "is_above", "is_by_band", "crosses_at_usd", "crosses_at_rank",
    "cap_change_share", "rank_change",
)  # fmt: skip
_SEGMENTS = ("large", "small", "micro")


@dataclass(frozen=True, kw_only=True)
class EdgeCard:
    """Companies beside the edges.

    Args:
        edges: One row per company and edge, edges by rank: `company_id` and the columns
            of `EDGE_FIELDS`. `was_above` is null where no band could hold the company;
            what crosses is null where no size would bring it over; `cap_change_share` is
            the move needed as a fraction of its cap, `rank_change` the places up.
        switches: One row per company with another segment within reach:
            `rises_above_usd`, `rises_above_rank`, `rises_above_segment`, and the same for
            `falls_below`; a null segment is outside the family.
        would: One row per company: `would_rank` and `would_be_segment`, by its size alone.
    """

    edges: pl.DataFrame
    switches: pl.DataFrame
    would: pl.DataFrame


def edge_card(
    companies: pl.DataFrame,
    ranked: pl.DataFrame,
    *,
    incumbents: pl.DataFrame,
    family: Mapping[str, IndexDefinition],
    rules: IndexRules,
) -> EdgeCard:
    """Lay companies beside the edges of a rank day.

    Args:
        companies: `company_id`, `rank` (null where not ranked) and `cap_usd`, positive.
        ranked: Contract `reconstitution`, the ranked companies of the event.
        incumbents: `company_id`, `segment` and `edges_above` before the event.
        family: The indexes; their ranks are the edges.
        rules: The rules in force on the rank day.

    Example:
        >>> from dataclasses import replace
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family_file import parse_family
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> rules = replace(
        ...     rules_in_force(date(2022, 5, 6)), large_cap_count=2, total_count=4,
        ...     extended_count=5, band_at_1000=0.0,
        ... )
        >>> family = parse_family("indexes: {big: {name: Big, ranks: [1, 2]}}", file="f.yaml")
        >>> ranked = pl.DataFrame({
        ...     "company_id": list("ABC"), "rank": [1, 2, 3],
        ...     "total_market_cap_usd": [60.0, 30.0, 10.0],
        ... })
        >>> nobody = pl.DataFrame(schema={
        ...     "company_id": pl.String, "segment": pl.String, "edges_above": pl.String})
        >>> companies = ranked.rename({"total_market_cap_usd": "cap_usd"})
        >>> card = edge_card(companies, ranked, incumbents=nobody, family=family, rules=rules)
        >>> card.switches.sort("company_id").select(
        ...     "company_id", "rises_above_usd", "falls_below_usd").rows()
        [('A', None, 10.0), ('B', None, 10.0), ('C', 30.0, None)]
    """
    edges = edges_of(family, rules)
    caps = ranked.sort("rank")["total_market_cap_usd"].to_numpy()
    own = companies["cap_usd"].to_numpy()
    asked = _asked(companies, incumbents, edges, rules)
    field = Field(caps, edges=edges, rules=rules)
    placement, crossings = field.placed(asked, own), field.crossings(asked, own)
    at_crossings = [field.ranks(asked, np.nan_to_num(column)) for column in crossings.T]
    laid = _laid(
        companies, asked, _described(edges, caps), placement, crossings, np.array(at_crossings).T
    )
    return EdgeCard(
        edges=laid,
        switches=_switches(laid, rules),
        would=_would(companies, placement, [edge.key for edge in edges], rules),
    )


def _asked(
    companies: pl.DataFrame, incumbents: pl.DataFrame, edges: Sequence[Edge], rules: IndexRules
) -> Asked:
    """The companies as the what-if needs them: own place, and former sides of the edges."""
    before = incumbents.select(
        "company_id", was=pl.col("segment"), were=pl.col("edges_above").cast(pl.String)
    )
    # All that occurred, also of companies that are not asked about: an edge is new only if
    # nobody was above it.
    nobody = pl.DataFrame({"was": None, "were": None}, schema=before.drop("company_id").schema)
    distinct = (
        pl.concat([nobody, before.drop("company_id")])
        .unique(maintain_order=True)
        .with_row_index("standing")
    )
    known = companies.select("company_id", "rank").join(
        before, on="company_id", how="left", maintain_order="left"
    )
    standing_of = known.join(
        distinct, on=["was", "were"], how="left", nulls_equal=True, maintain_order="left"
    )["standing"].to_numpy()
    standings = [
        Standing(segment=was, edges_above=None if were is None else frozenset(were.split()))
        for was, were in distinct.select("was", "were").iter_rows()
    ]
    sides = [sides_before(edge, standings, rules) for edge in edges]
    return Asked(
        place=known["rank"].cast(pl.Int64).fill_null(0).to_numpy() - 1,
        is_held=np.array([[s is not None for s in column] for column in sides]).T[standing_of],
        was_above=np.array([[bool(s) for s in column] for column in sides]).T[standing_of],
    )


def _described(edges: Sequence[Edge], caps: Numbers) -> pl.DataFrame:
    """One row per edge: what it is, and the capitalisation at it."""
    at = [caps[edge.rank - 1] if edge.rank <= len(caps) else None for edge in edges]
    return pl.DataFrame(
        {
            "edge": [edge.key for edge in edges],
            "boundary_rank": pl.Series([edge.rank for edge in edges], dtype=pl.Int32),
            "breakpoint_usd": pl.Series(at, dtype=pl.Float64),
        }
    )


def _laid(
    companies: pl.DataFrame,
    asked: Asked,
    edges: pl.DataFrame,
    placement: Placement,
    crossings: Numbers,
    at_crossings: Counts,
) -> pl.DataFrame:
    """One row per company and edge."""

    def column(name: str, matrix: Numbers | Counts | Flags) -> pl.Series:
        return pl.Series(name, matrix.ravel(), nan_to_null=True)

    at_usd = np.round(crossings)
    found = pl.col("crosses_at_usd").is_not_null()
    return (
        companies.select("company_id", own_rank=pl.Series(placement.rank))
        .join(edges, how="cross", maintain_order="left_right")
        .with_columns(
            column("lower_bound_share", placement.lower_bound),
            column("upper_bound_share", placement.upper_bound),
            column("is_held", asked.is_held),
            column("was_above", asked.was_above),
            column("is_above", placement.is_above),
            column("crosses_at_usd", at_usd),
            column("crosses_at_rank", at_crossings).cast(pl.Int32),
            column("cap_change_share", at_usd / companies["cap_usd"].to_numpy()[:, None] - 1),
        )
        .with_columns(
            was_above=pl.when("is_held").then("was_above"),
            is_by_band=pl.col("is_above") != (pl.col("own_rank") <= pl.col("boundary_rank")),
            crosses_at_rank=pl.when(found).then("crosses_at_rank"),
        )
        .with_columns(
            rank_change=pl.col("own_rank").cast(pl.Int32) - pl.col("crosses_at_rank"),
        )
        .select("company_id", *EDGE_FIELDS)
    )


def _switches(laid: pl.DataFrame, rules: IndexRules) -> pl.DataFrame:
    """Per company, the nearest sizes above and below at which its segment would change."""
    keys = [str(rank) for rank in segment_ranks(rules)]
    above: dict[str, str | None] = dict(zip(keys, _SEGMENTS, strict=True))
    below = dict(zip(keys, (*_SEGMENTS[1:], None), strict=True))
    edges = laid.filter(pl.col("edge").is_in(keys)).drop_nulls("crosses_at_usd")

    def nearest(rows: pl.DataFrame, prefix: str, to: dict[str, str | None]) -> pl.DataFrame:
        return rows.unique("company_id", keep="first", maintain_order=True).select(
            "company_id",
            pl.col("crosses_at_usd").alias(f"{prefix}_usd"),
            pl.col("crosses_at_rank").alias(f"{prefix}_rank"),
            pl.col("edge").replace_strict(to, return_dtype=pl.String).alias(f"{prefix}_segment"),
        )

    rising = nearest(edges.filter(~pl.col("is_above")).sort("crosses_at_usd"), "rises_above", above)
    falling = nearest(
        edges.filter("is_above").sort("crosses_at_usd", descending=True), "falls_below", below
    )
    return rising.join(falling, on="company_id", how="full", coalesce=True)


def _would(
    companies: pl.DataFrame, placement: Placement, keys: Sequence[str], rules: IndexRules
) -> pl.DataFrame:
    """Where companies are, or would have been, by their size alone."""
    segment = pl.lit(None, pl.String)
    for name, rank in reversed(list(zip(_SEGMENTS, segment_ranks(rules), strict=True))):
        is_above = pl.Series(placement.is_above[:, keys.index(str(rank))])
        segment = pl.when(is_above).then(pl.lit(name)).otherwise(segment)
    return companies.select(
        "company_id",
        would_rank=pl.Series(placement.rank, dtype=pl.Int32),
        would_be_segment=segment,
    )
