"""One store: bulk tables, published tables and the archive of one home.

Holds how the three are opened and closed together. Each lives in its own module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from r2k_pipeline.rulebook.family import family_with
from r2k_pipeline.storage.archive import Archive
from r2k_pipeline.storage.lake import Lake, open_lake
from r2k_pipeline.storage.published import PublishedTables, open_published

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.settings import Settings


@dataclass(frozen=True)
class Store:
    """Everything that is kept, and where.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from r2k_pipeline.settings import Settings
        >>> with tempfile.TemporaryDirectory() as home:
        ...     with open_store(Settings(home=Path(home))) as store:
        ...         print(store.published.read("levels").height, store.lake.sessions("ranking"))
        0 []
    """

    lake: Lake
    published: PublishedTables
    archive: Archive
    settings: Settings

    @property
    def family(self) -> Mapping[str, IndexDefinition]:
        """Every index of this store by its id: the shipped ones and the user's own.

        Raises:
            BadInputError: The user's family file is wrong.
        """
        return family_with(self.settings.family_file)

    def __enter__(self) -> Self:
        """Use the store in a ``with`` block that closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the store."""
        self.close()

    def close(self) -> None:
        """Release every connection."""
        self.lake.close()
        self.published.close()


def open_store(settings: Settings) -> Store:
    """Open a store, setting it up if it is new.

    Several processes may open a new home at once: one sets it up, the others
    wait for it.

    Args:
        settings: Where everything lies.

    Raises:
        StorageError: A part cannot be opened, or the database is newer than
            this package.
    """
    published = open_published(settings)
    try:
        lake = open_lake(settings)
    except BaseException:
        published.close()
        raise
    return Store(
        lake=lake, published=published, archive=Archive(settings.archive_dir), settings=settings
    )
