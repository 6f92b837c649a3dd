"""From lock-down on, what lands again changes no decision; what a person does, does.

Invariants:
    1. Lists are final if the event was decided, is locked down, and something that it was
       decided on landed again since; without all of these it is decided as ever.
    2. More history, an override, a released row, other members before it, and a build that
       restates always are no amendment.
    3. Final lists forbid other decisions about the same indexes, and no others.

From end to end: incident 27 of the disaster gym.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame, polars_schema
from r2k_pipeline.orchestration.assets.final_lists import FinalLists, final_lists, keep_final
from r2k_pipeline.orchestration.assets.table_run import TableRun
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.settings import Restate, Settings
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from r2k_pipeline.storage.store import Store

JUNE = event("2022-06")
DECIDED = datetime(2022, 6, 10, 22, 0, tzinfo=UTC)
LATER = DECIDED + timedelta(days=5)
LOCKED = datetime(2022, 6, 20, 22, 0, tzinfo=UTC)
COMPANIES = {
    "event_id": "2022-06", "company_id": ["C-BOLT", "C-HAL"], "symbol": ["BOLT", "HAL"],
    "decision": "enters", "reason": "By rank.", "segment": ["large", "small"],
    "indexes": ["r1000", "r2000"],
}  # fmt: skip


def rows(table: str, **cells: object) -> pl.DataFrame:
    return pl.DataFrame([cells], schema=polars_schema(contract(table)))


def landed(store: Store, when: datetime, *days: date, run_id: str = "landing") -> None:
    for day in days:
        told = rows("provenance", table_name="raw_listings", partition_key=str(day), rows=2,
                    run_id=run_id, written_at=when)  # fmt: skip
        store.published.append("provenance", told)


def decisions() -> pl.DataFrame:
    told = pl.DataFrame(COMPANIES)
    return pl.concat([empty_frame(contract("reconstitution")), told], how="diagonal")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The event is decided, on its rank day as it landed first."""
    with open_store(Settings(home=tmp_path)) as opened:
        landed(opened, DECIDED - timedelta(days=30), JUNE.rank_day)
        told = rows("provenance", table_name="reconstitution", partition_key="2022-06", rows=2,
                    run_id="build", input_hash="0" * 16, written_at=DECIDED)  # fmt: skip
        opened.published.append("provenance", told)
        opened.published.replace(
            "reconstitution", decisions(), known_at=DECIDED, event_ids=["2022-06"]
        )
        yield opened


def final(store: Store, now: datetime = LOCKED) -> FinalLists | None:
    return final_lists(store, JUNE, now=now)


def test_lists_are_final_if_the_rank_day_lands_again_after_they_were_decided(store: Store) -> None:
    assert final(store) is None
    landed(store, LATER, date(2022, 5, 5), JUNE.effective_session)
    assert final(store) is None, "more history, and what came after the event"
    landed(store, LATER, JUNE.rank_day)
    found = final(store)
    assert found is not None
    assert found.amended == (JUNE.rank_day,)
    assert found.decisions.sort("symbol").equals(decisions())
    assert final(store, now=DECIDED + timedelta(days=1)) is None, "not locked down"
    assert final_lists(store, event("2021-06"), now=LOCKED) is None, "undecided"


def test_a_person_may_decide_otherwise(store: Store) -> None:
    landed(store, LATER, JUNE.rank_day)
    assert final(store) is not None
    always = store.settings.model_copy(update={"restate": Restate.ALWAYS})
    with open_store(always) as told_to:
        assert final(told_to) is None
    told = rows("overrides", override_id="0" * 8, state="recorded", field="market_cap_usd",
                symbol="HAL", first_session=JUNE.rank_day, last_session=JUNE.rank_day, value="2e9",
                person="index.operations", reason="Its report.", recorded_at=LATER)  # fmt: skip
    store.published.append("overrides", told)
    assert final(store) is None


def test_a_released_row_is_no_amendment(store: Store) -> None:
    landed(store, LATER, JUNE.rank_day, run_id="release")
    told = rows("quarantine", table_name="raw_listings", partition_key=str(JUNE.rank_day),
                check_name="close_is_positive", row_key="k", row_json="{}", rationale="It stands.",
                run_id="release", quarantined_at=LATER, state="released",
                person="index.operations", reason="It traded.")  # fmt: skip
    store.published.append("quarantine", told)
    assert final(store) is None


def test_other_members_before_it_are_followed(store: Store) -> None:
    landed(store, LATER, JUNE.rank_day)
    before = decisions().with_columns(event_id=pl.lit("2021-06"))
    store.published.replace("reconstitution", before, known_at=LATER, event_ids=["2021-06"])
    assert final(store) is None


def test_what_would_come_out_otherwise_is_told_by_name(store: Store) -> None:
    landed(store, LATER, JUNE.rank_day)
    found = final(store)
    assert found is not None
    assert not found.forbid(decisions().reverse())
    assert not found.forbid(decisions().with_columns(indexes=pl.lit("r1000 rown")))
    swapped = decisions().with_columns(pl.col("segment", "indexes").reverse())
    assert found.forbid(swapped)
    run = TableRun(table="reconstitution", store=store, run_id="again")
    keep_final(run, JUNE, found, swapped)
    (row,) = store.published.read("quality_results").iter_rows(named=True)
    assert (row["check_name"], row["severity"]) == ("final_lists_are_as_decided", "warn")
    assert (row["is_passed"], row["failed_rows"], row["evaluated_rows"]) == (False, 2, 2)
    assert row["sentence"] == (
        "The lists of 2022-06 are final and stay, although 2022-05-06 landed again since. "
        "2 companies would come out otherwise: BOLT, HAL."
    )
    assert store.published.read("reconstitution").sort("symbol").equals(decisions())
