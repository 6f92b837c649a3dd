"""One exchange's JSON file of one evening: strings in, typed vendor columns out, or an error.

Every field is text. What each may say stands in `_GRAMMARS`; anything else is an
error that names the symbol and the value. Nothing is half read.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from r2k_pipeline.errors import SourceError, SourceShapeError
from r2k_pipeline.sources.us_stock_symbols.listings import VENDOR_SCHEMA

if TYPE_CHECKING:
    from datetime import date

_TEXTS = ("symbol", "name", "country", "industry", "sector")
_GRAMMARS = {
    # A sum may carry a dollar sign and thousands commas. Blank and NA mean that there is none;
    # UNCH is an unchanged price.
    "lastsale": r"^\$?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?$",
    "netchange": r"^[+-]?\$?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?$",
    "volume": r"^(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.0+)?$",
    "marketCap": r"^\$?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?$",
    "ipoyear": r"^\d{4}$",
}
# What a column holds; a longer row of digits is no amount of anything.
_LARGEST = {"volume": 2.0**62}
_ABSENT = ("", "NA", "N/A", "n/a", "--")
_UNCHANGED = "UNCH"
_UNREAD = frozenset({"pctchange", "url"})
_READ = (*_TEXTS, *_GRAMMARS)
_KNOWN = frozenset(_READ)
_SHOWN_CHARACTERS = 60
_NOTHING_LANDED = "no session of the range was landed"
_REMEDY = "choose a range without this day, or take an archive in which it is mended"


@dataclass(frozen=True, kw_only=True)
class SnapshotFile:
    """The bytes of one exchange's file, and where they came from for error messages."""

    commit_id: str
    path: str
    exchange: str
    taken_for: date
    data: bytes

    @property
    def sha256(self) -> str:
        """Hash of the bytes, as the archive names them."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ParsedSnapshot:
    """Vendor rows of one file (`listings.VENDOR_SCHEMA`), and columns that nobody reads."""

    rows: pl.DataFrame
    unknown_columns: tuple[str, ...]


def parse_snapshot(file: SnapshotFile) -> ParsedSnapshot:
    """Read a file whole.

    Raises:
        SourceShapeError: A column is missing, or is no text.
        SourceError: The bytes are no JSON array of listings, or a value says nothing
            that `_GRAMMARS` knows. Both name commit, file and hash, and the byte or the
            symbol at fault.

    Example:
        >>> from datetime import date
        >>> row = (b'[{"symbol":"HAL","name":"Halden Inc.","lastsale":"$1,234.50",'
        ...     b'"netchange":"-0.50","volume":"100","marketCap":"","country":"",'
        ...     b'"ipoyear":"","industry":"","sector":""}]')
        >>> file = SnapshotFile(commit_id="c0ffee", path="nyse/nyse_full_tickers.json",
        ...     exchange="nyse", taken_for=date(2022, 6, 27), data=row)
        >>> parse_snapshot(file).rows.select("symbol", "lastsale", "marketCap").rows()
        [('HAL', 1234.5, None)]
    """
    listings = _listings(file)
    columns = {name: _column(file, listings, name) for name in _READ}
    texts = _frame(file, columns)
    numbers = texts.select(_number(name) for name in _GRAMMARS)
    _require_numbers(file, texts, numbers)
    unknown = set().union(*listings) - _KNOWN - _UNREAD if listings else set[str]()
    rows = texts.with_columns(
        *numbers,
        pl.lit(file.taken_for).alias("taken_for"),
        pl.lit(file.exchange).alias("exchange"),
        pl.lit(file.sha256[:16]).alias("source_hash"),
    )
    return ParsedSnapshot(
        rows=rows.select(list(VENDOR_SCHEMA)).cast(VENDOR_SCHEMA),
        unknown_columns=tuple(sorted(unknown)),
    )


def _listings(file: SnapshotFile) -> list[dict[str, Any]]:
    """The array of objects that the file must be."""
    try:
        document = orjson.loads(file.data)
    except orjson.JSONDecodeError as fault:
        raise _corrupt(file, f"no JSON at byte {fault.pos}: {fault.msg.split(':')[0]}") from fault
    if not isinstance(document, list):
        raise _corrupt(file, f"expected an array of listings, found {type(document).__name__}")
    for number, item in enumerate(document):
        if not isinstance(item, dict):
            raise _corrupt(
                file, f"item {number} is {type(item).__name__}, expected an object of one listing"
            )
    if any(file.data.count(b'"%b"' % name.encode()) != len(document) for name in _READ):
        _require_each_key_once(file)
    return document


def _require_each_key_once(file: SnapshotFile) -> None:
    """Refuse an object that says a field twice: readers of JSON keep the last in silence."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise _corrupt(file, f"{twice!r} stands twice in {_shown(found.get('symbol'))}")
        return found

    try:
        json.loads(file.data, object_pairs_hook=once)
    except RecursionError:
        raise _corrupt(file, "it nests deeper than a listing could") from None


