"""The three exchanges of the archive, and one integer for an exchange's snapshot of a day.

Text is compared rarely and integers often: five million rows are sorted, joined
and grouped by this key.
"""

from __future__ import annotations

import polars as pl

# Alphabetical, so that the key sorts as (day, exchange) does.
EXCHANGES = ("amex", "nasdaq", "nyse")
_DAY_STRIDE = 4


def snapshot_key(day: str) -> pl.Expr:
    """The integer key of each row's exchange and day, ascending by day, then exchange.

    Args:
        day: The date column that counts as the day.

    Returns:
        Int32; null where the exchange is none of `EXCHANGES` or the day is missing.

    Example:
        >>> from datetime import date
        >>> frame = pl.DataFrame({"day": [date(1970, 1, 3)] * 2, "exchange": ["nyse", "amex"]})
        >>> frame.select(snapshot_key("day")).to_series().to_list()
        [10, 8]
    """
    exchange = pl.col("exchange")
    code = pl.coalesce(
        pl.when(exchange == name).then(pl.lit(number, pl.Int32))
        for number, name in enumerate(EXCHANGES)
    )
    return pl.col(day).cast(pl.Int32) * _DAY_STRIDE + code
