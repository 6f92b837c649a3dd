"""What happened to each line's listing, with the session on which it could be known.

Holds the reading of `securities` as events: a listing, a delisting, a move to
another exchange, a rename, a symbol that names another line. A silence becomes a
delisting only when it has lasted; until then nobody can tell it from an illiquid
line's. Corporate actions with terms are `corporate_actions`; keep them out.
"""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from r2k_pipeline.methodology.symbol_runs import symbol_history

LONG_SILENCE_SESSIONS = 30
"""Illiquid lines are missing from the feed for up to about so many sessions."""

# A silence that lasted may still end; few do.
_DELISTING_CONFIDENCE = 0.9
_COLUMNS = (
    "security_id", "session", "event", "from_value", "to_value",
    "evidence", "confidence", "known_session",
)  # fmt: skip


class ListingEvent(StrEnum):
    """What can happen to a line's listing."""

    LISTING = "listing"
    DELISTING = "delisting"
    EXCHANGE_MOVE = "exchange_move"
    RENAME = "rename"
    SYMBOL_REUSE = "symbol_reuse"


def security_events(listings: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """Tell the events of every line.

    Args:
        listings: Contract `raw_listings`, whole sessions, every session that is
            known. Read: `session`, `symbol`, and what `symbol_history` reads.
        securities: Contract `securities`, of the same listings.

    Returns:
        Contract `security_events`, sorted by `session`, `security_id`, `event`.
        `from_value` and `to_value` are exchanges of a move, symbols of a rename and
        of a listing or delisting, and lines of a reuse. Lines that are there on the
        first session of all have no listing event.

    Notes:
        Look-ahead: a row is known on its `known_session` and stays when sessions are
        appended. A delisting is known when the line has been silent for longer than
        `LONG_SILENCE_SESSIONS`, or when its symbol names another line; a line that
        then returns has another listing.

    Example:
        >>> from datetime import date, timedelta
        >>> from r2k_pipeline.methodology.identity import link_securities
        >>> days = [date(2024, 6, 3) + timedelta(days=day) for day in range(2)]
        >>> listings = pl.DataFrame({
        ...     "session": [*days, days[1]], "exchange": ["nyse", "amex", "nyse"],
        ...     "symbol": ["HAL", "HAL", "BIR"], "name": ["Halden Inc."] * 2 + ["Birk Co."],
        ...     "close_usd": 20.0, "previous_close_usd": 20.0, "market_cap_usd": 2e9,
        ...     "country": None, "ipo_year": None, "industry": None,
        ... })
        >>> for told in security_events(listings, link_securities(listings)).select(
        ...     "security_id", "event", "from_value", "to_value").rows():
        ...     print(*told)
        S-BIR-20240604 listing None BIR
        S-HAL-20240603 exchange_move nyse amex
    """
    starts = set(securities.select("symbol", "first_session").iter_rows())
    history = symbol_history(listings, forced_starts=starts)
    days = pl.Series("session", history.sessions, dtype=pl.Date)
    spans = securities.with_columns(
        first_ordinal=days.search_sorted(securities.get_column("first_session")).cast(pl.Int32)
    )
    runs = _runs_of_lines(history.runs, spans)
    moves = (
        _bearers(history.moves, spans)
        .join(
            spans, left_on=["symbol", "ordinal"], right_on=["symbol", "first_ordinal"], how="anti"
        )
        .select("security_id", "ordinal", from_value="previous_exchange", to_value="exchange")
    )
    found = [
        _reuses(spans),
        _renames(spans),
        _moves(pl.concat([moves, _moves_by_rename(runs)])),
        _listings(runs),
        _delistings(runs, spans, days.len() - 1),
    ]
    events = pl.concat(found)
    return (
        events.with_columns(
            session=days.gather(events.get_column("ordinal")),
            known_session=days.gather(events.get_column("known_ordinal")),
        )
        .select(_COLUMNS)
        .sort("session", "security_id", "event")
    )


def _bearers(rows: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """Rows of a symbol on an `ordinal` with the line that bears it then."""
    return rows.sort("ordinal").join_asof(
        spans.select("symbol", "security_id", ordinal="first_ordinal").sort("ordinal"),
        on="ordinal",
        by="symbol",
        strategy="backward",
        check_sortedness=False,
    )


def _runs_of_lines(runs: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """Every run with its line, and the line's run before it."""
    return (
        _bearers(runs.with_columns(ordinal="start_ordinal"), spans)
        .sort("security_id", "ordinal")
        .with_columns(
            before_end=pl.col("end_ordinal").shift().over("security_id"),
            before_symbol=pl.col("symbol").shift().over("security_id"),
            before_exchange=pl.col("end_exchange").shift().over("security_id"),
        )
    )


def _event(event: ListingEvent) -> pl.Expr:
    return pl.lit(event.value).alias("event")


def _reuses(spans: pl.DataFrame) -> pl.DataFrame:
    """A symbol that named another line before."""
    before = pl.col("security_id").shift().over("symbol", order_by="first_ordinal")
    return (
        spans.with_columns(from_value=before)
        .filter(pl.col("from_value") != pl.col("security_id"))
        .select(
            "security_id", pl.col("first_ordinal").alias("ordinal"),
            _event(ListingEvent.SYMBOL_REUSE), "from_value",
            pl.col("security_id").alias("to_value"), "evidence", "confidence",
            pl.col("first_ordinal").alias("known_ordinal"),
        )
    )  # fmt: skip


def _renames(spans: pl.DataFrame) -> pl.DataFrame:
    return spans.filter(pl.col("previous_symbol").is_not_null()).select(
        "security_id", pl.col("first_ordinal").alias("ordinal"), _event(ListingEvent.RENAME),
        pl.col("previous_symbol").alias("from_value"), pl.col("symbol").alias("to_value"),
        "evidence", "confidence", pl.col("first_ordinal").alias("known_ordinal"),
    )  # fmt: skip


def _moves_by_rename(runs: pl.DataFrame) -> pl.DataFrame:
    """A move on the night on which the symbol changed as well."""
    return runs.filter(
        (pl.col("before_symbol") != pl.col("symbol"))
        & (pl.col("before_exchange") != pl.col("start_exchange"))
    ).select("security_id", "ordinal", from_value="before_exchange", to_value="start_exchange")


def _moves(moves: pl.DataFrame) -> pl.DataFrame:
    return moves.select(
        "security_id", "ordinal", _event(ListingEvent.EXCHANGE_MOVE), "from_value", "to_value",
        pl.lit("listed_on_exchange").alias("evidence"), pl.lit(1.0).alias("confidence"),
        pl.col("ordinal").alias("known_ordinal"),
    )  # fmt: skip


def _listings(runs: pl.DataFrame) -> pl.DataFrame:
    """First sights, but for the first session of all, and returns after a long silence."""
    is_return = pl.col("ordinal") - pl.col("before_end") > LONG_SILENCE_SESSIONS + 1
    is_first = pl.col("before_end").is_null() & (pl.col("ordinal") > 0)
    evidence = pl.when(is_return).then(pl.lit("returned")).otherwise(pl.lit("first_seen"))
    return runs.filter(is_first | is_return).select(
        "security_id", "ordinal", _event(ListingEvent.LISTING),
        pl.lit(None, pl.String).alias("from_value"), pl.col("symbol").alias("to_value"),
        evidence.alias("evidence"), pl.lit(1.0).alias("confidence"),
        pl.col("ordinal").alias("known_ordinal"),
    )  # fmt: skip


def _delistings(runs: pl.DataFrame, spans: pl.DataFrame, last_ordinal: int) -> pl.DataFrame:
    """Silences that lasted, or whose symbol went to another line."""
    taken = spans.select("symbol", taken_ordinal="first_ordinal").sort("taken_ordinal")
    ends = (
        runs.with_columns(
            ordinal=pl.col("end_ordinal") + 1,
            next_start=pl.col("ordinal").shift(-1).over("security_id"),
            lasted=pl.col("end_ordinal") + LONG_SILENCE_SESSIONS + 1,
        )
        .sort("ordinal")
        .join_asof(
            taken, left_on="ordinal", right_on="taken_ordinal", by="symbol", strategy="forward",
            check_sortedness=False,
        )
    )  # fmt: skip
    is_taken = (pl.col("taken_ordinal") <= pl.col("lasted")).fill_null(value=False)
    known = pl.when(is_taken).then("taken_ordinal").otherwise("lasted")
    is_back = (pl.col("next_start") <= known).fill_null(value=False)
    evidence = pl.when(is_taken).then(pl.lit("symbol_reused")).otherwise(pl.lit("long_silence"))
    return ends.filter((known <= last_ordinal) & ~is_back).select(
        "security_id", "ordinal", _event(ListingEvent.DELISTING),
        pl.col("symbol").alias("from_value"), pl.lit(None, pl.String).alias("to_value"),
        evidence.alias("evidence"), pl.lit(_DELISTING_CONFIDENCE).alias("confidence"),
        known.alias("known_ordinal"),
    )  # fmt: skip
