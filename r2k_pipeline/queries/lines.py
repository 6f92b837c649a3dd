"""Which share line a symbol means on a day.

A ticker is a dated attribute of a line: the same company is found under the
name it had then, the name it has now, and the usual spellings of a class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.queries.addressing import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from r2k_pipeline.storage.store import Store


def spellings(symbol: str) -> list[str]:
    """List the ways in which feeds spell one symbol.

    Example:
        >>> spellings("brk.b")
        ['BRK.B', 'BRK/B', 'BRK-B']
    """
    name = symbol.strip().upper()
    marks = [mark for mark in "./-" if mark in name]
    if not marks:
        return [name]
    forms = [name] + [name.replace(marks[0], mark) for mark in "./-"]
    return list(dict.fromkeys(forms))


def find_line(
    store: Store, universe: pl.DataFrame, symbol: str, *, rank_day: date
) -> Mapping[str, object]:
    """Find the `universe` row that a symbol means on a rank day.

    Args:
        store: The open store; `securities` is read only if the symbol was not
            in use on that day.
        universe: Contract `universe`, the rank day's rows.
        symbol: A ticker of that day, or of another day of the same line.
        rank_day: The day, for the error.

    Raises:
        BadInputError: No such line on that day; names close matches, or the
            sessions on which the symbol was listed.
    """
    forms = spellings(symbol)
    found = universe.filter(pl.col("symbol").is_in(forms))
    if found.is_empty():
        spans = store.lake.scan("securities").filter(pl.col("symbol").is_in(forms)).collect()
        found = universe.join(spans.select("security_id").unique(), on="security_id", how="semi")
        if found.is_empty():
            raise _unknown(symbol, universe, spans, rank_day=rank_day)
    return found.sort("is_eligible", "security_id", descending=[True, False]).row(0, named=True)


def _unknown(
    symbol: str, universe: pl.DataFrame, spans: pl.DataFrame, *, rank_day: date
) -> BadInputError:
    if spans.is_empty():
        near = did_you_mean(symbol.strip().upper(), universe.get_column("symbol").to_list())
        return BadInputError(
            f"no symbol {symbol!r} was listed on the rank day {rank_day}{near}",
            state="nothing was read",
            remedy="check the symbol; it is the ticker of that day that counts",
        )
    first, last = min(spans["first_session"]), max(spans["last_session"])
    return BadInputError(
        f"{symbol} was not listed on the rank day {rank_day}: it was from {first} to {last}",
        state="nothing was read",
        remedy="choose an event whose rank day lies in that time",
    )
