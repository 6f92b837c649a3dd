"""3: ranking + incumbents -> breakpoints and one decision a company.

1. The breakpoints are read off the ranking of the rank day, before banding.
2. Every ranked company is above or below each edge of the family, by rank or, inside
   the band around the edge, by where it was (`edges`).
3. Its sides give its segment - `large`, `small` or `micro` - and its indexes, and its way
   from the previous segment is its decision (`placement`).

Which indexes there are stands in `rulebook/family.yaml` and a user's own file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from r2k_pipeline.errors import TooFewCompaniesError
from r2k_pipeline.methodology.edges import Standing, band_bounds, edges_of
from r2k_pipeline.methodology.placement import place_companies
from r2k_pipeline.methodology.symbol_keys import matching_key
from r2k_pipeline.rulebook.reasons import ExclusionReason, MembershipDecision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2k_pipeline.methodology.edges import Counts, Flags
    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

_SENTENCES = {reason.value: reason.sentence for reason in ExclusionReason}
_NOT_LISTED = "no line of the company is listed on rank day"
_TEXTS = ("security_id", "symbol", "name", "sector")
_COLUMNS = (
    "company_id", *_TEXTS, "rank", "total_market_cap_usd", "total_shares",
    "cumulative_market_cap_share", "previous_segment", "segment", "previous_indexes", "indexes",
    "edges_above", "decision", "reason",
)  # fmt: skip


def breakpoints(
    ranking: pl.DataFrame,
    *,
    event: Event,
    rules: IndexRules,
    family: Mapping[str, IndexDefinition],
    is_banded: bool,
) -> pl.DataFrame:
    """Read the breakpoint and the band of each edge off the rank day of one event.

    Args:
        ranking: Contract `ranking`; only the rows of `event.rank_day` are read.
        event: The reconstitution.
        rules: The rules in force on its rank day.
        family: The indexes; their ranks are the edges.
        is_banded: Whether there were incumbents to protect. The row of an edge
            without a band says no all the same.

    Returns:
        Contract `breakpoints`, one row per edge, by rank: the cap of the company at
        that rank (USD, before banding), its cumulative share, and the bounds of the
        band (0 to 1), null where the rules know none. An edge beyond the last ranked
        company has no row.

    Raises:
        TooFewCompaniesError: Fewer than `rules.large_cap_count` companies are
            ranked, so that no breakpoint exists.

    Example:
        >>> from dataclasses import replace
        >>> from r2k_pipeline.rulebook.family_file import parse_family
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> june = event("2022-06")
        >>> rules = replace(
        ...     rules_in_force(june.rank_day), large_cap_count=2, total_count=4, extended_count=5
        ... )
        >>> family = parse_family("indexes: {top: {name: Top, ranks: [1, 1]}}", file="f.yaml")
        >>> ranking = pl.DataFrame({
        ...     "session": [june.rank_day] * 3, "rank": [1, 2, 3],
        ...     "total_market_cap_usd": [60.0, 30.0, 10.0],
        ...     "cumulative_market_cap_share": [0.6, 0.9, 1.0],
        ... })
        >>> breakpoints(ranking, event=june, rules=rules, family=family, is_banded=False).select(
        ...     "edge", "breakpoint_usd", "lower_bound_share", "company_count"
        ... ).rows()
        [('1', 60.0, None, 3), ('2', 30.0, 0.875, 3)]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 6.10 and 6.11.
    """
    extended = _on_rank_day(ranking, event=event, rules=rules).filter(
        pl.col("rank") <= rules.extended_count
    )
    shares = extended["cumulative_market_cap_share"].to_numpy()
    edges = [edge for edge in edges_of(family, rules) if edge.rank <= extended.height]
    bounds = [band_bounds(edge, shares) or (None, None) for edge in edges]
    at = extended[[edge.rank - 1 for edge in edges]]
    return at.select(
        pl.lit(event.event_id).alias("event_id"),
        pl.lit(event.rank_day).alias("rank_day"),
        pl.lit(event.effective_session).alias("effective_session"),
        pl.Series("edge", [edge.key for edge in edges]),
        pl.col("rank").cast(pl.Int32).alias("boundary_rank"),
        pl.col("total_market_cap_usd").alias("breakpoint_usd"),
        pl.col("cumulative_market_cap_share"),
        pl.Series("lower_bound_share", [low for low, _ in bounds], pl.Float64),
        pl.Series("upper_bound_share", [high for _, high in bounds], pl.Float64),
        pl.lit(extended.height, pl.Int32).alias("company_count"),
        pl.lit(extended["total_market_cap_usd"].sum()).alias("total_market_cap_usd"),
        pl.Series("is_banded", [is_banded and low is not None for low, _ in bounds]),
    )


def reconstitute(
    ranking: pl.DataFrame,
    *,
    incumbents: pl.DataFrame,
    excluded: pl.DataFrame,
    event: Event,
    rules: IndexRules,
    family: Mapping[str, IndexDefinition],
) -> pl.DataFrame:
    """Decide in which segment and indexes each company is from this event on, and say why.

    Rank alone would swap many companies at every event, so a member of the r3000
    keeps its side of an edge while it lies within a band around it. The band is
    measured in cumulative market capitalisation, not in ranks. A company that was
    outside the r3000 has nothing to keep and goes where its rank says; nobody is
    protected at the lower edge of small.

    Args:
        ranking: Contract `ranking`; only the rows of `event.rank_day` are read.
        incumbents: Contract `reconstitution` of the event before, rows with a
            `segment`; `indexes` and `edges_above` are null where only the segment is
            known. Empty at the first event.
        excluded: Contract `universe` of the rank day; read to say why an
            incumbent is not ranked, and which companies an index leaves out by symbol.
        event: The reconstitution.
        rules: The rules in force on its rank day.
        family: The indexes.

    Returns:
        Contract `reconstitution`: every ranked company and every incumbent,
        sorted by `rank` (nulls last), `company_id`. `segment`, `indexes` and
        `edges_above` are null for companies that end outside; `decision` is a value
        of `rulebook.reasons.MembershipDecision` and speaks of the segment, `reason`
        is its sentence.

    Raises:
        TooFewCompaniesError: Fewer than `rules.large_cap_count` companies are ranked.

    Notes:
        Bounds are inclusive. The number of small companies may differ from
        `total_count - large_cap_count`: the band trades exact counts for low
        turnover.

    Example:
        The breakpoint lies at C2 (0.80). C2 ranks as large but was small, C3 ranks
        as small but was large; both lie within 0.12 of it and stay put.

        >>> from dataclasses import replace
        >>> from r2k_pipeline.rulebook.family_file import parse_family
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> june = event("2022-06")
        >>> rules = replace(
        ...     rules_in_force(june.rank_day), large_cap_count=2, total_count=4,
        ...     extended_count=5, band_at_1000=0.12,
        ... )
        >>> family = parse_family("indexes: {big: {name: Big, ranks: [1, 2]}}", file="f.yaml")
        >>> text = dict.fromkeys(("security_id", "symbol", "name", "sector"), "x")
        >>> ranking = pl.DataFrame({
        ...     "session": [june.rank_day] * 4, "company_id": ["C1", "C2", "C3", "C4"],
        ...     "rank": [1, 2, 3, 4], "total_market_cap_usd": [50.0, 30.0, 10.0, 6.0],
        ...     "total_shares": [5.0, 3.0, 1.0, 0.6],
        ...     "cumulative_market_cap_share": [0.50, 0.80, 0.90, 0.96],
        ... }).with_columns(**{name: pl.lit(value) for name, value in text.items()})
        >>> incumbents = pl.DataFrame({
        ...     "company_id": ["C1", "C2", "C3"], "segment": ["large", "small", "large"],
        ...     "indexes": ["big", None, "big"], "edges_above": None,
        ... }).with_columns(**{name: pl.lit(value) for name, value in text.items()})
        >>> excluded = pl.DataFrame(schema={
        ...     "company_id": pl.String, "security_id": pl.String, "symbol": pl.String,
        ...     "is_eligible": pl.Boolean, "exclusion_reason": pl.String,
        ... })
        >>> reconstitute(
        ...     ranking, incumbents=incumbents, excluded=excluded, event=june, rules=rules,
        ...     family=family,
        ... ).select("company_id", "segment", "indexes", "decision")
        shape: (4, 4)
        ┌────────────┬─────────┬─────────┬───────────────┐
        │ company_id ┆ segment ┆ indexes ┆ decision      │
        │ ---        ┆ ---     ┆ ---     ┆ ---           │
        │ str        ┆ str     ┆ str     ┆ str           │
        ╞════════════╪═════════╪═════════╪═══════════════╡
        │ C1         ┆ large   ┆ big     ┆ stays_by_rank │
        │ C2         ┆ small   ┆ null    ┆ stays_by_band │
        │ C3         ┆ large   ┆ big     ┆ stays_by_band │
        │ C4         ┆ small   ┆ null    ┆ enters        │
        └────────────┴─────────┴─────────┴───────────────┘

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 6.10 and 6.11.
    """
    before = incumbents.select(
        "company_id",
        pl.int_range(pl.len()).alias("incumbent"),
        previous_segment="segment",
        previous_indexes=pl.col("indexes").cast(pl.String),
        previous_edges=pl.col("edges_above").cast(pl.String),
    )
    ranked = _on_rank_day(ranking, event=event, rules=rules).join(
        before, on="company_id", how="left", maintain_order="left"
    )
    standings, standing_of = _standings(ranked)
    placements = place_companies(
        ranked,
        standings=standings,
        standing_of=standing_of,
        filters=passing_filters(ranked, excluded, family),
        rules=rules,
        family=family,
    )
    named = pl.lit(event.event_id).alias("event_id")
    placed = ranked.hstack(placements).select(named, *_COLUMNS)
    still_ranked = ranked["incumbent"].drop_nulls().to_numpy()
    gone = incumbents.select("company_id", *_TEXTS, "segment", "indexes")[
        np.delete(np.arange(incumbents.height), still_ranked)
    ]
    absent = _absent(gone, excluded=excluded).with_columns(named)
    return pl.concat([placed, absent], how="diagonal")


def _on_rank_day(ranking: pl.DataFrame, *, event: Event, rules: IndexRules) -> pl.DataFrame:
    """The companies of the rank day by rank."""
    day = ranking.filter(pl.col("session") == event.rank_day).sort("rank")
    if day.height < rules.large_cap_count:
        raise TooFewCompaniesError(
            f"event {event.event_id}: {day.height} companies are ranked on {event.rank_day}, "
            f"a breakpoint needs {rules.large_cap_count}",
            state="no decision was taken",
            remedy=f"check `universe` and `ranking` of {event.rank_day}: is a source missing?",
        )
    return day


def _standings(ranked: pl.DataFrame) -> tuple[list[Standing], Counts]:
    """The distinct standings before the event, and which of them each company had."""
    told = pl.struct("previous_segment", "previous_edges").rank("dense")
    numbers = ranked.select(told).to_series().to_numpy()
    _, first, standing_of = np.unique(numbers, return_index=True, return_inverse=True)
    rows = zip(ranked["previous_segment"][first], ranked["previous_edges"][first], strict=True)
    standings = [
        Standing(segment=segment, edges_above=None if edges is None else frozenset(edges.split()))
        for segment, edges in rows
    ]
    return standings, standing_of


def passing_filters(
    ranked: pl.DataFrame, excluded: pl.DataFrame, family: Mapping[str, IndexDefinition]
) -> dict[str, Flags]:
    """Find which companies pass the filters of the indexes that have some.

    Args:
        ranked: Read: `company_id`, `sector`.
        excluded: Contract `universe` of the same session; tells which companies bore the
            symbols that an index leaves out.
        family: The indexes.

    Returns:
        By id of an index, a flag per row of `ranked`; an index without filters is left out.

    Example:
        >>> from r2k_pipeline.rulebook.family_file import parse_family
        >>> family = parse_family(
        ...     "indexes: {e: {name: E, ranks: [1, 9], sectors: [Energy]}}", file="f.yaml"
        ... )
        >>> ranked = pl.DataFrame({"company_id": ["C1", "C2"], "sector": ["Energy", None]})
        >>> passing_filters(ranked, pl.DataFrame(), family)["e"].tolist()
        [True, False]
    """
    found = {}
    for index in family.values():
        if not (index.sectors or index.excluding):
            continue
        passes = pl.lit(value=True)
        if index.sectors:
            passes &= pl.col("sector").is_in(index.sectors).fill_null(value=False)
        if index.excluding:
            named = pl.Series("symbol", index.excluding).to_frame().select(key=matching_key())
            out = excluded.join(named, left_on=matching_key(), right_on="key", how="semi")
            passes &= ~pl.col("company_id").is_in(out["company_id"].unique().implode())
        found[index.index_id] = ranked.select(passes.alias("passes"))["passes"].to_numpy()
    return found


def _absent(gone: pl.DataFrame, *, excluded: pl.DataFrame) -> pl.DataFrame:
    """Incumbents that are not ranked, each with the reason that the universe gives."""
    by_company = gone.sort("company_id")
    lines = by_company["security_id"]
    why = (
        excluded.select("security_id", "exclusion_reason", "is_eligible")
        .filter(~pl.col("is_eligible"))
        .filter(pl.col("security_id").is_in(lines.drop_nulls().implode()))
    )
    told = zip(why["security_id"].to_list(), why["exclusion_reason"].to_list(), strict=True)
    sentences = {line: _SENTENCES[reason] for line, reason in told}
    said = [f"leaves: {sentences.get(line, _NOT_LISTED)}" for line in lines.to_list()]
    return by_company.select(
        "company_id", *_TEXTS,
        previous_segment="segment",
        previous_indexes=pl.col("indexes").cast(pl.String),
        decision=pl.lit(MembershipDecision.LEAVES.value),
        reason=pl.Series(said, dtype=pl.String),
    )  # fmt: skip
