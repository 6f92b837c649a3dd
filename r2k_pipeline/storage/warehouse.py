"""The files of one lake table as they lie in the warehouse, named by a snapshot or not.

Holds listing and removing them, through the table's own file system, so that a folder and an
object store are the same here. Which of them are named is ``expiry``, when they go ``retention``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyarrow.fs import FileSelector, FileType
from pyiceberg.io.pyarrow import PyArrowFileIO

from r2k_pipeline.errors import StorageError, listed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from pyarrow.fs import FileSystem
    from pyiceberg.table import Table


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A file under the location of a table.

    Attributes:
        path: In the file system's own words: without a scheme, with the bucket.
        size_bytes: Its size.
        written_at: When it was written (UTC).
    """

    path: str
    size_bytes: int
    written_at: datetime


class Warehouse:
    """The files of one table.

    Args:
        table: Any state of it: only its location and its file system count.

    Raises:
        StorageError: Its files are reached by something that cannot list them.
    """

    def __init__(self, table: Table) -> None:
        self._name = ".".join(table.name())
        if not isinstance(table.io, PyArrowFileIO):
            raise StorageError(
                f"the files of {self._name} are reached through {type(table.io).__name__}, "
                "which cannot list them",
                state="nothing was removed",
                remedy="let pyiceberg use pyarrow: unset py-io-impl in its configuration",
            )
        self._io = table.io
        scheme, netloc, self._root = self._parsed(table.location())
        self._files: FileSystem = self._io.fs_by_scheme(scheme, netloc)

    def listing(self) -> list[StoredFile]:
        """Every file under the table's location, in no particular order.

        Raises:
            OSError: The warehouse cannot be read.
        """
        selector = FileSelector(self._root, recursive=True, allow_not_found=True)
        return [
            StoredFile(path=info.path, size_bytes=info.size, written_at=info.mtime)
            for info in self._files.get_file_info(selector)
            if info.type == FileType.File
        ]

    def paths(self, locations: Iterable[str]) -> set[str]:
        """Locations, as a table names them, in the words of `StoredFile.path`."""
        return {self._parsed(location)[2] for location in locations}

    def require(self, paths: Collection[str]) -> None:
        """Make sure that files are there.

        What a table names and the warehouse does not have is lost, or is called otherwise
        here than there. In both cases nothing may be removed.

        Raises:
            StorageError: Some are not.
        """
        found = self._files.get_file_info(sorted(paths))
        lost = [info.path for info in found if info.type != FileType.File]
        if lost:
            raise StorageError(
                f"{self._name} names {len(lost)} file(s) that are not there: {listed(lost, 3)}",
                state="nothing of this table was removed",
                remedy="bring the files back, or build the table's sessions again",
            )

    def remove(self, file: StoredFile) -> None:
        """Remove a file; one that is gone already is no error.

        Raises:
            OSError: The warehouse cannot be written.
        """
        try:
            self._files.delete_file(file.path)
        except FileNotFoundError:
            return

    def _parsed(self, location: str) -> tuple[str, str, str]:
        return PyArrowFileIO.parse_location(location, self._io.properties)
