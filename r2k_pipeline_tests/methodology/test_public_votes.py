"""Invariants of the public's votes.

- A lock-up only lowers the public's votes, by the part that was not offered.
- It is over once a review's cut-off has come after it; the session itself does not end it.
- What the feed says of an IPO long ago is stronger than the first session that was seen.
- The year from which votes are asked is the IPO's, else that of the fact.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from r2k_pipeline.methodology.public_votes import public_votes
from r2k_pipeline.rulebook.reviews import cut_off_before
from r2k_pipeline.rulebook.rules import rules_in_force

DAY = date(2022, 5, 6)
RULES = replace(rules_in_force(DAY), lock_up_days=180, offered_part_of_float=0.25)
FACTS = pl.DataFrame(
    {
        "symbol": ["HAL"] * 5,
        "company": ["Halden"] * 5,
        # In the years 2021 and 2023 the public had less than before and after.
        "public_vote_share": [0.08, 0.03, 0.08, 0.05, 0.08],
        "first_year": [2019, 2021, 2022, 2023, 2024],
        "last_year": [2020, 2021, 2022, 2023, None],
        "source": ["a proxy statement"] * 5,
        "certainty": ["official"] * 5,
    },
    schema_overrides={"first_year": pl.Int32, "last_year": pl.Int32},
)


def votes(
    *, listed_on: date, ipo_year: int | None, day: date = DAY, name: str = "Halden Inc."
) -> tuple[float | None, int | None]:
    """What is found for one line of HAL on one session."""
    lines = pl.DataFrame(
        {
            "session": [day],
            "security_id": ["S-HAL"],
            "symbol": ["HAL"],
            "name": [name],
            "ipo_year": [ipo_year],
            "year": [day.year],
        },
        schema_overrides={"ipo_year": pl.Int32, "year": pl.Int32},
    )
    # A line that was renamed since has two spans; the first one began with the listing.
    securities = pl.DataFrame(
        {"security_id": ["S-HAL"] * 2, "first_session": [day, listed_on]},
    )
    found = public_votes(lines, FACTS, securities, rules=RULES).row(0, named=True)
    return found["public_vote_share"], found["votes_since"]


def test_a_new_listing_has_only_what_was_offered() -> None:
    assert votes(listed_on=date(2022, 2, 1), ipo_year=2022) == (0.02, 2022)


@pytest.mark.parametrize(("days", "share"), [(180, 0.08), (179, 0.03)])
def test_until_a_cut_off_has_seen_the_end_the_year_of_the_listing_counts(
    days: int, share: float
) -> None:
    listed_on = cut_off_before(DAY) - timedelta(days=days)
    assert votes(listed_on=listed_on, ipo_year=listed_on.year)[0] == share


def test_a_cut_off_on_the_session_itself_comes_too_late() -> None:
    day = date(2024, 4, 30)  # the cut-off of June 2024
    assert cut_off_before(day) < day
    listed_on = day - timedelta(days=181)
    assert votes(listed_on=listed_on, ipo_year=2023, day=day)[0] == 0.05


@pytest.mark.parametrize(("days", "share"), [(180, 0.05), (179, 0.02)])
def test_a_lock_up_ends_on_its_last_day(days: int, share: float) -> None:
    day = date(2024, 4, 30)
    assert votes(listed_on=day - timedelta(days=days), ipo_year=2023, day=day)[0] == share


def test_a_line_that_was_only_seen_late_is_no_new_listing() -> None:
    assert votes(listed_on=date(2022, 2, 1), ipo_year=1999) == (0.08, 1999)


def test_without_a_year_of_the_ipo_the_fact_tells_since_when() -> None:
    assert votes(listed_on=date(2022, 2, 1), ipo_year=None) == (0.08, 2022)


def test_nothing_is_said_of_another_company() -> None:
    assert votes(listed_on=date(2022, 2, 1), ipo_year=2022, name="Other Corp.") == (None, None)
