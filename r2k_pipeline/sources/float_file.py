"""A user's float factors: the bytes of a CSV or Parquet file -> one checked row a line and day.

Holds the forms of the file and errors that name file and row. Which lines the symbols were,
and what events and reviews make of the factors, is `methodology.float_factors`.
"""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from math import isfinite
from typing import TYPE_CHECKING

import polars as pl
from polars.exceptions import PanicException, PolarsError

from r2k_pipeline.errors import BadInputError, NotASessionError, listed
from r2k_pipeline.rulebook.sessions import require_session
from r2k_pipeline.rulebook.sources import Certainty
from r2k_pipeline.sources.parquet_pages import unreadable_pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

COLUMNS = ("session", "symbol", "float_factor", "source", "certainty")
_PARQUET_MARK = b"PAR1"
_SCHEMA = {
    "session": pl.Date,
    "symbol": pl.String,
    "float_factor": pl.Float64,
    "source": pl.String,
    "certainty": pl.String,
}

Cells = dict[str, object]


def read_floats(data: bytes, *, file: str) -> pl.DataFrame:
    r"""Read `session,symbol,float_factor,source,certainty`.

    Args:
        data: CSV in UTF-8, with or without a mark, or Parquet; other columns are left alone.
        file: Its name, for errors.

    Returns:
        Those columns, in the order of the file: `session` (from which on it holds), `symbol`
        as written (a ticker of that session or a `security_id`), `float_factor` above 0 and
        at most 1.

    Raises:
        BadInputError: Neither form, a column missing, no row, a day that is no session, a
            factor that is none, a blank, an unknown certainty, or a line twice on one
            session; names file and row.

    Example:
        >>> text = "session,symbol,float_factor,source,certainty\n"
        >>> read_floats((text + "2022-06-24,HAL,0.85,10-K 2021,reported\n").encode(),
        ...             file="f.csv").row(0)
        (datetime.date(2022, 6, 24), 'HAL', 0.85, '10-K 2021', 'reported')
    """
    is_parquet = data.startswith(_PARQUET_MARK)
    rows = _parquet_rows(data, file=file) if is_parquet else _csv_rows(data, file=file)
    checked = [_checked(row, f"{file}, row {number}") for number, row in rows]
    if not checked:
        raise _fault(f"{file} gives no factor", "add a row a line under the header")
    found = pl.DataFrame(checked, schema=_SCHEMA, orient="row")
    again = found.filter(pl.struct("session", "symbol").is_duplicated())
    if not again.is_empty():
        day, symbol = again.select("session", "symbol").row(0)
        raise _fault(f"{file} gives {symbol} twice from {day} on", "keep one row a line and day")
    return found


def _csv_rows(data: bytes, *, file: str) -> Iterator[tuple[int, Cells]]:
    """The rows that are not blank, by their line in the file."""
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _fault(f"{file} is neither CSV in UTF-8 nor Parquet: {error}", _FORM) from error
    names = [cell.lower() for cell in lines[0][1]] if lines else []
    _require_columns(names, file)
    for number, cells in lines[1:]:
        if not any(cells):
            continue
        if len(cells) != len(names):
            culprit = f"{file}, row {number}: {len(cells)} cells under {len(names)} columns"
            raise _fault(culprit, "mend the row")
        yield number, dict(zip(names, cells, strict=True))


def _parquet_rows(data: bytes, *, file: str) -> Iterator[tuple[int, Cells]]:
    trouble = unreadable_pages(io.BytesIO(data), COLUMNS)
    if trouble:
        raise _fault(f"{file} cannot be read as Parquet: {trouble}", _FORM)
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (PolarsError, PanicException, OSError) as error:
        raise _fault(f"{file} cannot be read as Parquet: {error}", _FORM) from error
    named = frame.rename({name: name.lower() for name in frame.columns}, strict=False)
    _require_columns(named.columns, file)
    yield from enumerate(named.select(COLUMNS).iter_rows(named=True), 1)


def _require_columns(names: Sequence[str], file: str) -> None:
    missing = [name for name in COLUMNS if names.count(name) != 1]
    if missing:
        raise _fault(f"{file}: the header must name {' and '.join(missing)} once", _FORM)


def _checked(row: Mapping[str, object], where: str) -> tuple[object, ...]:
    texts = {name: _text(row[name]) for name in ("symbol", "source", "certainty")}
    if not any(character.isalnum() for character in texts["symbol"]):
        raise _fault(f"{where}: no symbol", "mend or remove the row")
    if not texts["source"]:
        raise _fault(f"{where}: no source", "say which document or vendor gives the factor")
    if texts["certainty"] not in set(Certainty):
        known = listed([str(value) for value in Certainty])
        raise _fault(f"{where}: unknown certainty {texts['certainty']!r}", f"name one of {known}")
    return (
        _session(row["session"], where),
        texts["symbol"],
        _factor(row["float_factor"], where),
        texts["source"],
        texts["certainty"],
    )


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()


def _session(cell: object, where: str) -> date:
    try:
        day = cell.date() if isinstance(cell, datetime) else cell
        return require_session(day if isinstance(day, date) else date.fromisoformat(_text(cell)))
    except NotASessionError as error:
        raise _fault(f"{where}: {error.culprit}", error.remedy) from error
    except ValueError as error:
        culprit = f"{where}: session is {_text(cell)!r}, not a day"
        raise _fault(culprit, "write YYYY-MM-DD") from error


def _factor(cell: object, where: str) -> float:
    try:
        factor = float(_text(cell))
    except ValueError:
        factor = 0.0
    if not (isfinite(factor) and 0 < factor <= 1):
        raise _fault(
            f"{where}: float_factor is {_text(cell)!r}, not above 0 and at most 1",
            "give the part of the shares that is free to trade, 0.85 for 85 %",
        )
    return factor


_FORM = f"give a CSV (UTF-8) or Parquet file with the columns {', '.join(COLUMNS)}"


def _fault(culprit: str, remedy: str) -> BadInputError:
    return BadInputError(culprit, state="no float factor was landed", remedy=remedy)
