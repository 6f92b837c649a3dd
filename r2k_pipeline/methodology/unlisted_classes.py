"""Classes and units of a company that no exchange lists.

A company is ranked on all its shares: every class, and every unit of a partnership
below it that its holder may exchange for a share. The feed counts some companies so,
and others by the listed class alone. What a company has outside the exchange is a
public fact (`rulebook/reference/unlisted_shares.csv`); which of the two the feed
means is read off the shares that cap and close imply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.fact_matching import facts_by_line
from r2k_pipeline.rulebook.reasons import RepairRule

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.rules import IndexRules

# Counts grow and shrink within a year, and the facts are dated by year; what is further off
# is a split since, or another company's shares, and proves nothing.
_SAME_COUNT = 1.35
_COMPANY = ("session", "company_id")


def with_unlisted_classes(
    lines: pl.DataFrame, facts: pl.DataFrame, *, rules: IndexRules
) -> pl.DataFrame:
    """Count what no exchange lists into a company's cap, and out of its line.

    Args:
        lines: Read: `session`, `company_id`, `symbol`, `name`, `year`, `line_type`,
            `close_usd`, `market_cap_usd` and `raw_market_cap_usd` (USD),
            `repair_rule`, `repair_evidence`.
        facts: `rulebook.reference_facts.unlisted_share_facts()`.
        rules: The rules in force; read which line types are shares at all.

    Returns:
        The same rows with `market_cap_usd` of the whole company, the rule and the
        evidence where that was changed, and `listed_part`: what part of the
        company's shares this line is (0 to 1; 1 where nothing else is known).

    Notes:
        Only a company with a single line is looked at: where several classes are
        listed, they tell about each other (`share_classes`). The implied shares
        must come near the listed count or near the whole count, else nothing is
        changed. Facts are dated by year and used on all of its sessions.

    Example:
        Of HAL's 100 m shares a quarter is listed. One feed counts the quarter, the
        other all: the cap comes out the same, and so does the line's part.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> day = date(2024, 4, 30)
        >>> lines = pl.DataFrame({
        ...     "session": [day] * 2, "company_id": ["C-HAL", "C-HAM"],
        ...     "symbol": ["HAL", "HAM"], "name": ["Halden Inc. Class A", "Hamden Inc. Class A"],
        ...     "year": [2024] * 2, "line_type": ["common"] * 2, "close_usd": [10.0] * 2,
        ...     "market_cap_usd": [250e6, 1000e6], "raw_market_cap_usd": [None] * 2,
        ...     "repair_rule": [None] * 2, "repair_evidence": [None] * 2,
        ... }, schema_overrides={
        ...     "year": pl.Int32, "raw_market_cap_usd": pl.Float64,
        ...     "repair_rule": pl.String, "repair_evidence": pl.String})
        >>> facts = pl.DataFrame({
        ...     "symbol": ["HAL", "HAM"], "company": ["Halden", "Hamden"],
        ...     "listed_shares": [25e6] * 2, "unlisted_shares": [75e6] * 2,
        ...     "first_year": [2020] * 2, "last_year": [None] * 2,
        ...     "source": ["10-K"] * 2, "certainty": ["official"] * 2,
        ... }, schema_overrides={"first_year": pl.Int32, "last_year": pl.Int32})
        >>> found = with_unlisted_classes(lines, facts, rules=rules_in_force(day))
        >>> found.select("market_cap_usd", "listed_part", "repair_rule").rows()
        [(1000000000.0, 0.25, 'unlisted_class'), (1000000000.0, 0.25, None)]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 6.2 and 6.5.
    """
    known = lines.join(
        facts_by_line(lines, facts).select(
            "symbol", "name", "year", "listed_shares", "unlisted_shares"
        ),
        on=["symbol", "name", "year"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    ).with_columns(means=_what_the_feed_counts(rules))
    listed_only = (pl.col("means") == "listed").fill_null(value=False)
    whole = pl.col("listed_shares") + pl.col("unlisted_shares")
    part = pl.when(pl.col("means").is_not_null()).then(pl.col("listed_shares") / whole)
    return known.with_columns(
        market_cap_usd=pl.when(listed_only)
        .then(pl.col("market_cap_usd") / part)
        .otherwise("market_cap_usd"),
        raw_market_cap_usd=pl.when(listed_only)
        .then(pl.coalesce("raw_market_cap_usd", "market_cap_usd"))
        .otherwise("raw_market_cap_usd"),
        listed_part=part.fill_null(1.0),
        repair_rule=pl.when(listed_only)
        .then(pl.lit(RepairRule.UNLISTED_CLASS.value))
        .otherwise("repair_rule"),
        repair_evidence=pl.when(listed_only).then(_evidence(part)).otherwise("repair_evidence"),
    ).drop("listed_shares", "unlisted_shares", "means")


def _what_the_feed_counts(rules: IndexRules) -> pl.Expr:
    """Whether the implied shares come near the listed or the whole count; null if neither."""
    excluded = sorted(rules.excluded_line_types)
    is_share = ~pl.col("line_type").is_in(excluded) & (pl.col("market_cap_usd") > 0)
    is_single = is_share & (is_share.sum().over(_COMPANY) == 1)
    implied = pl.col("market_cap_usd") / pl.col("close_usd")
    listed = (implied / pl.col("listed_shares")).log().abs()
    whole = (implied / (pl.col("listed_shares") + pl.col("unlisted_shares"))).log().abs()
    is_near = is_single & (pl.min_horizontal(listed, whole) <= pl.lit(_SAME_COUNT).log())
    nearer = pl.when(listed < whole).then(pl.lit("listed")).otherwise(pl.lit("whole"))
    return pl.when(is_near.fill_null(value=False)).then(nearer)


def _evidence(part: pl.Expr) -> pl.Expr:
    return pl.format("the feed counts the listed class, {} % of its shares", (100 * part).round(1))
