"""The score against the real thing does not fall: the guard of what `make fidelity` prints.

Builds the members of three Junes from the real listings beside the checkout with
the real assets, without levels, and compares them with the real lists there;
skipped where there are none. `make fidelity` prints the same and the rest.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest
from dagster import PartitionKeyRange

from r2k_pipeline.orchestration.instance import open_instance
from r2k_pipeline.orchestration.jobs import INDEX, RECONSTITUTION, SELECTION
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.orchestration.partitions import event_key, session_key
from r2k_pipeline.orchestration.stages import run_job
from r2k_pipeline.queries.fidelity import Fidelity, fidelity
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import next_session
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.registry import open_source
from r2k_pipeline.sources.truth.folder import read_truth
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from dagster import DagsterInstance

pytestmark = pytest.mark.slow

EVENTS = tuple(event(f"{year}-06") for year in (2021, 2022, 2023))

# What was reached, less a small margin; raise it whenever the score rises.
F1_AT_LEAST = {
    ("russell_members_2021-06-28", "r1000"): 0.895,
    ("russell_members_2021-06-28", "r2000"): 0.93,
    ("russell_members_2022-06-27", "r1000"): 0.915,
    ("russell_members_2022-06-27", "r2000"): 0.935,
}
FOUND_AT_LEAST = {"addition": 0.82, "deletion": 0.78}
WITHIN_PCT = {"breakpoint_usd": 1.6, "r3000_total_usd": 0.8}


def select(settings: Settings, instance: DagsterInstance) -> None:
    """Materialize what decides members, on the sessions that they depend on and no others."""

    def run(job: str, first: date, last: date, *tables: str) -> None:
        keys = PartitionKeyRange(session_key(first), session_key(last))
        run_job(settings, instance, job, keys, tables=tables)

    run(SELECTION, EVENTS[0].rank_day, EVENTS[0].rank_day, "securities")
    for june in EVENTS:
        until = next_session(june.effective_session)
        run(SELECTION, june.rank_day, until, "corporate_actions", "universe")
        run(SELECTION, june.rank_day, june.rank_day, "ranking")
    keys = PartitionKeyRange(event_key(EVENTS[0]), event_key(EVENTS[-1]))
    run_job(settings, instance, RECONSTITUTION, keys)
    for june in EVENTS:
        run(INDEX, june.effective_session, june.effective_session, "constituents")


@pytest.fixture(scope="module")
def found(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Fidelity:
    settings = Settings(home=tmp_path_factory.mktemp("real"))
    with (
        open_store(settings) as store,
        open_source("us-stock-symbols", shared_data / "us_universe") as feed,
        open_instance(settings) as instance,
    ):
        until = next_session(EVENTS[-1].effective_session)
        land(store, feed, None, until, run_id="guard", known_at=datetime.now(tz=UTC))
        select(settings, instance)
        return fidelity(store, read_truth(shared_data / "truth"))


@pytest.mark.parametrize(("subject", "index"), F1_AT_LEAST)
def test_members_agree_with_the_real_lists(found: Fidelity, subject: str, index: str) -> None:
    (compared,) = [c for c in found.compared if c.file.subject == subject]
    scores = {row["index"]: row for row in compared.frames["scores"].iter_rows(named=True)}
    assert scores[index]["f1_share"] >= F1_AT_LEAST[subject, index]


@pytest.mark.parametrize("action", FOUND_AT_LEAST)
def test_official_changes_are_found(found: Fidelity, action: str) -> None:
    (compared,) = [c for c in found.compared if c.file.kind == "changes"]
    scores = {row["action"]: row for row in compared.frames["scores"].iter_rows(named=True)}
    assert scores[action]["found_share"] >= FOUND_AT_LEAST[action]


@pytest.mark.parametrize("figure", WITHIN_PCT)
def test_figures_are_near_the_published(found: Fidelity, figure: str) -> None:
    (compared,) = [c for c in found.compared if c.file.kind == "figures"]
    rows = compared.frames["figures"].filter(pl.col("figure") == figure)
    assert rows["event"].to_list() == [june.event_id for june in EVENTS]
    assert [pct for pct in rows["difference_pct"] if abs(pct) > WITHIN_PCT[figure]] == []
