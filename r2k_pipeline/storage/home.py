"""The folder of a store, and the lock under which it is first set up.

Holds what several processes that meet in one new home need to agree on. What
is set up under the lock belongs to the store that needs it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from r2k_pipeline.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE_SECONDS = 120.0


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
    path = prepare_home(home) / "setup.lock"
    lock = FileLock(path, timeout=_PATIENCE_SECONDS)
    try:
        lock.acquire()
    except Timeout as error:
        raise StorageError(
            f"another process has been setting up {home} for over {_PATIENCE_SECONDS:.0f} s",
            state="nothing was written",
            remedy=f"wait for it, or end it; the lock is {path}",
        ) from error
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}",
            state="nothing was written",
            remedy="set R2K_HOME to a folder that you may write",
        ) from error
    try:
        yield
    finally:
        lock.release()
