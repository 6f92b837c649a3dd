"""Incidents of the machine: killed writers, builds at once, a disk that is full, a dead database.

What is written is what is written ever: listings by landing, tables by builds. Whatever
happens, they are what they were or what they were to be.
"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from itertools import pairwise
from math import inf
from secrets import SystemRandom
from time import sleep
from typing import TYPE_CHECKING

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.errors import R2kError
from r2k_pipeline.gym.arena import LANDED, built, differing, landing, phrases, standing
from r2k_pipeline.gym.endless_writer import BEGUN, OTHER_VOLUME, other_rows
from r2k_pipeline.gym.incident import Finding, Incident
from r2k_pipeline.orchestration.instance import open_instance
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    import polars as pl

    from r2k_pipeline.gym.arena import Arena
    from r2k_pipeline.settings import Settings

_KEY = ("session", "exchange", "symbol")
_KILLS = 2
# Either has sessions that the other has not.
_OVERLAPPING = ((LANDED[0], LANDED[7]), (LANDED[4], LANDED[11]))
_LARGEST_FILE = 60_000


def _killed(arena: Arena) -> Finding:
    """A process that writes two versions in turn is killed at some moment, again and again."""
    settings = arena.settings()
    _land(arena, settings)
    torn: list[str] = []
    for _ in range(_KILLS):
        _kill_a_writer(settings)
        with open_store(settings) as store:
            rows = standing(store)
        versions = (arena.landed.listings, other_rows(arena.landed.listings))
        if not any(rows.equals(version) for version in versions):
            torn.append(f"{rows.height:,} rows that are neither version")
    lost = _landed_again(arena, settings)
    return Finding(
        caught_by=frozenset() if torn else frozenset({"atomic replacement"}),
        published=f"after {_KILLS} kills one of two versions, whole",
        wrong=tuple(torn),
        lost=lost,
    )


def _kill_a_writer(settings: Settings) -> None:
    command = [sys.executable, "-m", "r2k_pipeline.gym.endless_writer", str(settings.home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:  # noqa: S603 - our own interpreter and module
        if writer.stdout is None or writer.stdout.readline().strip() != BEGUN:
            raise R2kError("the writer did not begin", state="nothing", remedy="see its error")
        sleep(SystemRandom().uniform(0.0, 0.6))
        writer.send_signal(signal.SIGKILL)


def _land(arena: Arena, settings: Settings) -> None:
    with open_store(settings) as store, arena.extracted(arena.some()) as source:
        landing(store, source)


def _landed_again(arena: Arena, settings: Settings) -> tuple[str, ...]:
    """Land undisturbed; what is not there then, or other."""
    _land(arena, settings)
    with open_store(settings) as store:
        rows = standing(store)
    truth = arena.landed.listings
    return phrases(differing(truth, rows), *_KEY) + phrases(differing(rows, truth), *_KEY)


def _at_once(arena: Arena) -> Finding:
    """Two processes build ranges that overlap, both the first to build in a home."""
    settings, alone = arena.settings(), arena.settings()
    for home in (settings, alone):
        _land(arena, home)
    built(alone, _OVERLAPPING[0][0], _OVERLAPPING[-1][-1])
    failed = _built_at_once(settings)
    with open_instance(settings) as instance:
        records = instance.get_run_records()
    # A run that never ended overlaps whatever comes after it.
    runs = sorted((run.start_time or 0.0, run.end_time or inf) for run in records)
    apart = all(before[1] <= after[0] for before, after in pairwise(runs))
    lost: list[str] = []
    wrong: list[str] = []
    with open_store(settings) as store, open_store(alone) as truth:
        for table in ("securities", "universe", "ranking"):
            found, true = standing(store, table), standing(truth, table)
            lost += [f"{table}: {differing(true, found).height:,} rows"] * (not found.equals(true))
            wrong += [f"{table}: twice"] * found.select(contract(table).key).is_duplicated().any()
    is_in_turn = apart and len(runs) == len(_OVERLAPPING)
    return Finding(
        caught_by=frozenset({"runs that take turns"} if is_in_turn else ()),
        published=f"{found.height:,} rows of ranking by {len(runs)} runs, as by a single one",
        wrong=tuple(wrong),
        lost=(*failed, *lost),
    )


def _built_at_once(settings: Settings) -> list[str]:
    """Build by commands of their own, started together; what those said that failed."""
    program = "from r2k_pipeline.cli import main; main()"
    begun = [
        subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-c", program, "build", "--from", str(first), "--to", str(last),
             "--home", str(settings.home)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for first, last in _OVERLAPPING
    ]  # fmt: skip
    told = [(build.communicate()[1], build.returncode) for build in begun]
    return [said[-200:] for said, code in told if code]


def _storage_fails(arena: Arena) -> Finding:
    """While a changed range is landed no file can grow; then the database cannot be written.

    The database refuses before the rows are promoted, and then between them and their account.
    """
    settings = arena.settings()
    _land(arena, settings)
    database = settings.home / "r2k.db"
    versions = (arena.landed.listings, other_rows(arena.landed.listings))
    said: list[str] = []
    torn: list[str] = []
    for trouble, allowed in (
        (_files_at_most(_LARGEST_FILE), versions[:1]),
        (_refusing(database, "UPDATE ON iceberg_tables"), versions[:1]),
        (_refusing(database, "INSERT ON quality_results"), versions),
    ):
        told, rows = _landed_amid(arena, settings, trouble)
        said.append(told)
        if not any(rows.equals(version) for version in allowed):
            torn.append(f"{rows.height:,} rows that are neither version after {told}")
    return Finding(
        caught_by=frozenset(said) if len(set(said)) == 1 else frozenset(),
        published="what stood before, or the changed range whole",
        wrong=tuple(torn),
        lost=_landed_again(arena, settings),
    )


def _landed_amid(
    arena: Arena, settings: Settings, trouble: AbstractContextManager[None]
) -> tuple[str, pl.DataFrame]:
    """Land other rows while there is trouble; the error's name, and what stands then."""
    said = ""
    with open_store(settings) as store, arena.extracted(arena.some(), volume=OTHER_VOLUME) as feed:
        feed.plan()
        try:
            with trouble:
                landing(store, feed)
        except R2kError as error:
            said = type(error).__name__
    with open_store(settings) as store:
        return said, standing(store)


@contextmanager
def _refusing(database: Path, what: str) -> Iterator[None]:
    """A database that refuses one kind of writing, as it does when its disk turns read-only."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            f"CREATE TRIGGER refuses BEFORE {what} BEGIN "
            "SELECT RAISE(ABORT, 'attempt to write a readonly database'); END"
        )
        try:
            yield
        finally:
            connection.execute("DROP TRIGGER refuses")


@contextmanager
def _files_at_most(size: int) -> Iterator[None]:
    import resource  # noqa: PLC0415 - there is none on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


INCIDENTS = (
    Incident(
        number=18,
        name="half-written output, kill -9",
        example="a kill in the middle of a rewrite leaves a torso",
        guards=("atomic replacement",),
        replay=_killed,
    ),
    Incident(
        number=19,
        name="concurrent backfills of one partition",
        example="four runs of one partition overlap",
        guards=("runs that take turns",),
        replay=_at_once,
        is_fast=False,
    ),
    Incident(
        number=20,
        name="disk full, database down, object store silent",
        example="no file can grow, and SQLite turns read-only in the middle; PostgreSQL that stops "
        "and an object store that does not answer are played in r2k_pipeline_tests/storage",
        guards=("StorageError",),
        replay=_storage_fails,
    ),
)
