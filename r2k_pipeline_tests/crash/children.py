"""Processes that work on a store until they are killed, and what a reader must see meanwhile.

Children are forked from one server that has imported everything and computed nothing: starting
one costs milliseconds, so hundreds of kills are cheap, and no thread is copied in mid-air.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from dagster._core.storage.dagster_run import DagsterRun

from r2k_pipeline.contracts.load import contract, tables
from r2k_pipeline.contracts.model import Storage
from r2k_pipeline.errors import R2kError
from r2k_pipeline.orchestration.build import build
from r2k_pipeline.orchestration.instance import open_instance
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.synthetic.parameters import small_market
from r2k_pipeline.sources.synthetic.source import SyntheticSource
from r2k_pipeline.storage.home import build_lock
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.storage.kept_rows import NOON, closes, levels, listings, weekdays

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext
    from multiprocessing.process import BaseProcess

    from r2k_pipeline.storage.store import Store

# Read when this module is collected: the test run hides R2K_ variables from what it tests.
IS_GYM = os.environ.get("R2K_GYM") == "1"
PATIENCE_SECONDS = 600
SESSIONS = weekdays(date(2022, 6, 1), date(2022, 7, 29))
SCATTERED = SESSIONS[::7]
FIRST_BUILT, LAST_BUILT = date(2022, 5, 6), date(2022, 6, 29)
MARKET = small_market(companies=1150, first_session=FIRST_BUILT, last_session=date(2022, 7, 6))
RECEIVED = datetime(2022, 7, 6, 22, 0, tzinfo=UTC)
_ROOT = Path(__file__).resolve().parents[2]
_NO_CONTENT = {
    "quality_results": [],
    "provenance": ["run_id", "written_at"],
    "restatements": [],
    "quarantine": ["run_id", "quarantined_at"],
}


def context() -> ForkServerContext:
    """The server from which children are forked; started with the first of them."""
    known = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *([known] if known else [])])
    found = multiprocessing.get_context("forkserver")
    # The package imports the engine of its checks on first use: seconds in each child that builds.
    found.set_forkserver_preload([__name__, "great_expectations"])
    return found


@contextmanager
def child(work: Callable[..., None], *args: object) -> Iterator[tuple[BaseProcess, Connection]]:
    """A process at work, and the end of a pipe on which it says that it has begun."""
    forking = context()
    ours, theirs = forking.Pipe(duplex=False)
    process = forking.Process(target=work, args=(*args, theirs))
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        ours.close()
        process.kill()
        process.join(PATIENCE_SECONDS)


def kill(process: BaseProcess) -> None:
    """Kill a process so that nothing of it runs on; fails if it had ended before."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(PATIENCE_SECONDS)
    assert process.exitcode == -signal.SIGKILL


def kill_unless_done(process: BaseProcess) -> None:
    """Kill a process that may have done its work meanwhile; fails if it failed by itself."""
    process.kill()
    process.join(PATIENCE_SECONDS)
    assert process.exitcode in {0, -signal.SIGKILL}


def begun(pipe: Connection) -> tuple[bool, float]:
    """Wait until a child says that it has begun something; what it says."""
    assert pipe.poll(PATIENCE_SECONDS), "the child never began"
    told: tuple[bool, float] = pipe.recv()
    return told


def finish(work: Callable[..., None], *calls: tuple[object, ...]) -> None:
    """Run children at the same time and wait until all have ended well."""
    forking = context()
    ours, theirs = forking.Pipe(duplex=False)
    children = [forking.Process(target=work, args=(*args, theirs)) for args in calls]
    for process in children:
        process.start()
    for process in children:
        process.join(PATIENCE_SECONDS)
    codes = [process.exitcode for process in children]
    for process in children:
        process.kill()
    ours.close()
    theirs.close()
    assert codes == [0] * len(children)


