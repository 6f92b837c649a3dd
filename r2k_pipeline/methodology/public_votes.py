"""How many of a company's votes are in public hands.

What the public has once every holder may sell is a fact about the company
(`rulebook/reference/public_votes.csv`). Until the lock-up after an IPO has ended the public
has no more than what was offered; once it has, and until a review has seen who bought, what
the filings of the year of the listing say.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.fact_matching import facts_by_line
from r2k_pipeline.rulebook.reviews import cut_off_before

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.rules import IndexRules


def public_votes(
    lines: pl.DataFrame, facts: pl.DataFrame, securities: pl.DataFrame, *, rules: IndexRules
) -> pl.DataFrame:
    """Add the share of votes in public hands, where it may be too small.

    Args:
        lines: Read: `session`, `security_id`, `symbol`, `name`, `ipo_year` (null where
            the feed has none), `year`.
        facts: `rulebook.reference_facts.public_vote_facts()`.
        securities: Contract `securities`; read when each line was first listed.
        rules: The rules in force: `lock_up_days`, `offered_part_of_float`.

    Returns:
        The same rows with `public_vote_share` (0 to 1) and `votes_since`, the year of
        the company's IPO or, where the feed has none, the first year of the fact; both
        null where no fact speaks of the company.

    Notes:
        A lock-up is taken to run from the line's first session, if the feed's year
        of the IPO agrees. What holders sold after its end is seen by the next review:
        at the last cut-off before the session it must have been over. Look-ahead: none.

    Example:
        HAL and OLD have the same votes, but HAL was listed four months ago.

        >>> day = date(2022, 5, 6)
        >>> lines = pl.DataFrame({
        ...     "session": [day] * 2, "security_id": ["S-HAL", "S-OLD"],
        ...     "symbol": ["HAL", "OLD"], "name": ["Halden Inc.", "Oldham Inc."],
        ...     "ipo_year": [2022, 2018], "year": [2022] * 2,
        ... }, schema_overrides={"year": pl.Int32})
        >>> facts = pl.DataFrame({
        ...     "symbol": ["HAL", "OLD"], "company": ["Halden", "Oldham"],
        ...     "public_vote_share": [0.09] * 2, "first_year": [2018] * 2,
        ...     "last_year": [None] * 2, "source": ["x"] * 2, "certainty": ["official"] * 2,
        ... }, schema_overrides={"first_year": pl.Int32, "last_year": pl.Int32})
        >>> securities = pl.DataFrame({
        ...     "security_id": ["S-HAL", "S-OLD"],
        ...     "first_session": [date(2022, 1, 5), date(2018, 1, 5)],
        ... })
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> public_votes(lines, facts, securities, rules=rules_in_force(day))[
        ...     "public_vote_share"
        ... ].to_list()
        [0.03, 0.09]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 4.3, 5.15 and 9.3.12.
    """
    listed = securities.group_by("security_id").agg(listed_on=pl.col("first_session").min())
    dated = lines.join(listed, on="security_id", how="left", maintain_order="left").join(
        _lock_ups(lines, rules), on="session", how="left", maintain_order="left"
    )
    told = facts_by_line(lines, facts.with_columns(votes_since="first_year")).select(
        "symbol", "name", "year", "public_vote_share", "votes_since"
    )
    is_locked, is_unseen = _is_new("locked_since"), _is_new("unseen_since")
    of_listing = facts_by_line(
        dated.filter(is_unseen).select("symbol", "name", session="listed_on"), facts
    ).select("symbol", "name", listed_year="year", listing_share="public_vote_share")
    offered = pl.col("public_vote_share") * rules.offered_part_of_float
    key = ["symbol", "name"]
    return (
        dated.with_columns(listed_year=pl.col("listed_on").dt.year().cast(pl.Int32))
        .join(told, on=[*key, "year"], how="left", nulls_equal=True, maintain_order="left")
        .join(
            of_listing, on=[*key, "listed_year"], how="left", nulls_equal=True,
            maintain_order="left",
        )
        .with_columns(
            pl.when(is_locked)
            .then(offered)
            .when(is_unseen)
            .then(pl.coalesce("listing_share", offered))
            .otherwise("public_vote_share")
            .alias("public_vote_share"),
            pl.when(pl.col("votes_since").is_not_null())
            .then(pl.coalesce("ipo_year", "votes_since"))
            .alias("votes_since"),
        )
        .drop("listed_on", "listed_year", "listing_share", "locked_since", "unseen_since")
    )  # fmt: skip


def _is_new(since: str) -> pl.Expr:
    """Whether a line was listed after a day, and offered no earlier than in that year."""
    day = pl.col(since)
    is_new = (pl.col("listed_on") > day) & (pl.col("ipo_year") >= day.dt.year())
    return is_new.fill_null(value=False)


def _lock_ups(lines: pl.DataFrame, rules: IndexRules) -> pl.DataFrame:
    """Per session, since when a listing is locked up on it, and was at the last cut-off."""
    sessions: list[date] = lines["session"].unique().sort().to_list()
    lock_up = timedelta(days=rules.lock_up_days)
    return pl.DataFrame(
        {
            "session": sessions,
            "locked_since": [day - lock_up for day in sessions],
            "unseen_since": [cut_off_before(day) - lock_up for day in sessions],
        },
        schema={"session": pl.Date, "locked_since": pl.Date, "unseen_since": pl.Date},
    )
