"""The rules of `raw_listings` hold on real listings of the Nasdaq screener.

Reads the real market data beside the checkout; skipped where there are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.quality.continuity import (
    exchange_continuity,
    exchange_counts,
    rows_by_exchange,
)
from r2k_pipeline.quality.expectations import check_frame

if TYPE_CHECKING:
    from pathlib import Path


def text(name: str) -> pl.Expr:
    stripped = pl.col(name).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def test_real_listings_of_june_2022_keep_every_rule_but_one(shared_data: Path) -> None:
    june = pl.scan_parquet(shared_data / "us_universe" / "2022.parquet").filter(
        pl.col("trade_date").dt.month() == 6
    )
    listings = june.select(
        session="trade_date",
        exchange="exchange",
        symbol="symbol",
        name=text("name"),
        close_usd="lastsale",
        previous_close_usd=pl.col("lastsale") - pl.col("netchange"),
        volume_shares="volume",
        market_cap_usd="marketCap",
        country=text("country"),
        ipo_year=pl.col("ipoyear").cast(pl.Int32),
        industry=text("industry"),
        sector=text("sector"),
        source=pl.lit("us-stock-symbols"),
        source_hash=pl.lit("0123456789abcdef"),
    ).collect()
    outcomes = check_frame(contract("raw_listings"), listings)
    failed = {outcome.check_name: outcome for outcome in outcomes if not outcome.is_passed}

    # On 2022-06-06 the vendor multiplied Amazon's shares by 20 a second time.
    assert list(failed) == ["market_cap_is_plausible"]
    (amazon,) = failed["market_cap_is_plausible"].sample
    assert (str(amazon["session"]), amazon["symbol"]) == ("2022-06-06", "AMZN")
    counts = exchange_counts(rows_by_exchange(listings))
    assert exchange_continuity("raw_listings", counts).is_passed
