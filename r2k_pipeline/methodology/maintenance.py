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

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.fast_entries import entry_session, fast_entrants
from r2k_pipeline.methodology.ipo_additions import ipo_candidates, ranked_candidates
from r2k_pipeline.methodology.maintenance_rows import (
    NAMING,
    MaintenanceChange,
    as_rows,
    no_rows,
    signed_percent,
)
from r2k_pipeline.methodology.market_adjustment import breakpoint_at, placed_by_size, ratio_on
from r2k_pipeline.methodology.share_updates import (
    applied_offerings,
    changed_floats,
    changed_shares,
    observed_shares,
)
from r2k_pipeline.methodology.split_units import cumulative_splits
from r2k_pipeline.rulebook.reviews import ipo_window
from r2k_pipeline.rulebook.sessions import next_session, sessions_before, sessions_between

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.reviews import Review
    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event


_BILLION = 1e9


@dataclass(frozen=True, kw_only=True)
class MaintenanceInputs:
    """What happens while one event is in force is decided from this.

    Args:
        decisions: Contract `reconstitution` of the event.
        universe: Contract `universe`: every line on the sessions of
            `observation_sessions`, and new lines on every session since the rank day.
        ratios: As `market_adjustment.market_ratios` gives them, from the rank day on.
        actions: Contract `corporate_actions` since the first of those sessions.
        new_lines: As `ipo_additions.first_listings` gives them.
        floats: `session`, `security_id`, `float_factor` (0 to 1), where one is known.
        family: The indexes.
    """

    decisions: pl.DataFrame
    universe: pl.DataFrame
    ratios: pl.DataFrame
    actions: pl.DataFrame
    new_lines: pl.DataFrame
    floats: pl.DataFrame
    family: Mapping[str, IndexDefinition]


def observation_sessions(event: Event, review: Review | None, rules: IndexRules) -> list[date]:
    """List the sessions on which lines are observed for an event or one of its reviews.

    Args:
        event: The event in force.
        review: One of its reviews; None for the event itself.
        rules: Read `share_observation_sessions`.

    Example:
        >>> from r2k_pipeline.rulebook.reviews import review
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> days = observation_sessions(
        ...     event("2022-06"), review("2022-09"), rules_in_force(date(2022, 8, 12)))
        >>> len(days), str(days[0]), str(days[-1])
        (15, '2022-08-08', '2022-09-16')
    """
    count = rules.share_observation_sessions
    if review is None:
        return sessions_before(event.effective_session, count)
    return sorted(
        {
            *_up_to(review.cut_off_day, count),
            *_up_to(_confirmed_by(review), count),
            *sessions_before(review.effective_session, count),
        }
    )


def _up_to(day: date, count: int) -> list[date]:
    """The last sessions up to and including a day."""
    return [*sessions_before(day, count), *sessions_between(day, day)][-count:]


def _confirmed_by(review: Review) -> date:
    return review.announcement_day or review.effective_friday


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

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 4.3, 6.8, 6.9 and 9.3.
    """
    case = _Case(
        inputs=inputs,
        splits=cumulative_splits(inputs.actions),
        event=event,
        following=following,
        rules_of=rules_of,
    )
    entered = _fast_entry_rows(case)
    book = pl.concat([_opening_book(case), *_books_of(case, entered)])
    found, since = [entered], event.effective_session
    for review in reviews:
        offered = _offering_rows(case, book, after=since, until=review.cut_off_day)
        book = _with_factors(book, offered)
        changed = _share_rows(case, book, review)
        floated = _float_rows(case, book, review)
        added = _addition_rows(case, book, review)
        book = _with_floats(_with_factors(book, changed), case, floated, review)
        book = pl.concat([book, *_books_of(case, added)])
        found += [offered, changed, floated, added]
        since = review.cut_off_day
    found.append(_offering_rows(case, book, after=since, until=following.effective_session))
    return pl.concat(found).sort("session", "company_id", "change")


@dataclass(frozen=True, kw_only=True)
class _Case:
    """One event with what its reviews are decided from."""

    inputs: MaintenanceInputs
    splits: pl.DataFrame
    event: Event
    following: Event
    rules_of: Callable[[date], IndexRules]

    def observed(self, sessions: Sequence[date]) -> pl.DataFrame:
        """Company shares of every line over some sessions."""
        return observed_shares(self.inputs.universe, self.splits, sessions=sessions)

    def floats_on(self, day: date) -> pl.DataFrame:
        """The last float of each line that was known by the close of a day."""
        known = self.inputs.floats.filter(pl.col("session") <= day).sort("session")
        return known.group_by("security_id").agg(pl.col("float_factor").last())

    def book(self, companies: pl.DataFrame, start: date) -> pl.DataFrame:
        """What is in force of companies that join on a session; null where it is unknown."""
        count = self.rules_of(self.event.rank_day).share_observation_sessions
        return (
            companies.select(NAMING)
            .join(self.observed(sessions_before(start, count)), on="security_id", how="left")
            .join(self.floats_on(start - timedelta(days=1)), on="security_id", how="left")
        )


def _opening_book(case: _Case) -> pl.DataFrame:
    """The members of the event: company, line, shares and float in force."""
    members = case.inputs.decisions.filter(pl.col("segment").is_not_null())
    return case.book(members, case.event.effective_session)


def _books_of(case: _Case, joined: pl.DataFrame) -> list[pl.DataFrame]:
    """The same of companies that join later, by session."""
    return [
        case.book(part, part["session"][0])
        for part in joined.partition_by("session", maintain_order=True)
    ]


def _with_factors(book: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The book after share updates or offerings."""
    factors = rows.group_by("security_id").agg(pl.col("share_factor").product())
    return (
        book.join(factors, on="security_id", how="left", maintain_order="left")
        .with_columns(shares=pl.col("shares") * pl.col("share_factor").fill_null(1.0))
        .select(book.columns)
    )


