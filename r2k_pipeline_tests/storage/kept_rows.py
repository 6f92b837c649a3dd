"""Rows that the storage tests keep: two lines a session, told apart by their close.

A `version` goes into every close, so that a table says which replacement its
rows came from. The rows keep every promise of their contracts.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from r2k_pipeline.storage.lake import Lake

JUNE_24 = date(2022, 6, 24)
JUNE_27 = date(2022, 6, 27)
JULY_1 = date(2022, 7, 1)
NOON = datetime(2022, 7, 1, 12, tzinfo=UTC)
SYMBOLS = ("BOLT", "CORE")


def weekdays(start: date, end: date) -> list[date]:
    """The weekdays of a range; for storage any day is as good as another."""
    days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
    return [day for day in days if day.isoweekday() <= 5]


def listings(sessions: Iterable[date], *, version: float = 1.0) -> pl.DataFrame:
    """Rows of `raw_listings`: two lines a session."""
    rows = [
        {
            "session": session,
            "exchange": "nyse",
            "symbol": symbol,
            "name": f"{symbol.title()} Inc. Common Stock",
            "close_usd": version + place,
            "volume_shares": 1000,
            "source": "synthetic",
            "source_hash": "0123456789abcdef",
        }
        for session in sessions
        for place, symbol in enumerate(SYMBOLS)
    ]
    return shaped("raw_listings", rows)


def levels(sessions: Iterable[date], *, level: float = 1000.0) -> pl.DataFrame:
    """Rows of `levels`: one index."""
    rows = [
        {
            "index_id": "r2000",
            "session": session,
            "price_level": level,
            "total_return_level": level,
            "net_total_return_level": level,
            "divisor": 1e6,
            "market_value_usd": level * 1e6,
            "members": 2000,
            "status": "OK",
        }
        for session in sessions
    ]
    return shaped("levels", rows)


def shaped(table: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    """Rows in the contract's columns; what a row does not say is null."""
    schema = polars_schema(contract(table))
    return pl.DataFrame([{**dict.fromkeys(schema), **row} for row in rows], schema=schema)


def closes(lake: Lake) -> dict[date, list[float]]:
    """Every close in `raw_listings` by session, in order of symbol."""
    frame = lake.scan("raw_listings", columns=["session", "symbol", "close_usd"]).collect()
    by_session = frame.sort("session", "symbol").group_by("session", maintain_order=True)
    return {session: rows["close_usd"].to_list() for (session,), rows in by_session}
