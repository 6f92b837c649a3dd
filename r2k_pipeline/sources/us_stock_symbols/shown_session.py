"""Which session a snapshot really shows, told by its content.

The day on which a snapshot was taken is only when somebody looked. The vendor
can serve an earlier session again, on a holiday and on an ordinary evening, and
then stay one session behind for weeks. The content tells: a session's previous
closes are the last prices of the session before it, and a copy has both alike.

1. `continuity` measures how each snapshot's prices follow from the ones before.
2. `label_snapshots` walks an exchange's snapshots and gives each its session.

Keep out reading: both forms of the archive come here with the same columns.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.rulebook.sessions import (
    next_session,
    session_on_or_before,
    sessions_before,
    sessions_between,
)
from r2k_pipeline.sources.feed import Evidence, EvidenceKind
from r2k_pipeline.sources.us_stock_symbols.exchanges import snapshot_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

# Prices have four decimals and net changes two to four, so a true match is off by half a cent
# at most. Unrelated sessions match in 3 % (NYSE) to 19 % (Nasdaq, with its SPACs at rest) of
# lines, true successors in 95 % or more, and copies in 99 % or more.
_PRICE_TOLERANCE_USD = 0.0051
_FOLLOWS_SHARE = 1 / 3
_COPY_SHARE = 0.9
# A week: how far back a snapshot that follows from nothing is searched for, as a copy.
_LOOKED_BACK = 5


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One exchange's file of one evening, and how it follows from those before it.

    Attributes:
        exchange: `nasdaq`, `nyse` or `amex`.
        taken_for: The day of the evening on which it was taken, New York time.
        follows_share: Share (0 to 1) of lines whose previous close is the last
            price in the snapshot before; null if there is none before.
        copies_share: Share of lines with the same last price and previous close.
        unrolled_share: As `follows_share`, against the snapshot before that one.
        repeats_share: As `copies_share`, against the most alike of the two to five
            snapshots before; null unless the other shares say that it follows from nothing.
        repeats_back: How many snapshots before that one lies; null where `repeats_share` is.
    """

    exchange: str
    taken_for: date
    follows_share: float | None
    copies_share: float | None
    unrolled_share: float | None
    repeats_share: float | None = None
    repeats_back: int | None = None


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
    """Measure how each snapshot follows from those before it on the same exchange.

    Args:
        prices: One row per listing and snapshot: `taken_for` (date), `exchange`,
            `symbol`, `close_usd` and `previous_close_usd` (USD per share). Sorted by
            `symbol`, `taken_for` or not: sorted is faster.

    Returns:
        One row per `exchange` and `taken_for`, sorted by both, with the
        measures of `Snapshot`; null for lack of an earlier snapshot or common lines.

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
    measured = shares.sort(_KEY).collect().join(snapshots, on=_KEY)
    repeats = _repeats(numbered, measured)
    return measured.join(repeats, on=["exchange", "number"], how="left").sort(_KEY).drop("number")


def _row_of_earlier_snapshot(back: int) -> pl.Expr:
    """Whether the row `back` rows up is the same line in the snapshot `back` before."""
    return (
        (pl.col("number") - pl.col("number").shift(back) == back)
        & (pl.col("symbol") == pl.col("symbol").shift(back))
        & (pl.col("exchange") == pl.col("exchange").shift(back))
    )


def _repeats(numbered: pl.LazyFrame, measured: pl.DataFrame) -> pl.DataFrame:
    """How alike each snapshot that follows from nothing is to one of those further back.

    Returns:
        `exchange`, `number`, `repeats_share` and `repeats_back` of those snapshots only.
    """
    lost = measured.filter(
        (pl.col("follows_share") < _FOLLOWS_SHARE)
        & (pl.col("copies_share") < _COPY_SHARE)
        & (pl.col("unrolled_share").fill_null(0.0) < _FOLLOWS_SHARE)
    ).select("exchange", "number")
    pairs = lost.join(
        pl.DataFrame({"back": range(2, _LOOKED_BACK + 1)}, schema={"back": pl.Int32}), how="cross"
    ).with_columns(earlier=pl.col("number") - pl.col("back"))
    prices = ("close_usd", "previous_close_usd")
    rows = numbered.select("exchange", "symbol", "number", *prices)
    of_earlier = rows.rename({"number": "earlier"})
    alike = (pl.col("close_usd") == pl.col("close_usd_right")) & (
        (pl.col("previous_close_usd") - pl.col("previous_close_usd_right")).abs()
        < _PRICE_TOLERANCE_USD
    )
    return (
        rows.join(pairs.lazy(), on=["exchange", "number"])
        .join(of_earlier, on=["exchange", "symbol", "earlier"])
        .group_by("exchange", "number", pl.col("back").alias("repeats_back"))
        .agg(alike.mean().alias("repeats_share"))
        .sort("repeats_share", "repeats_back", descending=[True, False])
        .unique(["exchange", "number"], keep="first", maintain_order=True)
        .collect()
    )


class ContinuityScan:
    """Continuity over snapshots that arrive in chunks, each later than the one before.

    Only the five latest snapshots of an exchange are kept between chunks.
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
    """The rows of each exchange's latest (or earliest) snapshots."""
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
        A snapshot that follows from nothing before it is taken for the day on which
        it was taken, less the sessions that the vendor was behind before an evening
        was missed: an outage of the archive says nothing about the vendor. The first
        snapshot is always taken for its day. So a series that starts while the vendor
        is behind is labelled one session late until it catches up: start earlier.

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
    shown: defaultdict[str, list[_Shown]] = defaultdict(list)
    labels = []
    for snapshot in snapshots:
        before = shown[snapshot.exchange]
        label, seen = _label(snapshot, before)
        before.append(seen)
        labels.append(label)
    return labels


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """What one snapshot shows.

    Attributes:
        session: The session.
        newest: The latest session that this or an earlier snapshot shows.
        behind: How many sessions `newest` lay behind the calendar when it came.
    """

    session: date
    newest: date
    behind: int

    @property
    def is_old(self) -> bool:
        """Whether an earlier snapshot showed a later session."""
        return self.session < self.newest


