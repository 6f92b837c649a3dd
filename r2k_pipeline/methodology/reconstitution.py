"""3: ranking + incumbents -> breakpoints and one decision a company.

1. The breakpoints are read off the ranking of the rank day, before banding.
2. Every ranked company gets the segment of its rank.
3. An incumbent inside the band around the large/small breakpoint keeps its segment.
4. Each company's way from its previous segment to the new one is its decision.

Segments are disjoint: `large`, `small`, `micro`. Which indexes unite which
segments stands in `rulebook/family.yaml`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import TooFewCompaniesError
from r2k_pipeline.rulebook.reasons import ExclusionReason, MembershipDecision

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

_NOT_LISTED = "no line of the company is listed on rank day"
_SIZE_ORDER = {"micro": 1, "small": 2, "large": 3}


def breakpoints(
    ranking: pl.DataFrame, *, event: Event, rules: IndexRules, is_banded: bool
) -> pl.DataFrame:
    """Read the breakpoints and the band of one event off its rank day.

    Args:
        ranking: Contract `ranking`; only the rows of `event.rank_day` are read.
        event: The reconstitution.
        rules: The rules in force on its rank day.
        is_banded: Whether there were incumbents to protect. The row of a boundary
            without a band says no all the same.

    Returns:
        Contract `breakpoints`, one row per rank at which segments meet, largest
        first: the cap of the company at that rank (USD, before banding), its
        cumulative share, and for the large/small boundary the bounds of the band
        (0 to 1). A boundary beyond the last ranked company has no row.

    Raises:
        TooFewCompaniesError: Fewer than `rules.large_cap_count` companies are
            ranked, so that no breakpoint exists.

    Example:
        >>> from dataclasses import replace
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> june = event("2022-06")
        >>> rules = replace(
        ...     rules_in_force(june.rank_day), large_cap_count=2, total_count=4, extended_count=5
        ... )
        >>> ranking = pl.DataFrame({
        ...     "session": [june.rank_day] * 3, "rank": [1, 2, 3],
        ...     "total_market_cap_usd": [60.0, 30.0, 10.0],
        ...     "cumulative_market_cap_share": [0.6, 0.9, 1.0],
        ... })
        >>> breakpoints(ranking, event=june, rules=rules, is_banded=False).select(
        ...     "boundary_rank", "breakpoint_usd", "lower_bound_share", "company_count"
        ... ).rows()
        [(2, 30.0, 0.875, 3)]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 6.10 and 6.11.
    """
    extended = _extended(ranking, event=event, rules=rules)
    ranks = (rules.large_cap_count, rules.total_count, rules.extended_count)
    share = pl.col("cumulative_market_cap_share")
    at_large = (pl.col("rank") == rules.large_cap_count) & (rules.band_half_width > 0)
    return (
        extended.filter(pl.col("rank").is_in(ranks))
        .sort("rank")
        .select(
            pl.lit(event.event_id).alias("event_id"),
            pl.lit(event.rank_day).alias("rank_day"),
            pl.lit(event.effective_session).alias("effective_session"),
            pl.col("rank").alias("boundary_rank"),
            pl.col("total_market_cap_usd").alias("breakpoint_usd"),
            share,
            pl.when(at_large).then(share - rules.band_half_width).alias("lower_bound_share"),
            pl.when(at_large).then(share + rules.band_half_width).alias("upper_bound_share"),
            pl.lit(extended.height, pl.Int32).alias("company_count"),
            pl.lit(extended["total_market_cap_usd"].sum()).alias("total_market_cap_usd"),
            (at_large & is_banded).alias("is_banded"),
        )
    )


def reconstitute(
    ranking: pl.DataFrame,
    *,
    incumbents: pl.DataFrame,
    excluded: pl.DataFrame,
    event: Event,
    rules: IndexRules,
) -> pl.DataFrame:
    """Decide which segment each company belongs to from this event on, and say why.

    Rank alone would swap many companies at every event, so an incumbent keeps
    its segment while it lies within a band around the breakpoint between large
    and small. The band is measured in cumulative market capitalisation, not in
    ranks. A company without a segment, or with `micro`, has nothing to keep and
    goes where its rank says; nobody is protected at the lower edge of small.

    Args:
        ranking: Contract `ranking`; only the rows of `event.rank_day` are read.
        incumbents: Contract `reconstitution` of the event before, rows with a
            `segment`. Empty at the first event.
        excluded: Contract `universe` of the rank day; read to say why an
            incumbent is not ranked.
        event: The reconstitution.
        rules: The rules in force on its rank day.

    Returns:
        Contract `reconstitution`: every ranked company and every incumbent,
        sorted by `rank` (nulls last), `company_id`. `segment` is null for
        companies that end outside; `decision` is a value of
        `rulebook.reasons.MembershipDecision`, `reason` its sentence.

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
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> june = event("2022-06")
        >>> rules = replace(
        ...     rules_in_force(june.rank_day), large_cap_count=2, total_count=4,
        ...     extended_count=5, band_half_width=0.12,
        ... )
        >>> text = dict.fromkeys(("security_id", "symbol", "name", "sector"), "x")
        >>> ranking = pl.DataFrame({
        ...     "session": [june.rank_day] * 4, "company_id": ["C1", "C2", "C3", "C4"],
        ...     "rank": [1, 2, 3, 4], "total_market_cap_usd": [50.0, 30.0, 10.0, 6.0],
        ...     "total_shares": [5.0, 3.0, 1.0, 0.6],
        ...     "cumulative_market_cap_share": [0.50, 0.80, 0.90, 0.96],
        ... }).with_columns(**{name: pl.lit(value) for name, value in text.items()})
        >>> incumbents = pl.DataFrame({
        ...     "company_id": ["C1", "C2", "C3"], "segment": ["large", "small", "large"],
        ... }).with_columns(**{name: pl.lit(value) for name, value in text.items()})
        >>> excluded = pl.DataFrame(schema={
        ...     "security_id": pl.String, "is_eligible": pl.Boolean,
        ...     "exclusion_reason": pl.String,
        ... })
        >>> reconstitute(
        ...     ranking, incumbents=incumbents, excluded=excluded, event=june, rules=rules
        ... ).select("company_id", "segment", "decision")
        shape: (4, 3)
        ┌────────────┬─────────┬───────────────┐
        │ company_id ┆ segment ┆ decision      │
        │ ---        ┆ ---     ┆ ---           │
        │ str        ┆ str     ┆ str           │
        ╞════════════╪═════════╪═══════════════╡
        │ C1         ┆ large   ┆ stays_by_rank │
        │ C2         ┆ small   ┆ stays_by_band │
        │ C3         ┆ large   ┆ stays_by_band │
        │ C4         ┆ small   ┆ enters        │
        └────────────┴─────────┴───────────────┘

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 6.10 and 6.11.
    """
    ranked = _ranked(ranking, event=event, rules=rules)
    before = incumbents.select("company_id", previous_segment="segment")
    placed = ranked.join(before, on="company_id", how="left").with_columns(
        segment=_banded(_bounds(ranked, rules))
    )
    absent = _absent(incumbents, ranked=ranked, excluded=excluded)
    return (
        pl.concat([placed, absent], how="diagonal")
        .with_columns(decision=_decision())
        .with_columns(reason=_reason())
        .select(
            pl.lit(event.event_id).alias("event_id"), "company_id", "security_id", "symbol",
            "name", "sector", "rank", "total_market_cap_usd", "total_shares",
            "cumulative_market_cap_share", "previous_segment", "segment", "decision", "reason",
        )
        .sort("rank", "company_id", nulls_last=True)
    )  # fmt: skip


def _extended(ranking: pl.DataFrame, *, event: Event, rules: IndexRules) -> pl.DataFrame:
    """The companies of the widest index on rank day."""
    day = ranking.filter(pl.col("session") == event.rank_day)
    if day.height < rules.large_cap_count:
        raise TooFewCompaniesError(
            f"event {event.event_id}: {day.height} companies are ranked on {event.rank_day}, "
            f"a breakpoint needs {rules.large_cap_count}",
            state="no decision was taken",
            remedy=f"check `universe` and `ranking` of {event.rank_day}: is a source missing?",
        )
    return day.filter(pl.col("rank") <= rules.extended_count)


def _ranked(ranking: pl.DataFrame, *, event: Event, rules: IndexRules) -> pl.DataFrame:
    """Ranked companies of the rank day with the segment of their bare rank."""
    _extended(ranking, event=event, rules=rules)
    rank = pl.col("rank")
    return ranking.filter(pl.col("session") == event.rank_day).with_columns(
        raw_segment=pl.when(rank <= rules.large_cap_count)
        .then(pl.lit("large"))
        .when(rank <= rules.total_count)
        .then(pl.lit("small"))
        .when(rank <= rules.extended_count)
        .then(pl.lit("micro"))
    )


def _bounds(ranked: pl.DataFrame, rules: IndexRules) -> tuple[float, float]:
    """The band around the large/small breakpoint; empty where the rules know no band."""
    if rules.band_half_width <= 0:
        return (1.0, 0.0)
    at_breakpoint = ranked.filter(pl.col("rank") == rules.large_cap_count)
    middle: float = at_breakpoint["cumulative_market_cap_share"].item()
    return (middle - rules.band_half_width, middle + rules.band_half_width)


def _banded(bounds: tuple[float, float]) -> pl.Expr:
    """The final segment: the previous one for incumbents in the band, else that of the rank."""
    sides = ["large", "small"]
    stays = (
        pl.col("raw_segment").is_in(sides)
        & pl.col("previous_segment").is_in(sides).fill_null(value=False)
        & pl.col("cumulative_market_cap_share").is_between(*bounds)
    )
    return pl.when(stays).then(pl.col("previous_segment")).otherwise(pl.col("raw_segment"))


def _absent(
    incumbents: pl.DataFrame, *, ranked: pl.DataFrame, excluded: pl.DataFrame
) -> pl.DataFrame:
    """Incumbents that are not ranked, each with the reason that the universe gives."""
    why = (
        excluded.filter(~pl.col("is_eligible"))
        .sort("security_id")
        .select("security_id", "exclusion_reason")
    )
    sentences = {reason.value: reason.sentence for reason in ExclusionReason}
    return (
        incumbents.join(ranked, on="company_id", how="anti")
        .join(why, on="security_id", how="left")
        .select(
            "company_id", "security_id", "symbol", "name", "sector",
            previous_segment="segment",
            segment=pl.lit(None, pl.String),
            absence=pl.col("exclusion_reason")
            .replace_strict(sentences, default=None, return_dtype=pl.String)
            .fill_null(_NOT_LISTED),
        )
    )  # fmt: skip


def _decision() -> pl.Expr:
    """How a company came from its previous segment to its new one."""
    before, after, raw = (pl.col(c) for c in ("previous_segment", "segment", "raw_segment"))
    size_before = before.replace_strict(_SIZE_ORDER, default=0, return_dtype=pl.Int8)
    size_after = after.replace_strict(_SIZE_ORDER, default=0, return_dtype=pl.Int8)
    found = (
        pl.when(before.is_null() & after.is_null()).then(pl.lit(MembershipDecision.STAYS_OUT))
        .when(before.is_null()).then(pl.lit(MembershipDecision.ENTERS))
        .when(after.is_null()).then(pl.lit(MembershipDecision.LEAVES))
        .when(size_after > size_before).then(pl.lit(MembershipDecision.MOVES_UP))
        .when(size_after < size_before).then(pl.lit(MembershipDecision.MOVES_DOWN))
        .when(after != raw).then(pl.lit(MembershipDecision.STAYS_BY_BAND))
        .otherwise(pl.lit(MembershipDecision.STAYS_BY_RANK))
    )  # fmt: skip
    return found.cast(pl.String)


def _reason() -> pl.Expr:
    """The decision's sentence; for incumbents that are not ranked, what excluded them."""
    sentences = {decision.value: decision.sentence for decision in MembershipDecision}
    said = pl.col("decision").replace_strict(sentences, return_dtype=pl.String)
    return pl.coalesce(pl.concat_str(pl.lit("leaves: "), pl.col("absence")), said)
