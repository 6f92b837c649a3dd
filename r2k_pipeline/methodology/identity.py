"""Listings over time -> securities and companies with permanent ids.

Steps, in order: runs of each symbol (`symbol_runs`); what speaks for a rename
(`rename_evidence`); night by night, on which line each run goes (`line_walk`);
spans of one symbol on one line; companies that join lines (`company_links`). A
symbol is a dated attribute of a line, never its identity.

A night decides with what was known on it, and no later night takes it back. If a
symbol returns after its line was taken for renamed, it begins a new line. Hence a
history that grows at its end keeps every id and the beginning of every row. A
history that grows backwards names a line by its earlier first session, by
necessity, and may show links that could not be seen before.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.company_links import link_companies
from r2k_pipeline.methodology.line_walk import LineLink, LineWalk, RunStart
from r2k_pipeline.methodology.rename_evidence import (
    MAX_GAP_SESSIONS,
    described_runs,
    rename_pairs,
)
from r2k_pipeline.methodology.rename_links import RenamePair
from r2k_pipeline.methodology.symbol_runs import symbol_history

if TYPE_CHECKING:
    from collections.abc import Sequence

    from r2k_pipeline.methodology.symbol_runs import SymbolHistory
    from r2k_pipeline.rulebook.identity_overrides import IdentityOverride

# Illiquid lines are missing from the feed for up to some forty sessions under an unchanged name.
_LONG_SILENCE_SESSIONS = 30
# Beyond these a price or a size is another company's, if the name is as well.
_OTHER_RATIO = (0.5, 2.0)


def link_securities(
    listings: pl.DataFrame,
    *,
    overrides: Sequence[IdentityOverride] = (),
    issuer_kinds: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Give every symbol span its permanent line and company.

    Args:
        listings: Contract `raw_listings`, whole sessions, every session that is
            known, rows in any order. Read: `session`, `exchange`, `symbol`, `name`,
            `close_usd`, `previous_close_usd`, `market_cap_usd`, `country`,
            `ipo_year`, `industry`.
        overrides: Links set by hand. Each holds from the first session on which its
            symbol is listed, on its own session or at most three later. One whose
            symbol is not, or whose other symbol has no line to go on, does nothing.
        issuer_kinds: Public facts on issuers. Those on tracking stocks part the groups
            of one issuer, which names do as well where they carry the group's.

    Returns:
        Contract `securities`, one row per span of one symbol on one line, sorted by
        `security_id`, `first_session`. A line that was renamed has a row per
        symbol under one `security_id`. `evidence` says what put the span on its
        line (`first_seen`, `symbol_reused`, `symbol_left_by_its_line`, `override`,
        or what agreed across a rename, joined by ``+``); `confidence` is 0 to 1.

    Notes:
        Look-ahead: `security_id`, `company_id`, `first_session`, `previous_symbol`,
        `evidence` and `confidence` of a row use nothing later than its
        `first_session`, and never change when sessions are appended. What was
        known on a session are the rows that begin on it or before. `last_session`,
        `exchange`, `name` and `company_name` move on while the span lasts. Missing
        names, closes or caps prove nothing and join nothing.

    Example:
        OLD becomes NEW overnight: one name, and the vendor's previous close.

        >>> from datetime import date
        >>> listings = pl.DataFrame({
        ...     "session": [date(2024, 6, 3), date(2024, 6, 4)],
        ...     "exchange": ["nyse", "nyse"],
        ...     "symbol": ["OLD", "NEW"],
        ...     "name": ["Halden Inc. Common Stock"] * 2,
        ...     "close_usd": [20.0, 21.0],
        ...     "previous_close_usd": [19.0, 20.0],
        ...     "market_cap_usd": [2e9, 2.1e9],
        ...     "country": None, "ipo_year": None, "industry": None,
        ... })
        >>> for line in link_securities(listings).iter_rows(named=True):
        ...     print(line["security_id"], line["symbol"], line["evidence"])
        S-OLD-20240603 OLD first_seen
        S-OLD-20240603 NEW same_name+previous_close+share_count
    """
    told = _placed(overrides, listings)
    history = symbol_history(
        listings, forced_starts={(each.symbol, each.session) for each in told if each.starts_a_run}
    )
    spans = _spans(history, listings, told)
    return (
        link_companies(spans, history, told, issuer_kinds)
        .select(
            "security_id", "company_id", "symbol", "exchange", "name", "company_name",
            "first_session", "last_session", "previous_symbol", "evidence", "confidence",
        )
        .sort("security_id", "first_session")
    )  # fmt: skip


def _placed(
    overrides: Sequence[IdentityOverride], listings: pl.DataFrame
) -> list[IdentityOverride]:
    """The overrides on the sessions on which they take effect."""
    if not overrides:
        return []
    symbols = [each.symbol for each in overrides]
    listed = listings.filter(pl.col("symbol").is_in(symbols)).select("symbol", "session").unique()
    sessions = listings.get_column("session").unique().sort()
    placed = []
    for each in overrides:
        first = sessions.search_sorted(each.session)
        near = sessions.slice(first, MAX_GAP_SESSIONS)
        seen = listed.filter(
            (pl.col("symbol") == each.symbol) & pl.col("session").is_in(near.implode())
        ).get_column("session")
        is_within = first > 0 or sessions.first() == each.session
        if not seen.is_empty() and is_within:
            placed.append(replace(each, session=seen.sort().item(0)))
    return placed


