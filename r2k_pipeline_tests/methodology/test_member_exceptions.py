"""What a member is let off: the mean close before the rank day.

Golden cases are those of the rule's words: close at least $1 on the rank day, or, for a
member, a mean of the 30 days before it of at least $1.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from r2k_pipeline.methodology.member_exceptions import (
    excused_of_member,
    mean_closes,
    rank_with_members,
)
from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.sessions import sessions_between

RANK_DAY = date(2023, 4, 28)
RULES = rules_in_force(RANK_DAY)
SESSIONS = sessions_between(date(2023, 2, 1), RANK_DAY)
ASKED = pl.DataFrame({"session": [RANK_DAY], "security_id": ["S-PEN"]})


def closes(*spans: tuple[date, float], symbol: str = "PEN") -> pl.DataFrame:
    """Listings that close at each price from its day on."""
    found = {day: price for start, price in spans for day in SESSIONS if day >= start}
    return pl.DataFrame({"session": list(found), "close_usd": list(found.values())}).with_columns(
        symbol=pl.lit(symbol)
    )


def securities(*spans: tuple[str, str, date, date]) -> pl.DataFrame:
    columns = ["security_id", "symbol", "first_session", "last_session"]
    rows = spans or (("S-PEN", "PEN", SESSIONS[0], SESSIONS[-1]),)
    return pl.DataFrame(rows, schema=columns, orient="row")


def mean(listings: pl.DataFrame, lines: pl.DataFrame) -> list[float]:
    found = mean_closes(listings, lines, ASKED, days=30)
    return found["mean_close_30_days_usd"].to_list()


def test_the_mean_is_of_thirty_calendar_days_before_and_not_of_the_day() -> None:
    # 29 March is the thirtieth day before 28 April; what was before it and the rank day
    # itself do not count.
    first = RANK_DAY - timedelta(days=30)
    listings = closes((SESSIONS[0], 50.0), (first, 1.2), (RANK_DAY, 0.4))
    assert mean(listings, securities()) == [pytest.approx(1.2)]


def test_only_the_sessions_with_a_close_count() -> None:
    listings = closes((SESSIONS[0], 1.0), (date(2023, 4, 26), 4.0), (RANK_DAY, 0.5))
    april = sessions_between(date(2023, 3, 29), date(2023, 4, 27))
    silent = pl.col("session").is_in(april[2:5])
    blank = listings.with_columns(close_usd=pl.when(~silent).then("close_usd"))
    # 21 sessions of which three are blank: 16 at 1 and two at 4.
    assert len(april) == 21
    assert mean(blank, securities()) == [pytest.approx((16 * 1.0 + 2 * 4.0) / 18)]


def test_a_line_keeps_its_closes_through_a_rename() -> None:
    renamed = date(2023, 4, 20)
    lines = securities(
        ("S-PEN", "OLD", SESSIONS[0], renamed - timedelta(days=1)),
        ("S-PEN", "PEN", renamed, RANK_DAY),
    )
    before = closes((SESSIONS[0], 2.0), symbol="OLD").filter(pl.col("session") < renamed)
    after = closes((renamed, 2.0), (RANK_DAY, 0.5))
    assert mean(pl.concat([before, after]), lines) == [pytest.approx(2.0)]


def test_a_symbol_used_again_brings_no_closes_with_it() -> None:
    reused = date(2023, 4, 20)
    lines = securities(
        ("S-OLD", "PEN", SESSIONS[0], reused - timedelta(days=1)),
        ("S-PEN", "PEN", reused, RANK_DAY),
    )
    listings = closes((SESSIONS[0], 90.0), (reused, 1.5), (RANK_DAY, 0.5))
    assert mean(listings, lines) == [pytest.approx(1.5)]


def test_a_line_of_that_very_day_has_no_mean() -> None:
    lines = securities(("S-PEN", "PEN", RANK_DAY, RANK_DAY))
    assert mean(closes((RANK_DAY, 0.5)), lines) == []


def universe(*lines: tuple[str, str, float, str | None, float | None]) -> pl.DataFrame:
    """Lines of the rank day: company, line, cap, what fails, and the mean close."""
    columns = ["company_id", "security_id", "market_cap_usd", "failed_rules", "mean_close"]
    schema = dict(
        zip(columns, (pl.String, pl.String, pl.Float64, pl.String, pl.Float64), strict=True)
    )
    return (
        pl.DataFrame(lines, schema=schema, orient="row")
        .rename({"mean_close": "mean_close_30_days_usd"})
        .with_columns(
            session=pl.lit(RANK_DAY),
            symbol="security_id",
            name="security_id",
            sector=pl.lit("Technology"),
            close_usd=pl.lit(0.9),
            addtv_usd=pl.lit(1e6),
            is_eligible=pl.col("failed_rules").is_null(),
        )
    )


PRICE = "price_below_minimum"
LINES = universe(
    ("C-BIG", "S-BIG", 9e9, None, None),
    ("C-ABOVE", "S-ABOVE", 5e8, PRICE, 1.0),
    ("C-BELOW", "S-BELOW", 4e8, PRICE, 0.9999),
    ("C-SPAC", "S-SPAC", 3e8, f"line_type {PRICE}", 1.5),
    ("C-NEW", "S-NEW", 2e8, PRICE, 2.0),
    ("C-TWO", "S-TWO.A", 1e8, None, None),
    ("C-TWO", "S-TWO.B", 1e8, PRICE, 2.0),
)
MEMBERS = pl.DataFrame({"company_id": ["C-BIG", "C-ABOVE", "C-BELOW", "C-SPAC", "C-TWO"]})


def test_a_member_passes_by_its_mean_and_nobody_else_does() -> None:
    ranked = rank_with_members(
        rank_companies(LINES, rules=RULES), LINES, members=MEMBERS, rules=RULES
    )
    assert ranked["company_id"].to_list() == ["C-BIG", "C-ABOVE", "C-TWO"]
    assert ranked["rank"].to_list() == [1, 2, 3]
    assert ranked["cumulative_market_cap_share"].to_list() == pytest.approx(
        [9e9 / 9.6e9, 9.5e9 / 9.6e9, 1.0]
    )
    # Its class below a dollar does not come in with the class that was ranked anyway.
    assert ranked["line_count"].to_list() == [1, 1, 1]


def test_without_such_members_the_ranking_is_as_it_was() -> None:
    ranking = rank_companies(LINES, rules=RULES)
    others = MEMBERS.filter(pl.col("company_id") != "C-ABOVE")
    assert rank_with_members(ranking, LINES, members=others, rules=RULES).equals(ranking)


def test_before_2012_no_member_was_let_off() -> None:
    rules = rules_in_force(date(2010, 5, 28))
    ranking = rank_companies(LINES, rules=rules)
    assert rank_with_members(ranking, LINES, members=MEMBERS, rules=rules).equals(ranking)
    assert not LINES.select(excused_of_member(rules).any()).item()
