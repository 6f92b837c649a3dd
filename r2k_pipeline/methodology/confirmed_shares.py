"""3b: which shares are believed at an event: a leap after the lists was seen once only.

1. Shares are observed on the rank day, on the day of the preliminary lists, and on the eve of
   the effective session, each over some sessions.
2. Where the eve leaves both earlier ones by more than the limit, in the same direction, and no
   source told of it, the lists' count stands until a review sees the change again.

Shares are implied from capitalisation and close, and what a vendor gets wrong in the weeks
before an event would weigh for a year. Reviews ask twice as well (`share_updates`); a change
from the rank day on that the lists saw too is taken, and so is every smaller one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.maintenance_book import last_sessions
from r2k_pipeline.methodology.split_units import cumulative_splits, with_splits_so_far
from r2k_pipeline.rulebook.action_types import ActionType
from r2k_pipeline.rulebook.sessions import sessions_before

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

COUNT_COLUMNS = ("session", "security_id", "close_usd", "line_shares")
"""What of contract `universe` is read of the earlier sessions."""

# Actions after which a line has another count of shares, though no split.
_CHANGES_SHARES = tuple(
    kind.value
    for kind in (
        ActionType.RIGHTS_ISSUE, ActionType.SHARE_CHANGE, ActionType.TENDER_OFFER,
        ActionType.OFFERING, ActionType.SPIN_OFF, ActionType.NEW_CLASS,
    )
)  # fmt: skip


def earlier_sessions(event: Event, rules: IndexRules) -> tuple[list[date], list[date]]:
    """List the sessions on which shares are observed for the rank day, and for the lists.

    Args:
        event: The event; without a day of preliminary lists both are empty.
        rules: Read `share_observation_sessions`.

    Example:
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> june = event("2023-06")
        >>> ranked, listed = earlier_sessions(june, rules_in_force(june.rank_day))
        >>> str(ranked[0]), str(ranked[-1]), str(listed[-1])
        ('2023-04-24', '2023-04-28', '2023-05-19')
    """
    if event.preliminary_day is None:
        return [], []
    count = rules.share_observation_sessions
    return last_sessions(event.rank_day, count), last_sessions(event.preliminary_day, count)


def with_confirmed_shares(
    universe: pl.DataFrame,
    earlier: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    event: Event,
    rules: IndexRules,
) -> pl.DataFrame:
    """Put the lists' count in place of one that only the eve of an event shows.

    Args:
        universe: Contract `universe` from the first session on which shares are observed for
            the event on. Read: `COUNT_COLUMNS`.
        earlier: The same of `earlier_sessions`; may hold other sessions and lines.
        actions: Contract `corporate_actions` from the first of these to the event.
        event: The event.
        rules: The rules in force on the rank day: `share_observation_sessions`,
            `event_share_limit`.

    Returns:
        `universe` in which before the event the `line_shares` of such lines are those that
        the lists saw, split since where they were split; nothing else is changed.

    Notes:
        A line that was not observed each time is believed. Look-ahead: nothing after the eve
        is read.

    Example:
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> june = event("2023-06")
        >>> rules = rules_in_force(june.rank_day)
        >>> ranked, listed = earlier_sessions(june, rules)
        >>> eve = sessions_before(june.effective_session, 5)
        >>> def quoted(days, shares):
        ...     return pl.DataFrame({
        ...         "session": days, "security_id": "S-HAL", "close_usd": 10.0,
        ...         "line_shares": shares})
        >>> before = quoted([*ranked, *listed], 100.0)
        >>> actions = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "action_type": pl.String,
        ...     "split_factor": pl.Float64, "counterparty_security_id": pl.String})
        >>> for shares in (140.0, 240.0):
        ...     found = with_confirmed_shares(
        ...         quoted(eve, shares), before, actions, event=june, rules=rules)
        ...     print(found["line_shares"].unique().to_list())
        [140.0]
        [100.0]
    """
    ranked, listed = earlier_sessions(event, rules)
    eve = sessions_before(event.effective_session, rules.share_observation_sessions)
    if not listed or listed[-1] >= eve[0]:
        return universe
    splits = cumulative_splits(actions)
    leaps = _leaps(
        _median(earlier, splits, ranked).join(
            _median(earlier, splits, listed), on="security_id", suffix="_listed"
        ),
        _median(universe, splits, eve),
        limit=rules.event_share_limit,
    ).join(_told(actions, after=listed[-1], event=event), on="security_id", how="anti")
    if leaps.is_empty():
        return universe
    counts = (pl.col("session") < event.effective_session) & pl.col("listed").is_not_null()
    return (
        with_splits_so_far(universe, splits, "so_far")
        .join(leaps, on="security_id", how="left", maintain_order="left")
        .with_columns(
            line_shares=pl.when(counts)
            .then(pl.col("listed") * pl.col("so_far"))
            .otherwise("line_shares")
        )
        .select(universe.columns)
    )


def _median(universe: pl.DataFrame, splits: pl.DataFrame, days: list[date]) -> pl.DataFrame:
    """The median count of each line over some sessions, in units of no split."""
    rows = universe.filter(
        pl.col("session").is_in(days) & (pl.col("close_usd") > 0) & (pl.col("line_shares") > 0)
    ).select(COUNT_COLUMNS)
    return (
        with_splits_so_far(rows, splits, "so_far")
        .group_by("security_id")
        .agg(shares=(pl.col("line_shares") / pl.col("so_far")).median())
    )


def _leaps(earlier: pl.DataFrame, eve: pl.DataFrame, *, limit: float) -> pl.DataFrame:
    """The lines whose eve leaves both earlier counts: `security_id`, `listed`."""
    both = earlier.join(eve.rename({"shares": "eve"}), on="security_id")
    ranked, listed = (pl.col("eve") / pl.col(name) for name in ("shares", "shares_listed"))
    rose = (ranked > limit) & (listed > limit)
    fell = (ranked < 1 / limit) & (listed < 1 / limit)
    return both.filter(rose | fell).select("security_id", listed="shares_listed")


def _told(actions: pl.DataFrame, *, after: date, event: Event) -> pl.DataFrame:
    """The lines of which a source told, between the lists and the event, why their count moved."""
    recent = actions.filter(
        pl.col("session").is_between(after, event.effective_session, closed="none")
    )
    kind = pl.col("action_type")
    own = recent.filter(kind.is_in(_CHANGES_SHARES)).select("security_id")
    acquirers = recent.filter(kind == ActionType.STOCK_MERGER.value).select(
        security_id="counterparty_security_id"
    )
    return pl.concat([own, acquirers]).drop_nulls().unique()
