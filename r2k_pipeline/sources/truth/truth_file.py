"""What a file of the real thing says, as a value; and how text names an index or a day.

Holds the kinds of file and the shape that each is read into. How the bytes of
one are read is `plain_csv` and `holdings_csv`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from r2k_pipeline.errors import R2kError, SourceError
from r2k_pipeline.rulebook.family import family
from r2k_pipeline.rulebook.sessions import require_session

if TYPE_CHECKING:
    import polars as pl

UNTOUCHED = "nothing was compared"
_INDEX_WORDS = re.compile(r"(?<![a-z0-9])r(?:ussell)?[ _-]?([123]000)(e?)(?![0-9a-z])")
_INDEX_TICKERS = {
    "rui": "r1000", "rut": "r2000", "rua": "r3000",
    "iwb": "r1000", "iwm": "r2000", "iwv": "r3000",
}  # fmt: skip
_DAY = re.compile(r"(?<!\d)(\d{4})([-_.]?)(\d{2})\2(\d{2})(?!\d)")


class TruthKind(StrEnum):
    """What a file tells.

    Example:
        >>> TruthKind("holdings").sentence
        'what a fund on an index held'
    """

    MEMBERS = "members"
    HOLDINGS = "holdings"
    CHANGES = "changes"
    FIGURES = "figures"
    LEVELS = "levels"
    FLOATS = "floats"

    @property
    def sentence(self) -> str:
        """What such a file tells."""
        return _SENTENCES[self]


_SENTENCES = {
    TruthKind.MEMBERS: "the members of indexes on a session",
    TruthKind.HOLDINGS: "what a fund on an index held",
    TruthKind.CHANGES: "additions and deletions of a reconstitution",
    TruthKind.FIGURES: "published breakpoints, totals and counts by year",
    TruthKind.LEVELS: "the level of an index by day",
    TruthKind.FLOATS: "free-float factors of lines on a session",
}


@dataclass(frozen=True, kw_only=True)
class TruthFile:
    """One file, read.

    Args:
        subject: The file's name without its ending.
        kind: What it tells.
        session: The session whose state it tells; None for series and figures.
        index_id: The index of a series of levels; None where rows name theirs.
        rows: By kind. `members`: `symbol`, `index`. `holdings`: those and
            `weight` (0 to 1, null where the file has none). `changes`: `symbol`,
            `action` (addition or deletion), `index`. `figures`: `year`,
            `rank_day` (null if not told), `figure`, `value` (USD or counts).
            `levels`: `session`, `measure`, `level`. `floats`: `symbol`,
            `float_factor`. An index is one of ours, as `r2000`.
        source_hash: The first 16 hex digits of the file's SHA-256.
        note: What was left out on reading, in words; or empty.
    """

    subject: str
    kind: TruthKind
    session: date | None
    index_id: str | None
    rows: pl.DataFrame
    source_hash: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Unsaid:
    """What holds for files that do not say it themselves.

    Args:
        session: For lists without a day in name or content.
        index_id: For lists and series without an index in name or content.
    """

    session: date | None = None
    index_id: str | None = None


def index_named(text: str) -> str | None:
    """Find the index that a text names.

    Example:
        >>> index_named("iShares Russell 2000 ETF"), index_named("rut_price_level_1987_2023")
        ('r2000', 'r2000')
        >>> index_named("R1000"), index_named("S&P 500") is None
        ('r1000', True)
    """
    lowered = text.lower()
    found = _INDEX_WORDS.search(lowered)
    if found and f"r{found[1]}{found[2]}" in family():
        return f"r{found[1]}{found[2]}"
    words = re.split(r"[^a-z0-9]+", lowered)
    return next((_INDEX_TICKERS[word] for word in words if word in _INDEX_TICKERS), None)


def day_named(text: str) -> date | None:
    """Find the last day that a text names.

    Example:
        >>> day_named("russell_members_2021-06-28"), day_named("r2000_20231122")
        (datetime.date(2021, 6, 28), datetime.date(2023, 11, 22))
        >>> day_named("rut_price_level_1987_2023") is None
        True
    """
    for year, _, month, day in reversed(_DAY.findall(text)):
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            continue
    return None


def session_of(file: str, day: date | None) -> date:
    """Require that a list has a day, and that the exchange was open on it.

    Raises:
        SourceError: It has none, or the exchange was closed.
    """
    if day is None:
        raise SourceError(
            f"{file} does not say of which session it is",
            state=UNTOUCHED,
            remedy="put the session into its name, as members_2022-06-27.csv, or add --session",
        )
    try:
        return require_session(day)
    except R2kError as error:
        raise SourceError(
            f"{file}: {error.culprit}",
            state=UNTOUCHED,
            remedy=f"{error.remedy}; rename the file for the session whose members it lists",
        ) from error


def require_index_named(file: str, *texts: str | None, unsaid: Unsaid) -> str:
    """Take the index that the first of some texts names, else the one for files that say none.

    Raises:
        SourceError: None does.
    """
    for text in texts:
        found = index_named(text) if text else None
        if found:
            return found
    if unsaid.index_id is not None:
        return unsaid.index_id
    raise SourceError(
        f"{file} does not say of which index it is",
        state=UNTOUCHED,
        remedy="put r1000, r2000 or r3000 into its name, or add --index",
    )
