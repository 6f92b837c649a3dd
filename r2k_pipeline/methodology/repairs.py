"""0: listings as received -> listings with repaired market caps, each with its rule and evidence.

1. Each line's shares are put beside their own past (`share_history`).
2. The rules are asked in the order of `_caps`; the first that speaks decides.
3. What cannot be repaired is quarantined; what is merely odd is flagged
   (`close_faults`).

Add a rule with its sentence in `rulebook.reasons.RepairRule`. A repaired value
keeps the raw one beside it. Keep out eligibility (`universe`) and how classes
become a company (`share_classes`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.close_faults import close_faults
from r2k_pipeline.methodology.share_history import REFERENCE_REACH, HistoryLimits, share_history
from r2k_pipeline.methodology.sibling_caps import caps_of_siblings, class_level_caps
from r2k_pipeline.rulebook.reasons import RepairRule

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


@dataclass(frozen=True, kw_only=True)
class RepairLimits:
    """From where on a departure of the implied shares is taken for a fault.

    Attributes:
        far_jump: Factor from which on a jump has to hold for
            `HistoryLimits.steady_sessions`.
        near_sessions: How long a jump must hold that is not so far.
        ratio_tolerance: How near a jump must be to a split ratio to be taken for one
            that has to prove itself for longer, or to be one that is no whole number.
        large_cap_usd: Companies above it jump so seldom that a jump has to hold for
            `HistoryLimits.firm_sessions`.
        whole_tolerance: The same for whole ratios in general: a vendor that splits
            shares early often brings their count up to date as well.
        largest_split: The largest split for one that is looked for.
        unproven_sessions: How long a jump is quarantined where no level held before it.
        history: How far a line's past counts, and how long a new level must hold.
    """

    far_jump: float = 5.0
    near_sessions: int = 5
    ratio_tolerance: float = 0.0002
    whole_tolerance: float = 0.005
    large_cap_usd: float = 10e9
    largest_split: int = 50
    unproven_sessions: int = 3
    history: HistoryLimits = field(default_factory=HistoryLimits)


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


def repair_listings(
    listings: pl.DataFrame,
    securities: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    start: date,
    sessions: Sequence[date],
    limits: RepairLimits = RepairLimits(),
) -> pl.DataFrame:
    """Repair the market caps that contradict a line's own shares, and say why.

    The feed gives no shares, so they are implied: market cap over close. They
    change a few times a year; a feed's fault changes them far, or by a split
    ratio, or in one class alone, and mostly not for long. Point in time nobody
    knows on the first day, so a jump is repaired until the new level has held
    for as long as a reference must hold; then it is accepted, and flagged.

    Args:
        listings: Contract `raw_listings`, with `share_history.CONTEXT_SESSIONS`
            sessions before `start` where there are as many.
        securities: Contract `securities`.
        actions: Contract `corporate_actions` over the same sessions.
        start: The first session whose listings are wanted.
        sessions: Every XNYS session of the range, context included.
        limits: From where on a departure is a fault.

    Returns:
        The listings from `start` on, in the order received, with
        `market_cap_usd` repaired (whole USD), and in addition: `raw_close_usd`
        and `raw_market_cap_usd`, filled where a rule changed the value (a blank
        cap stays null there); `repair_rule`, a value of
        `rulebook.reasons.RepairRule` or null; `repair_evidence`, the numbers in
        words; `is_quarantined` and `quarantine_reason`, the same rule where the
        values cannot be used. Of several rules the gravest is named.

    Notes:
        No row uses anything later than its session, and none anything older than
        the context: any range with its context gives what a longer one gives. A
        line without span in `securities` has no past and is left as it is.
        Closes are never replaced, only quarantined.

    Example:
        Ten sessions at 100 million shares, then a cap ten times too large.

        >>> from datetime import date, timedelta
        >>> days = [date(2024, 6, 1) + timedelta(n) for n in range(11)]
        >>> listings = pl.DataFrame({
        ...     "session": days, "symbol": "HAL", "name": "Halden Inc.", "close_usd": 20.0,
        ...     "previous_close_usd": 20.0, "volume_shares": range(11),
        ...     "market_cap_usd": [2e9] * 10 + [2.5e10],
        ... })
        >>> securities = pl.DataFrame({
        ...     "symbol": ["HAL"], "security_id": ["S-HAL"], "company_id": ["C-HAL"],
        ...     "first_session": days[:1], "last_session": days[-1:],
        ... })
        >>> actions = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "action_type": pl.String,
        ...     "split_factor": pl.Float64,
        ... })
        >>> repair_listings(
        ...     listings, securities, actions, start=days[-1], sessions=days
        ... ).select("market_cap_usd", "raw_market_cap_usd", "repair_rule").row(0)
        (2000000000.0, 25000000000.0, 'cap_spike')
    """
    history = share_history(listings, securities, actions, sessions=sessions, limits=limits.history)
    caps = _caps(history, limits)
    faults = close_faults(history).with_columns(market_cap_usd=pl.lit(None, pl.Float64))
    is_grave = pl.col("rule").is_in([rule.value for rule in RepairRule if rule.is_quarantine])
    found = pl.concat(
        part.select("row", "rule", "market_cap_usd", "evidence")
        for part in (
            faults.filter(is_grave),
            caps,
            _blank_classes(history, caps),
            _oddities(history, limits),
            faults.filter(~is_grave),
        )
    )
    return _applied(listings, found.unique("row", keep="first", maintain_order=True), start)


def _caps(history: pl.DataFrame, limits: RepairLimits) -> pl.DataFrame:
    """Repaired caps by row, each by the first rule that speaks."""
    targets = pl.concat(
        [
            class_level_caps(history),
            _departures(history, limits),
            _late_splits(history),
            _blank_caps(history),
        ]
    ).unique("row", keep="first", maintain_order=True)
    closes = history.select("row", "close_usd")
    return targets.join(closes, on="row").select(
        "row", "rule", "evidence",
        market_cap_usd=(pl.col("target_log").exp() * pl.col("close_usd")).round(),
    )  # fmt: skip


def _departures(history: pl.DataFrame, limits: RepairLimits) -> pl.DataFrame:
    """Shares that jumped, or moved by a split ratio, against a level that held."""
    is_suspect = (_DEPARTURE.abs() > _LEAST_DEPARTURE) | (_FIRM_DEPARTURE.abs() > _LEAST_DEPARTURE)
    suspects = _without_returns(history.with_row_index("at").filter(is_suspect), history)
    jump = math.log(limits.history.jump)
    is_merged = pl.col("is_renamed") & (_DEPARTURE > 0)
    is_far = (_DEPARTURE.abs() > math.log(limits.far_jump)) | (
        pl.col("since_jump") < limits.near_sessions
    )
    is_jump = ((_DEPARTURE.abs() > jump) & is_far & ~is_merged).fill_null(value=False)
    is_large = pl.col("market_cap_usd") > limits.large_cap_usd
    is_large_jump = (is_large & (jump < _FIRM_DEPARTURE) & ~is_merged).fill_null(value=False)
    split, spike = RepairRule.SPLIT_WITHOUT_CLOSE.value, RepairRule.CAP_SPIKE.value
    of_steady = _is_ratio(_DEPARTURE, limits, whole=limits.whole_tolerance)
    # Only upwards: what falls back to a lower level is the end of a long fault more often than one.
    is_up = (_FIRM_DEPARTURE > 0).fill_null(value=False)
    of_firm = is_up & _is_ratio(_FIRM_DEPARTURE, limits, whole=limits.ratio_tolerance)
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
            _count(pl.col("log_shares")),
            _times(pl.col("log_shares") - pl.col("target_log")),
            _count(pl.col("target_log")),
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


def _is_ratio(departure: pl.Expr, limits: RepairLimits, *, whole: float) -> pl.Expr:
    """Whether a departure is by a ratio in which shares are split, up or down."""
    ratio = departure.abs().exp()
    nearest = ratio.round()
    is_whole = nearest.is_between(2, limits.largest_split) & ((ratio / nearest - 1).abs() < whole)
    is_fraction = (ratio / _FRACTION - 1).abs() < limits.ratio_tolerance
    return (is_whole | is_fraction).fill_null(value=False)


def _late_splits(history: pl.DataFrame) -> pl.DataFrame:
    """Shares that the split of their close has not reached yet."""
    forward, reverse = RepairRule.SHARES_NOT_SPLIT, RepairRule.REVERSE_SPLIT_ON_PRICE_ONLY
    rule = pl.when(pl.col("late_factor") > 1).then(pl.lit(forward.value))
    return history.filter(pl.col("late_factor").is_not_null()).select(
        "row",
        rule=rule.otherwise(pl.lit(reverse.value)),
        target_log="log_shares",
        evidence=pl.format(
            "still {} shares after a split of {} for one",
            _count(pl.col("raw_log")),
            pl.col("late_factor").round(4),
        ),
    )


def _blank_caps(history: pl.DataFrame) -> pl.DataFrame:
    """Lines with a close and no cap that had one until lately."""
    is_blank = pl.col("raw_log").is_null() & pl.col("close_log").is_not_null()
    return history.filter(is_blank & pl.col("steady_log").is_not_null()).select(
        "row",
        rule=pl.lit(RepairRule.BLANK_CAP.value),
        target_log="steady_log",
        evidence=pl.format("{} shares carried", _count(pl.col("steady_log"))),
    )


def _blank_classes(history: pl.DataFrame, caps: pl.DataFrame) -> pl.DataFrame:
    """Classes that have no cap of their own and a sibling that has."""
    several = (
        history.select("company", "line")
        .unique()
        .group_by("company")
        .len()
        .filter((pl.col("len") > 1) & pl.col("company").is_not_null())
    )
    lines = (
        history.select("row", "company", "ordinal", "symbol", "name", "close_log", "market_cap_usd")
        .join(several, on="company", how="semi")
        .join(caps.select("row", mended_usd="market_cap_usd"), on="row", how="left")
        .with_columns(market_cap_usd=pl.coalesce("mended_usd", "market_cap_usd"))
    )
    is_valued = (pl.col("market_cap_usd") > 0).fill_null(value=False)
    return caps_of_siblings(
        lines.filter(~is_valued & pl.col("close_log").is_not_null()), lines.filter(is_valued)
    )


def _oddities(history: pl.DataFrame, limits: RepairLimits) -> pl.DataFrame:
    """New levels on the session that accepts them, and jumps with nothing to compare them to."""
    is_unsteady = (
        pl.col("steady_log").is_null()
        & pl.col("log_shares").is_not_null()
        & (pl.col("since_jump") < limits.unproven_sessions)
    )
    moved = pl.col("steady_log").diff() - pl.col("steady_total").diff()
    is_accepted = pl.col("is_next") & (moved.abs() > math.log(limits.history.jump))
    odd = history.select(
        "row", "log_shares", is_unsteady=is_unsteady, is_accepted=is_accepted, moved=moved
    ).rechunk()  # polars 2.1 panics where it formats a column of several chunks
    told = (
        (
            RepairRule.CAP_WITHOUT_HISTORY,
            "is_unsteady",
            pl.format("{} shares implied, a jump of late", _count(pl.col("log_shares"))),
        ),
        (
            RepairRule.NEW_LEVEL_ACCEPTED,
            "is_accepted",
            pl.format(
                "{} shares, {} times the level before",
                _count(pl.col("log_shares")),
                _times(pl.col("moved")),
            ),
        ),
    )
    return pl.concat(
        odd.filter(which).select(
            "row",
            rule=pl.lit(rule.value),
            market_cap_usd=pl.lit(None, pl.Float64),
            evidence=evidence,
        )
        for rule, which, evidence in told
    )


def _count(log_shares: pl.Expr) -> pl.Expr:
    return log_shares.exp().round().cast(pl.Int64, strict=False)


def _times(departure: pl.Expr) -> pl.Expr:
    return departure.exp().round(4)


def _applied(listings: pl.DataFrame, found: pl.DataFrame, start: date) -> pl.DataFrame:
    """The listings wanted, with what was found in the place of what was received."""
    is_quarantine = pl.col("rule").is_in([r.value for r in RepairRule if r.is_quarantine])
    mended = pl.col("mended_usd").is_not_null()
    return (
        listings.with_row_index("row")
        .filter(pl.col("session") >= start)
        .join(
            found.rename({"market_cap_usd": "mended_usd"}),
            on="row", how="left", maintain_order="left",
        )
        .with_columns(
            market_cap_usd=pl.coalesce("mended_usd", "market_cap_usd"),
            raw_close_usd=pl.lit(None, pl.Float64),
            raw_market_cap_usd=pl.when(mended).then("market_cap_usd"),
            repair_rule="rule",
            repair_evidence="evidence",
            is_quarantined=is_quarantine.fill_null(value=False),
            quarantine_reason=pl.when(is_quarantine).then("rule"),
        )
        .drop("row", "rule", "evidence", "mended_usd")
    )  # fmt: skip
