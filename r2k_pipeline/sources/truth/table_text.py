"""The bytes of a user's CSV as rows of text, and single cells as values.

Holds decoding and parsing, with errors that name file and line. What the
columns mean is told by the readers.
"""

from __future__ import annotations

import csv
import re
from datetime import UTC, date, datetime
from io import StringIO
from math import isfinite
from typing import TYPE_CHECKING

from r2k_pipeline.errors import SourceError, listed
from r2k_pipeline.sources.truth.truth_file import UNTOUCHED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ENCODINGS = ("utf-8-sig", "cp1252")
_WIDEST_ROW, _MOST_ROWS = 1_000, 1_000_000
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# A decimal comma must not pass for one between thousands: 1.234,50 is not 1.2345.
_WITH_COMMAS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_DAY_FORMS = ("%Y-%m-%d", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%m/%d/%Y", "%Y%m%d")


def table_rows(data: bytes, *, file: str) -> list[list[str]]:
    r"""Parse a CSV, keeping ragged and blank lines.

    Args:
        data: UTF-8 with or without a mark, or Windows-1252.
        file: Its name, for errors.

    Raises:
        SourceError: The bytes are no text, or no CSV, or longer or wider than any list.

    Example:
        >>> table_rows(b'\xef\xbb\xbfsymbol,index\r\nA, R1000\r\n', file="members.csv")
        [['symbol', 'index'], ['A', 'R1000']]
    """
    reader = csv.reader(StringIO(_decoded(data, file=file), newline=""), strict=False)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if len(row) > _WIDEST_ROW:
                raise _no_list(file, reader.line_num, f"a row of {len(row):,} cells")
            if len(rows) == _MOST_ROWS:
                raise _no_list(file, reader.line_num, f"more than {_MOST_ROWS:,} rows")
            rows.append([cell.replace("\N{NO-BREAK SPACE}", " ").strip() for cell in row])
    except csv.Error as error:
        raise _no_list(file, reader.line_num, str(error)) from error
    return rows


def _no_list(file: str, line: int, what: str) -> SourceError:
    return SourceError(
        f"{file}, after line {line}: {what}",
        state=UNTOUCHED,
        remedy="save it again as a plain CSV",
    )


def _decoded(data: bytes, *, file: str) -> str:
    if b"\0" not in data and not data.startswith(_UTF16_MARKS):
        for encoding in _ENCODINGS:
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
    raise SourceError(
        f"{file} is not text in UTF-8",
        state=UNTOUCHED,
        remedy="save it as CSV (UTF-8); workbooks and archives are not read",
    )


def records(
    rows: Sequence[Sequence[str]], *, file: str, header: int = 0
) -> Iterator[tuple[int, dict[str, str]]]:
    """Give the rows under a header as mappings from lower-case column names.

    Args:
        rows: As `table_rows` gives them.
        file: Its name, for errors.
        header: The place of the header's row.

    Yields:
        The number of the row, counted from 1, and its cells; blank rows are skipped.

    Raises:
        SourceError: A row has fewer cells than the header, or the header names a column twice.
    """
    names = [cell.lower() for cell in rows[header]]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise SourceError(
            f"{file}, row {header + 1}: the header names {listed(twice)} twice",
            state=UNTOUCHED,
            remedy="keep one of the columns",
        )
    for number, row in enumerate(rows[header + 1 :], header + 2):
        if not any(row):
            continue
        if len(row) < len(names):
            raise SourceError(
                f"{file}, row {number}: {len(row)} cells under {len(names)} columns",
                state=UNTOUCHED,
                remedy="mend the row",
            )
        yield number, dict(zip(names, row, strict=False))


def number_in(cell: str) -> float | None:
    """Read a number with or without thousands commas; None for a blank or a dash.

    Raises:
        ValueError: The cell holds something else.

    Example:
        >>> number_in("1,234.5"), number_in("-"), number_in("")
        (1234.5, None, None)
    """
    if cell in {"", "-", "--"}:
        return None
    if "," in cell and not _WITH_COMMAS.fullmatch(cell):
        raise ValueError(cell)
    found = float(cell.replace(",", ""))
    if not isfinite(found):
        raise ValueError(cell)
    return found


def number(cell: str, *, file: str, row: int, column: str) -> float | None:
    """Read a number, as `number_in`.

    Raises:
        SourceError: The cell holds something else; names it.
    """
    try:
        return number_in(cell)
    except ValueError as error:
        raise _bad_cell(cell, "a number", file=file, row=row, column=column) from error


def day_in(cell: str) -> date | None:
    """Read a day in one of the usual forms; None if it is none.

    Example:
        >>> day_in("May 05, 2026"), day_in("2022-06-27"), day_in("-") is None
        (datetime.date(2026, 5, 5), datetime.date(2022, 6, 27), True)
    """
    for form in _DAY_FORMS:
        try:
            return datetime.strptime(cell, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None


def day(cell: str, *, file: str, row: int, column: str) -> date:
    """Read a day, as `day_in`.

    Raises:
        SourceError: The cell holds something else; names it.
    """
    found = day_in(cell)
    if found is None:
        raise _bad_cell(cell, "a date", file=file, row=row, column=column)
    return found


def _bad_cell(cell: str, wanted: str, *, file: str, row: int, column: str) -> SourceError:
    return SourceError(
        f"{file}, row {row}: {column} is {cell!r}, not {wanted}",
        state=UNTOUCHED,
        remedy="mend the cell",
    )
