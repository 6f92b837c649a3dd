"""4b: what each line pays on its ex-date, and what of it a holder abroad does not get.

Holds ordinary dividends, which total return reinvests, and what is withheld of these and of
special ones. Which special dividends are ordinary is `action_outcomes`; what the others do
to the divisor is `line_changes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.action_outcomes import with_all_terms
from r2k_pipeline.methodology.line_adjustments import line_adjustments
from r2k_pipeline.rulebook.action_types import ActionOutcome, ActionType
from r2k_pipeline.rulebook.withholding import DEFAULT_WITHHOLDING_RATE, withholding_rates

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEY = ["session", "security_id"]
_WITHHELD = {
    "session": pl.Date,
    "security_id": pl.String,
    "indexes": pl.String,
    "withheld_usd": pl.Float64,
    "label": pl.String,
}


def line_dividends(lines: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Tell what member lines pay as ordinary dividends.

    Args:
        lines: Contract `constituents`. Read: `session`, `security_id`, `symbol`,
            `indexes`, `index_shares`, `country` (may be missing).
        actions: Contract `corporate_actions` over the same sessions.

    Returns:
        `session`, `security_id`, `indexes`, `dividend_usd` (USD, on all index shares),
        `withheld_usd` (the part that is withheld from a holder abroad without a treaty)
        and `label` (kind and symbol), one row a dividend.

    Example:
        >>> from datetime import date
        >>> day = date(2024, 7, 2)
        >>> lines = pl.DataFrame({
        ...     "session": [day], "security_id": ["ACE"], "symbol": ["ACE"], "indexes": ["r2000"],
        ...     "index_shares": [100.0], "country": ["Ireland"],
        ... })
        >>> actions = pl.DataFrame({
        ...     "session": [day], "security_id": ["ACE"], "action_type": ["cash_dividend"],
        ...     "amount_usd": [0.5]})
        >>> line_dividends(lines, actions).select("dividend_usd", "withheld_usd", "label").row(0)
        (50.0, 12.5, 'cash_dividend ACE')

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` appendix A.
    """
    is_ordinary = (pl.col("action_type") == ActionType.CASH_DIVIDEND.value) | (
        pl.col("outcome") == ActionOutcome.AS_ORDINARY.value
    ).fill_null(value=False)
    countries = [name for name in ("country",) if name in lines.columns]
    paid = (
        with_all_terms(actions)
        .filter(is_ordinary & (pl.col("amount_usd") > 0))
        .select(*_KEY, "action_type", "amount_usd")
        .join(lines.select(*_KEY, "symbol", "indexes", "index_shares", *countries), on=_KEY)
    )
    return (
        with_withholding(paid, ["security_id", "action_type"])
        .with_columns(dividend_usd=pl.col("amount_usd") * pl.col("index_shares"))
        .select(
            *_KEY,
            "indexes",
            "dividend_usd",
            withheld_usd=pl.col("dividend_usd") * pl.col("withholding_rate"),
            label=pl.format("{} {}", "action_type", "symbol"),
        )
    )


def special_withholding(lines: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Tell what is withheld of the special dividends of member lines.

    Args:
        lines: As `line_dividends` reads them, with `close_usd` (USD), from the session before
            the first dividend on.
        actions: Contract `corporate_actions` over the same sessions.

    Returns:
        `session`, `security_id`, `indexes`, `withheld_usd` (on all index shares of the
        ex-date, as of an ordinary dividend) and `label`, one row a dividend that was taken
        off the price.

    Example:
        2.00 on the 125 shares of the ex-date; 100 of them were there on the eve.

        >>> from datetime import date
        >>> days = [date(2024, 7, 1), date(2024, 7, 2)]
        >>> lines = pl.DataFrame({
        ...     "session": days, "security_id": "ACE", "symbol": "ACE", "indexes": "r2000",
        ...     "close_usd": [20.0, 18.0], "index_shares": [100.0, 125.0],
        ... })
        >>> actions = pl.DataFrame({
        ...     "session": days[1:], "security_id": ["ACE"], "action_type": ["special_dividend"],
        ...     "amount_usd": [2.0]})
        >>> special_withholding(lines, actions).select("withheld_usd", "label").row(0)
        (75.0, 'special_dividend ACE')

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` appendix A.
    """
    is_special = pl.col("action_type") == ActionType.SPECIAL_DIVIDEND.value
    paying = actions.filter(is_special).select(_KEY).unique()
    if paying.is_empty():
        return pl.DataFrame(schema=_WITHHELD)
    own = actions.join(paying, on=_KEY, how="semi")
    countries = [name for name in ("country",) if name in lines.columns]
    # Rights that are taken up the same morning make more shares of those that were paid on.
    later = pl.col("price_divisor").cum_prod(reverse=True).over(_KEY) / pl.col("price_divisor")
    paid = (
        line_adjustments(own, lines.select(*_KEY, "close_usd"))
        .with_columns(paid_usd=pl.col("deduction_usd") / later)
        .filter(is_special)
        .join(lines.select(*_KEY, "symbol", "indexes", "index_shares", *countries), on=_KEY)
    )
    return with_withholding(paid, ["security_id"]).select(
        *_KEY,
        "indexes",
        withheld_usd=pl.col("paid_usd") * pl.col("index_shares") * pl.col("withholding_rate"),
        label=pl.format("{} {}", "action_type", "symbol"),
    )


def with_withholding(rows: pl.DataFrame, order: Sequence[str]) -> pl.DataFrame:
    """Add the rate that is withheld from dividends of each row's country.

    Args:
        rows: Rows with `session`, and `country` where it is known.
        order: Columns by which rows of one session are put in order.

    Returns:
        The rows with `withholding_rate` (0 to 1), sorted by `session` and `order`.

    Example:
        >>> from datetime import date
        >>> rows = pl.DataFrame({"session": date(2024, 7, 2), "country": ["Bermuda", None]})
        >>> with_withholding(rows, ["country"])["withholding_rate"].to_list()
        [0.3, 0.0]

    References:
        `rulebook.rules.SOURCES["withholding_service"]`.
    """
    if "country" not in rows.columns:
        rows = rows.with_columns(country=pl.lit(None, pl.String))
    return (
        rows.with_columns(first_year=pl.col("session").dt.year())
        .sort("session", *order)
        .join_asof(
            withholding_rates(), on="first_year", by="country", strategy="backward",
            check_sortedness=False,
        )
        .with_columns(pl.col("withholding_rate").fill_null(DEFAULT_WITHHOLDING_RATE))
        .drop("first_year")
    )  # fmt: skip
