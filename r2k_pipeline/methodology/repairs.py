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
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.close_faults import close_faults
from r2k_pipeline.methodology.share_departures import (
    STANDARD_LIMITS,
    RepairLimits,
    as_count,
    as_times,
    departures,
)
from r2k_pipeline.methodology.share_history import share_history
from r2k_pipeline.methodology.sibling_caps import caps_of_siblings, class_level_caps
from r2k_pipeline.rulebook.reasons import RepairRule

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


def repair_listings(
    listings: pl.DataFrame,
    securities: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    start: date,
    sessions: Sequence[date],
    limits: RepairLimits = STANDARD_LIMITS,
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
    found = _found(listings, securities, actions, sessions=sessions, limits=limits)
    return _applied(listings, found, start)


def _found(
    listings: pl.DataFrame,
    securities: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    sessions: Sequence[date],
    limits: RepairLimits,
) -> pl.DataFrame:
    """What was found in the listings, the gravest first where a listing has several faults."""
    history = share_history(listings, securities, actions, sessions=sessions, limits=limits.history)
    caps = _caps(history, limits)
    faults = close_faults(history).with_columns(market_cap_usd=pl.lit(None, pl.Float64))
    is_grave = pl.col("rule").is_in([rule.value for rule in RepairRule if rule.is_quarantine])
    found = pl.concat(
        part.select("row", "rule", "market_cap_usd", "evidence")
        for part in (
            faults.filter(is_grave),
            caps,
            _blank_classes(history, caps, listings["name"]),
            _oddities(history, limits),
            faults.filter(~is_grave),
        )
    )
    return found.unique("row", keep="first", maintain_order=True)


def _caps(history: pl.DataFrame, limits: RepairLimits) -> pl.DataFrame:
    """Repaired caps by row, each by the first rule that speaks."""
    targets = pl.concat(
        [
            class_level_caps(history),
            departures(history, limits),
            _late_splits(history),
            _blank_caps(history),
        ]
    ).unique("row", keep="first", maintain_order=True)
    closes = history.select("row", "close_usd")
    return targets.join(closes, on="row").select(
        "row", "rule", "evidence",
        market_cap_usd=(pl.col("target_log").exp() * pl.col("close_usd")).round(),
    )  # fmt: skip


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
            as_count(pl.col("raw_log")),
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
        evidence=pl.format("{} shares carried", as_count(pl.col("steady_log"))),
    )


def _blank_classes(history: pl.DataFrame, caps: pl.DataFrame, names: pl.Series) -> pl.DataFrame:
    """Classes that have no cap of their own and a sibling that has."""
    line, company = pl.col("line"), pl.col("company")
    begins = line.ne_missing(line.shift()) | company.ne_missing(company.shift())
    several = (
        history.select("line", "company")
        .filter(begins & company.is_not_null())
        .group_by("company")
        .agg(lines=pl.col("line").n_unique())
        .filter(pl.col("lines") > 1)
    )
    lines = (
        history.select("row", "company", "ordinal", "symbol", "close_log", "market_cap_usd")
        .join(several, on="company", how="semi")
        .join(caps.select("row", mended_usd="market_cap_usd"), on="row", how="left")
        .with_columns(
            name=pl.lit(names).gather("row"),
            market_cap_usd=pl.coalesce("mended_usd", "market_cap_usd"),
        )
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
            pl.format("{} shares implied, a jump of late", as_count(pl.col("log_shares"))),
        ),
        (
            RepairRule.NEW_LEVEL_ACCEPTED,
            "is_accepted",
            pl.format(
                "{} shares, {} times the level before",
                as_count(pl.col("log_shares")),
                as_times(pl.col("moved")),
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
