"""1: snapshot -> every share line, eligible or left out for a stated reason.

1. Each listing gets its permanent line and company (`securities`).
2. What the feed got wrong is repaired, visibly (`repairs`).
3. Its kind is read (`line_types`, `line_behaviour`), and its home country
   (`nationality`).
4. The rules of eligibility are asked of each line in order; the first that fails
   gives the reason. No line is ever dropped.
5. The lines of a company are valued together, and further classes asked whether
   they may stand beside the first (`share_classes`).

Rules that compare companies with one another belong to `ranking`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import MissingPartitionError
from r2k_pipeline.methodology import share_history
from r2k_pipeline.methodology.fact_matching import facts_by_line
from r2k_pipeline.methodology.line_behaviour import classify_lines
from r2k_pipeline.methodology.nationality import HOME, home_countries
from r2k_pipeline.methodology.repairs import repair_listings
from r2k_pipeline.methodology.share_classes import value_companies
from r2k_pipeline.rulebook.reasons import ExclusionReason, LineType, RepairRule, exclusion_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.rulebook.reference_facts import Reference
    from r2k_pipeline.rulebook.rules import IndexRules

CONTEXT_SESSIONS = share_history.CONTEXT_SESSIONS
"""How many sessions before a session its repairs look at, and no rule looks further."""
_LIQUIDITY_SESSIONS = 60

_LINE = ("session", "exchange", "symbol")
_COLUMNS = (
    "session", "security_id", "company_id", "symbol", "name", "exchange", "line_type",
    "type_evidence", "country", "home_country", "nationality_evidence", "public_vote_share",
    "sector", "close_usd", "raw_close_usd", "previous_close_usd", "volume_shares", "addtv_usd",
    "market_cap_usd", "raw_market_cap_usd", "repair_rule", "repair_evidence", "total_shares",
    "line_shares", "is_eligible", "exclusion_reason",
)  # fmt: skip


def evaluate_universe(
    listings: pl.DataFrame,
    securities: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    start: date,
    sessions: Sequence[date],
    reference: Reference,
    rules: IndexRules,
) -> pl.DataFrame:
    """Judge every listed line of every session against the rules of eligibility.

    Args:
        listings: Contract `raw_listings` from up to `CONTEXT_SESSIONS` sessions before
            `start` on; a line with less history is judged on what there is.
        securities: Contract `securities`; every listing must fall into one span.
        actions: Contract `corporate_actions` over the same sessions; splits are read.
        start: The first session that is judged.
        sessions: Every XNYS session of the range, context included.
        reference: Public facts about companies.
        rules: The rules in force from `start` on.

    Returns:
        Contract `universe`, one row per listing from `start` on, sorted by `session`,
        `security_id`. `market_cap_usd` is the company's, over all its lines;
        `total_shares` is that over the line's close, `line_shares` what of it is
        this line; null where cap or close is missing. A repaired value stands
        beside the raw one with rule and evidence. `exclusion_reason` is null for
        eligible lines, else the first rule that fails, a value of
        `rulebook.reasons.ExclusionReason`.

    Raises:
        MissingPartitionError: A listing has no span in `securities`, which
            therefore is older than the listings.

    Notes:
        No row uses anything later than its session.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.reference_facts import shipped_reference
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> day = date(2024, 4, 30)
        >>> listings = pl.DataFrame({
        ...     "session": [day] * 2, "exchange": ["nyse"] * 2, "symbol": ["HAL", "HAL/WS"],
        ...     "name": ["Halden Inc. Common Stock", "Halden Inc. Warrant"],
        ...     "close_usd": [12.0, 1.5], "previous_close_usd": [11.9, 1.4],
        ...     "volume_shares": [9000, 10], "market_cap_usd": [1.2e9, None],
        ...     "country": ["United States"] * 2, "ipo_year": [None] * 2,
        ...     "industry": [None] * 2, "sector": [None] * 2,
        ... }, schema_overrides={
        ...     "industry": pl.String, "sector": pl.String, "ipo_year": pl.Int32})
        >>> securities = pl.DataFrame({
        ...     "symbol": ["HAL", "HAL/WS"], "security_id": ["S-HAL", "S-HAL/WS"],
        ...     "company_id": ["C-HAL"] * 2, "first_session": [day] * 2, "last_session": [day] * 2,
        ... })
        >>> actions = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "symbol": pl.String,
        ...     "action_type": pl.String, "split_factor": pl.Float64,
        ... })
        >>> evaluate_universe(
        ...     listings, securities, actions, start=day, sessions=[day],
        ...     reference=shipped_reference(), rules=rules_in_force(day),
        ... ).select("security_id", "line_type", "total_shares", "exclusion_reason").rows()
        [('S-HAL', 'common', 100000000.0, None), ('S-HAL/WS', 'warrant', None, 'warrant')]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 5.2 to 5.13 and 6.5.
    """
    repaired = repair_listings(listings, securities, actions, start=start, sessions=sessions)
    kinds = classify_lines(listings, securities, reference.issuer_kinds, start=start)
    lines = (
        _identified(repaired, securities)
        .join(kinds, on=list(_LINE), how="left")
        .join(_liquidity(listings, start), on=list(_LINE), how="left")
    )
    known = _with_known_shares(_with_facts(lines, reference, rules), reference)
    judged = known.with_columns(exclusion_reason=_own_exclusion(rules))
    return _with_company_values(judged, rules).select(_COLUMNS).sort("session", "security_id")


def _identified(listings: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """Listings with their line and company."""
    spans = securities.select(
        "symbol", "security_id", "company_id", "first_session", "last_session"
    ).sort("first_session")
    found = listings.sort("session").join_asof(
        spans,
        left_on="session",
        right_on="first_session",
        by="symbol",
        strategy="backward",
        check_sortedness=False,
    )
    unknown = found.filter(
        pl.col("security_id").is_null() | (pl.col("session") > pl.col("last_session"))
    )
    if not unknown.is_empty():
        raise MissingPartitionError(
            "securities",
            unknown["session"].unique().sort().to_list(),
            remedy="materialize `securities` again: it is older than these listings",
        )
    return found


def _liquidity(listings: pl.DataFrame, start: date) -> pl.DataFrame:
    """Average daily dollar volume of each line over the last sessions."""
    value = pl.col("close_usd").fill_null(0.0) * pl.col("volume_shares").fill_null(0)
    return (
        listings.select(*_LINE, value.alias("value_usd"))
        .sort("session", maintain_order=True)
        .with_columns(
            addtv_usd=pl.col("value_usd")
            .rolling_mean(_LIQUIDITY_SESSIONS, min_samples=1)
            .over("exchange", "symbol")
        )
        .filter(pl.col("session") >= start)
        .drop("value_usd")
    )


def _with_facts(lines: pl.DataFrame, reference: Reference, rules: IndexRules) -> pl.DataFrame:
    """Lines with the country that each counts to, and why, and with the public's votes."""
    votes = facts_by_line(lines, reference.public_votes).drop("source", "certainty")
    return (
        lines.with_columns(year=pl.col("session").dt.year().cast(pl.Int32))
        .join(
            home_countries(lines, reference.home_countries, rules=rules),
            on=["symbol", "name", "country", "year"],
            how="left",
            nulls_equal=True,
        )
        .join(votes, on=["symbol", "name", "year"], how="left", nulls_equal=True)
    )


