"""What an event decided, summed up and listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.errors import BadInputError, UnknownEventError
from r2k_pipeline.queries.reconstitution import (
    MOVES,
    built_events,
    latest_event,
    reconstitution_changes,
    reconstitution_summary,
)

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store


def test_the_totals_are_those_of_the_ranking(history: Store) -> None:
    summary = reconstitution_summary(history, "2022-06")
    day = summary.event.rank_day
    ranking = history.lake.scan("ranking", start=day, end=day).collect()
    r3000 = ranking.filter(pl.col("rank") <= 3000)["total_market_cap_usd"].sum()
    at_3000 = summary.boundaries.filter(pl.col("boundary_rank") == 3000)
    assert at_3000["cumulative_market_cap_usd"].item() == pytest.approx(r3000)
    in_r3000 = summary.cap_ranges.filter(pl.col("group") == "r3000")
    assert in_r3000["total_usd"].item() == pytest.approx(r3000)


def test_the_band_in_dollars_holds_the_breakpoint(history: Store) -> None:
    first = reconstitution_summary(history, "2022-06").breakpoint
    assert first["boundary_rank"] == 1000
    assert first["lower_bound_usd"] < first["breakpoint_usd"] < first["upper_bound_usd"]
    assert first["upper_bound_share"] - first["lower_bound_share"] == pytest.approx(0.05)


def test_the_first_event_says_that_it_had_no_incumbents(history: Store) -> None:
    assert "No incumbents" in (reconstitution_summary(history, "2021-06").note or "")
    assert reconstitution_summary(history, "2022-06").note is None


def test_changes_are_those_whose_segment_differs_each_with_a_reason(history: Store) -> None:
    moved = reconstitution_changes(history, "2022-06")
    assert set(moved["decision"]) == set(MOVES)
    assert moved["previous_segment"].ne_missing(moved["segment"]).all()
    assert all(moved["reason"])
    decided = dict(moved.select("symbol", "decision").iter_rows())
    assert decided["RISE"] == "moves_up"
    assert decided["FALL"] == "moves_down"
    assert decided["GONE"] == "leaves"
    assert decided["NEWB"] == "enters"
    assert "HOST" not in decided


def test_the_largest_come_first_within_a_decision(history: Store) -> None:
    moved = reconstitution_changes(history, "2022-06")
    for decision in MOVES:
        sizes = moved.filter(pl.col("decision") == decision)["total_market_cap_usd"].drop_nulls()
        assert sizes.is_sorted(descending=True)


def test_events_are_listed_and_the_last_is_known(history: Store) -> None:
    assert built_events(history) == ["2021-06", "2022-06"]
    assert latest_event(history) == "2022-06"


def test_an_event_of_the_schedule_that_is_not_built_names_those_that_are(history: Store) -> None:
    with pytest.raises(BadInputError, match="2021-06, 2022-06"):
        reconstitution_summary(history, "2023-06")


def test_an_event_that_never_was_is_unknown(history: Store) -> None:
    with pytest.raises(UnknownEventError):
        reconstitution_changes(history, "2022-07")


def test_an_empty_store_has_no_latest_event(empty_store: Store) -> None:
    with pytest.raises(BadInputError, match="reconstitution is empty"):
        latest_event(empty_store)
