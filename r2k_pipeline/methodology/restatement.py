"""Levels as they come out now, laid beside those that were published: what is restated.

1. A level is another if one of its three series differs by more than rounding.
2. An index at a time the policy decides: a large difference, or one found soon, replaces
   what was published; a small and old one is noted, and the published level is held. A
   level that was restated and comes out near what was first published is as if it never
   had been.
3. A level that is not what was first published says RESTATED, one that is kept although it
   would come out otherwise HELD, each with the reason. One that was restated and restated
   back is as it was first, and says nothing.

What a level is stands in `levels`, the policy in `restatement_policy`. Keep out where a
correction came from: causes are told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import listed
from r2k_pipeline.methodology.restatement_policy import CauseCode, Decision
from r2k_pipeline.rulebook.sessions import sessions_between

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.methodology.restatement_policy import Cause, Policy

SERIES = ("price_level", "total_return_level", "net_total_return_level")
"""The published levels that a correction can change."""

_KEY = ["index_id", "session"]
_AFTER = [f"{name}_after" for name in SERIES]
_NUMBERS = (*SERIES, "divisor", "market_value_usd", "members")
_BASIS_POINTS = 1e4
_ROUNDING_BP = 1e-6
_CAUSES_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Published:
    """What was published about some sessions before.

    Args:
        levels: Contract `levels`, as it stands.
        first: The same as first published, of every index that comes out otherwise and
            every level that says that it is restated or held.
        restatements: Contract `restatements`, as it stands.
        earlier: Every row of it that ever was about these indexes, in the order of
            publication.
        last_session: The last session that has a level.
    """

    levels: pl.DataFrame
    first: pl.DataFrame
    restatements: pl.DataFrame
    earlier: pl.DataFrame
    last_session: date


@dataclass(frozen=True, kw_only=True)
class Restated:
    """What is to be published now.

    Args:
        levels: Contract `levels`.
        restatements: Contract `restatements`, all rows of the sessions.
    """

    levels: pl.DataFrame
    restatements: pl.DataFrame


def differing(computed: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """List the levels that are other than those that stand, beyond rounding.

    Args:
        computed: Contract `levels`, as it comes out.
        standing: Contract `levels`, as it was published; a session that was not is none.

    Returns:
        The rows of `computed` with the columns of `standing` beside them, named `..._before`,
        and `difference_bp`: of the three series the largest difference, with its sign.

    Example:
        >>> from datetime import date
        >>> row = {"index_id": ["r2000"], "session": [date(2024, 7, 1)]}
        >>> old, new = ({**row, **dict.fromkeys(SERIES, [level])} for level in (1000.0, 999.9))
        >>> differing(pl.DataFrame(new), pl.DataFrame(old))["difference_bp"].round(4).to_list()
        [-1.0]
    """
    laid = computed.join(standing, on=_KEY, suffix="_before", maintain_order="left")
    by_series = [(pl.col(name) / pl.col(f"{name}_before") - 1) * _BASIS_POINTS for name in SERIES]
    size = pl.max_horizontal(difference.abs() for difference in by_series)
    largest = [pl.when(one.abs() == size).then(one) for one in by_series]
    return laid.with_columns(difference_bp=pl.coalesce(largest)).filter(
        pl.col("difference_bp").abs() > _ROUNDING_BP
    )


def restated(
    computed: pl.DataFrame, published: Published, causes: Sequence[Cause], *, policy: Policy
) -> Restated:
    """Decide what is published in place of what was.

    Args:
        computed: Contract `levels` of some sessions, as it comes out now.
        published: What was published about them before.
        causes: What changed since, in the order of their sessions.
        policy: When a correction replaces what was published.

    Notes:
        Asked again with the same it decides the same, so nothing is published twice.

    Example:
        A late dividend adds five basis points to a level of forty sessions ago.

        >>> from datetime import date
        >>> from r2k_pipeline.contracts.load import contract
        >>> from r2k_pipeline.contracts.polars_shape import empty_frame, polars_schema
        >>> from r2k_pipeline.methodology.restatement_policy import Policy
        >>> day = date(2024, 5, 1)
        >>> row = {"index_id": "r2000", "session": day, "price_level": 1000.0,
        ...        "total_return_level": 1000.0, "net_total_return_level": 1000.0,
        ...        "divisor": 2.0, "market_value_usd": 2000.0, "members": 5, "status": "OK"}
        >>> first = pl.DataFrame([row], schema=polars_schema(contract("levels")))
        >>> nothing = empty_frame(contract("restatements"))
        >>> published = Published(levels=first, first=first, restatements=nothing,
        ...                       earlier=nothing, last_session=date(2024, 6, 28))
        >>> found = restated(
        ...     first.with_columns(total_return_level=1000.5), published, [],
        ...     policy=Policy(threshold_bp=3.0, fresh_sessions=2))
        >>> found.levels.select("total_return_level", "status").row(0)
        (1000.5, 'RESTATED')
        >>> found.restatements["decision_reason"].to_list()
        ['up to 5 bp, the threshold is 3 bp']
    """
    other = differing(computed, published.levels)
    decided = [
        correction
        for rows in other.partition_by("index_id", maintain_order=True)
        for correction in _corrections(rows, computed, published, causes, policy)
    ]
    noted_before = published.restatements.filter(pl.col("decision") == Decision.NOTE_ONLY.value)
    corrections = _recorded(decided, causes, noted_before, published.restatements.clear())
    standing = published.restatements.filter(pl.col("decision") == Decision.RECALCULATE.value)
    kept = standing.join(computed, on=_KEY, how="semi").join(corrections, on=_KEY, how="anti")
    rows = pl.concat([kept, corrections]).sort(_KEY)
    why = _first_told(pl.concat([published.earlier.select(rows.columns), rows]))
    held = [_held(one.rows, one.base, why) for one in decided if one.is_held]
    free = computed.join(
        rows.filter(pl.col("decision") == Decision.NOTE_ONLY.value), on=_KEY, how="anti"
    )
    levels = pl.concat([*held, _with_status(free, published.first, why)])
    return Restated(levels=levels.select(computed.columns).sort(_KEY), restatements=rows)


@dataclass(frozen=True, kw_only=True)
class _Correction:
    """The decision on one index: its differing levels, beside those that they replace or not."""

    rows: pl.DataFrame
    base: pl.DataFrame
    decision: Decision
    reason: str

    @property
    def is_held(self) -> bool:
        return self.decision is Decision.NOTE_ONLY


def _corrections(
    rows: pl.DataFrame,
    computed: pl.DataFrame,
    published: Published,
    causes: Sequence[Cause],
    policy: Policy,
) -> list[_Correction]:
    """Decide on the levels of one index together; what was published first comes first."""
    made = _Correction(rows=rows, base=published.levels, decision=Decision.RECALCULATE, reason="")
    if any(cause.code is CauseCode.BASE_MOVED for cause in causes):
        return [replace(made, reason="every level counts from another base session")]
    if policy.told is None:
        own = computed.filter(pl.col("index_id") == rows["index_id"][0])
        since_first = differing(own, published.first)
        back = rows.join(since_first, on=_KEY, how="anti")
        restored = replace(made, rows=back, reason="as first published")
        if since_first.is_empty():
            return [restored]
        decision, why = _decided(since_first, published.last_session, policy)
        if decision is Decision.NOTE_ONLY:
            held = _Correction(
                rows=since_first, base=published.first, decision=decision, reason=why
            )
            return [restored, held]
    decision, why = _decided(rows, published.last_session, policy)
    return [replace(made, decision=decision, reason=why)]


def _decided(rows: pl.DataFrame, last_session: date, policy: Policy) -> tuple[Decision, str]:
    """What the policy says of differing levels."""
    first: date = min(rows["session"])
    age = max(0, len(sessions_between(first, last_session)) - 1)
    return policy.decide(max(rows["difference_bp"], key=abs), age)


def _recorded(
    decided: Sequence[_Correction],
    causes: Sequence[Cause],
    noted: pl.DataFrame,
    empty: pl.DataFrame,
) -> pl.DataFrame:
    """Contract `restatements` of what was decided."""
    laid = [empty]
    for one in decided:
        days = one.rows["session"].to_list()
        told = [_told(causes, day) for day in days]
        laid.append(
            one.rows.rename({name: f"{name}_after" for name in _NUMBERS})
            .with_columns(
                pl.Series("cause_code", [code for code, _ in told], dtype=pl.String),
                pl.Series("cause", [words for _, words in told], dtype=pl.String),
                decision=pl.lit(one.decision.value),
                decision_reason=pl.lit(one.reason),
            )
            .select(empty.columns)
        )
    return _with_earlier_words(pl.concat(laid), noted)


def _told(causes: Sequence[Cause], day: date) -> tuple[str, str]:
    """The codes and the words of what can affect a day."""
    at_work = [cause for cause in causes if cause.session <= day]
    if not at_work:
        words = "the rules, the reference facts, the index or the code changed"
        return CauseCode.RULES_CHANGED.value, words
    codes = dict.fromkeys(cause.code.value for cause in at_work)
    return " ".join(codes), listed([cause.words for cause in at_work], _CAUSES_NAMED)


def _with_earlier_words(rows: pl.DataFrame, noted: pl.DataFrame) -> pl.DataFrame:
    """What was noted before, and still comes out the same, keeps the words that it had."""
    words = ("cause_code", "cause", "decision_reason")
    on = [*_KEY, *_AFTER]
    earlier = noted.select(
        *on, *(pl.col(name).alias(f"earlier_{name}") for name in words), earlier_decision="decision"
    )
    laid = rows.join(earlier, on=on, how="left", maintain_order="left")
    is_same = pl.col("decision") == pl.col("earlier_decision")
    return laid.with_columns(
        cause_code=pl.coalesce("earlier_cause_code", "cause_code"),
        cause=pl.coalesce("earlier_cause", "cause"),
        decision_reason=pl.when(is_same)
        .then("earlier_decision_reason")
        .otherwise("decision_reason"),
    ).select(rows.columns)


def _first_told(ever: pl.DataFrame) -> pl.DataFrame:
    """Why a level first came out as it does, whatever happened in between."""
    return ever.unique([*_KEY, *_AFTER], keep="first", maintain_order=True).select(
        *_KEY, *_AFTER, "cause"
    )


def _held(rows: pl.DataFrame, base: pl.DataFrame, why: pl.DataFrame) -> pl.DataFrame:
    """Published levels that stay, and say that they would come out otherwise."""
    after = rows.select(*_KEY, "difference_bp", **dict(zip(_AFTER, SERIES, strict=True)))
    reason = pl.format(
        "kept as published: recalculation differs by {} bp; {}", _short("difference_bp"), "cause"
    )
    told = after.join(why, on=[*_KEY, *_AFTER], how="left").select(*_KEY, held_because=reason)
    return (
        base.join(told, on=_KEY)
        .with_columns(status=pl.lit("HELD"), reason="held_because")
        .select(base.columns)
    )


def _with_status(computed: pl.DataFrame, first: pl.DataFrame, why: pl.DataFrame) -> pl.DataFrame:
    """Levels as they come out; those that are other than first published say so."""
    since_first = differing(computed, first)
    if since_first.is_empty():
        return computed
    after = since_first.select(*_KEY, "difference_bp", **dict(zip(_AFTER, SERIES, strict=True)))
    other = after.join(why, on=[*_KEY, *_AFTER], how="left").select(
        *_KEY,
        restated_because=pl.format(
            "another level was published first, {} bp away; {}",
            _short("difference_bp"),
            pl.col("cause").fill_null("corrected earlier"),
        ),
    )
    is_other = pl.col("restated_because").is_not_null()
    both = pl.concat_str("restated_because", "reason", separator="; ", ignore_nulls=True)
    return (
        computed.join(other, on=_KEY, how="left", maintain_order="left")
        .with_columns(
            status=pl.when(is_other).then(pl.lit("RESTATED")).otherwise("status"),
            reason=pl.when(is_other).then(both).otherwise("reason"),
        )
        .select(computed.columns)
    )


def _short(column: str) -> pl.Expr:
    """A difference with as many digits as a reader wants."""
    return pl.col(column).round_sig_figs(4)


def as_recalculated(levels: pl.DataFrame, restatements: pl.DataFrame) -> pl.DataFrame:
    """Published levels, with what recalculation gave in place of those that are held.

    Args:
        levels: Contract `levels`, as published.
        restatements: Contract `restatements`, as published at the same time.

    Returns:
        Contract `levels`: what constituents and ledger must give, bit for bit.

    Example:
        >>> from datetime import date
        >>> row = {"index_id": ["r2000"], "session": [date(2024, 5, 1)]}
        >>> held = pl.DataFrame({**row, **dict.fromkeys(_NUMBERS, [1000.0]), "status": ["HELD"]})
        >>> after = {f"{name}_after": [1000.2] for name in _NUMBERS}
        >>> noted = pl.DataFrame({**row, **after, "decision": ["note_only"]})
        >>> as_recalculated(held, noted)["price_level"].to_list()
        [1000.2]
    """
    noted = restatements.filter(pl.col("decision") == Decision.NOTE_ONLY.value)
    after = noted.select(*_KEY, **{name: f"{name}_after" for name in _NUMBERS})
    held = levels.filter(pl.col("status") == "HELD")
    given = held.drop(_NUMBERS).join(after, on=_KEY)
    others = levels.join(given, on=_KEY, how="anti")
    return pl.concat([others, given.select(levels.columns)]).sort(_KEY)
