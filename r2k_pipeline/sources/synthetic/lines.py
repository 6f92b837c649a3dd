"""What each company lists: shares, classes, preferreds, notes, warrants, units, rights.

One row a line, with the symbol and name under which it starts. Symbols are made
up from the company's first word and are unique over the whole market.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import polars as pl

from r2k_pipeline.sources.synthetic.parameters import (
    DUAL_CLASS_COMPANIES,
    LEGACY_WARRANT_LINES,
    NOTE_LINES,
    PREFERRED_LINES,
    CompanyKind,
    MarketParameters,
    Stream,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import NDArray


class PaperKind(StrEnum):
    """What a line is; decides name, price path and whether the feed gives a cap."""

    SHARE = "share"
    SECOND_CLASS = "second_class"
    PREFERRED = "preferred"
    NOTE = "note"
    WARRANT = "warrant"
    UNIT = "unit"
    RIGHT = "right"


EQUITY = (PaperKind.SHARE.value, PaperKind.SECOND_CLASS.value)

_SHARE_NAMES = {
    CompanyKind.DOMESTIC: "Common Stock",
    CompanyKind.FOREIGN: "Ordinary Shares",
    CompanyKind.DEPOSITARY: "American Depositary Shares",
    CompanyKind.PARTNERSHIP: "Common Units representing Limited Partner Interests",
    CompanyKind.LLC: "Common Shares",
    CompanyKind.ROYALTY_TRUST: "Common Stock",
    CompanyKind.FUND: "Common Stock",
    CompanyKind.SPAC: "Class A Common Stock",
}
_START_PRICES_USD = {
    PaperKind.PREFERRED: 24.0,
    PaperKind.NOTE: 24.5,
    PaperKind.WARRANT: 0.6,
    PaperKind.RIGHT: 0.2,
}
_UNIT_SHARE, _WARRANT_SHARE, _RIGHT_SHARE = 0.6, 0.7, 0.15
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LONGEST_BASE = 4


def make_lines(companies: pl.DataFrame, parameters: MarketParameters) -> pl.DataFrame:
    """List every company's papers.

    Args:
        companies: As `companies.make_companies` returns them.
        parameters: Size and seed.

    Returns:
        One row per line in order of `line` (0, 1, ...): `company`, `paper` (a
        value of `PaperKind`), `symbol`, `name`, `start_price_usd`.

    Example:
        >>> from r2k_pipeline.sources.synthetic.companies import make_companies
        >>> from r2k_pipeline.sources.synthetic.parameters import small_market
        >>> companies = make_companies(small_market(), sessions=126)
        >>> lines = make_lines(companies, small_market())
        >>> lines["symbol"].is_unique().all(), sorted(lines["paper"].unique())
        (True, ['note', 'preferred', 'right', 'second_class', 'share', 'unit', 'warrant'])
    """
    rng = parameters.stream(Stream.LINES)
    book = _Book(rng)
    extras = _companies_with_extras(rng, companies, parameters)
    for company in companies.iter_rows(named=True):
        number = company["company"]
        _list_shares(book, company, is_dual=number in extras.dual)
        if company["kind"] == CompanyKind.SPAC.value:
            _list_spac_papers(book, rng, company, has_all=number == extras.full_spac)
        _list_extras(book, extras, company)
    return book.lines()


class _Book:
    """Collects lines and hands out symbols."""

    def __init__(self, rng: Generator) -> None:
        self._rng = rng
        self._rows: list[tuple[int, str, str, str, float]] = []
        self._taken: set[str] = set()
        self._bases: dict[int, str] = {}

    def base(self, company: int, stem: str, *, letters: int) -> str:
        """The symbol that a company's papers share: the letters of its name, as far as free."""
        word = stem.upper()
        symbol = word[:letters]
        while symbol in self._taken:
            tail = "".join(
                _LETTERS[int(i)] for i in self._rng.integers(0, len(_LETTERS), _LONGEST_BASE)
            )
            kept = 1 + int(self._rng.integers(0, letters - 1))
            symbol = (word[:kept] + tail)[:letters]
        self._bases[company] = symbol
        return symbol

    def symbol_of(self, company: int) -> str:
        """The base symbol given to a company."""
        return self._bases[company]

    def add(self, company: int, paper: PaperKind, symbol: str, name: str, price: float) -> None:
        """List one line; a symbol that is taken gets another last letter."""
        letter = 0
        while symbol in self._taken:
            symbol = symbol[:-1] + _LETTERS[letter]
            letter += 1
        self._taken.add(symbol)
        self._rows.append((company, paper.value, symbol, name, price))

    def lines(self) -> pl.DataFrame:
        """All lines in the order listed."""
        schema = ["company", "paper", "symbol", "name", "start_price_usd"]
        return (
            pl.DataFrame(self._rows, schema=schema, orient="row")
            .with_columns(pl.col("company").cast(pl.UInt32))
            .with_row_index("line")
        )


