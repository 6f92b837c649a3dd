"""Bytes as received, kept under the hash of their content.

Holds a write-once folder, so that a rebuild years later starts from the same
input. What the bytes mean is the source's affair, and which partition was
built from them is told by the table `provenance`.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING

from filelock import FileLock

from r2k_pipeline.errors import BadInputError, StorageError, missing_path

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 100
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class ArchivedFile:
    """A file of the archive.

    Attributes:
        path: Where it lies.
        sha256: What it is opened by; None of one that was never finished.
        size_bytes: Its size.
        received_at: When its bytes were last received.
    """

    path: Path
    sha256: str | None
    size_bytes: int
    received_at: datetime


class Archive:
    """A content-addressed folder.

    A file is called by the SHA-256 of its content and the name that the source
    gave it; the file's time is when it was last received.

    Args:
        folder: Where; created with the first bytes that are kept.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     archive = Archive(Path(folder))
        ...     sha256 = archive.keep(b"AAPL,141.66", name="2022-06-24.csv")
        ...     with archive.open(sha256) as stream:
        ...         print(len(sha256), stream.read())
        64 b'AAPL,141.66'
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, data: bytes, *, name: str) -> str:
        """Keep bytes. Keeping the same bytes again, under any name, changes nothing.

        Args:
            data: As received.
            name: What the source called them.

        Returns:
            Their SHA-256 in 64 hex digits: what to open them by.

        Raises:
            StorageError: The folder cannot be written. Nothing half-written stays.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        if not self._is_kept(sha256):
            with self._staged(sha256, name) as stream:
                stream.write(data)
        return sha256

    def keep_file(self, path: Path) -> str:
        """Keep a file's bytes, without loading them all at once.

        Args:
            path: The file; its name is kept with the bytes.

        Returns:
            As `keep`.

        Raises:
            BadInputError: There is no such file.
            StorageError: The folder cannot be written. Nothing half-written stays.
        """
        if not path.is_file():
            raise missing_path(path, "file")
        with path.open("rb") as received:
            sha256 = hashlib.file_digest(received, "sha256").hexdigest()
            if not self._is_kept(sha256):
                received.seek(0)
                with self._staged(sha256, path.name) as stream:
                    shutil.copyfileobj(received, stream)
        return sha256

    def open(self, sha256: str) -> IO[bytes]:
        """Open what was kept, for reading; close it after use.

        Args:
            sha256: As `keep` returned it.

        Raises:
            BadInputError: Nothing was kept under this hash.
        """
        path = self._find(sha256)
        if path is None:
            raise BadInputError(
                f"nothing is archived under {sha256}",
                state="nothing was read",
                remedy=f"check the hash; the archive is {self._folder}",
            )
        return path.open("rb")

    def files(self) -> Iterator[ArchivedFile]:
        """Everything that lies in the folder, also what a killed process left half written."""
        for path in sorted(self._folder.glob("[0-9a-f][0-9a-f]/*")):
            with suppress(FileNotFoundError):
                told = path.stat()
                sha256 = path.name[:64]
                yield ArchivedFile(
                    path=path,
                    sha256=sha256 if _SHA256.fullmatch(sha256) else None,
                    size_bytes=told.st_size,
                    received_at=_received_at(told),
                )

    def remove(self, file: ArchivedFile) -> bool:
        """Remove a file, unless it was received again meanwhile; say whether it is gone.

        Raises:
            StorageError: The folder cannot be written.
        """
        with self._guarded():
            try:
                if _received_at(file.path.stat()) > file.received_at:
                    return False
                file.path.unlink()
            except FileNotFoundError:
                return True
        return True

    def _is_kept(self, sha256: str) -> bool:
        """Whether these bytes lie here; if so, they count as received now."""
        if self._find(sha256) is None:
            return False
        with self._guarded():
            path = self._find(sha256)
            if path is not None:
                path.touch()
            return path is not None

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Keep what is received again and what is removed apart from each other."""
        try:
            with FileLock(self._folder.with_suffix(".lock")):
                yield
        except OSError as error:
            raise StorageError(
                f"the archive {self._folder} cannot be written: {error.strerror or error}",
                state="nothing was archived or removed",
                remedy="set R2K_HOME to a folder that you may write",
            ) from error

    def _find(self, sha256: str) -> Path | None:
        if not _SHA256.fullmatch(sha256):
            return None
        return next((self._folder / sha256[:2]).glob(f"{sha256}-*"), None)

    @contextmanager
    def _staged(self, sha256: str, name: str) -> Iterator[IO[bytes]]:
        """A temporary file beside the target, which takes the target's place at the end."""
        shard = self._folder / sha256[:2]
        target = shard / f"{sha256}-{_UNSAFE.sub('_', Path(name).name)[-_LONGEST_NAME:]}"
        staged: Path | None = None
        try:
            shard.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=shard, prefix="staged-", delete=False) as stream:
                staged = Path(stream.name)
                yield stream.file
            staged.replace(target)
        except OSError as error:
            raise StorageError(
                f"{target} cannot be written: {error.strerror or error}",
                state="nothing was archived",
                remedy="free some disk, or set R2K_HOME to a folder that you may write",
            ) from error
        finally:
            if staged is not None:
                staged.unlink(missing_ok=True)


def _received_at(told: os.stat_result) -> datetime:
    return datetime.fromtimestamp(told.st_mtime, tz=UTC)
