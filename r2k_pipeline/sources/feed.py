"""What a source is: a plan of batches, and each batch read as a value.

Holds the protocol and the values that pass between a source and landing. Keep
out how any one feed is read, and where a batch goes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self

from r2k_pipeline.errors import BadInputError, NothingInRangeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path
    from types import TracebackType

    import polars as pl

_HASH_CHARACTERS = 16


class EvidenceKind(StrEnum):
    """Why a source tells something about what it read."""

    NOT_A_SESSION = "not_a_session"
    STALE_COPY = "stale_copy"
    RELABELLED = "relabelled"
    STILL_BEHIND = "still_behind"
    PREVIOUS_CLOSE_NOT_ROLLED = "previous_close_not_rolled"
    BROKEN_CHAIN = "broken_chain"
    SUPERSEDED = "superseded"
    TAKEN_BEFORE_CLOSE = "taken_before_close"
    MISSING_EXCHANGE = "missing_exchange"
    MISSING_SESSION = "missing_session"
    UNKNOWN_COLUMN = "unknown_column"
    CORRUPT_OUTSIDE_RANGE = "corrupt_outside_range"

    @property
    def sentence(self) -> str:
        """What this kind of evidence means.

        Example:
            >>> EvidenceKind.STALE_COPY.sentence
            'the snapshot shows a session that an earlier snapshot showed already; left out'
        """
        return _SENTENCES[self]


_SENTENCES = {
    EvidenceKind.NOT_A_SESSION: (
        "the snapshot was taken for a day without trading and shows nothing new; left out"
    ),
    EvidenceKind.STALE_COPY: (
        "the snapshot shows a session that an earlier snapshot showed already; left out"
    ),
    EvidenceKind.RELABELLED: (
        "the snapshot shows an earlier session than the day it was taken for; landed there"
    ),
    EvidenceKind.STILL_BEHIND: (
        "previous closes do not match the snapshot before, and an evening is missing; landed as"
        " far behind as the snapshots before"
    ),
    EvidenceKind.PREVIOUS_CLOSE_NOT_ROLLED: (
        "closes are new, yet the previous closes are those of the session before the last;"
        " landed as received"
    ),
    EvidenceKind.BROKEN_CHAIN: (
        "previous closes do not match the snapshot before; taken for the day it was taken"
    ),
    EvidenceKind.SUPERSEDED: "a later snapshot of the same evening replaced this one",
    EvidenceKind.TAKEN_BEFORE_CLOSE: "the snapshot was taken while the session traded; left out",
    EvidenceKind.MISSING_EXCHANGE: "the session has nothing for this exchange",
    EvidenceKind.MISSING_SESSION: "no snapshot shows this session",
    EvidenceKind.UNKNOWN_COLUMN: "the feed brings a column that nobody reads",
    EvidenceKind.CORRUPT_OUTSIDE_RANGE: (
        "a snapshot before the range asked for cannot be read; it was not needed"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One thing that the gate and the reader of a run should know about a batch.

    `detail` adds the numbers; `kind.sentence` says what it means.
    """

    kind: EvidenceKind
    session: date | None = None
    exchange: str | None = None
    detail: str = ""

    def __str__(self) -> str:
        """Session, exchange, sentence and detail in one line."""
        where = " ".join(str(part) for part in (self.session, self.exchange) if part is not None)
        head = f"{where}: {self.kind.sentence}" if where else self.kind.sentence
        return f"{head} ({self.detail})" if self.detail else head


