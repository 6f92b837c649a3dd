"""The indexes of the family: which segments each one holds and where it starts.

Reads ``family.yaml``, strictly. Add an index in the file, a segment or a weighting
here. Keep out who belongs to a segment (`methodology/reconstitution`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

import yaml

from r2k_pipeline.errors import BadInputError, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

FAMILY_FILE = "rulebook/family.yaml"

_KEYS = frozenset({"name", "segments", "base_value", "weighting"})


class Segment(StrEnum):
    """Where a reconstitution puts a company."""

    LARGE = "large"
    SMALL = "small"
    MICRO = "micro"


class Weighting(StrEnum):
    """What gives a member its weight."""

    FREE_FLOAT_MARKET_CAP = "free_float_market_cap"


@dataclass(frozen=True, kw_only=True)
class IndexDefinition:
    """One index of the family.

    Args:
        index_id: Its key everywhere, like ``r2000``.
        name: What reports call it.
        segments: The segments whose members it holds, larger first.
        base_value: Its level on its first session, index points.
        weighting: What gives a member its weight.
    """

    index_id: str
    name: str
    segments: tuple[Segment, ...]
    base_value: float
    weighting: Weighting


@cache
def family() -> Mapping[str, IndexDefinition]:
    """Return every index by its id, in the order of the file.

    Example:
        >>> list(family())
        ['r3000e', 'r3000', 'r1000', 'r2000']
        >>> [str(segment) for segment in family()["r3000"].segments]
        ['large', 'small']
    """
    text = files("r2k_pipeline.rulebook").joinpath("family.yaml").read_text(encoding="utf-8")
    return parse_family(text, file=FAMILY_FILE)


def index_definition(index_id: str) -> IndexDefinition:
    """Return one index.

    Raises:
        BadInputError: No index has this id; names those that exist.

    Example:
        >>> index_definition("r2000").name
        'R2000-style small cap index'
    """
    found = family().get(index_id)
    if found is None:
        raise _unknown_index(index_id)
    return found


def parse_family(text: str, *, file: str) -> Mapping[str, IndexDefinition]:
    """Parse the text of a family file.

    Args:
        text: YAML with the one key `indexes`.
        file: The file's name, for errors.

    Returns:
        Every index by its id, in the order of the text.

    Raises:
        BadInputError: Not YAML, a key is unknown, missing or given twice, or a value
            is of the wrong kind; names the file and the key.

    Example:
        >>> parse_family("indexes: {r9: {nmae: x}}", file="family.yaml")
        Traceback (most recent call last):
            ...
        r2k_pipeline.errors.BadInputError: family.yaml: indexes.r9 has the unknown key nmae
        state: the family was not read
        remedy: mend the file; the keys of an index are base_value, name, segments, weighting
    """
    try:
        twice = _keys_given_twice(yaml.compose(text, Loader=yaml.SafeLoader))
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _fault(file, f"is not readable as YAML: {error}") from error
    if twice:
        raise _fault(file, f"a key is given twice: {listed(twice)}")
    if not isinstance(document, dict) or set(document) != {"indexes"}:
        raise _fault(file, "must have the one top-level key indexes")
    indexes = document["indexes"]
    if not isinstance(indexes, dict) or not indexes:
        raise _fault(file, "indexes must name at least one index")
    return MappingProxyType(
        {str(key): _definition(str(key), body, file=file) for key, body in indexes.items()}
    )


def _keys_given_twice(node: yaml.Node | None) -> list[str]:
    """PyYAML keeps the last of two equal keys in silence, so they are looked for apart."""
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        here = sorted({str(key) for key in keys if keys.count(key) > 1})
        return here + [key for _, child in node.value for key in _keys_given_twice(child)]
    return []


def _definition(index_id: str, body: object, *, file: str) -> IndexDefinition:
    where = f"indexes.{index_id}"
    if not isinstance(body, dict):
        raise _fault(file, f"{where} must be a mapping")
    unknown = sorted(str(key) for key in body if key not in _KEYS)
    if unknown:
        raise _fault(file, f"{where} has the unknown key {listed(unknown)}")
    missing = sorted(_KEYS - set(body))
    if missing:
        raise _fault(file, f"{where} lacks the key {listed(missing)}")
    return IndexDefinition(
        index_id=index_id,
        name=_name(body["name"], where=where, file=file),
        segments=_segments(body["segments"], where=where, file=file),
        base_value=_base_value(body["base_value"], where=where, file=file),
        weighting=_weighting(body["weighting"], where=where, file=file),
    )


def _name(value: object, *, where: str, file: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _fault(file, f"{where}.name must be a text")
    return value


def _segments(value: object, *, where: str, file: str) -> tuple[Segment, ...]:
    known = [str(segment) for segment in Segment]
    if not isinstance(value, list) or not value:
        raise _fault(file, f"{where}.segments must be a list of {listed(known)}")
    wrong = [str(item) for item in value if item not in known]
    if wrong:
        raise _fault(file, f"{where}.segments has {listed(wrong)}; known are {listed(known)}")
    if len(set(value)) != len(value):
        raise _fault(file, f"{where}.segments names a segment twice")
    return tuple(Segment(item) for item in value)


def _base_value(value: object, *, where: str, file: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise _fault(file, f"{where}.base_value must be a number above 0")
    return float(value)


def _weighting(value: object, *, where: str, file: str) -> Weighting:
    known = [str(weighting) for weighting in Weighting]
    if value not in known:
        raise _fault(file, f"{where}.weighting is {value!r}; known are {listed(known)}")
    return Weighting(str(value))


def _fault(file: str, what: str) -> BadInputError:
    return BadInputError(
        f"{file}: {what}",
        state="the family was not read",
        remedy=f"mend the file; the keys of an index are {', '.join(sorted(_KEYS))}",
    )


def _unknown_index(index_id: str) -> BadInputError:
    return BadInputError(
        f"no index {index_id!r}",
        state="nothing was read",
        remedy=f"use one of {listed(list(family()))}",
    )
