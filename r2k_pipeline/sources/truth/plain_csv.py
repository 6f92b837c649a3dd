"""Files with one header and one kind of row: lists of symbols, level series, figures.

Each reader takes rows of text and gives a frame as `TruthFile.rows` says. What
makes a file one of these is its header, see `folder`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import SourceError, listed
from r2k_pipeline.sources.truth.table_text import day, day_in, number, records
from r2k_pipeline.sources.truth.truth_file import UNTOUCHED, index_named

if TYPE_CHECKING:
    from collections.abc import Sequence

SYMBOL_COLUMNS = ("symbol", "ticker")
LEVEL_COLUMNS = ("price_level", "total_return_level", "net_total_return_level")
FLOAT_COLUMNS = ("float_factor", "implied_float")
FIGURE_COLUMNS = {
    "r3000_total_cap_usd_tn": ("r3000_total_usd", 1e12),
    "breakpoint_usd_bn": ("breakpoint_usd", 1e9),
    "r2000_smallest_usd_m": ("r2000_smallest_usd", 1e6),
    "r2000_largest_usd_bn": ("r2000_largest_usd", 1e9),
    "r3000_additions": ("r3000_additions", 1.0),
    "r3000_deletions": ("r3000_deletions", 1.0),
}
_ACTIONS = {
    "addition": "addition", "add": "addition", "added": "addition", "enters": "addition",
    "deletion": "deletion", "delete": "deletion", "deleted": "deletion", "leaves": "deletion",
}  # fmt: skip
_YEARS = range(1900, 2201)
_LARGEST_FIGURE = 1e15
_SIDES = ("r1000", "r2000")
_MEMBERS_SCHEMA = {"symbol": pl.String, "index": pl.String}
_CHANGES_SCHEMA = {"symbol": pl.String, "action": pl.String, "index": pl.String}
_FIGURES_SCHEMA = {
    "year": pl.Int32,
    "rank_day": pl.Date,
    "figure": pl.String,
    "value": pl.Float64,
}


def read_members(
    rows: Sequence[Sequence[str]], *, file: str, default_index: str | None
) -> pl.DataFrame:
    """Read `symbol[,index]`.

    Args:
        rows: Header and rows.
        file: The file's name.
        default_index: For a file without the column `index`.

    Raises:
        SourceError: A row has no symbol or no index of ours, or puts one line into
            both the R1000 and the R2000.

    Example:
        >>> rows = [["symbol", "index"], ["AA", "R1000"]]
        >>> read_members(rows, file="f", default_index=None).rows()
        [('AA', 'r1000')]
    """
    found = []
    for number_, record in records(rows, file=file):
        named = record.get("index", default_index or "")
        index_id = index_named(named)
        if index_id is None:
            raise SourceError(
                f"{file}, row {number_}: no index {named!r}",
                state=UNTOUCHED,
                remedy="name R1000, R2000 or R3000 in the column `index`",
            )
        found.append((_symbol(record, file=file, row=number_), index_id))
    rows_ = pl.DataFrame(found, schema=_MEMBERS_SCHEMA, orient="row")
    members = rows_.unique(maintain_order=True)
    sides = members.filter(pl.col("index").is_in(_SIDES))
    twice = sides.group_by("symbol").len().filter(pl.col("len") > 1)
    if not twice.is_empty():
        raise SourceError(
            f"{file} has in the R1000 and in the R2000: {listed(sorted(twice['symbol']))}",
            state=UNTOUCHED,
            remedy="a line is in one of them: mend the list",
        )
    return members


def read_changes(rows: Sequence[Sequence[str]], *, file: str, default_index: str) -> pl.DataFrame:
    """Read `symbol,action[,index]`.

    Raises:
        SourceError: A row has no symbol, no known action or no index of ours.
    """
    found = []
    for number_, record in records(rows, file=file):
        action = _ACTIONS.get(record["action"].lower())
        index_id = index_named(record.get("index", default_index))
        if action is None or index_id is None:
            wrong = f"action {record['action']!r}" if action is None else "index"
            raise SourceError(
                f"{file}, row {number_}: no such {wrong}",
                state=UNTOUCHED,
                remedy="say addition or deletion, and if you name an index R1000, R2000 or R3000",
            )
        found.append((_symbol(record, file=file, row=number_), action, index_id))
    return pl.DataFrame(found, schema=_CHANGES_SCHEMA, orient="row").unique(maintain_order=True)


def read_floats(rows: Sequence[Sequence[str]], *, file: str) -> pl.DataFrame:
    """Read `symbol,float_factor` (or `implied_float`); rows without a number are left out.

    Raises:
        SourceError: A row has no symbol, or something else for a number.
    """
    found = []
    for number_, record in records(rows, file=file):
        column = next(name for name in FLOAT_COLUMNS if name in record)
        factor = number(record[column], file=file, row=number_, column=column)
        found.append((_symbol(record, file=file, row=number_), factor))
    schema = {"symbol": pl.String, "float_factor": pl.Float64}
    return (
        pl.DataFrame(found, schema=schema, orient="row")
        .drop_nulls()
        .unique("symbol", maintain_order=True)
    )


def read_levels(rows: Sequence[Sequence[str]], *, file: str) -> pl.DataFrame:
    """Read `date` and one or more columns of levels; blank levels are left out.

    Raises:
        SourceError: A cell is no date or no positive number, or a day comes twice.
    """
    found = []
    for number_, record in records(rows, file=file):
        session = day(record["date"], file=file, row=number_, column="date")
        for measure in LEVEL_COLUMNS:
            level = number(record.get(measure, ""), file=file, row=number_, column=measure)
            if level is not None and level <= 0:
                raise SourceError(
                    f"{file}, row {number_}: {measure} is {level:g}",
                    state=UNTOUCHED,
                    remedy="a level is above zero: mend the row",
                )
            if level is not None:
                found.append((session, measure, level))
    schema = {"session": pl.Date, "measure": pl.String, "level": pl.Float64}
    series = pl.DataFrame(found, schema=schema, orient="row").sort("measure", "session")
    twice = series.filter(pl.struct("session", "measure").is_duplicated())
    if not twice.is_empty():
        raise SourceError(
            f"{file} has two levels for {twice['session'][0]}",
            state=UNTOUCHED,
            remedy="keep one row a day",
        )
    return series


def read_figures(rows: Sequence[Sequence[str]], *, file: str) -> pl.DataFrame:
    """Read `year` and columns of published figures, in USD and counts, one row a figure.

    Raises:
        SourceError: A cell is no number, or the year none that has figures.

    Example:
        >>> rows = [["year", "rank_day", "breakpoint_usd_bn"], ["2022", "2022-05-06", "4.5"]]
        >>> read_figures(rows, file="f").rows()
        [(2022, datetime.date(2022, 5, 6), 'breakpoint_usd', 4500000000.0)]
    """
    found = []
    for number_, record in records(rows, file=file):
        year = number(record["year"], file=file, row=number_, column="year")
        if year is None:
            continue
        if year not in _YEARS:
            raise SourceError(
                f"{file}, row {number_}: year is {record['year']!r}",
                state=UNTOUCHED,
                remedy=f"give a year from {_YEARS[0]} to {_YEARS[-1]}",
            )
        for column, (figure, unit) in FIGURE_COLUMNS.items():
            value = number(record.get(column, ""), file=file, row=number_, column=column)
            if value is not None and abs(value) > _LARGEST_FIGURE:
                raise SourceError(
                    f"{file}, row {number_}: {column} is {value:g}",
                    state=UNTOUCHED,
                    remedy="give the figure in the unit that the column's name says",
                )
            if value is not None:
                rank_day = day_in(record.get("rank_day", ""))
                found.append((int(year), rank_day, figure, value * unit))
    return pl.DataFrame(found, schema=_FIGURES_SCHEMA, orient="row")


def _symbol(record: dict[str, str], *, file: str, row: int) -> str:
    symbol = next((record[name] for name in SYMBOL_COLUMNS if record.get(name)), "")
    if not symbol:
        raise SourceError(
            f"{file}, row {row}: no symbol", state=UNTOUCHED, remedy="mend or remove the row"
        )
    return symbol
