"""One family of errors: every message names the culprit, the state and the remedy.

Add a class here when a caller may want to catch it apart. A class takes its
culprits as arguments, keeps them as attributes, and builds its own message, so
that the same failure always reads the same. No other module raises a bare
``ValueError`` at a user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

_SHOWN = 10
# A file that is no table may be quoted whole by its own error.
_LONGEST_PART, _KEPT_TAIL = 4_000, 1_000


def listed(items: Sequence[object], shown: int = _SHOWN) -> str:
    """Name up to `shown` items and count the rest.

    Example:
        >>> listed(["a", "b", "c"], shown=2)
        'a, b and 1 more'
        >>> listed(["a"])
        'a'
    """
    head = ", ".join(str(item) for item in items[:shown])
    rest = len(items) - shown
    return f"{head} and {rest} more" if rest > 0 else head


def readable(text: str, longest: int = _LONGEST_PART) -> str:
    """Leave out the middle of a text that nobody would read to its end.

    Example:
        >>> readable("a" * 5_000)[2_998:3_038]
        'aa ... 1,000 characters left out ... aaa'
    """
    if len(text) <= longest:
        return text
    head = text[: longest - _KEPT_TAIL]
    return f"{head} ... {len(text) - longest:,} characters left out ... {text[-_KEPT_TAIL:]}"


class R2kError(Exception):
    """What every error of this package is.

    Args:
        culprit: What is wrong: the file, the table, the company.
        state: How things stand now, in particular what was left untouched.
        remedy: What the reader can do about it.

    Example:
        >>> print(R2kError("no data in /tmp/x", state="nothing was written", remedy="check --path"))
        no data in /tmp/x
        state: nothing was written
        remedy: check --path
    """

    def __init__(self, culprit: str, *, state: str, remedy: str) -> None:
        self.culprit = readable(culprit)
        self.state = readable(state)
        self.remedy = readable(remedy)
        super().__init__(f"{self.culprit}\nstate: {self.state}\nremedy: {self.remedy}")


class BadInputError(R2kError):
    """The user named something that cannot be used: a path, a date, a symbol."""


class SourceError(R2kError):
    """A source could not be read: missing, corrupt, or not what it claims to be."""


class SourceShapeError(SourceError):
    """A source has lost a column that is read, or brings it as something else.

    Args:
        file: The file, with what identifies its bytes.
        column: The column.
        expected: What it has to be.
        actual: What it is; None if it is not there.
        state: How things stand.
        remedy: What the reader can do.

    Example:
        >>> error = SourceShapeError(
        ...     "2022.parquet", column="lastsale", expected="Float64", actual="String",
        ...     state="nothing of it was landed", remedy="extract the file again",
        ... )
        >>> error.culprit
        "2022.parquet: column 'lastsale' is String, expected Float64"
    """

    def __init__(
        self,
        file: str,
        *,
        column: str,
        expected: str,
        actual: str | None,
        state: str,
        remedy: str,
    ) -> None:
        self.file = file
        self.column = column
        self.expected = expected
        self.actual = actual
        found = "is missing" if actual is None else f"is {actual}"
        super().__init__(
            f"{file}: column {column!r} {found}, expected {expected}", state=state, remedy=remedy
        )


class NothingInRangeError(SourceError):
    """A source is well and has nothing for the sessions that are asked for."""


class ContractShapeError(R2kError):
    """A frame's columns or types differ from its contract."""

    def __init__(
        self,
        table: str,
        *,
        missing: Sequence[str] = (),
        unknown: Sequence[str] = (),
        retyped: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self.table = table
        self.missing = tuple(missing)
        self.unknown = tuple(unknown)
        self.retyped = dict(retyped or {})
        parts = []
        if self.missing:
            parts.append(f"missing {listed(self.missing)}")
        if self.unknown:
            parts.append(f"unknown {listed(self.unknown)}")
        parts += [f"{name} is {got}, expected {want}" for name, (want, got) in self.retyped.items()]
        super().__init__(
            f"{table}: the frame does not have the contract's shape: {'; '.join(parts)}",
            state=f"{table} was not touched; its last good partitions stand",
            remedy=f"compare with data_contracts/{table}.yaml",
        )


class ContractViolationError(R2kError):
    """A check of severity `error` failed, so nothing was promoted."""

    def __init__(self, table: str, partitions: str, failures: Sequence[str]) -> None:
        self.table = table
        self.partitions = partitions
        self.failures = tuple(failures)
        super().__init__(
            f"{table} [{partitions}]: {listed(self.failures)}",
            state=f"{table} was not touched; its last good partitions stand",
            remedy="see quality_results for the counts and a sample, mend the input and run again",
        )


class UndecidedEventError(ContractViolationError):
    """An event cannot be decided, because the size of a candidate is in doubt."""

    def __init__(self, event_id: str, doubts: Sequence[str]) -> None:
        self.table = "reconstitution"
        self.partitions = event_id
        self.failures = tuple(doubts)
        subject = "candidate is" if len(doubts) == 1 else "candidates are"
        R2kError.__init__(
            self,
            f"event {event_id}: {len(doubts)} {subject} in doubt on the rank day: {listed(doubts)}",
            state="the event is undecided; nothing that was decided before was touched",
            remedy="build again when the sessions up to the preliminary day have landed, or tell "
            "the shares in rulebook/reference/share_counts.csv, or settle the doubt in "
            "settled_doubts.csv (as_received or left_out, with reason and source)",
        )


class CheckExecutionError(R2kError):
    """A check could not be evaluated. That is a fault of ours, not a verdict on the data."""


class MissingPartitionError(R2kError):
    """The input has nothing for a session that is asked for."""

    def __init__(
        self, table: str, sessions: Sequence[date], *, why: str = "", remedy: str | None = None
    ) -> None:
        self.table = table
        self.sessions = tuple(sessions)
        culprit = f"{table} has nothing for {len(sessions)} session(s): {listed(sessions, 5)}"
        super().__init__(
            f"{culprit}; {why}" if why else culprit,
            state="nothing was written for them",
            remedy=remedy or "run `r2k ingest` for these sessions, or choose another range",
        )


class MissingDivisorError(R2kError):
    """A session has no divisor."""


class TooFewCompaniesError(R2kError):
    """Fewer companies are ranked than a breakpoint needs."""


class NotASessionError(R2kError):
    """A date is not a trading session."""


class UnknownEventError(R2kError):
    """No reconstitution event has this key."""


class StorageError(R2kError):
    """A table, database or disk refused."""


def missing_path(path: Path, what: str) -> BadInputError:
    """The error for a path that does not exist.

    Example:
        >>> from pathlib import Path
        >>> missing_path(Path("nowhere.bundle"), "source").culprit
        'no source at nowhere.bundle'
    """
    return BadInputError(
        f"no {what} at {path}", state="nothing was read or written", remedy="check the path"
    )