def _with_floats(
    book: pl.DataFrame, case: _Case, rows: pl.DataFrame, review: Review
) -> pl.DataFrame:
    """The book after float updates."""
    known = case.floats_on(review.cut_off_day).join(rows, on="security_id", how="semi")
    return book.update(known, on="security_id")


def _share_rows(case: _Case, book: pl.DataFrame, review: Review) -> pl.DataFrame:
    rules = case.rules_of(review.cut_off_day)
    count = rules.share_observation_sessions
    changed = changed_shares(
        book.select("security_id", "shares").drop_nulls(),
        case.observed(_up_to(review.cut_off_day, count)),
        case.observed(_up_to(_confirmed_by(review), count)),
        rules=rules,
    )
    factor = pl.col("shares") / pl.col("previous_shares")
    part = book.select(NAMING).join(changed, on="security_id").with_columns(share_factor=factor)
    said = pl.format(
        "shares moved by {} % since they were last set, beyond {} %",
        signed_percent(pl.col("share_factor")),
        pl.lit(f"{rules.share_update_threshold:.0%}".removesuffix("%")),
    )
    return as_rows(part, case.event, MaintenanceChange.SHARE_UPDATE, review=review, reason=said)


def _float_rows(case: _Case, book: pl.DataFrame, review: Review) -> pl.DataFrame:
    changed = changed_floats(
        book.select("security_id", "float_factor").drop_nulls(),
        case.floats_on(review.cut_off_day),
        buffers=case.rules_of(review.cut_off_day).float_buffers,
    )
    now, before = pl.col("float_factor"), pl.col("previous_float_factor")
    part = (
        book.select(NAMING).join(changed, on="security_id").with_columns(share_factor=now / before)
    )
    said = pl.format("float moved from {} % to {} %", (before * 100).round(2), (now * 100).round(2))
    return as_rows(part, case.event, MaintenanceChange.FLOAT_UPDATE, review=review, reason=said)


def _addition_rows(case: _Case, book: pl.DataFrame, review: Review) -> pl.DataFrame:
    rules, inputs = case.rules_of(review.cut_off_day), case.inputs
    if not (review.has_ipo_additions and rules.has_ipo_additions):
        return no_rows()
    found = ipo_candidates(
        inputs.new_lines, inputs.universe, inputs.actions, window=ipo_window(review), rules=rules
    ).join(book, on="company_id", how="anti")
    days = _up_to(review.cut_off_day, rules.share_observation_sessions)
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
    joins = _with_float(case, placed, review.effective_session, rules)
    return as_rows(joins, case.event, MaintenanceChange.IPO_ADDITION, review=review, reason=said)


def _with_float(case: _Case, joins: pl.DataFrame, start: date, rules: IndexRules) -> pl.DataFrame:
    """Companies that join with their float on the eve, or the one that is assumed."""
    known = case.floats_on(start - timedelta(days=1))
    return joins.join(known, on="security_id", how="left").with_columns(
        pl.col("float_factor").fill_null(rules.ipo_float_factor)
    )


def _placed(
    case: _Case, companies: pl.DataFrame, lines: pl.DataFrame, *, ratio: float, rules: IndexRules
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


def _fast_entry_rows(case: _Case) -> pl.DataFrame:
    told = case.inputs.actions.filter(
        (pl.col("action_type") == "listing") & pl.col("ratio").is_not_null()
    )
    days = told["session"].unique().sort()
    return pl.concat([no_rows(), *(_entered_on(case, day) for day in days)])


def _entered_on(case: _Case, day: date) -> pl.DataFrame:
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
        placed.rename({"offered_share": "float_factor"}),
        case.event,
        MaintenanceChange.FAST_ENTRY,
        session=pl.lit(joins),
        decided_day="first_session",
        reason=said,
    )


def _offering_rows(case: _Case, book: pl.DataFrame, *, after: date, until: date) -> pl.DataFrame:
    """Offerings that count from a session after one day, and not after another, on."""
    rules = case.rules_of(until)
    priced = case.inputs.actions.filter(pl.col("session") >= case.event.effective_session)
    found = applied_offerings(book.drop_nulls("shares"), priced, case.splits, rules=rules)
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
