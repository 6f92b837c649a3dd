"""A reconstitution on any session, and on a real rank day the real one."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.errors import MissingPartitionError, NotASessionError
from r2k_pipeline.queries.proforma import proforma

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store


def test_on_a_rank_day_it_gives_the_published_decisions(history: Store) -> None:
    found = proforma(history, date(2022, 5, 6))
    columns = ["company_id", "rank", "segment", "decision", "reason"]
    published = history.published.read("reconstitution", event_id="2022-06")
    assert found.incumbents_event_id == "2021-06"
    assert (
        found.companies.select(columns)
        .sort("company_id")
        .equals(published.select(columns).sort("company_id"))
    )


def test_distances_are_from_the_companies_at_the_boundaries(history: Store) -> None:
    companies = proforma(history, date(2022, 6, 30)).companies
    at = {row["rank"]: row for row in companies.iter_rows(named=True) if row["rank"]}
    assert at[1000]["to_r1000_usd"] == 0
    assert at[3000]["to_r3000_pct"] == 0
    assert at[999]["to_r1000_usd"] > 0 > at[1001]["to_r1000_usd"]
    expected = 100 * (at[500]["total_market_cap_usd"] / at[1000]["total_market_cap_usd"] - 1)
    assert at[500]["to_r1000_pct"] == pytest.approx(expected)


def test_before_the_first_event_nobody_is_an_incumbent(history: Store) -> None:
    found = proforma(history, date(2021, 5, 7))
    assert found.incumbents_event_id is None
    assert set(found.companies["decision"]) == {"enters", "stays_out"}


def test_who_is_not_ranked_has_no_distance(history: Store) -> None:
    unranked = proforma(history, date(2022, 5, 6)).companies.filter(pl.col("rank").is_null())
    assert unranked["symbol"].to_list() == ["GONE"]
    assert unranked["to_r1000_usd"].to_list() == [None]


def test_a_weekend_and_a_session_without_ranking_are_refused(history: Store) -> None:
    with pytest.raises(NotASessionError):
        proforma(history, date(2022, 5, 7))
    with pytest.raises(MissingPartitionError, match="sessions available"):
        proforma(history, date(2022, 3, 7))
