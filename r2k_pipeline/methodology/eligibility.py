"""The rules of eligibility: one table, in the rulebook's order, asked of every line.

A rule says what it reads of a line, what it demands and whether the line meets it:
yes, no, or unknown for lack of data. Unknown never excludes. `universe` takes its
verdicts from here, and the why-card what it shows beside them, so there is no second
judgement.

A new rule is one entry of `ELIGIBILITY_RULES` with a value of
`rulebook.reasons.ExclusionReason`; its place in the table is its place among the
reasons. Keep out how verdicts are gathered and written (`verdicts`), how companies
are valued (`share_classes`) and what members are let off (`member_exceptions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.nationality import HOME
from r2k_pipeline.rulebook.reasons import ExclusionReason, RepairRule

if TYPE_CHECKING:
    from collections.abc import Callable

    from r2k_pipeline.rulebook.rules import IndexRules

LINE_TYPE = "line_type"
"""The rule that stands for a family of reasons, one a kind of line."""

_MILLION, _BILLION = 1e6, 1e9


class Unit(StrEnum):
    """What a rule's actual value and threshold are given in."""

    WORDS = "words"
    USD = "usd"
    SHARE = "share"
    SHARES = "shares"


@dataclass(frozen=True, kw_only=True)
class EligibilityRule:
    """One rule of eligibility.

    Args:
        name: A value of `ExclusionReason`, or `line_type` for the family of those
            that exclude a kind of line. Rows carry it; never rename one.
        label: What it looks at, for a reader.
        unit: What `actual` and `threshold` are given in.
        actual: The line's value, over columns of contract `universe`; null where it
            is not known.
        relation: How `actual` must stand to `threshold`, in words.
        threshold: What the rule demands under the rules in force.
        is_passed: Whether a line meets it; null is unknown. Reads the lines as
            `universe` holds them when it asks, `votes_since` and the like included.
        section: Where the methodology of 2026 prints it.
        needs_company: Whether it can be asked only when the company is valued.
    """

    name: str
    label: str
    unit: Unit
    actual: pl.Expr
    relation: str
    threshold: Callable[[IndexRules], float | str]
    is_passed: Callable[[IndexRules], pl.Expr]
    section: str
    needs_company: bool = False


def _line_type_passed(rules: IndexRules) -> pl.Expr:
    return ~pl.col("line_type").is_in(sorted(rules.excluded_line_types))


def _votes_passed(rules: IndexRules) -> pl.Expr:
    """Exempt, or enough votes; few votes of a line of unknown age are unknown, too."""
    if rules.minimum_public_vote_share <= 0:
        return pl.lit(True)
    enough = pl.col("public_vote_share") >= rules.minimum_public_vote_share
    if rules.votes_asked_of_listings_since <= 0:
        return enough
    return (pl.col("votes_since") < rules.votes_asked_of_listings_since) | enough


def _float_passed(rules: IndexRules) -> pl.Expr:
    """Enough shares are free; unknown of a line whose float no source gives."""
    if rules.minimum_float_share <= 0:
        return pl.lit(True)
    return pl.col("float_factor") >= rules.minimum_float_share


def _is_positive(column: str) -> pl.Expr:
    return (pl.col(column) > 0).fill_null(value=False)


def _unrepaired() -> pl.Expr:
    grave = [rule.value for rule in RepairRule if rule.is_quarantine]
    return pl.when(pl.col("repair_rule").is_in(grave)).then("repair_rule")


def _is_excluded() -> pl.Expr:
    rule = RepairRule.EXCLUDED_BY_OVERRIDE.value
    return (pl.col("repair_rule") == rule).fill_null(value=False)


def _usd(amount: pl.Expr) -> pl.Expr:
    """An amount in words, rounded to three digits or so."""
    return (
        pl.when(amount >= _BILLION)
        .then(pl.format("${} bn", (amount / _BILLION).round(2)))
        .when(amount >= _MILLION)
        .then(pl.format("${} m", (amount / _MILLION).round(2)))
        .otherwise(pl.format("${}", amount.round().cast(pl.Int64)))
    )


def _class_in_words() -> pl.Expr:
    """What decides on a further class; nothing does on the only line of a company."""
    cap = pl.col("line_shares") * pl.col("close_usd")
    several = pl.len().over("session", "company_id") > 1
    numbers = pl.format("class of {}, {} a day", _usd(cap), _usd(pl.col("addtv_usd")))
    return pl.when(several).then(numbers).otherwise(pl.lit("the company's only line"))


def _class_threshold(rules: IndexRules) -> str:
    if not rules.has_separate_share_classes:
        return "one line a company"
    floor, volume = rules.minimum_total_market_cap_usd, rules.minimum_class_addtv_usd
    return f"the line that trades most, or above ${floor / _MILLION:g} m and ${volume:,.0f} a day"


def _votes_threshold(rules: IndexRules) -> str:
    share, since = rules.minimum_public_vote_share, rules.votes_asked_of_listings_since
    if share <= 0:
        return "not asked before 2017"
    exempt = f", asked of listings since {since}" if since > 0 else ""
    return f"{share * 100:g} %{exempt}"


def _votes_in_words() -> pl.Expr:
    return pl.format("{} %", (pl.col("public_vote_share") * 100).round(2))


