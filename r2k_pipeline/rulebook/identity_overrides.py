"""Links between symbols that a person has set, with a source, because no data prove them.

Reads ``reference/identity_overrides.csv``, strictly. A row is a public fact about a
company's listing on a day: that it goes on under another symbol, that a symbol
means another company from then on, that two lines have one issuer or have not.
Keep out whatever the rules of `methodology.identity` find by themselves, and
anything that is derived from a list of index members.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files

from r2k_pipeline.errors import BadInputError, listed
from r2k_pipeline.rulebook.sources import Certainty

OVERRIDES_FILE = "rulebook/reference/identity_overrides.csv"
"""The shipped file, as errors name it."""

COLUMNS = (
    "symbol", "session", "link", "other_symbol", "person", "reason", "source", "certainty",
)  # fmt: skip
"""The columns, in this order.

`person` is a role, `source` a public document, and `certainty` says how its word
came to us: a value of `sources.Certainty`.
"""


class LinkKind(StrEnum):
    """What an override says about its symbol."""

    CONTINUES = "continues"
    """From the session on, the symbol is borne by the line that bore `other_symbol`."""
    NEW_LINE = "new_line"
    """From the session on, the symbol is borne by a line that was not listed before."""
    SAME_COMPANY = "same_company"
    """The line that bears the symbol on the session has the issuer of `other_symbol`."""
    OWN_COMPANY = "own_company"
    """The line that bears the symbol on the session has an issuer of its own."""


@dataclass(frozen=True, kw_only=True)
class IdentityOverride:
    """One row of the file.

    Args:
        symbol: The symbol that the row speaks of.
        session: The first session on which it holds. A row does nothing where the
            listings do not have the symbol on that session.
        link: What it says.
        other_symbol: The old symbol, or another line of the same company; None where
            the kind of link needs none.
        person: The role that set it.
        reason: Why, in a sentence.
        source: The public document that proves it.
        certainty: How the document's word came to us.
    """

    symbol: str
    session: date
    link: LinkKind
    other_symbol: str | None
    person: str
    reason: str
    source: str
    certainty: Certainty

    @property
    def starts_a_run(self) -> bool:
        """Whether it says on which line the symbol goes, rather than whose the line is.

        Example:
            >>> [override.starts_a_run for override in identity_overrides()[:1]]
            [True]
        """
        return self.link in (LinkKind.CONTINUES, LinkKind.NEW_LINE)


@cache
def identity_overrides() -> tuple[IdentityOverride, ...]:
    """Return the shipped overrides, in the order of the file.

    Example:
        >>> {str(override.link) for override in identity_overrides()} <= set(LinkKind)
        True
    """
    file = files("r2k_pipeline.rulebook").joinpath("reference", "identity_overrides.csv")
    return parse_identity_overrides(file.read_text(encoding="utf-8"), file=OVERRIDES_FILE)


def parse_identity_overrides(text: str, *, file: str) -> tuple[IdentityOverride, ...]:
    r"""Parse the text of an overrides file.

    Args:
        text: CSV with a header line of exactly `COLUMNS`.
        file: The file's name, for errors.

    Returns:
        One override a row, in the order of the text.

    Raises:
        BadInputError: Another header, a blank or unknown value, a date that is not
            ISO, an `other_symbol` too many or too few, two rows that settle one
            question, or no CSV; names the file and the line.

    Example:
        >>> header = ",".join(COLUMNS)
        >>> row = "NEW,2024-06-03,becomes,OLD,index operations,renamed,Form 8-K,from_memory"
        >>> parse_identity_overrides(f"{header}\n{row}\n", file="mine.csv")
        Traceback (most recent call last):
            ...
        r2k_pipeline.errors.BadInputError: mine.csv line 2: unknown link 'becomes'
        state: no identity override was read
        remedy: mend the line; kinds of link are continues, new_line, same_company, own_company
    """
    reader = csv.DictReader(io.StringIO(text), restkey="", restval=None)
    try:
        return _overrides(reader, file=file)
    except csv.Error as error:
        raise _fault(file, reader.line_num, f"is no CSV: {error}") from error


def _overrides(reader: csv.DictReader[str], *, file: str) -> tuple[IdentityOverride, ...]:
    """One override a row, each question settled once."""
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise _fault(file, 1, f"the header must be {', '.join(COLUMNS)}")
    overrides = []
    settled: set[tuple[str, date, bool]] = set()
    for row in reader:
        override = _override(row, file=file, line=reader.line_num)
        question = (override.symbol, override.session, override.starts_a_run)
        if question in settled:
            raise _fault(file, reader.line_num, f"{override.symbol} is settled twice on that day")
        settled.add(question)
        overrides.append(override)
    return tuple(overrides)


def _override(row: dict[str, str | None], *, file: str, line: int) -> IdentityOverride:
    if "" in row or None in row.values():
        raise _fault(file, line, f"must have {len(COLUMNS)} values")
    values = {name: (row[name] or "").strip() for name in COLUMNS}
    blank = [name for name, value in values.items() if not value and name != "other_symbol"]
    if blank:
        raise _fault(file, line, f"{listed(blank)} must not be blank")
    if values["link"] not in list(LinkKind):
        raise _fault(file, line, f"unknown link {values['link']!r}")
    link = LinkKind(values["link"])
    needs_other = link in (LinkKind.CONTINUES, LinkKind.SAME_COMPANY)
    if needs_other != bool(values["other_symbol"]):
        raise _fault(file, line, f"{link} {'needs' if needs_other else 'takes no'} other_symbol")
    if values["other_symbol"] == values["symbol"]:
        raise _fault(file, line, "other_symbol is the symbol itself")
    if values["certainty"] not in list(Certainty):
        known = ", ".join(Certainty)
        raise _fault(file, line, f"unknown certainty {values['certainty']!r}, none of {known}")
    return IdentityOverride(
        symbol=values["symbol"],
        session=_session(values["session"], file=file, line=line),
        link=link,
        other_symbol=values["other_symbol"] or None,
        person=values["person"],
        reason=values["reason"],
        source=values["source"],
        certainty=Certainty(values["certainty"]),
    )


def _session(text: str, *, file: str, line: int) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _fault(file, line, f"session {text!r} is not a date like 2024-06-03") from error


def _fault(file: str, line: int, what: str) -> BadInputError:
    return BadInputError(
        f"{file} line {line}: {what}",
        state="no identity override was read",
        remedy=f"mend the line; kinds of link are {', '.join(LinkKind)}",
    )
