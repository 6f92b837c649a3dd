"""3c: membership + float -> index shares and closes, a line and session.

1. The lines of the member companies - the pricing vehicle, and every other line
   that was eligible on the eve of the event - are laid against every session.
2. Index shares are observed over the last sessions before the event takes effect. From
   each observation on they change with what corporate actions do to them
   (`line_adjustments`).
3. Closes are laid on the sessions (`line_closes`), until a line leaves (`leaving_lines`).

Everything about a session follows from its event and the sessions since, never
from the session before, so any session can be built alone. Who joins later and what one
line does to another is `maintained_lines` and `linked_lines`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.float_factors import FloatStatus
from r2k_pipeline.methodology.leaving_lines import held_lines
from r2k_pipeline.methodology.line_adjustments import (
    line_adjustments,
    line_units,
    with_units,
)
from r2k_pipeline.methodology.line_closes import with_closes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

CONSTITUENT_COLUMNS = (
    "session", "security_id", "company_id", "symbol", "name", "country", "sector", "segment",
    "indexes", "event_id", "joined_by", "parent_security_id", "close_usd", "close_session",
    "close_age_sessions", "previous_close_usd", "index_shares", "float_factor",
    "float_status", "market_value_usd", "status",
)  # fmt: skip
"""The columns of contract `constituents`, in its order."""

# What a line may be laid with, and what it is laid with if nothing is said.
_DEFAULTS = {
    "float_factor": pl.lit(1.0),
    "float_status": pl.lit(FloatStatus.UNKNOWN.value),
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
            `close_usd`, `previous_close_usd`, `line_shares`, `is_eligible`; where floats are
            known `float_factor`, as `float_factors.with_floats_in_force` gives it: each line
            takes its own, before what `decisions` says of its company.
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
        `session`, `security_id`. `index_shares` are float-adjusted (where no float is
        known it is 1.0, and `float_status` unknown) and hold at the open, after the actions
        of the session.
        `previous_close_usd` is the adjusted close: the last one before the session in the
        session's terms, what a change at the open is valued with. `close_session`
        says when `close_usd` was traded, `status` where it comes from.

    Notes:
        A member that did not trade in the observation sessions never enters. The
        median of the observed shares is taken, so one bad snapshot does not
        decide a year's weight; each is brought to one count by the splits, rights and
        changes of shares that were told since. Look-ahead: a recovered close was first
        knowable a session later, when the row of a session built on its own day still says
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
    lines = _member_lines(decisions, universe, event)
    before = universe.filter(pl.col("session") < event.effective_session).join(
        lines.select("security_id"), on="security_id", how="semi"
    )
    members = _with_floats(lines, before)
    shares = observed_shares(before, actions, rules=rules)
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
            `indexes`, `event_id`, `observed_shares` (before any action of `sessions`), and
            where it is not the usual one `float_factor`, `float_status`, `joined_by`,
            `parent_security_id` and `start_price_usd` (USD; what counts as the previous
            close on the first session, whatever the line closed at before).
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
    shares = pl.col("observed_shares") * pl.col("unit_share_factor") * pl.col("float_factor")
    return (
        held_lines(valued, own, closes, start=start, rules=rules)
        .filter(pl.col("session") <= end)
        .with_columns(
            index_shares=shares,
            previous_close_usd=pl.when(pl.col("session") == start)
            .then(pl.coalesce("start_price_usd", "previous_close_usd"))
            .otherwise("previous_close_usd"),
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


def _with_floats(lines: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
    """Each line with its own float on the eve, else the one that its company is assumed to have."""
    if "float_factor" not in universe.columns:
        return lines
    assumed = [name for name in ("float_factor",) if name in lines.columns]
    known = (
        universe.sort("session")
        .group_by("security_id")
        .agg(known_float=pl.col("float_factor").last())
    )
    is_known = pl.col("known_float").is_not_null()
    return (
        lines.join(known, on="security_id", how="left")
        .with_columns(
            float_factor=pl.coalesce("known_float", *assumed),
            float_status=pl.when(is_known)
            .then(pl.lit(FloatStatus.KNOWN.value))
            .otherwise(pl.lit(FloatStatus.UNKNOWN.value)),
        )
        .drop("known_float")
    )


def observed_shares(
    universe: pl.DataFrame, actions: pl.DataFrame, *, rules: IndexRules
) -> pl.DataFrame:
    """Observe the shares of lines over their last sessions.

    Args:
        universe: Contract `universe` of some lines, up to the last session observed. Read:
            `session`, `security_id`, `close_usd`, `line_shares`.
        actions: Contract `corporate_actions` over these sessions and later ones.
        rules: Read `share_observation_sessions`.

    Returns:
        `security_id` and `observed_shares`: the median, in the count that was in force
        before the first of the actions. A line of which nothing was seen has no row.

    Example:
        A right to one new share for four was taken up between two counts of 100.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> days = [date(2022, 6, 22), date(2022, 6, 23), date(2022, 6, 24)]
        >>> universe = pl.DataFrame({
        ...     "session": days, "security_id": "S-HAL", "close_usd": 10.0,
        ...     "line_shares": [100.0, 125.0, 125.0]})
        >>> actions = pl.DataFrame({
        ...     "session": days[1:2], "security_id": ["S-HAL"], "action_type": ["rights_issue"],
        ...     "ratio": [0.25], "amount_usd": [6.0]})
        >>> observed_shares(universe, actions, rules=rules_in_force(days[0])).row(0)
        ('S-HAL', 100.0)
    """
    closes = universe.filter(pl.col("close_usd") > 0)
    seen = closes.filter(pl.col("line_shares") > 0)
    own = actions.join(seen.select("security_id"), on="security_id", how="semi")
    units = line_units(line_adjustments(own, closes))
    return (
        with_units(seen.select("session", "security_id", "line_shares"), units)
        .group_by("security_id")
        .agg(
            (pl.col("line_shares") / pl.col("unit_share_factor"))
            .tail(rules.share_observation_sessions)
            .median()
            .alias("observed_shares")
        )
    )
