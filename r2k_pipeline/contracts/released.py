"""What was promised when the contracts were last released, and what a change since needs.

`data_contracts/released.json` keeps columns, key and rules of each released contract. A
change that breaks a reader or a writer needs a new major version, one that adds to or takes
from the promise a minor one. Written by `python -m r2k_pipeline.contracts.released`, which
refuses as long as a version does not tell what changed.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from r2k_pipeline.contracts.load import contract, contracts_dir, tables
from r2k_pipeline.errors import R2kError, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from r2k_pipeline.contracts.model import Contract

RELEASED_FILE = "released.json"
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class Bump(IntEnum):
    """Which part of a version has to rise."""

    PATCH = 1
    MINOR = 2
    MAJOR = 3


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference between two promises, and what it needs."""

    needs: Bump
    sentence: str


def promise_of(promised: Contract) -> dict[str, Any]:
    """What is kept of a contract when it is released: plain data, nothing in prose.

    Example:
        >>> found = promise_of(contract("signals"))
        >>> found["columns"]["value"]
        {'type': 'float64', 'nullable': True}
        >>> found["key"]
        ['index_id', 'session', 'signal']
    """
    said_by_columns = {"key_is_unique", *(f"{column.name}_is_given" for column in promised.columns)}
    rules = (*promised.rules, *promised.rules_beyond_rows)
    return {
        "version": promised.version,
        "storage": promised.storage.value,
        "partitioning": promised.partitioning.value,
        "key": list(promised.key),
        "columns": {
            column.name: {"type": column.physical_type, "nullable": column.nullable}
            for column in promised.columns
        },
        "rules": {r.name: r.severity.value for r in rules if r.name not in said_by_columns},
    }


def released_promises() -> dict[str, dict[str, Any]]:
    """The promises of the last release, by table; empty if there was none."""
    path = contracts_dir() / RELEASED_FILE
    if not path.is_file():
        return {}
    released: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return released


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """What differs between two promises of one table.

    Args:
        old: As `promise_of` gave it, when it was released.
        new: As `promise_of` gives it now.

    Example:
        >>> old = promise_of(contract("signals"))
        >>> new = old | {"columns": {n: c for n, c in old["columns"].items() if n != "value"}}
        >>> [(change.needs.name, change.sentence) for change in changes(old, new)]
        [('MAJOR', 'column value is gone')]
    """
    found = [*_column_changes(old["columns"], new["columns"])]
    for what in ("key", "storage", "partitioning"):
        if old[what] != new[what]:
            sentence = f"{what} was {old[what]} and is {new[what]}"
            found.append(Change(needs=Bump.MAJOR, sentence=sentence))
    for name in sorted({*old["rules"], *new["rules"]}):
        before, after = old["rules"].get(name), new["rules"].get(name)
        if before != after:
            sentence = f"rule {name} was {before or 'not there'} and is {after or 'gone'}"
            found.append(Change(needs=Bump.MINOR, sentence=sentence))
    return found


def _column_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name, before in old.items():
        after = new.get(name)
        if after is None:
            yield Change(needs=Bump.MAJOR, sentence=f"column {name} is gone")
        elif after["type"] != before["type"]:
            sentence = f"column {name} was {before['type']} and is {after['type']}"
            yield Change(needs=Bump.MAJOR, sentence=sentence)
        elif after["nullable"] != before["nullable"]:
            says = "may be null" if after["nullable"] else "may no longer be null"
            yield Change(needs=Bump.MAJOR, sentence=f"column {name} {says}")
    for name in new:
        if name not in old:
            yield Change(needs=Bump.MINOR, sentence=f"column {name} is new")


def untold_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The changes that a contract's version does not tell.

    Args:
        old: The released promise.
        new: The promise now.

    Returns:
        A sentence each; empty if the version rose as far as the changes need.

    Raises:
        R2kError: A version is not three numbers with dots.

    Example:
        >>> old = promise_of(contract("signals")) | {"version": "1.2.0"}
        >>> new = old | {"key": ["index_id"], "version": "1.3.0"}
        >>> untold_changes(old, new)
        ["key was ['index_id', 'session', 'signal'] and is ['index_id']: 1.2.0 has to become 2.0.0"]
    """
    before, after = _parts(old["version"]), _parts(new["version"])
    if after < before:
        return [f"version {new['version']} is lower than the released {old['version']}"]
    risen = next(
        (bump for bump, was, now in zip((3, 2, 1), before, after, strict=True) if now > was), 0
    )
    return [
        f"{change.sentence}: {old['version']} has to become {_next(before, change.needs)}"
        for change in changes(old, new)
        if change.needs > risen
    ]


def _parts(version: str) -> tuple[int, int, int]:
    match = _VERSION.fullmatch(version)
    if match is None:
        raise R2kError(
            f"{version!r} is no semantic version",
            state="nothing was compared",
            remedy="say it as three numbers with dots, as 1.4.0",
        )
    major, minor, patch = (int(part) for part in match.groups())
    return major, minor, patch


def _next(version: tuple[int, int, int], bump: Bump) -> str:
    major, minor, patch = version
    following = {
        Bump.MAJOR: (major + 1, 0, 0),
        Bump.MINOR: (major, minor + 1, 0),
        Bump.PATCH: (major, minor, patch + 1),
    }[bump]
    return ".".join(str(part) for part in following)


def release() -> str:
    """Write down what is promised now as released; return what a person reads.

    Raises:
        R2kError: A version does not tell what changed.
    """
    released = released_promises()
    now = {table: promise_of(contract(table)) for table in tables()}
    untold = [
        f"{table}: {sentence}"
        for table, promise in now.items()
        for sentence in untold_changes(released.get(table, promise), promise)
    ]
    if untold:
        raise R2kError(
            f"{len(untold)} change(s) without a version: {listed(untold)}",
            state=f"{RELEASED_FILE} was not touched",
            remedy="raise `version` in data_contracts/ and release again",
        )
    path = contracts_dir() / RELEASED_FILE
    path.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    return f"{path.name}: {len(now)} contracts released"


if __name__ == "__main__":
    try:
        sys.stdout.write(release() + "\n")
    except R2kError as error:
        sys.exit(str(error))
