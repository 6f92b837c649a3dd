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

from r2k_pipeline.methodology.company_names import company_key, leading_word
from r2k_pipeline.methodology.line_order import around, before_of, in_line_order, numbered, placed

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
    ordered = in_line_order(listings, securities, sessions=sessions)
    measured = _measured(ordered, _reported(actions, securities, sessions), limits)
    late = _with_late_splits(_with_splits(measured, limits), limits)
    is_renamed = _is_renamed(late, listings["name"], limits)
    has_jumped = pl.col("change") > math.log(limits.jump)
    return (
        _with_levels(late, limits)
        .with_columns(since_jump=_since(has_jumped), is_renamed=is_renamed)
        .rechunk()
    )


def _reported(
    actions: pl.DataFrame, securities: pl.DataFrame, sessions: Sequence[date]
) -> pl.DataFrame:
    """Reported splits by `line` and `ordinal`."""
    calendar = pl.DataFrame(
        {"session": sessions, "ordinal": range(len(sessions))},
        schema={"session": pl.Date, "ordinal": pl.Int32},
    )
    return (
        actions.filter(pl.col("action_type") == "split")
        .join(numbered(securities).select("security_id", "line").unique(), on="security_id")
        .join(calendar, on="session")
        .select("line", "ordinal", "split_factor")
    )


def _measured(rows: pl.DataFrame, reported: pl.DataFrame, limits: HistoryLimits) -> pl.DataFrame:
    """Implied shares, closes, and the split that an action or the previous close tells of."""
    close, cap = pl.col("close_usd"), pl.col("market_cap_usd")
    missed = pl.col("ordinal").diff() - 1
    is_next = (pl.col("line").diff() == 0) & missed.is_between(0, limits.missed_sessions)
    measured = rows.with_columns(
        raw_log=pl.when((close > 0) & (cap > 0)).then((cap / close).log()),
        close_log=pl.when(close > 0).then(close.log()),
        is_next=is_next.fill_null(value=False),
    )
    seen = _seen_splits(measured)
    keys = measured.select("line", "ordinal").with_row_index("place")
    told = keys.join(reported.drop_nulls("split_factor"), on=["line", "ordinal"])
    silent = pl.repeat(0.0, rows.height, eager=True)
    either = placed(seen["place"], seen["seen_log"], onto=silent)
    both = placed(told["place"], told["split_factor"].log(), onto=either)
    return measured.with_columns(told_log=both)


def _seen_splits(rows: pl.DataFrame) -> pl.DataFrame:
    """Splits that nobody reported, to the nearest ratio, as the vendor's previous close shows them.

    Looser than the inference of `corporate_actions`, which fails where the close was
    printed anew after the snapshot or a session is missing: a count of shares needs
    no exact price. The new close must lie at the new level as well.
    """
    adjusted = pl.col("previous_close_usd")
    fall = pl.col("before_log") - adjusted.log()
    ratio, multiple, whole = pl.col("ratio"), pl.col("multiple"), pl.col("whole")
    nearest = pl.when((multiple - 1.5).abs() < _SEEN_RATIO).then(1.5).otherwise(multiple.round())
    return (
        rows.select(
            "close_log", "previous_close_usd", "is_next", before_log=pl.col("close_log").shift()
        )
        .with_row_index("place")
        .filter("is_next", adjusted >= _LEAST_CLOSE_USD, fall.abs() > _LEAST_SPLIT)
        .with_columns(ratio=fall.exp())
        .with_columns(multiple=pl.max_horizontal(ratio, 1 / ratio))
        .with_columns(whole=nearest)
        .filter(
            whole > 1,
            (multiple / whole - 1).abs() < _SEEN_RATIO,
            (pl.col("close_log") - adjusted.log()).abs() < _OPPOSITE_MOVE,
        )
        .select("place", seen_log=whole.log() * ratio.log().sign())
    )


