"""Companies that only a contradiction of the feed keeps out of a rank day, and how grave that is.

1. A company is in doubt if none of its lines is ranked and one of them fails no rule
   but those that read the doubted values.
2. What a later session settles, up to the preliminary day, is settled (`later_sessions`).
3. Else its plausible sizes are the cap as received and its last sound one. If one of
   them lies near a breakpoint, or they lie on either side of one, the event has to wait:
   what it decides depends on them. A document or a person settles it (`settled_values`),
   or leaves the company out.
4. Where they agree and no breakpoint is near, one is as good as the other.

Add here what makes a doubt grave. What the feed got wrong is `repairs`' business; what
a settled doubt does to the ranking is `settled_rank_day`'s; what stops an event is its
asset's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.fact_matching import facts_by_session
from r2k_pipeline.methodology.later_sessions import (
    LATER_READ,
    has_doubted_close,
    is_quarantined,
    is_sound,
    last_settling_session,
    settled_by_later_sessions,
)
from r2k_pipeline.methodology.size_ladder import ladder_of
from r2k_pipeline.methodology.split_units import cumulative_splits, with_splits_so_far
from r2k_pipeline.rulebook.reasons import ExclusionReason
from r2k_pipeline.rulebook.reference_facts import DoubtVerdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from r2k_pipeline.methodology.size_ladder import SizeLadder
    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

CONTEXT_SESSIONS = 60
"""How many sessions before the rank day a last sound cap is looked for."""

READ = (*LATER_READ, "symbol", "name")
"""The columns of contract `universe` that are read."""

# Rules that say: this line has no values that could be used.
_UNUSABLE = (
    ExclusionReason.NO_CLOSE.value,
    ExclusionReason.NO_MARKET_CAP.value,
    ExclusionReason.UNREPAIRED.value,
)
# Rules that a line may fail besides, because they read what is in doubt.
_BY_SIZE = (*_UNUSABLE, ExclusionReason.CAP_BELOW_MINIMUM.value)
_BY_CLOSE = (*_BY_SIZE, ExclusionReason.PRICE_BELOW_MINIMUM.value)
# The first segment, as `SizeLadder.segment_of` counts them, outside the r3000.
_MICRO = 2


class CandidateState(StrEnum):
    """What a company in doubt means for the event, the gravest first."""

    WAITS = "waits"
    """A breakpoint is near: the event is not decided before someone settles it."""
    LEFT_OUT = "left_out"
    """A person left it out, with a reason."""
    SIZE_UNKNOWN = "size_unknown"
    """No cap was ever seen, or it stayed blank through the preliminary day: it stays out."""
    SIZE_ASSUMED = "size_assumed"
    """No breakpoint is near and its plausible sizes agree: it is ranked with one of them."""
    TOO_SMALL = "too_small"
    """No plausible size would make it a member of the r3000: it stays out."""
    SETTLED_LATER = "settled_later"
    """A later session settled it: it is ranked with what that says."""


@dataclass(frozen=True, kw_only=True)
class DoubtLimits:
    """From where on a doubt is grave.

    Attributes:
        margin: How far from a breakpoint without a band a plausible cap may lie
            (fraction of the cap there) and still be near it: a last sound cap is some
            sessions old. Where there is a band, near is within it.
    """

    margin: float = 0.2


def doubtful_candidates(
    universe: pl.DataFrame,
    ranking: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    event: Event,
    is_over: bool,
    settled: pl.DataFrame,
    rules: IndexRules,
    limits: DoubtLimits = DoubtLimits(),
) -> pl.DataFrame:
    """List the companies in doubt on a rank day, the gravest first.

    Args:
        universe: Contract `universe` from up to `CONTEXT_SESSIONS` sessions before the
            rank day to `last_settling_session`, as far as it is known; `READ` names the
            columns.
        ranking: Contract `ranking`; only the rank day's rows are read.
        actions: Contract `corporate_actions` over the same sessions; splits are read.
        event: The event, with its rank day.
        is_over: Whether that last session, or a later one, is known: then there is
            nothing more to wait for.
        settled: What persons decided: `reference_facts.settled_doubt_facts`.
        rules: The rules in force on the rank day.
        limits: From where on a doubt is grave.

    Returns:
        One row per company: `state` (a value of `CandidateState`), `company_id`,
        `security_id`, `symbol`, `name`, `doubt` (the quarantine, or the rule that
        fails), `received_usd` and `received_rank` (the cap as fed and the rank that it
        would have had), `sound_usd`, `sound_session` and `sound_rank` (the last cap that
        nothing contradicted; null if there is none), `settled_session` (which settled
        it; null if none did), `taken_usd`, `taken_close_usd` and `taken_shares` (what it
        is ranked with; null if it is not), `sentence` (all of it in words). By largest
        plausible cap within a state.

    Notes:
        Look-ahead: of the companies in doubt alone, the sessions after the rank day up
        to `last_settling_session`. A company one of whose lines is ranked is not in
        doubt, although that line may stand for too little.

    Example:
        BETA's cap jumped the day before, from near the cut to far above it. Nothing is
        known of later sessions yet.

        >>> from dataclasses import replace
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.reference_facts import settled_doubt_facts
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> before, day = date(2022, 5, 5), date(2022, 5, 6)
        >>> universe = pl.DataFrame({
        ...     "session": [before, day], "security_id": "S-B", "company_id": "C-B",
        ...     "symbol": "BETA", "name": "Beta Inc.", "market_cap_usd": [5.5e9, 42e9],
        ...     "close_usd": 20.0, "previous_close_usd": 20.0, "line_shares": [2.75e8, 2.1e9],
        ...     "addtv_usd": 1e6, "repair_rule": [None, "cap_without_history"],
        ...     "failed_rules": [None, "unrepaired"],
        ... })
        >>> ranking = pl.DataFrame({
        ...     "session": [day] * 2, "company_id": ["C-1", "C-2"], "rank": [1, 2],
        ...     "total_market_cap_usd": [9e9, 5e9], "cumulative_market_cap_share": [0.64, 1.0],
        ... })
        >>> actions = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "action_type": pl.String,
        ...     "split_factor": pl.Float64,
        ... })
        >>> doubtful_candidates(
        ...     universe, ranking, actions, event=event("2022-06"), is_over=False,
        ...     settled=settled_doubt_facts(), rules=replace(rules_in_force(day), total_count=2),
        ... ).select("state", "received_rank", "sound_rank").row(0)
        ('waits', 1, 2)
    """
    rank_day, last = event.rank_day, last_settling_session(event)
    ranked = ranking.filter(pl.col("session") == rank_day)
    doubted = _doubted(universe.filter(pl.col("session") == rank_day), ranked)
    earlier = universe.filter(pl.col("session") < rank_day)
    later = settled_by_later_sessions(doubted, universe, actions, rank_day=rank_day, last=last)
    left_out = settled.filter(pl.col("verdict") == DoubtVerdict.LEFT_OUT.value)
    ladder = ladder_of(ranked, rules)
    return (
        _companies(_with_last_close(doubted, earlier, actions), left_out)
        .join(_last_sound(earlier, doubted), on="company_id", how="left")
        .join(later, on="company_id", how="left", suffix="_later")
        .with_columns(
            received_rank=ladder.rank_of(pl.col("received_usd")),
            sound_rank=ladder.rank_of(pl.col("sound_usd")),
            largest=pl.max_horizontal("received_usd", "sound_usd"),
        )
        .with_columns(state=_state(ladder, limits, is_over=is_over))
        .with_columns(_taken())
        .with_columns(place=_place(), sentence=_sentence())
        .sort("place", "largest", "company_id", descending=[False, True, False], nulls_last=True)
        .select(
            "state", "company_id", "security_id", "symbol", "name", "doubt", "received_usd",
            "received_rank", "sound_usd", "sound_session", "sound_rank", "settled_session",
            "taken_usd", "taken_close_usd", "taken_shares", "sentence",
        )
    )  # fmt: skip


def waiting(doubts: pl.DataFrame) -> pl.DataFrame:
    """Keep the companies for which an event has to wait.

    Example:
        >>> waiting(pl.DataFrame({"state": ["waits", "too_small"], "symbol": ["A", "B"]})).height
        1
    """
    return doubts.filter(pl.col("state") == CandidateState.WAITS.value)


def doubted_companies(universe: pl.DataFrame, ranking: pl.DataFrame) -> list[str]:
    """Name the companies in doubt on a day.

    Args:
        universe: Contract `universe` of the day.
        ranking: Contract `ranking` of the day.

    Example:
        >>> day = pl.DataFrame({
        ...     "company_id": ["C-A", "C-B"], "failed_rules": ["unrepaired"] * 2,
        ...     "repair_rule": ["cap_without_history"] * 2, "close_usd": 9.0,
        ... })
        >>> doubted_companies(day, pl.DataFrame({"company_id": ["C-A"]}))
        ['C-B']
    """
    return _doubted(universe, ranking).get_column("company_id").unique().sort().to_list()


def _doubted(day: pl.DataFrame, ranked: pl.DataFrame) -> pl.DataFrame:
    """Lines that fail a rule for want of usable values, and none that reads others."""
    failed = pl.col("failed_rules").str.split(" ")
    is_unusable = failed.list.set_intersection(pl.lit(list(_UNUSABLE))).list.len() > 0
    others = pl.when(has_doubted_close()).then(_others(failed, _BY_CLOSE))
    is_sole = others.otherwise(_others(failed, _BY_SIZE)) == 0
    is_in_doubt = (is_unusable & is_sole).fill_null(value=False)
    return day.filter(is_in_doubt).join(ranked, on="company_id", how="anti")


def _others(failed: pl.Expr, names: Sequence[str]) -> pl.Expr:
    return failed.list.set_difference(pl.lit(list(names))).list.len()


def _companies(doubted: pl.DataFrame, left_out: pl.DataFrame) -> pl.DataFrame:
    """One row per company in doubt, that of its largest line, and whether it was left out."""
    decided = facts_by_session(doubted, left_out.select("symbol", "company", "session", "reason"))
    received = pl.when(pl.col("market_cap_usd") > 0).then("market_cap_usd")
    quarantine = pl.when(is_quarantined()).then("repair_rule")
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
        .select("company_id", "security_id", "symbol", "name", "doubt", "received_usd",
                "known_close_usd", "reason")
    )  # fmt: skip


def _with_last_close(
    doubted: pl.DataFrame, earlier: pl.DataFrame, actions: pl.DataFrame
) -> pl.DataFrame:
    """Lines with their close or, where it is missing, their last one in today's shares."""
    splits = cumulative_splits(actions)
    before = (
        with_splits_so_far(earlier.filter(is_sound()), splits, "splits")
        .group_by("security_id")
        .agg(last=(pl.col("close_usd") * pl.col("splits")).last())
    )
    close = pl.when(pl.col("close_usd") > 0).then("close_usd")
    return (
        with_splits_so_far(doubted, splits, "splits")
        .join(before, on="security_id", how="left")
        .with_columns(known_close_usd=pl.coalesce(close, pl.col("last") / pl.col("splits")))
    )


