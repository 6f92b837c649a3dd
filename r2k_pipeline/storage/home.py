"""The folder of a store, and the locks of the processes that meet in it.

Holds two: one under which a new home is set up, for moments, and one under which its tables
are built, for as long as that takes. What is done under a lock belongs to who takes it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from r2k_pipeline.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from filelock import BaseFileLock

_PATIENCE_SECONDS = 120.0
_LONGEST_BUILD_SECONDS = 24 * 3600.0


def prepare_home(home: Path) -> Path:
    """Make sure that the folder exists and can be written.

    Args:
        home: The folder; its parents are created too.

    Returns:
        The absolute path.

    Raises:
        StorageError: The folder cannot be created.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     prepare_home(Path(folder) / "new").is_dir()
        True
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"the home folder {home} cannot be created: {error.strerror or error}",
            state="nothing was written",
            remedy="set R2K_HOME to a folder that you may write",
        ) from error
    return home.resolve()


@contextmanager
def setup_lock(home: Path) -> Iterator[None]:
    """Hold the home's set-up lock, so that only one process creates tables at a time.

    The operating system frees the lock when a process dies, so a killed set-up
    never blocks the next one.

    Args:
        home: The folder of the store; created if it is missing.

    Yields:
        Nothing; the lock is held inside the ``with`` block.

    Raises:
        StorageError: The folder is not writable, or another process has held
            the lock for two minutes.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder, setup_lock(Path(folder)):
        ...     print("alone")
        alone
    """
    lock = FileLock(prepare_home(home) / "setup.lock")
    _acquire(lock, f"setting up {home}", patience=_PATIENCE_SECONDS)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def build_lock(home: Path, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the home's build lock: one process at a time lands or builds.

    Each table is replaced whole or not at all without it. But a build reads what an earlier
    step wrote, and two that overlap would mix what they saw: the securities of all sessions
    would be those of the one that came last. Taken again inside itself it does not wait.

    Args:
        home: The folder of the store; created if it is missing.
        waiting: Called once if another process holds the lock.

    Yields:
        Nothing; the lock is held inside the ``with`` block.

    Raises:
        StorageError: The folder is not writable, or another process has held
            the lock for a day.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with build_lock(Path(folder)), build_lock(Path(folder)):
        ...         print("alone")
        alone
    """
    path = prepare_home(home) / "build.lock"
    lock = FileLock(path, thread_local=False, is_singleton=True)
    if not _is_free(lock):
        waiting()
    _acquire(lock, f"building in {home}", patience=_LONGEST_BUILD_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _is_free(lock: BaseFileLock) -> bool:
    """Whether a lock can be taken at once."""
    try:
        with lock.acquire(timeout=0):
            return True
    except Timeout:
        return False
    except OSError:
        return True  # taking it will tell


def _acquire(lock: BaseFileLock, doing: str, *, patience: float) -> None:
    try:
        lock.acquire(timeout=patience)
    except Timeout as error:
        raise StorageError(
            f"another process has been {doing} for over {patience:.0f} s",
            state="nothing was written",
            remedy=f"wait for it, or end it; the lock is {lock.lock_file}",
        ) from error
    except OSError as error:
        raise StorageError(
            f"{lock.lock_file} cannot be written: {error.strerror or error}",
            state="nothing was written",
            remedy="set R2K_HOME to a folder that you may write",
        ) from error