def _column(file: SnapshotFile, listings: list[dict[str, Any]], name: str) -> list[Any]:
    """One field of every listing."""
    try:
        return [listing[name] for listing in listings]
    except KeyError:
        lacking = next(n for n, listing in enumerate(listings) if name not in listing)
        raise _of_another_shape(file, name, None, f"text in item {lacking}") from None


def _frame(file: SnapshotFile, columns: dict[str, list[Any]]) -> pl.DataFrame:
    """All fields as text."""
    series = []
    for name, values in columns.items():
        try:
            series.append(pl.Series(name, values, dtype=pl.String, strict=True))
        except (TypeError, pl.exceptions.PolarsError):
            number, value = next(
                (n, v) for n, v in enumerate(values) if v is not None and not isinstance(v, str)
            )
            symbol = columns["symbol"][number]
            actual = f"{type(value).__name__} {_shown(value)}"
            raise _of_another_shape(file, name, actual, f"text of {symbol!r:.20}") from None
    frame = pl.DataFrame(series)
    if frame["symbol"].str.strip_chars().fill_null("").eq("").any():
        raise _corrupt(file, "a listing has no symbol")
    null = frame.filter(pl.any_horizontal(pl.col(_TEXTS).str.contains("\0", literal=True)))
    if not null.is_empty():
        raise _corrupt(file, f"a text of {_shown(null['symbol'][0])} holds the character NUL")
    return frame


def _number(name: str) -> pl.Expr:
    """The number that a field says; null where it is absent or nothing that is known."""
    text = pl.col(name).str.strip_chars()
    said = text.str.contains(_GRAMMARS[name])
    digits = text.str.replace_all(r"[$,+]", "")
    number = pl.when(said).then(digits).cast(pl.Float64, strict=False)
    number = pl.when(number.is_finite() & (number <= _LARGEST.get(name, math.inf))).then(number)
    if name == "netchange":
        number = pl.when(text == _UNCHANGED).then(0.0).otherwise(number)
    return number.alias(name)


def _require_numbers(file: SnapshotFile, texts: pl.DataFrame, numbers: pl.DataFrame) -> None:
    """Refuse a field that says something and is no number."""
    for name in _GRAMMARS:
        text = texts[name].str.strip_chars()
        wrong = numbers[name].is_null() & text.is_not_null() & ~text.is_in(list(_ABSENT))
        if wrong.any():
            number = wrong.to_list().index(True)
            symbol, value = texts["symbol"][number], texts[name][number]
            problem = f"{name} of {_shown(symbol)} is {_shown(value)}, which is no number"
            raise _corrupt(file, problem)


def _shown(value: object) -> str:
    """A value as an error quotes it."""
    return f"{value!r:.{_SHOWN_CHARACTERS}}"


def _corrupt(file: SnapshotFile, problem: str) -> SourceError:
    return SourceError(
        f"{_named(file)} cannot be read: {problem}", state=_NOTHING_LANDED, remedy=_REMEDY
    )


def _of_another_shape(
    file: SnapshotFile, column: str, actual: str | None, expected: str
) -> SourceShapeError:
    return SourceShapeError(
        _named(file),
        column=column,
        expected=expected,
        actual=actual,
        state=_NOTHING_LANDED,
        remedy=_REMEDY,
    )


def _named(file: SnapshotFile) -> str:
    return (
        f"{file.path} in commit {file.commit_id[:12]} (taken for {file.taken_for},"
        f" sha256 {file.sha256[:16]}, {len(file.data)} bytes)"
    )
