"""Breakpoints, bands and decisions.

Golden answers: the worked example of the specification (section 3.3: total
1,000, cumulative 893.0 through rank 994) and the rulebook's own (section 6.11). What
holds for every market is `test_edges`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from r2k_pipeline.errors import TooFewCompaniesError
from r2k_pipeline.methodology.reconstitution import breakpoints, reconstitute
from r2k_pipeline.rulebook.family import family
from r2k_pipeline.rulebook.family_file import parse_family
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.rules import IndexRules

EVENT = event("2022-06")
RULES = rules_in_force(EVENT.rank_day)
FAMILY = family()
# For markets of a few companies: only the edges of the segments.
ALL = parse_family("indexes: {all: {name: All, ranks: [1, 4000]}}", file="f.yaml")
INCUMBENTS = dict.fromkeys(
    ("company_id", "security_id", "symbol", "name", "sector", "segment", "indexes", "edges_above"),
    pl.String,
)
NO_INCUMBENTS = pl.DataFrame(schema=INCUMBENTS)
NOTHING_EXCLUDED = pl.DataFrame(
    schema={
        "company_id": pl.String, "security_id": pl.String, "symbol": pl.String,
        "is_eligible": pl.Boolean, "exclusion_reason": pl.String,
    }
)  # fmt: skip

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


def members(
    segments: Mapping[int, str | None], edges: Mapping[int, str | None] | None = None
) -> pl.DataFrame:
    """Incumbents by their rank today, with the edges that they were above, if known."""
    return pl.DataFrame(
        {
            "company_id": [f"C{rank:04}" for rank in segments],
            "security_id": [f"S{rank:04}" for rank in segments],
            "symbol": [f"T{rank}" for rank in segments],
            "name": ["n"] * len(segments),
            "sector": ["s"] * len(segments),
            "segment": list(segments.values()),
            "indexes": [None] * len(segments),
            "edges_above": [(edges or {}).get(rank) for rank in segments],
        },
        schema=INCUMBENTS,
    )


def decide(
    ranking: pl.DataFrame,
    incumbents: pl.DataFrame,
    *,
    rules: IndexRules = RULES,
    family: Mapping[str, IndexDefinition] = FAMILY,
) -> pl.DataFrame:
    """What the event decides, nothing being excluded."""
    return reconstitute(
        ranking,
        incumbents=incumbents,
        excluded=NOTHING_EXCLUDED,
        event=EVENT,
        rules=rules,
        family=family,
    )


def edge(ranking: pl.DataFrame, key: str) -> dict[str, Any]:
    """The row of one edge."""
    found = breakpoints(ranking, event=EVENT, rules=RULES, family=FAMILY, is_banded=True)
    return found.row(by_predicate=pl.col("edge") == key, named=True)


@pytest.fixture
def worked_example() -> pl.DataFrame:
    """The specification's market: 994 companies with 893.0 in all, its eleven rows, and a tail."""
    head = [893.0 / 994] * 994
    rows = [cap for _, cap, *_ in WORKED_EXAMPLE]
    tail = [(1000.0 - 893.0 - sum(rows)) / 1500] * 1500
    return ranked([*head, *rows, *tail])


def test_the_worked_example_of_the_specification(worked_example: pl.DataFrame) -> None:
    before: dict[int, str | None] = {
        rank: segment for rank, _, segment, *_ in WORKED_EXAMPLE if segment
    }
    decided = decide(worked_example, members(before))
    answers = {
        row["rank"]: (row["segment"], row["decision"]) for row in decided.iter_rows(named=True)
    }
    for rank, _, _, segment, decision in WORKED_EXAMPLE:
        assert answers[rank] == (segment, decision), rank


def test_the_breakpoint_is_the_last_large_company_before_banding(
    worked_example: pl.DataFrame,
) -> None:
    row = edge(worked_example, "1000")
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
    decided = decide(
        ranked([4.0, 3.0, 2.0, 1.0], shares), members({rank: before}), rules=rules, family=ALL
    )
    assert decided.filter(pl.col("rank") == rank)["segment"].item() == after


