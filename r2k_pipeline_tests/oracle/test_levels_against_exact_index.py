"""The pipeline's levels against an exact calculator that knows only the definitions.

Invariants: on every session of a made-up history each index of the family has the price,
total and net total return level of `exact_index`, to 1e-10, and as many members; and a
history built in two stretches has the levels of one built at once.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from r2k_pipeline_tests.oracle.drawn_histories import CALENDAR, OBSERVED, Market, markets
from r2k_pipeline_tests.oracle.exact_index import ExactFamily
from r2k_pipeline_tests.oracle.pipeline_levels import levels_of
from r2k_pipeline_tests.oracle.told_frames import told

WIRED = (
    "split", "cash_dividend", "delisting", "cash_merger", "halt", "rename", "reincorporation",
    "listing", "offering",
)  # fmt: skip


@settings(max_examples=200, database=None, derandomize=True)
@given(markets(WIRED))
def test_levels_are_those_of_exact_arithmetic(market: Market) -> None:
    history = told(market)
    found = levels_of(history, cut=CALENDAR[OBSERVED + market.cut])
    exact = ExactFamily(history).levels()
    rows = {(row["index_id"], row["session"]): row for row in found.iter_rows(named=True)}
    assert sorted(rows) == sorted(exact)
    for key, level in exact.items():
        row = rows[key]
        assert row["members"] == level.members, key
        for column, value in (
            ("price_level", level.price),
            ("total_return_level", level.total),
            ("net_total_return_level", level.net),
        ):
            assert row[column] == pytest.approx(float(value), rel=1e-10), (key, column)
