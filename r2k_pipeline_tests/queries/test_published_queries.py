"""Levels, signals and their errors, as they stand in the published tables."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.errors import BadInputError, MissingPartitionError
from r2k_pipeline.queries.levels import LEVEL_COLUMNS, levels
from r2k_pipeline.queries.signals import SIGNAL_COLUMNS, signals
from r2k_pipeline_tests.small_history import BASE_SESSION, LAST_SESSION

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store


def test_levels_have_the_promised_columns_in_order_of_sessions(history: Store) -> None:
    found = levels(history, "r2000")
    assert tuple(found.columns) == LEVEL_COLUMNS
    assert found["session"].is_sorted()
    assert (found["session"][0], found["session"][-1]) == (BASE_SESSION, LAST_SESSION)
    assert found["price_level"][0] == pytest.approx(1000.0)


def test_a_range_is_inclusive_at_both_ends(history: Store) -> None:
    found = levels(history, "r1000", start=date(2022, 6, 28), end=date(2022, 6, 30))
    assert found["session"].to_list() == [date(2022, 6, day) for day in (28, 29, 30)]


def test_a_range_without_levels_names_what_there_is(history: Store) -> None:
    with pytest.raises(MissingPartitionError, match="2021-06-28 to 2022-07-01"):
        levels(history, "r2000", start=date(2023, 1, 3))


def test_a_range_that_ends_before_it_starts_is_refused(history: Store) -> None:
    with pytest.raises(BadInputError, match="ends before it starts"):
        levels(history, "r2000", start=date(2022, 7, 1), end=date(2022, 6, 1))


def test_before_publication_nothing_was_known(history: Store) -> None:
    with pytest.raises(BadInputError, match="had nothing of this at 2022-07-01"):
        levels(history, "r2000", known_at=datetime(2022, 7, 1, tzinfo=UTC))


def test_an_empty_store_says_what_to_run(empty_store: Store) -> None:
    with pytest.raises(BadInputError, match="run `r2k ingest` and `r2k build` first"):
        levels(empty_store, "r2000")


def test_one_signal_can_be_asked_for(history: Store) -> None:
    every = signals(history)
    name = every["signal"][0]
    one = signals(history, name, start=LAST_SESSION)
    assert tuple(one.columns) == SIGNAL_COLUMNS
    assert one["signal"].to_list() == [name]
    assert (one["tradable_session"] > one["session"]).all()


def test_an_unknown_signal_names_those_there_are(history: Store) -> None:
    with pytest.raises(BadInputError, match="choose one of donchian_20_10"):
        signals(history, "donchain_20_10")
