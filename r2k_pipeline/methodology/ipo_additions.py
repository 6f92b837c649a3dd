"""3b: which IPOs join at a review.

1. What was listed within the review's window and is an IPO by what the feed says is a
   candidate. A company that was a blank-cheque company, was split off or had another
   line before is none.
2. A candidate must be eligible on the IPO rank date and larger than the smallest company
   of the last event, moved by the market.
3. Its size against the moved breakpoints gives its indexes. There is no band, and nobody
   is removed to make room.

How breakpoints move is `market_adjustment`; who does not wait for a review is
`fast_entries`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.rulebook.reasons import LineType

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.rulebook.reviews import Review
    from r2k_pipeline.rulebook.rules import IndexRules

# Lines that come with a blank-cheque company and stay with what it merges into.
_LEFT_BY_SPACS = [LineType.WARRANT.value, LineType.RIGHT.value, LineType.UNIT.value]
LISTING_COLUMNS = ("security_id", "company_id", "first_session", "ipo_year", "year_session")
"""What candidates are found by, see `first_listings`."""


def first_listings(
    events: pl.DataFrame, securities: pl.DataFrame, listings: pl.DataFrame
) -> pl.DataFrame:
    """Lay the first listing of each line beside the year of its IPO.

    Args:
        events: Contract `security_events`.
        securities: Contract `securities`.
        listings: Contract `raw_listings` of the sessions on which an IPO year may be
            looked up. Read: `session`, `symbol`, `ipo_year`.

    Returns:
        `LISTING_COLUMNS`, one row per line that was first seen after the first session
        of all. `ipo_year` is the first that the feed gave, `year_session` when; both are
        null where it gave none.

    Example:
        >>> from datetime import date
        >>> day = date(2021, 7, 29)
        >>> events = pl.DataFrame({
        ...     "security_id": ["S-HAL"], "session": [day], "event": ["listing"],
        ...     "evidence": ["first_seen"],
        ... })
        >>> securities = pl.DataFrame({
        ...     "security_id": ["S-HAL"], "company_id": ["C-HAL"], "symbol": ["HAL"],
        ...     "first_session": [day], "last_session": [date(2023, 12, 29)],
        ... })
        >>> listings = pl.DataFrame({
        ...     "session": [date(2021, 8, 13)], "symbol": ["HAL"], "ipo_year": [2021],
        ... })
        >>> first_listings(events, securities, listings).row(0)
        ('S-HAL', 'C-HAL', datetime.date(2021, 7, 29), 2021, datetime.date(2021, 8, 13))
    """
    born = events.filter(
        (pl.col("event") == "listing") & (pl.col("evidence") == "first_seen")
    ).select("security_id", first_session="session")
    spans = securities.select(
        "security_id", "company_id", "symbol", span_start="first_session", span_end="last_session"
    ).join(born, on="security_id")
    years = (
        listings.filter(pl.col("ipo_year").is_not_null())
        .join(spans, on="symbol")
        .filter(pl.col("session").is_between("span_start", "span_end"))
        .sort("session")
        .group_by("security_id")
        .agg(pl.col("ipo_year").first(), year_session=pl.col("session").first())
    )
    return (
        spans.select("security_id", "company_id", "first_session")
        .unique()
        .join(years, on="security_id", how="left")
        .sort("security_id")
        .select(LISTING_COLUMNS)
    )


def ipo_candidates(
    new_lines: pl.DataFrame,
    universe: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    window: tuple[date, date],
    rules: IndexRules,
) -> pl.DataFrame:
    """Tell the IPOs among the lines that were listed within a window.

    Args:
        new_lines: As `first_listings` gives them.
        universe: Contract `universe` from the window's first session to its last. Read:
            `session`, `security_id`, `company_id`, `symbol`, `line_type`.
        actions: Contract `corporate_actions` over the same sessions; spin-offs are read.
        window: The first and last day of the window.
        rules: The rules in force on its last day.

    Returns:
        `company_id` and `first_session`, one row per company whose first line of all
        was listed within the window, and in the year that the feed calls its IPO's.

    Notes:
        A spin-off that nobody reports and to which the feed gives an IPO year passes for
        one, and so does a merger with a blank-cheque company that left no warrants.
        A company without an IPO year waits for the reconstitution: direct listings,
        arrivals from over the counter and most spin-offs are among them.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> day = date(2021, 7, 29)
        >>> new_lines = pl.DataFrame({
        ...     "security_id": ["S-HAL", "S-OTC", "S-WAS"],
        ...     "company_id": ["C-HAL", "C-OTC", "C-WAS"],
        ...     "first_session": [day] * 3, "ipo_year": [2021, None, 2021],
        ...     "year_session": [day, None, day],
        ... })
        >>> universe = pl.DataFrame({
        ...     "session": [day] * 4, "security_id": ["S-HAL", "S-OTC", "S-WAS", "S-WAS.W"],
        ...     "company_id": ["C-HAL", "C-OTC", "C-WAS", "C-WAS"],
        ...     "symbol": ["HAL", "OTC", "WAS", "WASW"],
        ...     "line_type": ["common", "common", "common", "warrant"],
        ... })
        >>> actions = pl.DataFrame(schema={
        ...     "session": pl.Date, "action_type": pl.String, "counterparty_symbol": pl.String,
        ... })
        >>> ipo_candidates(
        ...     new_lines, universe, actions, window=(date(2021, 5, 8), date(2021, 8, 13)),
        ...     rules=rules_in_force(date(2021, 8, 13)),
        ... )["company_id"].to_list()
        ['C-HAL']

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 4.3.1 to 4.3.4.
    """
    first, last = window
    told = pl.col("ipo_year").filter(pl.col("year_session") <= last)
    by_company = new_lines.group_by("company_id").agg(
        pl.col("first_session").min(), ipo_year=told.max()
    )
    born = by_company.filter(
        pl.col("first_session").is_between(first, last)
        & (pl.col("ipo_year") == pl.col("first_session").dt.year())
    )
    candidates = born.join(_known_before(universe, born), on="company_id", how="anti").join(
        _split_off(universe, actions), on="company_id", how="anti"
    )
    if not rules.is_former_spac_an_ipo:
        former = _former_spacs(universe, candidates)
        candidates = candidates.join(former, on="company_id", how="anti")
    return candidates.select("company_id", "first_session").sort("company_id")


def _known_before(universe: pl.DataFrame, born: pl.DataFrame) -> pl.DataFrame:
    """Companies with any line on a session before their first new one."""
    return (
        universe.join(born, on="company_id")
        .filter(pl.col("session") < pl.col("first_session"))
        .select("company_id")
        .unique()
    )


def _split_off(universe: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Companies that a reported spin-off brought."""
    children = actions.filter(pl.col("action_type") == "spin_off").select(
        "session", symbol="counterparty_symbol"
    )
    return universe.join(children, on=["session", "symbol"], how="semi").select("company_id")


