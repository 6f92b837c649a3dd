"""Under which symbol and name each line is listed, and from when to when.

A line has one spell, and one more for each change of symbol or name. A spell's
attributes are constant, so a session's listings are the spells that cover it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from r2k_pipeline.sources.synthetic.companies import make_stems
from r2k_pipeline.sources.synthetic.draws import LEAVES
from r2k_pipeline.sources.synthetic.lines import EQUITY, PaperKind
from r2k_pipeline.sources.synthetic.parameters import (
    SYMBOL_REUSES_PER_YEAR,
    CompanyKind,
    EventKind,
    MarketParameters,
    Stream,
)

if TYPE_CHECKING:
    from r2k_pipeline.sources.synthetic.draws import Event
    from r2k_pipeline.sources.synthetic.events import Schedule

_REUSE_SILENCE = 35
_NEW_SYMBOL = (EventKind.SYMBOL_CHANGE, EventKind.SYMBOL_AND_NAME_CHANGE, EventKind.SPAC_MERGER)
_NEW_NAME = (EventKind.NAME_CHANGE, EventKind.SYMBOL_AND_NAME_CHANGE, EventKind.SPAC_MERGER)
# What a SPAC's share turns into.
_MERGED_TRADE = ("EDP Services", "Technology", "Technologies Inc.")


@dataclass
class _Spell:
    """A spell while it is being worked out."""

    line: int
    company: int
    paper: str
    symbol: str
    name: str
    industry: str
    sector: str
    first: int
    last: int


def make_spells(
    companies: pl.DataFrame,
    lines: pl.DataFrame,
    schedule: Schedule,
    parameters: MarketParameters,
    *,
    sessions: int,
) -> pl.DataFrame:
    """Work out every spell.

    Returns:
        One row per spell, sorted by `exchange`, `symbol`, `first`: `line`,
        `company`, `paper`, `symbol`, `name`, `industry`, `sector`, `exchange`,
        `country`, `ipo_year` (null where the feed has none), `first` and `last`
        (positions of sessions, both inclusive). Two spells of one symbol never overlap.
    """
    named = companies.select("company", "industry", "sector", "kind", "origin")
    spells: dict[int, list[_Spell]] = {}
    taken = set(lines["symbol"])
    for row in lines.join(named, on="company", maintain_order="left").iter_rows(named=True):
        spell = _first_spell(row, schedule)
        if spell.first <= spell.last:
            spells[spell.line] = [spell]
    _reuse_symbols(spells, companies, schedule, parameters.scaled_a_year(
        SYMBOL_REUSES_PER_YEAR, sessions))  # fmt: skip
    stems = iter(_fresh_stems(companies, schedule, parameters))
    names = dict(companies.select("company", "company_name").iter_rows())
    for event in schedule.events:
        own = [s for s in spells.values() if s[-1].company == event.company]
        if event.kind in _NEW_NAME:
            _rename_company(own, event, names[event.company], next(stems))
        if event.kind in _NEW_SYMBOL:
            _change_symbols(own, event, taken)
    table = pl.DataFrame([vars(spell) for chain in spells.values() for spell in chain])
    arrived = companies.select("company", "exchange", "country", "ipo_year", "origin")
    return (
        table.with_columns(pl.col("company").cast(pl.UInt32))
        .join(arrived, on="company", maintain_order="left")
        .sort("exchange", "symbol", "first")
    )


def _first_spell(row: dict[str, Any], schedule: Schedule) -> _Spell:
    """A line from its first session to its last, as if nothing changed."""
    company, last = row["company"], int(schedule.last[row["company"]])
    if row["paper"] in {PaperKind.UNIT.value, PaperKind.RIGHT.value}:
        merged = [e.session for e in schedule.of(EventKind.SPAC_MERGER) if e.company == company]
        last = min([last, *(session - 1 for session in merged)])
    return _Spell(
        line=row["line"],
        company=company,
        paper=row["paper"],
        symbol=row["symbol"],
        name=row["name"],
        industry="" if row["paper"] == PaperKind.PREFERRED.value else row["industry"],
        sector="" if row["paper"] == PaperKind.PREFERRED.value else row["sector"],
        first=int(schedule.first[company]),
        last=last,
    )


def _reuse_symbols(
    spells: dict[int, list[_Spell]], companies: pl.DataFrame, schedule: Schedule, count: int
) -> None:
    """Give symbols of companies that left to domestic ones that arrive much later."""
    arrivals = set(
        companies.filter(
            pl.col("origin") == "arrival", pl.col("kind") == CompanyKind.DOMESTIC.value
        )["company"]
    )
    left = {event.company for event in schedule.of(*LEAVES)}
    chains = [chain[0] for chain in spells.values() if chain[0].paper == PaperKind.SHARE.value]
    gone = sorted((s for s in chains if s.company in left), key=lambda s: (s.last, s.line))
    new = sorted((s for s in chains if s.company in arrivals), key=lambda s: (s.first, s.line))
    for old in gone[:count]:
        heir = next((s for s in new if s.first > old.last + _REUSE_SILENCE), None)
        if heir is not None:
            heir.symbol = old.symbol
            new.remove(heir)


def _fresh_stems(
    companies: pl.DataFrame, schedule: Schedule, parameters: MarketParameters
) -> list[str]:
    """A new made-up word for each company that changes its name."""
    rng = parameters.stream(Stream.NAMES)
    return make_stems(rng, len(schedule.of(*_NEW_NAME)), taken=set(companies["stem"]))


def _rename_company(own: list[list[_Spell]], event: Event, old: str, stem: str) -> None:
    """Every line of the company goes on under the new name."""
    ending = " ".join(old.split(" ")[1:])
    if event.kind is EventKind.SPAC_MERGER:
        ending = _MERGED_TRADE[2]
    for chain in own:
        later = _split_at(chain, event.session)
        if later is None:
            continue
        later.name = later.name.replace(old, f"{stem} {ending}")
        if event.kind is EventKind.SPAC_MERGER:
            later.industry, later.sector = _MERGED_TRADE[:2]


def _change_symbols(own: list[list[_Spell]], event: Event, taken: set[str]) -> None:
    """Shares and warrants go on under new symbols; preferreds and notes keep theirs."""
    for chain in own:
        if chain[-1].paper not in {*EQUITY, PaperKind.WARRANT.value}:
            continue
        later = _split_at(chain, event.session)
        if later is not None:
            later.symbol = _free_symbol(later.symbol, taken)


def _split_at(chain: list[_Spell], session: int) -> _Spell | None:
    """End a line's latest spell before a session and begin the next; null if it is over then."""
    latest = chain[-1]
    if latest.last < session:
        return None
    if latest.first == session:
        return latest
    later = _Spell(**{**vars(latest), "first": session})
    latest.last = session - 1
    chain.append(later)
    return later


def _free_symbol(symbol: str, taken: set[str]) -> str:
    """The next symbol, counting up the first two letters, that nobody ever had."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    position = letters.index(symbol[0]) * 26 + letters.index(symbol[1])
    while symbol in taken:
        position = (position + 7) % (26 * 26)
        symbol = letters[position // 26] + letters[position % 26] + symbol[2:]
    taken.add(symbol)
    return symbol
