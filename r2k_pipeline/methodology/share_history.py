"""Each line's implied shares against its own past: the ground that `repairs` judges on.

1. Listings get their line and are put in order, one line after the other.
2. Implied shares (market cap over close) are brought onto one count across splits.
3. Shares that the vendor forgot to split with the close are split (`late_factor`).
4. Levels that held for a number of sessions become references for the next ones.

Everything is a fixed number of sessions deep, so a range with `CONTEXT_SESSIONS`
before it gives what a longer one gives. What follows from a departure belongs to
`repairs`; nothing here changes a value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.company_names import company_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

# What the sum of all looks back may reach: a reference, a split before it, the shares before that.
REFERENCE_REACH = 50
_SPLIT_REACH = 40
_EARLY_REACH = 30
CONTEXT_SESSIONS = REFERENCE_REACH + _SPLIT_REACH + _EARLY_REACH


@dataclass(frozen=True, kw_only=True)
class HistoryLimits:
    """How far back a line's past counts, and how like itself a level must stay.

    Attributes:
        steady_sessions: Sessions in a row after which a level is a reference.
        firm_sessions: The same for jumps by a ratio in which shares are split: no
            true change of shares looks like that, so it must prove itself longer.
        steady_change: Logarithm of the largest change a session of a steady level.
        jump: Factor, up or down. Offerings and mergers seldom move shares further,
            faults nearly always do.
        missed_sessions: Sessions that a steady level may have missed in between.
        renamed_sessions: How long after a change of name a jump is believed.
    """

    steady_sessions: int = 9
    firm_sessions: int = 22
    steady_change: float = 0.05
    jump: float = 3.0
    missed_sessions: int = 5
    renamed_sessions: int = 40

    def reach(self, sessions: int) -> int:
        """How old a reference over so many sessions may be.

        Example:
            >>> HistoryLimits().reach(9)
            36
        """
        return REFERENCE_REACH - sessions - self.missed_sessions


# A split that changes less than this cannot be told from an ordinary change of shares.
_LEAST_SPLIT = 0.35
# Adjusted previous closes below this are too coarse to read a split from.
_LEAST_CLOSE_USD = 0.5
# Price and shares move against one another this exactly when both were split.
_OPPOSITE_MOVE = 0.2
# A split ratio is recognised this far off, where a close was printed anew or a session missed.
_SEEN_RATIO = 0.03
# Sessions before a split at which shares that were split early can still be seen unsplit.
_BEFORE_EARLY = (12, 18, 24)


def share_history(
    listings: pl.DataFrame,
    securities: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    sessions: Sequence[date],
    limits: HistoryLimits = HistoryLimits(),
) -> pl.DataFrame:
    """Put each line's implied shares beside the levels that its past supports.

    Args:
        listings: Contract `raw_listings`, any order of rows.
        securities: Contract `securities`.
        actions: Contract `corporate_actions` of the same sessions; splits are read.
        sessions: Every XNYS session of the range, so that gaps are seen.
        limits: How far the past counts.

    Returns:
        One row per listing, sorted by `line` and `ordinal`. `row` is its place in
        `listings`, `line` numbers the security (null where `securities` has none;
        such rows carry no history) and `ordinal` the session. `log_shares` is the
        logarithm of the shares of the day after `late_factor`; `steady_log` and
        `firm_log` are those of the references, in shares of the same day, null
        where there is none. A level that held through the session itself is its
        own reference. `since_jump` counts the sessions since the shares last moved by
        `limits.jump`; `is_renamed`: the company's name changed a short time ago.

    Notes:
        No row uses anything later than its session.

    Example:
        A cap ten times too large, beside the level of the ten sessions before.

        >>> from datetime import date, timedelta
        >>> days = [date(2024, 6, 1) + timedelta(n) for n in range(11)]
        >>> listings = pl.DataFrame({
        ...     "session": days, "symbol": "HAL", "name": "Halden Inc.", "close_usd": 20.0,
        ...     "previous_close_usd": 20.0, "volume_shares": 100,
        ...     "market_cap_usd": [2e9] * 10 + [2e10],
        ... })
        >>> securities = pl.DataFrame({
        ...     "symbol": ["HAL"], "security_id": ["S-HAL"], "company_id": ["C-HAL"],
        ...     "first_session": days[:1], "last_session": days[-1:],
        ... })
        >>> actions = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "action_type": pl.String,
        ...     "split_factor": pl.Float64,
        ... })
        >>> last = share_history(listings, securities, actions, sessions=days).tail(1)
        >>> last.select(pl.col("log_shares", "steady_log").exp().round()).row(0)
        (1000000000.0, 100000000.0)
    """
    ordered = _ordered(listings, securities, actions, sessions)
    late = _with_late_splits(_with_splits(ordered, limits), limits)
    has_jumped = pl.col("change") > math.log(limits.jump)
    has_new_name = pl.col("is_next") & (pl.col("name_key") != pl.col("name_key").shift())
    return (
        _with_levels(late, limits)
        .with_columns(since_jump=_since(has_jumped), since_name=_since(has_new_name))
        .with_columns(
            is_renamed=(pl.col("since_name") < limits.renamed_sessions).fill_null(value=False)
        )
        .rechunk()
    )


def _ordered(
    listings: pl.DataFrame,
    securities: pl.DataFrame,
    actions: pl.DataFrame,
    sessions: Sequence[date],
) -> pl.DataFrame:
    """The columns that history needs, line after line."""
    calendar = pl.DataFrame({"session": sessions}, schema={"session": pl.Date}).with_columns(
        ordinal=pl.int_range(pl.len(), dtype=pl.Int32)
    )
    keys = listings.select(pl.col("name").unique()).with_columns(
        name_key=company_key(pl.col("name")).hash(seed=0)
    )
    splits = (
        actions.filter(pl.col("action_type") == "split")
        .select("session", "security_id", "split_factor")
        .join(_numbered(securities).select("security_id", "line").unique(), on="security_id")
        .select("session", "line", "split_factor")
    )
    return (
        listings.select(
            "session", "symbol", "name", "close_usd", "previous_close_usd", "volume_shares",
            "market_cap_usd",
        )
        .with_row_index("row")
        .join(calendar, on="session", how="left")
        .join(keys, on="name", how="left")
        .pipe(_with_lines, _numbered(securities))
        .join(splits, on=["session", "line"], how="left")
        .sort("line", "ordinal", "row", nulls_last=True)
    )  # fmt: skip


def _numbered(securities: pl.DataFrame) -> pl.DataFrame:
    """Spans with a number for each line and company; numbers are quicker than texts."""
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
    ).drop("last_session")


def _with_splits(rows: pl.DataFrame, limits: HistoryLimits) -> pl.DataFrame:
    """Implied shares, and the running split ratio by which they are compared.

    A split is what an action says, or what price and shares show together when
    the one moves as much down as the other moves up.
    """
    close, cap = pl.col("close_usd"), pl.col("market_cap_usd")
    missed = pl.col("ordinal").diff() - 1
    is_next = (pl.col("line").diff() == 0) & missed.is_between(0, limits.missed_sessions)
    measured = rows.with_columns(
        raw_log=pl.when((close > 0) & (cap > 0)).then((cap / close).log()),
        close_log=pl.when(close > 0).then(close.log()),
        is_next=is_next.fill_null(value=False),
    ).with_columns(told_log=pl.coalesce(pl.col("split_factor").log(), _seen_split()))
    shares_move = pl.when("is_next").then(pl.col("raw_log").diff())
    price_move = pl.when("is_next").then(pl.col("close_log").diff())
    is_shown = (
        (pl.col("told_log") == 0)
        & (shares_move.abs() > _LEAST_SPLIT)
        & ((shares_move + price_move).abs() < _OPPOSITE_MOVE)
    ).fill_null(value=False)
    split = pl.when("is_shown").then(shares_move).otherwise("told_log")
    early = measured.with_columns(is_shown=is_shown, is_early=_is_early(_BEFORE_EARLY, limits))
    is_believed = pl.col("is_early") & _is_same_before(limits.steady_sessions, limits)
    return early.with_columns(
        split_total=split.cum_sum(),
        steady_total=pl.when(is_believed).then(0.0).otherwise(split).cum_sum(),
    )


def _seen_split() -> pl.Expr:
    """A split that nobody reported, to the nearest ratio, as the vendor's previous close shows it.

    Looser than the inference of `corporate_actions`, which fails where the close was
    printed anew after the snapshot or a session is missing: a count of shares needs
    no exact price. The new close must lie at the new level as well.
    """
    adjusted = pl.col("previous_close_usd")
    ratio = pl.when("is_next", adjusted >= _LEAST_CLOSE_USD).then(
        (pl.col("close_log").shift() - adjusted.log()).exp()
    )
    multiple = pl.max_horizontal(ratio, 1 / ratio)
    whole = pl.when((multiple - 1.5).abs() < _SEEN_RATIO).then(1.5).otherwise(multiple.round())
    is_seen = (
        (whole > 1)
        & ((multiple / whole - 1).abs() < _SEEN_RATIO)
        & ((pl.col("close_log") - adjusted.log()).abs() < _OPPOSITE_MOVE)
    ).fill_null(value=False)
    return pl.when(is_seen).then(whole.log() * ratio.log().sign()).otherwise(0.0)


def _is_early(rows_ago: Sequence[int], limits: HistoryLimits) -> pl.Expr:
    """Whether the shares had gone through the split of this session a while before it."""
    before, split = pl.col("raw_log").shift(), pl.col("told_log")
    was_unsplit = pl.any_horizontal(
        (before_of("raw_log", ago, within=_EARLY_REACH) + split - before).abs()
        < limits.steady_change
        for ago in rows_ago
    )
    return (split.abs() > _LEAST_SPLIT) & was_unsplit.fill_null(value=False)


def _is_same_before(ago: int, limits: HistoryLimits) -> pl.Expr:
    """Whether the shares of the session before had held for as long as a reference must hold."""
    then = before_of("raw_log", ago, within=_EARLY_REACH)
    is_same = (then - pl.col("raw_log").shift()).abs() < limits.steady_change
    return is_same.fill_null(value=False)


def _with_levels(rows: pl.DataFrame, limits: HistoryLimits) -> pl.DataFrame:
    """References over `steady_sessions` and over `firm_sessions`, in shares of each row's day."""
    changes = {
        name: pl.when("is_next").then((pl.col("log_shares") - pl.col(total)).diff()).abs()
        for name, total in (("change", "steady_total"), ("firm_change", "split_total"))
    }
    return rows.with_columns(**changes).with_columns(
        steady_log=_reference(limits.steady_sessions, "change", "steady_total", limits),
        firm_log=_reference(limits.firm_sessions, "firm_change", "split_total", limits),
    )


