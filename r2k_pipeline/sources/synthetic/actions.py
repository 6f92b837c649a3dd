"""What a reporter of corporate actions tells: contract `reported_actions`.

Symbols are those under which the line was known when the action took effect; a
rename, a merger and a delisting name the symbol that ends with it. All are dated on
the ex or effective session: an ending on the first session without the line.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema, require_shape
from r2k_pipeline.sources.synthetic.lines import EQUITY
from r2k_pipeline.sources.synthetic.listings import SOURCE_NAME
from r2k_pipeline.sources.synthetic.parameters import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from r2k_pipeline.sources.synthetic.dividends import Dividends
    from r2k_pipeline.sources.synthetic.events import Event, Schedule
    from r2k_pipeline.sources.synthetic.prices import Paths

    Row = dict[str, Any]


def report_actions(
    spells: pl.DataFrame,
    paths: Paths,
    schedule: Schedule,
    dividends: Dividends,
    *,
    sessions: Sequence[date],
    source_hash: str,
) -> pl.DataFrame:
    """Report everything that happened to a listed line.

    Returns:
        Contract `reported_actions`, sorted by `session`, `symbol`, `action_type`.
        A change of name alone is not reported.
    """
    book = _Book(spells)
    rows = [
        *_dividends(book, paths, dividends),
        *(row for event in schedule.events for row in _of_event(book, paths, event)),
        *_renames(book),
        *_arrivals_and_departures(book, schedule, len(sessions)),
    ]
    promised = contract("reported_actions")
    columns = {column.name: None for column in promised.columns}
    known = [columns | row for row in rows]
    for row in known:
        row["session"] = sessions[row["session"]]
        row["source"], row["source_hash"] = SOURCE_NAME, source_hash
    frame = pl.DataFrame(known, schema=polars_schema(promised))
    return require_shape(promised, frame.sort("session", "symbol", "action_type"))


class _Book:
    """Under which symbol a line is listed on a session."""

    def __init__(self, spells: pl.DataFrame) -> None:
        self.chains: dict[int, list[Row]] = {}
        self.shares: dict[int, list[int]] = {}
        ordered = spells.sort("line", "first")
        for spell in ordered.iter_rows(named=True):
            chain = self.chains.setdefault(spell["line"], [])
            chain.append(spell)
            if len(chain) == 1 and spell["paper"] in EQUITY:
                self.shares.setdefault(spell["company"], []).append(spell["line"])

    def symbol(self, line: int, session: int) -> str | None:
        """The symbol, or null if the line is not listed then."""
        for spell in self.chains.get(line, []):
            if spell["first"] <= session <= spell["last"]:
                return str(spell["symbol"])
        return None


def _dividends(book: _Book, paths: Paths, dividends: Dividends) -> Iterator[Row]:
    """Regular dividends, to a hundredth of a cent."""
    before = paths.close_usd[dividends.session - 1, dividends.line]
    amounts = np.maximum(np.round(before * dividends.share, 4), 0.0001)
    for session, line, amount in zip(dividends.session, dividends.line, amounts, strict=True):
        symbol = book.symbol(int(line), int(session))
        if symbol is not None:
            yield {
                "session": int(session),
                "symbol": symbol,
                "action_type": "cash_dividend",
                "amount_usd": float(amount),
            }


def _of_event(book: _Book, paths: Paths, event: Event) -> Iterator[Row]:
    """What an event means for each share line of its company."""
    for line in book.shares.get(event.company, []):
        before = book.symbol(line, event.session - 1)
        if before is None:
            continue
        row: Row = {"session": event.session, "symbol": before}
        match event.kind:
            case EventKind.FORWARD_SPLIT | EventKind.REVERSE_SPLIT:
                yield row | {"action_type": "split", "split_factor": event.factor}
            case EventKind.SPECIAL_DIVIDEND:
                close = float(paths.close_usd[event.session - 1, line])
                amount = max(round(close * (event.share or 0.0), 4), 0.0001)
                yield row | {"action_type": "special_dividend", "amount_usd": amount}
            case EventKind.CASH_MERGER:
                yield row | {"action_type": "cash_merger", "amount_usd": paths.terms[line]}
            case EventKind.STOCK_MERGER | EventKind.SPIN_OFF:
                yield row | _in_shares(book, paths, event, line)


def _in_shares(book: _Book, paths: Paths, event: Event, line: int) -> Row:
    """A merger or spin-off that is paid in shares of another company."""
    other = book.shares[event.counterparty][0] if event.counterparty is not None else line
    is_merger = event.kind is EventKind.STOCK_MERGER
    return {
        "action_type": "stock_merger" if is_merger else "spin_off",
        "ratio": paths.terms[line] if is_merger else event.ratio,
        "counterparty_symbol": book.symbol(other, event.session),
    }


def _renames(book: _Book) -> Iterator[Row]:
    """Every change of symbol: the old one, on the first session of the new one."""
    for chain in book.chains.values():
        for old, new in pairwise(chain):
            if old["symbol"] != new["symbol"]:
                yield {
                    "session": new["first"],
                    "symbol": old["symbol"],
                    "action_type": "rename",
                    "counterparty_symbol": new["symbol"],
                }


def _arrivals_and_departures(book: _Book, schedule: Schedule, sessions: int) -> Iterator[Row]:
    """New lines on their first session, and lines that are delisted on the first without them."""
    merged = {event.company for event in schedule.of(EventKind.CASH_MERGER, EventKind.STOCK_MERGER)}
    for chain in book.chains.values():
        first, last = chain[0], chain[-1]
        if first["origin"] != "start":
            yield {
                "session": first["first"],
                "symbol": first["symbol"],
                "action_type": "listing",
            }
        paid_out = last["company"] in merged and last["paper"] in EQUITY
        if last["last"] < sessions - 1 and not paid_out:
            yield {
                "session": last["last"] + 1,
                "symbol": last["symbol"],
                "action_type": "delisting",
            }
