"""What holds of the family in every market, whoever was a member before.

Invariants:
- every index is the range between its edges: a company that no band holds is in it
  exactly if its rank is in the range;
- the r3000 is the r1000 and the r2000, which share nobody; the rmidcap is the r1000
  without the rtop200, the r2500 the r3000 without the rtop500, the rmicro the companies
  beyond the edge at #2000;
- the r3000e holds every ranked company down to its last rank, and nobody else;
- nobody ranks beyond the r3000 and is in it: it holds as many as rank within it;
- the order of rows changes nothing;
- deciding again, with what was decided as incumbents, changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from r2k_pipeline.methodology.edges import (
    Edge,
    band_bounds,
    edges_of,
    index_edges,
    whole_segment_indexes,
)
from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.methodology.reconstitution import reconstitute
from r2k_pipeline.rulebook.family import family
from r2k_pipeline.rulebook.family_file import parse_family
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event

if TYPE_CHECKING:
    from r2k_pipeline.methodology.edges import Numbers

EVENT = event("2022-06")
REAL_RULES = rules_in_force(EVENT.rank_day)
# The real family at a hundredth of its size: #2 for #200, #5, #10, #20, #30 and #40.
RULES = replace(
    REAL_RULES, large_cap_count=10, total_count=30, extended_count=40, band_at_1000=0.05
)
SMALL_FAMILY = parse_family(
    """
indexes:
  r3000e: {name: E, ranks: [1, 40]}
  r3000: {name: B, ranks: [1, 30]}
  r1000: {name: L, ranks: [1, 10]}
  r2000: {name: S, ranks: [11, 30]}
  rtop200: {name: T, ranks: [1, 2]}
  rmidcap: {name: M, ranks: [3, 10]}
  rtop500: {name: F, ranks: [1, 5]}
  r2500: {name: SM, ranks: [6, 30]}
  rmicro: {name: MI, ranks: [21, 40]}
  wide: {name: W, ranks: [11, 30], band: 0.02}
  tight: {name: T, ranks: [3, 40], band: 0.001}
""",
    file="f.yaml",
)
NOTHING_EXCLUDED = pl.DataFrame(
    schema={
        "company_id": pl.String, "security_id": pl.String, "symbol": pl.String,
        "is_eligible": pl.Boolean, "exclusion_reason": pl.String,
    }
)  # fmt: skip
TEXTS = ("security_id", "symbol", "name", "sector")
INCUMBENTS = dict.fromkeys(("company_id", *TEXTS, "segment", "indexes", "edges_above"), pl.String)

caps = st.lists(st.integers(1, 10**6).map(float), min_size=12, max_size=60)
EDGE_KEYS = [edge.key for edge in edges_of(SMALL_FAMILY, RULES)]
standing = st.tuples(
    st.sampled_from(["large", "small", "micro"]),
    st.one_of(st.none(), st.sets(st.sampled_from(EDGE_KEYS))),
)
before = st.dictionaries(st.integers(0, 59), standing, max_size=40)


def ranked(values: list[float], ids: list[str] | None = None) -> pl.DataFrame:
    """Companies of these caps, ranked as the pipeline ranks them."""
    names = ids or [f"C{place:03}" for place in range(len(values))]
    universe = pl.DataFrame(
        {
            "session": [EVENT.rank_day] * len(values), "company_id": names, "close_usd": 1.0,
            "addtv_usd": 1.0, "market_cap_usd": values, "is_eligible": True,
        }
    ).with_columns(pl.col("company_id").alias(name) for name in TEXTS)  # fmt: skip
    return rank_companies(universe, rules=RULES)


def incumbents(standings: dict[int, tuple[str, set[str] | None]]) -> pl.DataFrame:
    rows = [
        {
            "company_id": f"C{place:03}",
            "security_id": f"C{place:03}",
            "symbol": f"C{place:03}",
            "segment": segment,
            "edges_above": None if edges is None else " ".join(sorted(edges)) or None,
        }
        for place, (segment, edges) in standings.items()
    ]
    return pl.DataFrame(rows, schema=INCUMBENTS)


def decided(ranking: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    return reconstitute(
        ranking,
        incumbents=members,
        excluded=NOTHING_EXCLUDED,
        event=EVENT,
        rules=RULES,
        family=SMALL_FAMILY,
    )


def held(found: pl.DataFrame) -> dict[str, set[str]]:
    """The companies of each index."""
    rows = list(found.select("company_id", pl.col("indexes").fill_null("")).iter_rows())
    return {
        index_id: {company for company, text in rows if index_id in text.split()}
        for index_id in SMALL_FAMILY
    }


@given(caps, before)
def test_the_indexes_are_made_of_one_another(
    values: list[float], was: dict[int, tuple[str, set[str] | None]]
) -> None:
    found = decided(ranked(values), incumbents(was))
    index = held(found)
    assert index["r3000"] == index["r1000"] | index["r2000"]
    assert not index["r1000"] & index["r2000"]
    assert index["r2500"] == index["r3000"] - index["rtop500"]
    assert index["rmidcap"] == index["r1000"] - index["rtop200"]
    beyond = {row["company_id"] for row in found.iter_rows(named=True) if is_beyond(row)}
    assert index["rmicro"] == beyond
    assert len(index["r3000e"]) == min(40, len(values))
    assert len(index["r3000"]) == min(30, len(values))
    by_segment = {
        segment: set(found.filter(pl.col("segment") == segment)["company_id"])
        for segment in ("large", "small", "micro")
    }
    assert (by_segment["large"], by_segment["small"]) == (index["r1000"], index["r2000"])
    assert by_segment["micro"] == index["r3000e"] - index["r3000"]


def is_beyond(row: dict[str, str | None]) -> bool:
    """Whether a company ends in the family and not above the edge at #20."""
    above = (row["edges_above"] or "").split()
    return "40" in above and "20" not in above


