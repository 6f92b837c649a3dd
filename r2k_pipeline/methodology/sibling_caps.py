"""What the classes of one company say about one another's market caps.

The feed gives each class the company's whole count of shares, or its own, and
which of the two can change from one session to the next. Add rules here that need
a sibling; what a line's own past shows is `repairs`' business, and how the caps of
classes add up to the company's is `share_classes`'.
"""

from __future__ import annotations

import polars as pl

from r2k_pipeline.rulebook.reasons import RepairRule

# Classes whose counts differ by less than this have one count.
_SAME_COUNT = 0.02
# A class that leaves the common count by more than this left it.
_LEFT_COUNT = 0.05
_IS_SHARE = r"(?i)\b(?:common|ordinary|capital) (?:stock|shares?)\b|\bclass [a-k]\b"
_IS_CLASS = r"[/.][A-K]$"
_IS_OTHER = (
    r"(?i)\b(?:preferred|preference|warrants?|units?|rights?|deposit[ao]ry|notes?|debentures?"
    r"|when[- ]issued|ex[- ]distribution)\b|%"
)


def class_level_caps(history: pl.DataFrame) -> pl.DataFrame:
    """Find classes that left the count of shares that they had in common.

    Args:
        history: What `share_history` returns.

    Returns:
        `row`, `rule`, `target_log` (logarithm of the common count) and
        `evidence`, one row per class and session.

    Notes:
        A change of the company's shares moves all classes on one session to one count,
        so a class that moves alone, or elsewhere than its sibling, changed its meaning,
        not its shares. Uses the session's rows and the levels before them.

    Example:
        >>> history = pl.DataFrame({
        ...     "row": [0, 1], "ordinal": [10, 10], "company": [1, 1], "symbol": ["DUOA", "DUOB"],
        ...     "log_shares": [20.0, 19.3], "steady_log": [20.0, 20.0],
        ... })
        >>> class_level_caps(history).select("row", "rule", "target_log").rows()
        [(1, 'class_level_cap', 20.0)]
    """
    departure = (pl.col("log_shares") - pl.col("steady_log")).abs()
    rows = history.select(
        "row", "company", "ordinal", "symbol", "log_shares", "steady_log", departure=departure
    )
    left = rows.filter((departure > _LEFT_COUNT) & pl.col("company").is_not_null())
    siblings = rows.join(
        left.select("company", "ordinal").unique(), on=["company", "ordinal"], how="semi"
    ).select(
        "company", "ordinal", sibling_row="row", sibling="symbol", sibling_log="log_shares",
        sibling_steady="steady_log", sibling_departure="departure",
    )  # fmt: skip
    stayed, went_elsewhere = _sibling_stayed(), _sibling_went_elsewhere()
    return (
        left.join(siblings, on=["company", "ordinal"])
        .filter((pl.col("sibling_row") != pl.col("row")) & (stayed | went_elsewhere))
        .sort("row", ~stayed, "sibling")
        .unique("row", keep="first", maintain_order=True)
        .select(
            "row",
            rule=pl.lit(RepairRule.CLASS_LEVEL_CAP.value),
            target_log="steady_log",
            evidence=pl.format(
                "{} shares, while {} {} {}",
                _count("log_shares"),
                "sibling",
                pl.when(stayed)
                .then(pl.lit("still has the common"))
                .otherwise(pl.format("left the common {} for", _count("steady_log"))),
                _count("sibling_log"),
            ),
        )
    )


def _count(log_shares: str) -> pl.Expr:
    return pl.col(log_shares).exp().round().cast(pl.Int64)


def caps_of_siblings(blank: pl.DataFrame, valued: pl.DataFrame) -> pl.DataFrame:
    """Give blank classes the company's cap that a sibling shows.

    Args:
        blank: Listings without a cap: `row`, `company`, `ordinal`, `symbol`, `name`.
        valued: Listings with one, repaired: `company`, `ordinal`, `symbol`,
            `name`, `market_cap_usd`.

    Returns:
        `row`, `rule`, `market_cap_usd` and `evidence`, only where both lines are
        shares by their names. The cap is that of the largest sibling, as it is.

    Example:
        >>> day = {"company": [1], "ordinal": [10]}
        >>> blank = pl.DataFrame(
        ...     day | {"row": [0], "symbol": ["DUO/B"], "name": ["Duo Corp. Class B"]}
        ... )
        >>> valued = pl.DataFrame(day | {
        ...     "symbol": ["DUOA"], "name": ["Duo Corp. Class A Common Stock"],
        ...     "market_cap_usd": [5e9],
        ... })
        >>> caps_of_siblings(blank, valued).rows()
        [(0, 'sibling_cap', 5000000000.0, 'the company is given at 5000000000 under DUOA')]
    """
    texts = pl.concat(part.select("symbol", "name").unique() for part in (blank, valued)).unique()
    shares = texts.filter(_is_share())
    return (
        blank.join(shares, on=["symbol", "name"], how="semi", nulls_equal=True)
        .select("row", "company", "ordinal")
        .join(
            valued.join(shares, on=["symbol", "name"], how="semi", nulls_equal=True).select(
                "company", "ordinal", "market_cap_usd", sibling="symbol"
            ),
            on=["company", "ordinal"],
        )
        .sort("row", "market_cap_usd", "sibling", descending=[False, True, False])
        .unique("row", keep="first", maintain_order=True)
        .select(
            "row",
            pl.lit(RepairRule.SIBLING_CAP.value).alias("rule"),
            "market_cap_usd",
            pl.format(
                "the company is given at {} under {}",
                pl.col("market_cap_usd").cast(pl.Int64),
                "sibling",
            ).alias("evidence"),
        )
    )


def _is_share() -> pl.Expr:
    name = pl.col("name")
    is_share = name.str.contains(_IS_SHARE) | pl.col("symbol").str.contains(_IS_CLASS)
    return (is_share & ~name.str.contains(_IS_OTHER)).fill_null(value=False)


def _sibling_stayed() -> pl.Expr:
    """Whether the sibling still has the count that both had."""
    off = (pl.col("sibling_log") - pl.col("steady_log")).abs()
    return (pl.col("sibling_departure") < _SAME_COUNT) & (off < _SAME_COUNT)


def _sibling_went_elsewhere() -> pl.Expr:
    """Whether the sibling left the count that both had for another one than this class."""
    apart = (pl.col("sibling_log") - pl.col("log_shares")).abs()
    had_in_common = (pl.col("sibling_steady") - pl.col("steady_log")).abs() < _SAME_COUNT
    left = pl.col("sibling_departure") > _LEFT_COUNT
    return left & had_in_common & (apart > _LEFT_COUNT)