def _with_splits(rows: pl.DataFrame, limits: HistoryLimits) -> pl.DataFrame:
    """The running split ratio by which shares are compared.

    A split is what is told, or what price and shares show together when the one moves
    as much down as the other moves up.
    """
    shares_move = pl.when("is_next").then(pl.col("raw_log").diff())
    price_move = pl.when("is_next").then(pl.col("close_log").diff())
    is_shown = (
        (pl.col("told_log") == 0)
        & (shares_move.abs() > _LEAST_SPLIT)
        & ((shares_move + price_move).abs() < _OPPOSITE_MOVE)
    ).fill_null(value=False)
    split = rows.select(pl.when(is_shown).then(shares_move).otherwise("told_log")).to_series()
    early = _early_splits(rows, limits)
    believed = early.filter("is_believed")["place"]
    return rows.with_columns(
        is_early=_flagged(early["place"], rows.height),
        split_total=split.cum_sum(),
        steady_total=placed(believed, pl.Series([0.0]), onto=split).cum_sum(),
    )


def _early_splits(rows: pl.DataFrame, limits: HistoryLimits) -> pl.DataFrame:
    """Splits that the shares had gone through before: `place`, `is_believed`.

    Believed are those that the shares had shown for as long as a reference must hold.
    """
    is_split = pl.col("told_log").abs() > _LEAST_SPLIT
    places = rows.select(pl.arg_where(is_split)).to_series()
    near = around(places, height=rows.height, before=max(_BEFORE_EARLY))
    return (
        rows.select("line", "ordinal", "raw_log", "told_log")
        .with_row_index("place")[near]
        .with_columns(
            is_early=_is_early(_BEFORE_EARLY, limits),
            is_believed=_is_same_before(limits.steady_sessions, limits),
        )
        .filter(is_split, "is_early")
        .select("place", "is_believed")
    )


def _is_early(rows_ago: Sequence[int], limits: HistoryLimits) -> pl.Expr:
    """Whether the shares had gone through the split of this session a while before it."""
    before, split = pl.col("raw_log").shift(), pl.col("told_log")
    was_unsplit = pl.any_horizontal(
        (before_of("raw_log", ago, within=_EARLY_REACH) + split - before).abs()
        < limits.steady_change
        for ago in rows_ago
    )
    return was_unsplit.fill_null(value=False)


def _is_same_before(ago: int, limits: HistoryLimits) -> pl.Expr:
    """Whether the shares of the session before had held for as long as a reference must hold."""
    then = before_of("raw_log", ago, within=_EARLY_REACH)
    is_same = (then - pl.col("raw_log").shift()).abs() < limits.steady_change
    return is_same.fill_null(value=False)


def _with_levels(rows: pl.DataFrame, limits: HistoryLimits) -> pl.DataFrame:
    """References over `steady_sessions` and over `firm_sessions`, in shares of each row's day."""
    moved = {
        total: pl.when("is_next").then((pl.col("log_shares") - pl.col(total)).diff()).abs()
        for total in ("steady_total", "split_total")
    }
    changes = rows.select(change=moved["steady_total"], firm_change=moved["split_total"])
    steady = _reference(
        rows, changes["change"], rows["steady_total"], limits.steady_sessions, limits
    )
    firm = _reference(
        rows, changes["firm_change"], rows["split_total"], limits.firm_sessions, limits
    )
    return rows.with_columns(changes["change"], steady_log=steady, firm_log=firm)


def _reference(
    rows: pl.DataFrame, change: pl.Series, total: pl.Series, sessions: int, limits: HistoryLimits
) -> pl.Series:
    """The last level of each line that held for so many sessions, if it is not too old.

    `total` is the running split ratio that carries it to the row's day. Shares that
    were split early for long enough to be believed need no further split.

    A change is null where a line begins, so no window reaches over lines.
    """
    row = pl.int_range(pl.len(), dtype=pl.Int32)
    held = pl.lit(change).rolling_max(sessions - 1, min_samples=sessions - 1)
    span = pl.col("ordinal") - pl.col("ordinal").shift(sessions - 1)
    is_level = (held < limits.steady_change) & (span < sessions + limits.missed_sessions)
    last = rows.select(pl.when(is_level).then(row).forward_fill()).to_series()
    age = pl.col("ordinal") - pl.col("ordinal").gather(last)
    is_own = pl.col("line").gather(last) == pl.col("line")
    level = (rows["log_shares"] - total).gather(last) + total
    return rows.select(pl.when(is_own & (age <= limits.reach(sessions))).then(level)).to_series()