def threads() -> int:
    """How many threads this process has."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("Threads:")[2].split()[0])


def replace_generations(home: Path, until: int, pipe: Connection) -> None:
    """Child: bring every table from the generation it finds to another, one after the other."""
    alone = threads() == 1
    with open_store(Settings(home=home)) as store:
        for generation in range(generation_of(store) + 1, until + 1):
            pipe.send((alone, time.monotonic()))
            replace_once(store, generation)


def replace_once(store: Store, generation: int) -> None:
    """One generation: listings as a range, some of them again, then levels and their accounts."""
    version, known_at = float(generation), NOON + timedelta(hours=generation)
    received = store.archive.keep(b"generation %d" % generation, name="received.csv")
    rows = listings(SESSIONS, version=version).with_columns(source_hash=pl.lit(received[:16]))
    store.lake.replace("raw_listings", rows, start=SESSIONS[0], end=SESSIONS[-1])
    again = rows.filter(pl.col("session").is_in(SCATTERED))
    store.lake.replace_sessions("raw_listings", again, SCATTERED)
    accounts = pl.DataFrame(
        {
            "table_name": "levels",
            "partition_key": str(SESSIONS[0]),
            "input_hash": f"{generation:016x}",
            "rows": len(SESSIONS),
            "run_id": f"generation {generation}",
            "written_at": known_at,
        },
        schema=store.published.read("provenance").schema,
    )
    with_accounts = levels(SESSIONS, level=version)

    def work(writer: object) -> None:
        from r2k_pipeline.storage.history import PublishedWriter  # noqa: PLC0415 - a type here

        assert isinstance(writer, PublishedWriter)
        writer.replace(
            "levels", with_accounts, known_at=known_at, start=SESSIONS[0], end=SESSIONS[-1]
        )
        writer.append("provenance", accounts)

    store.published.write(work)


def generation_of(store: Store) -> int:
    """The last generation that was finished; 0 for none."""
    newest = store.published.last("levels", by="price_level")
    return 0 if newest is None else int(newest["price_level"])


def require_one_generation(store: Store) -> int:
    """What a reader must see at any moment: whole tables, each of one generation.

    Returns:
        The generation of the levels: that of the listings is the same or the next one.
    """
    published = store.published.read("levels")
    generations = set(published["price_level"])
    assert len(generations) <= 1
    assert published.is_empty() or published["session"].to_list() == SESSIONS
    accounts = store.published.read("provenance")["input_hash"].to_list()
    found = closes(store.lake)
    assert not found or list(found) == SESSIONS
    assert len({tuple(values) for values in found.values()}) <= 1
    generation = int(max(generations, default=0))
    # The levels were read first, so that others may have followed.
    assert len(accounts) >= generation
    assert not found or next(iter(found.values()))[0] >= generation
    return generation


def use_for_the_first_time(home: Path, pipe: Connection) -> None:
    """Child: open everything that a home holds, and write into each part of it."""
    pipe.send((threads() == 1, time.monotonic()))
    settings = Settings(home=home)
    with open_store(settings) as store, open_instance(settings) as instance:
        day = SESSIONS[os.getpid() % len(SESSIONS)]
        store.published.replace("levels", levels([day]), known_at=NOON, start=day, end=day)
        store.lake.replace("raw_listings", listings([day]), start=day, end=day)
        instance.add_run(DagsterRun(job_name="first_use"))


def hold_build_lock(home: Path, pipe: Connection) -> None:
    """Child: takes the build lock and keeps it until it is killed."""
    with build_lock(home):
        pipe.send((threads() == 1, time.monotonic()))
        time.sleep(PATIENCE_SECONDS)


def land_only(settings: Settings, first: date, last: date, pipe: Connection) -> None:
    """Child: land a range of the small market."""
    pipe.send((threads() == 1, time.monotonic()))
    land_market(settings, first, last)


def land_and_build(settings: Settings, first: date, last: date, pipe: Connection) -> None:
    """Child: land a range of the small market, then build it."""
    pipe.send((threads() == 1, time.monotonic()))
    land_market(settings, first, last)
    build(settings, first, last)


def land_and_build_or_tell(settings: Settings, first: date, last: date, pipe: Connection) -> None:
    """Child: the same, but an error of ours is told, and only such a one."""
    try:
        land_and_build(settings, first, last, pipe)
    except R2kError as error:
        pipe.send(str(error))
        sys.exit(1)


def land_market(settings: Settings, first: date, last: date) -> None:
    """Land a range of the small market, as `r2k ingest` does."""
    with (
        build_lock(settings.home),
        open_store(settings) as store,
        SyntheticSource(MARKET) as source,
    ):
        land(store, source, first, last, run_id="landing", known_at=RECEIVED)


def logical_content(store: Store) -> dict[str, pl.DataFrame]:
    """What the tables say, without who wrote it when, in an order of its own."""
    content = {}
    for table in tables():
        promised = contract(table)
        if promised.storage is Storage.LAKE:
            rows = store.lake.scan(table).collect()
        elif promised.keeps_history or table in _NO_CONTENT:
            rows = store.published.read(table)
        else:
            continue
        if table == "provenance":
            rows = rows.unique(["table_name", "partition_key"], keep="last", maintain_order=True)
        if _NO_CONTENT.get(table) == []:
            continue
        rows = rows.drop(_NO_CONTENT.get(table, []))
        content[table] = rows.sort(rows.columns)
    return content
