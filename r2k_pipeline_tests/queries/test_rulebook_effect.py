"""Whom other rules would move, on the small history."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.errors import MissingPartitionError, UnknownEventError
from r2k_pipeline.queries.rulebook_effect import rules_effect

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store

RANK_2006, RANK_2022, RANK_2023 = date(2006, 5, 31), date(2022, 5, 6), date(2023, 4, 28)


def test_the_same_rules_move_nobody(history: Store) -> None:
    assert rules_effect(history, "2022-06", before=RANK_2022, after=RANK_2022).is_empty()


def test_without_a_band_those_whom_it_kept_go_where_their_rank_says(history: Store) -> None:
    found = rules_effect(history, "2022-06", before=RANK_2022, after=RANK_2006)
    decided = history.published.read("reconstitution", event_id="2022-06")
    kept = decided.filter(pl.col("decision") == "stays_by_band")
    assert kept.height > 0
    moved = found.filter(pl.col("decision_before") == "stays_by_band")
    assert set(moved["company_id"]) == set(kept["company_id"])
    assert "stays_by_band" not in set(found["decision_after"])
    for row in moved.iter_rows(named=True):
        bare = "large" if row["rank_after"] <= 1000 else "small"
        assert row["segment_after"] == bare != row["segment_before"]


def test_the_rules_of_the_event_give_what_was_published(history: Store) -> None:
    found = rules_effect(history, "2022-06", before=RANK_2022, after=RANK_2006)
    decided = history.published.read("reconstitution", event_id="2022-06")
    columns = {"segment_before": "segment", "decision_before": "decision"}
    both = found.join(decided, on="company_id", how="inner")
    assert both.height == found.drop_nulls("decision_before").height
    for asked, published in columns.items():
        assert both[asked].equals(both[published])


def test_nothing_is_written(history: Store) -> None:
    before = history.published.read("provenance").height
    rules_effect(history, "2021-06", before=RANK_2022, after=RANK_2023)
    assert history.published.read("provenance").height == before


def test_an_event_that_did_not_land_is_refused(history: Store) -> None:
    with pytest.raises(MissingPartitionError, match="2019-05-10"):
        rules_effect(history, "2019-06", before=RANK_2022, after=RANK_2006)
    with pytest.raises(UnknownEventError):
        rules_effect(history, "2022-07", before=RANK_2022, after=RANK_2006)
