"""A disk that is full and a home that is read-only: one clear error, nothing lost.

The command runs in a process whose files may not grow beyond a limit, which is what a full disk
looks like to each of its writes, or that may not write where the folder forbids it, also not
as root.

What holds, whichever write is refused:

1. The command says culprit, state and remedy, shows no traceback and ends with exit code 1.
2. What was published before stands, whole.
3. With room again, the same command leads to the tables of an undisturbed run.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from datetime import date
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.cli import main
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.crash.children import (
    FIRST_BUILT,
    PATIENCE_SECONDS,
    begun,
    child,
    finish,
    land_and_build,
    land_and_build_or_tell,
    logical_content,
)

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

pytestmark = pytest.mark.slow
LAST = date(2022, 5, 11)
KILOBYTE = 1024
_CAPABILITY_VERSION = 0x20080522


def limit_files(limit_bytes: int) -> None:
    """Let no file of this process grow beyond a size."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))


def renounce_privileges(_unused: int) -> None:
    """Let file permissions count also for root."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.capset(header, nothing) == 0, os.strerror(ctypes.get_errno())


HARDSHIPS = {"files": limit_files, "privileges": renounce_privileges}


def command(hardship: str, degree: int, home: Path, words: list[str], pipe: Connection) -> None:
    """Child: the command as a user starts it, what it says going into the pipe."""
    os.dup2(pipe.fileno(), 1)
    os.dup2(pipe.fileno(), 2)
    pipe.close()
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    HARDSHIPS[hardship](degree)
    sys.argv = ["r2k", *words, "--home", str(home)]
    main()


def said(hardship: str, degree: int, home: Path, *words: str) -> tuple[int | None, str]:
    """The exit code of a command under hardship, and what it said."""
    text = b""
    with child(command, hardship, degree, home, list(words)) as (process, pipe):
        while part := os.read(pipe.fileno(), 65_536):
            text += part
        process.join(PATIENCE_SECONDS)
        code = process.exitcode
    return code, text.decode()


def require_clear(code: int | None, text: str) -> None:
    """One error of ours, and nothing else that looks like one."""
    assert "Traceback" not in text, text
    assert code == 1, text
    assert text.count("state: ") == 1, text
    assert text.count("remedy: ") == 1, text


def land_and_build_on_a_full_disk(settings: Settings, limit: int, pipe: Connection) -> None:
    """Child: land and build where no file may grow beyond a limit."""
    limit_files(limit)
    land_and_build_or_tell(settings, FIRST_BUILT, LAST, pipe)


def test_a_full_disk_is_told_and_overcome(tmp_path: Path) -> None:
    undisturbed, settings = Settings(home=tmp_path / "alone"), Settings(home=tmp_path / "home")
    finish(land_and_build, (undisturbed, FIRST_BUILT, LAST))
    # From where nothing can be opened, over where no table fits, to where no run is recorded.
    for limit in (0, 100, 400):
        with child(land_and_build_on_a_full_disk, settings, limit * KILOBYTE) as (process, pipe):
            begun(pipe)
            require_clear(1, str(pipe.recv()))
            process.join(PATIENCE_SECONDS)
            assert process.exitcode == 1
    with open_store(settings) as store:
        landed = store.lake.scan("raw_listings").collect()
        assert landed.height > 0
        require_clear(*said("files", 500 * KILOBYTE, settings.home, "build"))
        assert store.lake.scan("raw_listings").collect().equals(landed)
        finish(land_and_build, (settings, FIRST_BUILT, LAST))
        content = logical_content(store)
    with open_store(undisturbed) as store:
        for table, rows in logical_content(store).items():
            assert content[table].equals(rows), table


@pytest.mark.parametrize("words", [["build"], ["levels", "r2000"], ["maintain", "--apply"]])
def test_a_read_only_home_is_told(tmp_path: Path, words: list[str]) -> None:
    home = tmp_path / "home"
    open_store(Settings(home=home)).close()
    everything = [home, *home.rglob("*")]
    try:
        for path in everything:
            path.chmod(0o555 if path.is_dir() else 0o444)
        require_clear(*said("privileges", 0, home, *words))
    finally:
        for path in everything:
            path.chmod(0o755)
