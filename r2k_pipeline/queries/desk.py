"""What those who track an index must trade at an event: the table of an index desk.

A tracker holds every line at its weight. So at the close before an event counts it trades
the change in weight times what it manages, summed over the indexes that are tracked; how
much that is of a day's trading says how hard it is. Holdings come from `rebalance`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.queries.addressing import require_index
from r2k_pipeline.queries.rebalance import rebalance
from r2k_pipeline.queries.reconstitution import decisions_of
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_before

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.storage.store import Store

DEFAULT_TRACKED: Mapping[str, float] = {"r2000": 10e9}
"""Ten billion dollars in the small cap index, a round figure: all is proportional to it."""

DESK_COLUMNS = (
    "symbol",
    "name",
    "company_id",
    "security_id",
    "side",
    "from",
    "to",
    "decision",
    "price_usd",
    "index_change_shares",
    "trade_shares",
    "trade_usd",
    "adv20_shares",
    "adv20_usd",
    "days_of_adv",
    "float_share",
)

_ADV_SESSIONS = 20
_UNITS = {"tn": 1e12, "bn": 1e9, "m": 1e6, "k": 1e3, "": 1.0}


def parse_usd(text: str) -> float:
    """Read an amount of US dollars with a unit: k, m, bn or tn.

    Raises:
        BadInputError: The text is no such amount, or not above 0.

    Example:
        >>> parse_usd("12bn"), parse_usd("1.5 tn"), parse_usd("250000")
        (12000000000.0, 1500000000000.0, 250000.0)
    """
    word = text.strip().lower().removeprefix("$").replace(",", "")
    unit = next(unit for unit in _UNITS if word.endswith(unit))
    try:
        amount = float(word.removesuffix(unit)) * _UNITS[unit]
    except ValueError:
        amount = 0.0
    if not 0 < amount < float("inf"):
        raise BadInputError(
            f"{text!r} is not an amount like 12bn",
            state="nothing was read",
            remedy="write a number above 0, then k, m, bn or tn",
        )
    return amount


def parse_tracked(texts: Sequence[str], family: Mapping[str, IndexDefinition]) -> dict[str, float]:
    """Read what tracks which index: `r1000=2bn`, or an amount alone for the small cap index.

    Args:
        texts: One an index; empty for `DEFAULT_TRACKED`.
        family: The indexes.

    Raises:
        BadInputError: An index or an amount is unknown, or an index is named twice.

    Example:
        >>> from r2k_pipeline.rulebook.family import family
        >>> parse_tracked(["12bn", "r1000=500m"], family())
        {'r2000': 12000000000.0, 'r1000': 500000000.0}
    """
    found: dict[str, float] = {}
    for text in texts:
        name, given, amount = text.rpartition("=")
        index_id = require_index(name if given else "r2000", family).index_id
        if index_id in found:
            raise BadInputError(
                f"{index_id} is tracked twice",
                state="nothing was read",
                remedy="name each index once",
            )
        found[index_id] = parse_usd(amount)
    return found or dict(DEFAULT_TRACKED)


def desk_table(
    store: Store,
    event_id: str,
    *,
    tracked_usd: Mapping[str, float] = DEFAULT_TRACKED,
    known_at: datetime | None = None,
) -> pl.DataFrame:
    """List what trackers buy and sell at an event.

    Args:
        store: The open store.
        event_id: The event's key, for example `2022-06`.
        tracked_usd: What tracks each index, USD.
        known_at: Read decisions as published at that moment (UTC); None is now.

    Returns:
        One row per line that is traded, the largest amount first: `side` (buy or sell),
        `from` and `to` (where the line is held in the family: `r1000`, `r2000`,
        `rmicro` for what is in micro alone, or `out`),
        `decision` on its company (null where it has none), `price_usd` (the close that
        both sides are valued at), `index_change_shares` (index shares after less before,
        summed over the tracked indexes), `trade_shares` and `trade_usd` (signed, above 0
        to buy), `adv20_shares` and `adv20_usd` (the mean of the last 20 sessions up to
        that close; null for what did not trade in the store), `days_of_adv` (of the
        amount) and `float_share` (of the line's float shares, 0 to 1). No row where no holdings
        before the event are known.

    Raises:
        UnknownEventError: The schedule has no such event.
        BadInputError: The event is not decided, or no such index.

    Notes:
        Look-ahead: none beyond the close before the event counts. While the event is not
        in effect in the store, lines and prices are those of the last close there is.
    """
    found = event(event_id)
    decided = decisions_of(store, event_id, known_at=known_at)
    sides = []
    priced: date | None = None
    for index_id, amount in tracked_usd.items():
        index = require_index(index_id, store.family)
        laid = rebalance(store, found, index, known_at=known_at)
        priced = laid.priced
        sides.append(_of_index(laid.lines, amount))
    if priced is None:
        return pl.DataFrame(schema=_SCHEMA)
    traded = _summed(pl.concat(sides)).join(
        decided.select("company_id", "decision"), on="company_id", how="left"
    )
    return _against_trading(traded, _average_trading(store, priced))


def _of_index(lines: pl.DataFrame, amount_usd: float) -> pl.DataFrame:
    change = pl.col("weight_after") - pl.col("weight_before")
    return lines.with_columns(
        trade_usd=amount_usd * change,
        index_change_shares=pl.col("shares_after") - pl.col("shares_before"),
    )


def _summed(lines: pl.DataFrame) -> pl.DataFrame:
    """One row a line over the tracked indexes."""
    return (
        lines.group_by("security_id", maintain_order=True)
        .agg(
            pl.col("company_id", "symbol", "name", "price_usd").first(),
            pl.col("trade_usd", "index_change_shares").sum(),
            pl.col("previous_segment", "segment").first(),
            float_shares=pl.max_horizontal("shares_before", "shares_after").max(),
        )
        .filter(pl.col("trade_usd") != 0)
        .with_columns(_place("previous_segment").alias("from"), _place("segment").alias("to"))
    )


def _place(segment: str) -> pl.Expr:
    return pl.col(segment).replace_strict(_PLACES, default="out", return_dtype=pl.String)


_PLACES = {"large": "r1000", "small": "r2000", "micro": "rmicro"}


def _average_trading(store: Store, last: date) -> pl.DataFrame:
    """Average daily trading of each line over the last sessions up to one, in USD.

    Dollars, for a split changes shares and prices together.
    """
    days = [*sessions_before(last, _ADV_SESSIONS - 1), last]
    return (
        store.lake.scan(
            "universe",
            start=days[0],
            end=last,
            columns=["session", "security_id", "volume_shares", "close_usd"],
        )
        .group_by("security_id")
        .agg(adv20_usd=(pl.col("volume_shares") * pl.col("close_usd")).mean())
        .collect()
    )


def _against_trading(traded: pl.DataFrame, trading: pl.DataFrame) -> pl.DataFrame:
    size = pl.col("trade_usd").abs()
    shares = pl.col("trade_usd") / pl.col("price_usd")
    return (
        traded.join(trading, on="security_id", how="left")
        .with_columns(
            side=pl.when(pl.col("trade_usd") > 0).then(pl.lit("buy")).otherwise(pl.lit("sell")),
            trade_shares=shares,
            adv20_shares=pl.col("adv20_usd") / pl.col("price_usd"),
            days_of_adv=pl.when(pl.col("adv20_usd") > 0).then(size / pl.col("adv20_usd")),
            float_share=shares.abs() / pl.col("float_shares"),
        )
        .sort(size, "security_id", descending=[True, False])
        .select(DESK_COLUMNS)
    )


_TEXTS = ("symbol", "name", "company_id", "security_id", "side", "from", "to", "decision")
_SCHEMA = {name: pl.String() if name in _TEXTS else pl.Float64() for name in DESK_COLUMNS}
