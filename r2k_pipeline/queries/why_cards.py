"""The why-card of every company at an event: what decided its place, and what would have.

Puts together, for one rank day, the lines of each company with every rule asked of them,
its rank, the edges with their bands, the decision, and the size at which it would have
been on the other side of an edge. One card is read from the same rows (`explain`), so
what is published in bulk and what a person is shown cannot differ. Judges nothing: rules
are `eligibility_card`'s, the what-if is `edge_card`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.queries.edge_card import EDGE_FIELDS, edge_card
from r2k_pipeline.queries.eligibility_card import RULE_FIELDS, rule_checks
from r2k_pipeline.rulebook.reasons import ExclusionReason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

TABLE = "why_cards"

EXCLUDED = "excluded"
"""What stands as decision of a company that was neither ranked nor a member."""

_LINE_FIELDS = (
    "symbol", "security_id", "name", "exchange", "line_type", "type_evidence", "home_country",
    "close_usd", "volume_shares", "addtv_usd", "market_cap_usd", "line_shares", "repair_rule",
    "repair_evidence", "is_eligible", "exclusion_reason", "failed_rules", "unknown_rules",
)  # fmt: skip
_DECIDED = (
    "security_id", "symbol", "name", "rank", "total_market_cap_usd",
    "cumulative_market_cap_share", "previous_segment", "segment", "previous_indexes", "indexes",
    "decision", "reason",
)  # fmt: skip
_DOCUMENT = "card"


@dataclass(frozen=True, kw_only=True)
class CardInputs:
    """What the cards of one event are made of.

    Args:
        event: The event with its dates.
        rules: The rules in force on its rank day.
        family: The indexes; their ranks are the edges.
        universe: Contract `universe` of the rank day, doubts settled.
        decided: Contract `reconstitution` of the event.
        before: `company_id` and `edges_above` of the members before the event; null
            where only their segment is known.
        between: As `between_events.changes_between` gives it.
        doubts: `company_id` and `sentence`: what the feed contradicts about a company.
    """

    event: Event
    rules: IndexRules
    family: Mapping[str, IndexDefinition]
    universe: pl.DataFrame
    decided: pl.DataFrame
    before: pl.DataFrame
    between: pl.DataFrame
    doubts: pl.DataFrame

    def incumbents(self) -> pl.DataFrame:
        """The companies that were in a segment, and above which edges, if that is known."""
        edges = self.before.select("company_id", pl.col("edges_above").cast(pl.String))
        return (
            self.decided.drop_nulls("previous_segment")
            .select("company_id", segment="previous_segment")
            .join(edges, on="company_id", how="left")
        )


def why_cards(inputs: CardInputs, *, company_ids: Sequence[str] | None = None) -> pl.DataFrame:
    """Make the cards of an event.

    Args:
        inputs: The event's frames.
        company_ids: Only these companies; None for every company with a line on the rank
            day and every incumbent.

    Returns:
        Contract `why_cards`, by `company_id`. `card` is the whole card as a JSON object:
        the columns before it, and the lists `lines` (each with its `rules`), `edges` and
        `between`.

    Notes:
        Uses nothing that was not known when the event was decided, save what `between`
        and `doubts` bring.
    """
    companies = _companies(inputs)
    if company_ids is not None:
        companies = companies.filter(pl.col("company_id").is_in(list(company_ids)))
    told = _with_edges(companies, inputs)
    full = (
        told.join(_lines(told, inputs), on="company_id", how="left")
        .join(_between(inputs.between), on="company_id", how="left")
        .with_columns(
            pl.lit(inputs.event.event_id).alias("event_id"),
            pl.lit(inputs.event.rank_day).alias("session"),
            pl.col("edges", "lines", "between").fill_null([]),
        )
        .sort("company_id")
    )
    flat = [name for name in contract(TABLE).names if name != _DOCUMENT]
    said = [pl.col(n).cast(pl.String) if n == "session" else pl.col(n) for n in flat]
    document = pl.struct(*said, "lines", "edges", "between").struct.json_encode()
    return full.select(*flat, document.alias(_DOCUMENT))


def _companies(inputs: CardInputs) -> pl.DataFrame:
    """Every company with its foremost line, its counts and its decision."""
    decided = inputs.decided.select("company_id", *_DECIDED)
    found = _foremost(inputs.universe).join(
        decided, on="company_id", how="full", coalesce=True, suffix="_decided"
    )
    sentences = {reason.value: reason.sentence for reason in ExclusionReason}
    why_out = pl.col("exclusion_reason").replace_strict(
        sentences, default=None, return_dtype=pl.String
    )
    excluded = pl.concat_str(pl.lit("Excluded on the rank day: "), why_out)
    doubts = inputs.doubts.select("company_id", doubt="sentence")
    is_ranked = pl.col("rank").is_not_null()
    return (
        found.join(doubts, on="company_id", how="left")
        .with_columns(
            *(pl.coalesce(f"{c}_decided", c).alias(c) for c in ("security_id", "symbol", "name")),
            pl.col("line_count", "eligible_line_count").fill_null(0),
            # Of a member that is let off nothing failed in the end.
            pl.when(~is_ranked).then(pl.col("exclusion_reason", "failed_rules")),
            decision=pl.col("decision").fill_null(EXCLUDED),
            reason=pl.concat_str(
                pl.coalesce("reason", excluded), "doubt", separator=" ", ignore_nulls=True
            ),
            total_market_cap_usd=pl.coalesce("total_market_cap_usd", "own_cap_usd"),
        )
        .drop("security_id_decided", "symbol_decided", "name_decided")
    )


def _foremost(universe: pl.DataFrame) -> pl.DataFrame:
    """Per company the line that comes nearest to being eligible, and how many there are."""
    failures = pl.col("failed_rules").str.count_matches(" ").fill_null(0)
    return (
        universe.sort(
            "company_id", ~pl.col("is_eligible"), failures, "addtv_usd", "security_id",
            descending=[False, False, False, True, False], nulls_last=True,
        )
        .group_by("company_id", maintain_order=True)
        .agg(
            pl.col("security_id", "symbol", "name").first(),
            pl.col("exclusion_reason", "failed_rules", "unknown_rules").first(),
            own_cap_usd=pl.col("market_cap_usd").first(),
            line_count=pl.len().cast(pl.Int32),
            eligible_line_count=pl.col("is_eligible").sum().cast(pl.Int32),
        )
    )  # fmt: skip


def _with_edges(companies: pl.DataFrame, inputs: CardInputs) -> pl.DataFrame:
    """Companies with the edges, and the sizes at which their segment would change."""
    sized = companies.filter(pl.col("total_market_cap_usd") > 0)
    found = edge_card(
        sized.select("company_id", "rank", cap_usd="total_market_cap_usd"),
        inputs.decided.drop_nulls("rank"),
        incumbents=inputs.incumbents(),
        family=inputs.family,
        rules=inputs.rules,
    )
    edges = found.edges.group_by("company_id").agg(edges=pl.struct(EDGE_FIELDS))
    told = companies
    for part in (edges, found.switches, found.would):
        told = told.join(part, on="company_id", how="left")
    is_ranked = pl.col("rank").is_not_null()
    # Whoever was gone before the lists were final is outside at any size.
    is_departed = is_ranked & pl.col("segment").is_null() & pl.col("would_be_segment").is_not_null()
    switches = pl.col(found.switches.columns).exclude("company_id")
    return told.with_columns(
        pl.when(~is_departed).then(switches),
        pl.when(~is_ranked).then(pl.col("would_rank", "would_be_segment")),
    )


def _lines(companies: pl.DataFrame, inputs: CardInputs) -> pl.DataFrame:
    """Per company its lines, the largest in trading first, each with every rule asked of it."""
    lines = inputs.universe.join(companies.select("company_id"), on="company_id", how="semi")
    checks = rule_checks(lines, members=inputs.incumbents(), rules=inputs.rules)
    rules = checks.group_by("security_id").agg(rules=pl.struct(RULE_FIELDS))
    return (
        lines.join(rules, on="security_id")
        .sort(
            "company_id", "is_eligible", "addtv_usd", "security_id",
            descending=[False, True, True, False], nulls_last=True,
        )
        .group_by("company_id", maintain_order=True)
        .agg(lines=pl.struct(*_LINE_FIELDS, "rules"))
    )  # fmt: skip


def _between(changes: pl.DataFrame) -> pl.DataFrame:
    """Per company what happened to its lines since the event before."""
    return (
        changes.with_columns(pl.col("session").cast(pl.String))
        .group_by("company_id", maintain_order=True)
        .agg(between=pl.struct("session", "symbol", "change", "sentence"))
    )
