"""A process that replaces partitions is killed at random moments, and another goes on.

Twenty kills in `make test`; two hundred with the environment variable `R2K_GYM=1`, as
`make gym` sets it. The moments are drawn from a fixed seed.

What holds, whenever it is killed:

1. A reader who polls while a process works, and one who comes after the kill, sees each table
   whole: all of its partitions of one generation, and levels never of a later generation than
   the listings that they stand for.
2. The process that goes on needs nobody's help, and the final tables, with the whole history
   of what was published, are those of an undisturbed run.
3. What the dead left behind is collected by one maintenance, and nothing else is.
4. A home whose very first use was killed can be used.
5. Who builds waits for another who builds, and never for a dead one.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.orchestration.instance import open_instance
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.expiry import named_files
from r2k_pipeline.storage.home import build_lock
from r2k_pipeline.storage.retention import RetentionPolicy, retain
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.crash.children import (
    IS_GYM,
    PATIENCE_SECONDS,
    begun,
    child,
    finish,
    generation_of,
    hold_build_lock,
    kill,
    kill_unless_done,
    logical_content,
    replace_generations,
    replace_once,
    require_one_generation,
    use_for_the_first_time,
)

if TYPE_CHECKING:
    from pathlib import Path

    from r2k_pipeline.storage.store import Store

pytestmark = pytest.mark.slow
KILLS = 200 if IS_GYM else 20
FIRST_USES = 40 if IS_GYM else 4
FOR_EVER = 1_000_000
_BETWEEN_LOOKS = 0.05
SEED = 20220624


@pytest.fixture(scope="module")
def seconds(tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long a child takes for a generation here and now."""
    with child(replace_generations, tmp_path_factory.mktemp("timed"), 4) as (process, pipe):
        told = [begun(pipe) for _ in range(4)]
        process.join(PATIENCE_SECONDS)
        assert process.exitcode == 0
    assert [alone for alone, _ in told] == [True] * 4, "children must not be forked amid threads"
    return (told[3][1] - told[1][1]) / 2


def test_whoever_is_killed_the_tables_are_those_of_an_undisturbed_run(
    tmp_path: Path, seconds: float
) -> None:
    moments = random.Random(SEED)  # noqa: S311 - when to kill
    with open_store(Settings(home=tmp_path / "disturbed")) as store:
        seen = [
            disturb(store, moments.randint(1, 2), moments.uniform(0.0, 1.2 * seconds))
            for _ in range(KILLS)
        ]
        assert len(set(seen)) > KILLS // 4, "they must have been killed amid different work"
        last = generation_of(store) + 2
        finish(replace_generations, (store.settings.home, last))
        assert require_one_generation(store) == last
        history, content = store.published.read_history("levels"), logical_content(store)
        collect_what_was_left(store)
        assert logical_content(store)["raw_listings"].equals(content["raw_listings"])
        assert require_one_generation(store) == last
    with open_store(Settings(home=tmp_path / "undisturbed")) as store:
        for generation in range(1, last + 1):
            replace_once(store, generation)
        for table, rows in logical_content(store).items():
            assert content[table].equals(rows), table
        assert history.equals(store.published.read_history("levels"))


def disturb(store: Store, generations: int, moment: float) -> int:
    """Let a process work, watch it, kill it, and look at what it left."""
    with child(replace_generations, store.settings.home, FOR_EVER) as (process, pipe):
        for _ in range(generations):
            begun(pipe)
        deadline = time.monotonic() + moment
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, _BETWEEN_LOOKS))
            require_one_generation(store)
        kill(process)
    return require_one_generation(store)


def collect_what_was_left(store: Store) -> None:
    """One maintenance long after the kills; only what is named may remain."""
    later = datetime.now(UTC) + timedelta(days=60)
    policy = RetentionPolicy(received_bytes=timedelta(days=30))
    retain(store, now=later, policy=policy, is_applied=True)
    table = store.lake.stored("raw_listings")
    assert table is not None
    named = {path.rpartition("/")[2] for path in named_files(table).all}
    warehouse = store.settings.home / "warehouse" / "r2k" / "raw_listings"
    assert {path.name for path in warehouse.rglob("*") if path.is_file()} == named
    assert len(list(store.archive.files())) == 1


def test_a_home_whose_first_use_was_killed_can_be_used(tmp_path: Path) -> None:
    moments = random.Random(SEED)  # noqa: S311 - when to kill
    for number in range(FIRST_USES):
        settings = Settings(home=tmp_path / str(number))
        with child(use_for_the_first_time, settings.home) as (process, pipe):
            begun(pipe)
            process.join(moments.uniform(0.0, 1.5))
            kill_unless_done(process)
        finish(use_for_the_first_time, (settings.home,))
        require_usable(settings)


def test_a_builder_waits_for_another_until_it_is_done_or_dead(tmp_path: Path) -> None:
    waits = []

    def waiting() -> None:
        waits.append("waiting")
        kill(process)

    with child(hold_build_lock, tmp_path) as (process, pipe):
        begun(pipe)
        with build_lock(tmp_path, waiting=waiting):
            assert process.exitcode is not None
        with build_lock(tmp_path, waiting=waiting), build_lock(tmp_path, waiting=waiting):
            assert waits == ["waiting"]


@pytest.mark.parametrize("processes", [2, 8] if IS_GYM else [3])
def test_several_processes_may_use_a_new_home_at_once(tmp_path: Path, processes: int) -> None:
    settings = Settings(home=tmp_path / "new")
    finish(use_for_the_first_time, *[(settings.home,)] * processes)
    require_usable(settings, runs=processes)


def require_usable(settings: Settings, runs: int = 1) -> None:
    """Every database is at its newest version, and what was written can be read."""
    with open_store(settings) as store, open_instance(settings) as instance:
        assert instance.get_runs_count() >= runs
        assert not store.lake.scan("raw_listings").collect().is_empty()
        assert not store.published.read("levels").is_empty()
        records = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
        for storage in records:
            assert storage is not None
            version = storage.alembic_version()
            assert version is not None
            assert version[0] == version[1]
