"""What holds of every signal whatever the levels.

Invariants:
1. Cutting off the future changes no row of the past (no look-ahead).
2. Levels in other units (all times a power of two) give the same rows.
3. Neither the order of rows nor other indexes matter.
4. A position is -1, 0 or 1, and 0 while a signal has never had a value.
5. Where a position is held between events, it follows the table of its docstring,
   walked one session at a time.
6. From its lookback on, a signal without memory depends on its lookback only.
"""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from r2k_pipeline.methodology.signals import SIGNALS, all_signals
from r2k_pipeline.methodology.signals.breakout import donchian_breakout
from r2k_pipeline.methodology.signals.mean_reversion import z_score_reversion
from r2k_pipeline.rulebook.sessions import sessions_between

SESSIONS = sessions_between(date(2018, 1, 2), date(2023, 12, 29))

# Steps in per mille of the level; 0 makes ties and flat windows likely.
STEPS = st.lists(st.sampled_from([-80, -20, -5, 0, 0, 5, 20, 80]), min_size=1, max_size=120)


def levels_from(steps: list[int], *, repeats: int = 1) -> pl.DataFrame:
    level, path = 1000.0, []
    for step in steps * repeats:
        level *= 1 + step / 1000
        path.append(min(max(level, 1.0), 1e6))
    return pl.DataFrame({"session": SESSIONS[: len(path)], "price_level": path})


@given(steps=STEPS, kept=st.integers(min_value=1, max_value=360))
@settings(max_examples=40)
def test_cutting_off_the_future_changes_nothing_before(steps: list[int], kept: int) -> None:
    levels = levels_from(steps, repeats=3)
    for definition in SIGNALS.values():
        whole = definition.compute(levels)
        assert_frame_equal(definition.compute(levels.head(kept)), whole.head(kept), abs_tol=0)


@given(steps=STEPS, power=st.integers(min_value=-6, max_value=6))
@settings(max_examples=25)
def test_the_unit_of_the_levels_does_not_matter(steps: list[int], power: int) -> None:
    levels = levels_from(steps, repeats=3)
    scaled = levels.with_columns(pl.col("price_level") * 2.0**power)
    for definition in SIGNALS.values():
        assert_frame_equal(definition.compute(scaled), definition.compute(levels), rel_tol=1e-9)


@given(steps=STEPS, seed=st.integers(min_value=0, max_value=99))
@settings(max_examples=25)
def test_row_order_and_other_indexes_do_not_matter(steps: list[int], seed: int) -> None:
    small = levels_from(steps).with_columns(pl.lit("r2000").alias("index_id"))
    large = levels_from(steps[::-1]).with_columns(pl.lit("r1000").alias("index_id"))
    mixed = pl.concat([small, large]).sample(fraction=1, shuffle=True, seed=seed)
    assert_frame_equal(all_signals(mixed).filter(index_id="r2000"), all_signals(small))


@given(steps=STEPS)
@settings(max_examples=25)
def test_positions_are_whole_and_absent_before_the_lookback(steps: list[int]) -> None:
    levels = levels_from(steps, repeats=3)
    for definition in SIGNALS.values():
        found = definition.compute(levels)
        assert set(found["position"].to_list()) <= {-1.0, 0.0, 1.0}
        warmup = found.head(definition.lookback_sessions)
        assert warmup["value"].null_count() == warmup.height
        assert (warmup["position"] == 0).all()


def walk_reversion(z_scores: list[float | None], entry: float) -> list[float]:
    position, path = 0.0, []
    for z in z_scores:
        if z is not None and z <= -entry:
            position = 1.0
        elif z is not None and z >= entry:
            position = -1.0
        elif z is not None and position * z >= 0:
            position = 0.0
        path.append(position)
    return path


@given(steps=STEPS)
@settings(max_examples=60)
def test_reversion_follows_its_table(steps: list[int]) -> None:
    found = z_score_reversion(levels_from(steps), window_sessions=5, entry_deviations=1.2)
    assert found["position"].to_list() == walk_reversion(found["value"].to_list(), 1.2)


def walk_breakout(path: list[float], entry: int, leave: int) -> list[float]:
    position, walked = 0.0, []
    for now, level in enumerate(path):
        before = path[max(now - entry, 0) : now]
        recent = path[max(now - leave, 0) : now]
        if len(before) < entry:
            walked.append(0.0)
            continue
        if level > max(before):
            position = 1.0
        elif level < min(before):
            position = -1.0
        elif (position > 0 and level < min(recent)) or (position < 0 and level > max(recent)):
            position = 0.0
        walked.append(position)
    return walked


@given(steps=STEPS, lengths=st.sampled_from([(4, 2), (3, 3), (2, 5), (6, 1)]))
@settings(max_examples=60)
def test_breakout_follows_its_table(steps: list[int], lengths: tuple[int, int]) -> None:
    levels = levels_from(steps)
    entry, leave = lengths
    found = donchian_breakout(levels, entry_sessions=entry, exit_sessions=leave)
    assert found["position"].to_list() == walk_breakout(
        levels["price_level"].to_list(), entry, leave
    )


@pytest.mark.parametrize("name", [n for n, d in SIGNALS.items() if not d.reads_whole_history])
@given(steps=STEPS)
@settings(max_examples=20)
def test_without_memory_the_lookback_is_enough(name: str, steps: list[int]) -> None:
    definition = SIGNALS[name]
    levels = levels_from([*steps, 7, -3], repeats=5)
    needed = definition.lookback_sessions + 1
    last = definition.compute(levels).tail(1)
    assert_frame_equal(definition.compute(levels.tail(needed)).tail(1), last, rel_tol=1e-9)
