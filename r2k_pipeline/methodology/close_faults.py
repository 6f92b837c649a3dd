"""Closes that cannot be used or that deserve a second look, from `share_history`.

Add a fault here if the close, the previous close or the volume shows it; faults of
the market cap are `repairs`'. A close is never replaced: there is nothing to
replace it with.
"""

from __future__ import annotations

import math

import polars as pl

from r2k_pipeline.methodology.line_order import around, before_of
from r2k_pipeline.rulebook.reasons import RepairRule

# A close beyond this multiple of the one before needs a split or heavy trading behind it.
_OUT_OF_LINE = math.log(5)
# A close this near to one of the sessions before the last is a return, not a departure.
_RETURNED = math.log(2)
# Heavy trading: this many times the heaviest of the sessions before.
_HEAVY = 3
_SESSIONS_BEFORE = 5
# A line may miss sessions; what is older than this many says nothing about today.
_STILL_RECENT = 20
# How long a departed close is held back; after that it is the market's.
_HELD_SESSIONS = 3
# A copy is called stale from this many repetitions on: two like sessions happen in thin lines.
_STALE_SESSIONS = 4
# Late prints move a close after the snapshot was taken, by about this much.
_LATE_PRINT = 0.02
_TICKS_USD = 0.02
# Where so many lines contradict at once, the session is at fault and the source tells of it.
_SESSION_AT_FAULT = 0.05


def close_faults(history: pl.DataFrame) -> pl.DataFrame:
    """List the closes that are missing, out of line, stale or contradicted.

    Args:
        history: What `share_history` returns.

    Returns:
        One row per fault: `row`, `rule` (a value of `RepairRule`) and `evidence`;
        gravest rules first. A listing may have several.

    Notes:
        No row uses anything later than its session.

    Example:
        A line without a close; the columns are those of `share_history`.

        >>> history = pl.DataFrame({
        ...     "row": [0], "line": [1], "ordinal": [0], "close_usd": [0.0], "close_log": [None],
        ...     "previous_close_usd": [20.0], "volume_shares": [0], "split_total": [0.0],
        ...     "told_log": [0.0], "is_next": [False],
        ... }, schema_overrides={"close_log": pl.Float64})
        >>> close_faults(history).rows()
        [(0, 'close_missing', 'the close is 0.0')]
    """
    return pl.concat(
        [_missing(history), _out_of_line(history), _contradicted(history), _stale(history)]
    )


def _verdicts(rows: pl.DataFrame, rule: RepairRule, evidence: pl.Expr) -> pl.DataFrame:
    return rows.select("row", rule=pl.lit(rule.value), evidence=evidence)


def _missing(history: pl.DataFrame) -> pl.DataFrame:
    rows = history.filter(pl.col("close_log").is_null())
    shown = pl.col("close_usd").cast(pl.String).fill_null("blank")
    return _verdicts(rows, RepairRule.CLOSE_MISSING, pl.format("the close is {}", shown))


def _before(name: str, ago: int) -> pl.Expr:
    return before_of(name, ago, within=_STILL_RECENT)


def _out_of_line(history: pl.DataFrame) -> pl.DataFrame:
    """Closes that departed, while they stay departed and for a few sessions at most."""
    prices = history.select(
        "row", "line", "ordinal", "close_usd", "volume_shares",
        price=pl.col("close_log") + pl.col("split_total"),
    )  # fmt: skip
    has_moved = (pl.col("price") - _before("price", 1)).abs() > _OUT_OF_LINE
    moved = prices.select(pl.arg_where(has_moved)).to_series()
    near = around(
        moved, height=prices.height, before=_SESSIONS_BEFORE, after=_HELD_SESSIONS - 1
    )  # fmt: skip
    prices = prices.with_row_index("place")[near].with_columns(last=_before("price", 1)).rechunk()
    sessions_ago = range(1, _SESSIONS_BEFORE + 1)
    returned = pl.any_horizontal(
        (pl.col("price") - _before("price", ago)).abs() < _RETURNED for ago in sessions_ago[1:]
    )
    heaviest = pl.max_horizontal(_before("volume_shares", ago) for ago in sessions_ago)
    is_heavy = pl.col("volume_shares") >= _HEAVY * heaviest
    departs = (
        pl.col("place").is_in(moved.implode())
        & ~returned.fill_null(value=False)
        & ~is_heavy.fill_null(value=False)
    )
    row = pl.int_range(pl.len(), dtype=pl.Int32)
    start = pl.when(departs).then(row).forward_fill(_HELD_SESSIONS - 1)
    usual = pl.col("last").gather(start)
    held = prices.with_columns(usual=usual, start_line=pl.col("line").gather(start)).filter(
        (pl.col("start_line") == pl.col("line"))
        & ((pl.col("price") - pl.col("usual")).abs() > _OUT_OF_LINE)
    )
    times = (pl.col("price") - pl.col("usual")).exp().round(3)
    evidence = pl.format("{} is {} times the close before it departed", "close_usd", times)
    return _verdicts(held, RepairRule.CLOSE_OUT_OF_LINE, evidence)


def _contradicted(history: pl.DataFrame) -> pl.DataFrame:
    """Previous closes that are not the close of the session before, on sessions that are sound."""
    compared = history.select(
        "row", "ordinal", "previous_close_usd",
        is_following=pl.col("is_next") & (pl.col("ordinal").diff() == 1),
        expected=(pl.col("close_log").shift() - pl.col("told_log")).exp(),
    )  # fmt: skip
    expected = pl.col("expected")
    difference = (pl.col("previous_close_usd") - expected).abs()
    is_contradicted = (difference > _LATE_PRINT * expected) & (difference > _TICKS_USD)
    is_told = pl.col("is_following") & (pl.col("previous_close_usd") > 0) & expected.is_not_null()
    sound = (
        compared.select("ordinal", is_told=is_told, is_contradicted=is_contradicted)
        .filter("is_told")
        .group_by("ordinal")
        .agg(share=pl.col("is_contradicted").mean())
        .filter(pl.col("share") < _SESSION_AT_FAULT)
    )
    rows = compared.filter(is_told & is_contradicted).join(sound, on="ordinal", how="semi")
    evidence = pl.format(
        "previous close is given as {}, the session before closed at {}",
        pl.col("previous_close_usd").round(4),
        pl.col("expected").round(4),
    )
    return _verdicts(rows.rechunk(), RepairRule.PREVIOUS_CLOSE_CONTRADICTS, evidence)


def _stale(history: pl.DataFrame) -> pl.DataFrame:
    """Lines whose close and volume have been repeated for some sessions."""
    traded = pl.col("volume_shares") > 0
    is_copy = pl.all_horizontal(
        (pl.col(name) == _before(name, ago))
        for name in ("close_usd", "volume_shares")
        for ago in range(1, _STALE_SESSIONS)
    )
    rows = history.filter((traded & is_copy).fill_null(value=False))
    evidence = pl.format(
        "close {} on {} shares, as in the {} sessions before", "close_usd", "volume_shares",
        pl.lit(_STALE_SESSIONS - 1),
    )  # fmt: skip
    return _verdicts(rows, RepairRule.STALE_COPY, evidence)
