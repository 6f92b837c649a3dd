"""Signals against answers worked out by hand, and the frame they come in.

Each golden case is short enough to check with pencil and paper; the arithmetic
stands beside it.
"""

from __future__ import annotations

from datetime import date
from math import sqrt

import polars as pl
import pytest

from r2k_pipeline.errors import BadInputError, NotASessionError
from r2k_pipeline.methodology.signals import SIGNALS, all_signals, warmup_sessions
from r2k_pipeline.methodology.signals.breakout import donchian_breakout
from r2k_pipeline.methodology.signals.crossover import ema_crossover, sma_crossover
from r2k_pipeline.methodology.signals.definition import require_levels
from r2k_pipeline.methodology.signals.mean_reversion import z_score_reversion
from r2k_pipeline.methodology.signals.momentum import momentum
from r2k_pipeline.rulebook.sessions import sessions_between

SESSIONS = sessions_between(date(2020, 1, 2), date(2023, 12, 29))


def levels_of(*price_levels: float) -> pl.DataFrame:
    return pl.DataFrame(
        {"session": SESSIONS[: len(price_levels)], "price_level": price_levels},
        schema={"session": pl.Date, "price_level": pl.Float64},
    )


def family_levels(**price_levels: list[float]) -> pl.DataFrame:
    return pl.concat(
        levels_of(*of_index).with_columns(pl.lit(index_id).alias("index_id"))
        for index_id, of_index in price_levels.items()
    )


def wave(count: int, *, step: float = 1.0) -> list[float]:
    return [1000 + step * ((n * n) % 97) + n for n in range(count)]


def test_simple_averages_cross() -> None:
    found = sma_crossover(levels_of(10, 11, 12, 9, 9), short_sessions=2, long_sessions=3)
    # The short averages 11.5, 10.5 and 9 over the long ones 11, 32/3 and 10.
    assert found["value"].to_list()[2:] == pytest.approx([0.5 / 11, -0.015625, -0.1])
    assert found["value"].to_list()[:2] == [None, None]
    assert found["position"].to_list() == [0, 0, 1, -1, -1]
    assert found["signal"].unique().to_list() == ["sma_2_3"]


def test_equal_averages_take_no_side() -> None:
    found = sma_crossover(levels_of(*[0.1] * 6), short_sessions=2, long_sessions=3)
    assert found["position"].to_list() == [0.0] * 6


def test_exponential_averages_cross() -> None:
    found = ema_crossover(levels_of(8, 4, 12, 8), short_span=1, long_span=3)
    # Span 3 halves a weight a session: (12 + 2 + 2) / 1.75 = 64 / 7 and
    # (8 + 6 + 1 + 1) / 1.875 = 128 / 15; span 1 is the level itself.
    assert found["value"].to_list()[2:] == pytest.approx([12 * 7 / 64 - 1, 8 * 15 / 128 - 1])
    assert found["position"].to_list() == [0, 0, 1, -1]


def test_momentum_leaves_the_latest_sessions_out() -> None:
    found = momentum(levels_of(10, 12, 9, 1, 50), signal="toy", from_sessions=2, to_sessions=1)
    assert found["value"].to_list()[2:] == pytest.approx([0.2, -0.25, 1 / 9 - 1])
    assert found["position"].to_list() == [0, 0, 1, -1, -1]


def test_a_stretched_level_is_stood_against_until_it_is_back() -> None:
    # Windows of three: two equal levels and an outlier lie sqrt(2) deviations away.
    found = z_score_reversion(
        levels_of(10, 10, 13, 12, 11, 11, 8, 9, 9), window_sessions=3, entry_deviations=1.4
    )
    z = found["value"].to_list()
    assert z[:2] == [None, None]
    assert z[2] == pytest.approx(sqrt(2))  # short
    assert z[3] == pytest.approx(1 / sqrt(14))  # 10, 13, 12: mean 35/3, still above it
    assert z[4] == pytest.approx(-sqrt(1.5))  # 13, 12, 11: below its mean, back to none
    assert z[6] == pytest.approx(-sqrt(2))  # 11, 11, 8: long
    assert z[8] == pytest.approx(sqrt(0.5))  # 8, 9, 9: just above its mean, back to none
    assert found["position"].to_list() == [0, 0, -1, -1, 0, 0, 1, 1, 0]


def test_a_level_exactly_at_its_average_ends_the_position() -> None:
    found = z_score_reversion(levels_of(12, 12, 6, 9, 7.5), window_sessions=3, entry_deviations=1.4)
    assert found["value"].to_list()[3:] == [0.0, 0.0]
    assert found["position"].to_list() == [0, 0, 1, 0, 0]


def test_a_stretch_to_the_other_side_turns_the_position_at_once() -> None:
    found = z_score_reversion(
        levels_of(10, 10, 7, 7, 7, 9), window_sessions=3, entry_deviations=1.4
    )
    assert found["position"].to_list() == [0, 0, 1, 1, 1, -1]


def test_a_window_without_variation_has_no_z_and_holds_the_position() -> None:
    found = z_score_reversion(
        levels_of(10, 10, 7, 7, 7, 7), window_sessions=3, entry_deviations=1.4
    )
    assert found["value"].to_list()[4:] == [None, None]
    assert found["position"].to_list() == [0, 0, 1, 1, 1, 1]


