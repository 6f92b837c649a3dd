"""Which form of the archive lies at a path: Parquet files, or a git history.

A third form is recognised here and read in a module of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from r2k_pipeline.errors import BadInputError, missing_path
from r2k_pipeline.sources.us_stock_symbols.git_history import GitHistory
from r2k_pipeline.sources.us_stock_symbols.git_repository import looks_like_url
from r2k_pipeline.sources.us_stock_symbols.year_files import YearFiles

if TYPE_CHECKING:
    from r2k_pipeline.sources.feed import Source

_BUNDLE_SIGNATURE = b"# v"
_FORMS = (
    "a folder of Parquet files or one such file, a git bundle, a git directory,"
    " a working clone or a git URL"
)


def open_archive(path: str | Path | None) -> Source:
    """Open the archive in whichever form it lies at a path.

    Args:
        path: A folder of Parquet files or one such file, a git bundle, a git
            directory, a working clone, or a git URL (https, ssh or file).

    Raises:
        BadInputError: No path, nothing there, or none of these.

    Example:
        >>> open_archive("nowhere.bundle")
        Traceback (most recent call last):
        r2k_pipeline.errors.BadInputError: no us-stock-symbols archive at nowhere.bundle
        state: nothing was read or written
        remedy: check the path
    """
    if path is None:
        raise BadInputError(
            "us-stock-symbols needs a path",
            state="nothing was read or written",
            remedy=f"give {_FORMS}",
        )
    if looks_like_url(str(path)):
        return GitHistory(str(path))
    place = Path(path).expanduser()
    if not place.exists():
        raise missing_path(place, "us-stock-symbols archive")
    if _is_git(place):
        return GitHistory(place)
    if place.suffix == ".parquet" or (place.is_dir() and any(place.glob("*.parquet"))):
        return YearFiles(place)
    raise BadInputError(
        f"{place} is no form of the us-stock-symbols archive",
        state="nothing was read or written",
        remedy=f"give {_FORMS}",
    )


def _is_git(place: Path) -> bool:
    """Whether a path is a bundle, a git directory or a working clone."""
    if place.is_dir():
        return (place / ".git").exists() or (
            (place / "HEAD").is_file() and (place / "objects").is_dir()
        )
    with place.open("rb") as file:
        return file.read(len(_BUNDLE_SIGNATURE)) == _BUNDLE_SIGNATURE
