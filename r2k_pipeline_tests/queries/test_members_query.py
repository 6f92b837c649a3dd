"""Who is in an index at the open and at the close of a session."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.errors import BadInputError, MissingPartitionError, NotASessionError
from r2k_pipeline.queries.members import holdings, members
from r2k_pipeline_tests.small_history import LAST_SESSION, SPLIT_SESSION

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store

EFFECTIVE = date(2022, 6, 27)


def test_promised_columns_come_first(history: Store) -> None:
    found = members(history, "r2000", EFFECTIVE)
    assert found.columns[:8] == [
        "symbol", "name", "company_id", "security_id", "weight", "index_shares", "float",
        "market_cap_usd",
    ]  # fmt: skip


@pytest.mark.parametrize("index_id", ["r3000e", "r3000", "r1000", "r2000"])
def test_weights_sum_to_one_and_follow_from_the_values(history: Store, index_id: str) -> None:
    found = members(history, index_id, EFFECTIVE)
    assert found["weight"].sum() == pytest.approx(1.0)
    values = found["market_cap_usd"] / found["market_cap_usd"].sum()
    assert found["weight"].to_list() == pytest.approx(values.to_list())
    assert found["weight"].is_sorted(descending=True)


def test_members_change_on_the_effective_session(history: Store) -> None:
    before = set(members(history, "r2000", date(2022, 6, 24))["symbol"])
    after = set(members(history, "r2000", EFFECTIVE)["symbol"])
    assert "RISE" in before - after
    assert "RISE" in set(members(history, "r1000", EFFECTIVE)["symbol"])


def test_at_the_open_a_line_is_worth_its_close_before(history: Store) -> None:
    opened = members(history, "r2000", SPLIT_SESSION).filter(pl.col("symbol") == "C1500")
    closed = holdings(history, "r2000", date(2022, 6, 28)).filter(pl.col("symbol") == "C1500")
    assert opened["market_cap_usd"].item() == pytest.approx(closed["market_cap_usd"].item())


def test_a_split_changes_shares_and_not_value(history: Store) -> None:
    before = holdings(history, "r2000", date(2022, 6, 28)).filter(pl.col("symbol") == "SPLT")
    after = members(history, "r2000", SPLIT_SESSION).filter(pl.col("symbol") == "SPLT")
    assert after["index_shares"].item() == pytest.approx(2 * before["index_shares"].item())
    assert after["market_cap_usd"].item() == pytest.approx(before["market_cap_usd"].item())


def test_holdings_are_valued_at_the_close(history: Store) -> None:
    level = history.published.read("levels", start=LAST_SESSION, where={"index_id": "r2000"})
    held = holdings(history, "r2000", LAST_SESSION)
    assert held["market_cap_usd"].sum() == pytest.approx(level["market_value_usd"].item())


def test_a_day_that_is_no_session_names_its_neighbours(history: Store) -> None:
    with pytest.raises(NotASessionError, match="2022-06-24 or 2022-06-27"):
        members(history, "r2000", date(2022, 6, 26))


def test_a_session_without_constituents_names_what_there_is(history: Store) -> None:
    with pytest.raises(MissingPartitionError, match="2021-06-28 to 2022-07-01") as caught:
        members(history, "r2000", date(2019, 6, 26))
    assert caught.value.sessions == (date(2019, 6, 26),)


def test_an_unknown_index_suggests_the_near_one(history: Store) -> None:
    with pytest.raises(BadInputError, match="did you mean r2000"):
        members(history, "r20000", EFFECTIVE)


def test_before_anything_was_published_nobody_was_a_member(history: Store) -> None:
    with pytest.raises(BadInputError, match="2022-01-01"):
        members(history, "r2000", EFFECTIVE, known_at=datetime(2022, 1, 1, tzinfo=UTC))


def test_known_at_a_later_time_the_members_are_the_same(history: Store) -> None:
    later = members(history, "r2000", EFFECTIVE, known_at=datetime(2024, 1, 1, tzinfo=UTC))
    assert later.equals(members(history, "r2000", EFFECTIVE))
