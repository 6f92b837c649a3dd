"""The why-card of every company at an event: what decided its place, and what would have.

Puts together, for one rank day, the lines of each company with every rule asked of them,
its rank, the edges with their bands, the decision, and the size at which it would have
been on the other side of an edge. One card is read from the same rows (`explain`), so
what is published in bulk and what a person is shown cannot differ. Judges nothing: rules
are `eligibility_card`'s, the what-if is `counterfactual`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from r2k_pipeline.methodology.edges import Standing, edges_of, segment_ranks, sides_before
from r2k_pipeline.queries.counterfactual import Asked, Field
from r2k_pipeline.queries.eligibility_card import RULE_FIELDS, rule_checks
from r2k_pipeline.rulebook.reasons import ExclusionReason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from r2k_pipeline.methodology.edges import Counts, Edge, Flags, Numbers
    from r2k_pipeline.queries.counterfactual import Placement
    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

EXCLUDED = "excluded"
"""What stands as decision of a company that was neither ranked nor a member."""

_SEGMENTS = ("large", "small", "micro")
_LINE_FIELDS = (
    "symbol", "security_id", "name", "exchange", "line_type", "type_evidence", "home_country",
    "close_usd", "volume_shares", "addtv_usd", "market_cap_usd", "line_shares", "is_eligible",
    "exclusion_reason", "failed_rules", "unknown_rules",
)  # fmt: skip
_DECIDED = (
    "security_id", "symbol", "name", "rank", "total_market_cap_usd",
    "cumulative_market_cap_share", "previous_segment", "segment", "previous_indexes", "indexes",
    "decision", "reason",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CardInputs:
    """What the cards of one event are made of.

    Args:
        event: The event with its dates.
        rules: The rules in force on its rank day.
        family: The indexes; their ranks are the edges.
        universe: Contract `universe` of the rank day.
        decided: Contract `reconstitution` of the event.
        incumbents: Contract `reconstitution` of the event before, rows with a `segment`.
        between: As `between_events.changes_between` gives it.
    """

    event: Event
    rules: IndexRules
    family: Mapping[str, IndexDefinition]
    universe: pl.DataFrame
    decided: pl.DataFrame
    incumbents: pl.DataFrame
    between: pl.DataFrame


def why_cards(inputs: CardInputs, *, company_ids: Sequence[str] | None = None) -> pl.DataFrame:
    """Make the cards of an event.

    Args:
        inputs: The event's frames.
        company_ids: Only these companies; None for every company with a line on the rank
            day and every incumbent.

    Returns:
        One row per company, by `company_id`: the columns of contract `why_cards` but
        `card`, and nested `lines` (with their `rules`), `edges` and `between`.

    Notes:
        Uses nothing that was not known when the event was decided, save what `between`
        brings.
    """
    companies = _companies(inputs)
    if company_ids is not None:
        companies = companies.filter(pl.col("company_id").is_in(list(company_ids)))
    placed = _with_placement(companies, inputs)
    return (
        placed.join(_lines_of(placed, inputs), on="company_id", how="left")
        .join(_between(inputs.between, placed), on="company_id", how="left")
        .with_columns(
            session=pl.lit(inputs.event.rank_day),
            event_id=pl.lit(inputs.event.event_id),
            lines=pl.col("lines").fill_null([]),
            between=pl.col("between").fill_null([]),
        )
        .sort("company_id")
    )


def _companies(inputs: CardInputs) -> pl.DataFrame:
    """Every company with its foremost line, its counts and its decision."""
    failures = pl.col("failed_rules").str.count_matches(" ").fill_null(0)
    foremost = (
        inputs.universe.sort(
            "company_id", ~pl.col("is_eligible"), failures, "addtv_usd", "security_id",
            descending=[False, False, False, True, False], nulls_last=True,
        )
        .group_by("company_id", maintain_order=True)
        .agg(
            pl.col("security_id", "symbol", "name", "exclusion_reason").first(),
            pl.col("failed_rules", "unknown_rules").first(),
            own_cap_usd=pl.col("market_cap_usd").first(),
            line_count=pl.len().cast(pl.Int32),
            eligible_line_count=pl.col("is_eligible").sum().cast(pl.Int32),
        )
    )  # fmt: skip
    decided = inputs.decided.select("company_id", *_DECIDED)
    found = foremost.join(decided, on="company_id", how="full", coalesce=True, suffix="_decided")
    sentences = {reason.value: reason.sentence for reason in ExclusionReason}
    why_out = pl.col("exclusion_reason").replace_strict(
        sentences, default=None, return_dtype=pl.String
    )
    excluded = pl.concat_str(pl.lit("Excluded on the rank day: "), why_out)
    return found.with_columns(
        *(pl.coalesce(f"{c}_decided", c).alias(c) for c in ("security_id", "symbol", "name")),
        pl.col("line_count", "eligible_line_count").fill_null(0),
        decision=pl.col("decision").fill_null(EXCLUDED),
        reason=pl.coalesce("reason", excluded),
    ).select(pl.exclude("^.*_decided$"))


def _with_placement(companies: pl.DataFrame, inputs: CardInputs) -> pl.DataFrame:
    """Companies with their edges, and the sizes at which their segment would change."""
    ranked = inputs.decided.drop_nulls("rank").sort("rank")
    caps = ranked["total_market_cap_usd"].to_numpy()
    edges = edges_of(inputs.family, inputs.rules)
    sized = companies.with_columns(
        cap_usd=pl.coalesce(
            "total_market_cap_usd", pl.when(pl.col("own_cap_usd") > 0).then("own_cap_usd")
        )
    )
    asked_rows = sized.drop_nulls("cap_usd")
    asked = _asked(asked_rows, inputs.incumbents, edges, inputs.rules)
    own = asked_rows["cap_usd"].to_numpy()
    field = Field(caps, edges=edges, rules=inputs.rules)
    placement, crossings = field.placed(asked, own), field.crossings(asked, own)
    at_crossings = np.column_stack(
        [field.ranks(asked, np.nan_to_num(crossings[:, at])) for at in range(len(edges))]
    )
    laid = _edge_rows(asked_rows, asked, edges, caps, placement, crossings, at_crossings)
    nested = laid.group_by("company_id", maintain_order=True).agg(
        edges=pl.struct(pl.exclude("company_id"))
    )
    return (
        sized.join(nested, on="company_id", how="left")
        .join(_switches(laid, inputs.rules), on="company_id", how="left")
        .join(_would_be(asked_rows, placement, edges, inputs.rules), on="company_id", how="left")
        .with_columns(pl.col("edges").fill_null([]))
    )


def _asked(
    companies: pl.DataFrame, incumbents: pl.DataFrame, edges: Sequence[Edge], rules: IndexRules
) -> Asked:
    """The companies as the what-if needs them: own place, and former sides of the edges."""
    before = incumbents.select(
        "company_id", was=pl.col("segment"), were=pl.col("edges_above").cast(pl.String)
    )
    known = companies.select("company_id", "rank").join(
        before, on="company_id", how="left", maintain_order="left"
    )
    distinct = known.select("was", "were").unique(maintain_order=True).with_row_index("standing")
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


def _edge_rows(
    companies: pl.DataFrame,
    asked: Asked,
    edges: Sequence[Edge],
    caps: Numbers,
    placement: Placement,
    crossings: Numbers,
    at_crossings: Counts,
) -> pl.DataFrame:
    """One row per company and edge."""
    count = len(edges)

    def spread(values: Sequence[object], dtype: type[pl.DataType]) -> pl.Series:
        return pl.Series(list(values) * companies.height, dtype=dtype)

    def laid(matrix: Numbers | Counts | Flags) -> pl.Series:
        return pl.Series(matrix.ravel(), nan_to_null=True)

    at = [caps[edge.rank - 1] if edge.rank <= len(caps) else None for edge in edges]
    own = pl.Series(np.repeat(companies["cap_usd"].to_numpy(), count))
    rank = pl.Series(np.repeat(placement.rank, count))
    rows = pl.DataFrame(
        {
            "company_id": companies["company_id"].gather(np.repeat(range(companies.height), count)),
            "edge": spread([edge.key for edge in edges], pl.String),
            "boundary_rank": spread([edge.rank for edge in edges], pl.Int32),
            "breakpoint_usd": spread(at, pl.Float64),
            "lower_bound_share": laid(placement.lower_bound),
            "upper_bound_share": laid(placement.upper_bound),
            "was_above": pl.select(
                pl.when(laid(asked.is_held)).then(laid(asked.was_above))
            ).to_series(),
            "is_above": laid(placement.is_above),
            "crosses_at_usd": laid(crossings).round(),
            "crosses_at_rank": laid(at_crossings).cast(pl.Int32),
        }
    )
    found = pl.col("crosses_at_usd").is_not_null()
    return rows.with_columns(
        is_by_band=pl.col("is_above") != (rank <= pl.col("boundary_rank")),
        crosses_at_rank=pl.when(found).then("crosses_at_rank"),
        cap_change_share=pl.col("crosses_at_usd") / own - 1,
        rank_change=pl.when(found).then(rank.cast(pl.Int32) - pl.col("crosses_at_rank")),
    )


def _switches(laid: pl.DataFrame, rules: IndexRules) -> pl.DataFrame:
    """Per company, the nearest sizes above and below at which its segment would change."""
    ranks = segment_ranks(rules)
    above = dict(zip(map(str, ranks), _SEGMENTS, strict=True))
    below = dict(zip(map(str, ranks), (*_SEGMENTS[1:], None), strict=True))
    edges = laid.filter(pl.col("edge").is_in(list(above))).drop_nulls("crosses_at_usd")

    def nearest(rows: pl.DataFrame, prefix: str, to: dict[str, str | None]) -> pl.DataFrame:
        return rows.unique("company_id", keep="first", maintain_order=True).select(
            "company_id",
            pl.col("crosses_at_usd").alias(f"{prefix}_usd"),
            pl.col("crosses_at_rank").alias(f"{prefix}_rank"),
            pl.col("edge").replace_strict(to, return_dtype=pl.String).alias(f"{prefix}_segment"),
        )

    rising = nearest(
        edges.filter(~pl.col("is_above")).sort("crosses_at_usd"), "rises_above", {**above}
    )
    falling = nearest(
        edges.filter("is_above").sort("crosses_at_usd", descending=True), "falls_below", below
    )
    return rising.join(falling, on="company_id", how="full", coalesce=True)


def _would_be(
    companies: pl.DataFrame, placement: Placement, edges: Sequence[Edge], rules: IndexRules
) -> pl.DataFrame:
    """Where companies that are not ranked would have been by their size."""
    keys = [edge.key for edge in edges]
    segment = pl.lit(None, pl.String)
    for name, rank in reversed(list(zip(_SEGMENTS, segment_ranks(rules), strict=True))):
        is_above = pl.Series(placement.is_above[:, keys.index(str(rank))])
        segment = pl.when(is_above).then(pl.lit(name)).otherwise(segment)
    return companies.select(
        "company_id",
        "rank",
        would_rank=pl.Series(placement.rank, dtype=pl.Int32),
        would_be=segment,
    ).select(
        "company_id",
        pl.when(pl.col("rank").is_null()).then(pl.col("would_rank", "would_be")),
    )


def _lines_of(companies: pl.DataFrame, inputs: CardInputs) -> pl.DataFrame:
    """Per company its lines, each with every rule asked of it."""
    lines = inputs.universe.join(companies.select("company_id"), on="company_id", how="semi")
    checks = rule_checks(lines, members=inputs.incumbents, rules=inputs.rules)
    rules = checks.group_by("security_id", maintain_order=True).agg(rules=pl.struct(RULE_FIELDS))
    return (
        lines.sort("company_id", "is_eligible", "addtv_usd", "security_id", descending=[
            False, True, True, False], nulls_last=True)
        .join(rules, on="security_id", maintain_order="left")
        .group_by("company_id", maintain_order=True)
        .agg(lines=pl.struct(*_LINE_FIELDS, "rules"))
    )  # fmt: skip


def _between(changes: pl.DataFrame, companies: pl.DataFrame) -> pl.DataFrame:
    """Per company what happened to its lines since the event before."""
    told = changes.join(companies.select("company_id"), on="company_id", how="semi")
    return (
        told.with_columns(pl.col("session").cast(pl.String))
        .group_by("company_id", maintain_order=True)
        .agg(between=pl.struct("session", "symbol", "change", "sentence"))
    )
