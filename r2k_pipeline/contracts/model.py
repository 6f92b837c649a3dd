"""A contract as a value: columns, key, rules and where the table lives.

Holds what every projection reads. How a YAML file becomes a `Contract` is
`contracts.load`; nothing here reads a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl


class Severity(StrEnum):
    """What a failed check does to the partition."""

    ERROR = "error"
    WARN = "warn"


class Storage(StrEnum):
    """Which of the two stores keeps a table."""

    LAKE = "lake"
    PUBLISHED = "published"


class Partitioning(StrEnum):
    """What one partition of a table is."""

    SESSION = "session"
    EVENT = "event"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One promised column."""

    name: str
    dtype: pl.DataType
    logical_type: str
    unit: str | None
    description: str
    nullable: bool
    key_position: int | None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One promised property of the rows; its name reads as a sentence."""

    name: str
    sentence: str
    severity: Severity
    quarantines: bool
    expectation: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Everything promised about one table."""

    table: str
    version: str
    description: str
    grain: str
    storage: Storage
    partitioning: Partitioning
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    owner: str
    group: str

    @property
    def key(self) -> tuple[str, ...]:
        """The primary key's columns, in order."""
        keyed = [c for c in self.columns if c.key_position is not None]
        return tuple(c.name for c in sorted(keyed, key=lambda c: c.key_position or 0))

    @property
    def partition_column(self) -> str | None:
        """The column whose value names the partition of a row."""
        match self.partitioning:
            case Partitioning.SESSION:
                return "session"
            case Partitioning.EVENT:
                return "event_id"
            case Partitioning.NONE:
                return None
