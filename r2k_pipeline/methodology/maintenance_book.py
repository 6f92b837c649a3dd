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

from r2k_pipeline.methodology.float_factors import event_floats, known_by
from r2k_pipeline.methodology.maintenance_rows import NAMING
from r2k_pipeline.methodology.share_updates import basis_lines, grown_shares, observed_shares
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
    """List the last sessions up to a day, itself included if it is one.

    Example:
        >>> [str(day) for day in last_sessions(date(2022, 6, 20), 2)]
        ['2022-06-16', '2022-06-17']
    """
    return [*sessions_before(day, count), *sessions_between(day, day)][-count:]


def confirmed_by(review: Review) -> date:
    """The day by which a change must be seen again: the announcement, else the eve.

    Example:
        >>> from r2k_pipeline.rulebook.reviews import review
        >>> str(confirmed_by(review("2022-09"))), str(confirmed_by(review("2003-04")))
        ('2022-08-26', '2003-04-30')
    """
    return review.announcement_day or review.effective_friday


@dataclass(frozen=True, kw_only=True)
class EventCase:
    """One event with what its reviews are decided from."""

    inputs: MaintenanceInputs
    splits: pl.DataFrame
    event: Event
    following: Event
    rules_of: Callable[[date], IndexRules]

    def grown(self, book: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
        """By what companies have grown since they joined, as some sessions show it."""
        universe, splits = self.inputs.universe, self.splits
        parts = [
            grown_shares(
                universe,
                splits,
                basis_lines(universe, splits, part, sessions=self._before(part["start"][0])),
                sessions=sessions,
            )
            for part in book.partition_by("start")
        ]
        empty = {"company_id": pl.String, "shares": pl.Float64}
        return pl.concat([pl.DataFrame(schema=empty), *parts])

    def _before(self, start: date) -> list[date]:
        """The sessions on which companies that join on one are observed."""
        count = self.rules_of(self.event.rank_day).share_observation_sessions
        return sessions_before(start, count)

    def book(self, companies: pl.DataFrame, start: date) -> pl.DataFrame:
        """What is in force of companies that join on a session.

        Args:
            companies: Read: `NAMING`, and of those that join between events `free_part`,
                the float that is assumed of them, and `locked_until`.
            start: The session.

        Returns:
            Those columns with `start`, `shares` (see `grown`), `issued_shares` (all the
            company's, before any split) and `float_factor`; null where unknown.
        """
        universe, before = self.inputs.universe, self._before(start)
        joining = companies.select(*NAMING, "free_part", "locked_until", start=pl.lit(start))
        issued = observed_shares(universe, self.splits, sessions=before)
        return (
            joining.join(self.grown(joining, before), on="company_id", how="left")
            .join(issued.rename({"shares": "issued_shares"}), on="security_id", how="left")
            .join(
                known_by(self.inputs.floats, start - timedelta(days=1)),
                on="security_id",
                how="left",
            )
        )

    def opening_book(self) -> pl.DataFrame:
        """The members of the event: company, line, shares and float in force."""
        members = self.inputs.decisions.filter(pl.col("segment").is_not_null()).with_columns(
            free_part=pl.lit(None, pl.Float64), locked_until=pl.lit(None, pl.Date)
        )
        floats = event_floats(self.inputs.floats, self.event, rules_of=self.rules_of)
        return (
            self.book(members, self.event.effective_session)
            .drop("float_factor")
            .join(floats, on="security_id", how="left")
        )

    def books_of(self, joined: pl.DataFrame) -> list[pl.DataFrame]:
        """The same of companies that join later, by session; their holders are locked up."""
        listed = self.inputs.new_lines.group_by("company_id").agg(pl.col("first_session").min())
        found = []
        for part in joined.partition_by("session", maintain_order=True):
            start: date = part["session"][0]
            lock_up = timedelta(days=self.rules_of(start).lock_up_days)
            locked = part.join(listed, on="company_id", how="left").with_columns(
                free_part="float_factor", locked_until=pl.col("first_session") + lock_up
            )
            found.append(self.book(locked.drop("float_factor"), start))
        return found

    def with_floats(self, book: pl.DataFrame, rows: pl.DataFrame, review: Review) -> pl.DataFrame:
        """The book after float updates of a review."""
        by_then = known_by(self.inputs.floats, review.cut_off_day)
        known = by_then.join(rows, on="security_id", how="semi")
        is_free = pl.col("security_id").is_in(rows["security_id"].implode())
        return book.update(known, on="security_id").with_columns(
            free_part=pl.when(~is_free).then("free_part")
        )


def with_factors(book: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The book after share updates or offerings.

    Args:
        book: As `EventCase.book` gives it.
        rows: Contract `maintenance`; `company_id` and `share_factor` are read.

    Example:
        >>> book = pl.DataFrame({
        ...     "company_id": ["A", "B"], "shares": [1.0, 1.0], "issued_shares": [100.0, 50.0]})
        >>> rows = pl.DataFrame({"company_id": ["B"], "share_factor": [1.2]})
        >>> with_factors(book, rows)["issued_shares"].to_list()
        [100.0, 60.0]
    """
    factors = rows.group_by("company_id").agg(pl.col("share_factor").product())
    return (
        book.join(factors, on="company_id", how="left", maintain_order="left")
        .with_columns(pl.col("shares", "issued_shares") * pl.col("share_factor").fill_null(1.0))
        .select(book.columns)
    )


def assumed_or_known_float() -> pl.Expr:
    """The float that a company counts with, over the columns of the book.

    Example:
        >>> book = pl.DataFrame({"float_factor": [0.6, None, None], "free_part": [0.3, 0.3, None]})
        >>> book.select(assumed_or_known_float()).to_series().to_list()
        [0.6, 0.3, 1.0]
    """
    return pl.coalesce("float_factor", "free_part", pl.lit(1.0)).alias("float_factor")


def unlocked(book: pl.DataFrame, day: date) -> pl.DataFrame:
    """The companies without a known float whose lock-up has expired by a day.

    Example:
        >>> book = pl.DataFrame({
        ...     "company_id": ["A", "B"], "float_factor": [None, 0.6], "free_part": [0.3, 0.3],
        ...     "locked_until": [date(2022, 1, 25)] * 2})
        >>> unlocked(book, date(2022, 2, 11))["company_id"].to_list()
        ['A']
    """
    return book.filter(
        pl.col("float_factor").is_null()
        & (pl.col("free_part") < 1)
        & (pl.col("locked_until") <= day)
    )
