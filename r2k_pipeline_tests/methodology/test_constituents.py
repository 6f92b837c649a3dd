"""Members laid against sessions.

Invariants: a session's rows do not depend on which other sessions are built; a
split changes no market value at the open; closes are never from the future,
except recovered ones by one session.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r2k_pipeline.methodology.constituents import constituents
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_between

if TYPE_CHECKING:
    from collections.abc import Mapping

EVENT = event("2022-06")
RULES = replace(rules_in_force(EVENT.rank_day), share_observation_sessions=3)
SESSIONS = sessions_between(date(2022, 6, 22), date(2022, 7, 15))  # 22, 23, 24 observe; 27 first
FIRST = SESSIONS.index(EVENT.effective_session)
ACTIONS = {
    "session": pl.Date,
    "security_id": pl.String,
    "action_type": pl.String,
    "split_factor": pl.Float64,
    "amount_usd": pl.Float64,
    "ratio": pl.Float64,
}


def decided(*lines: str) -> pl.DataFrame:
    """A reconstitution that puts every line into `small`."""
    return pl.DataFrame(
        {
            "security_id": [f"S-{line}" for line in lines],
            "company_id": [f"C-{line}" for line in lines],
            "sector": ["x"] * len(lines),
            "segment": ["small"] * len(lines),
            "indexes": ["r3000e r3000 r2000"] * len(lines),
            "event_id": [EVENT.event_id] * len(lines),
        }
    )


def quoted(line: str, closes: Mapping[int, float | None], *, shares: float = 100.0) -> pl.DataFrame:
    """A line's universe rows by session number; a missing number is a missing row."""
    days = sorted(closes)
    before = [None, *(closes.get(day - 1) for day in days[1:])]
    return pl.DataFrame(
        {
            "session": [SESSIONS[day] for day in days],
            "security_id": [f"S-{line}"] * len(days),
            "symbol": [line] * len(days),
            "close_usd": [closes[day] for day in days],
            "previous_close_usd": before,
            "company_id": [f"C-{line}"] * len(days),
            "name": [line] * len(days),
            "line_shares": [shares] * len(days),
            "is_eligible": [True] * len(days),
        },
        schema_overrides={"close_usd": pl.Float64, "previous_close_usd": pl.Float64},
    )


def split(line: str, day: int, factor: float) -> dict[str, object]:
    return {
        "session": SESSIONS[day],
        "security_id": f"S-{line}",
        "action_type": "split",
        "split_factor": factor,
    }


def laid(
    universe: pl.DataFrame,
    *actions: dict[str, object],
    end: int = len(SESSIONS) - 1,
    lines: tuple[str, ...] = ("HAL",),
) -> pl.DataFrame:
    return constituents(
        decided(*lines),
        universe,
        pl.DataFrame(list(actions), schema=ACTIONS),
        event=EVENT,
        sessions=SESSIONS[: end + 2],
        end=SESSIONS[end],
        rules=RULES,
    )


STEADY = dict.fromkeys(range(len(SESSIONS)), 10.0)


def test_members_are_in_from_the_effective_session_on() -> None:
    rows = laid(quoted("HAL", STEADY))
    assert rows["session"].to_list() == SESSIONS[FIRST:]
    assert rows.select("index_shares", "market_value_usd", "status").unique().rows() == [
        (100.0, 1000.0, "ok")
    ]


def test_shares_are_the_median_of_the_observation_sessions() -> None:
    spike = quoted("HAL", STEADY).with_columns(
        line_shares=pl.Series([100.0, 2800.0, 101.0] + [100.0] * (len(SESSIONS) - 3))
    )
    assert laid(spike)["index_shares"].unique().to_list() == [101.0]


def test_a_split_changes_shares_and_reference_close_and_no_value() -> None:
    closes = {day: 30.0 if day < FIRST + 2 else 10.0 for day in STEADY}
    rows = laid(quoted("HAL", closes), split("HAL", FIRST + 2, 3.0))
    day = rows.filter(pl.col("session") == SESSIONS[FIRST + 2]).row(0, named=True)
    assert (day["index_shares"], day["previous_close_usd"]) == (300.0, 10.0)
    assert rows["market_value_usd"].unique().to_list() == [3000.0]


@pytest.mark.parametrize(
    ("kind", "terms"),
    [("rights_issue", {"ratio": 0.5, "amount_usd": 7.0}), ("share_change", {"ratio": 1.5})],
)
@pytest.mark.parametrize("last", [100.0, 150.0], ids=["slow feed", "prompt feed"])
def test_shares_that_change_while_they_are_observed_count_as_changed(
    kind: str, terms: dict[str, float], last: float
) -> None:
    # Told for the last observation session, on which a prompt feed shows it already.
    told = {
        "session": SESSIONS[FIRST - 1], "security_id": "S-HAL", "action_type": kind, **terms,
    }  # fmt: skip
    counted = quoted("HAL", STEADY).with_columns(
        line_shares=pl.Series([100.0, 100.0, last] + [150.0] * (len(SESSIONS) - 3))
    )
    assert laid(counted, told)["index_shares"].unique().to_list() == [150.0]