ELIGIBILITY_RULES: tuple[EligibilityRule, ...] = (
    EligibilityRule(
        name=LINE_TYPE,
        label="type of line",
        unit=Unit.WORDS,
        actual=pl.col("line_type"),
        relation="none of",
        threshold=lambda rules: ", ".join(sorted(rules.excluded_line_types)),
        is_passed=_line_type_passed,
        section="5.11-5.13",
    ),
    EligibilityRule(
        name=ExclusionReason.EXCHANGE,
        label="exchange",
        unit=Unit.WORDS,
        actual=pl.col("exchange"),
        relation="one of",
        threshold=lambda rules: ", ".join(sorted(rules.exchanges)),
        is_passed=lambda rules: pl.col("exchange").is_in(sorted(rules.exchanges)),
        section="5.6",
    ),
    EligibilityRule(
        name=ExclusionReason.FOREIGN,
        label="home country",
        unit=Unit.WORDS,
        actual=pl.concat_str(
            pl.col("home_country").fill_null("not known"),
            pl.format(" ({})", "nationality_evidence").fill_null(""),
        ),
        relation="is",
        threshold=lambda _rules: HOME,
        is_passed=lambda _rules: (pl.col("home_country") == HOME).fill_null(value=False),
        section="5.2-5.5",
    ),
    EligibilityRule(
        name=ExclusionReason.VOTES_BELOW_MINIMUM,
        label="votes in public hands",
        unit=Unit.WORDS,
        actual=_votes_in_words(),
        relation="at least",
        threshold=_votes_threshold,
        is_passed=_votes_passed,
        section="5.15",
    ),
    EligibilityRule(
        name=ExclusionReason.NO_CLOSE,
        label="close",
        unit=Unit.USD,
        actual=pl.col("close_usd"),
        relation="above",
        threshold=lambda _rules: 0.0,
        is_passed=lambda _rules: _is_positive("close_usd"),
        section="6.3",
    ),
    EligibilityRule(
        name=ExclusionReason.PRICE_BELOW_MINIMUM,
        label="price",
        unit=Unit.USD,
        actual=pl.col("close_usd"),
        relation="at least",
        threshold=lambda rules: rules.minimum_close_usd,
        is_passed=lambda rules: pl.col("close_usd") >= rules.minimum_close_usd,
        section="5.8",
    ),
    EligibilityRule(
        name=ExclusionReason.NO_MARKET_CAP,
        label="known market cap",
        unit=Unit.USD,
        actual=pl.col("market_cap_usd"),
        relation="above",
        threshold=lambda _rules: 0.0,
        is_passed=lambda _rules: _is_positive("market_cap_usd"),
        section="6.2",
    ),
    EligibilityRule(
        name=ExclusionReason.UNREPAIRED,
        label="contradictions of the feed",
        unit=Unit.WORDS,
        actual=_unrepaired().fill_null("none"),
        relation="is",
        threshold=lambda _rules: "none",
        is_passed=lambda _rules: pl.col("quarantine_reason").is_null(),
        section="own choice",
    ),
    EligibilityRule(
        name=ExclusionReason.SECONDARY_CLASS,
        label="class of share",
        unit=Unit.WORDS,
        actual=_class_in_words(),
        relation="is",
        threshold=_class_threshold,
        # Of a line that another rule excludes it is not asked.
        is_passed=lambda _rules: ~pl.col("is_secondary_excluded").fill_null(value=False),
        section="6.5.1",
        needs_company=True,
    ),
    EligibilityRule(
        name=ExclusionReason.CAP_BELOW_MINIMUM,
        label="total market cap",
        unit=Unit.USD,
        actual=pl.col("market_cap_usd"),
        relation="at least",
        threshold=lambda rules: rules.minimum_total_market_cap_usd,
        is_passed=lambda rules: pl.when(_is_positive("market_cap_usd")).then(
            pl.col("market_cap_usd") >= rules.minimum_total_market_cap_usd
        ),
        section="5.9",
        needs_company=True,
    ),
    EligibilityRule(
        name=ExclusionReason.FLOAT_BELOW_MINIMUM,
        label="shares in public hands",
        unit=Unit.SHARE,
        actual=pl.col("float_factor"),
        relation="at least",
        threshold=lambda rules: rules.minimum_float_share,
        is_passed=_float_passed,
        section="5.10",
    ),
    EligibilityRule(
        name=ExclusionReason.NOT_TRADED,
        label="volume",
        unit=Unit.SHARES,
        actual=pl.col("volume_shares"),
        relation="above",
        threshold=lambda _rules: 0.0,
        # Without volume on its own exchange it may have traded on another, which is enough.
        is_passed=lambda _rules: pl.when(pl.col("volume_shares") > 0).then(True),
        section="5.14, 6.5.2",
    ),
    EligibilityRule(
        name=ExclusionReason.EXCLUDED_BY_OVERRIDE,
        label="exclusion by a person",
        unit=Unit.WORDS,
        actual=pl.when(_is_excluded()).then("repair_evidence").otherwise(pl.lit("none")),
        relation="is",
        threshold=lambda _rules: "none",
        is_passed=lambda _rules: ~_is_excluded(),
        section="own choice",
    ),
)
"""Every rule, in the order in which the first failure becomes the reason."""
