"""Whole landings and builds of a small market with one reconstitution: killed, and at once.

One kill in `make test`; twelve, and two and eight builds at once over the whole range, with
the environment variable `R2K_GYM=1`, as `make gym` sets it.

What holds:

1. A build that is killed at any moment and started again leads to the tables of an undisturbed
   one.
2. A reader who polls meanwhile sees no session without all of its indexes, and no level
   that the ledger does not explain.
3. Builds of the same and of overlapping ranges, started at once on a new home, all succeed and
   lead to the tables of one build of everything.
"""

from __future__ import annotations

import random
import time
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.crash.children import (
    FIRST_BUILT,
    IS_GYM,
    LAST_BUILT,
    child,
    finish,
    kill_unless_done,
    land_and_build,
    logical_content,
)

if TYPE_CHECKING:
    from pathlib import Path

    from r2k_pipeline.storage.store import Store

pytestmark = pytest.mark.slow
KILLS = 12 if IS_GYM else 1
SEED = 20220627
Content = dict[str, pl.DataFrame]
Ranges = list[tuple[date, date]]
# Without an event, and so without levels, a build takes seconds.
SHORT = (FIRST_BUILT, date(2022, 5, 13))
EARLY, LATE = (FIRST_BUILT, date(2022, 5, 11)), (date(2022, 5, 10), date(2022, 5, 13))


def built(home: Path, *ranges: tuple[date, date]) -> Content:
    """What stands after builds of some ranges at once."""
    finish(land_and_build, *[(Settings(home=home), first, last) for first, last in ranges])
    with open_store(Settings(home=home)) as store:
        return logical_content(store)


def require_equal(one: Content, other: Content) -> None:
    """The same tables with the same rows."""
    assert one.keys() == other.keys()
    differing = [table for table, rows in one.items() if not rows.equals(other[table])]
    assert differing == []


def require_whole(store: Store) -> None:
    """What a reader must see at any moment of a first build."""
    levels = store.published.read("levels")
    sizes = levels.group_by("session").len()["len"].unique()
    assert sizes.len() <= 1
    ledger = store.published.read("divisors")
    last = ledger.sort("session").group_by("index_id").last()
    newest = levels.filter(pl.col("session") == pl.col("session").max())
    together = newest.join(last, on="index_id", how="left", suffix="_of_ledger")
    assert together["divisor_after"].to_list() == together["divisor"].to_list()


def test_a_build_that_was_killed_goes_on_to_the_same_tables(tmp_path: Path) -> None:
    begun = time.monotonic()
    undisturbed = built(tmp_path / "undisturbed", (FIRST_BUILT, LAST_BUILT))
    seconds = time.monotonic() - begun
    assert undisturbed["levels"].height > 0
    moments = random.Random(SEED)  # noqa: S311 - when to kill
    home = tmp_path / "disturbed"
    with open_store(Settings(home=home)) as store:
        for _ in range(KILLS):
            with child(land_and_build, store.settings, FIRST_BUILT, LAST_BUILT) as (process, _):
                deadline = time.monotonic() + moments.uniform(0.2, 0.7) * seconds
                while time.monotonic() < deadline and process.is_alive():
                    require_whole(store)
                    time.sleep(0.2)
                kill_unless_done(process)
            require_whole(store)
    require_equal(undisturbed, built(home, (FIRST_BUILT, LAST_BUILT)))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """What one build of the short range leads to."""
    content = built(tmp_path_factory.mktemp("alone"), SHORT)
    assert content["ranking"].height > 0
    return content


@pytest.mark.parametrize("ranges", [[SHORT, SHORT], [EARLY, LATE]], ids=["same", "overlapping"])
def test_two_builds_at_once_lead_to_the_tables_of_one(
    tmp_path: Path, alone: Content, ranges: Ranges
) -> None:
    at_once = built(tmp_path / "at_once", *ranges)
    if ranges != [SHORT, SHORT]:
        # Who was first had less to see: a build of everything finds what remains to be done.
        at_once = built(tmp_path / "at_once", SHORT)
    require_equal(alone, at_once)


@pytest.mark.skipif(not IS_GYM, reason="eight whole builds take minutes: set R2K_GYM=1")
@pytest.mark.parametrize("processes", [2, 8])
def test_many_builds_of_everything_lead_to_the_tables_of_one(
    tmp_path: Path, processes: int
) -> None:
    alone = built(tmp_path / "alone", (FIRST_BUILT, LAST_BUILT))
    at_once = built(tmp_path / "at_once", *[(FIRST_BUILT, LAST_BUILT)] * processes)
    require_equal(alone, at_once)