def _with_known_shares(lines: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    """Give lines whose cap stayed blank the shares that are publicly known."""
    facts = facts_by_line(lines, reference.share_counts).drop("certainty")
    known = lines.join(facts, on=["symbol", "name", "year"], how="left", nulls_equal=True)
    is_blank = (pl.col("market_cap_usd").fill_null(0.0) <= 0) & (pl.col("close_usd") > 0)
    helped = is_blank & pl.col("total_shares").is_not_null()
    return known.with_columns(
        market_cap_usd=pl.when(helped)
        .then(pl.col("close_usd") * pl.col("total_shares"))
        .otherwise("market_cap_usd"),
        repair_rule=pl.when(helped)
        .then(pl.lit(RepairRule.KNOWN_SHARES.value))
        .otherwise("repair_rule"),
        repair_evidence=pl.when(helped)
        .then(pl.format("{} shares: {}", pl.col("total_shares").cast(pl.Int64), "source"))
        .otherwise("repair_evidence"),
    ).drop("total_shares", "source")


def _own_exclusion(rules: IndexRules) -> pl.Expr:
    """The first rule that a line fails by itself, in the order of the rulebook's sections."""
    kind = pl.col("line_type")
    by_kind = [
        pl.when(kind == excluded.value).then(pl.lit(exclusion_of(excluded).value))
        for excluded in LineType
        if excluded in rules.excluded_line_types
    ]
    tests = (
        (ExclusionReason.EXCHANGE, pl.col("exchange").is_in(sorted(rules.exchanges))),
        (ExclusionReason.FOREIGN, (pl.col("home_country") == HOME).fill_null(value=False)),
        (ExclusionReason.VOTES_BELOW_MINIMUM, _has_enough_votes(rules)),
        (ExclusionReason.NO_CLOSE, (pl.col("close_usd") > 0).fill_null(value=False)),
        (ExclusionReason.PRICE_BELOW_MINIMUM, pl.col("close_usd") >= rules.minimum_close_usd),
        (ExclusionReason.NO_MARKET_CAP, (pl.col("market_cap_usd") > 0).fill_null(value=False)),
        (ExclusionReason.UNREPAIRED, pl.col("quarantine_reason").is_null()),
    )
    return pl.coalesce(*by_kind, *(pl.when(~ok).then(pl.lit(reason.value)) for reason, ok in tests))


def _has_enough_votes(rules: IndexRules) -> pl.Expr:
    """Whether the public has enough votes, or is not asked; unknown votes are enough."""
    is_asked = pl.col("ipo_year").fill_null(0) >= rules.votes_asked_of_listings_since
    enough = pl.col("public_vote_share") >= rules.minimum_public_vote_share
    return ~is_asked | enough.fill_null(value=True)


def _with_company_values(lines: pl.DataFrame, rules: IndexRules) -> pl.DataFrame:
    """Company caps over all eligible lines, and the rules that need them."""
    key = ["session", "security_id"]
    standing = lines.filter(pl.col("exclusion_reason").is_null())
    valued = value_companies(
        standing.select(*key, "company_id", "close_usd", "market_cap_usd", "addtv_usd"),
        rules=rules,
    ).select(*key, "company_market_cap_usd", "line_shares", "is_secondary_excluded")
    small = pl.col("market_cap_usd") < rules.minimum_total_market_cap_usd
    reason = (
        pl.when("is_secondary_excluded")
        .then(pl.lit(ExclusionReason.SECONDARY_CLASS.value))
        .when(pl.col("company_market_cap_usd").is_not_null() & small)
        .then(pl.lit(ExclusionReason.CAP_BELOW_MINIMUM.value))
        .otherwise("exclusion_reason")
    )
    implied = pl.when((pl.col("close_usd") > 0) & (pl.col("market_cap_usd") > 0)).then(
        pl.col("market_cap_usd") / pl.col("close_usd")
    )
    return (
        lines.join(valued, on=key, how="left")
        .with_columns(market_cap_usd=pl.coalesce("company_market_cap_usd", "market_cap_usd"))
        .with_columns(exclusion_reason=reason, total_shares=implied)
        .with_columns(
            line_shares=pl.coalesce("line_shares", "total_shares"),
            is_eligible=pl.col("exclusion_reason").is_null(),
        )
    )