def _reference(sessions: int, change: str, total: str, limits: HistoryLimits) -> pl.Expr:
    """The last level of the line that held for so many sessions, if it is not too old.

    `total` is the running split ratio that carries it to the row's day. Shares that
    were split early for long enough to be believed need no further split.

    A change is null where a line begins, so no window reaches over lines.
    """
    row = pl.int_range(pl.len(), dtype=pl.Int32)
    held = pl.col(change).rolling_max(sessions - 1, min_samples=sessions - 1)
    span = pl.col("ordinal") - pl.col("ordinal").shift(sessions - 1)
    is_level = (held < limits.steady_change) & (span < sessions + limits.missed_sessions)
    last = pl.when(is_level).then(row).forward_fill()
    age = pl.col("ordinal") - pl.col("ordinal").gather(last)
    is_own = pl.col("line").gather(last) == pl.col("line")
    level = (pl.col("log_shares") - pl.col(total)).gather(last)
    return pl.when(is_own & (age <= limits.reach(sessions))).then(level + pl.col(total))


def _with_late_splits(rows: pl.DataFrame, limits: HistoryLimits) -> pl.DataFrame:
    """Shares multiplied by a split that the close shows and they do not yet.

    Not where they were seen unsplit a while before the split: then they were early.
    """
    split = pl.col("told_log")
    is_split = (
        (split.abs() > _LEAST_SPLIT)
        & (pl.col("previous_close_usd") >= _LEAST_CLOSE_USD)
        & pl.col("is_next")
    )
    before = pl.col("raw_log").shift()
    is_sought = is_split & ~pl.col("is_early")
    place = pl.when(is_sought).then(pl.int_range(pl.len(), dtype=pl.Int32)).forward_fill()
    is_recent = (pl.col("line").gather(place) == pl.col("line")) & (
        pl.col("ordinal") - pl.col("ordinal").gather(place) < _SPLIT_REACH
    )
    is_unsplit = (pl.col("raw_log") - before.gather(place)).abs() < limits.steady_change
    factor = pl.when(is_recent & is_unsplit).then(split.gather(place))
    return rows.with_columns(
        late_factor=factor.exp(), log_shares=pl.col("raw_log") + factor.fill_null(0.0)
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


def _since(happened: pl.Expr) -> pl.Expr:
    """Sessions since something last happened to the line; 0 on that session, null if never."""
    place = pl.when(happened).then(pl.int_range(pl.len(), dtype=pl.Int32)).forward_fill()
    is_own = pl.col("line").gather(place) == pl.col("line")
    return pl.when(is_own).then(pl.col("ordinal") - pl.col("ordinal").gather(place))
