"""The what-if agrees with the reconstitution itself.

Invariants: placed at its own size, a company is above the edges and in the segment that
`reconstitute` gives it; just beyond a crossing it is on the other side of the edge, just
before it on its own; asked alone or with others, the answer is the same. (That a larger
company is never below an edge that a smaller one is above does not hold: the band is
measured with the company's own cap included, and among a dozen companies that moves it.)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.methodology.reconstitution import reconstitute
from r2k_pipeline.queries.edge_card import EdgeCard, edge_card
from r2k_pipeline.rulebook.family_file import parse_family
from r2k_pipeline.rulebook.rules import IndexRules, rules_in_force
from r2k_pipeline.rulebook.schedule import event

EVENT = event("2022-06")
RULES = replace(
    rules_in_force(EVENT.rank_day),
    large_cap_count=3,
    total_count=6,
    extended_count=9,
    band_at_1000=0.05,
    band_at_2000=0.0,
)
FAMILY = parse_family(
    """
    indexes:
      top: {name: Top, ranks: [1, 2], band: 0.04}
      upper: {name: Upper, ranks: [1, 3]}
      middle: {name: Middle, ranks: [4, 6]}
    """,
    file="family.yaml",
)
TEXTS = ("security_id", "symbol", "name", "sector")
SEGMENTS = (None, "large", "small", "micro")
EDGES = {None: None, "large": "2~0.04 3 6 9", "small": "6 9", "micro": "9"}

caps = st.lists(st.integers(1, 10**6).map(float), min_size=11, max_size=16, unique=True)
segments = st.sampled_from(SEGMENTS)


def ranking(values: list[float]) -> pl.DataFrame:
    """Companies C00, C01, ... of these sizes, ranked."""
    ids = [f"C{place:02d}" for place in range(len(values))]
    universe = pl.DataFrame(
        {
            "session": EVENT.rank_day,
            "company_id": ids,
            **dict.fromkeys(TEXTS, ids),
            "close_usd": 1.0,
            "addtv_usd": 1.0,
            "market_cap_usd": values,
            "is_eligible": True,
        }
    )
    return rank_companies(universe, rules=RULES)


def members(before: dict[str, str | None]) -> pl.DataFrame:
    """The companies that were in a segment, with the edges that they were above."""
    rows = [
        {"company_id": company, "segment": segment, "edges_above": EDGES[segment]}
        for company, segment in before.items()
        if segment is not None
    ]
    schema = dict.fromkeys(("company_id", "segment", "edges_above"), pl.String)
    return pl.DataFrame(rows, schema=schema)


def decided(values: list[float], before: dict[str, str | None]) -> pl.DataFrame:
    """What the methodology decides."""
    incumbents = members(before).with_columns(
        *(pl.col("company_id").alias(name) for name in TEXTS),
        indexes=pl.lit(None, pl.String),
    )
    return reconstitute(
        ranking(values),
        incumbents=incumbents,
        excluded=empty_frame(contract("universe")),
        event=EVENT,
        rules=RULES,
        family=FAMILY,
    )


def carded(
    values: list[float],
    before: dict[str, str | None],
    sizes: dict[str, float] | None = None,
    rules: IndexRules = RULES,
) -> EdgeCard:
    """Every company, at its own size or at another, beside the edges."""
    ranked = ranking(values)
    asked = ranked.select("company_id", "rank", cap_usd="total_market_cap_usd")
    if sizes is not None:
        asked = asked.filter(pl.col("company_id").is_in(list(sizes))).with_columns(
            cap_usd=pl.col("company_id").replace_strict(sizes, return_dtype=pl.Float64)
        )
    return edge_card(asked, ranked, incumbents=members(before), family=FAMILY, rules=rules)


@given(caps, st.data())
def test_at_its_own_size_a_company_is_where_the_reconstitution_put_it(
    values: list[float], data: st.DataObject
) -> None:
    before = {f"C{place:02d}": data.draw(segments) for place in range(len(values))}
    above = (
        carded(values, before)
        .edges.filter("is_above")
        .group_by("company_id", maintain_order=True)
        .agg(pl.col("edge").str.join(" "))
    )
    told = dict(above.iter_rows())
    for row in decided(values, before).drop_nulls("segment").iter_rows(named=True):
        assert told[row["company_id"]] == row["edges_above"]


@given(caps, st.data())
@settings(max_examples=25)
def test_a_crossing_divides_the_own_side_from_the_other(
    values: list[float], data: st.DataObject
) -> None:
    before = {f"C{place:02d}": data.draw(segments) for place in range(len(values))}
    asked = f"C{data.draw(st.integers(0, len(values) - 1)):02d}"
    edges = carded(values, before).edges.filter(pl.col("company_id") == asked)
    for row in edges.drop_nulls("crosses_at_usd").iter_rows(named=True):
        # Sizes are whole dollars there, so a dollar on either side is beyond the rounding.
        beyond, short = (1.5, -1.5) if not row["is_above"] else (-1.5, 1.5)
        sides = [
            carded(values, before, {asked: row["crosses_at_usd"] + step})
            .edges.filter(pl.col("edge") == row["edge"])["is_above"]
            .item()
            for step in (beyond, short)
            if row["crosses_at_usd"] + step > 0
        ]
        assert sides[0] is not row["is_above"]
        assert sides[1:] in ([], [row["is_above"]])


@given(caps, st.data())
def test_a_company_asked_alone_is_told_the_same(values: list[float], data: st.DataObject) -> None:
    before = {f"C{place:02d}": data.draw(segments) for place in range(len(values))}
    asked = f"C{data.draw(st.integers(0, len(values) - 1)):02d}"
    together = carded(values, before)
    own = dict(zip((f"C{place:02d}" for place in range(len(values))), values, strict=True))
    alone = carded(values, before, {asked: own[asked]})
    mine = pl.col("company_id") == asked
    assert_frame_equal(alone.edges, together.edges.filter(mine), check_exact=True)
    assert_frame_equal(alone.switches, together.switches.filter(mine), check_exact=True)


OTHERS = [90.0, 80.0, 70.0, 60.0, 50.0, 40.0, 30.0, 20.0, 10.0]


def switches(own: float, was: str | None, rules: IndexRules = RULES) -> dict[str, object]:
    """The switches of one company among nine others."""
    card = carded([*OTHERS, own], {"C09": was}, rules=rules)
    return card.switches.filter(pl.col("company_id") == "C09").row(0, named=True)


def test_the_hand_made_ranking_switches_where_the_neighbours_are() -> None:
    # Ranks 1-3 are 90, 80, 70. At 65 a newcomer is the fourth; it takes the third place
    # when it passes 70, and falls to micro behind the sixth, 50.
    found = switches(65.0, None)
    assert (found["rises_above_usd"], found["rises_above_segment"]) == (70.0, "large")
    assert (found["falls_below_usd"], found["falls_below_segment"]) == (40.0, "micro")
    assert (found["rises_above_rank"], found["falls_below_rank"]) == (3, 7)


def test_the_band_moves_the_switch_of_an_incumbent_away() -> None:
    # One place is about 0.14 of the total here, so a half width of 0.15 holds one place.
    wide = replace(RULES, band_at_1000=0.15)
    newcomer, incumbent = (switches(75.0, was, wide) for was in (None, "large"))
    assert newcomer["falls_below_usd"] == 70.0
    assert incumbent["falls_below_usd"] == 60.0
    assert newcomer["falls_below_segment"] == incumbent["falls_below_segment"] == "small"


def test_the_largest_company_has_nothing_above_it() -> None:
    found = switches(1000.0, "large")
    assert found["rises_above_usd"] is None
    assert found["falls_below_segment"] == "small"


def test_a_company_that_is_not_ranked_is_laid_among_all_of_them() -> None:
    ranked = ranking(OTHERS)
    asked = pl.DataFrame(
        {"company_id": ["NEW", "TINY"], "rank": [None, None], "cap_usd": [65.0, 0.5]},
        schema_overrides={"rank": pl.Int32},
    )
    found = edge_card(asked, ranked, incumbents=members({}), family=FAMILY, rules=RULES)
    assert found.would.rows() == [("NEW", 4, "small"), ("TINY", 10, None)]


def test_few_companies_leave_no_edge_at_the_lower_end() -> None:
    few = carded([5e6, 4e6, 3e6, 1e6], {})
    last = few.edges.filter(pl.col("company_id") == "C03")
    assert last.filter(pl.col("edge") == "9")["crosses_at_usd"].item() is None
    assert last.filter(pl.col("edge") == "9")["breakpoint_usd"].item() is None
    assert last.filter(pl.col("edge") == "3")["crosses_at_usd"].item() == pytest.approx(3e6)
    assert np.isfinite(few.edges["crosses_at_usd"].drop_nulls().to_numpy()).all()
