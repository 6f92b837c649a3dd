"""Which session a snapshot really shows, told by its content.

The day on which a snapshot was taken is only when somebody looked. The vendor
can serve an earlier session again, on a holiday and on an ordinary evening, and
then stay one session behind for weeks. The content tells: a session's previous
closes are the last prices of the session before it.

1. `continuity` measures how each snapshot's prices follow from the ones before.
2. `label_snapshots` walks an exchange's snapshots and gives each its session.

Keep out reading: both forms of the archive come here with the same columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.rulebook.sessions import next_session, session_on_or_before
from r2k_pipeline.sources.feed import Evidence, EvidenceKind
from r2k_pipeline.sources.us_stock_symbols.exchanges import snapshot_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

# Prices have four decimals and net changes two to four, so a true match is off by half a cent
# at most. Unrelated sessions match in 3 % (NYSE) to 19 % (Nasdaq, with its SPACs at rest) of
# lines, true successors in 95 % or more, and copies in 99 % or more.
_PRICE_TOLERANCE_USD = 0.0051
_FOLLOWS_SHARE = 1 / 3
_COPY_SHARE = 0.9
_LOOKED_BACK = 2


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One exchange's file of one evening, and how it follows from the two before it.

    Attributes:
        exchange: `nasdaq`, `nyse` or `amex`.
        taken_for: The day of the evening on which it was taken, New York time.
        follows_share: Share (0 to 1) of lines whose previous close is the last
            price in the snapshot before; null if there is none before.
        copies_share: Share of lines with the same last price and previous close.
        unrolled_share: As `follows_share`, against the snapshot before that one.
    """

    exchange: str
    taken_for: date
    follows_share: float | None
    copies_share: float | None
    unrolled_share: float | None


@dataclass(frozen=True, kw_only=True)
class SnapshotLabel:
    """The session that a snapshot shows, and what to tell about it.

    `session` is null for a snapshot that is left out; `note` then says why.
    """

    exchange: str
    taken_for: date
    session: date | None
    note: Evidence | None = None


def continuity(prices: pl.DataFrame) -> pl.DataFrame:
    """Measure how each snapshot follows from the two before it on the same exchange.

    Args:
        prices: One row per listing and snapshot: `taken_for` (date), `exchange`,
            `symbol`, `close_usd` and `previous_close_usd` (USD per share). Sorted by
            `symbol`, `taken_for` or not: sorted is faster.

    Returns:
        One row per `exchange` and `taken_for`, sorted by both, with the three
        shares of `Snapshot`; null for lack of an earlier snapshot or common lines.

    Example:
        >>> from datetime import date
        >>> days = [date(2022, 6, 1), date(2022, 6, 2), date(2022, 6, 3)]
        >>> prices = pl.DataFrame({
        ...     "taken_for": days, "exchange": "nyse", "symbol": "HAL",
        ...     "close_usd": [10.0, 11.0, 11.0], "previous_close_usd": [9.5, 10.0, 10.0],
        ... })
        >>> continuity(prices).select("follows_share", "copies_share").rows()
        [(None, None), (1.0, 0.0), (0.0, 1.0)]
    """
    snapshots = (
        prices.select("exchange", "taken_for")
        .unique()
        .sort("exchange", "taken_for")
        .with_columns(pl.int_range(pl.len()).over("exchange").alias("number").cast(pl.Int32))
    )
    key = snapshot_key("taken_for")
    numbers = snapshots.select(key.alias("key"), "number")
    if not prices["symbol"].is_sorted():
        prices = prices.sort("exchange", "symbol", "taken_for")
    numbered = prices.lazy().with_columns(
        key.replace_strict(numbers["key"], numbers["number"], return_dtype=pl.Int32).alias("number")
    )
    close, previous = pl.col("close_usd"), pl.col("previous_close_usd")
    common, before = _row_of_earlier_snapshot(1), _row_of_earlier_snapshot(2)
    follows = (previous - close.shift(1)).abs() < _PRICE_TOLERANCE_USD
    copies = (close == close.shift(1)) & (
        (previous - previous.shift(1)).abs() < _PRICE_TOLERANCE_USD
    )
    unrolled = (previous - close.shift(2)).abs() < _PRICE_TOLERANCE_USD
    shares = (
        numbered.select(
            "exchange",
            "taken_for",
            pl.when(common).then(follows).alias("follows_share"),
            pl.when(common).then(copies).alias("copies_share"),
            pl.when(before).then(unrolled).alias("unrolled_share"),
        )
        .group_by("exchange", "taken_for")
        .agg(pl.col("follows_share", "copies_share", "unrolled_share").mean())
    )
    return shares.sort("exchange", "taken_for").collect()


def _row_of_earlier_snapshot(back: int) -> pl.Expr:
    """Whether the row `back` rows up is the same line in the snapshot `back` before."""
    return (
        (pl.col("number") - pl.col("number").shift(back) == back)
        & (pl.col("symbol") == pl.col("symbol").shift(back))
        & (pl.col("exchange") == pl.col("exchange").shift(back))
    )


