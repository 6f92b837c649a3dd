"""A user's fundamentals: the bytes of a CSV -> one checked row a symbol and event.

Holds the form of the file and errors that name file and row. Which companies the
symbols were, and what is made of the numbers, is `methodology.style`'s and its asset's.
"""

from __future__ import annotations

import csv
import io
from math import isfinite
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import BadInputError, missing_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VARIABLES = ("book_to_price", "growth_forecast", "sales_growth")
COLUMNS = ("event", "symbol", *VARIABLES, "analysts")
_MOST_ANALYSTS = 10_000


def fundamentals_bytes(path: Path | None) -> bytes:
    """The bytes of the file that the settings name; none without a file.

    Raises:
        BadInputError: There is no such file.
    """
    if path is None:
        return b""
    if not path.is_file():
        raise missing_path(path, "file of fundamentals")
    return path.read_bytes()


def read_fundamentals(data: bytes, *, file: str) -> pl.DataFrame:
    r"""Read `event,symbol,book_to_price,growth_forecast,sales_growth,analysts`.

    Args:
        data: CSV in UTF-8, with or without a mark; other columns are left alone.
        file: Its name, for errors.

    Returns:
        `event_id`, `symbol` as written, the three variables and `analysts`; an empty cell
        is null. In the order of the file.

    Raises:
        BadInputError: No text, a column missing, a cell that is no number, no symbol, or a
            symbol twice at one event; names file and row.

    Example:
        >>> text = "event,symbol,book_to_price,growth_forecast,sales_growth,analysts\n"
        >>> read_fundamentals((text + "2022-06,BRK.B,0.7,,0.05,2\n").encode(), file="f.csv").row(0)
        ('2022-06', 'BRK.B', 0.7, None, 0.05, 2)
    """
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _fault(f"{file} is no CSV in UTF-8: {error}") from error
    names = list(reader.fieldnames or ())
    missing = [name for name in COLUMNS if names.count(name) != 1]
    if missing:
        raise _fault(f"{file}, row 1: the header must name {', '.join(missing)} once")
    found = pl.DataFrame(
        [_row(row, f"{file}, row {number}") for number, row in rows],
        schema={
            "event_id": pl.String,
            "symbol": pl.String,
            **dict.fromkeys(VARIABLES, pl.Float64),
            "analysts": pl.Int32,
        },
        orient="row",
    )
    again = found.select(pl.struct("event_id", "symbol").is_duplicated()).to_series()
    if again.any():
        symbol, event_id = found.filter(again).select("symbol", "event_id").row(0)
        raise _fault(f"{file} has {symbol} twice at {event_id}")
    return found


def _row(row: Mapping[str, str | None], where: str) -> tuple[object, ...]:
    cells = {name: (row[name] or "").strip() for name in COLUMNS}
    if not cells["event"] or not cells["symbol"]:
        raise _fault(f"{where}: no event or no symbol")
    try:
        numbers = [float(cells[name]) if cells[name] else None for name in VARIABLES]
        analysts = int(cells["analysts"]) if cells["analysts"] else None
    except ValueError as error:
        raise _fault(f"{where}: {error}") from error
    for name, number in zip(VARIABLES, numbers, strict=True):
        if number is not None and not isfinite(number):
            raise _fault(f"{where}: {name} is {cells[name]!r}, not a number")
    if analysts is not None and not 0 <= analysts <= _MOST_ANALYSTS:
        raise _fault(f"{where}: analysts is {cells['analysts']!r}, not 0 to {_MOST_ANALYSTS:,}")
    return (cells["event"], cells["symbol"], *numbers, analysts)


def _fault(culprit: str) -> BadInputError:
    return BadInputError(
        culprit,
        state="no fundamentals were read",
        remedy=f"give a CSV with the columns {', '.join(COLUMNS)}",
    )
