"""Published figures of past reconstitutions that the rules alone decide.

- A strict cut leaves no small company above a large one; a band does. So the published
  ranges of caps tell, year by year, whether a band was in force.
- Where there was none, the largest small company is the breakpoint itself.
- With the caps of 2024 laid on a smooth curve through every published point, the band
  reaches down to the smallest large company that was published.
- Counts: one event a year to 2025 and two from 2026; additions of IPOs from September 2004;
  more lines than companies once second classes stand by themselves.

Source: `golden/published_cases.csv`, with a source a row.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import exp, log
from pathlib import Path

import polars as pl
import pytest

from r2k_pipeline.rulebook.reviews import all_reviews
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import all_events, event

CASES = pl.read_csv(
    Path(__file__).parents[1] / "golden" / "published_cases.csv", infer_schema_length=None
)
RANGES = CASES.drop_nulls("largest_small_usd")
# Published in billions with one decimal.
_ROUNDING = 0.04


@pytest.mark.parametrize("case", RANGES.to_dicts(), ids=lambda case: str(case["year"]))
def test_ranges_overlap_where_a_band_is_in_force(case: dict[str, float]) -> None:
    rules = rules_in_force(event(f"{case['year']}-06").rank_day)
    edge = case["smallest_large_usd"] or case["breakpoint_usd"]
    overlaps = case["largest_small_usd"] > edge
    assert overlaps == (rules.band_at_1000 > 0)


@pytest.mark.parametrize(
    "case",
    CASES.drop_nulls(["largest_small_usd", "breakpoint_usd"]).to_dicts(),
    ids=lambda case: str(case["year"]),
)
def test_without_a_band_the_largest_small_company_is_at_the_breakpoint(
    case: dict[str, float],
) -> None:
    banded = rules_in_force(event(f"{case['year']}-06").rank_day).band_at_1000 > 0
    is_at_breakpoint = abs(case["largest_small_usd"] / case["breakpoint_usd"] - 1) < _ROUNDING
    assert is_at_breakpoint != banded


def test_the_floor_of_size_never_binds() -> None:
    floors = [
        rules_in_force(event(f"{year}-06").rank_day).minimum_total_market_cap_usd
        for year in CASES["year"]
    ]
    assert min(CASES["smallest_small_usd"]) > max(floors)


def test_the_band_of_2024_reaches_down_to_the_published_smallest_large_company() -> None:
    """Caps fall by a constant rate between published ranks; their total is published, too."""
    total_usd = 53.0e12
    points = [(500, 13.8e9), (1000, 4.6e9), (1500, 2.1e9), (3000, 150.4e6)]
    caps: dict[int, float] = {}
    for (rank, cap), (next_rank, next_cap) in pairwise(points):
        rate = log(next_cap / cap) / (next_rank - rank)
        caps |= {r: cap * exp(rate * (r - rank)) for r in range(rank, next_rank + 1)}
    below = 0.0
    half_width = rules_in_force(event("2024-06").rank_day).band_at_1000
    held = 1000
    while (below + caps[held + 1]) / total_usd <= half_width:
        held += 1
        below += caps[held]
    smallest_large = CASES.filter(pl.col("year") == 2024)["smallest_large_usd"].item()
    assert caps[held] == pytest.approx(smallest_large, rel=0.08)


def test_events_a_year() -> None:
    counts = Counter(int(found.event_id[:4]) for found in all_events())
    assert {year for year, count in counts.items() if count == 1} == set(range(1989, 2026))
    assert {year for year, count in counts.items() if count == 2} == set(range(2026, 2031))


def test_ipos_are_added_between_events_from_september_2004() -> None:
    adding = [found.review_id for found in all_reviews() if found.has_ipo_additions]
    assert adding[0] == "2004-09"


def test_second_classes_make_more_lines_than_companies_in_2024_and_not_in_2013() -> None:
    """2024: 1,013 and 2,010 lines are 3,023 of the r3000's 3,000 companies."""
    assert rules_in_force(event("2024-06").rank_day).has_separate_share_classes
    assert not rules_in_force(event("2013-06").rank_day).has_separate_share_classes
