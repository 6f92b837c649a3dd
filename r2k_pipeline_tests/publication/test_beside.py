"""What is read beside the rows that are published, and what the accounts say of it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.model import Reading, When
from r2k_pipeline.publication import EventKeys, SessionList, SessionRange, Whole, publish
from r2k_pipeline.publication.beside import read_beside
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.storage.kept_rows import levels, listings, shaped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from r2k_pipeline.publication import Partitions
    from r2k_pipeline.storage.store import Store

THURSDAY, FRIDAY, MONDAY, TUESDAY = (
    date(2022, 6, 23), date(2022, 6, 24), date(2022, 6, 27), date(2022, 6, 28),
)  # fmt: skip
NOON = datetime(2022, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(Settings(home=tmp_path)) as opened:
        yield opened


def sessions_before(store: Store, table: str, partitions: Partitions) -> list[date]:
    promised = contract(table)
    rows = shaped(table, [])
    found = read_beside(store, promised, rows, partitions).before
    return [] if found is None else found["session"].unique().sort().to_list()


def test_before_a_range_lies_the_last_session_that_stands(store: Store) -> None:
    store.lake.replace("raw_listings", listings([THURSDAY, FRIDAY]), start=THURSDAY, end=FRIDAY)

    def before(*days: date) -> list[date]:
        span = SessionRange(start=days[0], end=days[-1])
        return sessions_before(store, "raw_listings", span)

    assert before(TUESDAY) == [FRIDAY]
    assert before(MONDAY, TUESDAY) == [FRIDAY]
    assert before(FRIDAY, TUESDAY) == [THURSDAY]
    assert before(THURSDAY) == []
    # A session that stood two months ago is no measure.
    assert before(date(2022, 8, 31)) == []


def test_before_scattered_sessions_lies_what_stands_between_them(store: Store) -> None:
    store.lake.replace("raw_listings", listings([THURSDAY, MONDAY]), start=THURSDAY, end=MONDAY)

    def before(*days: date) -> list[date]:
        return sessions_before(store, "raw_listings", SessionList(days))

    assert before(FRIDAY, TUESDAY) == [THURSDAY, MONDAY]
    assert before(MONDAY, TUESDAY) == [THURSDAY]


def test_before_published_sessions_lies_the_last_one(store: Store) -> None:
    rows = levels([THURSDAY, FRIDAY])
    store.published.replace("levels", rows, known_at=NOON, start=THURSDAY, end=FRIDAY)

    assert sessions_before(store, "levels", SessionRange(start=TUESDAY, end=TUESDAY)) == [FRIDAY]


def test_before_an_event_lies_the_one_decided_before(store: Store) -> None:
    promised = contract("breakpoints")
    row: dict[str, object] = {
        "event_id": "2020-06", "rank_day": date(2020, 5, 8), "edge": "1000",
        "effective_session": date(2020, 6, 29), "boundary_rank": 1000, "breakpoint_usd": 3e9,
        "cumulative_market_cap_share": 0.9, "company_count": 3000, "total_market_cap_usd": 3e13,
        "is_banded": False,
    }  # fmt: skip
    store.published.replace(
        "breakpoints", shaped("breakpoints", [row]), known_at=NOON, event_ids=["2020-06"]
    )

    # The event of 2021 was never decided.
    before = read_beside(store, promised, shaped("breakpoints", []), EventKeys(("2022-06",))).before
    assert before is not None
    assert before.to_dicts() == [{"event_id": "2020-06", "edge": "1000", "breakpoint_usd": 3e9}]


def test_a_table_without_partitions_lies_beside_itself(store: Store) -> None:
    promised = contract("securities")
    line: dict[str, object] = {
        "security_id": "S1", "company_id": "C1", "symbol": "BOLT", "exchange": "nyse",
        "company_name": "Bolt Inc.", "first_session": FRIDAY, "last_session": FRIDAY,
        "evidence": "listed", "confidence": 1.0,
    }  # fmt: skip
    store.lake.replace_all("securities", shaped("securities", [line]))

    before = read_beside(store, promised, shaped("securities", []), Whole()).before
    assert before is not None
    assert before.height == 1


def test_of_a_table_by_session_an_event_reads_its_rank_day(store: Store) -> None:
    rank_day = date(2022, 5, 6)
    line = {"session": rank_day, "security_id": "S1", "company_id": "C1", "is_eligible": True}
    other = line | {"session": date(2022, 5, 9), "company_id": "C2"}
    rows = shaped("universe", [line, other]).with_columns(
        symbol=pl.lit("BOLT"), exchange=pl.lit("nyse"), line_type=pl.lit("common")
    )
    store.lake.replace("universe", rows, start=rank_day, end=date(2022, 5, 9))
    promised = contract("reconstitution")
    (reading,) = promised.across_rules[0].reads
    decided = shaped("reconstitution", [{"event_id": "2022-06"}])
    found = read_beside(store, promised, decided, EventKeys(("2022-06",))).tables

    assert reading.when is When.EVENTS
    assert found[reading].select("event_id", "company_id").rows() == [("2022-06", "C1")]


def test_the_ledgers_past_is_read_up_to_the_range(store: Store) -> None:
    promised = contract("divisors")
    reading = Reading(
        table="divisors",
        columns=("index_id", "session", "cause", "divisor_before", "divisor_after"),
        when=When.EARLIER,
    )
    rows = [
        {
            "index_id": "r2000", "session": day, "cause": "dividend", "factor": 1.0,
            "market_value_after_usd": 1.0, "gross_return_factor": 1.0, "net_return_factor": 1.0,
        }
        for day in (THURSDAY, FRIDAY, MONDAY)
    ]  # fmt: skip
    ledger = shaped("divisors", rows)
    store.published.replace("divisors", ledger, known_at=NOON, start=THURSDAY, end=MONDAY)
    beside = read_beside(store, promised, ledger, SessionRange(start=MONDAY, end=MONDAY))

    assert beside.tables[reading]["session"].to_list() == [THURSDAY, FRIDAY]


def test_drift_is_accounted_for_by_session_also_in_a_ranged_run(store: Store) -> None:
    """The cap of an exchange triples on Monday; Friday stands already."""
    days = {
        day: pl.concat([listings([day])] * 50).with_columns(
            symbol=pl.format("L{}", pl.int_range(pl.len())), market_cap_usd=pl.lit(cap)
        )
        for day, cap in ((FRIDAY, 1e9), (MONDAY, 3e9), (TUESDAY, 3e9))
    }

    def land(run_id: str, *sessions: date) -> None:
        publish(
            store,
            "raw_listings",
            pl.concat(days[day] for day in sessions),
            partitions=SessionRange(start=sessions[0], end=sessions[-1]),
            run_id=run_id,
            known_at=NOON,
        )

    land("first", FRIDAY)
    land("range", MONDAY, TUESDAY)
    where = {"check_name": "total_cap_does_not_jump", "run_id": "range"}
    monday, tuesday = store.published.read("quality_results", where=where).to_dicts()

    assert (monday["partition_key"], monday["is_passed"]) == ("2022-06-27", False)
    assert monday["sentence"] == (
        "nyse on 2022-06-27: 300.0 bn USD of total cap, expected 100.0 bn USD ± 15 %."
    )
    (shown,) = json.loads(monday["sample"])
    assert (shown["group"], shown["value"], shown["value_before"]) == ("nyse", 3e11, 1e11)
    assert (tuesday["partition_key"], tuesday["is_passed"]) == ("2022-06-28", True)
    assert tuesday["sentence"].startswith("The total cap of an exchange moves by at most")
