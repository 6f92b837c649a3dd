"""One company, several lines: what the company is worth and which line speaks for it.

1. The feed gives for most classes the cap of the whole company and for some the
   cap of the class alone. Classes whose implied shares or caps agree repeat one
   company figure, which counts once; classes that disagree are added up.
2. The pricing vehicle is the line that trades most.
3. Each line's own shares are not in the feed: a company figure is divided among
   its lines in proportion to what they trade (inferred), so that their weights
   add up to the company once.
4. A second line may stand beside the vehicle only if it is large and liquid
   enough by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.rules import IndexRules

# Rounding in the feed, and trades minutes apart, move one company's figures by less. Shares
# disagree where a class stands for many of another, and then the caps tell.
_SAME_FIGURE = 0.05
_COMPANY = ("session", "company_id")


def value_companies(lines: pl.DataFrame, *, rules: IndexRules) -> pl.DataFrame:
    """Add what a company's eligible lines say together.

    Args:
        lines: Lines that are eligible by themselves, any sessions. Read: `session`,
            `company_id`, `security_id`, `close_usd`, `market_cap_usd` (USD; of the
            company or of the class alone, as the feed has it) and `addtv_usd`
            (average daily dollar volume; null counts as none).
        rules: The rules in force: `has_separate_share_classes`,
            `minimum_total_market_cap_usd`, `minimum_class_addtv_usd`.

    Returns:
        The same rows in any order with `company_market_cap_usd`, `line_shares`
        (this line's part of the cap over its close), `is_vehicle` and
        `is_secondary_excluded` (a further line that may not stand by itself).

    Notes:
        Uses each session's own rows only. Ties of volume go to the smaller
        `security_id`.

    Example:
        Both classes of G repeat the company's 1,000: it counts once. H's two
        classes differ, so they are parts.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> day = date(2024, 4, 30)
        >>> lines = pl.DataFrame({
        ...     "session": [day] * 4, "company_id": ["G", "G", "H", "H"],
        ...     "security_id": ["G.A", "G.C", "H.A", "H.B"],
        ...     "close_usd": [10.0, 10.1, 5.0, 5.0],
        ...     "market_cap_usd": [1000e6, 1010e6, 600e6, 100e6],
        ...     "addtv_usd": [3e6, 1e6, 2e6, 1e5],
        ... })
        >>> found = value_companies(lines, rules=rules_in_force(day)).sort("security_id")
        >>> found.select("security_id", "company_market_cap_usd", "is_vehicle").rows()[:2]
        [('G.A', 1000000000.0, True), ('G.C', 1000000000.0, False)]
        >>> found.select("security_id", "company_market_cap_usd", "line_shares").rows()[2:]
        [('H.A', 700000000.0, 120000000.0), ('H.B', 700000000.0, 20000000.0)]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 6.5.
    """
    alone = lines.select(pl.struct(_COMPANY).is_unique()).to_series()
    # Most companies have one line, of which all this is known without looking at others.
    return pl.concat([_of_one_line(lines.filter(alone)), _of_several(lines.filter(~alone), rules)])


def _of_one_line(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines whose company has no other on their session."""
    return lines.with_columns(
        is_vehicle=pl.lit(value=True),
        company_market_cap_usd="market_cap_usd",
        line_shares=_implied_shares(),
        is_secondary_excluded=pl.lit(value=False),
    )


def _of_several(lines: pl.DataFrame, rules: IndexRules) -> pl.DataFrame:
    """Lines whose company has others on their session."""
    volume = pl.col("addtv_usd").fill_null(0.0)
    ordered = lines.sort(
        "session", "company_id", volume, "security_id", descending=[False, False, True, False]
    ).with_columns(
        line_count=pl.len().over(_COMPANY),
        is_company_figure=_agree(_implied_shares()) | _agree(pl.col("market_cap_usd")),
        is_vehicle=pl.int_range(pl.len()).over(_COMPANY) == 0,
    )
    vehicle_cap = pl.col("market_cap_usd").first().over(_COMPANY)
    traded = volume / volume.sum().over(_COMPANY)
    part = pl.when(traded.is_finite()).then(traded).otherwise(1 / pl.col("line_count"))
    return (
        ordered.with_columns(
            company_market_cap_usd=pl.when("is_company_figure")
            .then(vehicle_cap)
            .otherwise(pl.col("market_cap_usd").sum().over(_COMPANY)),
        )
        .with_columns(
            line_shares=pl.when("is_company_figure")
            .then(pl.col("company_market_cap_usd") * part / pl.col("close_usd"))
            .otherwise(_implied_shares())
        )
        .with_columns(is_secondary_excluded=~pl.col("is_vehicle") & ~_stands_alone(rules))
        .drop("line_count", "is_company_figure")
    )


def _implied_shares() -> pl.Expr:
    return pl.col("market_cap_usd") / pl.col("close_usd")


def _agree(figure: pl.Expr) -> pl.Expr:
    """Whether all lines of the company give one figure."""
    return figure.max().over(_COMPANY) / figure.min().over(_COMPANY) - 1 <= _SAME_FIGURE


def _stands_alone(rules: IndexRules) -> pl.Expr:
    """Whether a further line is large and liquid enough to be a line of its own."""
    class_cap = pl.col("line_shares") * pl.col("close_usd")
    return (
        pl.lit(rules.has_separate_share_classes)
        & (class_cap > rules.minimum_total_market_cap_usd)
        & (pl.col("addtv_usd").fill_null(0.0) > rules.minimum_class_addtv_usd)
    )
