"""3c: membership + float -> index shares and closes, a line and session.

1. The lines of the member companies - the pricing vehicle, and every other line
   that was eligible on the eve of the event - are laid against every session.
2. Index shares are observed over the last sessions before the event takes effect, and
   from then on change with what corporate actions do to them (`line_adjustments`).
3. Closes are laid on the sessions (`line_closes`), until a line leaves (`leaving_lines`).

Everything about a session follows from its event and the sessions since, never
from the session before, so any session can be built alone. Who joins later and what one
line does to another is `maintained_lines` and `linked_lines`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.leaving_lines import held_lines
from r2k_pipeline.methodology.line_adjustments import (
    line_adjustments,
    line_units,
    with_units,
)
from r2k_pipeline.methodology.line_closes import with_closes
from r2k_pipeline.methodology.split_units import cumulative_splits, with_splits_so_far
from r2k_pipeline.rulebook.action_types import ActionType

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

CONSTITUENT_COLUMNS = (
    "session", "security_id", "company_id", "symbol", "name", "country", "sector", "segment",
    "indexes", "event_id", "joined_by", "parent_security_id", "close_usd", "close_session",
    "close_age_sessions", "previous_close_usd", "index_shares", "float_factor",
    "market_value_usd", "status",
)  # fmt: skip
"""The columns of contract `constituents`, in its order."""

# What a line may be laid with, and what it is laid with if nothing is said.
_DEFAULTS = {
    "float_factor": pl.lit(1.0),
    "joined_by": pl.lit(None, pl.String),
    "parent_security_id": pl.lit(None, pl.String),
    "start_price_usd": pl.lit(None, pl.Float64),
}


def constituents(
    decisions: pl.DataFrame,
    universe: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    event: Event,
    sessions: Sequence[date],
    end: date,
    rules: IndexRules,
) -> pl.DataFrame:
    """Lay one event's members against the sessions on which it is in force.

    Args:
        decisions: Contract `reconstitution` of `event`, and where it is not the usual one
            `float_factor` (null: 1) and `joined_by`, as `laid_lines` takes them.
        universe: Contract `universe` from the first observation session (see
            `first_session_read`) to the last of `sessions`. Read: `session`,
            `security_id`, `company_id`, `symbol`, `name`, `country` (may be missing),
            `close_usd`, `previous_close_usd`, `line_shares`, `is_eligible`.
        actions: Contract `corporate_actions` over the same sessions; terms that are null
            may be missing columns.
        event: The event in force from its effective session to `end`.
        sessions: Consecutive sessions from the first observation session to the
            one after `end`, if that is known already.
        end: The last session wanted. The first is `event.effective_session`.
        rules: The rules in force; read `share_observation_sessions` and what
            `leaving_lines.held_lines` reads.

    Returns:
        Contract `constituents`, one row per member line and session, sorted by
        `session`, `security_id`. `index_shares` are float-adjusted (the float is
        1.0 where none is known) and hold at the open, after the actions of the session.
        `previous_close_usd` is the adjusted close: the last one before the session in the
        session's terms, what a change at the open is valued with. `close_session`
        says when `close_usd` was traded, `status` where it comes from.

    Notes:
        A member that did not trade in the observation sessions never enters. The
        median of the observed shares is taken, so one bad snapshot does not
        decide a year's weight. Look-ahead: a recovered close was first knowable a
        session later, when the row of a session built on its own day still says
        `carried`; nothing else uses anything later than its session.

    Example:
        A member that closed at 10 before the event and did not trade on its first
        session is carried.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> days = [date(2022, 6, 24), date(2022, 6, 27)]
        >>> decisions = pl.DataFrame({
        ...     "security_id": ["S-HAL"], "company_id": ["C-HAL"],
        ...     "sector": ["Energy"], "segment": ["small"], "indexes": ["r2000"],
        ...     "event_id": ["2022-06"],
        ... })
        >>> universe = pl.DataFrame({
        ...     "session": days[:1], "security_id": ["S-HAL"], "company_id": ["C-HAL"],
        ...     "symbol": ["HAL"], "name": ["Halden"], "close_usd": [10.0],
        ...     "previous_close_usd": [9.5], "line_shares": [1e6], "is_eligible": [True],
        ... })
        >>> actions = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "action_type": pl.String,
        ...     "split_factor": pl.Float64,
        ... })
        >>> constituents(
        ...     decisions, universe, actions, event=event("2022-06"), sessions=days,
        ...     end=days[1], rules=rules_in_force(days[1]),
        ... ).select("session", "close_session", "market_value_usd", "status").row(0)
        (datetime.date(2022, 6, 27), datetime.date(2022, 6, 24), 10000000.0, 'carried')

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 7.1 and 9.2.
    """
    members = _member_lines(decisions, universe, event)
    shares = _observed_shares(members, universe, actions, event=event, rules=rules)
    return laid_lines(
        members.join(shares, on="security_id"),
        universe,
        actions,
        start=event.effective_session,
        sessions=sessions,
        end=end,
        rules=rules,
    )


def laid_lines(
    lines: pl.DataFrame,
    universe: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    start: date,
    sessions: Sequence[date],
    end: date,
    rules: IndexRules,
) -> pl.DataFrame:
    """Lay lines whose shares are known against the sessions from their first one on.

    Args:
        lines: One row a line: `security_id`, `company_id`, `sector`, `segment`,
            `indexes`, `event_id`, `observed_shares` (before any split of `sessions`), and
            where it is not the usual one `float_factor`, `joined_by`,
            `parent_security_id` and `start_price_usd` (USD; what a line that never closed
            before counts as its previous close).
        universe: As `constituents` reads it.
        actions: The same.
        start: The first session on which the lines are members.
        sessions: Consecutive sessions from some before `start` to the one after `end`.
        end: The last session wanted.
        rules: The rules in force.

    Returns:
        Contract `constituents`, as `constituents` returns it.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> day = date(2022, 6, 27)
        >>> lines = pl.DataFrame({
        ...     "security_id": ["S-HAL"], "company_id": ["C-HAL"], "sector": ["x"],
        ...     "segment": ["small"], "indexes": ["r2000"], "event_id": ["2022-06"],
        ...     "observed_shares": [100.0], "float_factor": [0.5], "start_price_usd": [8.0],
        ... })
        >>> universe = pl.DataFrame({
        ...     "session": [day], "security_id": ["S-HAL"], "symbol": ["HAL"], "name": ["Hal"],
        ...     "close_usd": [10.0], "previous_close_usd": [None],
        ... })
        >>> actions = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "action_type": pl.String})
        >>> laid_lines(
        ...     lines, universe, actions, start=day, sessions=[day], end=day,
        ...     rules=rules_in_force(day),
        ... ).select("previous_close_usd", "index_shares", "market_value_usd").row(0)
        (8.0, 50.0, 500.0)
    """
    calendar = pl.DataFrame({"session": sessions}, schema={"session": pl.Date})
    closes = universe.filter(pl.col("close_usd") > 0)
    seen = closes.join(lines.select("security_id"), on="security_id", how="semi")
    if "country" not in seen.columns:
        seen = seen.with_columns(country=pl.lit(None, pl.String))
    own = actions.join(lines.select("security_id"), on="security_id", how="semi")
    adjustments = line_adjustments(own, seen)
    unsaid = {name: value for name, value in _DEFAULTS.items() if name not in lines.columns}
    laid = lines.with_columns(**unsaid).with_columns(pl.col("float_factor").fill_null(1.0))
    grid = laid.join(calendar.with_row_index("ordinal"), how="cross")
    valued = with_closes(grid, seen, adjustments)
    # Before they are members only splits change the shares that were observed.
    counts = (pl.col("action_type") == ActionType.SPLIT.value) | (pl.col("session") >= start)
    shares = pl.col("observed_shares") * pl.col("shares_since") * pl.col("float_factor")
    return (
        held_lines(valued, own, closes, start=start, rules=rules)
        .filter(pl.col("session") <= end)
        .drop("unit_deduction_usd", "unit_divisor", "unit_share_factor")
        .pipe(with_units, line_units(adjustments.filter(counts)))
        .rename({"unit_share_factor": "shares_since"})
        .with_columns(
            index_shares=shares,
            previous_close_usd=pl.coalesce("previous_close_usd", "start_price_usd"),
        )
        .with_columns(market_value_usd=pl.col("close_usd") * pl.col("index_shares"))
        .select(CONSTITUENT_COLUMNS)
        .sort("session", "security_id")
    )


def first_session_read(event: Event, sessions: Sequence[date], rules: IndexRules) -> date:
    """The first session that `constituents` needs to see for an event.

    Args:
        event: The event in force.
        sessions: Sessions up to the event's effective session at least.
        rules: Read `share_observation_sessions`.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> from r2k_pipeline.rulebook.sessions import sessions_between
        >>> first_session_read(
        ...     event("2022-06"),
        ...     sessions_between(date(2022, 6, 1), date(2022, 6, 30)),
        ...     rules_in_force(date(2022, 6, 27)),
        ... )
        datetime.date(2022, 6, 17)
    """
    before = [day for day in sessions if day < event.effective_session]
    return before[-rules.share_observation_sessions]


def _member_lines(decisions: pl.DataFrame, universe: pl.DataFrame, event: Event) -> pl.DataFrame:
    """The pricing vehicle of each member, and its companions that were eligible on the eve."""
    said = [name for name in _DEFAULTS if name in decisions.columns]
    companies = decisions.filter(pl.col("segment").is_not_null()).select(
        "company_id", "security_id", "sector", "segment", "indexes", "event_id", *said
    )
    companions = (
        universe.filter(pl.col("is_eligible") & (pl.col("session") < event.effective_session))
        .select("company_id", "security_id")
        .unique()
        .join(companies.drop("security_id"), on="company_id")
    )
    return pl.concat([companies, companions.select(companies.columns)]).unique("security_id")


def _observed_shares(
    members: pl.DataFrame,
    universe: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    event: Event,
    rules: IndexRules,
) -> pl.DataFrame:
    """Median shares per line before the event, in units of no split having happened yet."""
    before = universe.filter(
        (pl.col("session") < event.effective_session)
        & (pl.col("close_usd") > 0)
        & (pl.col("line_shares") > 0)
    ).join(members.select("security_id"), on="security_id", how="semi")
    return (
        with_splits_so_far(before, cumulative_splits(actions), "so_far")
        .sort("session")
        .group_by("security_id")
        .agg(
            (pl.col("line_shares") / pl.col("so_far"))
            .tail(rules.share_observation_sessions)
            .median()
            .alias("observed_shares")
        )
    )
