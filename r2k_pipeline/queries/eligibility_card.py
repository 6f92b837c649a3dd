"""Each rule of eligibility beside the actual values of lines: what the why-card shows.

Judges nothing: the rules, their values and thresholds are `methodology.eligibility`'s,
and the verdicts those that `universe` carries; the one that a member is let off is
`methodology.member_exceptions`'. Add here how a verdict reads; a new rule needs nothing.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import listed
from r2k_pipeline.methodology.eligibility import ELIGIBILITY_RULES, LINE_TYPE, Unit
from r2k_pipeline.methodology.member_exceptions import MEAN_CLOSE, excused_of_member
from r2k_pipeline.methodology.verdicts import Verdict, verdict_of
from r2k_pipeline.queries.wording import NONE_SHOWN, percent, usd
from r2k_pipeline.rulebook.reasons import ExclusionReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2k_pipeline.methodology.eligibility import EligibilityRule
    from r2k_pipeline.rulebook.rules import IndexRules

RULE_FIELDS = (
    "rule",
    "actual",
    "actual_value",
    "threshold",
    "threshold_value",
    "verdict",
    "sentence",
)
RULES_BY_NAME: Mapping[str, EligibilityRule] = MappingProxyType(
    {str(rule.name): rule for rule in ELIGIBILITY_RULES}
)

_NAMED = 3
_NOT_TOLD = "The data do not tell, so it excludes nothing."


def rule_checks(lines: pl.DataFrame, *, members: pl.DataFrame, rules: IndexRules) -> pl.DataFrame:
    """Lay every rule beside every line.

    Args:
        lines: Contract `universe`, one session.
        members: Read: `company_id`; the companies in an index before the event.
        rules: The rules in force on the rank day.

    Returns:
        One row per line and rule, a line's rules in the table's order: `security_id`;
        `rule`; `actual` in words, or `actual_value` as a number in the rule's unit,
        null where it is not known; `threshold` or `threshold_value` likewise; `verdict`
        (`pass`, `fail`, `unknown`); `sentence` (null where there is nothing to say).

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.contracts.load import contract
        >>> from r2k_pipeline.contracts.polars_shape import polars_schema
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> line = {
        ...     "session": date(2022, 5, 6), "security_id": "S-PEN", "company_id": "C-PEN",
        ...     "close_usd": 0.97, "failed_rules": "price_below_minimum",
        ... }
        >>> lines = pl.DataFrame([line], schema=polars_schema(contract("universe")))
        >>> rules = rules_in_force(date(2022, 5, 6))
        >>> nobody = lines.select("company_id").clear()
        >>> checks = rule_checks(lines, members=nobody, rules=rules)
        >>> checks.filter(pl.col("verdict") == "fail").select(
        ...     "rule", "actual_value", "threshold_value"
        ... ).row(0)
        ('price_below_minimum', 0.97, 1.0)
    """
    is_member = pl.col("company_id").is_in(members["company_id"].unique().implode())
    asked = lines.with_row_index("place").with_columns(
        is_excused=excused_of_member(rules) & is_member
    )
    laid = pl.concat(_laid(asked, rule, rules) for rule in ELIGIBILITY_RULES)
    # A stable sort: the rules of a line stay in the order in which they were laid.
    return laid.sort("place", maintain_order=True).drop("place")


def _laid(lines: pl.DataFrame, rule: EligibilityRule, rules: IndexRules) -> pl.DataFrame:
    threshold = rule.threshold(rules)
    nothing = pl.lit(None, pl.Float64)
    in_words = rule.unit is Unit.WORDS
    is_price = rule.name == ExclusionReason.PRICE_BELOW_MINIMUM
    is_excused = pl.col("is_excused") & is_price
    return lines.select(
        "place",
        "security_id",
        rule=pl.lit(str(rule.name)),
        actual=rule.actual if in_words else nothing.cast(pl.String),
        actual_value=nothing if in_words else rule.actual.cast(pl.Float64),
        threshold=pl.lit(threshold if isinstance(threshold, str) else None, pl.String),
        threshold_value=pl.lit(None if isinstance(threshold, str) else threshold, pl.Float64),
        verdict=pl.when(is_excused).then(pl.lit(Verdict.MET.value)).otherwise(verdict_of(rule)),
        sentence=pl.when(is_excused).then(_excuse(rules)).otherwise(_sentence(rule)),
    )


def _sentence(rule: EligibilityRule) -> pl.Expr:
    """The reason of a failure; that the data do not tell, where they do not."""
    verdict = verdict_of(rule)
    return (
        pl.when(verdict == Verdict.FAIL.value)
        .then(_failure(rule))
        .when(verdict == Verdict.UNKNOWN.value)
        .then(pl.lit(_NOT_TOLD))
    )


def _failure(rule: EligibilityRule) -> pl.Expr:
    if rule.name == LINE_TYPE:
        known = {reason.value: reason.sentence for reason in ExclusionReason}
        return pl.col("exclusion_reason").replace_strict(
            known, default=None, return_dtype=pl.String
        )
    said = pl.lit(ExclusionReason(rule.name).sentence)
    if rule.name == ExclusionReason.PRICE_BELOW_MINIMUM:
        mean = pl.format(" Its mean close of the days before was {}.", _mean_close())
        return pl.concat_str(said, mean.fill_null(""))
    return said


def _excuse(rules: IndexRules) -> pl.Expr:
    return pl.format(
        "A member passes: its mean close of the {} days before was {}.",
        pl.lit(rules.member_mean_close_days),
        _mean_close(),
    )


def _mean_close() -> pl.Expr:
    cents = (pl.col(MEAN_CLOSE) * 100).round().cast(pl.Int64)
    return pl.format("${}.{}", cents // 100, (cents % 100).cast(pl.String).str.zfill(2))


def in_words(check: Mapping[str, object]) -> tuple[str, str]:
    """Phrase the actual value and the threshold of one row of `rule_checks`.

    Example:
        >>> in_words({
        ...     "rule": "cap_below_minimum", "actual": None, "actual_value": 2.4e8,
        ...     "threshold": None, "threshold_value": 3e7,
        ... })
        ('$240.0 m', 'at least $30.0 m')
    """
    rule = RULES_BY_NAME[str(check["rule"])]
    actual = _phrased(rule.unit, check["actual"], check["actual_value"])
    threshold = _phrased(rule.unit, check["threshold"], check["threshold_value"])
    parts = threshold.split(", ")
    short = listed(parts, _NAMED) if len(parts) > _NAMED else threshold
    return actual, f"{rule.relation} {short}"


def _phrased(unit: Unit, words: object, value: object) -> str:
    number = float(value) if isinstance(value, int | float) else None
    match unit:
        case Unit.WORDS:
            return NONE_SHOWN if words is None else str(words)
        case Unit.USD:
            return usd(number)
        case Unit.SHARE:
            return percent(number)
        case Unit.SHARES:
            return NONE_SHOWN if number is None else f"{number:,.0f}"