@dataclass(frozen=True, kw_only=True)
class RawFile:
    """Bytes as received, for the archive: held in memory or lying in a file.

    Exactly one of `data` and `path` is set. `sha256` is that of the bytes; rows
    of the batch that came from them carry its first 16 digits as `source_hash`.
    """

    name: str
    sha256: str
    data: bytes | None = field(default=None, repr=False)
    path: Path | None = None

    @property
    def source_hash(self) -> str:
        """The 16 hex digits that rows carry."""
        return self.sha256[:_HASH_CHARACTERS]

    @classmethod
    def from_bytes(cls, name: str, data: bytes) -> RawFile:
        """Bytes in memory.

        Example:
            >>> RawFile.from_bytes("nyse.json", b"[]").source_hash
            '4f53cda18c2baa0c'
        """
        return cls(name=name, sha256=hashlib.sha256(data).hexdigest(), data=data)

    @classmethod
    def from_path(cls, path: Path) -> RawFile:
        """A file, hashed without holding it in memory."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        return cls(name=path.name, sha256=digest.hexdigest(), path=path)


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """What one batch will hold, and the days that it accounts for.

    Attributes:
        sessions: Sessions, ascending, that are read and landed together.
        told_from: First day of which the batch's evidence tells; null for the first session.
        told_to: Last such day; null for the last session. The days of a range's batches
            follow one another without a gap, so that what was left out between two
            batches, or after the last session that is there, is told once.
    """

    sessions: tuple[date, ...]
    told_from: date | None = None
    told_to: date | None = None

    @property
    def first_session(self) -> date:
        """The earliest session of the batch."""
        return self.sessions[0]

    @property
    def last_session(self) -> date:
        """The latest session of the batch."""
        return self.sessions[-1]

    def tells_of(self, day: date) -> bool:
        """Whether the batch's evidence covers a day.

        Example:
            >>> from datetime import date
            >>> friday, saturday = date(2022, 4, 29), date(2022, 4, 30)
            >>> BatchPlan(sessions=(friday,), told_to=saturday).tells_of(saturday)
            True
        """
        first, last = self.told_from or self.first_session, self.told_to or self.last_session
        return first <= day <= last


@dataclass(frozen=True, kw_only=True)
class SourceBatch:
    """A range of sessions as one source shows it.

    Attributes:
        plan: The sessions that the batch holds. A session of the calendar within
            the range that is absent here has nothing in the source.
        listings: Contract `raw_listings`, sorted by `session`, `exchange`,
            `symbol`; only sessions of the plan.
        reported_actions: Contract `reported_actions`, sorted by its key; empty for
            a feed that reports none.
        evidence: What was left out or moved, and why.
        raw: The bytes that the rows came from, for the archive.
    """

    plan: BatchPlan
    listings: pl.DataFrame
    reported_actions: pl.DataFrame
    evidence: tuple[Evidence, ...]
    raw: tuple[RawFile, ...]


class Source(Protocol):
    """A feed of listings. Use it as a context manager: a clone may have to be cleared away."""

    @property
    def name(self) -> str:
        """What `r2k ingest` calls it, and the value of the column `source`."""
        ...

    def plan(self, *, start: date | None = None, end: date | None = None) -> tuple[BatchPlan, ...]:
        """The batches that cover the sessions from `start` to `end`, both inclusive.

        Everything in the range is looked at, so what cannot be read fails here,
        before the first batch is landed.

        Raises:
            BadInputError: The range is empty.
            NothingInRangeError: The source has nothing in the range.
            SourceError: The source cannot be read.
        """
        ...

    def read(self, plan: BatchPlan) -> SourceBatch:
        """Read one batch of a plan that this source made."""
        ...

    def iter_batches(
        self, *, start: date | None = None, end: date | None = None
    ) -> Iterator[SourceBatch]:
        """Plan and read in one go, in order of the sessions."""
        ...

    def close(self) -> None:
        """Give back what the source holds open."""
        ...

    def __enter__(self) -> Self:
        """The source itself."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        ...


class BatchedSource:
    """What every source has in common: batches are the plan read in order."""

    def plan(self, *, start: date | None = None, end: date | None = None) -> tuple[BatchPlan, ...]:
        """See `Source.plan`."""
        raise NotImplementedError

    def read(self, plan: BatchPlan) -> SourceBatch:
        """See `Source.read`."""
        raise NotImplementedError

    def iter_batches(
        self, *, start: date | None = None, end: date | None = None
    ) -> Iterator[SourceBatch]:
        """See `Source.iter_batches`."""
        for plan in self.plan(start=start, end=end):
            yield self.read(plan)

    def close(self) -> None:
        """See `Source.close`; most sources hold nothing open."""

    def __enter__(self) -> Self:
        """The source itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, whatever happened."""
        self.close()


def require_range(start: date | None, end: date | None) -> None:
    """Refuse a range that ends before it starts.

    Raises:
        BadInputError: It does.

    Example:
        >>> from datetime import date
        >>> require_range(date(2022, 6, 1), None)
        >>> require_range(date(2022, 6, 2), date(2022, 6, 1))
        Traceback (most recent call last):
        r2k_pipeline.errors.BadInputError: the range 2022-06-02 to 2022-06-01 is empty
        state: nothing was read or written
        remedy: give an end that is not before the start
    """
    if start is not None and end is not None and end < start:
        raise BadInputError(
            f"the range {start} to {end} is empty",
            state="nothing was read or written",
            remedy="give an end that is not before the start",
        )


def sessions_in_range(
    available: Sequence[date], *, source: str, start: date | None, end: date | None
) -> tuple[date, ...]:
    """The available sessions within a range, ascending.

    Raises:
        BadInputError: The range is empty.
        NothingInRangeError: Nothing is available in it; says what is.

    Example:
        >>> from datetime import date
        >>> have = [date(2022, 6, 1), date(2022, 6, 2)]
        >>> sessions_in_range(have, source="demo", start=date(2022, 6, 2), end=None)
        (datetime.date(2022, 6, 2),)
    """
    require_range(start, end)
    wanted = tuple(
        session
        for session in sorted(available)
        if (start is None or session >= start) and (end is None or session <= end)
    )
    if wanted:
        return wanted
    asked = f"from {start or 'the first'} to {end or 'the last'} session"
    has = f"has {min(available)} to {max(available)}" if available else "has no session at all"
    raise NothingInRangeError(
        f"{source} has nothing {asked}",
        state=f"it {has}; nothing was written",
        remedy="choose a range within what the source has",
    )
