"""What the lines of an index weigh before and after an event, at the same prices.

Before are the holdings at the last close before the event takes effect; after are those of
the new members at that same close. As long as the event is not in effect in the store, the
new lines are those of the companies it chose, at the last close there is. From here follow
turnover and sector shifts; who trades how much is `desk`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.edges import in_index
from r2k_pipeline.methodology.index_lines import lines_of
from r2k_pipeline.methodology.weighting import last_reset, weight_factors
from r2k_pipeline.queries.composition import UNKNOWN_SECTOR
from r2k_pipeline.queries.reconstitution import decisions_of

if TYPE_CHECKING:
    from datetime import date, datetime

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.storage.store import Store

_HELD = (
    "session", "security_id", "company_id", "symbol", "name", "sector", "segment", "indexes",
    "float_factor", "close_usd", "previous_close_usd", "index_shares", "market_value_usd",
)  # fmt: skip
_TEXTS = ("company_id", "symbol", "name", "sector")
LINE_COLUMNS = (
    "security_id", *_TEXTS, "previous_segment", "segment",
    "price_usd", "shares_before", "shares_after", "weight_before", "weight_after",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Rebalance:
    """An index's lines across one event.

    Args:
        index_id: The index.
        priced: The session whose close values both sides; None if neither side is known.
        is_expected: Whether the event was not in effect yet, so that the new lines are
            expected and not published.
        lines: One row per line that is held before or after: `security_id`,
            `company_id`, `symbol`, `name`, `sector`, `previous_segment` and `segment`
            (where the line is held in the family; null outside), `price_usd`, `shares_before`,
            `shares_after` (index shares, in the units after splits of the first
            session), `weight_before` and `weight_after` (0 to 1, 0 where it is not held).
            Empty where no holdings before are known: at the first event.
    """

    index_id: str
    priced: date | None
    is_expected: bool
    lines: pl.DataFrame


def rebalance(
    store: Store, event: Event, index: IndexDefinition, *, known_at: datetime | None = None
) -> Rebalance:
    """Lay an index's holdings before and after an event side by side.

    Args:
        store: The open store.
        event: The event; it must be decided.
        index: The index.
        known_at: Read decisions as published at that moment (UTC); None is now.

    Raises:
        BadInputError: The event is not decided.

    Notes:
        Look-ahead: none beyond the first session of the event, whose opening values are
        those of the close before.
    """
    eves = store.lake.sessions("constituents", event.rank_day, event.effective_friday)
    if not eves:
        return Rebalance(index_id=index.index_id, priced=None, is_expected=False, lines=_empty())
    eve = eves[-1]
    held = _held(store, eve)
    opened = _held(store, event.effective_session)
    is_expected = opened.is_empty()
    if is_expected:
        after, priced = _expected(store, event, eve, known_at=known_at), eve
        wanted = lines_of(after, index, _expected_factors(store, event, after, index))
    else:
        after, priced = _at_the_open(opened), event.effective_friday
        wanted = _of_index(store, after, index, event.effective_session)
    return Rebalance(
        index_id=index.index_id,
        priced=priced,
        is_expected=is_expected,
        lines=_side_by_side(_of_index(store, held, index, eve), wanted)
        .join(held.select("security_id", previous_segment="segment"), on="security_id", how="left")
        .join(after.select("security_id", "segment"), on="security_id", how="left")
        .select(LINE_COLUMNS),
    )


def _held(store: Store, session: date) -> pl.DataFrame:
    return store.lake.scan(
        "constituents", start=session, end=session, columns=list(_HELD)
    ).collect()


def _of_index(
    store: Store, lines: pl.DataFrame, index: IndexDefinition, session: date
) -> pl.DataFrame:
    """An index's own lines of a session, with its own shares and values."""
    reset = store.lake.scan("weight_factors", start=last_reset(session), end=session)
    return lines_of(lines, index, reset.collect())


def _expected_factors(
    store: Store, event: Event, lines: pl.DataFrame, index: IndexDefinition
) -> pl.DataFrame:
    """The factors that a reset at these prices would set."""
    if not index.has_factors:
        return pl.DataFrame()
    return weight_factors(
        lines.filter(in_index(index.index_id)).with_columns(previous_close_usd="close_usd"),
        family={index.index_id: index},
        scores=store.published.read("style_scores", event_id=event.event_id),
    )


def _at_the_open(opened: pl.DataFrame) -> pl.DataFrame:
    """Holdings at the open: at the closes before, in the shares of the day."""
    price = pl.coalesce("previous_close_usd", "close_usd")
    return opened.with_columns(close_usd=price, market_value_usd=pl.col("index_shares") * price)


