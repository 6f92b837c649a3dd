"""Wall time and peak memory of one command, with everything it starts.

Holds the measuring and the printing that each benchmark shares. What is
measured belongs to the benchmark's own file.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SAMPLED_EVERY_S = 0.05
_PROC = Path("/proc")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one command took.

    `peak_mb` adds up the resident memory of the command and its descendants at
    its highest sample; pages that processes share count once a process. It is
    None where the system does not show it.
    """

    seconds: float
    peak_mb: float | None
    returncode: int
    output: str


def measured(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end and measure it."""
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        watch = _PeakMemory(process.pid)
        watch.start()
        output, _ = process.communicate()
        seconds = time.perf_counter() - started
        watch.stop()
    return Measured(
        seconds=seconds, peak_mb=watch.peak_mb, returncode=process.returncode, output=output
    )


class _PeakMemory(threading.Thread):
    """Samples the resident memory of a process tree until told to stop."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self._root = root
        self._stopped = threading.Event()
        self.peak_mb: float | None = None

    def run(self) -> None:
        while _PROC.is_dir() and not self._stopped.wait(_SAMPLED_EVERY_S):
            self.peak_mb = max(self.peak_mb or 0.0, _resident_bytes(self._root) / 2**20)

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def _resident_bytes(root: int) -> int:
    parents = {pid: parent for pid in _processes() if (parent := _parent(pid)) is not None}
    tree, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in tree} - tree
        tree |= more
        grown = bool(more)
    return sum(_resident_pages(pid) for pid in tree) * _PAGE_BYTES


def _processes() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _parent(pid: int) -> int | None:
    # The command's name stands in brackets and may hold anything, so read behind the last one.
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])


def _resident_pages(pid: int) -> int:
    try:
        return int((_PROC / str(pid) / "statm").read_text(encoding="utf-8").split()[1])
    except OSError:
        return 0


def shown_mb(peak_mb: float | None) -> str:
    """A peak for a table.

    Example:
        >>> shown_mb(1234.5), shown_mb(None)
        ('1,234 MB', 'not known')
    """
    return "not known" if peak_mb is None else f"{peak_mb:,.0f} MB"
