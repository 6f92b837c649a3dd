"""Which indexes there are: the family that is shipped, and a user's own beside it.

Reads ``family.yaml`` of this package and, over it, a file of the same form that the
settings name. Add an index in a file. Keep out what an entry may say (`family_file`)
and who ends in an index (`methodology/reconstitution`).
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from r2k_pipeline.errors import BadInputError, missing_path
from r2k_pipeline.rulebook.family_file import parse_family

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from r2k_pipeline.rulebook.index_definition import IndexDefinition

FAMILY_FILE = "rulebook/family.yaml"


class Segment(StrEnum):
    """Where a reconstitution puts a company of the family, by size."""

    LARGE = "large"
    SMALL = "small"
    MICRO = "micro"


@cache
def family() -> Mapping[str, IndexDefinition]:
    """Return every index that is shipped by its id, in the order of the file.

    Example:
        >>> list(family())[:4]
        ['r3000e', 'r3000', 'r1000', 'r2000']
        >>> family()["r2000"].first_rank, family()["r2000"].last_rank
        (1001, 3000)
    """
    text = files("r2k_pipeline.rulebook").joinpath("family.yaml").read_text(encoding="utf-8")
    return parse_family(text, file=FAMILY_FILE)


def family_with(own: Path | None) -> Mapping[str, IndexDefinition]:
    """Return the shipped indexes and a user's own after them.

    Args:
        own: A family file; None for the shipped indexes alone. Files that its entries
            name lie beside it, unless they are named by a whole path.

    Returns:
        Every index by its id.

    Raises:
        BadInputError: There is no such file, it or a file that it names cannot be read
            as a text, it is wrong, or it has an entry with the id of a shipped index,
            which other tables rely on; names the key.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     own = Path(folder) / "family.yaml"
        ...     _ = own.write_text("indexes: {r500: {name: Mine, ranks: [1, 500]}}")
        ...     found = family_with(own)
        >>> list(found)[-1], "r2000" in found
        ('r500', True)
    """
    if own is None:
        return family()
    named = parse_family(
        _text(own, "family file"),
        file=own.name,
        read=lambda name: _text(own.parent / name, f"file that {own.name} names"),
    )
    taken = [index_id for index_id in named if index_id in family()]
    if taken:
        raise BadInputError(
            f"{own.name}: indexes.{taken[0]} is shipped and means the same everywhere",
            state="the family was not read",
            remedy="give the index another id",
        )
    return MappingProxyType({**family(), **named})


def _text(path: Path, what: str) -> str:
    """A file as a text, or an error that names it."""
    try:
        if not path.is_file():
            raise missing_path(path, what)
        return path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise BadInputError(
            f"{path.name} cannot be read as a text: {error}",
            state="the family was not read",
            remedy="save it as UTF-8",
        ) from error
