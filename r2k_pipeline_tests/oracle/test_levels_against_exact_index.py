"""The pipeline's levels against an exact calculator that knows only the definitions.

Invariants: on every session of a made-up history each index of the family has the price,
total and net total return level of `exact_index`, to 1e-10, and as many members, whether it
was built at once or in two stretches; and in these histories every kind of action happens
to members.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from hypothesis import given, settings

from r2k_pipeline.rulebook.action_types import ActionType
from r2k_pipeline_tests.oracle.drawn_histories import markets
from r2k_pipeline_tests.oracle.drawn_market import CALENDAR, OBSERVED, Market
from r2k_pipeline_tests.oracle.exact_index import ExactFamily
from r2k_pipeline_tests.oracle.pipeline_levels import levels_of
from r2k_pipeline_tests.oracle.told_frames import told

HISTORIES = 200
LEAST_OF_EACH_KIND = 5


def differences(market: Market) -> tuple[list[tuple[object, ...]], Counter[str]]:
    """Where pipeline and exact calculator part, and what happened to members."""
    history = told(market)
    found = levels_of(history, cut=None if market.cut is None else CALENDAR[OBSERVED + market.cut])
    rows = {(row["index_id"], row["session"]): row for row in found.iter_rows(named=True)}
    family = ExactFamily(history)
    exact = family.levels()
    parted: list[tuple[object, ...]] = [(*key, "one side") for key in rows.keys() ^ exact.keys()]
    for key in rows.keys() & exact.keys():
        row, level = rows[key], exact[key]
        if row["members"] != level.members:
            parted.append((*key, "members", row["members"], level.members))
        for column, value in (
            ("price_level", level.price),
            ("total_return_level", level.total),
            ("net_total_return_level", level.net),
        ):
            if row[column] != pytest.approx(float(value), rel=1e-10, abs=0.0):
                parted.append((*key, column, row[column], float(value)))
    return sorted(parted, key=str), family.applied


def happened_to_members() -> Counter[str]:
    """Compare every history; how often each kind of action happened to members."""
    happened: Counter[str] = Counter()

    @settings(max_examples=HISTORIES, database=None, derandomize=True, deadline=None)
    @given(markets())
    def compare(market: Market) -> None:
        parted, applied = differences(market)
        happened.update(applied)
        assert parted == []

    compare()
    return happened


@pytest.mark.slow
def test_levels_are_those_of_exact_arithmetic() -> None:
    # In a process of its own: what Hypothesis draws depends on the modules that are loaded, so
    # that only there the same histories are drawn each time.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        happened = pool.submit(happened_to_members).result()
    assert all(happened[kind] >= LEAST_OF_EACH_KIND for kind in ActionType), happened
