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


class Form(StrEnum):
    """How a measured number is said."""

    COUNT = "count"
    USD = "usd"
    POINTS = "points"
    SHARE = "share"


@dataclass(frozen=True, kw_only=True)
class DriftRule:
    """One promise about a partition beside the one before it.

    `measure` is a Polars SQL aggregate over the rows of a partition, and of each group `by`;
    `derived` are columns for it, which may look at a line's row in the partition before.
    `change_from` and `change_to` bound its change as a fraction of what it was, `value_to`
    the number itself. A group of fewer than `rows_at_least` rows before is not judged.
    """

    name: str
    sentence: str
    severity: Severity
    measure: str
    noun: str
    form: Form
    by: tuple[str, ...] = ()
    derived: Mapping[str, str] = field(default_factory=dict)
    change_from: float | None = None
    change_to: float | None = None
    value_to: float | None = None
    rows_at_least: int = 1

    @property
    def is_of_change(self) -> bool:
        """Whether the change is judged, and not the number itself."""
        return self.value_to is None


class When(StrEnum):
    """Which rows of a table lie beside those that are published."""

    SAME = "same"
    EARLIER = "earlier"
    EVENTS = "events"
    WHOLE = "whole"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a rule reads beside the rows it judges: some columns of a table.

    `when` says which rows: those of the same sessions or events, those before them, those of
    the events that the judged rows name, or all.
    """

    table: str
    columns: tuple[str, ...]
    when: When


@dataclass(frozen=True, kw_only=True)
class AcrossRule:
    """One promise that ties a table to others, or to its own past.

    `broken` is a Polars SQL query for the rows that break it, over `judged` (what is published)
    and the tables read, by name; its first column is the partition's.
    """

    name: str
    sentence: str
    severity: Severity
    broken: str
    reads: tuple[Reading, ...]


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
    drift_rules: tuple[DriftRule, ...] = ()
    across_rules: tuple[AcrossRule, ...] = ()

    @property
    def rules_beyond_rows(self) -> tuple[SeriesRule | DriftRule | AcrossRule, ...]:
        """Rules that speak of more than the rows themselves, and say so in their own words."""
        return (*self.series_rules, *self.drift_rules, *self.across_rules)

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
