"""1: snapshot -> every share line, eligible or left out for a stated reason.

1. Each listing gets its permanent line and company (`securities`).
2. Its kind is read (`line_types`).
3. The rules of eligibility are asked in order; the first that fails gives the
   reason. No line is ever dropped.

Rules that compare companies with one another belong to `ranking`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import MissingPartitionError
from r2k_pipeline.methodology.line_types import line_type
from r2k_pipeline.rulebook.reasons import ExclusionReason, LineType, exclusion_of

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.rules import IndexRules

# What is decided once for each distinct text, since sessions repeat them hundreds of times.
_TEXTS = ("symbol", "name", "industry", "sector")


def evaluate_universe(
    listings: pl.DataFrame, securities: pl.DataFrame, *, rules: IndexRules
) -> pl.DataFrame:
    """Judge every listed line of every session against the rules of eligibility.

    Args:
        listings: Contract `raw_listings`, any range of sessions.
        securities: Contract `securities`; every listing must fall into one span.
        rules: The rules in force on all of these sessions.

    Returns:
        Contract `universe`, one row per listing, sorted by `session`,
        `security_id`. `total_shares` is the company's capitalisation over the
        line's close: all classes together, in shares of this line; null where
        cap or close is missing or not positive. `exclusion_reason` is null for
        eligible lines, else the first rule that fails, a value of
        `rulebook.reasons.ExclusionReason`.

    Raises:
        MissingPartitionError: A listing has no span in `securities`, which
            therefore is older than the listings.

    Notes:
        Uses each session's own rows only, so there is no look-ahead. Whether a
        blank country counts as home is a rule: the feed leaves it blank for new
        listings.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> day = date(2024, 4, 30)
        >>> listings = pl.DataFrame({
        ...     "session": [day] * 2, "exchange": ["nyse"] * 2, "symbol": ["HAL", "HAL/WS"],
        ...     "name": ["Halden Inc. Common Stock", "Halden Inc. Warrant"],
        ...     "close_usd": [12.0, 1.5], "previous_close_usd": [11.9, 1.4],
        ...     "volume_shares": [9000, 10], "market_cap_usd": [1.2e9, None],
        ...     "country": ["United States"] * 2, "industry": [None] * 2, "sector": [None] * 2,
        ... }, schema_overrides={"industry": pl.String, "sector": pl.String})
        >>> securities = pl.DataFrame({
        ...     "symbol": ["HAL", "HAL/WS"], "security_id": ["S-HAL", "S-HAL/WS"],
        ...     "company_id": ["C-HAL"] * 2, "first_session": [day] * 2, "last_session": [day] * 2,
        ... })
        >>> evaluate_universe(listings, securities, rules=rules_in_force(day)).select(
        ...     "security_id", "line_type", "total_shares", "exclusion_reason"
        ... ).rows()
        [('S-HAL', 'common', 100000000.0, None), ('S-HAL/WS', 'warrant', None, 'warrant')]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 5.2 to 5.13.
    """
    identified = _identified(listings, securities)
    traded = pl.col("close_usd") > 0
    valued = pl.col("market_cap_usd") > 0
    lines = identified.with_columns(
        total_shares=pl.when(traded & valued).then(pl.col("market_cap_usd") / pl.col("close_usd")),
        exclusion_reason=_exclusion_reason(rules),
    )
    return lines.select(
        "session", "security_id", "company_id", "symbol", "name", "exchange", "line_type",
        "country", "sector", "close_usd", "previous_close_usd", "volume_shares",
        "market_cap_usd", "total_shares",
        pl.col("exclusion_reason").is_null().alias("is_eligible"), "exclusion_reason",
    ).sort("session", "security_id")  # fmt: skip


def _identified(listings: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """Listings with their line, company and kind."""
    kinds = listings.select(_TEXTS).unique().with_columns(line_type=line_type())
    spans = securities.select(
        "symbol", "security_id", "company_id", "first_session", "last_session"
    ).sort("first_session")
    found = (
        listings.sort("session")
        .join_asof(
            spans,
            left_on="session",
            right_on="first_session",
            by="symbol",
            strategy="backward",
            check_sortedness=False,
        )
        .join(kinds, on=list(_TEXTS), how="left", nulls_equal=True)
    )
    unknown = found.filter(
        pl.col("security_id").is_null() | (pl.col("session") > pl.col("last_session"))
    )
    if not unknown.is_empty():
        raise MissingPartitionError(
            "securities",
            unknown["session"].unique().sort().to_list(),
            remedy="materialize `securities` again: it is older than these listings",
        )
    return found


def _exclusion_reason(rules: IndexRules) -> pl.Expr:
    """The first rule that a line fails, in the order of the rulebook's sections."""
    kind = pl.col("line_type")
    by_kind = [
        pl.when(kind == excluded.value).then(pl.lit(exclusion_of(excluded).value))
        for excluded in LineType
        if excluded in rules.excluded_line_types
    ]
    home = (
        pl.col("country")
        .is_in(sorted(rules.home_countries))
        .fill_null(value=rules.is_unknown_country_home)
    )
    tests = (
        (ExclusionReason.EXCHANGE, pl.col("exchange").is_in(sorted(rules.exchanges))),
        (ExclusionReason.FOREIGN, home),
        (ExclusionReason.NO_CLOSE, (pl.col("close_usd") > 0).fill_null(value=False)),
        (ExclusionReason.PRICE_BELOW_MINIMUM, pl.col("close_usd") >= rules.minimum_close_usd),
        (ExclusionReason.NO_MARKET_CAP, (pl.col("market_cap_usd") > 0).fill_null(value=False)),
        (
            ExclusionReason.CAP_BELOW_MINIMUM,
            pl.col("market_cap_usd") >= rules.minimum_total_market_cap_usd,
        ),
    )
    return pl.coalesce(*by_kind, *(pl.when(~ok).then(pl.lit(reason.value)) for reason, ok in tests))
