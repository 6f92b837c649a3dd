"""Vendor rows, whichever form they came in, as contract `raw_listings`.

Names the only repairs that landing makes: symbols are stripped of blanks, blank
text becomes null. A row whose cap is absurd or whose volume is zero lands as it
came: the gate judges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import require_shape
from r2k_pipeline.sources.us_stock_symbols.exchanges import snapshot_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from r2k_pipeline.sources.us_stock_symbols.shown_session import SnapshotLabel

SOURCE_NAME = "us-stock-symbols"

# What both forms of the archive bring to `as_raw_listings`.
VENDOR_SCHEMA = pl.Schema(
    {
        "taken_for": pl.Date(),
        "exchange": pl.String(),
        "symbol": pl.String(),
        "name": pl.String(),
        "lastsale": pl.Float64(),
        "netchange": pl.Float64(),
        "volume": pl.Int64(),
        "marketCap": pl.Float64(),
        "country": pl.String(),
        "ipoyear": pl.Int16(),
        "industry": pl.String(),
        "sector": pl.String(),
        "source_hash": pl.String(),
    }
)

_TEXTS = ("name", "country", "industry", "sector")
# Subtraction of two decimal prices leaves noise in the sixteenth digit; no price has a seventh
# decimal.
_PRICE_DECIMALS = 6


def previous_close() -> pl.Expr:
    """The vendor's previous close, adjusted for splits: last price less net change.

    Returns:
        USD per share, rounded to six decimals; null where either is missing.

    Example:
        >>> frame = pl.DataFrame({"lastsale": [0.97, 1.0], "netchange": [-0.04, None]})
        >>> frame.select(previous_close()).to_series().to_list()
        [1.01, None]
    """
    return (
        (pl.col("lastsale") - pl.col("netchange"))
        .round(_PRICE_DECIMALS)
        .alias("previous_close_usd")
    )


def as_raw_listings(vendor: pl.DataFrame, labels: Sequence[SnapshotLabel]) -> pl.DataFrame:
    """Shape vendor rows and land each on the session that its snapshot shows.

    Args:
        vendor: Columns of `VENDOR_SCHEMA`; sorted by symbol, or not, which is slower.
        labels: The snapshots to keep, with their sessions; rows of any other
            snapshot, and of one without a session, are left out.

    Returns:
        Contract `raw_listings`, sorted by `session`, `exchange`, `symbol`.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.sources.us_stock_symbols.shown_session import SnapshotLabel
        >>> day = date(2022, 6, 27)
        >>> vendor = pl.DataFrame([(day, "nyse", "HAL ", "", 9.5, 0.5, 100, 1e9, "Canada", None,
        ...     "", "", "0123456789abcdef")], schema=VENDOR_SCHEMA, orient="row")
        >>> label = SnapshotLabel(exchange="nyse", taken_for=day, session=day)
        >>> as_raw_listings(vendor, [label]).select(
        ...     "session", "symbol", "name", "previous_close_usd").rows()
        [(datetime.date(2022, 6, 27), 'HAL', None, 9.0)]
    """
    kept = pl.DataFrame(
        [(label.taken_for, label.exchange, label.session) for label in labels if label.session],
        schema={"taken_for": pl.Date, "exchange": pl.String, "session": pl.Date},
        orient="row",
    ).select(snapshot_key("taken_for").alias("key"), pl.col("session"))
    shaped = (
        vendor.lazy()
        .with_columns(
            snapshot_key("taken_for")
            .replace_strict(kept["key"], kept["session"], default=None, return_dtype=pl.Date)
            .alias("session"),
            pl.col("symbol").str.strip_chars(),
        )
        .filter(pl.col("session").is_not_null())
        .select(
            "session",
            "exchange",
            "symbol",
            _null_if_blank("name"),
            pl.col("lastsale").alias("close_usd"),
            previous_close(),
            pl.col("volume").alias("volume_shares"),
            pl.col("marketCap").alias("market_cap_usd"),
            _null_if_blank("country"),
            pl.col("ipoyear").cast(pl.Int32).alias("ipo_year"),
            _null_if_blank("industry"),
            _null_if_blank("sector"),
            pl.lit(SOURCE_NAME).alias("source"),
            "source_hash",
        )
        .collect()
    )
    return require_shape(contract("raw_listings"), _in_order(shaped))


def _null_if_blank(column: str) -> pl.Expr:
    """The text as received, or null where it has nothing but blanks."""
    text = pl.col(column)
    return (
        pl.when(text.str.strip_chars().str.len_bytes() == 0)
        .then(None)
        .otherwise(text)
        .alias(column)
    )


def _in_order(listings: pl.DataFrame) -> pl.DataFrame:
    """By session, exchange and symbol; rows that come by symbol need one stable integer sort."""
    if not listings["symbol"].is_sorted():
        listings = listings.sort("symbol", "exchange")
    return listings.sort(snapshot_key("session"), maintain_order=True)
