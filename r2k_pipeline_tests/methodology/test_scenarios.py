"""Other schedules and bands: by hand, and what must hold of any market.

Invariants:
1. A scenario's events lie where its months end, and count so many sessions later.
2. The wider the band, the fewer companies cross the breakpoint at one event.
3. What happens after a rank day changes none of its decisions; a return of a session is
   weighed with capitalisations of the one before.
4. Weights that do not change turn nothing over; a whole exchange turns everything over.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from r2k_pipeline.methodology.scenarios import (
    Scenario,
    decided_history,
    index_returns,
    line_returns,
    movements,
    scenario_events,
    scenario_rules,
    turnovers,
)
from r2k_pipeline.rulebook.family import family
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline_tests.queries.market_rows import ranking_rows

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

YEARS = sessions_between(date(2021, 1, 4), date(2023, 3, 15))
LARGE, TOTAL = 30, 90


def named(months: tuple[int, ...], *, lag: int = 40, band: float = 0.025) -> Scenario:
    return Scenario(scenario_id="x", rank_months=months, band_half_width=band, lag_sessions=lag)


def test_an_annual_schedule_by_hand() -> None:
    # April ends on Friday the 30th in 2021 and on Friday the 29th in 2022.
    found = scenario_events(named((4,)), YEARS)
    assert [event.rank_day for event in found] == [date(2021, 4, 30), date(2022, 4, 29)]
    for event in found:
        between = sessions_between(event.rank_day, event.effective_session)
        assert len(between) == 41
        assert event.effective_friday == between[-2]


def test_a_quarterly_schedule_leaves_out_what_is_not_over() -> None:
    found = scenario_events(named((1, 4, 7, 10)), YEARS)
    assert [event.event_id for event in found] == [
        "2021-01", "2021-04", "2021-07", "2021-10",
        "2022-01", "2022-04", "2022-07", "2022-10",
    ]  # fmt: skip
    # January 2023 is ranked, but 40 sessions later the sessions are over; March is not over.
    assert "2023-01" in {e.event_id for e in scenario_events(named((1, 3), lag=5), YEARS)}
    assert "2023-03" not in {e.event_id for e in scenario_events(named((1, 3), lag=5), YEARS)}


def test_only_the_band_of_the_breakpoint_differs_from_the_rulebook() -> None:
    day = date(2022, 4, 29)
    assert scenario_rules(named((4,), band=0.05), day) == replace(
        rules_in_force(day), band_at_1000=0.05
    )


def walks(events: int, *, seed: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    start = np.log(1e12 / np.arange(1, 121) ** 1.1)
    steps = rng.normal(0, 0.25, (events, 120))
    return np.asarray(np.exp(start + np.cumsum(steps, axis=0)))


def history(caps: np.ndarray, *, band: float) -> pl.DataFrame:
    """Events a year apart on walks, with ranks that fit so small a market."""
    scenario = named((4,), band=band)
    sessions = sessions_between(date(2010, 1, 4), date(2010 + len(caps), 12, 31))
    events = scenario_events(scenario, sessions)[: len(caps)]

    def with_rules(event: Event, row: np.ndarray) -> tuple[Event, IndexRules, pl.DataFrame]:
        rules = replace(
            scenario_rules(scenario, event.rank_day),
            large_cap_count=LARGE,
            total_count=TOTAL,
            extended_count=120,
        )
        return event, rules, ranking_rows([event.rank_day], row[None, :])

    told = [with_rules(event, row) for event, row in zip(events, caps, strict=True)]
    return decided_history(told, family=family())


def test_without_a_band_the_sizes_are_those_of_the_ranks() -> None:
    decided = history(walks(4), band=0.0)
    sizes = decided.group_by("event_id", "segment").len().filter(pl.col("segment").is_not_null())
    assert set(sizes.filter(segment="large")["len"]) == {LARGE}
    assert set(sizes.filter(segment="small")["len"]) == {TOTAL - LARGE}
    counted = movements(decided)
    assert counted.height == 3
    assert (counted["additions"] == counted["deletions"]).all()


def test_who_moved_by_hand() -> None:
    # One company of the small side and one of the large change places; the last two as well.
    caps = np.array([[100.0 - number for number in range(120)]] * 2) * 1e9
    caps[1, [LARGE - 1, LARGE]] = caps[0, [LARGE, LARGE - 1]]
    caps[1, [TOTAL - 1, TOTAL]] = caps[0, [TOTAL, TOTAL - 1]]
    positive = caps + 21e9
    assert movements(history(positive, band=0.0)).drop("event_id").row(0) == (1, 1, 1, 1)
    assert movements(history(positive, band=0.2)).drop("event_id").row(0) == (0, 0, 1, 1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_wider_band_lets_fewer_companies_cross(seed: int) -> None:
    moves = []
    for band in (0.0, 0.02, 0.05, 0.2):
        counted = movements(history(walks(2, seed=seed), band=band))
        moves.append(counted.select(pl.col("moves_up") + pl.col("moves_down")).item())
    assert moves == sorted(moves, reverse=True)
    assert moves[0] > moves[-1]


def test_later_rank_days_change_no_earlier_decision() -> None:
    caps = walks(4)
    changed = caps.copy()
    changed[2:] = changed[2:, ::-1]
    one, other = (history(frame, band=0.025) for frame in (caps, changed))
    events = one["event_id"].unique(maintain_order=True)
    early = pl.col("event_id").is_in(events[:2].implode())
    assert one.filter(early).equals(other.filter(early))
    assert not one.filter(~early).equals(other.filter(~early))


def line_rows(*rows: tuple[int, str, float, float | None, float]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema=["day", "security_id", "close_usd", "previous_close_usd", "market_cap_usd"],
        orient="row",
    ).with_columns(session=pl.date(2024, 1, "day"))


def test_a_split_is_no_return_and_an_unknown_close_gives_none() -> None:
    found = line_returns(
        line_rows(
            (2, "S", 100.0, 99.0, 1e9), (3, "S", 51.0, 50.0, 1.02e9), (4, "S", 52.0, 0.0, 1e9),
            (2, "T", 10.0, None, 5e8), (3, "T", 11.0, 10.0, 5.5e8),
        )
    )  # fmt: skip
    assert found.select("session", "security_id").rows() == [
        (date(2024, 1, 3), "S"),
        (date(2024, 1, 3), "T"),
    ]
    assert found["price_return"].to_list() == pytest.approx([0.02, 0.1])
    assert found["opening_cap_usd"].to_list() == [1e9, 5e8]


def members(*rows: tuple[int, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["day", "security_id", "segment"], orient="row").with_columns(
        effective_session=pl.date(2024, 1, "day")
    )


def test_members_count_from_their_effective_session_to_the_next() -> None:
    returns = line_returns(
        line_rows(
            *((day, "A", 1.1**day, 1.1 ** (day - 1), 1.1**day * 1e9) for day in range(2, 7)),
            *((day, "B", 0.8**day, 0.8 ** (day - 1), 0.8**day * 1e9) for day in range(2, 7)),
        )
    )
    decided = members((3, "A", "small"), (5, "B", "small"), (5, "A", "large"))
    small = index_returns(decided, returns, segment="small")
    assert small["session"].to_list() == [date(2024, 1, day) for day in (3, 4, 5, 6)]
    assert small["price_return"].to_list() == pytest.approx([0.1, 0.1, -0.2, -0.2])


def test_the_weight_of_a_return_is_that_of_the_close_before() -> None:
    rows = [(2, "A", 1.0, 1.0, 3e9), (2, "B", 1.0, 1.0, 1e9)]
    rows += [(3, "A", 1.1, 1.0, 3.3e9), (3, "B", 0.9, 1.0, 9e20)]
    decided = members((3, "A", "small"), (3, "B", "small"))
    found = index_returns(decided, line_returns(line_rows(*rows)), segment="small")
    assert found["price_return"].to_list() == pytest.approx([0.75 * 0.1 - 0.25 * 0.1])


def test_turnover_of_nothing_and_of_everything() -> None:
    eves = pl.DataFrame(
        {"day": [5] * 4, "security_id": ["A", "B", "C", "D"], "market_cap_usd": [1.0, 3.0, 2.0, 2]}
    ).with_columns(effective_session=pl.date(2024, 1, "day"))
    same = members(*((day, line, "small") for day in (3, 5) for line in "AB"))
    other = members(*((3, line, "small") for line in "AB"), *((5, line, "small") for line in "CD"))
    assert turnovers(same, eves, segment="small")["turnover_share"].to_list() == [0.0]
    assert turnovers(other, eves, segment="small")["turnover_share"].to_list() == [1.0]


def test_a_member_that_is_gone_on_the_eve_is_not_sold() -> None:
    eves = pl.DataFrame(
        {"day": [5, 5], "security_id": ["A", "B"], "market_cap_usd": [1.0, 3.0]}
    ).with_columns(effective_session=pl.date(2024, 1, "day"))
    decided = members((3, "A", "small"), (3, "GONE", "small"), (5, "A", "small"), (5, "B", "small"))
    assert turnovers(decided, eves, segment="small")["turnover_share"].to_list() == [0.75]
