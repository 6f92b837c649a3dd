"""Incidents of the machine: killed writers, writers at once, a disk that is full.

The table that is written is `raw_listings`, through landing as ever. Whatever happens, it is
what it was or what it was to be.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from secrets import SystemRandom
from threading import Barrier
from time import sleep
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.errors import R2kError
from r2k_pipeline.gym.arena import differing, landing, phrases, standing
from r2k_pipeline.gym.endless_writer import BEGUN, OTHER_VOLUME, other_rows
from r2k_pipeline.gym.incident import Finding, Incident
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from r2k_pipeline.gym.arena import Arena
    from r2k_pipeline.settings import Settings

_TABLE = "raw_listings"
_KEY = ("session", "exchange", "symbol")
_KILLS = 2
_WRITERS = 4
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
    """Four writers replace the same range of a new home at the same moment."""
    settings = arena.settings()
    rows = arena.landed.listings.with_columns(
        source=pl.lit("gym"), source_hash=pl.lit("0" * 16)
    ).select(contract(_TABLE).names)
    days = rows["session"].unique().sort()
    start = Barrier(_WRITERS)

    def run(number: int) -> str | None:
        # Each has the whole range or one half of it, so that they overlap in every way.
        first = days[0] if number % 2 == 0 else days[len(days) // 2]
        start.wait()
        try:
            with open_store(settings) as store:
                mine = rows.filter(pl.col("session") >= first)
                store.lake.replace(_TABLE, mine, start=first, end=days[-1])
        except R2kError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(_WRITERS) as pool:
        failed = [told for told in pool.map(run, range(_WRITERS)) if told is not None]
    with open_store(settings) as store:
        found = standing(store)
    truth = arena.landed.listings
    is_whole = found.equals(truth)
    return Finding(
        caught_by=frozenset({"commit conflicts are retried"} if is_whole and not failed else ()),
        published=f"{found.height:,} rows by {_WRITERS} writers, each once",
        wrong=() if is_whole else (f"{found.height:,} rows of {truth.height:,}",),
        lost=(*failed, *phrases(differing(truth, found), *_KEY)),
    )


def _disk_full(arena: Arena) -> Finding:
    """No file can grow any further while a changed range is landed."""
    settings = arena.settings()
    _land(arena, settings)
    said = ""
    with open_store(settings) as store, arena.extracted(arena.some(), volume=OTHER_VOLUME) as feed:
        feed.plan()
        try:
            with _files_at_most(_LARGEST_FILE):
                landing(store, feed)
        except R2kError as error:
            said = type(error).__name__
    with open_store(settings) as store:
        rows = standing(store)
    wrong = phrases(differing(rows, arena.landed.listings), *_KEY)
    return Finding(
        caught_by=frozenset({said}),
        published="what stood before" if not wrong else "other rows",
        wrong=wrong,
        lost=_landed_again(arena, settings),
    )


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
        guards=("commit conflicts are retried",),
        replay=_at_once,
    ),
    Incident(
        number=20,
        name="disk full",
        example="no file can grow any further",
        guards=("StorageError",),
        replay=_disk_full,
    ),
)
