"""The rulebook as tables: what holds on a day, and what changed between two."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.queries.rulebook_diff import parse_rule_day, rules_changed, rules_on
from r2k_pipeline.rulebook.rules import dated_parameters

RANK_2022, RANK_2026 = date(2022, 5, 6), date(2026, 4, 30)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2022", RANK_2022),
        ("1989", date(1989, 5, 31)),
        ("2030", date(2030, 4, 30)),
        ("2004-09-30", date(2004, 9, 30)),
    ],
)
def test_a_year_means_the_rank_day_of_its_june(text: str, day: date) -> None:
    assert parse_rule_day(text) == day


@pytest.mark.parametrize("text", ["1988", "2031", "1066-10-14", "22"])
def test_a_day_that_the_rulebook_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(BadInputError):
        parse_rule_day(text)


def test_every_parameter_and_every_date_rule_is_shown_with_its_source() -> None:
    shown = rules_on(RANK_2022)
    assert shown["rule"].to_list()[: len(dated_parameters())] == list(dated_parameters())
    assert shown["rule"].is_unique().all()
    assert (shown["source"].str.len_chars() > 0).all()
    days = shown.filter(pl.col("rule").str.starts_with("event "))
    assert days.select("rule", "value").rows()[:2] == [
        ("event Jun: effective", "fourth Friday of June"),
        ("event Jun: rank", "seven weeks before the effective day"),
    ]


def test_what_changed_from_2022_to_2026() -> None:
    changed = rules_changed(RANK_2022, RANK_2026)
    known = {row["rule"]: row for row in changed.iter_rows(named=True)}
    fast = known["fast_entry_rank"]
    assert (fast["before"], fast["after"], fast["since"]) == ("none", "500", date(2026, 1, 1))
    assert "v7.0, May 2026" in fast["source"]
    assert (known["event Dec: rank"]["before"], known["event Dec: rank"]["after"]) == (
        None,
        "last session of October",
    )
    assert known["review Dec: effective"]["after"] is None
    assert "band_at_1000" not in known
    assert "large_cap_count" not in known


def test_a_long_set_says_what_was_added_and_removed() -> None:
    then, now = date(2013, 5, 31), date(2014, 5, 30)
    rule = pl.col("rule") == "excluded_line_types"
    forward = rules_changed(then, now).filter(rule).row(0, named=True)
    assert (forward["before"], forward["after"]) == ("11 values", "12 values, with bdc")
    back = rules_changed(now, then).filter(rule).row(0, named=True)
    assert (back["before"], back["after"]) == ("12 values, with bdc", "11 values")


def test_a_day_does_not_differ_from_itself() -> None:
    assert rules_changed(RANK_2022, RANK_2022).is_empty()
