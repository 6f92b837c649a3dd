"""3c: membership + float -> index shares and closes, a line and session.

1. The lines of the member companies - the pricing vehicle, and every other line
   that was eligible on the eve of the event - are laid against every session.
2. Index shares are observed over the last sessions before the event takes
   effect, and from then on change with splits only.
3. A close that the feed missed is recovered from what the next session's
   snapshot calls the previous close.
4. A line without any close carries its last one, visibly, for some sessions;
   then it is removed and does not return before the next event.

Everything about a session follows from its event and the sessions since, never
from the session before, so any session can be built alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

# Actions after which a line no longer exists.
_ENDINGS = ("delisting", "cash_merger", "stock_merger")
_COLUMNS = (
    "session", "security_id", "company_id", "symbol", "name", "sector", "segment", "indexes",
    "event_id", "close_usd", "close_session", "previous_close_usd", "index_shares",
    "float_factor", "market_value_usd", "status",
)  # fmt: skip


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
        decisions: Contract `reconstitution` of `event`.
        universe: Contract `universe` from the first observation session (see
            `first_session_read`) to the last of `sessions`. Read: `session`,
            `security_id`, `company_id`, `symbol`, `name`, `close_usd`,
            `previous_close_usd`, `line_shares`, `is_eligible`.
        actions: Contract `corporate_actions` over the same sessions. Read:
            splits and endings.
        event: The event in force from its effective session to `end`.
        sessions: Consecutive sessions from the first observation session to the
            one after `end`, if that is known already.
        end: The last session wanted. The first is `event.effective_session`.
        rules: The rules in force; read `share_observation_sessions` and
            `max_carried_sessions`.

    Returns:
        Contract `constituents`, one row per member line and session, sorted by
        `session`, `security_id`. `index_shares` are float-adjusted (the float is
        1.0 where none is known) and hold at the open, after splits of the day.
        `previous_close_usd` is the last close before the session, in today's
        shares: what an adjustment at the open is valued with. `close_session`
        says when `close_usd` was traded; `status` is `ok`, `recovered` or `carried`.

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
    calendar = pl.DataFrame({"session": sessions}, schema={"session": pl.Date}).with_row_index(
        "ordinal"
    )
    members = _member_lines(decisions, universe, event)
    seen = universe.join(members.select("security_id"), on="security_id", how="semi").filter(
        pl.col("close_usd") > 0
    )
    splits = _cumulative_splits(actions)
    shares = _observed_shares(seen, splits, event=event, rules=rules)
    grid = members.join(shares, on="security_id").join(calendar, how="cross")
    valued = _valued(grid, seen, _recovered(seen, splits, calendar), splits)
    return (
        _without_removed(valued, actions, event=event, rules=rules)
        .filter(pl.col("session") <= end)
        .with_columns(index_shares=pl.col("observed_shares") * pl.col("split_factor"))
        .with_columns(
            float_factor=pl.lit(1.0),
            market_value_usd=pl.col("close_usd") * pl.col("index_shares"),
            status=_status(),
        )
        .select(_COLUMNS)
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
    companies = decisions.filter(pl.col("segment").is_not_null()).select(
        "company_id", "security_id", "sector", "segment", "indexes", "event_id"
    )
    companions = (
        universe.filter(pl.col("is_eligible") & (pl.col("session") < event.effective_session))
        .select("company_id", "security_id")
        .unique()
        .join(companies.drop("security_id"), on="company_id")
    )
    return pl.concat([companies, companions.select(companies.columns)]).unique("security_id")


def _cumulative_splits(actions: pl.DataFrame) -> pl.DataFrame:
    """Per line and split session, the product of its split factors so far."""
    return (
        actions.filter(pl.col("action_type") == "split")
        .group_by("security_id", "session")
        .agg(pl.col("split_factor").product())
        .sort("session")
        .with_columns(pl.col("split_factor").cum_prod().over("security_id"))
        .select("session", "security_id", "split_factor")
    )


def _split_factor_at(rows: pl.DataFrame, splits: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add the product of all split factors up to and including each row's session."""
    return (
        rows.sort("session")
        .join_asof(
            splits.rename({"split_factor": name}),
            on="session",
            by="security_id",
            strategy="backward",
            check_sortedness=False,
        )
        .with_columns(pl.col(name).fill_null(1.0))
    )


