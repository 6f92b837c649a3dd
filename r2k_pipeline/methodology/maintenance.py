"""3b: IPO additions, share and float updates between events, review by review.

1. Each review adds the IPOs of its window (`ipo_additions`), placed by size against the
   event's breakpoints, moved by the market (`market_adjustment`).
2. Each review updates shares and floats of the members, those that were added before
   among them (`share_updates`).
3. Fast entries (`fast_entries`) and priced offerings do not wait for a review.

What changed at an earlier review of an event is in force at the next, so an event is
always worked through from its start; nothing of an earlier event is needed.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.fast_entries import entry_session, fast_entrants
from r2k_pipeline.methodology.float_factors import changed_floats, known_by
from r2k_pipeline.methodology.ipo_additions import ipo_candidates, ranked_candidates
from r2k_pipeline.methodology.maintenance_book import (
    EventCase,
    MaintenanceInputs,
    assumed_or_known_float,
    confirmed_by,
    last_sessions,
    unlocked,
    with_factors,
)
from r2k_pipeline.methodology.maintenance_rows import (
    NAMING,
    MaintenanceChange,
    as_rows,
    no_rows,
    signed_percent,
)
from r2k_pipeline.methodology.market_adjustment import breakpoint_at, placed_by_size, ratio_on
from r2k_pipeline.methodology.share_updates import applied_offerings, changed_shares
from r2k_pipeline.methodology.split_units import cumulative_splits
from r2k_pipeline.methodology.told_share_changes import told_share_changes
from r2k_pipeline.rulebook.reviews import ipo_window
from r2k_pipeline.rulebook.sessions import next_session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from r2k_pipeline.rulebook.reviews import Review
    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event


_BILLION = 1e9


def maintenance(
    inputs: MaintenanceInputs,
    *,
    event: Event,
    following: Event,
    reviews: Sequence[Review],
    rules_of: Callable[[date], IndexRules],
) -> pl.DataFrame:
    """Say who joins and whose shares change while an event is in force.

    Args:
        inputs: What it is decided from.
        event: The event.
        following: The event after it.
        reviews: The reviews between the two, in order, as far as the universe reaches.
        rules_of: The rules in force on a day.

    Returns:
        Contract `maintenance`, sorted by `session`, `company_id`, `change`: a row per
        company that joins, with its place in the family, and one per company whose
        index shares change, with the factor. `session` is the first on which it counts.

    Notes:
        Nobody is ever removed, and no index makes room. No row uses anything later than
        the session before its own. A company whose line was not observed before the
        event, or at a review, keeps its shares.

    Example:
        HAL's shares have grown by 2 % between the event and the review of September.

        >>> from r2k_pipeline.methodology.maintenance_book import observation_sessions
        >>> from r2k_pipeline.rulebook.family import family
        >>> from r2k_pipeline.rulebook.reviews import review
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> june, september = event("2022-06"), review("2022-09")
        >>> rules = rules_in_force(june.rank_day)
        >>> days = [*observation_sessions(june, None, rules),
        ...         *observation_sessions(june, september, rules)]
        >>> hal = {"company_id": "C-HAL", "security_id": "S-HAL", "symbol": "HAL",
        ...        "name": "Halden", "sector": "x"}
        >>> universe = pl.DataFrame({
        ...     "session": days, "is_eligible": True, "close_usd": 20.0,
        ...     "line_shares": [100.0] * 5 + [102.0] * 15, "line_type": "common",
        ...     "market_cap_usd": 2000.0, "total_shares": 100.0, "addtv_usd": 1.0,
        ... }).with_columns(**{name: pl.lit(value) for name, value in hal.items()})
        >>> inputs = MaintenanceInputs(
        ...     decisions=pl.DataFrame({
        ...         "rank": [1], "segment": ["small"], "total_market_cap_usd": [2000.0],
        ...         **{name: [value] for name, value in hal.items()},
        ...     }),
        ...     universe=universe,
        ...     ratios=pl.DataFrame({"session": days[:1], "market_ratio": [1.0]}),
        ...     actions=pl.DataFrame(schema={
        ...         "session": pl.Date, "security_id": pl.String, "action_type": pl.String,
        ...         "split_factor": pl.Float64, "amount_usd": pl.Float64, "ratio": pl.Float64,
        ...         "counterparty_symbol": pl.String,
        ...     }),
        ...     new_lines=pl.DataFrame(schema={
        ...         "security_id": pl.String, "company_id": pl.String, "first_session": pl.Date,
        ...         "ipo_year": pl.Int32, "year_session": pl.Date,
        ...     }),
        ...     floats=pl.DataFrame(schema={
        ...         "session": pl.Date, "security_id": pl.String, "float_factor": pl.Float64}),
        ...     family=family(),
        ... )
        >>> maintenance(
        ...     inputs, event=june, following=event("2023-06"), reviews=[september],
        ...     rules_of=rules_in_force,
        ... ).select("session", "change", "share_factor").row(0)
        (datetime.date(2022, 9, 19), 'share_update', 1.02)

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 4.3, 6.8, 6.9 and 9.3.
    """
    case = EventCase(
        inputs=inputs,
        splits=cumulative_splits(inputs.actions),
        event=event,
        following=following,
        rules_of=rules_of,
    )
    entered = _fast_entry_rows(case)
    book = pl.concat([case.opening_book(), *case.books_of(entered)])
    found, since = [entered], event.effective_session
    for review in reviews:
        offered = _offering_rows(case, book, after=since, until=review.cut_off_day)
        book = with_factors(book, offered)
        book = with_factors(book, _told_changes(case, after=since, until=review.cut_off_day))
        changed = _share_rows(case, book, review)
        floated = _float_rows(case, book, review)
        added = _addition_rows(case, book, review)
        book = case.with_floats(with_factors(book, changed), floated, review)
        book = pl.concat([book, *case.books_of(added)])
        found += [offered, changed, floated, added]
        since = review.cut_off_day
    found.append(_offering_rows(case, book, after=since, until=following.effective_session))
    return pl.concat(found).sort("session", "company_id", "change")


def _told_changes(case: EventCase, *, after: date, until: date) -> pl.DataFrame:
    """What actions did to shares since a day: in force already, and no row of a review."""
    inputs, rules = case.inputs, case.rules_of(until)
    if after == case.event.effective_session:  # what counts from its open on is not observed yet
        after -= timedelta(days=1)
    return told_share_changes(
        inputs.actions, inputs.universe, case.splits, after=after, until=until, rules=rules
    )


def _share_rows(case: EventCase, book: pl.DataFrame, review: Review) -> pl.DataFrame:
    rules = case.rules_of(review.cut_off_day)
    count = rules.share_observation_sessions
    changed = changed_shares(
        book.select("company_id", "shares").drop_nulls(),
        case.grown(book, last_sessions(review.cut_off_day, count)),
        case.grown(book, last_sessions(confirmed_by(review), count)),
        rules=rules,
    )
    factor = pl.col("shares") / pl.col("previous_shares")
    part = book.select(NAMING).join(changed, on="company_id").with_columns(share_factor=factor)
    said = pl.format(
        "shares moved by {} % since they were last set, beyond {} %",
        signed_percent(pl.col("share_factor")),
        pl.lit(f"{rules.share_update_threshold:.0%}".removesuffix("%")),
    )
    return as_rows(part, case.event, MaintenanceChange.SHARE_UPDATE, review=review, reason=said)


def _float_rows(case: EventCase, book: pl.DataFrame, review: Review) -> pl.DataFrame:
    known = known_by(case.inputs.floats, review.cut_off_day)
    changed = changed_floats(
        book.select("security_id", assumed_or_known_float()).drop_nulls(),
        known,
        buffers=case.rules_of(review.cut_off_day).float_buffers,
    )
    now, before = pl.col("float_factor"), pl.col("previous_float_factor")
    was_known = pl.col("known_float").is_not_null()
    part = (
        book.select(*NAMING, known_float="float_factor")
        .join(changed, on="security_id")
        .with_columns(share_factor=now / before)
    )
    moved = pl.format("float moved from {} % to {} %", _percent(before), _percent(now))
    found = pl.format("float is known: {} %, not the {} % assumed", _percent(now), _percent(before))
    said = pl.when(was_known).then(moved).otherwise(found)
    told = book.join(known, on="security_id", how="anti")
    free = unlocked(told, review.cut_off_day).with_columns(
        share_factor=1 / pl.col("free_part"), float_factor=pl.lit(1.0)
    )
    expired = pl.format("lock-up expired on {}; no float is known", "locked_until")
    return pl.concat(
        as_rows(found, case.event, MaintenanceChange.FLOAT_UPDATE, review=review, reason=reason)
        for found, reason in ((part, said), (free, expired))
    )


def _percent(share: pl.Expr) -> pl.Expr:
    return (share * 100).round(2)


def _addition_rows(case: EventCase, book: pl.DataFrame, review: Review) -> pl.DataFrame:
    rules, inputs = case.rules_of(review.cut_off_day), case.inputs
    if not (review.has_ipo_additions and rules.has_ipo_additions):
        return no_rows()
    found = ipo_candidates(
        inputs.new_lines, inputs.universe, inputs.actions, window=ipo_window(review), rules=rules
    ).join(book, on="company_id", how="anti")
    days = last_sessions(review.cut_off_day, rules.share_observation_sessions)
    observed = inputs.universe.filter(pl.col("session").is_in(days))
    ranked = ranked_candidates(found, observed, review=review, rules=rules)
    ratio = ratio_on(inputs.ratios, review.cut_off_day)
    placed = _placed(case, ranked, observed, ratio=ratio, rules=rules)
    said = pl.format(
        "first traded on {}; its ${} bn on {} exceed the smallest company of {}, "
        "which the market has moved by {} %",
        "first_session",
        (pl.col("total_market_cap_usd") / _BILLION).round(3),
        pl.lit(str(review.cut_off_day)),
        pl.lit(case.event.event_id),
        signed_percent(pl.lit(ratio)),
    )
    joins = _with_float(
        case, placed, review.effective_session, assumed=pl.lit(rules.offered_part_of_float)
    )
    return as_rows(joins, case.event, MaintenanceChange.IPO_ADDITION, review=review, reason=said)


def _with_float(
    case: EventCase, joins: pl.DataFrame, start: date, *, assumed: pl.Expr
) -> pl.DataFrame:
    """Companies that join with their float on the eve, or the one that is assumed."""
    known = known_by(case.inputs.floats, start - timedelta(days=1))
    return joins.join(known, on="security_id", how="left").with_columns(
        pl.col("float_factor").fill_null(assumed)
    )


def _placed(
    case: EventCase,
    companies: pl.DataFrame,
    lines: pl.DataFrame,
    *,
    ratio: float,
    rules: IndexRules,
) -> pl.DataFrame:
    inputs = case.inputs
    return placed_by_size(
        companies,
        inputs.decisions,
        ratio=ratio,
        universe=lines,
        rules=rules,
        family=inputs.family,
    )


def _fast_entry_rows(case: EventCase) -> pl.DataFrame:
    told = case.inputs.actions.filter(
        (pl.col("action_type") == "listing") & pl.col("ratio").is_not_null()
    )
    days = told["session"].unique().sort()
    return pl.concat([no_rows(), *(_entered_on(case, day) for day in days)])


def _entered_on(case: EventCase, day: date) -> pl.DataFrame:
    """The fast entrants that began to trade on a session."""
    rules, inputs = case.rules_of(day), case.inputs
    rank = rules.fast_entry_rank
    limit = None if rank is None else breakpoint_at(inputs.decisions, rank)
    joins = entry_session(
        day, event=case.event, following=case.following, sessions=rules.fast_entry_sessions
    )
    if limit is None or joins is None:
        return no_rows()
    found = ipo_candidates(
        inputs.new_lines, inputs.universe, inputs.actions, window=(day, day), rules=rules
    )
    large = fast_entrants(
        inputs.new_lines.join(found, on="company_id", how="semi"),
        inputs.universe,
        inputs.actions,
        ratios=inputs.ratios,
        breakpoint_usd=limit,
    )
    lines = inputs.universe.filter(pl.col("session") == day)
    placed = _placed(case, large, lines, ratio=ratio_on(inputs.ratios, day), rules=rules)
    said = pl.format(
        "first traded on {} and large enough to enter fast, by the breakpoint at #{}",
        "first_session",
        pl.lit(rank),
    )
    # What was not offered is locked up, and so the offered part is the float.
    return as_rows(
        _with_float(case, placed, joins, assumed=pl.col("offered_share")),
        case.event,
        MaintenanceChange.FAST_ENTRY,
        session=pl.lit(joins),
        decided_day="first_session",
        reason=said,
    )


def _offering_rows(
    case: EventCase, book: pl.DataFrame, *, after: date, until: date
) -> pl.DataFrame:
    """Offerings that count from a session after one day, and not after another, on."""
    rules = case.rules_of(until)
    priced = case.inputs.actions.filter(pl.col("session") >= case.event.effective_session)
    issued = book.select("security_id", shares="issued_shares").drop_nulls()
    found = applied_offerings(issued, priced, case.splits, rules=rules)
    counts = found["session"].map_elements(
        lambda day: _later(day, rules.offering_notice_sessions), return_dtype=pl.Date
    )
    part = (
        book.select(NAMING)
        .join(found.rename({"session": "decided_day"}).with_columns(counts), on="security_id")
        .filter(pl.col("session").is_between(after, until, closed="right"))
        .filter(pl.col("session") < case.following.effective_session)
    )
    said = pl.format("an offering of {} % was priced", signed_percent(pl.col("share_factor")))
    return as_rows(
        part, case.event, MaintenanceChange.OFFERING, session="session", decided_day="decided_day",
        reason=said,
    )  # fmt: skip


def _later(day: date, sessions: int) -> date:
    for _ in range(sessions):
        day = next_session(day)
    return day