def test_a_close_beyond_the_channel_is_followed_until_the_shorter_one_breaks() -> None:
    found = donchian_breakout(
        levels_of(10, 12, 11, 12, 12.5, 12.2, 11.9, 10.5, 11.5, 13),
        entry_sessions=3,
        exit_sessions=1,
    )
    # Channels of the three closes before: 10-12, 11-12, 11-12.5, 12-12.5, ...
    assert found["value"].to_list()[3:6] == pytest.approx([1.0, 2.0, 0.6])
    # 12 equals the highest close and is not beyond it; 12.5 is; 12.2 < 12.5 ends it; 11.9 < 12.0
    # falls out of the channel; 10.5 goes on; 11.5 > 10.5 ends it; 13 > 11.9 starts anew.
    assert found["position"].to_list() == [0, 0, 0, 0, 1, 0, -1, -1, 0, 1]


def test_a_channel_without_height_has_no_value_but_can_be_broken() -> None:
    found = donchian_breakout(levels_of(10, 10, 10, 11), entry_sessions=2, exit_sessions=1)
    assert found["value"].to_list() == [None, None, None, None]
    assert found["position"].to_list() == [0, 0, 0, 1]


def test_every_definition_answers_under_its_own_name() -> None:
    for name, definition in SIGNALS.items():
        found = definition.compute(levels_of(*wave(300)))
        assert found.columns == ["session", "signal", "value", "position"]
        assert found["signal"].unique().to_list() == [name] == [definition.name]
        assert definition.compute.func.__module__.endswith(f".{definition.family}")  # type: ignore[attr-defined]  # a partial
        assert definition.sentence.endswith(".")


@pytest.mark.parametrize("name", SIGNALS)
def test_a_value_begins_right_after_the_lookback(name: str) -> None:
    definition = SIGNALS[name]
    found = definition.compute(levels_of(*wave(300)))
    warmup = found.head(definition.lookback_sessions)
    assert warmup["value"].null_count() == warmup.height
    assert (warmup["position"] == 0).all()
    assert found["value"][definition.lookback_sessions] is not None
    assert definition.lookback_sessions <= warmup_sessions() == 252


def test_signals_come_in_the_shape_of_their_table() -> None:
    found = all_signals(family_levels(r2000=wave(300), r1000=wave(260, step=0.5)))
    assert dict(found.schema) == {
        "index_id": pl.String,
        "session": pl.Date,
        "signal": pl.String,
        "value": pl.Float64,
        "position": pl.Float64,
        "tradable_session": pl.Date,
    }
    assert found.height == 5 * (300 + 260)
    assert found.equals(found.sort("index_id", "session", "signal"))
    assert found["position"].is_between(-1, 1).all()
    assert (found["tradable_session"] > found["session"]).all()


def test_a_position_is_tradable_on_the_next_session() -> None:
    found = all_signals(family_levels(r2000=wave(5))).filter(signal="sma_50_200")
    # 2 to 8 January 2020: Thursday, Friday, Monday, Tuesday, Wednesday.
    assert found["tradable_session"].to_list() == [date(2020, 1, day) for day in (3, 6, 7, 8, 9)]


def test_an_index_does_not_see_another() -> None:
    alone = all_signals(family_levels(r2000=wave(300)))
    beside = all_signals(family_levels(r1000=wave(300, step=3.0), r2000=wave(300)))
    assert beside.filter(index_id="r2000").equals(alone)


def test_a_range_is_cut_from_the_whole_history() -> None:
    levels = family_levels(r2000=wave(300))
    start, end = SESSIONS[270], SESSIONS[280]
    whole = all_signals(levels)
    assert all_signals(levels, start=start, end=end).equals(
        whole.filter(pl.col("session").is_between(start, end))
    )


def test_no_levels_give_no_signals() -> None:
    empty = all_signals(family_levels(r2000=[]))
    assert empty.is_empty()
    assert empty.schema == all_signals(family_levels(r2000=wave(3))).schema


@pytest.mark.parametrize("level", [0.0, -1.0, float("nan"), float("inf"), None])
def test_an_unusable_level_is_named(level: float | None) -> None:
    levels = levels_of(10, 11, 12).with_columns(
        price_level=pl.when(pl.col("session") == SESSIONS[1]).then(level).otherwise("price_level")
    )
    with pytest.raises(BadInputError, match=f"levels: {SESSIONS[1]} has the price level"):
        require_levels(levels)


def test_sessions_out_of_order_or_twice_are_named() -> None:
    levels = levels_of(10, 11, 12)
    with pytest.raises(BadInputError, match=f"{SESSIONS[1]} does not follow"):
        require_levels(levels.reverse())
    with pytest.raises(BadInputError, match=f"{SESSIONS[2]} does not follow"):
        all_signals(
            pl.concat([levels, levels.tail(1)]).with_columns(pl.lit("r2000").alias("index_id"))
        )


def test_a_session_beyond_the_calendar_is_refused() -> None:
    levels = pl.DataFrame(
        {"index_id": ["r2000"], "session": [date(2040, 1, 3)], "price_level": [1000.0]}
    )
    with pytest.raises(NotASessionError, match="2040-01-03"):
        all_signals(levels)


def test_a_stretch_of_exactly_the_entry_is_enough() -> None:
    # In a window of two unequal levels the later one lies exactly one deviation away.
    found = z_score_reversion(levels_of(10, 12, 8), window_sessions=2, entry_deviations=1.0)
    assert found["position"].to_list() == [0, -1, 1]
