"""Holdings of an index fund in the CSV that iShares publishes.

A preamble with the fund's name and day, one header, a row a position, and legal
text behind. Only listed shares are kept: cash, collateral, futures and rights
without a market are no members of an index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import SourceError
from r2k_pipeline.sources.truth.table_text import day_in, number
from r2k_pipeline.sources.truth.truth_file import UNTOUCHED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

_TICKER, _CLASS, _WEIGHT, _EXCHANGE = "ticker", "asset class", "weight (%)", "exchange"
_DAY_LABEL = "fund holdings as of"
_PREAMBLE_ROWS = 40
_NO_TICKER = {"", "-", "--"}
_UNLISTED = "NO MARKET"
_SCHEMA = {"symbol": pl.String, "weight": pl.Float64}


@dataclass(frozen=True, kw_only=True)
class FundHoldings:
    """What a fund's file says.

    Args:
        fund: The first line that says anything: the fund's name.
        day: The day of the holdings, if told.
        rows: `symbol` as the fund writes it, `weight` (0 to 1; null if not told).
        note: What was left out, in words; or empty.
    """

    fund: str
    day: date | None
    rows: pl.DataFrame
    note: str


def header_place(rows: Sequence[Sequence[str]]) -> int | None:
    """Find the header of positions; None if the file has none."""
    for place, row in enumerate(rows[:_PREAMBLE_ROWS]):
        names = {cell.lower() for cell in row}
        if row and row[0].lower() == _TICKER and {_CLASS, _WEIGHT} <= names:
            return place
    return None


def read_holdings(rows: Sequence[Sequence[str]], *, header: int, file: str) -> FundHoldings:
    """Read the positions in listed shares.

    Args:
        rows: As `table_text.table_rows` gives them.
        header: As `header_place` found it.
        file: The file's name.

    Raises:
        SourceError: A weight is no number, or no share is left.

    Example:
        >>> text = [["Fund"], ["Ticker", "Asset Class", "Weight (%)"],
        ...         ["BRKB", "Equity", "1.50"], ["XTSLA", "Cash", "0.1"], [], ["Legal", "text"]]
        >>> read_holdings(text, header=1, file="f.csv").rows.rows()
        [('BRKB', 0.015)]
    """
    kept: list[tuple[str, float | None]] = []
    left_out: dict[str, int] = {}
    for number_, position in _positions(rows, header):
        why = _left_out(position)
        if why:
            left_out[why] = left_out.get(why, 0) + 1
            continue
        weight = number(position[_WEIGHT], file=file, row=number_, column=_WEIGHT)
        kept.append((position[_TICKER], None if weight is None else weight / 100))
    if not kept:
        raise SourceError(
            f"{file} has no position in listed shares",
            state=UNTOUCHED,
            remedy="save the fund's whole holdings file again",
        )
    shares = pl.DataFrame(kept, schema=_SCHEMA, orient="row")
    preamble = [row for row in rows[:header] if any(row)]
    return FundHoldings(
        fund=preamble[0][0] if preamble else "",
        day=next((day_in(row[1]) for row in preamble if _is_day_row(row)), None),
        rows=shares.group_by("symbol", maintain_order=True).agg(
            pl.when(pl.col("weight").is_not_null().any()).then(pl.col("weight").sum())
        ),
        note=", ".join(f"{count:,} {why}" for why, count in sorted(left_out.items())),
    )


def _positions(rows: Sequence[Sequence[str]], header: int) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows down to the first that is not as wide as the header: there the legal text begins."""
    names = [cell.lower() for cell in rows[header]]
    for number_, row in enumerate(rows[header + 1 :], header + 2):
        if len(row) < len(names):
            return
        yield number_, dict(zip(names, row, strict=False))


def _left_out(position: dict[str, str]) -> str | None:
    """Why a position is no listed share; None if it is one."""
    if position[_CLASS].lower() != "equity":
        return "not equity"
    if position[_TICKER] in _NO_TICKER:
        return "without ticker"
    if position.get(_EXCHANGE, "").upper().startswith(_UNLISTED):
        return "unlisted"
    return None


def _is_day_row(row: Sequence[str]) -> bool:
    return len(row) > 1 and row[0].lower().startswith(_DAY_LABEL)
