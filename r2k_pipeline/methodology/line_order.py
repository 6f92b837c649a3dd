"""Listings put in order of their lines, so that a line's past stands in the rows above.

Holds the order and the reading of rows above; what the values mean there is
`share_history`'s. Texts come late and numbers stand for lines and companies, because
a feed of years has millions of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

_VALUES = ("symbol", "close_usd", "previous_close_usd", "volume_shares", "market_cap_usd")


def in_line_order(
    listings: pl.DataFrame, securities: pl.DataFrame, *, sessions: Sequence[date]
) -> pl.DataFrame:
    """Put listings one line after the other, each in order of its sessions.

    Args:
        listings: Contract `raw_listings`, any order of rows.
        securities: Contract `securities`.
        sessions: Every XNYS session of the range.

    Returns:
        One row per listing: `row`, its place in `listings`; `line` and `company`,
        numbers, null where `securities` has no span; `ordinal`, the session's place
        in `sessions`, null outside; symbol, close, previous close, volume and cap as
        received. Lines without span come last.

    Example:
        >>> from datetime import date
        >>> days = [date(2024, 6, 3), date(2024, 6, 4)]
        >>> listings = pl.DataFrame({
        ...     "session": [days[0], days[0], days[1]], "symbol": ["HAL", "ABR", "HAL"],
        ...     "close_usd": [5.0, 7.0, 6.0], "previous_close_usd": [5.0, 7.0, 5.0],
        ...     "volume_shares": [1, 2, 3], "market_cap_usd": [5e6, 7e6, 6e6],
        ... })
        >>> securities = pl.DataFrame({
        ...     "symbol": ["ABR", "HAL"], "security_id": ["S-ABR", "S-HAL"],
        ...     "company_id": ["C-ABR", "C-HAL"], "first_session": days[:1] * 2,
        ...     "last_session": days[1:] * 2,
        ... })
        >>> ordered = in_line_order(listings, securities, sessions=days)
        >>> ordered.select("row", "line", "ordinal", "close_usd").rows()
        [(1, 1, 0, 7.0), (0, 2, 0, 5.0), (2, 2, 1, 6.0)]
    """
    calendar = pl.DataFrame({"session": sessions}, schema={"session": pl.Date}).with_columns(
        ordinal=pl.int_range(pl.len(), dtype=pl.Int32)
    )
    keys = (
        listings.select("session", "symbol")
        .with_row_index("row")
        .join(calendar, on="session", how="left")
        .pipe(_with_lines, numbered(securities))
        .select("row", "line", "company", "ordinal")
    )
    # One number sorts in half the time of three columns.
    last = pl.lit(len(sessions), pl.UInt64)
    place = pl.col("line").fill_null(pl.UInt32.max()).cast(pl.UInt64) * (last + 1) + pl.col(
        "ordinal"
    ).cast(pl.UInt64).fill_null(last)
    ordered = keys.sort("row").sort(place, maintain_order=True)
    # Gathered from one piece a column, not from the dozens that a range is read in.
    values = listings.select(_VALUES).rechunk().select(pl.all().gather(ordered["row"]))
    return ordered.hstack(values)


def numbered(securities: pl.DataFrame) -> pl.DataFrame:
    """Spans with a number for each line and company; numbers are quicker than texts.

    Example:
        >>> from datetime import date
        >>> spans = pl.DataFrame({
        ...     "symbol": ["HAL", "ABR"], "security_id": ["S-HAL", "S-ABR"],
        ...     "company_id": ["C-HAL", "C-ABR"], "first_session": [date(2024, 6, 3)] * 2,
        ...     "last_session": [date(2024, 6, 4)] * 2,
        ... })
        >>> numbered(spans).select("symbol", "line").sort("line").rows()
        [('ABR', 1), ('HAL', 2)]
    """
    return securities.select(
        "symbol", "security_id", "first_session", "last_session",
        line=pl.col("security_id").rank("dense").cast(pl.UInt32),
        company=pl.col("company_id").rank("dense").cast(pl.UInt32),
    ).sort("first_session")  # fmt: skip


def _with_lines(rows: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """Rows with the line whose span they fall into."""
    joined = rows.sort("session", maintain_order=True).join_asof(
        spans.drop("security_id"),
        left_on="session",
        right_on="first_session",
        by="symbol",
        strategy="backward",
        check_sortedness=False,
    )
    is_within = pl.col("session") <= pl.col("last_session")
    return joined.with_columns(
        line=pl.when(is_within).then("line"), company=pl.when(is_within).then("company")
    )


def before_of(name: str, ago: int, *, within: int) -> pl.Expr:
    """A column's value some rows ago, of the same line and not more sessions ago than `within`.

    Example:
        >>> rows = pl.DataFrame({
        ...     "line": [1, 1, 2], "ordinal": [0, 1, 1], "close_usd": [5.0, 6.0, 7.0],
        ... })
        >>> rows.select(before_of("close_usd", 1, within=3)).to_series().to_list()
        [None, 5.0, None]
    """
    is_own = pl.col("line").shift(ago) == pl.col("line")
    is_near = pl.col("ordinal") - pl.col("ordinal").shift(ago) <= within
    return pl.when(is_own & is_near).then(pl.col(name).shift(ago))


def around(places: pl.Series, *, height: int, before: int = 0, after: int = 0) -> pl.Series:
    """Places and those next to them, in order, each once.

    For looking closely at the few rows that need it, together with the rows above that
    `before_of` reads; of the rows in between nothing is known then.

    Args:
        places: Places in a frame.
        height: How many rows the frame has.
        before: How many rows above each.
        after: How many rows below each.

    Example:
        >>> around(pl.Series([1, 7]), height=9, before=2).to_list()
        [0, 1, 5, 6, 7]
    """
    near = pl.concat(places.cast(pl.Int64) + step for step in range(-before, after + 1))
    return near.filter(near.is_between(0, height - 1)).unique().sort()


def placed(places: pl.Series, values: pl.Series, *, onto: pl.Series) -> pl.Series:
    """A column with other values at some places; the column given stays as it is.

    Args:
        places: Where.
        values: One for each place, or one for all.
        onto: The column.

    Example:
        >>> placed(pl.Series([2]), pl.Series([True]), onto=pl.Series([False] * 3)).to_list()
        [False, False, True]
    """
    return onto.clone().scatter(places, values) if len(places) else onto
