"""A contract as a value: columns, key, rules and where the table lives.

Holds what every projection reads. How a YAML file becomes a `Contract` is
`contracts.load`; nothing here reads a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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

    @property
    def physical_type(self) -> str:
        """How the values are held, in the contract's words: `date`, `string`, `int32` and so on."""
        return (
            str(self.dtype).lower()
            if self.logical_type in {"number", "integer"}
            else self.logical_type
        )


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One promised property of the rows; its name reads as a sentence.

    `derived` names columns that only this rule reads, each a Polars SQL
    expression over the table's columns, so that a promise on a whole session or
    between rows can still be judged by a plain expectation.
    """

    name: str
    sentence: str
    severity: Severity
    quarantines: bool
    expectation: str
    arguments: Mapping[str, Any]
    derived: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SeriesRule:
    """One promise about sessions beside one another, which no single frame can show.

    `judge` names the module of `quality` that finds the verdict.
    """

    name: str
    sentence: str
    severity: Severity
    judge: str


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Everything promised about one table."""

    table: str
    version: str
    description: str
    usage: str
    grain: str
    storage: Storage
    partitioning: Partitioning
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    owner: str
    group: str
    order: int
    series_rules: tuple[SeriesRule, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in the contract's order."""
        return tuple(c.name for c in self.columns)

    @property
    def keeps_history(self) -> bool:
        """Whether storage adds `known_from` and `known_to`.

        True for published tables. Not for those without partitions: they are
        logs, whose rows are only ever added and carry their own time.
        """
        return self.storage is Storage.PUBLISHED and self.partitioning is not Partitioning.NONE

    @property
    def key(self) -> tuple[str, ...]:
        """The primary key's columns, in order."""
        keyed = [c for c in self.columns if c.key_position is not None]
        return tuple(c.name for c in sorted(keyed, key=lambda c: c.key_position or 0))

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: The contract has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

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
