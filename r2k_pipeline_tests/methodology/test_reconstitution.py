"""Breakpoints, bands and decisions.

Golden answers: the worked example of the specification (section 3.3: total
1,000, cumulative 893.0 through rank 994) and the rulebook's own (section 6.11).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from r2k_pipeline.errors import TooFewCompaniesError
from r2k_pipeline.methodology.reconstitution import breakpoints, reconstitute
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event

EVENT = event("2022-06")
RULES = rules_in_force(EVENT.rank_day)
NO_INCUMBENTS = pl.DataFrame(
    schema=dict.fromkeys(
        ("company_id", "security_id", "symbol", "name", "sector", "segment"), pl.String
    )
)
NOTHING_EXCLUDED = pl.DataFrame(
    schema={"security_id": pl.String, "is_eligible": pl.Boolean, "exclusion_reason": pl.String}
)

# rank, cap, segment before, segment after: section 3.3 of the specification, row by row.
WORKED_EXAMPLE = [
    (995, 8.0, "small", "large", "moves_up"),
    (996, 8.0, "large", "large", "stays_by_rank"),
    (997, 7.5, "small", "small", "stays_by_band"),
    (998, 7.5, None, "large", "enters"),
    (999, 7.0, "large", "large", "stays_by_rank"),
    (1000, 7.0, "small", "small", "stays_by_band"),
    (1001, 7.0, None, "small", "enters"),
    (1002, 6.5, "large", "large", "stays_by_band"),
    (1003, 6.5, "small", "small", "stays_by_rank"),
    (1004, 6.0, "large", "small", "moves_down"),
    (1005, 6.0, "micro", "small", "moves_up"),
]


def ranked(caps: list[float], shares: list[float] | None = None) -> pl.DataFrame:
    """Companies C0001, C0002, ... in the order of their caps, ranked on the event's rank day."""
    size = pl.Series(caps)
    return pl.DataFrame(
        {
            "session": [EVENT.rank_day] * len(caps),
            "company_id": [f"C{i:04}" for i in range(1, len(caps) + 1)],
            "security_id": [f"S{i:04}" for i in range(1, len(caps) + 1)],
            "symbol": [f"T{i}" for i in range(1, len(caps) + 1)],
            "name": ["n"] * len(caps),
            "sector": ["s"] * len(caps),
            "close_usd": [1.0] * len(caps),
            "total_shares": caps,
            "line_count": pl.Series([1] * len(caps), dtype=pl.Int32),
            "total_market_cap_usd": caps,
            "rank": pl.Series(range(1, len(caps) + 1), dtype=pl.Int32),
            "cumulative_market_cap_share": shares or (size.cum_sum() / size.sum()).to_list(),
        }
    )


def members(segments: dict[int, str]) -> pl.DataFrame:
    """Incumbents by their rank today."""
    return pl.DataFrame(
        {
            "company_id": [f"C{rank:04}" for rank in segments],
            "security_id": [f"S{rank:04}" for rank in segments],
            "symbol": [f"T{rank}" for rank in segments],
            "name": ["n"] * len(segments),
            "sector": ["s"] * len(segments),
            "segment": list(segments.values()),
        },
        schema=NO_INCUMBENTS.schema,
    )


@pytest.fixture
def worked_example() -> pl.DataFrame:
    """The specification's market: 994 companies with 893.0 in all, its eleven rows, and a tail."""
    head = [893.0 / 994] * 994
    rows = [cap for _, cap, *_ in WORKED_EXAMPLE]
    tail = [(1000.0 - 893.0 - sum(rows)) / 1500] * 1500
    return ranked([*head, *rows, *tail])


def test_the_worked_example_of_the_specification(worked_example: pl.DataFrame) -> None:
    before = {rank: segment for rank, _, segment, *_ in WORKED_EXAMPLE if segment}
    decided = reconstitute(
        worked_example,
        incumbents=members(before),
        excluded=NOTHING_EXCLUDED,
        event=EVENT,
        rules=RULES,
    )
    answers = {
        row["rank"]: (row["segment"], row["decision"]) for row in decided.iter_rows(named=True)
    }
    for rank, _, _, segment, decision in WORKED_EXAMPLE:
        assert answers[rank] == (segment, decision), rank