def _observed_shares(
    seen: pl.DataFrame, splits: pl.DataFrame, *, event: Event, rules: IndexRules
) -> pl.DataFrame:
    """Median shares per line before the event, in units of no split having happened yet."""
    before = seen.filter(pl.col("session") < event.effective_session)
    return (
        _split_factor_at(before.filter(pl.col("line_shares") > 0), splits, "so_far")
        .sort("session")
        .group_by("security_id")
        .agg(
            (pl.col("line_shares") / pl.col("so_far"))
            .tail(rules.share_observation_sessions)
            .median()
            .alias("observed_shares")
        )
    )


def _recovered(seen: pl.DataFrame, splits: pl.DataFrame, calendar: pl.DataFrame) -> pl.DataFrame:
    """What each snapshot says the session before closed at, undone of splits, for that session."""
    before = calendar.select(pl.col("session").alias("before"), pl.col("ordinal") + 1)
    following = seen.filter(pl.col("previous_close_usd") > 0).join(calendar, on="session")
    return (
        _split_factor_at(following, splits, "so_far")
        .join(before, on="ordinal")
        .select(
            "security_id",
            pl.col("before").alias("session"),
            (pl.col("previous_close_usd") * pl.col("so_far")).alias("recovered_usd"),
        )
    )


def _valued(
    grid: pl.DataFrame, seen: pl.DataFrame, recovered: pl.DataFrame, splits: pl.DataFrame
) -> pl.DataFrame:
    """Lay closes on the grid: seen, else recovered, else the last one, in today's shares."""
    key = ["session", "security_id"]
    laid = (
        _split_factor_at(grid, splits, "split_factor")
        .join(seen.select(*key, "symbol", "name", "close_usd"), on=key, how="left")
        .join(recovered, on=key, how="left")
        .sort("security_id", "session")
    )
    unsplit = pl.coalesce(pl.col("close_usd") * pl.col("split_factor"), "recovered_usd")
    filled = laid.with_columns(
        pl.col("symbol", "name").forward_fill().over("security_id"),
        is_recovered=pl.col("close_usd").is_null() & pl.col("recovered_usd").is_not_null(),
        close_session=pl.when(unsplit.is_not_null())
        .then(pl.col("session"))
        .forward_fill()
        .over("security_id"),
        unsplit_close_usd=unsplit.forward_fill().over("security_id"),
    )
    today = pl.col("unsplit_close_usd") / pl.col("split_factor")
    before = pl.col("unsplit_close_usd").shift().over("security_id") / pl.col("split_factor")
    # A close that was seen stays as it was received, to the last bit.
    return filled.with_columns(close_usd=pl.coalesce("close_usd", today), previous_close_usd=before)


def _status() -> pl.Expr:
    """Where the close of a line comes from."""
    return (
        pl.when(pl.col("close_session") < pl.col("session"))
        .then(pl.lit("carried"))
        .when("is_recovered")
        .then(pl.lit("recovered"))
        .otherwise(pl.lit("ok"))
    )


def _without_removed(
    laid: pl.DataFrame, actions: pl.DataFrame, *, event: Event, rules: IndexRules
) -> pl.DataFrame:
    """Drop lines from the session on which they end, or fall silent for too long."""
    endings = (
        actions.filter(pl.col("action_type").is_in(_ENDINGS))
        .filter(pl.col("session") >= event.effective_session)
        .group_by("security_id")
        .agg(pl.col("session").min().alias("ended"))
    )
    traded = laid.filter(pl.col("close_session") == pl.col("session")).select(
        "security_id", close_session="session", close_ordinal="ordinal"
    )
    age = pl.col("ordinal").cast(pl.Int32) - pl.col("close_ordinal").cast(pl.Int32)
    in_force = pl.col("session") >= event.effective_session
    silent = (in_force & (age > rules.max_carried_sessions)).fill_null(value=True)
    ended = (pl.col("session") >= pl.col("ended")).fill_null(value=False)
    return (
        laid.join(traded, on=["security_id", "close_session"], how="left")
        .join(endings, on="security_id", how="left")
        .filter(in_force)
        .sort("security_id", "session")
        .with_columns(removed=(silent | ended).cum_max().over("security_id"))
        .filter(~pl.col("removed"))
    )
