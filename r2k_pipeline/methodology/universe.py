"""1: snapshot -> every share line, eligible or left out for a stated reason.

1. Each listing gets its permanent line and company (`securities`).
2. What the feed got wrong is repaired, visibly (`repairs`); what a person set has the
   last word (`overrides`).
3. Its kind is read (`line_types`, `line_behaviour`), and its home country
   (`nationality`).
4. The lines that no rule of their own excludes are valued together, company by
   company, and further classes asked whether they may stand beside the first
   (`share_classes`).
5. Every rule of eligibility is asked of every line (`eligibility`); the first that
   fails gives the reason. No line is ever dropped.

Rules that compare companies with one another belong to `ranking`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import MissingPartitionError
from r2k_pipeline.methodology import share_history
from r2k_pipeline.methodology.eligibility import ELIGIBILITY_RULES
from r2k_pipeline.methodology.float_factors import with_known_floats
from r2k_pipeline.methodology.line_behaviour import classify_lines
from r2k_pipeline.methodology.member_exceptions import MEAN_CLOSE, mean_closes, only_price_fails
from r2k_pipeline.methodology.nationality import (
    TRADED_HERE,
    home_countries,
    with_trading_place,
)
from r2k_pipeline.methodology.overrides import with_overrides
from r2k_pipeline.methodology.public_votes import public_votes
from r2k_pipeline.methodology.repairs import repair_listings
from r2k_pipeline.methodology.settled_values import with_settled_values
from r2k_pipeline.methodology.share_classes import value_companies
from r2k_pipeline.methodology.unlisted_classes import with_unlisted_classes
from r2k_pipeline.methodology.verdicts import (
    VERDICT_BITS,
    has_failed,
    verdict_bits,
    verdict_texts,
)

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
    "float_factor", "sector", "close_usd", "raw_close_usd", "previous_close_usd",
    "volume_shares", "addtv_usd", "market_cap_usd", "raw_market_cap_usd", "repair_rule",
    "repair_evidence", "total_shares", "line_shares", "is_eligible", "exclusion_reason",
    "failed_rules", "unknown_rules", MEAN_CLOSE,
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
    overrides: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Judge every listed line of every session against the rules of eligibility.

    Args:
        listings: Contract `raw_listings` from up to `CONTEXT_SESSIONS` sessions before
            `start` on; a line with less history is judged on what there is.
        securities: Contract `securities`; every listing must fall into one span.
        actions: Contract `corporate_actions` over the same sessions; splits are read.
        start: The first session that is judged.
        sessions: Every XNYS session of the range, context included.
        reference: Public facts about companies, and what is known of the lines' floats.
        rules: The rules in force from `start` on.
        overrides: What a person set, as `overrides.standing_overrides` gives it.

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
    known = with_unlisted_classes(
        with_settled_values(_with_facts(lines, securities, reference, rules), reference),
        reference.unlisted_shares,
        rules=rules,
    )
    known = with_known_floats(known, reference.floats)
    if overrides is not None:
        known = with_overrides(known, overrides)
    judged = _with_mean_closes(_judged(known, rules), listings, securities, rules)
    return judged.select(_COLUMNS).sort("session", "security_id")


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


def _with_facts(
    lines: pl.DataFrame, securities: pl.DataFrame, reference: Reference, rules: IndexRules
) -> pl.DataFrame:
    """Lines with the country that each counts to, and why, and with the public's votes."""
    dated = with_trading_place(lines).with_columns(year=pl.col("session").dt.year().cast(pl.Int32))
    placed = dated.join(
        home_countries(dated, reference.home_countries, rules=rules),
        on=["symbol", "name", "country", "year", TRADED_HERE],
        how="left",
        nulls_equal=True,
    )
    return public_votes(placed, reference.public_votes, securities, rules=rules)


def _judged(lines: pl.DataFrame, rules: IndexRules) -> pl.DataFrame:
    """Lines with the verdict of every rule: their own first, then those of their company."""
    own = [rule for rule in ELIGIBILITY_RULES if not rule.needs_company]
    others = [rule for rule in ELIGIBILITY_RULES if rule.needs_company]
    asked = lines.with_columns(verdict_bits(rules, own).alias(VERDICT_BITS))
    judged = _with_company_values(asked, rules).with_columns(
        (pl.col(VERDICT_BITS) + verdict_bits(rules, others)).alias(VERDICT_BITS)
    )
    return judged.with_columns(
        *verdict_texts(judged[VERDICT_BITS]), (~has_failed()).alias("is_eligible")
    )


def _with_company_values(lines: pl.DataFrame, rules: IndexRules) -> pl.DataFrame:
    """Company caps and shares over all lines that no rule of their own excludes."""
    key = ["session", "security_id"]
    standing = lines.filter(~has_failed())
    valued = value_companies(
        standing.select(*key, "company_id", "close_usd", "market_cap_usd", "addtv_usd"),
        rules=rules,
    ).select(*key, "company_market_cap_usd", "line_shares", "is_secondary_excluded")
    implied = pl.when((pl.col("close_usd") > 0) & (pl.col("market_cap_usd") > 0)).then(
        pl.col("market_cap_usd") / pl.col("close_usd")
    )
    return (
        lines.join(valued, on=key, how="left")
        .with_columns(market_cap_usd=pl.coalesce("company_market_cap_usd", "market_cap_usd"))
        .with_columns(total_shares=implied)
        .with_columns(
            line_shares=pl.coalesce("line_shares", "total_shares") * pl.col("listed_part")
        )
    )


def _with_mean_closes(
    judged: pl.DataFrame, listings: pl.DataFrame, securities: pl.DataFrame, rules: IndexRules
) -> pl.DataFrame:
    """Lines with what a member would be let off by, where the price alone excludes them."""
    key = ["session", "security_id"]
    asked = judged.filter(only_price_fails()).select(key)
    if rules.member_mean_close_days <= 0 or asked.is_empty():
        return judged.with_columns(pl.lit(None, pl.Float64).alias(MEAN_CLOSE))
    found = mean_closes(listings, securities, asked, days=rules.member_mean_close_days)
    return judged.join(found, on=key, how="left")