@dataclass(frozen=True, kw_only=True)
class _Extras:
    """Which companies list more than one paper; all but SPACs are there from the start."""

    dual: frozenset[int]
    preferreds: Counter[int]
    notes: Counter[int]
    warrants: Counter[int]
    full_spac: int


def _companies_with_extras(
    rng: Generator, companies: pl.DataFrame, parameters: MarketParameters
) -> _Extras:
    """Draw the companies with more than one paper."""
    domestic = companies.filter(
        pl.col("origin") == "start", pl.col("kind") == CompanyKind.DOMESTIC.value
    )
    order = rng.permutation(domestic["company"].to_numpy())
    dual = parameters.scaled(DUAL_CLASS_COMPANIES)
    issuers = domestic.filter(
        pl.col("sector").is_in(["Finance", "Real Estate", "Utilities"])
        & ~pl.col("company").is_in(order[:dual].tolist())
    )["company"].to_numpy()
    single = order[dual:]
    if not len(issuers):
        issuers = single
    spacs = companies.filter(pl.col("kind") == CompanyKind.SPAC.value)["company"]
    return _Extras(
        dual=frozenset(int(company) for company in order[:dual]),
        preferreds=_draw(rng, issuers, parameters.scaled(PREFERRED_LINES)),
        notes=_draw(rng, issuers, parameters.scaled(NOTE_LINES)),
        warrants=_draw(rng, single, parameters.scaled(LEGACY_WARRANT_LINES)),
        full_spac=int(spacs.to_list()[0]),
    )


def _draw(rng: Generator, numbers: NDArray[np.uint32], count: int) -> Counter[int]:
    """How many papers each drawn company lists."""
    return Counter(int(company) for company in rng.choice(numbers, count))


def _list_shares(book: _Book, company: dict[str, Any], *, is_dual: bool) -> None:
    """A company's shares: one line, or two classes."""
    kind = CompanyKind(company["kind"])
    number, name, price = company["company"], company["company_name"], company["start_price_usd"]
    base = book.base(number, company["stem"], letters=_letters(company))
    if not is_dual:
        book.add(number, PaperKind.SHARE, base, f"{name} {_SHARE_NAMES[kind]}", price)
        return
    on_nyse = company["exchange"] == "nyse"
    first, second = (f"{base}/A", f"{base}/B") if on_nyse else (base, f"{base}B")
    book.add(number, PaperKind.SHARE, first, f"{name} Class A Common Stock", price)
    second_price = round(price * 1.01, 2)
    book.add(number, PaperKind.SECOND_CLASS, second, f"{name} Class B Common Stock", second_price)


def _letters(company: dict[str, Any]) -> int:
    """How long a symbol is: SPACs leave the fifth letter to their papers, nyse likes it short."""
    if company["kind"] == CompanyKind.SPAC.value or company["exchange"] == "nasdaq":
        return _LONGEST_BASE
    return _LONGEST_BASE - 1


def _list_spac_papers(
    book: _Book, rng: Generator, company: dict[str, Any], *, has_all: bool
) -> None:
    """A SPAC's units, warrants and rights."""
    number, name = company["company"], company["company_name"]
    base = book.symbol_of(number)
    has_unit, has_warrant, has_right = rng.random(3) < (_UNIT_SHARE, _WARRANT_SHARE, _RIGHT_SHARE)
    if has_all or has_unit:
        price = round(company["start_price_usd"] + 0.08, 2)
        book.add(number, PaperKind.UNIT, f"{base}U", f"{name} Unit", price)
    if has_all or has_warrant:
        price = _START_PRICES_USD[PaperKind.WARRANT]
        book.add(number, PaperKind.WARRANT, f"{base}W", f"{name} Warrant", price)
    if has_all or has_right:
        price = _START_PRICES_USD[PaperKind.RIGHT]
        book.add(number, PaperKind.RIGHT, f"{base}R", f"{name} Right", price)


def _list_extras(book: _Book, extras: _Extras, company: dict[str, Any]) -> None:
    """An operating company's preferreds, notes and legacy warrants."""
    number, name = company["company"], company["company_name"]
    base = book.symbol_of(number)
    for series in range(extras.preferreds[number]):
        letter = _LETTERS[series]
        coupon = 4.5 + 0.125 * ((number + series) % 24)
        book.add(
            number,
            PaperKind.PREFERRED,
            f"{base}^{letter}" if company["exchange"] == "nyse" else f"{base}P",
            f"{name} {coupon:.3f}% Series {letter} Cumulative Redeemable Preferred Stock",
            _START_PRICES_USD[PaperKind.PREFERRED],
        )
    for series in range(extras.notes[number]):
        coupon = 5.0 + 0.25 * ((number + series) % 12)
        book.add(
            number,
            PaperKind.NOTE,
            f"{base[:3]}Z",
            f"{name} {coupon:.2f}% Senior Notes due {2027 + series}",
            _START_PRICES_USD[PaperKind.NOTE],
        )
    for _ in range(extras.warrants[number]):
        price = _START_PRICES_USD[PaperKind.WARRANT]
        book.add(number, PaperKind.WARRANT, f"{base}W", f"{name} Warrant", price)
