"""Made-up listings, a line a session, for the tests of identity.

Holds the vocabulary in which those tests tell their cases; keep the cases out.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import require_shape
from r2k_pipeline.methodology.identity import link_securities

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.identity_overrides import IdentityOverride

FIRST = date(2024, 1, 1)
SCHEMA = {
    "session": pl.Date,
    "exchange": pl.String,
    "symbol": pl.String,
    "name": pl.String,
    "close_usd": pl.Float64,
    "previous_close_usd": pl.Float64,
    "market_cap_usd": pl.Float64,
    "country": pl.String,
    "ipo_year": pl.Int32,
    "industry": pl.String,
}


def listing(day: int, symbol: str, name: str | None, **values: object) -> dict[str, Any]:
    """One line on the `day`-th session; unless told otherwise it cost 10.00 the session before."""
    close = values.get("close_usd", 10.0)
    assert isinstance(close, float)
    return {
        "session": FIRST + timedelta(days=day),
        "exchange": "nasdaq",
        "symbol": symbol,
        "name": name,
        "close_usd": close,
        "previous_close_usd": close,
        "market_cap_usd": close * 33_333_331,
        "country": "United States",
        "ipo_year": None,
        "industry": None,
        **values,
    }


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA)


def market(last: int, lines: int = 200) -> list[dict[str, Any]]:
    """Lines that never change, so that a close or a size has a rarity."""
    return [
        listing(
            day,
            f"M{number:03d}",
            f"Market{number} Inc. Common Stock",
            close_usd=5.0 + number * 0.37,
            market_cap_usd=1e8 + number * 7_654_321.0,
            previous_close_usd=5.0 + number * 0.37,
        )
        for day in range(last + 1)
        for number in range(lines)
    ]


def linked(rows: list[dict[str, Any]], *overrides: IdentityOverride) -> pl.DataFrame:
    """`securities` of some lines among the market's."""
    days = max((row["session"] - FIRST).days for row in rows)
    found = link_securities(frame([*market(days), *rows]), overrides=overrides)
    require_shape(contract("securities"), found)
    return found.filter(~pl.col("symbol").str.contains(r"^M\d{3}$"))


def ids(securities: pl.DataFrame) -> dict[str, str]:
    """The line of each symbol's last span."""
    latest = securities.sort("first_session").group_by("symbol").last()
    return dict(latest.select("symbol", "security_id").iter_rows())
