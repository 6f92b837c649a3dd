"""3a: which companies leave between the rank day and the lock-down.

A company whose lines all end is on no list: its merger or delisting came before the
event. Holds how an end is told and what it does to the decisions; whose shares change
and who joins later is `maintenance`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.rulebook.action_types import ENDINGS
from r2k_pipeline.rulebook.reasons import MembershipDecision

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

DEPARTURE_COLUMNS = ("session", "security_id", "company_id", "close_usd", "is_eligible")
"""What of contract `universe` an end is read from."""


def departed_companies(
    universe: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    event: Event,
    by: date,
    rules: IndexRules,
) -> pl.DataFrame:
    """Tell the companies that were listed on a rank day and have no line left.

    Args:
        universe: Contract `universe` from the rank day on. Read: `DEPARTURE_COLUMNS`.
        actions: Contract `corporate_actions` over the same sessions; endings are read.
        event: The event.
        by: The day as of which it is asked; from `event.frozen_from` on nothing changes.
        rules: Read `max_carried_sessions`.

    Returns:
        `company_id` and `ended_session`, the last on which one of its lines traded, by
        `company_id`.

    Notes:
        The eligible lines of a company count; all of them, if none is. A line ends by a
        reported delisting or merger, or by silence for longer than a member without a
        close would be carried. Sessions that the feed does not have count as no silence.
        No row of a later session than `by` is used.

    Example:
        HAL is gone after the rank day, and silent long enough by 16 May.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> from r2k_pipeline.rulebook.sessions import sessions_between
        >>> days = sessions_between(date(2022, 5, 6), date(2022, 5, 16))
        >>> universe = pl.DataFrame({
        ...     "session": [*days, days[0]], "security_id": ["S-BOLT"] * 7 + ["S-HAL"],
        ...     "company_id": ["C-BOLT"] * 7 + ["C-HAL"], "close_usd": 9.0,
        ...     "is_eligible": True,
        ... })
        >>> actions = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "action_type": pl.String})
        >>> for by in days[5:]:
        ...     departed = departed_companies(
        ...         universe, actions, event=event("2022-06"), by=by,
        ...         rules=rules_in_force(days[0]),
        ...     )
        ...     print(by, departed["company_id"].to_list())
        2022-05-13 []
        2022-05-16 ['C-HAL']

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 6.4.
    """
    is_open = (pl.col("session") <= by) & (pl.col("session") < event.frozen_from)
    known = universe.filter(is_open & (pl.col("session") >= event.rank_day))
    calendar = known.select(pl.col("session").unique().sort()).with_row_index("ordinal")
    counts = pl.col("is_eligible") == pl.col("is_eligible").any().over("company_id")
    ranked = known.filter(pl.col("session") == event.rank_day).filter(counts)
    lines = (
        known.filter(pl.col("close_usd") > 0)
        .join(ranked.select("security_id"), on="security_id", how="semi")
        .group_by("company_id", "security_id")
        .agg(ended_session=pl.col("session").max())
        .join(calendar.rename({"session": "ended_session"}), on="ended_session")
    )
    told = actions.filter(pl.col("action_type").is_in(ENDINGS) & is_open).filter(
        pl.col("session") > event.rank_day
    )
    silence = calendar.height - 1 - pl.col("ordinal").cast(pl.Int64)
    is_told = pl.col("security_id").is_in(told["security_id"].unique().implode())
    return (
        lines.with_columns(is_over=is_told | (silence > rules.max_carried_sessions))
        .group_by("company_id")
        .agg(pl.col("is_over").all(), pl.col("ended_session").max())
        .filter("is_over")
        .select("company_id", "ended_session")
        .sort("company_id")
    )


def without_departed(decisions: pl.DataFrame, departed: pl.DataFrame) -> pl.DataFrame:
    """Put departed companies outside; nobody moves up into their places.

    Args:
        decisions: Contract `reconstitution` of one event.
        departed: As `departed_companies` gives them.

    Returns:
        The decisions in the same order. A departed company that would have been a
        member leaves, or stays out if it was none, and its reason says when it ended.

    Example:
        >>> from datetime import date
        >>> decisions = pl.DataFrame({
        ...     "company_id": ["C-A", "C-B"], "previous_segment": ["small", None],
        ...     "segment": ["large", "small"], "indexes": ["r1000", "r2000"],
        ...     "edges_above": ["1000", "3000"], "decision": ["moves_up", "enters"],
        ...     "reason": ["by rank"] * 2,
        ... })
        >>> departed = pl.DataFrame({
        ...     "company_id": ["C-A"], "ended_session": [date(2022, 5, 20)]})
        >>> without_departed(decisions, departed).select("segment", "decision", "reason").rows()[0]
        (None, 'leaves', 'leaves: its last line ended on 2022-05-20, before the lists were final')
    """
    gone = pl.col("ended_session").is_not_null() & pl.col("segment").is_not_null()
    was_in = pl.col("previous_segment").is_not_null()
    outside = (
        pl.when(was_in)
        .then(pl.lit(MembershipDecision.LEAVES.value))
        .otherwise(pl.lit(MembershipDecision.STAYS_OUT.value))
    )
    said = pl.concat_str(
        pl.when(was_in).then(pl.lit("leaves: ")).otherwise(pl.lit("stays out: ")),
        pl.format(
            "its last line ended on {}, before the lists were final",
            pl.col("ended_session").cast(pl.String),
        ),
    )
    texts = ("segment", "indexes", "edges_above")
    return (
        decisions.join(departed, on="company_id", how="left", maintain_order="left")
        .with_columns(
            pl.when(gone).then(outside).otherwise("decision").alias("decision"),
            pl.when(gone).then(said).otherwise("reason").alias("reason"),
            *(pl.when(~gone).then(pl.col(name)).alias(name) for name in texts),
        )
        .select(decisions.columns)
    )
