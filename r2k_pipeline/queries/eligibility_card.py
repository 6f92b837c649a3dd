"""Each rule of eligibility with the actual value of one line and the threshold.

Repeats no judgement: whether a line is in or out is `universe`'s. This module
puts the same comparisons into words, in the rulebook's order, so that a reader
sees all of them and not only the first that failed. A new rule of
`methodology.universe` gets its row here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from r2k_pipeline.errors import listed
from r2k_pipeline.methodology.nationality import HOME
from r2k_pipeline.queries.wording import NONE_SHOWN, usd
from r2k_pipeline.rulebook.reasons import ExclusionReason, LineType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2k_pipeline.rulebook.rules import IndexRules

_NAMED = 4


@dataclass(frozen=True, kw_only=True)
class RuleCheck:
    """One rule asked of one line.

    Args:
        rule: What is compared.
        actual: The line's value, in words.
        threshold: What the rule demands, in words.
        is_passed: Whether the line meets it.
        sentence: The rule's reason as the rulebook words it.
    """

    rule: str
    actual: str
    threshold: str
    is_passed: bool
    sentence: str


def rule_checks(line: Mapping[str, object], *, rules: IndexRules) -> tuple[RuleCheck, ...]:
    """Ask every rule of eligibility of one line.

    Args:
        line: One row of contract `universe`.
        rules: The rules in force on the rank day.

    Returns:
        Type, exchange, country, votes, close and total market capitalisation, in
        the order in which `methodology.universe` asks.
    """
    return (
        _type_check(line, rules),
        _exchange_check(line, rules),
        _country_check(line),
        _votes_check(line, rules),
        _close_check(line, rules),
        _cap_check(line, rules),
    )


def _text(value: object) -> str:
    return NONE_SHOWN if value is None else str(value)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _type_check(line: Mapping[str, object], rules: IndexRules) -> RuleCheck:
    kind = _text(line["line_type"])
    excluded = sorted(str(kind) for kind in rules.excluded_line_types)
    is_passed = kind not in excluded
    known = {str(reason) for reason in ExclusionReason}
    return RuleCheck(
        rule="type of line",
        actual=kind,
        threshold=f"not {listed(excluded, _NAMED)}",
        is_passed=is_passed,
        sentence=ExclusionReason(kind).sentence if kind in known else LineType(kind).sentence,
    )


def _exchange_check(line: Mapping[str, object], rules: IndexRules) -> RuleCheck:
    exchange = _text(line["exchange"])
    return RuleCheck(
        rule="exchange",
        actual=exchange,
        threshold=f"one of {', '.join(sorted(rules.exchanges))}",
        is_passed=exchange in rules.exchanges,
        sentence=ExclusionReason.EXCHANGE.sentence,
    )


def _country_check(line: Mapping[str, object]) -> RuleCheck:
    country, evidence = line["home_country"], line["nationality_evidence"]
    return RuleCheck(
        rule="home country",
        actual=f"{'not known' if country is None else country} ({_text(evidence)})",
        threshold=HOME,
        is_passed=country == HOME,
        sentence=ExclusionReason.FOREIGN.sentence,
    )


def _votes_check(line: Mapping[str, object], rules: IndexRules) -> RuleCheck:
    votes = _number(line["public_vote_share"])
    return RuleCheck(
        rule="votes in public hands",
        actual="not known to be few" if votes is None else f"{votes:.1%}",
        threshold=f"at least {rules.minimum_public_vote_share:.0%}, asked of listings since "
        f"{rules.votes_asked_of_listings_since}",
        is_passed=line["exclusion_reason"] != ExclusionReason.VOTES_BELOW_MINIMUM,
        sentence=ExclusionReason.VOTES_BELOW_MINIMUM.sentence,
    )


def _close_check(line: Mapping[str, object], rules: IndexRules) -> RuleCheck:
    close = _number(line["close_usd"])
    has_close = close is not None and close > 0
    reason = ExclusionReason.PRICE_BELOW_MINIMUM if has_close else ExclusionReason.NO_CLOSE
    return RuleCheck(
        rule="close",
        actual=usd(close),
        threshold=f"at least {usd(rules.minimum_close_usd)}",
        is_passed=close is not None and close > 0 and close >= rules.minimum_close_usd,
        sentence=reason.sentence,
    )


def _cap_check(line: Mapping[str, object], rules: IndexRules) -> RuleCheck:
    cap = _number(line["market_cap_usd"])
    has_cap = cap is not None and cap > 0
    reason = ExclusionReason.CAP_BELOW_MINIMUM if has_cap else ExclusionReason.NO_MARKET_CAP
    return RuleCheck(
        rule="total market cap",
        actual=usd(cap),
        threshold=f"at least {usd(rules.minimum_total_market_cap_usd)}",
        is_passed=cap is not None and cap > 0 and cap >= rules.minimum_total_market_cap_usd,
        sentence=reason.sentence,
    )
