"""Listings whose values the feed contradicts -> values that a public document or a person settles.

1. Publicly known shares give the cap of a line whose cap is blank, or jumped with
   nothing to compare it to.
2. A person who looked may take the values of one session as they were received.

Both are rows of the rulebook's reference, each with its source. What the data
themselves can repair is `repairs`' business; what stays in doubt on a rank day is
`doubtful_candidates`'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.fact_matching import facts_by_line, facts_by_session
from r2k_pipeline.rulebook.reasons import RepairRule
from r2k_pipeline.rulebook.reference_facts import DoubtVerdict

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.reference_facts import Reference

_TEXTS = ("symbol", "name", "year")


def with_settled_values(lines: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    r"""Give lines the values that are publicly known, or that a person settled.

    Args:
        lines: What `repairs.repair_listings` returns, with `year` (of the session).
        reference: Public facts; `share_counts` and `settled_doubts` are read.

    Returns:
        The lines, in the same order. Where a fact decides, `repair_rule` is
        `known_shares` or `values_accepted`, `repair_evidence` names the source, and
        the line is no longer quarantined. A repaired `market_cap_usd` (USD) leaves
        the received one in `raw_market_cap_usd`, null where it was blank.

    Notes:
        A fact on shares holds for years, so it is asked only where the feed gives no
        cap that could be used; a settled doubt holds for its session alone. No row
        uses another row.

    Example:
        The feed shows ten times the shares on one of a new line's first sessions.

        >>> from dataclasses import replace
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.reference_facts import read_facts, shipped_reference
        >>> lines = pl.DataFrame({
        ...     "session": [date(2024, 4, 30)], "symbol": ["HAL"], "name": ["Halden Inc."],
        ...     "year": [2024], "close_usd": [20.0], "market_cap_usd": [2e10],
        ...     "raw_market_cap_usd": [None], "repair_rule": ["cap_without_history"],
        ...     "repair_evidence": ["1000000000 shares implied, a jump of late"],
        ...     "is_quarantined": [True], "quarantine_reason": ["cap_without_history"],
        ... }, schema_overrides={"year": pl.Int32, "raw_market_cap_usd": pl.Float64})
        >>> known = read_facts("share_counts", (
        ...     "symbol,company,total_shares,first_year,last_year,source,certainty\n"
        ...     "HAL,Halden,1e8,2024,,Form 10-Q,from_memory\n"))
        >>> reference = replace(shipped_reference(), share_counts=known)
        >>> with_settled_values(lines, reference).select(
        ...     "market_cap_usd", "raw_market_cap_usd", "repair_rule", "quarantine_reason").row(0)
        (2000000000.0, 20000000000.0, 'known_shares', None)
    """
    return _with_accepted(_with_known_shares(lines, reference.share_counts), reference)


def _with_known_shares(lines: pl.DataFrame, share_counts: pl.DataFrame) -> pl.DataFrame:
    """Caps from publicly known shares, where the feed has none that could be used."""
    facts = facts_by_line(lines, share_counts).select(
        *_TEXTS, "source", known_shares="total_shares"
    )
    known = lines.join(facts, on=list(_TEXTS), how="left", nulls_equal=True, maintain_order="left")
    is_blank = (pl.col("market_cap_usd").fill_null(0.0) <= 0).fill_null(value=True)
    is_unproven = pl.col("repair_rule") == RepairRule.CAP_WITHOUT_HISTORY.value
    helped = (
        (is_blank | is_unproven.fill_null(value=False))
        & (pl.col("close_usd") > 0).fill_null(value=False)
        & (pl.col("quarantine_reason").is_null() | is_unproven).fill_null(value=False)
        & pl.col("known_shares").is_not_null()
    )
    evidence = pl.format("{} shares: {}", pl.col("known_shares").cast(pl.Int64), "source")
    cap = pl.col("close_usd") * pl.col("known_shares")
    received = pl.when(~is_blank).then("market_cap_usd")
    return (
        known.with_columns(is_helped=helped.fill_null(value=False))
        .with_columns(
            market_cap_usd=pl.when("is_helped").then(cap).otherwise("market_cap_usd"),
            raw_market_cap_usd=pl.when("is_helped").then(received).otherwise("raw_market_cap_usd"),
        )
        .pipe(_settled, RepairRule.KNOWN_SHARES, evidence)
        .drop("source", "known_shares")
    )


def _with_accepted(lines: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    """Quarantined values that a person took as they were received."""
    accepted = reference.settled_doubts.filter(
        pl.col("verdict") == DoubtVerdict.AS_RECEIVED.value
    ).select("symbol", "company", "session", "reason", "source")
    facts = facts_by_session(lines, accepted)
    known = lines.join(
        facts,
        on=["session", "symbol", "name"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    helped = pl.col("quarantine_reason").is_not_null() & pl.col("reason").is_not_null()
    evidence = pl.format("{}, accepted: {} {}", "repair_evidence", "reason", "source")
    return (
        known.with_columns(is_helped=helped)
        .pipe(_settled, RepairRule.VALUES_ACCEPTED, evidence)
        .drop("reason", "source")
    )


def _settled(lines: pl.DataFrame, rule: RepairRule, evidence: pl.Expr) -> pl.DataFrame:
    """The rule and the evidence that take the lines that `is_helped` marks out of quarantine."""
    return lines.with_columns(
        repair_rule=pl.when("is_helped").then(pl.lit(rule.value)).otherwise("repair_rule"),
        repair_evidence=pl.when("is_helped").then(evidence).otherwise("repair_evidence"),
        is_quarantined=pl.col("is_quarantined") & ~pl.col("is_helped"),
        quarantine_reason=pl.when(~pl.col("is_helped")).then("quarantine_reason"),
    ).drop("is_helped")
