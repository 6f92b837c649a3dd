"""A reconstitution on any session, and on a real rank day the real one."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import require_shape
from r2k_pipeline.errors import MissingPartitionError, NotASessionError
from r2k_pipeline.queries.proforma import proforma
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.small_history import EVENTS, KNOWN_AT, write_small_history

if TYPE_CHECKING:
    from pathlib import Path

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


def test_on_the_rank_day_the_odds_are_what_is_decided(history: Store) -> None:
    found = proforma(history, date(2022, 5, 6))
    assert found.odds.horizon_sessions == 0
    sure = found.odds.companies
    assert set(sure["probability"]) == {0.0, 1.0}
    crossed = sure.filter(pl.col("probability") == 1.0)
    members = found.companies.filter(pl.col("rank").is_not_null())
    outside = ["micro", None]
    for up, edge, before, after in (
        (True, 1000, ["small"], ["large"]),
        (False, 1000, ["large"], ["small", *outside]),
        (True, 3000, outside, ["small", "large"]),
        (False, 3000, ["small"], outside),
    ):
        odds = crossed.filter((pl.col("boundary_rank") == edge) & (pl.col("is_upward") == up))
        went = members.filter(
            pl.col("previous_segment").is_in(before, nulls_equal=True)
            & pl.col("segment").is_in(after, nulls_equal=True)
        )
        assert sorted(odds["company_id"]) == sorted(went["company_id"])
        assert went.height > 0


def test_after_the_rank_day_nothing_is_left_to_chance(history: Store) -> None:
    found = proforma(history, date(2022, 6, 17))
    assert found.odds.event.event_id == "2022-06"
    assert found.odds.horizon_sessions is None
    assert found.companies["crossing_probability"].null_count() == found.companies.height


def test_far_from_the_rank_day_the_odds_are_open_and_name_the_crossing(history: Store) -> None:
    found = proforma(history, date(2022, 6, 30))
    assert found.odds.event.event_id == "2023-06"
    assert (found.odds.horizon_sessions or 0) > 200
    at = {row["symbol"]: row for row in found.companies.iter_rows(named=True)}
    # RISE went up with the event in force; it could only come down again.
    assert at["RISE"]["crossing"] == "below 1000"
    assert at["FALL"]["crossing"] in {"above 1000", "below 3000"}
    assert at["HOST"]["crossing"] == "below 1000"
    assert at["HOST"]["crossing_probability"] < 0.01
    chances = found.companies["crossing_probability"].drop_nulls()
    assert chances.is_between(0, 1).all()
    assert chances.is_between(0.05, 0.95).any()


def test_given_members_are_incumbents_until_an_event_is_decided(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    write_small_history(settings)
    first, given_on = EVENTS[0], date(2021, 4, 1)
    with open_store(settings) as store:
        before = proforma(store, first.rank_day)
        at_edge = before.companies.filter(pl.col("rank").is_between(1001, 1010))
        given = at_edge.select(
            pl.lit(first.event_id).alias("event_id"), "company_id", "symbol", "name",
            security_id=pl.col("company_id").str.replace("^C-", "S-"),
            segment=pl.lit("large"), session=pl.lit(given_on), source_hash=pl.lit("0" * 16),
        )  # fmt: skip
        store.published.replace(
            "initial_members",
            require_shape(contract("initial_members"), given),
            known_at=KNOWN_AT,
            event_ids=[first.event_id],
        )
        found = proforma(store, first.rank_day)
        later = proforma(store, date(2022, 5, 6))
    assert before.incumbents_given_for is None
    assert found.incumbents_given_for == given_on
    assert found.incumbents_event_id is None
    held = found.companies.filter(pl.col("decision") == "stays_by_band")
    assert sorted(held["company_id"]) == sorted(given["company_id"])
    assert later.incumbents_event_id == first.event_id
    assert later.incumbents_given_for is None


def test_the_odds_know_nothing_of_later_sessions(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    write_small_history(settings)
    asked = date(2021, 7, 1)
    with open_store(settings) as store:
        before = proforma(store, asked)
        later = store.lake.scan("ranking", start=date(2021, 7, 2)).collect()
        upset = later.with_columns(
            total_market_cap_usd=pl.col("total_market_cap_usd").reverse().over("session")
        )
        store.lake.replace_sessions("ranking", upset, upset["session"].unique().to_list())
        after = proforma(store, asked)
    assert after.odds.companies.equals(before.odds.companies)
    assert after.odds.calibrations == before.odds.calibrations
    assert before.odds.companies["probability"].is_between(0.05, 0.95).any()
