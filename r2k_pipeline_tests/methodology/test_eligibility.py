"""The table of eligibility rules, and how its verdicts are written.

Invariants: a reason stands if and only if a rule failed, and it is the first failed
rule's; no rule both fails and is unknown; names stand in the order of the table; whether
a rule fails depends on what it reads and on no other rule; a missing fact never excludes
where the rulebook does not ask for it.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r2k_pipeline.methodology.eligibility import ELIGIBILITY_RULES, LINE_TYPE, EligibilityRule
from r2k_pipeline.methodology.verdicts import (
    VERDICT_BITS,
    verdict_bits,
    verdict_of,
    verdict_texts,
)
from r2k_pipeline.rulebook.reasons import ExclusionReason, LineType
from r2k_pipeline.rulebook.rules import IndexRules, rules_in_force

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY = date(2022, 5, 6)
RULES = rules_in_force(DAY)
NAMES = [rule.name for rule in ELIGIBILITY_RULES]
GOOD = {
    "line_type": "common",
    "exchange": "nyse",
    "home_country": "United States",
    "public_vote_share": 0.6,
    "votes_since": 2019,
    "close_usd": 12.0,
    "market_cap_usd": 1.2e9,
    "quarantine_reason": None,
    "repair_rule": None,
    "is_secondary_excluded": False,
    "volume_shares": 1000,
    "float_factor": None,
}
SCHEMA = {
    "line_type": pl.String,
    "exchange": pl.String,
    "home_country": pl.String,
    "public_vote_share": pl.Float64,
    "votes_since": pl.Int32,
    "close_usd": pl.Float64,
    "market_cap_usd": pl.Float64,
    "quarantine_reason": pl.String,
    "repair_rule": pl.String,
    "is_secondary_excluded": pl.Boolean,
    "volume_shares": pl.Int64,
    "float_factor": pl.Float64,
}
# Where no source gives the float it is unknown in every era.
UNKNOWN = "float_below_minimum"


def written(*changes: Mapping[str, object], rules: IndexRules = RULES) -> pl.DataFrame:
    """Lines that differ from a good one, with the texts of their verdicts."""
    lines = pl.DataFrame([GOOD | dict(change) for change in changes], schema=SCHEMA)
    asked = lines.with_columns(verdict_bits(rules).alias(VERDICT_BITS))
    return asked.with_columns(*verdict_texts(asked[VERDICT_BITS]))


@pytest.mark.parametrize(
    ("change", "failed", "unknown"),
    [
        ({}, None, UNKNOWN),
        ({"line_type": "spac"}, "line_type", UNKNOWN),
        ({"line_type": "reit"}, None, UNKNOWN),
        ({"exchange": "otc"}, "exchange", UNKNOWN),
        ({"home_country": "Canada"}, "foreign", UNKNOWN),
        ({"home_country": None}, "foreign", UNKNOWN),
        # 5.15: 4.9999 % fails, 5 % does not; lines listed before 2017 are exempt until 2023.
        ({"public_vote_share": 0.05}, None, UNKNOWN),
        ({"public_vote_share": 0.049999}, "votes_below_minimum", UNKNOWN),
        ({"public_vote_share": 0.01, "votes_since": 2016}, None, UNKNOWN),
        ({"public_vote_share": None}, None, f"votes_below_minimum {UNKNOWN}"),
        ({"public_vote_share": 0.01, "votes_since": None}, None, f"votes_below_minimum {UNKNOWN}"),
        ({"close_usd": None}, "no_close", f"price_below_minimum {UNKNOWN}"),
        ({"close_usd": 0.0}, "no_close price_below_minimum", UNKNOWN),
        ({"close_usd": 0.9999}, "price_below_minimum", UNKNOWN),
        ({"close_usd": 1.0}, None, UNKNOWN),
        ({"market_cap_usd": None}, "no_market_cap", f"cap_below_minimum {UNKNOWN}"),
        ({"market_cap_usd": 29_999_999.0}, "cap_below_minimum", UNKNOWN),
        ({"market_cap_usd": 30e6}, None, UNKNOWN),
        ({"quarantine_reason": "close_out_of_line"}, "unrepaired", UNKNOWN),
        ({"is_secondary_excluded": True}, "secondary_class", UNKNOWN),
        ({"is_secondary_excluded": None}, None, UNKNOWN),
        # 5.10: 4.9999 % fails, 5.0000 % does not.
        ({"float_factor": 0.05}, None, None),
        ({"float_factor": 0.049999}, UNKNOWN, None),
        # It may have traded on another exchange, which the rule lets pass.
        ({"volume_shares": 0}, None, f"{UNKNOWN} not_traded"),
        ({"repair_rule": "excluded_by_override"}, "excluded_by_override", UNKNOWN),
        ({"repair_rule": "set_by_override"}, None, UNKNOWN),
        (
            {"line_type": "spac", "home_country": "China", "close_usd": 0.1, "market_cap_usd": 2e6},
            "line_type foreign price_below_minimum cap_below_minimum",
            UNKNOWN,
        ),
    ],
)
def test_each_rule_at_its_threshold(
    change: dict[str, object], failed: str | None, unknown: str | None
) -> None:
    row = written(change).row(0, named=True)
    assert (row["failed_rules"], row["unknown_rules"]) == (failed, unknown)


@pytest.mark.parametrize(
    ("day", "failed", "unknown"),
    [
        (date(2016, 5, 27), None, UNKNOWN),
        (date(2017, 5, 12), "votes_below_minimum", UNKNOWN),
        (date(2023, 4, 28), "votes_below_minimum", UNKNOWN),
    ],
)
def test_votes_are_asked_from_2017_on(day: date, failed: str | None, unknown: str) -> None:
    rules = rules_in_force(day)
    row = written({"public_vote_share": 0.01, "votes_since": 2017}, rules=rules).row(0, named=True)
    assert (row["failed_rules"], row["unknown_rules"]) == (failed, unknown)


def test_from_2023_on_nobody_is_exempt_from_the_votes() -> None:
    old = {"public_vote_share": 0.01, "votes_since": 1995}
    unknown_age = {"public_vote_share": 0.01, "votes_since": None}
    lines = written(old, unknown_age, rules=rules_in_force(date(2023, 4, 28)))
    assert lines["exclusion_reason"].to_list() == ["votes_below_minimum"] * 2


def test_the_kind_of_line_is_the_reason_itself() -> None:
    kinds = sorted(RULES.excluded_line_types)
    lines = written(*({"line_type": kind} for kind in kinds))
    assert lines["exclusion_reason"].to_list() == kinds
    assert set(lines["failed_rules"]) == {LINE_TYPE}


def test_every_reason_has_its_rule() -> None:
    kinds = {kind.value for kind in LineType}
    others = [reason.value for reason in ExclusionReason if reason.value not in kinds]
    assert sorted(NAMES) == sorted([LINE_TYPE, *others])


def test_a_rule_that_is_added_or_moved_is_a_decision() -> None:
    # Its place decides which of several failures is the reason that rows carry.
    assert NAMES == [
        "line_type", "exchange", "foreign", "votes_below_minimum", "no_close",
        "price_below_minimum", "no_market_cap", "unrepaired", "secondary_class",
        "cap_below_minimum", "float_below_minimum", "not_traded",
        "excluded_by_override",
    ]  # fmt: skip


@pytest.mark.parametrize("rule", ELIGIBILITY_RULES, ids=lambda rule: str(rule.name))
@pytest.mark.parametrize("year", [1995, 2010, 2016, 2019, 2024, 2026])
def test_a_rule_states_its_threshold_in_every_era(rule: EligibilityRule, year: int) -> None:
    threshold = rule.threshold(rules_in_force(date(year, 5, 31)))
    assert isinstance(threshold, float) or threshold.strip() == threshold != ""
    assert rule.label
    assert rule.section


values = {
    "line_type": st.sampled_from(["common", "reit", "spac", "warrant"]),
    "exchange": st.sampled_from(["nyse", "otc"]),
    "home_country": st.sampled_from(["United States", "China", None]),
    "public_vote_share": st.sampled_from([None, 0.01, 0.05, 0.9]),
    "votes_since": st.sampled_from([None, 1990, 2020]),
    "close_usd": st.sampled_from([None, 0.0, 0.5, 1.0, 20.0]),
    "market_cap_usd": st.sampled_from([None, 0.0, 1e6, 30e6, 1e9]),
    "quarantine_reason": st.sampled_from([None, "close_missing"]),
    "repair_rule": st.sampled_from([None, "blank_cap", "excluded_by_override"]),
    "is_secondary_excluded": st.sampled_from([None, True, False]),
    "volume_shares": st.sampled_from([None, 0, 5]),
    "float_factor": st.sampled_from([None, 0.049999, 0.05, 1.0]),
}
line = st.fixed_dictionaries(values)


def words(text: str | None) -> list[str]:
    return [] if text is None else text.split(" ")


@given(st.lists(line, min_size=1, max_size=8))
def test_reasons_and_texts_agree(lines: list[dict[str, object]]) -> None:
    for row in written(*lines).iter_rows(named=True):
        failed, unknown = words(row["failed_rules"]), words(row["unknown_rules"])
        first = [row["line_type"] if name == LINE_TYPE else name for name in failed[:1]]
        assert [row["exclusion_reason"]] == (first or [None])
        assert not set(failed) & set(unknown)
        assert failed == sorted(failed, key=NAMES.index)
        assert unknown == sorted(unknown, key=NAMES.index)


@given(line, st.sampled_from(list(values)), st.data())
def test_a_value_moves_only_the_rules_that_read_it(
    before: dict[str, object], column: str, data: st.DataObject
) -> None:
    readers = {
        "line_type": {LINE_TYPE},
        "home_country": {"foreign"},
        "public_vote_share": {"votes_below_minimum"},
        "votes_since": {"votes_below_minimum"},
        "close_usd": {"no_close", "price_below_minimum"},
        "market_cap_usd": {"no_market_cap", "cap_below_minimum"},
        "quarantine_reason": {"unrepaired"},
        "is_secondary_excluded": {"secondary_class"},
        "volume_shares": {"not_traded"},
        "float_factor": {"float_below_minimum"},
        "repair_rule": {"excluded_by_override"},
    }.get(column, {column})
    after = before | {column: data.draw(values[column])}
    verdicts = written(before, after).select(
        verdict_of(rule).alias(rule.name) for rule in ELIGIBILITY_RULES
    )
    changed = {name for name in NAMES if verdicts[name].n_unique() > 1}
    assert changed <= readers


@given(line)
def test_an_unknown_fact_never_excludes(known: dict[str, object]) -> None:
    facts = dict.fromkeys(("public_vote_share", "votes_since", "volume_shares", "float_factor"))
    row = written(known | facts).row(0, named=True)
    assert not {"votes_below_minimum", "float_below_minimum", "not_traded"} & set(
        words(row["failed_rules"])
    )


@given(line)
def test_a_verdict_can_be_asked_in_parts(known: dict[str, object]) -> None:
    lines = pl.DataFrame([known], schema=SCHEMA)
    own = [rule for rule in ELIGIBILITY_RULES if not rule.needs_company]
    others = [rule for rule in ELIGIBILITY_RULES if rule.needs_company]
    at_once, apart = lines.select(
        at_once=verdict_bits(RULES), apart=verdict_bits(RULES, own) + verdict_bits(RULES, others)
    ).row(0)
    assert at_once == apart