def _last_sound(earlier: pl.DataFrame, doubted: pl.DataFrame) -> pl.DataFrame:
    """Each company's cap on the last session on which nothing contradicted it.

    Of the lines in doubt themselves, and of others only while they were eligible: a new
    note of a fund is not in doubt for the fund's size.
    """
    lines = doubted.get_column("security_id").implode()
    is_told = pl.col("security_id").is_in(lines) | pl.col("failed_rules").is_null()
    return (
        earlier.filter(is_sound() & is_told)
        .sort("session", "market_cap_usd", descending=[False, False])
        .group_by("company_id", maintain_order=True)
        .agg(sound_usd=pl.col("market_cap_usd").last(), sound_session=pl.col("session").last())
    )


def _state(ladder: SizeLadder, limits: DoubtLimits, *, is_over: bool) -> pl.Expr:
    received, sound = pl.col("received_usd"), pl.col("sound_usd")
    is_near = ladder.is_near(received, margin=limits.margin) | ladder.is_near(
        sound, margin=limits.margin
    )
    segments = ladder.segment_of(received), ladder.segment_of(sound)
    agree = (segments[0] == segments[1]).fill_null(value=True)
    is_small = pl.min_horizontal(segments) >= _MICRO
    stayed_blank = pl.lit(is_over) & (pl.col("doubt") == ExclusionReason.NO_MARKET_CAP.value)
    has_no_value = pl.col("largest").is_null() | pl.col("known_close_usd").is_null()
    state = (
        pl.when(pl.col("reason").is_not_null())
        .then(pl.lit(CandidateState.LEFT_OUT))
        .when(pl.col("settled_session").is_not_null())
        .then(pl.lit(CandidateState.SETTLED_LATER))
        .when(has_no_value | stayed_blank)
        .then(pl.lit(CandidateState.SIZE_UNKNOWN))
        .when(is_near)
        .then(pl.lit(CandidateState.WAITS))
        .when(agree)
        .then(pl.lit(CandidateState.SIZE_ASSUMED))
        .when(is_small)
        .then(pl.lit(CandidateState.TOO_SMALL))
        .otherwise(pl.lit(CandidateState.WAITS))
    )
    return state.cast(pl.String)