def test_shares_observed_before_a_split_are_brought_forward() -> None:
    closes = {day: 30.0 if day < 2 else 10.0 for day in STEADY}
    shares = [100.0, 100.0] + [300.0] * (len(SESSIONS) - 2)
    universe = quoted("HAL", closes).with_columns(line_shares=pl.Series(shares))
    assert laid(universe, split("HAL", 2, 3.0))["index_shares"].unique().to_list() == [300.0]


def test_a_missed_close_is_recovered_from_the_next_snapshot() -> None:
    closes = {day: float(10 + day) for day in STEADY if day != FIRST + 1}
    universe = quoted("HAL", closes).with_columns(
        previous_close_usd=pl.when(pl.col("session") == SESSIONS[FIRST + 2])
        .then(11.11)
        .otherwise("previous_close_usd")
    )
    row = laid(universe).filter(pl.col("session") == SESSIONS[FIRST + 1]).row(0, named=True)
    assert (row["close_usd"], row["status"]) == (11.11, "recovered")
    assert row["close_session"] == SESSIONS[FIRST + 1]


def test_built_on_its_own_day_the_same_session_is_carried() -> None:
    closes = {day: float(10 + day) for day in range(FIRST + 1)}
    rows = laid(quoted("HAL", closes), end=FIRST + 1)
    row = rows.row(-1, named=True)
    assert (row["close_usd"], row["status"]) == (10.0 + FIRST, "carried")
    assert row["close_session"] == SESSIONS[FIRST]


def test_a_recovered_close_is_undone_of_the_split_that_followed() -> None:
    closes: dict[int, float | None] = {
        day: 30.0 if day < FIRST + 3 else 10.0 for day in STEADY if day != FIRST + 2
    }
    universe = quoted("HAL", closes).with_columns(
        previous_close_usd=pl.when(pl.col("session") == SESSIONS[FIRST + 3])
        .then(10.5)
        .otherwise("previous_close_usd")
    )
    rows = laid(universe, split("HAL", FIRST + 3, 3.0))
    row = rows.filter(pl.col("session") == SESSIONS[FIRST + 2]).row(0, named=True)
    assert (row["close_usd"], row["index_shares"]) == (31.5, 100.0)


def test_a_silent_line_is_carried_for_five_sessions_and_then_removed_for_good() -> None:
    gap = range(FIRST + 1, FIRST + 8)
    closes: dict[int, float | None] = {day: 10.0 for day in STEADY if day not in gap}
    rows = laid(quoted("HAL", closes))
    assert rows["session"].to_list() == SESSIONS[FIRST : FIRST + 1 + RULES.max_carried_sessions]
    assert rows["status"].to_list() == ["ok", *["carried"] * RULES.max_carried_sessions]


@pytest.mark.parametrize("ending", ["delisting", "cash_merger", "stock_merger"])
def test_a_reported_ending_removes_the_line_at_once(ending: str) -> None:
    action = {"session": SESSIONS[FIRST + 2], "security_id": "S-HAL", "action_type": ending}
    rows = laid(quoted("HAL", dict.fromkeys(range(FIRST + 2), 10.0)), action)
    assert rows["session"].to_list() == SESSIONS[FIRST : FIRST + 2]


def test_a_member_that_merged_before_the_event_never_enters() -> None:
    assert laid(quoted("HAL", {0: 10.0}).clear()).is_empty()


gappy = st.dictionaries(
    st.integers(0, len(SESSIONS) - 1), st.sampled_from([9.0, 10.0, 12.5]), min_size=8
)
splits = st.lists(
    st.tuples(st.integers(0, len(SESSIONS) - 1), st.sampled_from([2.0, 0.5, 3.0])), max_size=2
)


@given(gappy, splits, st.integers(FIRST, len(SESSIONS) - 3))
def test_a_session_does_not_depend_on_how_far_is_built(
    closes: dict[int, float | None], chosen: list[tuple[int, float]], end: int
) -> None:
    actions = [split("HAL", day, factor) for day, factor in chosen]
    universe = quoted("HAL", closes)
    part = laid(universe.filter(pl.col("session") <= SESSIONS[end + 1]), *actions, end=end)
    whole = laid(universe, *actions)
    assert part.equals(whole.filter(pl.col("session") <= SESSIONS[end]))


@given(gappy, splits)
def test_an_open_is_worth_the_close_before_whatever_is_split(
    closes: dict[int, float | None], chosen: list[tuple[int, float]]
) -> None:
    rows = laid(quoted("HAL", closes), *(split("HAL", day, factor) for day, factor in chosen))
    at_open = (rows["previous_close_usd"] * rows["index_shares"]).to_list()[1:]
    assert at_open == pytest.approx(rows["market_value_usd"].to_list()[:-1], rel=1e-12)