def _former_spacs(universe: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Companies that were blank-cheque companies, or began with what those leave behind."""
    lines = universe.join(candidates, on="company_id")
    is_spac = pl.col("line_type") == LineType.SPAC.value
    is_left = (pl.col("session") == pl.col("first_session")) & pl.col("line_type").is_in(
        _LEFT_BY_SPACS
    )
    return lines.filter(is_spac | is_left).select("company_id").unique()


def ranked_candidates(
    candidates: pl.DataFrame,
    universe: pl.DataFrame,
    *,
    review: Review,
    rules: IndexRules,
) -> pl.DataFrame:
    """Keep the candidates that are eligible on the IPO rank date, with their size.

    Args:
        candidates: As `ipo_candidates` gives them.
        universe: Contract `universe` of the observation sessions, the IPO rank date the
            last of them. Read: `session`, `security_id`, `company_id`, `symbol`, `name`,
            `sector`, `is_eligible`, `market_cap_usd`, `addtv_usd`.
        review: The review.
        rules: The rules in force on its cut-off.

    Returns:
        As `one_line_a_company`, with `first_session`. The last row of each line within
        the observation sessions counts: a feed may miss the rank date.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.reviews import review
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> september = review("2022-09")
        >>> candidates = pl.DataFrame({
        ...     "company_id": ["C-HAL", "C-BOLT"], "first_session": [date(2022, 7, 1)] * 2})
        >>> universe = pl.DataFrame({
        ...     "session": [september.cut_off_day] * 2, "security_id": ["S-HAL", "S-BOLT"],
        ...     "company_id": ["C-HAL", "C-BOLT"], "symbol": ["HAL", "BOLT"], "name": "x",
        ...     "sector": "x", "is_eligible": [True, False], "market_cap_usd": [9e8, 9e8],
        ...     "addtv_usd": 1e6,
        ... })
        >>> ranked_candidates(
        ...     candidates, universe, review=september,
        ...     rules=rules_in_force(september.cut_off_day),
        ... ).select("symbol", "total_market_cap_usd").rows()
        [('HAL', 900000000.0)]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 4.3.1, 5.8 and 6.9.
    """
    seasoned = candidates.filter(
        pl.col("first_session") + timedelta(days=rules.ipo_seasoning_days)
        <= review.effective_session
    )
    last_rows = (
        universe.filter(pl.col("session") <= review.cut_off_day)
        .join(seasoned.select("company_id", "first_session"), on="company_id")
        .sort("session")
        .group_by("security_id", maintain_order=True)
        .last()
    )
    return one_line_a_company(last_rows.filter("is_eligible"), "first_session")


def one_line_a_company(lines: pl.DataFrame, *also: str) -> pl.DataFrame:
    """Keep the line of each company that trades most, with the company's capitalisation.

    Args:
        lines: Rows of contract `universe`, one a line.
        also: Further columns to keep of that line.

    Returns:
        `company_id`, `security_id`, `symbol`, `name`, `sector`, the further columns and
        `total_market_cap_usd`, by `company_id`.

    Example:
        >>> lines = pl.DataFrame({
        ...     "company_id": ["C"] * 2, "security_id": ["C.A", "C.B"], "symbol": ["CA", "CB"],
        ...     "name": "x", "sector": "x", "addtv_usd": [1e5, 1e6], "market_cap_usd": 4e9,
        ... })
        >>> one_line_a_company(lines).select("security_id", "total_market_cap_usd").row(0)
        ('C.B', 4000000000.0)
    """
    return (
        lines.sort("company_id", pl.col("addtv_usd").fill_null(0.0), "security_id",
                   descending=[False, True, False])
        .group_by("company_id", maintain_order=True)
        .agg(
            pl.col("security_id", "symbol", "name", "sector", *also).first(),
            pl.col("market_cap_usd").max().alias("total_market_cap_usd"),
        )
    )  # fmt: skip
