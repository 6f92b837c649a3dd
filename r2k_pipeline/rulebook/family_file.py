"""A family file: YAML -> indexes, strictly.

Holds the keys that an entry may have and errors that name the file and the key. To add
a key, add it to `IndexDefinition`, to `_KEYS` and to `_definition`. Which files there
are is `family`.
"""

from __future__ import annotations

import csv
import io
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

import yaml

from r2k_pipeline.errors import BadInputError, listed
from r2k_pipeline.rulebook.index_definition import (
    LAST_RANK,
    CapScheme,
    IndexDefinition,
    Style,
    Weighting,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_REQUIRED = ("name", "ranks")
_KEYS = (*_REQUIRED, "band", "base_value", "cap", "excluding", "sectors", "style", "weighting")
_CAP_KEYS = ("company", "large", "large_total")
_INDEX_ID = re.compile(r"[a-z][a-z0-9_]*")
_RANGE_ENDS = 2
_WIDEST_BAND = 0.5
_LARGEST_BASE = 1e9
_LONGEST_TEXT = 200_000
_DEEPEST = 10


def parse_family(
    text: str, *, file: str, read: Callable[[str], str] | None = None
) -> Mapping[str, IndexDefinition]:
    """Parse the text of a family file.

    Args:
        text: YAML with the one key `indexes`.
        file: The file's name, for errors.
        read: Reads a file that an entry names, as a text; None if entries may name none.

    Returns:
        Every index by its id, in the order of the text.

    Raises:
        BadInputError: Not YAML, a key is unknown, missing or given twice, or a value
            is of the wrong kind; names the file and the key.

    Example:
        >>> found = parse_family("indexes: {r9: {name: Nine, ranks: [1, 9]}}", file="f.yaml")
        >>> found["r9"].last_rank
        9
        >>> parse_family("indexes: {r9: {nmae: x}}", file="f.yaml")
        Traceback (most recent call last):
            ...
        r2k_pipeline.errors.BadInputError: f.yaml: indexes.r9 has the unknown key nmae
        state: the family was not read
        remedy: mend the file; an index has the keys name, ranks and may have band, base_value, \
cap, excluding, sectors, style, weighting
    """
    if len(text) > _LONGEST_TEXT:
        raise _fault(file, f"is longer than {_LONGEST_TEXT:,} characters")
    try:
        trouble = _beyond_plain(text)
        twice = [] if trouble else _keys_given_twice(yaml.compose(text, Loader=yaml.SafeLoader))
        document = None if trouble else yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        # PyYAML lets its own conversions fail with Python's errors, as of the day 2022-02-30.
        raise _fault(file, f"is not readable as YAML: {error}") from error
    if trouble:
        raise _fault(file, trouble)
    if twice:
        raise _fault(file, f"a key is given twice: {listed(twice)}")
    if not isinstance(document, dict) or set(document) != {"indexes"}:
        raise _fault(file, "must have the one top-level key indexes")
    indexes = document["indexes"]
    if not isinstance(indexes, dict) or not indexes:
        raise _fault(file, "indexes must name at least one index")
    return MappingProxyType(
        {str(key): _Entry(str(key), file, read).parsed(body) for key, body in indexes.items()}
    )


def _beyond_plain(text: str) -> str | None:
    """Say what a few lines of YAML would not need: it could stand for gigabytes, or nest forever.

    Read as events, one at a time, so that nothing has been built when the answer is known.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            return "uses an alias (*), which is not taken here"
        if getattr(event, "tag", None) is not None:
            return "uses a tag (!), which is not taken here"
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            return f"nests deeper than {_DEEPEST} levels"
    return None


def _keys_given_twice(node: yaml.Node | None) -> list[str]:
    """PyYAML keeps the last of two equal keys in silence, so they are looked for apart."""
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        here = sorted({str(key) for key in keys if keys.count(key) > 1})
        return here + [key for _, child in node.value for key in _keys_given_twice(child)]
    return []


class _Entry:
    """One entry while it is read: knows its place for errors."""

    def __init__(self, index_id: str, file: str, read: Callable[[str], str] | None) -> None:
        self._index_id = index_id
        self._file = file
        self._read = read

    def parsed(self, body: object) -> IndexDefinition:
        """The definition, every value checked."""
        if not _INDEX_ID.fullmatch(self._index_id):
            raise self._wrong("", "must be one word of a-z, 0-9 and _, beginning with a letter")
        if not isinstance(body, dict):
            raise self._wrong("", "must be a mapping")
        unknown = sorted(str(key) for key in body if key not in _KEYS)
        if unknown:
            raise self._wrong("", f"has the unknown key {listed(unknown)}")
        missing = [key for key in _REQUIRED if key not in body]
        if missing:
            raise self._wrong("", f"lacks the key {listed(missing)}")
        first, last = self._ranks(body["ranks"])
        weighting = self._weighting(body.get("weighting", Weighting.FREE_FLOAT_MARKET_CAP.value))
        cap = self._cap(body["cap"]) if "cap" in body else None
        style = self._style(body["style"]) if "style" in body else None
        for key in ("cap", "style"):
            if key in body and weighting is Weighting.EQUAL:
                raise self._wrong(f".{key}", "has no meaning with the weighting equal")
        return IndexDefinition(
            index_id=self._index_id,
            name=self._name(body["name"]),
            first_rank=first,
            last_rank=last,
            base_value=self._number(
                ".base_value", body.get("base_value", 1000.0), most=_LARGEST_BASE
            ),
            weighting=weighting,
            band=self._band(body["band"]) if "band" in body else None,
            sectors=self._texts(".sectors", body["sectors"]) if "sectors" in body else (),
            excluding=self._excluding(body["excluding"]) if "excluding" in body else (),
            cap=cap,
            style=style,
        )

    def _name(self, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(".name", "must be a text")
        return value

    def _ranks(self, value: object) -> tuple[int, int]:
        is_range = isinstance(value, list) and len(value) == _RANGE_ENDS
        ranks = value if isinstance(value, list) and is_range else []
        if not ranks or any(type(rank) is not int for rank in ranks):
            raise self._wrong(".ranks", "must be two whole numbers, [first, last]")
        first, last = ranks
        if not 1 <= first <= last <= LAST_RANK:
            raise self._wrong(".ranks", f"must run upwards within 1 to {LAST_RANK}")
        return first, last

    def _number(self, key: str, value: object, *, most: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
            raise self._wrong(key, f"must be a number above 0 and at most {most:g}")
        return float(value)

    def _band(self, value: object) -> float:
        return 0.0 if value == 0 else self._number(".band", value, most=_WIDEST_BAND)

    def _weighting(self, value: object) -> Weighting:
        known = [str(weighting) for weighting in Weighting]
        if value not in known:
            raise self._wrong(".weighting", f"is {value!r}; known are {listed(known)}")
        return Weighting(str(value))

    def _style(self, value: object) -> Style:
        known = [str(style) for style in Style]
        if value not in known:
            raise self._wrong(".style", f"is {value!r}; known are {listed(known)}")
        return Style(str(value))

    def _texts(self, key: str, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            raise self._wrong(key, "must be a list of texts")
        if not all(isinstance(item, str) and item.strip() for item in value):
            raise self._wrong(key, "must be a list of texts")
        return tuple(value)

    def _cap(self, value: object) -> CapScheme:
        if not isinstance(value, dict) or "company" not in value:
            raise self._wrong(".cap", f"must be a mapping of {listed(_CAP_KEYS)}")
        unknown = sorted(str(key) for key in value if key not in _CAP_KEYS)
        if unknown:
            raise self._wrong(".cap", f"has the unknown key {listed(unknown)}")
        caps = {key: self._number(f".cap.{key}", value[key], most=1.0) for key in value}
        if ("large" in caps) != ("large_total" in caps):
            raise self._wrong(".cap", "must have large and large_total together")
        if caps.get("large", 0.0) > caps["company"]:
            raise self._wrong(".cap", "must not have large above company")
        return CapScheme(**caps)

    def _excluding(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(".excluding", "must name a CSV file with a column symbol")
        if self._read is None:
            raise self._wrong(".excluding", "is not possible here: no file may be named")
        rows = csv.DictReader(io.StringIO(self._read(value), newline=""), strict=True)
        try:
            if list(rows.fieldnames or ()).count("symbol") != 1:
                raise self._wrong(".excluding", f"names {value}, whose header has no column symbol")
            symbols = [(row["symbol"] or "").strip() for row in rows]
        except csv.Error as error:
            what = f"names {value}, which is no CSV after line {rows.line_num}: {error}"
            raise self._wrong(".excluding", what) from error
        return tuple(dict.fromkeys(symbol for symbol in symbols if symbol))

    def _wrong(self, key: str, what: str) -> BadInputError:
        return _fault(self._file, f"indexes.{self._index_id}{key} {what}")


def _fault(file: str, what: str) -> BadInputError:
    optional = ", ".join(_KEYS[len(_REQUIRED) :])
    return BadInputError(
        f"{file}: {what}",
        state="the family was not read",
        remedy=f"mend the file; an index has the keys {', '.join(_REQUIRED)} and may have "
        f"{optional}",
    )