def _with_late_splits(rows: pl.DataFrame, limits: HistoryLimits) -> pl.DataFrame:
    """Shares multiplied by a split that the close shows and they do not yet.

    Not where they were seen unsplit a while before the split: then they were early.
    """
    split = pl.col("told_log")
    is_sought = (
        (split.abs() > _LEAST_SPLIT)
        & (pl.col("previous_close_usd") >= _LEAST_CLOSE_USD)
        & pl.col("is_next")
        & ~pl.col("is_early")
    )
    sought = rows.select(pl.arg_where(is_sought)).to_series()
    near = around(sought, height=rows.height, before=1, after=_SPLIT_REACH - 1)
    place = pl.when(is_sought).then(pl.int_range(pl.len(), dtype=pl.Int32)).forward_fill()
    is_recent = (pl.col("line").gather(place) == pl.col("line")) & (
        pl.col("ordinal") - pl.col("ordinal").gather(place) < _SPLIT_REACH
    )
    before = pl.col("raw_log").shift()
    is_unsplit = (pl.col("raw_log") - before.gather(place)).abs() < limits.steady_change
    late = (
        rows.with_row_index("place")[near]
        .with_columns(factor=pl.when(is_recent & is_unsplit).then(split.gather(place)))
        .drop_nulls("factor")
    )
    nowhere = pl.repeat(None, rows.height, dtype=pl.Float64, eager=True)
    return rows.drop("is_early").with_columns(
        late_factor=placed(late["place"], late["factor"].exp(), onto=nowhere),
        log_shares=placed(late["place"], late["raw_log"] + late["factor"], onto=rows["raw_log"]),
    )


def _is_renamed(rows: pl.DataFrame, names: pl.Series, limits: HistoryLimits) -> pl.Series:
    """Whether the company's name became another one a short time ago.

    Who is merged into takes another name; who only changes its own keeps the first word.
    """
    name = names.rechunk().gather(rows["row"])
    is_changed = rows["is_next"] & (name != name.shift()).fill_null(value=False)
    changed = pl.DataFrame({"place": is_changed.arg_true()}).with_columns(
        old=name.gather(is_changed.arg_true() - 1), new=name.gather(is_changed.arg_true())
    )
    word = {side: leading_word(company_key(pl.col(side))) for side in ("old", "new")}
    renamed = changed.filter(word["old"].ne_missing(word["new"]))["place"]
    near = around(renamed, height=rows.height, after=limits.renamed_sessions - 1)
    recent = rows.select("line", "ordinal").with_row_index("place")[near].with_columns(
        since=_since(pl.col("place").is_in(renamed.implode()))
    )  # fmt: skip
    places = recent.filter(pl.col("since") < limits.renamed_sessions)["place"]
    return _flagged(places, rows.height)


def _flagged(places: pl.Series, height: int) -> pl.Series:
    """True at some places."""
    nowhere = pl.repeat(value=False, n=height, dtype=pl.Boolean, eager=True)
    return placed(places, pl.Series([True]), onto=nowhere)


def _since(happened: pl.Expr) -> pl.Expr:
    """Sessions since something last happened to the line; 0 on that session, null if never."""
    place = pl.when(happened).then(pl.int_range(pl.len(), dtype=pl.Int32)).forward_fill()
    is_own = pl.col("line").gather(place) == pl.col("line")
    return pl.when(is_own).then(pl.col("ordinal") - pl.col("ordinal").gather(place))