def _spans(
    history: SymbolHistory, listings: pl.DataFrame, overrides: Sequence[IdentityOverride]
) -> pl.DataFrame:
    """One row per stretch of one symbol on one line."""
    days = pl.Series("session", history.sessions, dtype=pl.Date)
    runs = _with_returns(described_runs(history.runs))
    pairs = rename_pairs(runs, listings, days)
    links = _walk(runs, pairs, history, overrides)
    linked = pl.concat([runs, links], how="horizontal").with_columns(
        first_session=days.gather(runs.get_column("start_ordinal")),
        last_session=days.gather(runs.get_column("end_ordinal")),
        span=pl.col("is_span_start").cum_sum().over("symbol"),
    )
    return linked.group_by("symbol", "span", maintain_order=True).agg(
        pl.col(
            "security_id", "previous_symbol", "evidence", "confidence", "first_session",
            "start_ordinal", "start_name", "start_paper", "start_root", "start_suffix",
        ).first(),
        pl.col("last_session", "end_ordinal").last(),
        exchange=pl.col("end_exchange").last(),
        name=pl.col("end_name").last(),
    )  # fmt: skip


def _with_returns(runs: pl.DataFrame) -> pl.DataFrame:
    """Add whether a run's symbol now means another company, and when it is next seen itself.

    A silence alone says nothing. Up to a month, name, price and size must all
    differ; after a longer silence another name is enough, unless it begins
    alike and the price has not moved far. Adds `is_new` and `silent_until`.
    """
    seen = ("key", "word", "number", "coupon", "close_usd", "market_cap_usd")
    before = runs.select(before_run="run", **{f"before_{name}": f"end_{name}" for name in seen})
    runs = runs.join(before, on="before_run", how="left", maintain_order="left").with_columns(
        is_new=pl.col("gap_sessions").is_null() | _is_other_company()
    )
    following = runs.filter(~pl.col("is_new")).select(
        run="before_run", silent_until="start_ordinal"
    )
    return runs.join(following, on="run", how="left", maintain_order="left")


def _is_other_company() -> pl.Expr:
    shown = pl.when(pl.col("start_previous_close_usd") > 0).then("start_previous_close_usd")
    price = shown.fill_null(pl.col("start_close_usd")) / pl.col("before_close_usd")
    size = pl.col("start_market_cap_usd") / pl.col("before_market_cap_usd")
    known_size = pl.when(size.is_finite() & (size > 0)).then(size)
    is_same_word = (pl.col("start_word") == pl.col("before_word")).fill_null(value=False)
    is_other_name = pl.col("start_key") != pl.col("before_key")
    is_other_price = ~price.is_between(*_OTHER_RATIO)
    is_other_size = pl.coalesce(~known_size.is_between(*_OTHER_RATIO), ~is_same_word)
    is_long = pl.col("gap_sessions") > _LONG_SILENCE_SESSIONS
    is_alike = is_same_word & (pl.col("start_number") == pl.col("before_number"))
    is_near = (is_alike & ~is_other_price).fill_null(value=False)
    return (
        (is_other_name & is_other_price & is_other_size)
        | (is_long & is_other_name & ~is_near)
        | (is_long & (pl.col("start_coupon") != pl.col("before_coupon")))
    ).fill_null(value=False)


def _walk(
    runs: pl.DataFrame,
    pairs: pl.DataFrame,
    history: SymbolHistory,
    overrides: Sequence[IdentityOverride],
) -> pl.DataFrame:
    """Put every run on its line, night after night; one row per run, in their order."""
    candidates: dict[int, list[RenamePair]] = defaultdict(list)
    for row in pairs.iter_rows(named=True):
        candidates[row["ordinal"]].append(
            RenamePair(
                run=row["run"],
                old_run=row["old_run"],
                odds=row["odds"],
                evidence=row["evidence"],
                is_proof=row["is_proof"],
                roots=(row["old_root"], row["root"]),
                suffixes=(row["old_suffix"], row["suffix"]),
            )
        )
    nights: dict[int, list[RunStart]] = defaultdict(list)
    for run, symbol, ordinal, is_new in runs.select(
        "run", "symbol", "start_ordinal", "is_new"
    ).iter_rows():
        nights[ordinal].append(RunStart(run=run, symbol=symbol, is_new=is_new))
    walk = LineWalk(history.sessions, link_nights=MAX_GAP_SESSIONS)
    for ordinal, starting in nights.items():
        told = {
            each.symbol: each
            for each in overrides
            if each.starts_a_run and each.session == history.sessions[ordinal]
        }
        walk.night(ordinal, starting, candidates[ordinal], told)
    return _link_frame([walk.links[run] for run in range(runs.height)])


def _link_frame(links: Sequence[LineLink]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "security_id": [link.security_id for link in links],
            "is_span_start": [link.is_span_start for link in links],
            "previous_symbol": [link.previous_symbol for link in links],
            "evidence": [link.evidence for link in links],
            "confidence": [link.confidence for link in links],
        },
        schema={
            "security_id": pl.String,
            "is_span_start": pl.Boolean,
            "previous_symbol": pl.String,
            "evidence": pl.String,
            "confidence": pl.Float64,
        },
    )
