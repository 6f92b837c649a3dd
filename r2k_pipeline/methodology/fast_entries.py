"""3b: very large IPOs join after a few sessions, without waiting for a review.

Holds who enters fast and on which session. It is the offered shares that must be large,
which only a reported listing tells. Reviews add the other IPOs (`ipo_additions`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.ipo_additions import one_line_a_company
from r2k_pipeline.rulebook.sessions import next_session

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.rulebook.schedule import Event


def entry_session(
    first_session: date, *, event: Event, following: Event, sessions: int
) -> date | None:
    """Say from which session on a fast entrant counts while an event is in force.

    Args:
        first_session: The first session of its listing.
        event: The event in force.
        following: The event after it.
        sessions: After the close of which trading day it joins, see
            `IndexRules.fast_entry_sessions`.

    Returns:
        The session; None if it does not join while `event` is in force, because it was
        ranked for it, or waits for the one after.

    Example:
        Listed on a Friday in spring: in from the sixth session on, and again after
        the event that did not rank it. Listed just before the lock-down ends: then.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> events = {"event": event("2025-06"), "following": event("2026-06")}
        >>> str(entry_session(date(2026, 5, 15), **events, sessions=5))
        '2026-05-22'
        >>> entry_session(date(2026, 6, 12), **events, sessions=5) is None
        True
        >>> events = {"event": event("2026-06"), "following": event("2026-12")}
        >>> for day in (date(2026, 5, 15), date(2026, 6, 12)):
        ...     print(entry_session(day, **events, sessions=5))
        2026-06-29
        2026-06-29

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 4.3.5.
    """
    if first_session <= event.rank_day:
        return None
    day = first_session
    for _ in range(sessions):
        day = next_session(day)
    joins = max(day, event.effective_session)
    waits = joins > following.frozen_from
    return None if waits else joins


def fast_entrants(
    new_lines: pl.DataFrame,
    universe: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    ratios: pl.DataFrame,
    breakpoint_usd: float,
) -> pl.DataFrame:
    """Find IPOs so large that they enter at once.

    Args:
        new_lines: As `first_listings` gives them, those of the period.
        universe: Contract `universe` of the same period, with each line's first session.
        actions: Contract `corporate_actions` of the same period. Read: listings, whose
            `ratio` is the part of its shares that a company offered.
        ratios: As `market_adjustment.market_ratios` gives them; their first session is
            the rank day.
        breakpoint_usd: The breakpoint on the rank day that the offered shares at the
            first close must exceed once the market has moved it, USD.

    Returns:
        As `ipo_additions.one_line_a_company`, with `first_session` and `offered_share`.

    Notes:
        What was offered is in no price feed: without a reported listing nobody enters
        fast.

    Example:
        >>> from datetime import date
        >>> day = date(2026, 6, 12)
        >>> new_lines = pl.DataFrame({
        ...     "security_id": ["S-BIG"], "company_id": ["C-BIG"], "first_session": [day],
        ... })
        >>> universe = pl.DataFrame({
        ...     "session": [day], "security_id": ["S-BIG"], "company_id": ["C-BIG"],
        ...     "symbol": ["BIG"], "name": ["Big"], "sector": ["x"], "is_eligible": [True],
        ...     "market_cap_usd": [400e9], "addtv_usd": [1e9],
        ... })
        >>> actions = pl.DataFrame({
        ...     "session": [day], "security_id": ["S-BIG"], "action_type": ["listing"],
        ...     "ratio": [0.05],
        ... })
        >>> ratios = pl.DataFrame({"session": [day], "market_ratio": [1.1]})
        >>> for breakpoint_usd in (18e9, 19e9):
        ...     found = fast_entrants(
        ...         new_lines, universe, actions, ratios=ratios, breakpoint_usd=breakpoint_usd)
        ...     print(found["symbol"].to_list())
        ['BIG']
        []

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 4.3.5.
    """
    offered = (
        actions.filter(pl.col("action_type") == "listing")
        .group_by("security_id", "session")
        .agg(offered_share=pl.col("ratio").max())
        .drop_nulls()
    )
    limit = pl.col("market_ratio").fill_null(1.0) * breakpoint_usd
    first_rows = (
        universe.join(new_lines.select("security_id", "first_session"), on="security_id")
        .filter(pl.col("session") == pl.col("first_session"))
        .join(offered, on=["security_id", "session"])
        .sort("session")
        .join_asof(ratios.sort("session"), on="session", strategy="backward")
    )
    large = pl.col("market_cap_usd") * pl.col("offered_share") > limit
    entrants = first_rows.filter(pl.col("is_eligible") & large)
    return one_line_a_company(entrants, "first_session", "offered_share")
