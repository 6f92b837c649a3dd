"""Sessions that are built again, some of them and in any order, have the rows that they had.

Invariant: of a made-up history in which every kind of action may happen, constituents,
ledger and levels of single sessions, built alone from what is stored of the others, are
those of the whole build to the last bit; a store writes nothing for rows that are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from r2k_pipeline_tests.oracle.drawn_histories import markets
from r2k_pipeline_tests.oracle.pipeline_levels import (
    index_levels_of,
    ledger_of,
    members_of,
    reset_factors,
)
from r2k_pipeline_tests.oracle.told_frames import told

if TYPE_CHECKING:
    from random import Random

    from r2k_pipeline_tests.oracle.drawn_market import Market

MOST_REBUILT = 3


@settings(max_examples=8)
@given(markets(), st.randoms(use_true_random=False))
def test_rebuilt_sessions_have_the_same_bytes(market: Market, chance: Random) -> None:
    history = told(market)
    days = history.in_force
    lines = members_of(history, days)
    factors = reset_factors(history, lines)
    ledger = ledger_of(history, lines, factors, days)
    levels = index_levels_of(history, lines, ledger, factors, days)
    for day in chance.sample(days, min(MOST_REBUILT, len(days))):
        is_day = pl.col("session") == day
        alone = members_of(history, [day])
        assert_frame_equal(alone, lines.filter(is_day), check_exact=True)
        entries = ledger_of(history, lines, factors, [day], earlier=ledger)
        assert_frame_equal(entries, ledger.filter(is_day), check_exact=True)
        found = index_levels_of(history, alone, ledger, factors, [day])
        assert_frame_equal(found, levels.filter(is_day), check_exact=True)
