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
from r2k_pipeline.sources.synthetic.draws import OFFERS, STOCK_OFFERS
from r2k_pipeline.sources.synthetic.lines import EQUITY
from r2k_pipeline.sources.synthetic.listings import SOURCE_NAME
from r2k_pipeline.sources.synthetic.parameters import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from r2k_pipeline.sources.synthetic.dividends import Dividends
    from r2k_pipeline.sources.synthetic.draws import Event
    from r2k_pipeline.sources.synthetic.events import Schedule
    from r2k_pipeline.sources.synthetic.prices import Paths

    Row = dict[str, Any]

# What a reporter calls kinds of event that have another name here.
_CALLED = {
    EventKind.FORWARD_SPLIT: "split",
    EventKind.REVERSE_SPLIT: "split",
    EventKind.PARTIAL_TENDER: "tender_offer",
    EventKind.TENDER_TAKEOVER: "tender_offer",
}


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
        *_arrivals_and_departures(book, paths, schedule, len(sessions)),
    ]
    promised = contract("reported_actions")
    columns = {column.name: None for column in promised.columns}
    known = [columns | row for row in rows]
    for row in known:
        row["session"] = sessions[row["session"]]
        late = row["announced_session"]
        row["announced_session"] = None if late is None else sessions[late]
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
        if event.is_late:
            row["announced_session"] = event.session
        close = float(paths.close_usd[event.session - 1, line])
        told = _terms(book, paths, event, line, close)
        if told is not None:
            yield row | told


def _terms(book: _Book, paths: Paths, event: Event, line: int, close: float) -> Row | None:
    """Kind and terms of an event, for a line that closed at a price before; None: nothing told."""
    share, kind = event.share or 0.0, event.kind
    if kind is EventKind.SPIN_OFF:
        return _in_shares(book, paths, event, line) | _when_issued(event, close)
    if kind in STOCK_OFFERS:
        return _in_shares(book, paths, event, line) | {"amount_usd": paths.cash.get(line)}
    paid = {"amount_usd": max(round(close * share, 4), 0.0001)}
    told: dict[EventKind, Row] = {
        EventKind.FORWARD_SPLIT: {"split_factor": event.factor},
        EventKind.REVERSE_SPLIT: {"split_factor": event.factor},
        EventKind.SHARE_CHANGE: {"ratio": event.factor},
        EventKind.SPECIAL_DIVIDEND: paid,
        EventKind.RETURN_OF_CAPITAL: paid,
        EventKind.RIGHTS_ISSUE: {
            "ratio": event.ratio,
            "amount_usd": max(round(close * (1.0 - share), 2), 0.01),
        },
        EventKind.PARTIAL_TENDER: {
            "ratio": event.ratio,
            "amount_usd": round(close * (1.0 + share), 2),
        },
        EventKind.TENDER_TAKEOVER: {"ratio": event.ratio, "amount_usd": paths.terms.get(line)},
        EventKind.CASH_MERGER: {"amount_usd": paths.terms.get(line)},
        EventKind.HALT: {},
    }
    if kind not in told:
        return None
    return {"action_type": _CALLED.get(kind, kind.value)} | told[kind]


def _when_issued(event: Event, close: float) -> Row:
    """Every other child has a price before it trades: its part of the parent's last close."""
    if event.company % 2:
        return {}
    return {"amount_usd": round(close * (event.share or 0.0) / (event.ratio or 1.0), 4)}


def _in_shares(book: _Book, paths: Paths, event: Event, line: int) -> Row:
    """A merger or spin-off that is paid in shares of another company."""
    other = book.shares[event.counterparty][0] if event.counterparty is not None else line
    is_spin_off = event.kind is EventKind.SPIN_OFF
    return {
        "action_type": "spin_off" if is_spin_off else "stock_merger",
        "ratio": event.ratio if is_spin_off else paths.terms[line],
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


def _arrivals_and_departures(
    book: _Book, paths: Paths, schedule: Schedule, sessions: int
) -> Iterator[Row]:
    """New lines on their first session, and lines that end on the first without them."""
    merged = {event.company for event in schedule.of(*OFFERS)}
    ruins = [event.company for event in schedule.of(EventKind.BANKRUPTCY)]
    ruined = {company: place for place, company in enumerate(ruins)}
    for chain in book.chains.values():
        first, last = chain[0], chain[-1]
        if first["origin"] != "start":
            yield {
                "session": first["first"],
                "symbol": first["symbol"],
                "action_type": "listing",
            }
        is_equity = last["paper"] in EQUITY
        if last["last"] >= sessions - 1 or (last["company"] in merged and is_equity):
            continue
        row: Row = {"session": last["last"] + 1, "symbol": last["symbol"]}
        if last["company"] in ruined and is_equity:
            close = float(paths.close_usd[last["last"], last["line"]])
            yield row | _ruin(ruined[last["company"]], close)
        else:
            yield row | {"action_type": "delisting"}


def _ruin(place: int, close: float) -> Row:
    """Every other of the ruined goes on over the counter for less; the others stop for good."""
    if place % 2:
        return {"action_type": "delisting", "amount_usd": max(round(close / 2, 4), 0.0001)}
    return {"action_type": "bankruptcy"}
