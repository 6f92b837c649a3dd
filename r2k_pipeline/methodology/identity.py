"""Listings over time -> securities and companies with permanent ids.

Steps, in order: spans of one symbol (a long silence with another company's name
afterwards ends a span), renames that join two spans, and companies that join
lines. A symbol is a dated attribute of a line, never its identity.

First version: a rename must be provable on one night; what the feed cannot
prove stays apart.
"""

from __future__ import annotations

import polars as pl

from r2k_pipeline.methodology.company_names import company_key

# A symbol that was silent for longer than this and returns under another name is another company.
# Illiquid lines are missing from the feed for up to some forty sessions under an unchanged name.
_REUSE_SILENCE_SESSIONS = 30
# Half a tick of the finest quotes: two closes that are printed alike differ by less.
_CLOSE_TOLERANCE_USD = 0.006
# Market cap may not move further over the night on which only the symbol changed.
_RENAME_CAP_RANGE = (0.7, 1.4)


def link_securities(listings: pl.DataFrame) -> pl.DataFrame:
    """Give every symbol span its permanent line and company.

    Args:
        listings: Contract `raw_listings`, whole sessions, every session that is
            known. Read: `session`, `exchange`, `symbol`, `name`, `close_usd`,
            `previous_close_usd`, `market_cap_usd`.

    Returns:
        Contract `securities`, one row per span of one symbol, sorted by
        `security_id`, `first_session`. A line that was renamed has a row per
        symbol under one `security_id`. `evidence` says what joined the span to
        its predecessor (`first_seen`, `same_name`, `previous_close`);
        `confidence` is 0 to 1.

    Notes:
        A span's rows use nothing later than its own last session, except
        `last_session` itself, which moves on while the line lives. Missing
        closes or caps prove nothing and join nothing. Listings may come in any
        order of rows.

    Example:
        OLD becomes NEW overnight: one name, so one line.

        >>> from datetime import date
        >>> listings = pl.DataFrame({
        ...     "session": [date(2024, 6, 3), date(2024, 6, 4)],
        ...     "exchange": ["nyse", "nyse"],
        ...     "symbol": ["OLD", "NEW"],
        ...     "name": ["Halden Inc. Common Stock"] * 2,
        ...     "close_usd": [20.0, 21.0],
        ...     "previous_close_usd": [19.0, 20.0],
        ...     "market_cap_usd": [2e9, 2.1e9],
        ... })
        >>> link_securities(listings).select("security_id", "symbol", "evidence")
        shape: (2, 3)
        ┌────────────────┬────────┬────────────┐
        │ security_id    ┆ symbol ┆ evidence   │
        │ ---            ┆ ---    ┆ ---        │
        │ str            ┆ str    ┆ str        │
        ╞════════════════╪════════╪════════════╡
        │ S-OLD-20240603 ┆ OLD    ┆ first_seen │
        │ S-OLD-20240603 ┆ NEW    ┆ same_name  │
        └────────────────┴────────┴────────────┘
    """
    spans = _symbol_spans(listings)
    renames = _renames(spans)
    return (
        _companies(_permanent_ids(spans, renames))
        .select(
            "security_id", "company_id", "symbol", "exchange", "name", "company_name",
            "first_session", "last_session", "previous_symbol", "evidence", "confidence",
        )
        .sort("security_id", "first_session")
    )  # fmt: skip


def _symbol_spans(listings: pl.DataFrame) -> pl.DataFrame:
    """One row per symbol and span, with what was seen on its first and last session."""
    sessions = listings.select("session").unique().sort("session").with_row_index("ordinal")
    rows = (
        listings.select(
            "session", "exchange", "symbol", "name",
            "close_usd", "previous_close_usd", "market_cap_usd",
        )
        .join(sessions.with_columns(pl.col("ordinal").cast(pl.Int32)), on="session")
        .sort("ordinal", maintain_order=True)
    )  # fmt: skip
    silent = pl.col("ordinal").diff().over("symbol") > _REUSE_SILENCE_SESSIONS
    returning = rows.filter(silent.any().over("symbol"))
    steady = rows.join(returning.select("symbol").unique(), on="symbol", how="anti")
    key = company_key(pl.col("name"))
    other_name = key.ne_missing(key.shift().over("symbol"))
    numbered = returning.with_columns(
        span=(silent & other_name).fill_null(value=False).cum_sum().over("symbol").cast(pl.Int32)
    )
    return pl.concat(
        [_span_ends(steady.with_columns(span=pl.lit(0, pl.Int32))), _span_ends(numbered)]
    )


