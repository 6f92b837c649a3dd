"""Members as known at a moment: decisions, additions and share changes of the time.

A made-up index of four lines: A and B were decided, C joined at a review and D came of B by
a spin-off. C's addition and A's change of shares were published a day after the decision.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema
from r2k_pipeline.queries.members import members

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store

EVENT, SESSION, REVIEWED = "2022-06", date(2022, 9, 20), date(2022, 9, 19)
DECIDED, JOINED = datetime(2022, 6, 24, tzinfo=UTC), datetime(2022, 9, 16, tzinfo=UTC)
BETWEEN, AFTER = datetime(2022, 8, 1, tzinfo=UTC), datetime(2022, 9, 17, tzinfo=UTC)
INDEXES = "r3000e r3000 r2000"


def rows(table: str, *given: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(given), schema=polars_schema(contract(table)))


def decision(name: str) -> dict[str, object]:
    return {
        "event_id": EVENT, "company_id": f"C-{name}", "security_id": f"S-{name}", "symbol": name,
        "segment": "small", "indexes": INDEXES, "decision": "enters", "reason": "it does",
    }  # fmt: skip


def line(name: str, *, shares: float, parent: str | None = None) -> dict[str, object]:
    return {
        "session": SESSION, "security_id": f"S-{name}", "company_id": f"C-{name}", "symbol": name,
        "name": name, "sector": "x", "segment": "small", "indexes": INDEXES, "event_id": EVENT,
        "parent_security_id": parent, "close_usd": 10.0, "close_session": SESSION,
        "previous_close_usd": 10.0, "index_shares": shares, "float_factor": 1.0,
        "market_value_usd": 10.0 * shares, "status": "ok",
    }  # fmt: skip


@pytest.fixture
def store(empty_store: Store) -> Store:
    published = empty_store.published
    decided = rows("reconstitution", decision("A"), decision("B"))
    published.replace("reconstitution", decided, known_at=DECIDED, event_ids=[EVENT])
    change = {
        "session": REVIEWED, "event_id": EVENT, "decided_day": date(2022, 8, 12), "reason": "it is",
    }  # fmt: skip
    joins = {"company_id": "C-C", "security_id": "S-C", "symbol": "C", "change": "ipo_addition",
             "segment": "small", "indexes": INDEXES, "float_factor": 1.0}  # fmt: skip
    grows = {"company_id": "C-A", "security_id": "S-A", "symbol": "A", "change": "share_update",
             "share_factor": 1.5}  # fmt: skip
    book = rows("maintenance", {**change, **joins}, {**change, **grows})
    published.replace("maintenance", book, known_at=JOINED, start=REVIEWED, end=REVIEWED)
    lines = [line("A", shares=150.0), line("B", shares=200.0), line("C", shares=50.0)]
    child = line("D", shares=20.0, parent="S-B")
    empty_store.lake.replace(
        "constituents", rows("constituents", *lines, child), start=SESSION, end=SESSION
    )
    return empty_store


def shares(found: pl.DataFrame) -> dict[str, float]:
    return dict(found.sort("symbol").select("symbol", "index_shares").iter_rows())


def test_additions_count_from_when_they_were_published(store: Store) -> None:
    after = members(store, "r2000", SESSION, known_at=AFTER)
    assert shares(after) == {"A": 150.0, "B": 200.0, "C": 50.0, "D": 20.0}
    assert after.equals(members(store, "r2000", SESSION))


def test_before_that_there_is_neither_the_addition_nor_the_change(store: Store) -> None:
    before = members(store, "r2000", SESSION, known_at=BETWEEN)
    assert shares(before) == pytest.approx({"A": 100.0, "B": 200.0, "D": 20.0})
    assert before["weight"].sum() == pytest.approx(1.0)


def test_an_addition_that_was_corrected_since_counts_as_it_stood(store: Store) -> None:
    none = rows("maintenance")
    later = datetime(2022, 10, 1, tzinfo=UTC)
    store.published.replace("maintenance", none, known_at=later, start=REVIEWED, end=REVIEWED)
    assert set(members(store, "r2000", SESSION, known_at=AFTER)["symbol"]) == {"A", "B", "C", "D"}
    assert set(members(store, "r2000", SESSION, known_at=later)["symbol"]) == {"A", "B", "D"}