def test_nobody_is_protected_at_the_lower_edge() -> None:
    rules = replace(RULES, large_cap_count=1, total_count=2, extended_count=3)
    decided = decide(
        ranked([50.0, 30.0, 29.9, 1.0]), members({3: "small", 4: "micro"}), rules=rules, family=ALL
    )
    assert decided["segment"].to_list() == ["large", "small", "micro", None]
    assert decided["decision"].to_list() == ["enters", "enters", "moves_down", "leaves"]


def test_before_2007_rank_alone_decides() -> None:
    rules = replace(
        rules_in_force(date(2006, 5, 31)), large_cap_count=1, total_count=2, extended_count=2
    )
    decided = decide(
        ranked([50.0, 49.9]), members({1: "small", 2: "large"}), rules=rules, family=ALL
    )
    assert decided["decision"].to_list() == ["moves_up", "moves_down"]


def test_a_member_that_is_not_ranked_leaves_with_the_universes_reason() -> None:
    rules = replace(RULES, large_cap_count=1, total_count=2, extended_count=2)
    gone = members({7: "small", 8: "small"})
    excluded = pl.DataFrame(
        {"security_id": ["S0007"], "is_eligible": [False], "exclusion_reason": ["foreign"]}
    )
    decided = reconstitute(
        ranked([2.0, 1.0]),
        incumbents=gone,
        excluded=excluded,
        event=EVENT,
        rules=rules,
        family=ALL,
    ).filter(pl.col("rank").is_null())
    assert decided["decision"].to_list() == ["leaves", "leaves"]
    assert decided["reason"].to_list() == [
        "leaves: The company does not count as a United States company.",
        "leaves: no line of the company is listed on rank day",
    ]


def test_too_few_companies_give_no_breakpoint() -> None:
    with pytest.raises(TooFewCompaniesError, match=r"2 companies are ranked on 2022-05-06.*1000"):
        breakpoints(ranked([2.0, 1.0]), event=EVENT, rules=RULES, family=FAMILY, is_banded=False)


def test_the_band_only_moves_companies_between_large_and_small(
    worked_example: pl.DataFrame,
) -> None:
    before: dict[int, str | None] = {
        rank: "small" if rank % 2 else "large" for rank in range(900, 1100)
    }
    decided = decide(worked_example, members(before))
    assert decided.height == worked_example.height
    assert decided["segment"].null_count() == 0
    banded = decided.filter(pl.col("decision") == "stays_by_band")
    bounds = edge(worked_example, "1000")
    inside = banded["cumulative_market_cap_share"].is_between(
        bounds["lower_bound_share"], bounds["upper_bound_share"]
    )
    assert banded.height > 0
    assert inside.all()


def test_every_edge_of_the_family_has_its_breakpoint(worked_example: pl.DataFrame) -> None:
    found = breakpoints(worked_example, event=EVENT, rules=RULES, family=FAMILY, is_banded=True)
    half = (pl.col("upper_bound_share") - pl.col("lower_bound_share")).round(9) / 2
    assert found.select("edge", half.alias("half"), "is_banded").rows() == [
        ("50", None, False),
        ("200", 0.025, True),
        ("500", 0.025, True),
        ("1000", 0.025, True),
        ("2000", 0.005, True),
    ]


# Per edge: the keys of the edges above which a company of each side is.
SIDES = {
    200: ("200 500 1000 2000 3000 4000", "500 1000 2000 3000 4000"),
    500: ("500 1000 2000 3000 4000", "1000 2000 3000 4000"),
    2000: ("2000 3000 4000", "3000 4000"),
}


@pytest.mark.parametrize(
    ("rank", "larger", "smaller"),
    [(200, "rtop200", "rmidcap"), (500, "rtop500", "r2500"), (2000, None, "rmicro")],
)
def test_the_bands_at_200_500_and_2000(rank: int, larger: str | None, smaller: str) -> None:
    # 3,100 companies of falling size, the share at the edge +- its half width by hand.
    caps = [1.0 / place for place in range(1, 3101)]
    ranking = ranked(caps)
    shares = ranking["cumulative_market_cap_share"].to_numpy()
    half = RULES.band_at(rank)
    inside = [r for r in range(1, 3101) if abs(shares[r - 1] - shares[rank - 1]) <= half]
    first, last = inside[0], inside[-1]
    assert first < rank < last
    above, below = SIDES[rank]
    segment = "small" if rank == 2000 else "large"
    asked = {first - 1: below, first: below, rank: below, last: above, last + 1: above}
    decided = decide(ranking, members(dict.fromkeys(asked, segment), asked))
    texts = dict(decided.select("rank", "indexes").iter_rows())
    is_smaller = {place: smaller in texts[place].split() for place in asked}
    # Outside the band rank decides, inside it the side before.
    assert is_smaller == {
        first - 1: False, first: True, rank: True, last: False, last + 1: True,
    }  # fmt: skip
    if larger is not None:
        assert {place: larger in texts[place].split() for place in asked} == {
            place: not is_below for place, is_below in is_smaller.items()
        }