def _span_ends(rows: pl.DataFrame) -> pl.DataFrame:
    """The first and last sight of each span; `rows` are in the order of sessions."""
    return rows.group_by("symbol", "span").agg(
        first_session=pl.col("session").first(),
        last_session=pl.col("session").last(),
        first_ordinal=pl.col("ordinal").first(),
        last_ordinal=pl.col("ordinal").last(),
        exchange=pl.col("exchange").last(),
        first_name=pl.col("name").first(),
        name=pl.col("name").last(),
        first_previous_close_usd=pl.col("previous_close_usd").first(),
        last_close_usd=pl.col("close_usd").last(),
        first_cap_usd=pl.col("market_cap_usd").first(),
        last_cap_usd=pl.col("market_cap_usd").last(),
    )


def _renames(spans: pl.DataFrame) -> pl.DataFrame:
    """Pairs of spans that are one line under two symbols: `symbol`, `span` and their forerunner's.

    The old symbol's last session is directly before the new one's first. Either
    the name is the same to the letter, or the new line's previous close is the
    old line's last close while the cap hardly moved; in both cases the pair must
    be the only one on either side.
    """
    pairs = spans.join(
        spans.select(
            pl.col("symbol").alias("previous_symbol"),
            pl.col("span").alias("previous_span"),
            pl.col("last_ordinal").alias("before"),
            pl.col("name").alias("previous_name"),
            pl.col("last_close_usd").alias("previous_last_close_usd"),
            pl.col("last_cap_usd").alias("previous_last_cap_usd"),
        ),
        left_on=pl.col("first_ordinal") - 1,
        right_on="before",
    )
    gap_usd = (pl.col("first_previous_close_usd") - pl.col("previous_last_close_usd")).abs()
    growth = pl.col("first_cap_usd") / pl.col("previous_last_cap_usd")
    same_name = pairs.filter(pl.col("first_name") == pl.col("previous_name"))
    same_close = pairs.filter(
        (gap_usd < _CLOSE_TOLERANCE_USD)
        & (pl.col("previous_last_close_usd") > 0)
        & growth.is_between(*_RENAME_CAP_RANGE)
    )
    found = [
        _one_to_one(same_name).with_columns(evidence=pl.lit("same_name"), confidence=pl.lit(0.95)),
        _one_to_one(same_close).with_columns(
            evidence=pl.lit("previous_close"), confidence=pl.lit(0.8)
        ),
    ]
    return _one_to_one(
        pl.concat(found).unique(["symbol", "span"], keep="first", maintain_order=True)
    )


def _one_to_one(pairs: pl.DataFrame) -> pl.DataFrame:
    """Keep the pairs of which neither side appears twice."""
    return pairs.filter(
        (pl.len().over("symbol", "span") == 1)
        & (pl.len().over("previous_symbol", "previous_span") == 1)
    )


def _permanent_ids(spans: pl.DataFrame, renames: pl.DataFrame) -> pl.DataFrame:
    """Follow every chain of renames to its first span, whose symbol and day name the line."""
    linked = spans.join(
        renames.select(
            "symbol", "span", "previous_symbol", "previous_span", "evidence", "confidence"
        ),
        on=["symbol", "span"],
        how="left",
    ).sort("first_ordinal", "symbol")
    ids: dict[tuple[str, int], str] = {}
    security_ids = []
    for symbol, span, first, before, before_span in linked.select(
        "symbol", "span", "first_session", "previous_symbol", "previous_span"
    ).iter_rows():
        own = f"S-{symbol}-{first:%Y%m%d}"
        ids[symbol, span] = own if before is None else ids[before, before_span]
        security_ids.append(ids[symbol, span])
    return linked.with_columns(
        security_id=pl.Series(security_ids, dtype=pl.String),
        evidence=pl.col("evidence").fill_null("first_seen"),
        confidence=pl.col("confidence").fill_null(1.0),
    )


def _companies(spans: pl.DataFrame) -> pl.DataFrame:
    """Join lines whose names reduce to one key into one company, named after its first line."""
    named = spans.with_columns(
        key=company_key(pl.col("first_name")).first().over("security_id", order_by="first_ordinal")
    ).with_columns(
        key=pl.when(pl.col("key").fill_null("") == "")
        .then(pl.col("security_id"))
        .otherwise(pl.col("key"))
    )
    first_line = pl.col("security_id").sort_by("first_ordinal", "security_id").first().over("key")
    return named.with_columns(
        company_id=pl.concat_str(pl.lit("C"), first_line.str.slice(1)),
        company_name=pl.coalesce(
            pl.col("name").str.replace(
                r"(?i)\s+(?:class [a-z] )?(?:common|ordinary|capital) (?:stock|shares?).*$", ""
            ),
            pl.col("symbol"),
        ),
    )
