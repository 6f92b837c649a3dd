"""A folder of truth: every file recognised by what is in it, or refused by name.

To take another kind of file, add how its header is recognised to `_kind`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import SourceError, missing_path
from r2k_pipeline.sources.truth.holdings_csv import header_place, read_holdings
from r2k_pipeline.sources.truth.plain_csv import (
    FIGURE_COLUMNS,
    FLOAT_COLUMNS,
    LEVEL_COLUMNS,
    SYMBOL_COLUMNS,
    read_changes,
    read_figures,
    read_floats,
    read_levels,
    read_members,
)
from r2k_pipeline.sources.truth.table_text import table_rows
from r2k_pipeline.sources.truth.truth_file import (
    UNTOUCHED,
    TruthFile,
    TruthKind,
    Unsaid,
    day_named,
    index_named,
    require_index_named,
    session_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

_HASH_CHARACTERS = 16
_LARGEST_BYTES = 64 * 1024 * 1024
_FUND_WORDS = ("holding", "fund", "etf")
_WIDEST_INDEX = "r3000"
FORMATS = (
    "symbol,index (members) · symbol,action (changes) · date,price_level (levels) · "
    "year,breakpoint_usd_bn,... (published figures) · symbol,float_factor · "
    "holdings as iShares publishes them"
)


def read_truth(
    path: Path, *, session: date | None = None, index_id: str | None = None
) -> tuple[TruthFile, ...]:
    """Read every file of a folder, or one file.

    Args:
        path: A folder of CSV files (folders inside it and hidden files are not
            looked at), or one such file.
        session: For lists that name no day.
        index_id: For lists and series that name no index.

    Returns:
        The files by name.

    Raises:
        BadInputError: Nothing is there.
        SourceError: The folder is empty, or a file is none of `FORMATS` or breaks
            its format; names file and row.
    """
    if not path.exists():
        raise missing_path(path, "truth")
    visible = [p for p in path.iterdir() if p.is_file()] if path.is_dir() else [path]
    paths = sorted(file for file in visible if not file.name.startswith("."))
    if not paths:
        raise SourceError(
            f"{path} holds no file", state=UNTOUCHED, remedy=f"put CSV files there: {FORMATS}"
        )
    unsaid = Unsaid(session=session, index_id=index_id)
    return tuple(_read(file, unsaid) for file in paths)


def _read(path: Path, unsaid: Unsaid) -> TruthFile:
    if path.stat().st_size > _LARGEST_BYTES:
        raise _unknown(path.name, "it is larger than 64 MB")
    if path.suffix.lower() not in {".csv", ".txt"}:
        raise _unknown(path.name, "it is no CSV file")
    data = path.read_bytes()
    rows = table_rows(data, file=path.name)
    header = header_place(rows)
    digest = hashlib.sha256(data).hexdigest()[:_HASH_CHARACTERS]
    if header is not None:
        return _holdings(path, rows, header=header, unsaid=unsaid, digest=digest)
    return _plain(path, rows, unsaid=unsaid, digest=digest)


def _holdings(
    path: Path, rows: Sequence[Sequence[str]], *, header: int, unsaid: Unsaid, digest: str
) -> TruthFile:
    found = read_holdings(rows, header=header, file=path.name)
    index_id = require_index_named(path.name, found.fund, path.stem, unsaid=unsaid)
    return TruthFile(
        subject=path.stem,
        kind=TruthKind.HOLDINGS,
        session=session_of(path.name, found.day or day_named(path.stem) or unsaid.session),
        index_id=index_id,
        rows=found.rows.select("symbol", pl.lit(index_id).alias("index"), "weight"),
        source_hash=digest,
        note=found.note,
    )


def _plain(path: Path, rows: Sequence[Sequence[str]], *, unsaid: Unsaid, digest: str) -> TruthFile:
    kind = _kind(path, {cell.lower() for cell in rows[0]} if rows else set())
    index_id = index_named(path.stem) or unsaid.index_id
    if kind is TruthKind.LEVELS:
        index_id = require_index_named(path.name, path.stem, unsaid=unsaid)
    dated = kind not in {TruthKind.LEVELS, TruthKind.FIGURES}
    day = session_of(path.name, day_named(path.stem) or unsaid.session) if dated else None
    found = _rows(kind, rows, file=path.name, index_id=index_id)
    if found.is_empty():
        raise _unknown(path.name, "it has a header and nothing under it")
    return TruthFile(
        subject=path.stem, kind=kind, session=day, index_id=index_id, rows=found, source_hash=digest
    )


def _kind(path: Path, header: set[str]) -> TruthKind:
    """What a file with this header is.

    Raises:
        SourceError: Nothing that is known.
    """
    has_symbol = not header.isdisjoint(SYMBOL_COLUMNS)
    if has_symbol and "action" in header:
        return TruthKind.CHANGES
    if has_symbol and not header.isdisjoint(FLOAT_COLUMNS):
        return TruthKind.FLOATS
    if has_symbol:
        is_fund = any(word in path.stem.lower() for word in _FUND_WORDS)
        return TruthKind.HOLDINGS if is_fund else TruthKind.MEMBERS
    if "date" in header and not header.isdisjoint(LEVEL_COLUMNS):
        return TruthKind.LEVELS
    if "year" in header and not header.isdisjoint(FIGURE_COLUMNS):
        return TruthKind.FIGURES
    raise _unknown(path.name, "its first row is no header that is known")


def _rows(
    kind: TruthKind, rows: Sequence[Sequence[str]], *, file: str, index_id: str | None
) -> pl.DataFrame:
    match kind:
        case TruthKind.CHANGES:
            return read_changes(rows, file=file, default_index=index_id or _WIDEST_INDEX)
        case TruthKind.FLOATS:
            return read_floats(rows, file=file)
        case TruthKind.LEVELS:
            return read_levels(rows, file=file)
        case TruthKind.FIGURES:
            return read_figures(rows, file=file)
        case TruthKind.HOLDINGS:
            members = read_members(rows, file=file, default_index=index_id)
            return members.with_columns(weight=pl.lit(None, pl.Float64))
        case TruthKind.MEMBERS:
            return read_members(rows, file=file, default_index=index_id)


def _unknown(file: str, why: str) -> SourceError:
    return SourceError(
        f"{file} is not a file to compare with: {why}",
        state=UNTOUCHED,
        remedy=f"move it away, or give it one of these forms: {FORMATS}",
    )
