"""Three real Junes, decided once for every test in this folder that compares with them.

Landing and judging real listings takes a minute, so only the sessions are built on which
decisions depend: from each rank day to the effective session, and those by which reviews
in between add IPOs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from dagster import PartitionKeyRange

from r2k_pipeline.orchestration.instance import open_instance
from r2k_pipeline.orchestration.jobs import INDEX, RECONSTITUTION, SELECTION
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.orchestration.partitions import event_key, session_key
from r2k_pipeline.orchestration.stages import run_job
from r2k_pipeline.rulebook.reviews import reviews_between
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import next_session, sessions_before
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.registry import open_source
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from dagster import DagsterInstance

    from r2k_pipeline.storage.store import Store

JUNES = tuple(event(f"{year}-06") for year in (2021, 2022, 2023))
_REVIEW_DAYS = 4


@pytest.fixture(scope="session")
def real_junes(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The store in which the events of June 2021, 2022 and 2023 are decided; tests only read it."""
    settings = Settings(home=tmp_path_factory.mktemp("real"))
    with (
        open_store(settings) as store,
        open_source("us-stock-symbols", shared_data / "us_universe") as feed,
        open_instance(settings) as instance,
    ):
        until = next_session(JUNES[-1].effective_session)
        land(store, feed, None, until, run_id="junes", known_at=datetime.now(tz=UTC))
        _build(settings, instance)
        yield store


def _build(settings: Settings, instance: DagsterInstance) -> None:
    """Materialize what decides members, on the sessions that they depend on and no others."""

    def run(job: str, first: date, last: date, *tables: str) -> None:
        keys = PartitionKeyRange(session_key(first), session_key(last))
        run_job(settings, instance, job, keys, tables=tables)

    run(SELECTION, JUNES[0].rank_day, JUNES[0].rank_day, "securities", "security_events")
    for june in JUNES:
        until = next_session(june.effective_session)
        run(SELECTION, june.rank_day, until, "corporate_actions", "universe")
        run(SELECTION, june.rank_day, june.rank_day, "ranking")
    for day in _review_days(JUNES[0].effective_session, JUNES[1].rank_day):
        first = sessions_before(day, _REVIEW_DAYS)[0]
        run(SELECTION, first, day, "corporate_actions", "universe")
    keys = PartitionKeyRange(event_key(JUNES[0]), event_key(JUNES[-1]))
    run_job(settings, instance, RECONSTITUTION, keys)
    for june in JUNES:
        run(INDEX, june.effective_session, june.effective_session, "constituents")


def _review_days(start: date, end: date) -> list[date]:
    """The cut-offs of the reviews in between, and the days by which additions are confirmed."""
    reviews = [r for r in reviews_between(start, end) if not r.is_reconstitution]
    days = {review.cut_off_day for review in reviews}
    return sorted(days | {r.announcement_day or r.effective_friday for r in reviews})