def test_the_breakpoint_is_the_last_large_company_before_banding(
    worked_example: pl.DataFrame,
) -> None:
    row = breakpoints(worked_example, event=EVENT, rules=RULES, is_banded=True).row(0, named=True)
    assert row["boundary_rank"] == 1000
    assert row["breakpoint_usd"] == 7.0
    assert row["cumulative_market_cap_share"] == pytest.approx(0.9380)
    assert row["lower_bound_share"] == pytest.approx(0.9130)
    assert row["upper_bound_share"] == pytest.approx(0.9630)
    assert row["total_market_cap_usd"] == pytest.approx(1000.0)


@pytest.mark.parametrize(
    ("share", "before", "after"),
    [
        (0.8554, "small", "large"),
        (0.8779, "small", "small"),
        (0.9108, "large", "large"),
        (0.9320, "small", "small"),
    ],
)
def test_the_rulebooks_own_example(share: float, before: str, after: str) -> None:
    # Breakpoint at 89.99, band 87.49 to 92.49: construction and methodology v7.0, section 6.11.
    rules = replace(RULES, large_cap_count=2, total_count=4, extended_count=4)
    is_large = share < 0.8999
    shares = [share, 0.8999, 0.95, 1.0] if is_large else [0.5, 0.8999, share, 1.0]
    rank = 1 if is_large else 3
    decided = reconstitute(
        ranked([4.0, 3.0, 2.0, 1.0], shares),
        incumbents=members({rank: before}),
        excluded=NOTHING_EXCLUDED,
        event=EVENT,
        rules=rules,
    )
    assert decided.filter(pl.col("rank") == rank)["segment"].item() == after


def test_nobody_is_protected_at_the_lower_edge() -> None:
    rules = replace(RULES, large_cap_count=1, total_count=2, extended_count=3)
    decided = reconstitute(
        ranked([50.0, 30.0, 29.9, 1.0]),
        incumbents=members({3: "small", 4: "micro"}),
        excluded=NOTHING_EXCLUDED,
        event=EVENT,
        rules=rules,
    )
    assert decided["segment"].to_list() == ["large", "small", "micro", None]
    assert decided["decision"].to_list() == ["enters", "enters", "moves_down", "leaves"]


def test_before_2007_rank_alone_decides() -> None:
    rules = replace(
        rules_in_force(date(2006, 5, 31)), large_cap_count=1, total_count=2, extended_count=2
    )
    decided = reconstitute(
        ranked([50.0, 49.9]),
        incumbents=members({1: "small", 2: "large"}),
        excluded=NOTHING_EXCLUDED,
        event=EVENT,
        rules=rules,
    )
    assert decided["decision"].to_list() == ["moves_up", "moves_down"]


def test_a_member_that_is_not_ranked_leaves_with_the_universes_reason() -> None:
    rules = replace(RULES, large_cap_count=1, total_count=2, extended_count=2)
    gone = members({7: "small", 8: "small"})
    excluded = pl.DataFrame(
        {"security_id": ["S0007"], "is_eligible": [False], "exclusion_reason": ["foreign"]}
    )
    decided = reconstitute(
        ranked([2.0, 1.0]), incumbents=gone, excluded=excluded, event=EVENT, rules=rules
    ).filter(pl.col("rank").is_null())
    assert decided["decision"].to_list() == ["leaves", "leaves"]
    assert decided["reason"].to_list() == [
        "leaves: The company does not count as a United States company.",
        "leaves: no line of the company is listed on rank day",
    ]


def test_too_few_companies_give_no_breakpoint() -> None:
    with pytest.raises(TooFewCompaniesError, match=r"2 companies are ranked on 2022-05-06.*1000"):
        breakpoints(ranked([2.0, 1.0]), event=EVENT, rules=RULES, is_banded=False)


def test_the_band_only_moves_companies_between_large_and_small(
    worked_example: pl.DataFrame,
) -> None:
    before = {rank: "small" if rank % 2 else "large" for rank in range(900, 1100)}
    decided = reconstitute(
        worked_example,
        incumbents=members(before),
        excluded=NOTHING_EXCLUDED,
        event=EVENT,
        rules=RULES,
    )
    assert decided.height == worked_example.height
    assert decided["segment"].null_count() == 0
    banded = decided.filter(pl.col("decision") == "stays_by_band")
    bounds = breakpoints(worked_example, event=EVENT, rules=RULES, is_banded=True).row(
        0, named=True
    )
    inside = banded["cumulative_market_cap_share"].is_between(
        bounds["lower_bound_share"], bounds["upper_bound_share"]
    )
    assert banded.height > 0
    assert inside.all()
