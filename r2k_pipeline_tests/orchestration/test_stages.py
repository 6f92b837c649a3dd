"""When a stage is not run again, and how runs of several processes take turns.

Invariants:
    1. A stage is reused if the last run that wrote its range had the same inputs, and only then:
       an input that came back to what it once was does not bring its tables back.
    2. A run that no build started waits for the build lock of the home.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
from dagster import build_resources
from filelock import FileLock

from r2k_pipeline.orchestration.instance import open_instance
from r2k_pipeline.orchestration.jobs import SELECTION
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.orchestration.partitions import session_key
from r2k_pipeline.orchestration.progress import silent
from r2k_pipeline.orchestration.resources import STORE, store_resource
from r2k_pipeline.orchestration.stages import StageRunner
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.synthetic.parameters import small_market
from r2k_pipeline.sources.synthetic.source import SyntheticSource
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAYS = (date(2022, 5, 3), date(2022, 5, 4), date(2022, 5, 5))
MARKET = small_market(companies=40, first_session=DAYS[0], last_session=date(2022, 7, 8))


@dataclass(frozen=True)
class Stage:
    """The first stage, told what its inputs are."""

    runner: StageRunner

    def is_reused(self, inputs: str, *days: date) -> bool:
        """Run it over a range, unless it is reused."""
        first, last = session_key(days[0]), session_key(days[-1])
        return self.runner.run(SELECTION, first, last, inputs=lambda: inputs).is_reused


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
    settings = Settings(home=tmp_path)
    with open_store(settings) as store, SyntheticSource(MARKET) as source:
        land(store, source, DAYS[0], DAYS[-1], run_id="landing", known_at=datetime.now(UTC))
    with open_instance(settings) as instance:
        yield Stage(StageRunner(settings=settings, instance=instance, workers=1, progress=silent))


def test_a_stage_is_reused_only_if_nothing_else_was_written_over_it(stage: Stage) -> None:
    assert not stage.is_reused("as at first", *DAYS[:2])
    assert stage.is_reused("as at first", *DAYS[:2])
    # Another range, and the same inputs for a part of this one, write nothing else over it.
    assert not stage.is_reused("others", DAYS[2])
    assert not stage.is_reused("as at first", DAYS[1])
    assert stage.is_reused("as at first", *DAYS[:2])
    assert not stage.is_reused("others", DAYS[0])
    assert not stage.is_reused("as at first", *DAYS[:2])
    assert stage.is_reused("as at first", *DAYS[:2])


def test_a_run_of_the_ui_waits_for_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R2K_HOME", str(tmp_path))
    is_open = Event()

    def run() -> None:
        with build_resources({STORE: store_resource()}):
            is_open.set()

    waiting = Thread(target=run)
    # What a build itself starts is under its lock already.
    with (
        FileLock(tmp_path / "build.lock"),
        build_resources({STORE: store_resource(Settings(home=tmp_path))}),
    ):
        # Not before: alembic serves one thread of a process, and both make databases.
        waiting.start()
        assert not is_open.wait(0.5)
    waiting.join(60)
    assert is_open.is_set()
