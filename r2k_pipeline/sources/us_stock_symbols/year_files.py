"""The archive extracted into Parquet: a folder of files, one a year, or a single file.

Any file name does; what a file covers is read from it. A snapshot taken in January
may show a session of December, so batches are cut by session, not by file.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.errors import SourceError, SourceShapeError, listed, missing_path
from r2k_pipeline.sources.feed import (
    BatchedSource,
    Evidence,
    EvidenceKind,
    RawFile,
    SourceBatch,
    require_range,
)
from r2k_pipeline.sources.parquet_pages import unreadable_pages
from r2k_pipeline.sources.us_stock_symbols.coverage import Coverage
from r2k_pipeline.sources.us_stock_symbols.exchanges import EXCHANGES
from r2k_pipeline.sources.us_stock_symbols.listings import (
    SOURCE_NAME,
    VENDOR_SCHEMA,
    as_raw_listings,
    previous_close,
)
from r2k_pipeline.sources.us_stock_symbols.shown_session import ContinuityScan, label_snapshots

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from r2k_pipeline.sources.feed import BatchPlan

# The file says trade_date for the day it was taken for, and has no hash of itself.
_FILE_SCHEMA = {
    "trade_date" if column == "taken_for" else column: dtype
    for column, dtype in VENDOR_SCHEMA.items()
    if column != "source_hash"
}
_TEXTS = ("symbol", "name", "country", "industry", "sector")
_AMOUNTS = ("lastsale", "netchange", "marketCap")
_UNTOUCHED = "nothing of it was landed"


@dataclass(frozen=True, kw_only=True)
class _YearFile:
    """One Parquet file whose columns are right."""

    path: Path
    first_day: date
    last_day: date
    unknown_columns: tuple[str, ...]


class YearFiles(BatchedSource):
    """The extracted archive as a source; a batch is a calendar year.

    Args:
        path: A folder with Parquet files, or one such file.

    Raises:
        BadInputError: Nothing is there.
        SourceError: The folder has no Parquet file.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise missing_path(path, "extracted archive")
        self._paths = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        if not self._paths:
            raise SourceError(
                f"{path} holds no Parquet file",
                state="nothing was read or written",
                remedy="name the folder that holds YEAR.parquet, or one such file",
            )

    @property
    def name(self) -> str:
        """`us-stock-symbols`, in whichever form."""
        return SOURCE_NAME

    def plan(self, *, start: date | None = None, end: date | None = None) -> tuple[BatchPlan, ...]:
        """One batch a calendar year; see `Source.plan`."""
        require_range(start, end)
        return self._coverage.batches(start=start, end=end, together=lambda session: session.year)

    def read(self, plan: BatchPlan) -> SourceBatch:
        """Read the sessions of one batch; see `Source.read`."""
        labels = self._coverage.within(plan)
        first = min(label.taken_for for label in labels)
        last = max(label.taken_for for label in labels)
        files = [f for f in self._files if f.first_day <= last and first <= f.last_day]
        raw = tuple(RawFile.from_path(file.path) for file in files)
        parts = [
            _read(file.path, first, last, hashed.source_hash)
            for file, hashed in zip(files, raw, strict=True)
        ]
        unknown = [
            Evidence(
                kind=EvidenceKind.UNKNOWN_COLUMN,
                detail=f"{file.path.name}: {listed(file.unknown_columns)}",
            )
            for file in files
            if file.unknown_columns
        ]
        return SourceBatch(
            plan=plan,
            listings=as_raw_listings(pl.concat(parts), labels),
            reported_actions=empty_frame(contract("reported_actions")),
            evidence=(*unknown, *self._coverage.evidence(plan)),
            raw=raw,
        )

    @cached_property
    def _files(self) -> tuple[_YearFile, ...]:
        """The files in order of the days they cover."""
        files = sorted((_inspect(path) for path in self._paths), key=lambda file: file.first_day)
        for earlier, later in pairwise(files):
            if later.first_day <= earlier.last_day:
                raise SourceError(
                    f"{later.path} and {earlier.path} both cover {later.first_day}",
                    state="nothing was read or written",
                    remedy="keep one file for each day",
                )
        return tuple(files)

    @cached_property
    def _coverage(self) -> Coverage:
        """Every snapshot of every file with its session."""
        scan = ContinuityScan()
        for file in self._files:
            scan.add(_prices(file.path))
        return Coverage(tuple(label_snapshots(scan.snapshots())))