def _taken() -> Sequence[pl.Expr]:
    """The line, the cap and the close that a company is ranked with, if it is."""
    is_settled = pl.col("state") == CandidateState.SETTLED_LATER.value
    is_assumed = pl.col("state") == CandidateState.SIZE_ASSUMED.value
    assumed = pl.coalesce("received_usd", "sound_usd")
    values = {
        "taken_usd": ("settled_usd", assumed),
        "taken_close_usd": ("settled_close_usd", pl.col("known_close_usd")),
        "taken_shares": ("settled_shares", assumed / pl.col("known_close_usd")),
    }
    return (
        pl.when(is_settled).then("security_id_later").otherwise("security_id").alias("security_id"),
        pl.when(is_settled).then("settled_session").alias("settled_session"),
        *(
            pl.when(is_settled).then(later).when(is_assumed).then(now).alias(name)
            for name, (later, now) in values.items()
        ),
    )


def _place() -> pl.Expr:
    order = {state.value: place for place, state in enumerate(CandidateState)}
    return pl.col("state").replace_strict(order, return_dtype=pl.Int32)


def _sentence() -> pl.Expr:
    """Who is in doubt, why, what either size would mean, and what settled it."""
    received = pl.format(
        "{} as received (rank {})", _usd(pl.col("received_usd")), "received_rank"
    ).fill_null("no cap received")
    sound = pl.format(
        "{} on {} (rank {})", _usd(pl.col("sound_usd")), "sound_session", "sound_rank"
    ).fill_null("no sound cap before")
    taken = _usd(pl.col("taken_usd"))
    outcome = (
        pl.when(pl.col("state") == CandidateState.LEFT_OUT.value)
        .then(pl.format("; left out: {}", "reason"))
        .when(pl.col("state") == CandidateState.SETTLED_LATER.value)
        .then(pl.format("; settled on {} by {}: {}", "settled_session", "settled_by", taken))
        .when(pl.col("state") == CandidateState.SIZE_ASSUMED.value)
        .then(pl.format("; no breakpoint is near, so {} is taken", taken))
        .otherwise(pl.lit(""))
    )
    return pl.format("{} ({}): {}, {}{}", "symbol", "doubt", received, sound, outcome)


def _usd(cap: pl.Expr) -> pl.Expr:
    """A cap in words: billions from a billion on, else millions."""
    billion, million = 1e9, 1e6
    return (
        pl.when(cap >= billion)
        .then(pl.format("${} bn", (cap / billion).round(2)))
        .otherwise(pl.format("${} m", (cap / million).round(1)))
    )
