"""2: lines -> companies ranked by total market capitalisation, session by session.

1. A company's eligible lines are brought together; each already carries the whole
   company's cap (`share_classes`), so nothing is counted twice.
2. Its pricing vehicle is the line that trades most.
3. Companies are ranked; the cumulative share runs from the largest down.

Float plays no part here. Bands and breakpoints belong to `reconstitution`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.rules import IndexRules

_KEPT = ("session", "company_id", "security_id", "symbol", "name", "sector", "close_usd")


def rank_companies(universe: pl.DataFrame, *, rules: IndexRules) -> pl.DataFrame:
    """Rank eligible companies by total market capitalisation at each session's close.

    Args:
        universe: Contract `universe`, any range of sessions. Read: the eligible
            lines' `market_cap_usd` (USD, the whole company's on every line),
            `close_usd` (USD per share) and `addtv_usd` (average daily dollar volume).
        rules: The rules in force; read `extended_count`.

    Returns:
        Contract `ranking`, one row per session and company, sorted by `session`,
        `rank`: `total_market_cap_usd`, `rank` (1 = largest, no gaps, no ties) and
        `cumulative_market_cap_share`: the sum from the largest company down to
        this one, over the total of the first `extended_count` companies. It is 1
        at the last of those and a little above 1 beyond.

    Notes:
        Equal caps are ordered by `company_id`, equal volumes by `security_id`, so
        the result does not depend on row order. Missing volume counts as none. An
        empty universe gives an empty ranking. Uses each session's own rows only.

    Example:
        ACME's two lines carry one cap: the company's. BOLT is the dearer share,
        ACME the larger company.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> universe = pl.DataFrame({
        ...     "session": [date(2024, 4, 30)] * 4,
        ...     "company_id": ["ACME", "ACME", "BOLT", "CORE"],
        ...     "security_id": ["ACME.A", "ACME.B", "BOLT", "CORE"],
        ...     "symbol": ["ACMA", "ACMB", "BOLT", "CORE"],
        ...     "name": ["Acme", "Acme", "Bolt", "Core"],
        ...     "sector": [None] * 4,
        ...     "close_usd": [10.0, 9.0, 25.0, 4.0],
        ...     "addtv_usd": [500.0, 8100.0, 2500.0, 400.0],
        ...     "market_cap_usd": [2900.0, 2900.0, 2500.0, 1000.0],
        ...     "is_eligible": [True] * 4,
        ... }, schema_overrides={"sector": pl.String})
        >>> ranking = rank_companies(universe, rules=rules_in_force(date(2024, 4, 30)))
        >>> ranking.select("security_id", "rank", "cumulative_market_cap_share")
        shape: (3, 3)
        ┌─────────────┬──────┬─────────────────────────────┐
        │ security_id ┆ rank ┆ cumulative_market_cap_share │
        │ ---         ┆ ---  ┆ ---                         │
        │ str         ┆ i32  ┆ f64                         │
        ╞═════════════╪══════╪═════════════════════════════╡
        │ ACME.B      ┆ 1    ┆ 0.453125                    │
        │ BOLT        ┆ 2    ┆ 0.84375                     │
        │ CORE        ┆ 3    ┆ 1.0                         │
        └─────────────┴──────┴─────────────────────────────┘

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 6.1 to 6.5 and 6.10.
    """
    cap = pl.col("total_market_cap_usd")
    company = ("session", "company_id")
    lines = (
        universe.select(*_KEPT, "addtv_usd", "market_cap_usd", "is_eligible")
        .filter("is_eligible")
        .select(
            *_KEPT,
            volume=pl.col("addtv_usd").fill_null(0.0),
            line_count=pl.len().cast(pl.Int32).over(company),
            total_market_cap_usd=pl.col("market_cap_usd").max().over(company),
        )
        .sort(
            "session", cap, "company_id", "volume", "security_id",
            descending=[False, True, False, True, False],
        )
    )  # fmt: skip
    running = cap.cum_sum() / cap.head(rules.extended_count).sum()
    # The lines of a company stand together now, its pricing vehicle first.
    return lines.filter(_changes("session") | _changes("company_id")).select(
        *_KEPT,
        (cap / pl.col("close_usd")).alias("total_shares"), "line_count", "total_market_cap_usd",
        pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("session").alias("rank"),
        running.over("session").alias("cumulative_market_cap_share"),
    )  # fmt: skip


def _changes(column: str) -> pl.Expr:
    """Whether a row says something else than the row before it."""
    return pl.col(column).ne_missing(pl.col(column).shift())