def _inspect(path: Path) -> _YearFile:
    """Check the columns of a file and find the days that it covers."""
    trouble = unreadable_pages(path, list(_FILE_SCHEMA))
    if trouble:
        raise _unreadable(path, trouble)
    with _reading(path):
        schema = pl.read_parquet_schema(path)
    unknown = _require_columns(path, schema)
    trade_date, exchange = pl.col("trade_date"), pl.col("exchange")
    with _reading(path):
        found = (
            pl.scan_parquet(path)
            .select(
                trade_date.min().alias("first"),
                trade_date.max().alias("last"),
                exchange.unique().sort().implode().alias("exchanges"),
                pl.any_horizontal(
                    pl.col(name).is_null().any() for name in ("trade_date", "exchange", "symbol")
                ).alias("has_nulls"),
                pl.col("symbol").str.contains(r"^\s*$").any().alias("has_blanks"),
                pl.all_horizontal(pl.col(name).is_finite().all() for name in _AMOUNTS).alias(
                    "is_finite"
                ),
                # No database takes this character for text.
                pl.any_horizontal(
                    pl.col(name).str.contains("\0", literal=True).any() for name in _TEXTS
                ).alias("has_nul"),
            )
            .collect()
            .row(0, named=True)
        )
    _require_keys(path, found)
    return _YearFile(
        path=path, first_day=found["first"], last_day=found["last"], unknown_columns=unknown
    )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what reading a damaged file raises into an error that names it."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as fault:
        raise _unreadable(path, _first_line(fault)) from fault


def _unreadable(path: Path, trouble: str) -> SourceError:
    return SourceError(
        f"{path} cannot be read as Parquet: {trouble}",
        state=_UNTOUCHED,
        remedy="fetch the file again",
    )


def _require_columns(path: Path, schema: dict[str, pl.DataType]) -> tuple[str, ...]:
    """Refuse a missing or retyped column; return the columns that nobody reads."""
    for column, expected in _FILE_SCHEMA.items():
        actual = schema.get(column)
        if actual != expected:
            raise SourceShapeError(
                str(path),
                column=column,
                expected=str(expected),
                actual=None if actual is None else str(actual),
                state=f"the file has {listed(list(schema), len(schema))}; {_UNTOUCHED}",
                remedy="extract the file again with the columns that this source reads",
            )
    return tuple(column for column in schema if column not in _FILE_SCHEMA)


def _require_keys(path: Path, found: dict[str, object]) -> None:
    """Refuse an empty file, a key without a value, an unknown exchange and what is no number."""
    exchanges = found["exchanges"]
    strange = [e for e in exchanges if e not in EXCHANGES] if isinstance(exchanges, list) else []
    if found["first"] is None:
        problem = "has no rows"
    elif found["has_nulls"] or found["has_blanks"]:
        problem = "has rows without trade_date, exchange or symbol"
    elif strange:
        problem = f"names exchange {listed(strange)}; known are {listed(EXCHANGES)}"
    elif not found["is_finite"]:
        problem = f"has NaN or an infinite number in {listed(_AMOUNTS)}"
    elif found["has_nul"]:
        problem = f"has the character NUL in {listed(_TEXTS)}"
    else:
        return
    raise SourceError(f"{path} {problem}", state=_UNTOUCHED, remedy="extract the file again")


def _prices(path: Path) -> pl.DataFrame:
    """What `shown_session.continuity` reads, and nothing else, of one file."""
    with _reading(path):
        return (
            pl.scan_parquet(path)
            .select(
                pl.col("trade_date").alias("taken_for"),
                "exchange",
                "symbol",
                pl.col("lastsale").alias("close_usd"),
                previous_close(),
            )
            .collect()
        )


def _read(path: Path, first: date, last: date, source_hash: str) -> pl.DataFrame:
    """The rows of one file between two days, with vendor names."""
    with _reading(path):
        return (
            pl.scan_parquet(path)
            .filter(pl.col("trade_date").is_between(first, last))
            .rename({"trade_date": "taken_for"})
            .with_columns(pl.lit(source_hash).alias("source_hash"))
            .select(list(VENDOR_SCHEMA))
            .collect()
        )


def _first_line(fault: BaseException) -> str:
    return str(fault).splitlines()[0] if str(fault) else type(fault).__name__
