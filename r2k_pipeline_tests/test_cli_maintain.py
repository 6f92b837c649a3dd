"""`r2k maintain` and Dagster's job of the same: tell first, do it when asked.

What may go is tested in `storage/test_retention.py`; here only how it is asked for.
"""

from __future__ import annotations

import json
import os
from datetime import date
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from r2k_pipeline.cli import app
from r2k_pipeline.orchestration.code_location import definitions
from r2k_pipeline.orchestration.instance import open_instance
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.compaction import scattered_months
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.storage.kept_rows import closes, listings

if TYPE_CHECKING:
    from pathlib import Path

DAYS = [date(2022, 6, 1), date(2022, 6, 2), date(2022, 6, 3)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store with three small files in a month, and a file that a dead writer left long ago."""
    with open_store(Settings(home=tmp_path)) as store:
        for day in DAYS:
            store.lake.replace("raw_listings", listings([day]), start=day, end=day)
    left = next(tmp_path.rglob("*.parquet")).with_name("left.parquet")
    left.write_bytes(b"left behind")
    os.utime(left, (0, 0))
    return tmp_path


def small_files(home: Path) -> int:
    with open_store(Settings(home=home)) as store:
        table = store.lake.stored("raw_listings")
        assert table is not None
        assert closes(store.lake) == {day: [1.0, 2.0] for day in DAYS}
        return sum(len(files) for files in scattered_months(table).values())


def test_it_tells_first_and_does_it_when_asked(home: Path) -> None:
    run = CliRunner()
    told = run.invoke(app, ["maintain", "--home", str(home)])
    assert told.exit_code == 0
    assert "What would be done" in told.output
    assert "nothing was changed; `r2k maintain --apply` does it" in told.output
    assert small_files(home) == 3
    done = run.invoke(app, ["maintain", "--apply", "--format", "json", "--home", str(home)])
    assert done.exit_code == 0
    assert [(row["what"], row["items"]) for row in json.loads(done.stdout)] == [
        ("small files folded", 3),
        ("files that no snapshot names", 1),
    ]
    assert small_files(home) == 0
    assert not list(home.rglob("left.parquet"))
    again = run.invoke(app, ["maintain", "--apply", "--home", str(home)])
    assert "nothing has had its time" in again.output


@pytest.mark.parametrize("is_applied", [False, True])
def test_the_job_does_the_same(home: Path, *, is_applied: bool) -> None:
    settings = Settings(home=home)
    config = {
        "ops": {"retain_what_is_named": {"config": {"is_applied": is_applied}}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    with open_instance(settings) as instance:
        job = definitions(settings).resolve_job_def("retention")
        result = job.execute_in_process(instance=instance, run_config=config)
    (output,) = (e for e in result.all_node_events if e.is_successful_output)
    assert output.step_output_data.metadata["items"].value == 4
    assert small_files(home) == (0 if is_applied else 3)