def _label(snapshot: Snapshot, before: Sequence[_Shown]) -> tuple[SnapshotLabel, _Shown]:
    """Label one snapshot, given what each of those before it shows."""
    latest = session_on_or_before(snapshot.taken_for)
    session, kind = _session(snapshot, before, latest)
    newest = before[-1].newest if before else None
    if newest is not None and session <= newest:
        seen = replace(before[-1], session=session)
        return _left_out(snapshot, session), seen
    behind = len(sessions_between(session, latest)) - 1
    seen = _Shown(session=session, newest=session, behind=behind)
    return _dated(snapshot, session, kind=kind), seen


def _session(
    snapshot: Snapshot, before: Sequence[_Shown], latest: date
) -> tuple[date, EvidenceKind | None]:
    """The session that a snapshot shows, shown before or not, and what is odd about it."""
    if not before or snapshot.follows_share is None:
        return latest, None
    last = before[-1]
    if copied := _copied(snapshot):
        return before[-copied].session, None
    if snapshot.follows_share >= _FOLLOWS_SHARE:
        return min(next_session(last.session), latest), None
    if (snapshot.unrolled_share or 0.0) >= _FOLLOWS_SHARE:
        # After an old session, the snapshot before that one is the one to follow from.
        kind = None if last.is_old else EvidenceKind.PREVIOUS_CLOSE_NOT_ROLLED
        return min(next_session(last.newest), latest), kind
    at_old_pace = (*sessions_before(latest, last.behind), latest)[0]
    if last.behind and at_old_pace > next_session(last.newest):
        return at_old_pace, EvidenceKind.STILL_BEHIND
    return latest, EvidenceKind.BROKEN_CHAIN


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


def _copied(snapshot: Snapshot) -> int:
    """How many snapshots before lies the one that a snapshot is a copy of; 0 if it is none."""
    if (snapshot.copies_share or 0.0) >= _COPY_SHARE:
        return 1
    is_repeat = (snapshot.repeats_share or 0.0) >= _COPY_SHARE
    return (snapshot.repeats_back or 0) if is_repeat else 0


def _left_out(snapshot: Snapshot, shown: date) -> SnapshotLabel:
    """A snapshot that shows nothing new."""
    is_session = session_on_or_before(snapshot.taken_for) == snapshot.taken_for
    alike = max(snapshot.copies_share or 0.0, snapshot.repeats_share or 0.0)
    note = Evidence(
        kind=EvidenceKind.STALE_COPY if is_session else EvidenceKind.NOT_A_SESSION,
        session=snapshot.taken_for,
        exchange=snapshot.exchange,
        detail=f"shows {shown} again: {_percent(alike)} of its prices are equal",
    )
    return SnapshotLabel(
        exchange=snapshot.exchange, taken_for=snapshot.taken_for, session=None, note=note
    )


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.1%}"