def _expected(store: Store, event: Event, last: date, *, known_at: datetime | None) -> pl.DataFrame:
    """The lines that an event's companies have at the last close before it takes effect.

    Index shares of lines that are held stay as they are; others count with all shares.
    """
    chosen = (
        decisions_of(store, event.event_id, known_at=known_at)
        .drop_nulls("indexes")
        .select("company_id", "segment", "indexes", vehicle="security_id", chosen_sector="sector")
    )
    held = _held(store, last).select("security_id", "index_shares", "float_factor")
    return (
        store.lake.scan("universe", start=last, end=last)
        .collect()
        .join(chosen, on="company_id")
        .filter(pl.col("is_eligible") | (pl.col("security_id") == pl.col("vehicle")))
        .join(held, on="security_id", how="left")
        .with_columns(
            sector="chosen_sector",
            index_shares=pl.coalesce("index_shares", "line_shares"),
            float_factor=pl.col("float_factor").fill_null(1.0),
        )
        .with_columns(market_value_usd=pl.col("close_usd") * pl.col("index_shares"))
        .drop_nulls("market_value_usd")
        .select(_HELD)
    )


def _side_by_side(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    value = pl.col("market_value_usd")
    old, new = (
        side.select(
            "security_id",
            *_TEXTS,
            price_usd="close_usd",
            shares="index_shares",
            weight=value / value.sum(),
        )
        for side in (before, after)
    )
    # A split on the first session is in the prices and shares after it; the eve knows of none.
    both = new.join(old, on="security_id", how="full", suffix="_old", coalesce=True)
    return (
        both.with_columns(
            *(pl.coalesce(name, f"{name}_old") for name in _TEXTS),
            price=pl.coalesce("price_usd", "price_usd_old"),
        )
        .select(
            "security_id",
            *_TEXTS,
            price_usd="price",
            shares_before=(
                pl.col("shares_old") * pl.col("price_usd_old") / pl.col("price")
            ).fill_null(0.0),
            shares_after=pl.col("shares").fill_null(0.0),
            weight_before=pl.col("weight_old").fill_null(0.0),
            weight_after=pl.col("weight").fill_null(0.0),
        )
        .sort("security_id")
    )


def _empty() -> pl.DataFrame:
    texts, numbers = LINE_COLUMNS[:-5], LINE_COLUMNS[-5:]
    return pl.DataFrame(
        schema={**dict.fromkeys(texts, pl.String), **dict.fromkeys(numbers, pl.Float64)}
    )


def turnover_share(lines: pl.DataFrame) -> float | None:
    """How much of an index is sold and bought again: half of all changes in weight.

    Args:
        lines: As in `Rebalance`.

    Returns:
        One way, 0 to 1; None without lines.

    Example:
        >>> turnover_share(pl.DataFrame({"weight_before": [0.5, 0.5, 0.0],
        ...                              "weight_after": [0.5, 0.2, 0.3]}))
        0.3
    """
    if lines.is_empty():
        return None
    change = pl.col("weight_after") - pl.col("weight_before")
    return float(lines.select(change.abs().sum() / 2).item())


def sector_shifts(lines: pl.DataFrame) -> pl.DataFrame:
    """Weigh the sectors of an index before and after, the heaviest after first.

    Args:
        lines: As in `Rebalance`.

    Returns:
        `sector`, `before_weight`, `after_weight` and `change_weight` (0 to 1).

    Example:
        >>> lines = pl.DataFrame({"sector": ["Energy", None, "Energy"],
        ...     "weight_before": [0.75, 0.25, 0.0], "weight_after": [0.0, 0.25, 0.75]})
        >>> sector_shifts(lines).rows()
        [('Energy', 0.75, 0.75, 0.0), ('not given', 0.25, 0.25, 0.0)]
    """
    return (
        lines.group_by(pl.col("sector").fill_null(UNKNOWN_SECTOR))
        .agg(before_weight=pl.col("weight_before").sum(), after_weight=pl.col("weight_after").sum())
        .with_columns(change_weight=pl.col("after_weight") - pl.col("before_weight"))
        .sort("after_weight", "sector", descending=[True, False])
    )


def turnover_row(found: Rebalance) -> dict[str, object]:
    """One index of a table of turnovers: lines before and after, in, out, and turnover."""
    lines = found.lines
    held, wanted = pl.col("weight_before") > 0, pl.col("weight_after") > 0
    counts = lines.select(
        lines_before=held.sum(),
        lines_after=wanted.sum(),
        lines_in=(wanted & ~held).sum(),
        lines_out=(held & ~wanted).sum(),
        in_weight=pl.col("weight_after").filter(wanted & ~held).sum(),
        out_weight=pl.col("weight_before").filter(held & ~wanted).sum(),
    ).row(0, named=True)
    return {"index": found.index_id, **counts, "turnover_share": turnover_share(lines)}
