"""3a: what an event will change, as of each day on which a list is public.

Holds the lists of one event, each with what changed since the one before. Who changes is
`reconstitution`; who leaves the lists until lock-down is `departures`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.departures import departed_companies

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

_KEPT = (
    "event_id", "company_id", "security_id", "symbol", "name", "sector", "rank",
    "total_market_cap_usd", "change", "previous_segment", "segment", "previous_indexes",
    "indexes", "reason",
)  # fmt: skip
_COLUMNS = (
    "event_id", "list_day", "company_id", "security_id", "symbol", "name", "sector", "rank",
    "total_market_cap_usd", "change", "previous_segment", "segment", "previous_indexes",
    "indexes", "change_since_last", "reason",
)  # fmt: skip


def preliminary_lists(
    decisions: pl.DataFrame,
    universe: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    event: Event,
    until: date,
    rules: IndexRules,
) -> pl.DataFrame:
    """Draw up the lists of an event that are public by some day.

    Args:
        decisions: Contract `reconstitution` of the event as its rank day gives it.
        universe: Contract `universe` from the rank day to `until`. Read: see
            `departures.DEPARTURE_COLUMNS`.
        actions: Contract `corporate_actions` over the same sessions; endings are read.
        event: The event.
        until: The last day that is known.
        rules: The rules in force on its rank day.

    Returns:
        Contract `preliminary_lists`, sorted by `list_day`, `company_id`: additions,
        deletions and moves of companies that have not departed. A change that was on the
        list before and is not on this one stands once more, as withdrawn.

    Notes:
        A list knows what the close of its day showed, and nothing later; from lock-down
        on it repeats what was known then. An event whose list days are unknown has none.

    Example:
        HAL enters; it is gone when the second list comes.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> from r2k_pipeline.rulebook.sessions import sessions_between
        >>> june = event("2022-06")
        >>> decisions = pl.DataFrame({
        ...     "event_id": ["2022-06"], "company_id": ["C-HAL"], "security_id": ["S-HAL"],
        ...     "symbol": ["HAL"], "name": ["Halden"], "sector": ["x"], "rank": [2000],
        ...     "total_market_cap_usd": [1e9], "previous_segment": [None], "segment": ["small"],
        ...     "previous_indexes": [None], "indexes": ["r2000"], "decision": ["enters"],
        ...     "reason": ["by its rank"],
        ... })
        >>> days = sessions_between(june.rank_day, date(2022, 6, 10))
        >>> universe = pl.DataFrame({
        ...     "session": days, "security_id": "S-HAL", "company_id": "C-HAL",
        ...     "close_usd": 9.0, "is_eligible": True,
        ... })
        >>> actions = pl.DataFrame({
        ...     "session": [date(2022, 6, 8)], "security_id": ["S-HAL"],
        ...     "action_type": ["cash_merger"],
        ... })
        >>> preliminary_lists(
        ...     decisions, universe, actions, event=june, until=days[-1],
        ...     rules=rules_in_force(june.rank_day),
        ... ).select("list_day", "change", "change_since_last").rows()[1]
        (datetime.date(2022, 6, 10), 'addition', 'withdrawn')

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 6.4 and appendix F.
    """
    changes = (
        decisions.with_columns(change=_change())
        .filter(pl.col("change").is_not_null())
        .select(_KEPT)
    )
    before = changes.clear()
    lists = []
    for day in (day for day in event.list_days if day <= until):
        departed = departed_companies(universe, actions, event=event, by=day, rules=rules)
        standing = changes.join(departed, on="company_id", how="anti")
        since_last = pl.when(pl.col("company_id").is_in(before["company_id"].implode()))
        withdrawn = before.join(departed, on="company_id").with_columns(
            reason=_withdrawal(), change_since_last=pl.lit("withdrawn")
        )
        listed = standing.with_columns(
            change_since_last=since_last.then(pl.lit("unchanged")).otherwise(pl.lit("new"))
        )
        lists += [rows.with_columns(list_day=day).select(_COLUMNS) for rows in (listed, withdrawn)]
        before = standing
    empty = changes.with_columns(
        list_day=pl.lit(event.rank_day), change_since_last=pl.lit("new")
    ).select(_COLUMNS)
    return pl.concat([empty.clear(), *lists]).sort("list_day", "company_id")


def _change() -> pl.Expr:
    """What kind of change a decision is; null where the company stays as it is."""
    before, after = pl.col("previous_indexes"), pl.col("indexes")
    stays = pl.col("decision").is_in(["stays_by_rank", "stays_by_band"])
    kinds = {
        "enters": "addition",
        "leaves": "deletion",
        "moves_up": "move_up",
        "moves_down": "move_down",
    }
    return (
        pl.when(stays & (before != after))
        .then(pl.lit("move_within"))
        .otherwise(pl.col("decision").replace_strict(kinds, default=None, return_dtype=pl.String))
    )


def _withdrawal() -> pl.Expr:
    return pl.format(
        "withdrawn: its last line ended on {}", pl.col("ended_session").cast(pl.String)
    )
