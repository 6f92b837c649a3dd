"""How long work tells the one who waits where it stands.

Holds the one callback that landing and building share. Keep out how it is drawn: a
command draws a bar, a sensor writes a log line, a test keeps a list.
"""

from __future__ import annotations

from typing import Protocol

WAITING = "waiting for another process that lands or builds here"
"""What is told while another process has the store to itself."""


class Progress(Protocol):
    """Called at each step of long work, from the thread that does it."""

    def __call__(self, done: int, total: int, what: str) -> None:
        """Take note.

        Args:
            done: Steps finished so far.
            total: Steps in all, as far as known; may grow.
            what: What is being done now, in a few words.
        """


def silent(done: int, total: int, what: str) -> None:
    """Take no note."""
    del done, total, what
