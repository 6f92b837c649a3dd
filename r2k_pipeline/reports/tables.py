"""A frame for a terminal or for a machine.

Holds how columns are shown by the unit in their name, and the four formats of
the command. Names from feeds may hold anything: they are shown as plain text,
without markup and without control characters.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from io import BytesIO
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from r2k_pipeline.queries.wording import NONE_SHOWN, percent, usd

if TYPE_CHECKING:
    import polars as pl

_RUN_BY_SPREADSHEETS = r"^([=+\-@\t\r])"
SHOWN_ROWS = 20
_NAME_WIDTH = 20
_WHOLE_FROM = 1e6
_LEAST_WIDTH = 14
_LEAST_REASON_WIDTH = 26
_HEADING_WIDTH = 10
_UNITS = ("_usd", "_share", "_pct")
_WRAPPED = frozenset({"reason", "sentence", "threshold", "remedy", "value", "actual"})
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_FRACTIONS = ("_share", "_weight", "_return")
_FRACTION_NAMES = frozenset({"weight", "float"})


class Format(StrEnum):
    """How a command prints its answer."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def encoded(frame: pl.DataFrame, form: Format) -> bytes:
    r"""Encode a frame for a machine.

    Args:
        frame: Any frame with plain columns.
        form: `csv` (with a header), `json` (an array of records) or `parquet`. CSV is
            opened in spreadsheets: a text that one would run as a formula begins with an
            apostrophe there. The others give every text as it is.

    Example:
        >>> import polars as pl
        >>> encoded(pl.DataFrame({"a": [1]}), Format.CSV)
        b'a\n1\n'
    """
    buffer = BytesIO()
    match form:
        case Format.JSON:
            frame.write_json(buffer)
            buffer.write(b"\n")
        case Format.PARQUET:
            frame.write_parquet(buffer)
        case _:
            _inert(frame).write_csv(buffer)
    return buffer.getvalue()


def _inert(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with an apostrophe before each text that a spreadsheet would run."""
    texts = [column for column in frame if str(column.dtype) == "String"]
    return frame.with_columns(column.str.replace(_RUN_BY_SPREADSHEETS, "'$1") for column in texts)


def plain(text: str) -> str:
    r"""Replace everything that a terminal would obey instead of show.

    Example:
        >>> plain("ACME\x1b[31m Inc")
        'ACME�[31m Inc'
    """
    return "".join(char if char.isprintable() else _REPLACEMENT for char in text)


def shown(value: object, column: str) -> str:
    """Phrase one value by the unit that its column's name states.

    Example:
        >>> shown(4.57e9, "breakpoint_usd"), shown(0.0123, "weight"), shown(None, "rank")
        ('$4.57 bn', '1.230 %', '—')
    """
    if value is None:
        return NONE_SHOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float):
        return _number(value, column)
    return plain(str(value))


def _number(value: float, column: str) -> str:
    if column.endswith("_usd"):
        return usd(value)
    if column.endswith(_FRACTIONS) or column in _FRACTION_NAMES:
        return percent(value, 3 if column == "weight" else 2)
    if column.endswith("_pct"):
        return f"{value:,.1f} %"
    if isinstance(value, int):
        return f"{value:,}"
    if column.endswith("_shares") or abs(value) >= _WHOLE_FROM:
        return f"{value:,.0f}"
    return f"{value:,.6g}" if abs(value) < 1 else f"{value:,.2f}"


def members_table(held: pl.DataFrame, *, title: str) -> Table:
    """Set the largest members; identifiers are for machines."""
    columns = ("symbol", "name", "weight", "index_shares", "market_cap_usd", "segment", "status")
    return terminal_table(held.select(columns), title=title)


def last_rows(found: pl.DataFrame, what: str) -> list[Table]:
    """Set the last rows of a series, saying how long it is.

    Args:
        found: Rows in the order of `session`.
        what: What the series is.
    """
    tail = found.tail(SHOWN_ROWS)
    span = f"{found['session'][0]} to {found['session'][-1]}"
    title = f"{what}, {span}: the last {tail.height} of {found.height:,} rows"
    return [terminal_table(tail, title=title)]


def heading(column: str) -> str:
    r"""Head a column for people: its unit stands with the values.

    Example:
        >>> heading("total_market_cap_usd"), heading("rank")
        ('total\nmarket cap', 'rank')
    """
    words = column
    for suffix in _UNITS:
        words = words.removesuffix(suffix)
    return "\n".join(wrap(words.replace("_", " "), width=_HEADING_WIDTH))


def _least_width(column: str) -> int:
    return _LEAST_REASON_WIDTH if column == "reason" else _LEAST_WIDTH


def terminal_table(frame: pl.DataFrame, *, title: str, rows: int | None = SHOWN_ROWS) -> Table:
    """Lay a frame out for a terminal, the first `rows` of it.

    Args:
        frame: Any frame with plain columns.
        title: What it shows.
        rows: How many rows are shown; a caption counts the rest. None is all.
    """
    head = frame if rows is None else frame.head(rows)
    rest = frame.height - head.height
    caption = f"and {rest:,} more; --format csv, json or parquet gives all" if rest else None
    table = Table(
        title=Text(plain(title), style="bold"),
        title_justify="left",
        title_style="",
        caption=caption,
        caption_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 0, 0, 1),
    )
    cells = {name: [shown(value, name) for value in head[name]] for name in frame.columns}
    for name, dtype in frame.schema.items():
        is_number = dtype.is_numeric()
        widest = max(map(len, cells[name]), default=0)
        table.add_column(
            Text(heading(name)),
            justify="right" if is_number else "left",
            vertical="top",
            no_wrap=is_number or name not in _WRAPPED,
            min_width=widest if is_number else min(widest, _least_width(name)),
            max_width=_NAME_WIDTH if name == "name" else None,
        )
    for row in zip(*cells.values(), strict=True):
        table.add_row(*map(Text, row))
    return table
