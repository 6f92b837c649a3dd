"""Lines with implied shares of one's choice, and what the repairs make of them.

Shared by the suites of repairs. A line stands still for `QUIET` sessions before
anything happens to it; `verdicts` tells what is made of it from then on.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.methodology.corporate_actions import resolve_actions
from r2k_pipeline.methodology.repairs import repair_listings
from r2k_pipeline.rulebook.sessions import sessions_between

if TYPE_CHECKING:
    from collections.abc import Sequence

SESSIONS = sessions_between(date(2023, 1, 3), date(2023, 12, 29))
QUIET = 40
SHARES = 2e7


def line(
    symbol: str = "HAL",
    *,
    shares: Sequence[float | None],
    closes: Sequence[float | None] | None = None,
    previous: Sequence[float | None] | None = None,
    company: str | None = None,
    names: Sequence[str] | None = None,
    volumes: Sequence[int] | None = None,
) -> pl.DataFrame:
    """One line on the first sessions: a close that trembles about 20 USD unless it is given."""
    count = len(shares)
    told = closes or [20.0 + 0.01 * (number % 7) for number in range(count)]
    caps = [None if s is None or c is None else s * c for s, c in zip(shares, told, strict=True)]
    return pl.DataFrame(
        {
            "session": SESSIONS[:count],
            "exchange": "nyse",
            "symbol": symbol,
            "name": names or [f"{company or symbol} Inc. Common Stock"] * count,
            "close_usd": told,
            "previous_close_usd": previous or [told[0], *told[:-1]],
            "volume_shares": volumes or [1000 + number for number in range(count)],
            "market_cap_usd": caps,
            "company": company or symbol,
        },
        schema_overrides={"close_usd": pl.Float64, "market_cap_usd": pl.Float64},
    )


def repaired(*lines: pl.DataFrame, start: date = SESSIONS[0]) -> pl.DataFrame:
    """The lines after repair, without context before them."""
    listings = pl.concat(lines).sort("session", "exchange", "symbol")
    securities = (
        listings.group_by("symbol")
        .agg(
            pl.col("company").first(),
            first_session=pl.col("session").min(),
            last_session=pl.col("session").max(),
        )
        .with_columns(
            security_id=pl.format("S-{}", "symbol"), company_id=pl.format("C-{}", "company")
        )
    )
    sessions = listings["session"].unique().sort().to_list()
    actions = resolve_actions(
        listings,
        empty_frame(contract("reported_actions")),
        securities,
        start=sessions[0],
        sessions=sessions,
    )
    return repair_listings(
        listings.drop("company"), securities, actions, start=start, sessions=sessions
    )


def verdicts(result: pl.DataFrame, symbol: str = "HAL") -> list[tuple[str | None, float | None]]:
    """From the end of the quiet time on: the rule, and shares in units of the usual ones."""
    rows = result.filter(pl.col("symbol") == symbol).slice(QUIET)
    units = (pl.col("market_cap_usd") / pl.col("close_usd") / SHARES).round(3)
    return rows.select("repair_rule", units).rows()