class ContinuityScan:
    """Continuity over snapshots that arrive in chunks, each later than the one before.

    Only the two latest snapshots of an exchange are kept between chunks.
    """

    def __init__(self) -> None:
        self._kept: pl.DataFrame | None = None
        self._shares: list[pl.DataFrame] = []

    def add(self, prices: pl.DataFrame) -> None:
        """Take in the next chunk; columns as in `continuity`."""
        shares = continuity(prices)
        if self._kept is not None:
            head = _snapshots_at_the_end(prices, descending=False)
            seam = continuity(pl.concat([self._kept, head]))
            seam = seam.join(head.select("exchange", "taken_for").unique(), on=_KEY, how="semi")
            shares = pl.concat([seam, shares.join(seam, on=_KEY, how="anti")])
        self._shares.append(shares)
        seen = prices if self._kept is None else pl.concat([self._kept, prices])
        self._kept = _snapshots_at_the_end(seen, descending=True)

    def snapshots(self) -> list[Snapshot]:
        """Every snapshot so far, by exchange and day."""
        if not self._shares:
            return []
        table = pl.concat(self._shares).sort(_KEY)
        return [Snapshot(**row) for row in table.iter_rows(named=True)]


_KEY = ["exchange", "taken_for"]


def _snapshots_at_the_end(prices: pl.DataFrame, *, descending: bool) -> pl.DataFrame:
    """The rows of each exchange's two latest (or two earliest) snapshots."""
    ends = (
        prices.select(_KEY)
        .unique()
        .sort("taken_for", descending=descending)
        .group_by("exchange")
        .head(_LOOKED_BACK)
    )
    return prices.join(ends, on=_KEY, how="semi")


def label_snapshots(snapshots: Iterable[Snapshot]) -> list[SnapshotLabel]:
    """Give every snapshot the session that it shows, or leave it out.

    Args:
        snapshots: As `ContinuityScan.snapshots` returns them, any number of
            exchanges; each exchange's in order of `taken_for`.

    Returns:
        One label per snapshot, in the same order. Of several snapshots that show
        the same session the first stands: what came later was not known that
        evening.

    Notes:
        The first snapshot, and one that follows from nothing before it, is taken
        for the day on which it was taken. So a series that starts while the vendor is
        behind is labelled one session late until it catches up: start earlier.

    Example:
        A Saturday's copy of Friday is left out.

        >>> from datetime import date
        >>> friday = Snapshot(exchange="nyse", taken_for=date(2023, 11, 3),
        ...     follows_share=0.99, copies_share=0.01, unrolled_share=0.02)
        >>> saturday = Snapshot(exchange="nyse", taken_for=date(2023, 11, 4),
        ...     follows_share=0.03, copies_share=1.0, unrolled_share=0.99)
        >>> [label.session for label in label_snapshots([friday, saturday])]
        [datetime.date(2023, 11, 3), None]
    """
    shown: dict[str, date] = {}
    labels = []
    for snapshot in snapshots:
        label = _label(snapshot, shown.get(snapshot.exchange))
        if label.session is not None:
            shown[snapshot.exchange] = label.session
        labels.append(label)
    return labels


def _label(snapshot: Snapshot, shown_before: date | None) -> SnapshotLabel:
    """Label one snapshot, given the session that the one before it shows."""
    latest = session_on_or_before(snapshot.taken_for)
    if shown_before is None or snapshot.follows_share is None:
        return _dated(snapshot, latest, kind=None)
    if (snapshot.copies_share or 0.0) >= _COPY_SHARE:
        return _left_out(snapshot, shown_before)
    if latest <= shown_before:
        return _left_out(snapshot, shown_before)
    session = min(next_session(shown_before), latest)
    if snapshot.follows_share >= _FOLLOWS_SHARE:
        return _dated(snapshot, session, kind=None)
    if (snapshot.unrolled_share or 0.0) >= _FOLLOWS_SHARE:
        return _dated(snapshot, session, kind=EvidenceKind.PREVIOUS_CLOSE_NOT_ROLLED)
    return _dated(snapshot, latest, kind=EvidenceKind.BROKEN_CHAIN)


def _dated(snapshot: Snapshot, session: date, *, kind: EvidenceKind | None) -> SnapshotLabel:
    """A snapshot that lands on a session; one that lands on another day than its own says so."""
    if kind is None and session != snapshot.taken_for:
        kind = EvidenceKind.RELABELLED
    note = None
    if kind is not None:
        note = Evidence(
            kind=kind,
            session=session,
            exchange=snapshot.exchange,
            detail=f"taken for {snapshot.taken_for}; {_percent(snapshot.follows_share)} of its "
            "previous closes are the last prices of the snapshot before",
        )
    return SnapshotLabel(
        exchange=snapshot.exchange,
        taken_for=snapshot.taken_for,
        session=session,
        note=note,
    )


def _left_out(snapshot: Snapshot, shown: date) -> SnapshotLabel:
    """A snapshot that shows nothing new."""
    is_session = session_on_or_before(snapshot.taken_for) == snapshot.taken_for
    note = Evidence(
        kind=EvidenceKind.STALE_COPY if is_session else EvidenceKind.NOT_A_SESSION,
        session=snapshot.taken_for,
        exchange=snapshot.exchange,
        detail=f"shows {shown} again: {_percent(snapshot.copies_share)} of its prices are equal",
    )
    return SnapshotLabel(
        exchange=snapshot.exchange, taken_for=snapshot.taken_for, session=None, note=note
    )


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.1%}"
