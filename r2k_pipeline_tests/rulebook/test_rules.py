"""Dated parameters: complete in time, sourced, and with the values of each era."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.rulebook.periods import FIRST_RULE_DAY, DatedValue, period_faults
from r2k_pipeline.rulebook.reasons import LineType
from r2k_pipeline.rulebook.rules import IndexRules, dated_parameters, rules_in_force
from r2k_pipeline.rulebook.schedule import all_events
from r2k_pipeline.rulebook.sources import SOURCES, Certainty

PARAMETERS = dated_parameters()


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_periods_neither_overlap_nor_leave_gaps(parameter: str) -> None:
    assert period_faults(PARAMETERS[parameter]) == []


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_every_value_has_a_known_source(parameter: str) -> None:
    for dated in PARAMETERS[parameter]:
        assert dated.source in SOURCES
        assert isinstance(dated.certainty, Certainty)
        if dated.source == "own_choice":
            assert dated.certainty in (Certainty.INFERRED, Certainty.FROM_MEMORY)


def test_every_source_is_named_somewhere_or_documents_the_calendar() -> None:
    assert all(source.title and source.publisher and source.edition for source in SOURCES.values())


def test_parameters_are_the_fields_of_the_rules() -> None:
    assert list(PARAMETERS) == [field.name for field in fields(IndexRules)]


@given(day=st.dates(min_value=FIRST_RULE_DAY, max_value=date(2031, 12, 31)))
@settings(max_examples=50)
def test_rules_of_a_day_are_the_dated_values_that_cover_it(day: date) -> None:
    rules = rules_in_force(day)
    for name, history in PARAMETERS.items():
        assert [getattr(rules, name)] == [dated.value for dated in history if dated.covers(day)]


def test_every_event_has_rules_on_its_rank_day() -> None:
    for event in all_events():
        assert rules_in_force(event.rank_day).large_cap_count == 1000


def test_the_band_starts_with_the_event_of_2007() -> None:
    widths = {e.event_id: rules_in_force(e.rank_day).band_at_1000 for e in all_events()}
    assert {width for key, width in widths.items() if key < "2007"} == {0.0}
    assert {width for key, width in widths.items() if key >= "2007"} == {0.025}


def test_the_rules_of_2022_are_those_of_the_published_methodology() -> None:
    rules = rules_in_force(date(2022, 5, 6))
    assert (rules.large_cap_count, rules.total_count, rules.extended_count) == (1000, 3000, 4000)
    assert rules.minimum_close_usd == 1.0
    assert rules.minimum_total_market_cap_usd == 30_000_000
    assert rules.exchanges == {"nasdaq", "nyse", "amex"}
    eligible = set(LineType) - rules.excluded_line_types
    assert eligible == {LineType.COMMON, LineType.REIT, LineType.TRACKING_STOCK}


def test_havens_count_as_home_from_2007_and_operating_countries_never() -> None:
    before, after = (rules_in_force(date(year, 5, 31)).home_countries for year in (2006, 2007))
    assert "Bermuda" not in before
    assert {
        "Bermuda",
        "Cayman Islands",
        "British Virgin Islands",
        "Isle of Man",
        "Curacao",
    } <= after
    assert {"United States", "Puerto Rico"} <= before <= after
    assert not {"China", "Canada", "Ireland", "Israel"} & after
    # The methodology prints 25 havens and four countries without an exchange of their own.
    assert {"Falkland Islands", "Liechtenstein", "Monaco", "Suriname"} <= after
    assert len(after - before) == 25 + 4


def test_business_development_companies_leave_with_the_event_of_2014() -> None:
    assert LineType.BDC not in rules_in_force(date(2013, 5, 31)).excluded_line_types
    assert LineType.BDC in rules_in_force(date(2014, 5, 30)).excluded_line_types


def test_no_rules_exist_before_the_first_rule_day() -> None:
    with pytest.raises(BadInputError, match="1988-12-31"):
        rules_in_force(FIRST_RULE_DAY - timedelta(days=1))


def test_rules_cannot_be_changed() -> None:
    rules = rules_in_force(date(2022, 5, 6))
    with pytest.raises(FrozenInstanceError):
        rules.large_cap_count = 999  # type: ignore[misc]  # the error is what is tested


def _dated(start: date, end: date | None) -> DatedValue[int]:
    return DatedValue(
        value=1, start=start, end=end, source="own_choice", certainty=Certainty.INFERRED
    )


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ([_dated(date(1990, 1, 1), None)], "starts on 1990-01-01"),
        ([_dated(FIRST_RULE_DAY, date(2000, 1, 1))], "nothing is in force after 2000-01-01"),
        (
            [_dated(FIRST_RULE_DAY, date(2000, 1, 1)), _dated(date(2000, 1, 3), None)],
            "gap between 2000-01-01 and 2000-01-03",
        ),
        (
            [_dated(FIRST_RULE_DAY, date(2000, 1, 1)), _dated(date(2000, 1, 1), None)],
            "1989-01-01 overlaps 2000-01-01",
        ),
        ([_dated(FIRST_RULE_DAY, None), _dated(date(2000, 1, 1), None)], "overlaps"),
    ],
)
def test_faults_of_periods_are_found(values: list[DatedValue[int]], fault: str) -> None:
    assert any(fault in found for found in period_faults(values))


def test_members_are_let_off_below_a_dollar_from_about_2012() -> None:
    days = {e.event_id: rules_in_force(e.rank_day).member_mean_close_days for e in all_events()}
    assert {count for key, count in days.items() if key < "2012"} == {0}
    assert {count for key, count in days.items() if key >= "2012"} == {30}


def test_a_company_needs_a_twentieth_of_its_shares_in_public_hands() -> None:
    assert rules_in_force(date(2022, 5, 6)).minimum_float_share == 0.05
