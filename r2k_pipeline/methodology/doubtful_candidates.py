"""Companies that only a contradiction of the feed keeps out of a rank day, and how grave that is.

1. A company is in doubt if none of its lines is ranked and one of them fails no rule
   but those that read the doubted values.
2. Its plausible sizes are the cap as received and its last sound one.
3. If one of them would make it a member, or nearly, the event has to wait: rank and
   breakpoints of everybody depend on it. A document or a person settles it
   (`settled_values`), or leaves it out.

Add here what makes a doubt grave. What the feed got wrong is `repairs`' business; what
stops an event is its asset's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.fact_matching import facts_by_session
from r2k_pipeline.rulebook.reasons import ExclusionReason, RepairRule
from r2k_pipeline.rulebook.reference_facts import DoubtVerdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules

CONTEXT_SESSIONS = 60
"""How many sessions before the rank day a last sound cap is looked for."""

READ = (
    "session", "security_id", "company_id", "symbol", "name", "market_cap_usd", "repair_rule",
    "failed_rules",
)  # fmt: skip
"""The columns of contract `universe` that are read."""

_QUARANTINES = [rule.value for rule in RepairRule if rule.is_quarantine]
_CLOSE_DOUBTS = [RepairRule.CLOSE_MISSING.value, RepairRule.CLOSE_OUT_OF_LINE.value]
# Rules that say: this line has no values that could be used.
_UNUSABLE = (
    ExclusionReason.NO_CLOSE.value,
    ExclusionReason.NO_MARKET_CAP.value,
    ExclusionReason.UNREPAIRED.value,
)
# Rules that a line may fail besides, because they read what is in doubt.
_BY_SIZE = (*_UNUSABLE, ExclusionReason.CAP_BELOW_MINIMUM.value)
_BY_CLOSE = (*_BY_SIZE, ExclusionReason.PRICE_BELOW_MINIMUM.value)


class CandidateState(StrEnum):
    """What a company in doubt means for the event."""

    WAITS = "waits"
    """It may be a member: the event is not decided before someone settles it."""
    LEFT_OUT = "left_out"
    """It may be a member; a person left it out, with a reason."""
    SIZE_UNKNOWN = "size_unknown"
    """No cap was ever seen, so nothing says that it is near a breakpoint: it stays out."""
    TOO_SMALL = "too_small"
    """No plausible size would make it a member: it stays out."""


@dataclass(frozen=True, kw_only=True)
class DoubtLimits:
    """From which size on a doubt is grave.

    Attributes:
        cut_margin: How far below the smallest member of the r3000 a plausible cap may
            lie (fraction) and still count: a last sound cap is some sessions old.
    """

    cut_margin: float = 0.2


def doubtful_candidates(
    universe: pl.DataFrame,
    ranking: pl.DataFrame,
    *,
    rank_day: date,
    settled: pl.DataFrame,
    rules: IndexRules,
    limits: DoubtLimits = DoubtLimits(),
) -> pl.DataFrame:
    """List the companies in doubt on a rank day, the gravest first.

    Args:
        universe: Contract `universe`, the rank day and up to `CONTEXT_SESSIONS` sessions
            before it; `READ` names the columns.
        ranking: Contract `ranking`; only the rank day's rows are read.
        rank_day: The day.
        settled: What persons decided: `reference_facts.settled_doubt_facts`.
        rules: The rules in force on it; read `total_count`.
        limits: From which size on a doubt is grave.

    Returns:
        One row per company: `state` (a value of `CandidateState`), `company_id`,
        `symbol`, `name`, `doubt` (the quarantine, or the rule that fails),
        `received_usd` and `received_rank` (the cap as fed and the rank that it would
        have had), `sound_usd`, `sound_session` and `sound_rank` (the last cap that
        nothing contradicted; null if there is none), `sentence` (all of it in words).
        By largest plausible cap within a state.

    Notes:
        Uses nothing later than the rank day. With fewer companies ranked than
        `total_count`, the smallest of them is the cut. A company one of whose lines
        is ranked is not in doubt, although that line may stand for too little.

    Example:
        BETA's cap jumped sevenfold the day before; either size is above the cut.

        >>> from dataclasses import replace
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.reference_facts import settled_doubt_facts
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> before, day = date(2022, 5, 5), date(2022, 5, 6)
        >>> universe = pl.DataFrame({
        ...     "session": [before, day], "security_id": "S-B", "company_id": "C-B",
        ...     "symbol": "BETA", "name": "Beta Inc.", "market_cap_usd": [6e9, 42e9],
        ...     "repair_rule": [None, "cap_without_history"],
        ...     "failed_rules": [None, "unrepaired"],
        ... })
        >>> ranking = pl.DataFrame({
        ...     "session": [day] * 2, "company_id": ["C-1", "C-2"], "rank": [1, 2],
        ...     "total_market_cap_usd": [9e9, 5e9],
        ... })
        >>> doubtful_candidates(
        ...     universe, ranking, rank_day=day, settled=settled_doubt_facts(),
        ...     rules=replace(rules_in_force(day), total_count=2),
        ... ).select("state", "received_rank", "sound_rank").row(0)
        ('waits', 1, 2)
    """
    day = universe.filter(pl.col("session") == rank_day)
    ranked = ranking.filter(pl.col("session") == rank_day)
    doubted = day.filter(_is_in_doubt()).join(ranked, on="company_id", how="anti")
    earlier = universe.filter(pl.col("session") < rank_day)
    caps = ranked.get_column("total_market_cap_usd").sort(descending=True)
    cut = caps.head(rules.total_count).min()
    threshold = (1 - limits.cut_margin) * cut if isinstance(cut, float) else 0.0
    left_out = settled.filter(pl.col("verdict") == DoubtVerdict.LEFT_OUT.value)
    return (
        _companies(doubted, left_out)
        .join(_last_sound(earlier, doubted), on="company_id", how="left")
        .with_columns(
            received_rank=_would_rank(pl.col("received_usd"), caps),
            sound_rank=_would_rank(pl.col("sound_usd"), caps),
            largest=pl.max_horizontal("received_usd", "sound_usd"),
        )
        .with_columns(state=_state(threshold))
        .with_columns(place=_place(), sentence=_sentence())
        .sort("place", "largest", "company_id", descending=[False, True, False], nulls_last=True)
        .select(
            "state", "company_id", "symbol", "name", "doubt", "received_usd", "received_rank",
            "sound_usd", "sound_session", "sound_rank", "sentence",
        )
    )  # fmt: skip


def waiting(doubts: pl.DataFrame) -> pl.DataFrame:
    """Keep the companies for which an event has to wait.

    Example:
        >>> waiting(pl.DataFrame({"state": ["waits", "too_small"], "symbol": ["A", "B"]})).height
        1
    """
    return doubts.filter(pl.col("state") == CandidateState.WAITS.value)


def _is_in_doubt() -> pl.Expr:
    """Whether a line fails a rule for want of usable values, and none that reads others."""
    failed = pl.col("failed_rules").str.split(" ")
    is_unusable = failed.list.set_intersection(pl.lit(list(_UNUSABLE))).list.len() > 0
    has_doubted_close = pl.col("repair_rule").is_in(_CLOSE_DOUBTS).fill_null(value=False)
    others = pl.when(has_doubted_close).then(_others(failed, _BY_CLOSE))
    is_sole = others.otherwise(_others(failed, _BY_SIZE)) == 0
    return (is_unusable & is_sole).fill_null(value=False)


def _others(failed: pl.Expr, names: Sequence[str]) -> pl.Expr:
    return failed.list.set_difference(pl.lit(list(names))).list.len()


def _companies(doubted: pl.DataFrame, left_out: pl.DataFrame) -> pl.DataFrame:
    """One row per company in doubt, that of its largest line, and whether it was left out."""
    decided = facts_by_session(doubted, left_out.select("symbol", "company", "session", "reason"))
    received = pl.when(pl.col("market_cap_usd") > 0).then("market_cap_usd")
    quarantine = pl.when(pl.col("repair_rule").is_in(_QUARANTINES)).then("repair_rule")
    return (
        doubted.join(decided, on=["session", "symbol", "name"], how="left", nulls_equal=True)
        .with_columns(
            received_usd=received,
            doubt=pl.coalesce(quarantine, pl.col("failed_rules").str.split(" ").list.first()),
            reason=pl.col("reason").drop_nulls().first().over("company_id"),
        )
        .sort("company_id", "received_usd", "security_id", descending=[False, True, False],
              nulls_last=True)
        .unique("company_id", keep="first", maintain_order=True)
        .select("company_id", "symbol", "name", "doubt", "received_usd", "reason")
    )  # fmt: skip


def _last_sound(earlier: pl.DataFrame, doubted: pl.DataFrame) -> pl.DataFrame:
    """Each company's cap on the last session on which nothing contradicted it.

    Of the lines in doubt themselves, and of others only while they were eligible: a new
    note of a fund is not in doubt for the fund's size.
    """
    is_sound = (pl.col("market_cap_usd") > 0) & ~pl.col("repair_rule").is_in(
        _QUARANTINES
    ).fill_null(value=False)
    lines = doubted.get_column("security_id").implode()
    is_told = pl.col("security_id").is_in(lines) | pl.col("failed_rules").is_null()
    return (
        earlier.filter(is_sound.fill_null(value=False) & is_told)
        .sort("session", "market_cap_usd", descending=[False, False])
        .group_by("company_id", maintain_order=True)
        .agg(sound_usd=pl.col("market_cap_usd").last(), sound_session=pl.col("session").last())
    )


def _would_rank(cap: pl.Expr, ranked_caps: pl.Series) -> pl.Expr:
    """The rank that a cap would have had; caps of the others are sorted, the largest first."""
    ascending = ranked_caps.sort()
    not_larger = pl.lit(ascending).search_sorted(cap, side="right")
    rank = (pl.lit(ascending.len()) - not_larger.cast(pl.Int64) + 1).cast(pl.Int32)
    return pl.when(cap.is_not_null()).then(rank)


def _state(threshold: float) -> pl.Expr:
    state = (
        pl.when(pl.col("largest").is_null())
        .then(pl.lit(CandidateState.SIZE_UNKNOWN))
        .when(pl.col("largest") < threshold)
        .then(pl.lit(CandidateState.TOO_SMALL))
        .when(pl.col("reason").is_not_null())
        .then(pl.lit(CandidateState.LEFT_OUT))
        .otherwise(pl.lit(CandidateState.WAITS))
    )
    return state.cast(pl.String)


def _place() -> pl.Expr:
    order = {state.value: place for place, state in enumerate(CandidateState)}
    return pl.col("state").replace_strict(order, return_dtype=pl.Int32)


def _sentence() -> pl.Expr:
    """Who is in doubt, why, and what either size would mean."""
    received = pl.format(
        "{} as received (rank {})", _usd(pl.col("received_usd")), "received_rank"
    ).fill_null("no cap received")
    sound = pl.format(
        "{} on {} (rank {})", _usd(pl.col("sound_usd")), "sound_session", "sound_rank"
    ).fill_null("no sound cap before")
    decided = pl.format("; left out: {}", "reason").fill_null("")
    return pl.format("{} ({}): {}, {}{}", "symbol", "doubt", received, sound, decided)


def _usd(cap: pl.Expr) -> pl.Expr:
    """A cap in words: billions from a billion on, else millions."""
    billion, million = 1e9, 1e6
    return (
        pl.when(cap >= billion)
        .then(pl.format("${} bn", (cap / billion).round(2)))
        .otherwise(pl.format("${} m", (cap / million).round(1)))
    )
