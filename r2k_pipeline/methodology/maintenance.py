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
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.fast_entries import entry_session, fast_entrants
from r2k_pipeline.methodology.ipo_additions import ipo_candidates, ranked_candidates
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


class MaintenanceChange(StrEnum):
    """What a row of `maintenance` does."""

    IPO_ADDITION = "ipo_addition"
    FAST_ENTRY = "fast_entry"
    SHARE_UPDATE = "share_update"
    FLOAT_UPDATE = "float_update"
    OFFERING = "offering"


_COLUMNS = {
    "session": pl.Date,
    "company_id": pl.String,
    "change": pl.String,
    "review_id": pl.String,
    "event_id": pl.String,
    "security_id": pl.String,
    "symbol": pl.String,
    "name": pl.String,
    "sector": pl.String,
    "segment": pl.String,
    "indexes": pl.String,
    "edges_above": pl.String,
    "total_market_cap_usd": pl.Float64,
    "share_factor": pl.Float64,
    "decided_day": pl.Date,
    "reason": pl.String,
}
_NAMING = ("company_id", "security_id", "symbol", "name", "sector")
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
    splits = cumulative_splits(inputs.actions)
    entered = _fast_entry_rows(inputs, event=event, following=following, rules_of=rules_of)
    book = pl.concat(
        [
            _opening_book(inputs, splits, event, rules_of(event.rank_day)),
            *_books_of(inputs, splits, entered, rules_of),
        ]
    )
    found, since = [entered], event.effective_session
    for review in reviews:
        rules = rules_of(review.cut_off_day)
        offered = _offering_rows(inputs, splits, book, (since, review.cut_off_day), event, rules)
        book = _with_factors(book, offered)
        changed = _share_rows(inputs, splits, book, event, review, rules)
        floated = _float_rows(inputs, book, event, review, rules)
        added = _addition_rows(inputs, book, event, review, rules)
        book = pl.concat(
            [
                _with_floats(_with_factors(book, changed), inputs.floats, floated, review),
                *_books_of(inputs, splits, added, rules_of),
            ]
        )
        found += [offered, changed, floated, added]
        since = review.cut_off_day
    rest = (since, following.effective_session)
    found.append(_offering_rows(inputs, splits, book, rest, event, rules_of(since)))
    return pl.concat(found).sort("session", "company_id", "change")