def test_newcomers_and_micro_members_are_held_by_no_band() -> None:
    # The band around #2000 is #1916 to #2088 here.
    caps = [1.0 / place for place in range(1, 3101)]
    edges = {1940: "3000 4000", 2060: "2000 3000 4000", 1960: "3000 4000"}
    decided = decide(ranked(caps), members({1940: "small", 2060: "small", 1960: "micro"}, edges))
    texts = dict(decided.select("rank", "indexes").iter_rows())
    # Two members of small keep their side of #2000; one of micro and a newcomer do not.
    assert "rmicro" in texts[1940].split()
    assert "rmicro" not in texts[2060].split()
    assert "rmicro" not in texts[1960].split()
    assert "rmicro" in texts[2050].split()


def test_where_only_the_segment_is_known_bands_within_it_hold_nobody() -> None:
    caps = [1.0 / place for place in range(1, 3101)]
    decided = decide(ranked(caps), members({190: "large", 210: "large", 990: "small"}))
    texts = dict(decided.select("rank", "indexes").iter_rows())
    assert "rtop200" in texts[190].split()
    assert "rmidcap" in texts[210].split()
    assert "r2000" in texts[990].split()


def test_a_band_of_its_own_holds_members_at_both_edges_of_an_index() -> None:
    own = parse_family(
        "indexes: {mine: {name: Mine, ranks: [101, 750], band: 0.02}}", file="f.yaml"
    )
    caps = [1.0 / place for place in range(1, 3101)]
    first = decide(ranked(caps), NO_INCUMBENTS, family={**FAMILY, **own})
    members_before = first.filter(pl.col("indexes").str.contains("mine"))
    assert members_before["rank"].to_list() == list(range(101, 751))
    # The companies at #100 and #101 change places, as do those at #750 and #751.
    swapped = {"C0100": 101, "C0101": 100, "C0750": 751, "C0751": 750}
    moved = (
        ranked(caps)
        .with_columns(
            company_id=pl.col("company_id").replace(
                {f"C{place:04}": company for company, place in swapped.items()}
            )
        )
        .sort("rank")
    )
    second = decide(moved, first.filter(pl.col("segment").is_not_null()), family={**FAMILY, **own})
    kept = second.filter(pl.col("indexes").str.contains("mine"))
    assert set(kept["company_id"]) == set(members_before["company_id"])


def test_filters_keep_companies_out_of_one_index_only() -> None:
    filtered = parse_family(
        "indexes: {tech: {name: T, ranks: [1, 9], sectors: [Technology]},"
        " rest: {name: R, ranks: [1, 9], excluding: list.csv}}",
        file="f.yaml",
        read=lambda _: "symbol,weight\nT.2,0.5\n",
    )
    rules = replace(RULES, large_cap_count=1, total_count=2, extended_count=3)
    universe = pl.DataFrame(
        {
            "company_id": ["C0001", "C0002", "C0002"], "security_id": ["S0001", "S0002", "S9"],
            "symbol": ["T1", "X", "T/2"], "is_eligible": True, "exclusion_reason": None,
        }
    )  # fmt: skip
    decided = reconstitute(
        ranked([3.0, 2.0, 1.0]).with_columns(sector=pl.Series(["Technology", "Energy", None])),
        incumbents=NO_INCUMBENTS,
        excluded=universe,
        event=EVENT,
        rules=rules,
        family={**ALL, **filtered},
    )
    # The list names a class of the second company: the company is out, whatever its vehicle.
    assert decided["indexes"].to_list() == ["all tech rest", "all", "all rest"]
