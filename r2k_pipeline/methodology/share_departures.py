"""Shares that jumped, or moved by a ratio in which shares are split, against a level that held.

Reads what `share_history` puts side by side and says which departures are faults; what
else a repair looks at, and what is done about it, is `repairs`' business. Add a rule here
if a line's own shares show it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from r2k_pipeline.methodology.share_history import REFERENCE_REACH, HistoryLimits
from r2k_pipeline.rulebook.reasons import RepairRule


@dataclass(frozen=True, kw_only=True)
class RepairLimits:
    """From where on a departure of the implied shares is taken for a fault.

    Attributes:
        far_jump: Factor from which on a jump has to hold for
            `HistoryLimits.steady_sessions`.
        near_sessions: How long a jump must hold that is not so far.
        ratio_tolerance: How near a jump must be to a split ratio to be taken for one
            that has to prove itself for longer, or for one in a company just merged.
        early_tolerance: The same for splits in general: a vendor that splits shares
            early often brings their count up to date as well.
        fraction_tolerance: The same for three shares for two: offerings of half the
            shares come near it often.
        large_cap_usd: Companies above it jump so seldom that a jump has to hold for
            `HistoryLimits.firm_sessions`.
        merged_jump: Factor above which a change of name does not explain how a company
            became larger than `large_cap_usd`.
        largest_split: The largest split for one that is looked for.
        unproven_sessions: How long a jump is quarantined where no level held before it.
        history: How far a line's past counts, and how long a new level must hold.
    """

    far_jump: float = 5.0
    near_sessions: int = 5
    ratio_tolerance: float = 0.0002
    early_tolerance: float = 0.005
    fraction_tolerance: float = 0.001
    large_cap_usd: float = 10e9
    merged_jump: float = 10.0
    largest_split: int = 50
    unproven_sessions: int = 3
    history: HistoryLimits = field(default_factory=HistoryLimits)


STANDARD_LIMITS: Final = RepairLimits()

# Departures below this are neither jumps nor splits: not looked at.
_LEAST_DEPARTURE = 0.2
# Of the fractions in use only this one is common enough to tell a split by.
_FRACTION = 3 / 2
# Rows ago at which a level is looked for that a return may lead back to: at two looks in a row,
# which no spike fills, and with another level since.
_LOOKS_BACK = (1, 4, 8, 12, 17, 21, 25, 30, 35, 42, 47)
_SAME_LEVEL = 0.05
_DEPARTURE = pl.col("log_shares") - pl.col("steady_log")
_FIRM_DEPARTURE = pl.col("log_shares") - pl.col("firm_log")


def departures(history: pl.DataFrame, limits: RepairLimits) -> pl.DataFrame:
    """Find shares that jumped, or moved by a split ratio, against a level that held.

    Args:
        history: What `share_history` returns.
        limits: From where on a departure is a fault.

    Returns:
        `row`, `rule` (cap_spike or split_without_close), `target_log` (logarithm of the
        shares that held before) and `evidence`, one row per listing at fault.

    Notes:
        No row uses anything later than its session.

    Example:
        Twenty times the shares that held before; the columns are those of `share_history`.

        >>> history = pl.DataFrame({
        ...     "row": [0], "line": [1], "ordinal": [9], "log_shares": [math.log(20e6)],
        ...     "steady_log": [math.log(1e6)], "firm_log": [math.log(1e6)], "steady_total": [0.0],
        ...     "change": [math.log(20)], "since_jump": [0], "is_renamed": [False],
        ...     "market_cap_usd": [4e9],
        ... })
        >>> departures(history, RepairLimits()).select("rule", "evidence").row(0)[1]
        '20000000 shares implied, 20.0 times the 1000000 that held before'
    """
    is_suspect = (_DEPARTURE.abs() > _LEAST_DEPARTURE) | (_FIRM_DEPARTURE.abs() > _LEAST_DEPARTURE)
    suspects = _without_returns(history.with_row_index("at").filter(is_suspect), history)
    jump = math.log(limits.history.jump)
    is_large = pl.col("market_cap_usd") > limits.large_cap_usd
    is_merged = (
        pl.col("is_renamed")
        & (_DEPARTURE > 0)
        & ~(is_large & (math.log(limits.merged_jump) < _DEPARTURE))
    ).fill_null(value=False)
    is_far = (_DEPARTURE.abs() > math.log(limits.far_jump)) | (
        pl.col("since_jump") < limits.near_sessions
    )
    is_jump = ((_DEPARTURE.abs() > jump) & is_far & ~is_merged).fill_null(value=False)
    is_large_jump = (is_large & (jump < _FIRM_DEPARTURE) & ~is_merged).fill_null(value=False)
    split, spike = RepairRule.SPLIT_WITHOUT_CLOSE.value, RepairRule.CAP_SPIKE.value
    early = pl.when(is_merged).then(limits.ratio_tolerance).otherwise(limits.early_tolerance)
    of_steady = _held_ratio(_DEPARTURE, limits, within=early)
    # Only upwards: what falls back to a lower level is the end of a long fault more often than one.
    of_firm = (_FIRM_DEPARTURE > 0).fill_null(value=False) & _held_ratio(
        _FIRM_DEPARTURE, limits, within=pl.lit(limits.ratio_tolerance)
    )
    target = pl.when(of_steady | is_jump).then("steady_log").otherwise("firm_log")
    return suspects.with_columns(
        rule=pl.when(of_steady | (~is_jump & of_firm))
        .then(pl.lit(split))
        .when(is_jump | is_large_jump)
        .then(pl.lit(spike)),
        target_log=target,
    ).filter(pl.col("rule").is_not_null()).select(
        "row", "rule", "target_log",
        evidence=pl.format(
            "{} shares implied, {} times the {} that held before",
            as_count(pl.col("log_shares")),
            as_times(pl.col("log_shares") - pl.col("target_log")),
            as_count(pl.col("target_log")),
        ),
    )  # fmt: skip


def _without_returns(suspects: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """Departures, less those that lead back to where the shares had held some time ago.

    A fault that lasted long enough to be believed ends this way; without this its end
    would be taken for a fault.
    """
    levels = history["log_shares"] - history["steady_total"]
    own = suspects["log_shares"] - suspects["steady_total"]
    is_return = (suspects["firm_log"] - suspects["log_shares"]).abs() < _LEAST_DEPARTURE
    is_return = is_return.fill_null(value=False)
    nothing = is_return & ~is_return
    has_departed, held = nothing, nothing
    for ago in _LOOKS_BACK:
        then = (suspects["at"].cast(pl.Int64) - ago).clip(lower_bound=0)
        age = suspects["ordinal"] - history["ordinal"].gather(then)
        is_own = (history["line"].gather(then) == suspects["line"]) & (age <= REFERENCE_REACH)
        distance = (levels.gather(then) - own).abs()
        is_like = (is_own & (distance < _SAME_LEVEL)).fill_null(value=False)
        is_return |= held & is_like
        held = has_departed & is_like
        is_other = (is_own & (distance > _LEAST_DEPARTURE)).fill_null(value=False)
        has_departed |= is_other
    return suspects.filter(~is_return)


def _held_ratio(departure: pl.Expr, limits: RepairLimits, *, within: pl.Expr) -> pl.Expr:
    """Whether a departure is by a ratio in which shares are split, or was so when it began.

    Shares are counted anew while they wait for their split: once told by its ratio, a
    departure stays one for as long as they hold that level.
    """
    row = pl.int_range(pl.len(), dtype=pl.Int32)
    steady = limits.history.steady_change
    is_held = (pl.col("at").diff() == 1) & (pl.col("change") < steady)
    began = pl.when(~is_held.fill_null(value=False)).then(row).forward_fill()
    fraction = pl.min_horizontal(within, pl.lit(limits.fraction_tolerance))
    is_ratio = _is_ratio(departure, limits, whole=within, fraction=fraction)
    told = pl.when(is_ratio).then(row).forward_fill()
    is_still = _is_ratio(departure, limits, whole=steady, fraction=steady)
    return is_ratio | ((told >= began).fill_null(value=False) & is_still)


def _is_ratio(
    departure: pl.Expr, limits: RepairLimits, *, whole: float | pl.Expr, fraction: float | pl.Expr
) -> pl.Expr:
    """Whether a departure is by a ratio in which shares are split, up or down."""
    ratio = departure.abs().exp()
    nearest = ratio.round()
    is_whole = nearest.is_between(2, limits.largest_split) & ((ratio / nearest - 1).abs() < whole)
    is_fraction = (ratio / _FRACTION - 1).abs() < fraction
    return (is_whole | is_fraction).fill_null(value=False)


def as_count(log_shares: pl.Expr) -> pl.Expr:
    """Shares as a text shows them, from their logarithm.

    Example:
        >>> pl.DataFrame({"log": [0.0]}).select(as_count(pl.col("log"))).item()
        1
    """
    return log_shares.exp().round().cast(pl.Int64, strict=False)


def as_times(departure: pl.Expr) -> pl.Expr:
    """A factor as a text shows it, from its logarithm.

    Example:
        >>> pl.DataFrame({"log": [0.0]}).select(as_times(pl.col("log"))).item()
        1.0
    """
    return departure.exp().round(4)
