"""What members are let off at a reconstitution, and the ranking with them.

The universe of a session knows no members, so it judges every line as a newcomer's.
A member whose close is below the minimum on the rank day still passes when the mean
close of the days before reaches it. `universe` states that mean wherever the price is
all that excludes a line; who is a member is known at the event, and there its ranking
takes those lines in. Add here what else only a member is let off. The exemption from
the test of votes (2017 to 2022) is not here: it held for the members of 2017, and the
year of listing tells those better than a membership that may itself rest on the test.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.rulebook.reasons import ExclusionReason

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.rules import IndexRules

MEAN_CLOSE = "mean_close_30_days_usd"


def mean_closes(
    listings: pl.DataFrame, securities: pl.DataFrame, asked: pl.DataFrame, *, days: int
) -> pl.DataFrame:
    """Mean close of lines over the days before a session.

    Args:
        listings: Contract `raw_listings` from `days` calendar days before the first
            session asked for; what is missing there is missing in the mean.
        securities: Contract `securities`: which symbols a line bore when.
        asked: `session`, `security_id`, at least one; the line must have a close on the
            session.
        days: Calendar days, the session itself not among them.

    Returns:
        The rows of `asked` that have a close in those days, with
        `mean_close_30_days_usd`, USD per share.

    Notes:
        Uses closes before the session only. They are as traded: across a reverse split
        within the days the mean is of two different shares, as the rule does not speak
        of splits.

    Example:
        >>> from datetime import date
        >>> days = [date(2024, 3, 1), date(2024, 4, 26), date(2024, 4, 29), date(2024, 4, 30)]
        >>> listings = pl.DataFrame({
        ...     "session": days, "symbol": "HAL", "close_usd": [9.0, 1.5, 1.1, 0.9],
        ... })
        >>> securities = pl.DataFrame({
        ...     "symbol": ["HAL"], "security_id": ["S-HAL"],
        ...     "first_session": days[:1], "last_session": days[-1:],
        ... })
        >>> asked = pl.DataFrame({"session": days[-1:], "security_id": ["S-HAL"]})
        >>> mean_closes(listings, securities, asked, days=30)["mean_close_30_days_usd"].to_list()
        [1.3]
    """
    first = asked.select(pl.col("session").min() - timedelta(days=days)).item()
    spans = securities.select("symbol", "security_id", "first_session", "last_session")
    borne = spans.join(asked, on="security_id", how="semi")
    closes = (
        listings.lazy()
        .select("session", "symbol", "close_usd")
        .filter((pl.col("session") >= first) & (pl.col("close_usd") > 0))
        .join(borne.lazy(), on="symbol")
        .filter(pl.col("session").is_between("first_session", "last_session"))
        .sort("security_id", "session")
        .collect()
    )
    return (
        closes.rolling("session", period=f"{days}d", closed="left", group_by="security_id")
        .agg(pl.col("close_usd").mean().alias(MEAN_CLOSE))
        .drop_nulls(MEAN_CLOSE)
        .join(asked, on=["session", "security_id"], how="semi")
        .select("session", "security_id", MEAN_CLOSE)
    )


def only_price_fails() -> pl.Expr:
    """Whether the price is all that excludes a line, over contract `universe`.

    Example:
        >>> lines = pl.DataFrame({"failed_rules": ["price_below_minimum", "foreign", None]})
        >>> lines.select(only_price_fails()).to_series().to_list()
        [True, False, None]
    """
    return pl.col("failed_rules") == ExclusionReason.PRICE_BELOW_MINIMUM.value


def excused_of_member(rules: IndexRules) -> pl.Expr:
    """Whether a line would be eligible as a member's, over contract `universe`.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> lines = pl.DataFrame({
        ...     "failed_rules": ["price_below_minimum", "line_type price_below_minimum"],
        ...     "mean_close_30_days_usd": [1.02, None],
        ... })
        >>> lines.select(excused_of_member(rules_in_force(date(2022, 5, 6)))).to_series().to_list()
        [True, False]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 5.8.
    """
    has_exception = rules.member_mean_close_days > 0
    reaches = pl.col(MEAN_CLOSE) >= rules.minimum_close_usd
    return (pl.lit(has_exception) & only_price_fails() & reaches).fill_null(value=False)


def rank_with_members(
    ranking: pl.DataFrame,
    universe: pl.DataFrame,
    *,
    members: pl.DataFrame,
    rules: IndexRules,
) -> pl.DataFrame:
    """Rank the companies of a rank day with the members that are let off.

    Args:
        ranking: Contract `ranking` of the rank day.
        universe: Contract `universe` of the rank day.
        members: Read: `company_id`; the companies in an index before the event.
        rules: The rules in force on the rank day.

    Returns:
        Contract `ranking`. The ranking as it was, if no member needs the exception.

    Notes:
        A company that another of its lines ranks already is left as it is: its line
        below the minimum stays out.

    Example:
        PEN closes below $1, but was above it in the days before and is a member.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> day = date(2022, 5, 6)
        >>> rules = rules_in_force(day)
        >>> universe = pl.DataFrame({
        ...     "session": [day] * 2, "company_id": ["C-BIG", "C-PEN"],
        ...     "security_id": ["S-BIG", "S-PEN"], "symbol": ["BIG", "PEN"],
        ...     "name": ["Big", "Pen"], "sector": ["x", "x"], "close_usd": [9.0, 0.97],
        ...     "addtv_usd": [1e6, 1e6], "market_cap_usd": [9e9, 97e6],
        ...     "is_eligible": [True, False], "failed_rules": [None, "price_below_minimum"],
        ...     "mean_close_30_days_usd": [None, 1.04],
        ... })
        >>> ranking = rank_companies(universe, rules=rules)
        >>> members = pl.DataFrame({"company_id": ["C-PEN"]})
        >>> rank_with_members(ranking, universe, members=members, rules=rules)["symbol"].to_list()
        ['BIG', 'PEN']
        >>> rank_with_members(
        ...     ranking, universe, members=members.clear(), rules=rules)["symbol"].to_list()
        ['BIG']
    """
    excused = (
        universe.filter(excused_of_member(rules))
        .join(members, on="company_id", how="semi")
        .join(ranking, on="company_id", how="anti")
    )
    if excused.is_empty():
        return ranking
    admitted = excused.with_columns(is_eligible=pl.lit(True))
    return rank_companies(pl.concat([universe.filter("is_eligible"), admitted]), rules=rules)
