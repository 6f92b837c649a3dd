"""Listings -> uninterrupted runs of each symbol, with what was seen at both ends.

Holds the one pass over all listings that identity rests on: where a symbol
appears, falls silent and comes back, where a symbol that was never silent
suddenly shows another price, another size and another name, and where names and
exchanges change. What a run means is decided in `identity`; keep that out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

ATTRIBUTES = (
    "exchange", "name", "close_usd", "previous_close_usd", "market_cap_usd",
    "country", "ipo_year", "industry",
)  # fmt: skip
_ORDINAL_BITS = 20
# An overnight move that the vendor's previous close does not know of, in the night on which the
# name or the year of the offering changes, may be a change of company under one symbol.
_STEADY_RATIO = (0.98, 1.02)
# A size that the vendor blanks on a symbol's last sessions is taken from this many sessions before.
_REMEMBERED_SESSIONS = 10


@dataclass(frozen=True, kw_only=True)
class SymbolHistory:
    """What one pass over the listings found.

    Args:
        sessions: Every session that has listings, ascending; its index is the
            `ordinal` that the frames speak of.
        runs: One row per run, sorted by `start_ordinal`, `symbol`: `run` (its
            number), `symbol`, `start_ordinal`, `end_ordinal`, `gap_sessions` (from
            the symbol's run before to this one; 1 is the next session, null is a
            first sight), `before_run`, `ATTRIBUTES` as `start_*` and `end_*`, and
            `end_shares`, the last share count that the cap implies.
        namings: `ordinal`, `symbol`, `name`: first names and each change.
        moves: `ordinal`, `symbol`, `exchange`, `previous_exchange`.
    """

    sessions: tuple[date, ...]
    runs: pl.DataFrame
    namings: pl.DataFrame
    moves: pl.DataFrame


def symbol_history(
    listings: pl.DataFrame, *, forced_starts: Collection[tuple[str, date]] = ()
) -> SymbolHistory:
    """Cut every symbol's listings into runs.

    Args:
        listings: Contract `raw_listings`, whole sessions, rows in any order.
        forced_starts: Symbol and session on which a new run begins in any case.

    Returns:
        The runs; each is known on its last session, and its start on its first.

    Example:
        >>> from datetime import date
        >>> listings = pl.DataFrame({
        ...     "session": [date(2024, 6, 3), date(2024, 6, 4), date(2024, 6, 5)] + [
        ...         date(2024, 6, 3), date(2024, 6, 5)],
        ...     "exchange": "nyse", "symbol": ["ALWS"] * 3 + ["RARE"] * 2, "name": "Halden Inc.",
        ...     "close_usd": 20.0, "previous_close_usd": 20.0, "market_cap_usd": 2e9,
        ...     "country": None, "ipo_year": None, "industry": None,
        ... })
        >>> symbol_history(listings).runs.select("symbol", "start_ordinal", "gap_sessions").rows()
        [('ALWS', 0, None), ('RARE', 0, None), ('RARE', 2, 2)]
    """
    sessions = listings.get_column("session").unique().sort()
    rows = _by_symbol(listings, sessions)
    forced = _forced_rows(rows, listings, forced_starts)
    is_first = pl.col("symbol_code").ne(pl.col("symbol_code").shift()).fill_null(value=True)
    gap = pl.when(~is_first).then(pl.col("ordinal").diff())
    rows = rows.with_columns(gap_sessions=gap, is_first=is_first).with_columns(
        is_start=pl.col("is_first") | (pl.col("gap_sessions") > 1) | _is_jump() | forced
    )
    return SymbolHistory(
        sessions=tuple(sessions),
        runs=_runs(rows, listings),
        namings=_changes(rows, listings, "name").drop("previous_name"),
        moves=_changes(rows, listings, "exchange").filter(
            pl.col("previous_exchange").is_not_null()
        ),
    )


def _by_symbol(listings: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    """Narrow rows by symbol and session; texts as codes, because codes compare fast."""
    codes = listings.select(
        "close_usd",
        "previous_close_usd",
        "market_cap_usd",
        "ipo_year",
        *(
            pl.col(text).cast(pl.Categorical).to_physical().alias(f"{text}_code")
            for text in ("symbol", "name", "exchange")
        ),
        ordinal=sessions.search_sorted(listings.get_column("session")).cast(pl.Int32),
        row=pl.int_range(pl.len(), dtype=pl.UInt32),
    )
    order = codes.select(
        (pl.col("symbol_code").cast(pl.Int64) * 2**_ORDINAL_BITS + pl.col("ordinal")).arg_sort()
    ).to_series()
    return codes[order]


def _forced_rows(
    rows: pl.DataFrame,
    listings: pl.DataFrame,
    forced_starts: Collection[tuple[str, date]],
) -> pl.Series:
    """Which of `rows` an override marks as the start of a run."""
    if not forced_starts:
        return pl.repeat(value=False, n=rows.height, dtype=pl.Boolean, eager=True)
    wanted = pl.DataFrame(
        list(forced_starts), schema={"symbol": pl.String, "session": pl.Date}, orient="row"
    )
    found = (
        listings.select("symbol", "session", row=pl.int_range(pl.len(), dtype=pl.UInt32))
        .filter(pl.col("session").is_in(wanted.get_column("session").unique().implode()))
        .join(wanted, on=["symbol", "session"], how="semi")
    )
    return rows.get_column("row").is_in(found.get_column("row").implode())


def _is_jump() -> pl.Expr:
    """Overnight another name, and a price that neither the vendor nor the cap explains."""
    before = pl.col("close_usd").shift()
    shown = pl.when(pl.col("previous_close_usd") > 0).then("previous_close_usd")
    ratio = shown.fill_null(pl.col("close_usd")) / before
    is_renamed = pl.col("name_code").ne_missing(pl.col("name_code").shift())
    is_offered = pl.col("ipo_year") != pl.col("ipo_year").shift()
    return (
        (is_renamed | is_offered)
        & (before > 0)
        & ~ratio.is_between(*_STEADY_RATIO)
        & ~pl.col("is_first")
    ).fill_null(value=False)


def _runs(rows: pl.DataFrame, listings: pl.DataFrame) -> pl.DataFrame:
    is_end = pl.col("is_start").shift(-1).fill_null(value=True)
    starts = rows.filter("is_start").select(
        "symbol_code", "gap_sessions", start_row="row", start_ordinal="ordinal"
    )
    ends = (
        rows.with_columns(end_shares=_remembered_shares())
        .filter(is_end)
        .select("end_shares", end_row="row", end_ordinal="ordinal")
    )
    both = pl.concat([starts, ends], how="horizontal").with_columns(
        symbol=listings.get_column("symbol").gather(starts.get_column("start_row"))
    )
    seen = [
        listings.select(ATTRIBUTES)[both.get_column(f"{end}_row")].rename(
            {name: f"{end}_{name}" for name in ATTRIBUTES}
        )
        for end in ("start", "end")
    ]
    numbered = (
        pl.concat([both.drop("start_row", "end_row", "symbol_code"), *seen], how="horizontal")
        .sort("start_ordinal", "symbol")
        .with_row_index("run")
    )
    return numbered.with_columns(before_run=pl.col("run").shift().over("symbol"))


def _remembered_shares() -> pl.Expr:
    """The last share count that cap and close implied for the symbol; null if long ago."""
    is_sized = (pl.col("close_usd") > 0) & (pl.col("market_cap_usd") > 0)
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    shares = pl.when(is_sized).then(pl.col("market_cap_usd") / pl.col("close_usd"))
    age = place - pl.when(is_sized).then(place).forward_fill()
    is_own = pl.when(is_sized).then(pl.col("symbol_code")).forward_fill() == pl.col("symbol_code")
    return pl.when(is_own & (age <= _REMEMBERED_SESSIONS)).then(shares.forward_fill())


def _changes(rows: pl.DataFrame, listings: pl.DataFrame, text: str) -> pl.DataFrame:
    """First values and changes of a text, of each symbol."""
    code = pl.col(f"{text}_code")
    changed = rows.with_columns(
        previous_row=pl.when(~pl.col("is_first")).then(pl.col("row").shift())
    ).filter(pl.col("is_first") | code.ne_missing(code.shift()))
    values = listings.get_column(text)
    return changed.select(
        "ordinal",
        symbol=listings.get_column("symbol").gather(changed.get_column("row")),
        **{
            text: values.gather(changed.get_column("row")),
            f"previous_{text}": values.gather(changed.get_column("previous_row")),
        },
    ).sort("ordinal", "symbol")
