"""Several processes on one store: everyone's work is whole, and a killed one leaves no trace.

What holds, whatever the processes do:

1. A table is at any time the result of whole replacements, never of half of one.
2. Writers of different sessions all succeed, also within one month.
3. Any number of processes may open a new home at once.
4. After a kill the next replacement works as if nothing had happened.
5. Writers that live leave no file that no snapshot names, also after a conflict.
"""

from __future__ import annotations

import os
import signal
import time
from datetime import date
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.lake import Lake, open_lake
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.crash.children import context
from r2k_pipeline_tests.storage.kept_rows import NOON, closes, levels, listings, weekdays

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from pathlib import Path

_PATIENCE_SECONDS = 180
YEAR = weekdays(date(2022, 1, 3), date(2022, 12, 30))


def replace_one_by_one(home: Path, sessions: list[date], version: float) -> None:
    """Child: one replacement a session."""
    with open_lake(Settings(home=home)) as lake:
        for session in sessions:
            frame = listings([session], version=version)
            lake.replace("raw_listings", frame, start=session, end=session)


def replace_for_ever(home: Path, sessions: list[date]) -> None:
    """Child: replaces the range with ever new versions until it is killed."""
    version = 1.0
    with open_lake(Settings(home=home)) as lake:
        while True:
            frame = listings(sessions, version=version)
            lake.replace("raw_listings", frame, start=sessions[0], end=sessions[-1])
            version += 2.0


def publish_one_by_one(home: Path, sessions: list[date]) -> None:
    """Child: opens the store, then publishes a level a session."""
    with open_store(Settings(home=home)) as store:
        for session in sessions:
            store.published.replace(
                "levels", levels([session]), known_at=NOON, start=session, end=session
            )


def files_on_disk(home: Path) -> set[str]:
    """Every data file that lies in the warehouse."""
    return {path.name for path in home.rglob("*.parquet")}


def named_files(lake: Lake) -> set[str]:
    """Every data file that a snapshot of `raw_listings` names, past or present."""
    table = lake._catalog.load_table(("r2k", "raw_listings"))
    tasks = [
        task
        for snapshot in table.snapshots()
        for task in table.scan(snapshot_id=snapshot.snapshot_id).plan_files()
    ]
    return {task.file.file_path.rpartition("/")[2] for task in tasks}


def finish(children: list[BaseProcess]) -> None:
    """Start children together and wait until all have ended well."""
    for child in children:
        child.start()
    for child in children:
        child.join(_PATIENCE_SECONDS)
    assert [child.exitcode for child in children] == [0] * len(children)


def test_writers_of_different_months_and_of_one_month_all_succeed(tmp_path: Path) -> None:
    march = weekdays(date(2022, 3, 1), date(2022, 3, 10))
    may = weekdays(date(2022, 5, 2), date(2022, 5, 11))
    late_may = weekdays(date(2022, 5, 12), date(2022, 5, 20))
    finish([
        context().Process(target=replace_one_by_one, args=(tmp_path, sessions, version))
        for sessions, version in ((march, 1.0), (may, 3.0), (late_may, 5.0))
    ])  # fmt: skip
    expected = (
        {day: [1.0, 2.0] for day in march}
        | {day: [3.0, 4.0] for day in may}
        | {day: [5.0, 6.0] for day in late_may}
    )
    with open_lake(Settings(home=tmp_path)) as lake:
        assert closes(lake) == expected
        assert files_on_disk(tmp_path) == named_files(lake)


def test_two_writers_of_one_session_leave_the_work_of_one(tmp_path: Path) -> None:
    sessions = [date(2022, 3, 1)] * 8
    finish([
        context().Process(target=replace_one_by_one, args=(tmp_path, sessions, version))
        for version in (1.0, 3.0)
    ])  # fmt: skip
    with open_lake(Settings(home=tmp_path)) as lake:
        assert closes(lake)[sessions[0]] in ([1.0, 2.0], [3.0, 4.0])
        assert files_on_disk(tmp_path) == named_files(lake)


def test_several_processes_may_open_a_new_home_and_publish_at_once(tmp_path: Path) -> None:
    march = weekdays(date(2022, 3, 1), date(2022, 3, 31))
    finish([
        context().Process(target=publish_one_by_one, args=(tmp_path / "new", march[start::3]))
        for start in range(3)
    ])  # fmt: skip
    with open_store(Settings(home=tmp_path / "new")) as store:
        assert store.published.read("levels")["session"].to_list() == march


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_leaves_a_whole_table(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with open_lake(settings) as lake:
        frame = listings(YEAR, version=1.0)
        lake.replace("raw_listings", frame, start=YEAR[0], end=YEAR[-1])
    survived = set()
    for moment in (0.0, 0.13, 0.29, 0.41, 0.57):
        child = context().Process(target=replace_for_ever, args=(tmp_path, YEAR))
        known = current_snapshot(settings)
        child.start()
        wait_for_another_snapshot(settings, known)
        time.sleep(moment)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join(_PATIENCE_SECONDS)
        with open_lake(settings) as lake:
            found = closes(lake)
        assert sorted(found) == YEAR
        (version,) = {tuple(values) for values in found.values()}
        survived.add(version)
    assert len(survived) > 1, "the child must have been killed amid different replacements"
    with open_lake(settings) as lake:
        lake.replace("raw_listings", listings(YEAR, version=8.0), start=YEAR[0], end=YEAR[-1])
        assert closes(lake) == {day: [8.0, 9.0] for day in YEAR}


def current_snapshot(settings: Settings) -> int | None:
    """Which snapshot `raw_listings` has now."""
    with open_lake(settings) as lake:
        return lake._catalog.load_table(("r2k", "raw_listings")).metadata.current_snapshot_id


def wait_for_another_snapshot(settings: Settings, known: int | None) -> None:
    """Wait until the child works."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while current_snapshot(settings) == known:
        assert time.monotonic() < deadline, "the child never wrote"
        time.sleep(0.02)
