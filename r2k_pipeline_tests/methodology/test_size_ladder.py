"""Where a size would stand among those that are ranked, and whether it is a close call.

Invariants, against a plain reckoning in loops:
    1. The rank of a size is one more than the number of larger companies.
    2. Its segment is that of the rank.
    3. It is near if the rank's cumulative share lies in the band around the last large
       company, or its cap within the margin of the smallest of the r3000. A ladder too
       short for a breakpoint has it at its smallest company.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import accumulate

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.methodology.size_ladder import ladder_of
from r2k_pipeline.rulebook.rules import IndexRules, rules_in_force

BANDED, UNBANDED = rules_in_force(date(2022, 5, 6)), rules_in_force(date(2006, 5, 31))
MARGIN = 0.2


def small(rules: IndexRules) -> IndexRules:
    return replace(rules, large_cap_count=3, total_count=6, extended_count=8)


def ranked(caps: list[float]) -> pl.DataFrame:
    ordered = sorted(caps, reverse=True)
    total = sum(ordered[:8])
    return pl.DataFrame(
        {
            "rank": range(1, len(ordered) + 1),
            "total_market_cap_usd": ordered,
            "cumulative_market_cap_share": [part / total for part in accumulate(ordered)],
        },
        schema={
            "rank": pl.Int32,
            "total_market_cap_usd": pl.Float64,
            "cumulative_market_cap_share": pl.Float64,
        },
    )


def placed(caps: list[float], sizes: list[float | None], rules: IndexRules) -> pl.DataFrame:
    ladder = ladder_of(ranked(caps), rules)
    size = pl.col("size")
    return pl.DataFrame({"size": sizes}, schema={"size": pl.Float64}).select(
        rank=ladder.rank_of(size),
        segment=ladder.segment_of(size),
        is_near=ladder.is_near(size, margin=MARGIN),
    )


def reckoned(caps: list[float], size: float, rules: IndexRules) -> tuple[int, int, bool]:
    table = ranked(caps)
    rank = 1 + sum(cap > size for cap in caps)
    segment = sum(rank > last for last in (3, 6, 8))
    shares = table["cumulative_market_cap_share"].to_list()[:8]
    near = []
    for last in (3, 6):
        if last == 3 and rules.band_at_1000 > 0 and len(shares) >= last:
            share = shares[min(rank, len(shares)) - 1]
            near.append(abs(share - shares[last - 1]) <= rules.band_at_1000 + 1e-12)
        else:
            at = table["total_market_cap_usd"].to_list()[min(last, len(caps)) - 1]
            near.append(abs(size / at - 1) <= MARGIN)
    return rank, segment, any(near)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        # Large ends at 100, a cumulative share of 0.70: the band of 0.025 holds rank 3 alone.
        (101.0, (3, 0, True)),
        (99.0, (4, 1, False)),
        (201.0, (2, 0, False)),
        # The r3000 ends at 50: 20 % on either side.
        (60.0, (6, 1, True)),
        (60.1, (6, 1, False)),
        (40.0, (8, 2, True)),
        (39.9, (8, 2, False)),
        (1.0, (10, 3, False)),
        (None, (None, None, False)),
    ],
)
def test_a_size_is_placed_among_the_ranked(
    size: float | None, expected: tuple[int | None, int | None, bool]
) -> None:
    caps = [400.0, 200.0, 100.0, 90.0, 80.0, 50.0, 45.0, 35.0, 30.0]
    assert placed(caps, [size], small(BANDED)).row(0) == expected


def test_on_an_empty_ladder_every_size_is_the_largest_and_near_nothing() -> None:
    assert placed([], [5.0, None], small(BANDED)).rows() == [(1, 0, False), (None, None, False)]


@settings(max_examples=80, deadline=None)
@given(
    caps=st.lists(st.integers(1, 2000), min_size=1, max_size=12),
    sizes=st.lists(st.integers(1, 2500), min_size=1, max_size=8),
    era=st.sampled_from([BANDED, UNBANDED]),
)
def test_sizes_are_placed_as_a_plain_reckoning_places_them(
    caps: list[int], sizes: list[int], era: IndexRules
) -> None:
    rules, plain = small(era), [float(cap) for cap in caps]
    found = placed(plain, [float(size) for size in sizes], rules)
    assert found.rows() == [reckoned(plain, float(size), rules) for size in sizes]
