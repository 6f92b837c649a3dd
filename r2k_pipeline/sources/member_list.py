"""A user's list of members, `symbol,index`: the bytes of a CSV -> one checked row a symbol.

Holds the forms that such a list may have, and errors that name file and row. Which
companies the symbols were is `methodology.initial_members`; lists that are only
compared with are read by `truth`.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.rulebook.family import Segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLUMNS = ("symbol", "index")
SEGMENTS: Mapping[str, Segment] = {
    "r1000": Segment.LARGE,
    "large": Segment.LARGE,
    "r2000": Segment.SMALL,
    "small": Segment.SMALL,
    "rmicro": Segment.MICRO,
    "micro": Segment.MICRO,
}


def read_member_list(data: bytes, *, file: str) -> pl.DataFrame:
    r"""Read `symbol,index`; other columns are left alone.

    Args:
        data: CSV in UTF-8, with or without a mark.
        file: Its name, for errors.

    Returns:
        `symbol` as written and `segment` (large, small or micro), in the order of the
        file; blank lines are skipped.

    Raises:
        BadInputError: No text, a column missing, a row too short or too long, a blank
            symbol, an unknown index, a symbol twice, or no row at all; names file and row.

    Example:
        >>> read_member_list(b"symbol,index\nBRK.B,R1000\naan,small\n", file="m.csv").rows()
        [('BRK.B', 'large'), ('aan', 'small')]
    """
    rows = list(_rows(data, file=file))
    found = [_member(row, file=file, number=number) for number, row in rows]
    if not found:
        raise _fault(f"{file} lists no member", "add a row a member under the header")
    schema = {"symbol": pl.String, "segment": pl.String}
    members = pl.DataFrame(found, schema=schema, orient="row")
    # As spelt: without punctuation two lines may read the same.
    again = (~members["symbol"].str.to_uppercase().is_first_distinct()).arg_true()
    if not again.is_empty():
        place = again[0]
        raise _fault(
            f"{file}, row {rows[place][0]}: {members['symbol'][place]} is listed already",
            "keep one row a symbol; a company of the R2000 is no row of RMICRO too",
        )
    return members


def _rows(data: bytes, *, file: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows that are not blank, by number, with lower-case column names."""
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _fault(f"{file} is no CSV in UTF-8: {error}", "save it as CSV (UTF-8)") from error
    names = [cell.lower() for cell in lines[0][1]] if lines else []
    missing = [name for name in COLUMNS if names.count(name) != 1]
    if missing:
        raise _fault(
            f"{file}, row 1: the header must name {' and '.join(missing)} once",
            "begin the file with the line symbol,index",
        )
    for number, cells in lines[1:]:
        if not any(cells):
            continue
        if len(cells) != len(names):
            culprit = f"{file}, row {number}: {len(cells)} cells under {len(names)} columns"
            raise _fault(culprit, "mend the row")
        yield number, dict(zip(names, cells, strict=True))


def _member(row: Mapping[str, str], *, file: str, number: int) -> tuple[str, str]:
    symbol, index = row["symbol"], row["index"]
    if not any(character.isalnum() for character in symbol):
        raise _fault(f"{file}, row {number}: no symbol", "mend or remove the row")
    segment = SEGMENTS.get(index.lower())
    if segment is None:
        known = ", ".join(SEGMENTS)
        raise _fault(f"{file}, row {number}: unknown index {index!r}", f"name one of {known}")
    return symbol, segment.value


def _fault(culprit: str, remedy: str) -> BadInputError:
    return BadInputError(culprit, state="no member was read and nothing was built", remedy=remedy)