@given(caps, before)
def test_who_is_held_by_no_band_is_where_its_rank_says(
    values: list[float], was: dict[int, tuple[str, set[str] | None]]
) -> None:
    ranking = ranked(values)
    found = decided(ranking, incumbents(was))
    shares = ranking.sort("rank")["cumulative_market_cap_share"].to_numpy()[:40]
    edges = {edge.key: edge for edge in edges_of(SMALL_FAMILY, RULES)}
    for row in found.drop_nulls("rank").iter_rows(named=True):
        words = (row["indexes"] or "").split()
        for index_id, index in SMALL_FAMILY.items():
            ends = [edges[key] for key in index_edges(index, RULES) if key is not None]
            if any(in_band(edge, row, shares) for edge in ends) and row["previous_segment"]:
                continue
            assert (index_id in words) == (index.first_rank <= row["rank"] <= index.last_rank)


def in_band(edge: Edge, row: dict[str, float], shares: Numbers) -> bool:
    bounds = band_bounds(edge, shares)
    return bounds is not None and bounds[0] <= row["cumulative_market_cap_share"] <= bounds[1]


@given(caps, before, st.integers(0, 2**32))
def test_the_order_of_rows_changes_nothing(
    values: list[float], was: dict[int, tuple[str, set[str] | None]], seed: int
) -> None:
    ranking, members = ranked(values), incumbents(was)
    shuffled = ranking.sample(fraction=1.0, shuffle=True, seed=seed)
    mixed = members.sample(fraction=1.0, shuffle=True, seed=seed + 1)
    assert decided(shuffled, mixed).equals(decided(ranking, members))


@given(caps, before)
def test_deciding_again_changes_nothing(
    values: list[float], was: dict[int, tuple[str, set[str] | None]]
) -> None:
    ranking = ranked(values)
    first = decided(ranking, incumbents(was)).filter(pl.col("segment").is_not_null())
    again = decided(ranking, first.select(list(INCUMBENTS))).filter(pl.col("segment").is_not_null())
    kept = ["company_id", "segment", "indexes", "edges_above"]
    assert again.select(kept).equals(first.select(kept))
    assert set(again["decision"]) <= {"stays_by_rank", "stays_by_band"}
    assert again["previous_indexes"].equals(first["indexes"])


def test_more_indexes_than_a_machine_word_has_bits_stay_apart() -> None:
    # Forty indexes of one company each need forty edges of their own; with bands twice as many.
    text = "\n".join(f"  one{n}: {{name: One, ranks: [{n}, {n}], band: 0.0}}" for n in range(1, 41))
    many = parse_family(f"indexes:\n{text}", file="f.yaml")
    found = reconstitute(
        ranked([float(60 - place) for place in range(50)]),
        incumbents=incumbents({}),
        excluded=NOTHING_EXCLUDED,
        event=EVENT,
        rules=RULES,
        family=many,
    )
    assert found["indexes"].to_list() == [f"one{n}" for n in range(1, 41)] + [None] * 10


def test_the_edges_of_the_shipped_family() -> None:
    edges = edges_of(family(), REAL_RULES)
    assert [(edge.rank, edge.half_width) for edge in edges] == [
        (50, 0.0), (200, 0.025), (500, 0.025), (1000, 0.025), (2000, 0.005), (3000, 0.0),
        (4000, 0.0),
    ]  # fmt: skip
    assert not any(edge.is_own for edge in edges)


def test_what_a_segment_alone_says_of_membership() -> None:
    assert whole_segment_indexes(SMALL_FAMILY, RULES) == {
        "large": "r3000e r3000 r1000",
        "small": "r3000e r3000 r2000 r2500",
        "micro": "r3000e rmicro",
    }
