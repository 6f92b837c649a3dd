"""The what-if agrees with the reconstitution itself.

Invariants: placed at its own size, a company lands where `reconstitute` put it;
just beyond a switch it is in the other segment, just before it in its own. (That a
larger company is never in a smaller segment does not hold: the band is measured with
the company's own cap included, and among a dozen companies that moves it.)
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.methodology.reconstitution import reconstitute
from r2k_pipeline.queries.counterfactual import Field
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event

EVENT = event("2022-06")
RULES = replace(
    rules_in_force(EVENT.rank_day),
    large_cap_count=3,
    total_count=6,
    extended_count=9,
    band_half_width=0.05,
)
RANKS = (3, 6, 9)
OTHERS = [90.0, 80.0, 70.0, 60.0, 50.0, 40.0, 30.0, 20.0, 10.0]

caps = st.lists(st.integers(1, 10**6).map(float), min_size=11, max_size=16, unique=True)
segments = st.sampled_from(["large", "small", "micro", None])


def field(half_width: float = 0.05) -> Field:
    return Field(OTHERS, boundary_ranks=RANKS, band_half_width=half_width)


def reconstituted(own: float, others: list[float], previous: str | None) -> str | None:
    """Where the methodology puts company OWN."""
    ids = ["OWN", *(f"O{n:02d}" for n in range(len(others)))]
    universe = pl.DataFrame(
        {
            "session": [EVENT.rank_day] * len(ids),
            "company_id": ids,
            "security_id": ids,
            "symbol": ids,
            "name": ids,
            "sector": ids,
            "close_usd": 1.0,
            "addtv_usd": 1.0,
            "market_cap_usd": [own, *others],
            "is_eligible": True,
        }
    )
    incumbents = pl.DataFrame(
        {
            "company_id": ["OWN"],
            "security_id": ["OWN"],
            "symbol": ["OWN"],
            "name": ["OWN"],
            "sector": ["OWN"],
            "segment": [previous],
        },
        schema_overrides={"segment": pl.String},
    ).filter(pl.col("segment").is_not_null())
    decided = reconstitute(
        rank_companies(universe, rules=RULES),
        incumbents=incumbents,
        excluded=empty_frame(contract("universe")),
        event=EVENT,
        rules=RULES,
    )
    found: str | None = decided.filter(pl.col("company_id") == "OWN")["segment"].item()
    return found


@given(caps, segments)
def test_a_company_at_its_own_size_lands_where_the_reconstitution_put_it(
    values: list[float], previous: str | None
) -> None:
    own, others = values[0], values[1:]
    what_if = Field(others, boundary_ranks=RANKS, band_half_width=RULES.band_half_width)
    assert what_if.place(own, previous_segment=previous).segment == reconstituted(
        own, others, previous
    )


@given(caps, segments)
def test_a_switch_divides_the_own_segment_from_the_other(
    values: list[float], previous: str | None
) -> None:
    own, others = values[0], values[1:]
    what_if = Field(others, boundary_ranks=RANKS, band_half_width=RULES.band_half_width)
    here = what_if.place(own, previous_segment=previous).segment
    for switch in what_if.switches(own, previous_segment=previous):
        beyond = 1.000001 if switch.is_above else 0.999999
        after = what_if.place(switch.cap_usd * beyond, previous_segment=previous).segment
        before = what_if.place(switch.cap_usd / beyond, previous_segment=previous).segment
        assert (after, before) == (switch.segment, here)


def test_the_hand_made_ranking_switches_where_the_neighbours_are() -> None:
    # Ranks 1-3 are 90, 80, 70. At 65 a newcomer is the fourth; it takes the third
    # place when it passes 70, and falls to micro behind the seventh, 40.
    above, below = field(0.0).switches(65.0, previous_segment=None)
    assert (above.segment, below.segment) == ("large", "micro")
    assert above.cap_usd == pytest.approx(70.0)
    assert below.cap_usd == pytest.approx(40.0)


def test_the_band_moves_the_switch_of_an_incumbent_away() -> None:
    # One place is about 0.13 of the total here, so a half width of 0.15 holds one place.
    newcomer = field(0.15).switches(75.0, previous_segment=None)
    incumbent = field(0.15).switches(75.0, previous_segment="large")
    assert incumbent[0].cap_usd < newcomer[0].cap_usd
    assert incumbent[0].segment == newcomer[0].segment == "small"


def test_the_largest_company_has_nothing_above_it() -> None:
    assert [s.is_above for s in field().switches(1000.0, previous_segment="large")] == [False]


def test_few_companies_leave_no_boundary_at_the_lower_end() -> None:
    few = Field([5.0, 4.0, 3.0], boundary_ranks=RANKS, band_half_width=0.05)
    assert few.place(0.5, previous_segment=None).segment == "small"
    assert [s.is_above for s in few.switches(0.5, previous_segment=None)] == [True]
