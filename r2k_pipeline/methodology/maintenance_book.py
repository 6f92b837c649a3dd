"""What is in force of the companies of an event, and what its reviews are decided from.

Holds the book that `maintenance` keeps while it works through an event: each company's
shares and float as last set, and until when holders from before its listing are locked
up. Which changes a review makes stands in `maintenance`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.maintenance_rows import NAMING
from r2k_pipeline.methodology.share_updates import observed_shares
from r2k_pipeline.rulebook.sessions import sessions_before, sessions_between

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.reviews import Review
    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event


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
            *last_sessions(review.cut_off_day, count),
            *last_sessions(confirmed_by(review), count),
            *sessions_before(review.effective_session, count),
        }
    )


def last_sessions(day: date, count: int) -> list[date]:
    """The last sessions up to and including a day."""
    return [*sessions_before(day, count), *sessions_between(day, day)][-count:]


def confirmed_by(review: Review) -> date:
    """The day by which a change must be seen again: the announcement, else the eve."""
    return review.announcement_day or review.effective_friday


@dataclass(frozen=True, kw_only=True)
class EventCase:
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
        """What is in force of companies that join on a session.

        Args:
            companies: Read: `NAMING`, and of those that join between events `free_part`,
                the float that is assumed of them, and `locked_until`.
            start: The session.

        Returns:
            Those columns with `shares` and `float_factor`; null where unknown.
        """
        count = self.rules_of(self.event.rank_day).share_observation_sessions
        return (
            companies.select(*NAMING, "free_part", "locked_until")
            .join(self.observed(sessions_before(start, count)), on="security_id", how="left")
            .join(self.floats_on(start - timedelta(days=1)), on="security_id", how="left")
        )


def opening_book(case: EventCase) -> pl.DataFrame:
    """The members of the event: company, line, shares and float in force."""
    members = case.inputs.decisions.filter(pl.col("segment").is_not_null()).with_columns(
        free_part=pl.lit(None, pl.Float64), locked_until=pl.lit(None, pl.Date)
    )
    return case.book(members, case.event.effective_session)


def books_of(case: EventCase, joined: pl.DataFrame) -> list[pl.DataFrame]:
    """The same of companies that join later, by session; their holders are locked up."""
    listed = case.inputs.new_lines.group_by("company_id").agg(pl.col("first_session").min())
    found = []
    for part in joined.partition_by("session", maintain_order=True):
        start: date = part["session"][0]
        lock_up = timedelta(days=case.rules_of(start).lock_up_days)
        locked = part.join(listed, on="company_id", how="left").with_columns(
            free_part="float_factor", locked_until=pl.col("first_session") + lock_up
        )
        found.append(case.book(locked.drop("float_factor"), start))
    return found


def with_factors(book: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The book after share updates or offerings."""
    factors = rows.group_by("security_id").agg(pl.col("share_factor").product())
    return (
        book.join(factors, on="security_id", how="left", maintain_order="left")
        .with_columns(shares=pl.col("shares") * pl.col("share_factor").fill_null(1.0))
        .select(book.columns)
    )


def unlocked(book: pl.DataFrame, day: date) -> pl.DataFrame:
    """The companies without a known float whose lock-up has expired by a day."""
    return book.filter(
        pl.col("float_factor").is_null()
        & (pl.col("free_part") < 1)
        & (pl.col("locked_until") <= day)
    )


def with_floats(
    book: pl.DataFrame, case: EventCase, rows: pl.DataFrame, review: Review
) -> pl.DataFrame:
    """The book after float updates."""
    known = case.floats_on(review.cut_off_day).join(rows, on="security_id", how="semi")
    is_free = pl.col("security_id").is_in(rows["security_id"].implode())
    return book.update(known, on="security_id").with_columns(
        free_part=pl.when(~is_free).then("free_part")
    )
