"""Lines -> the companies that issued them.

Steps, night by night: a line that is first seen joins the company that bears its
name, else the company of the line whose symbol is its root (ABR for ABR^D) if
both names begin alike, else it founds a company. Two share lines under one name
must besides look like classes, for unrelated companies do share names. A company
owns every name that its lines ever bore, so lines issued after a change of name
find it. Nothing is taken back later; overrides speak last.

Tracking stocks that behave independently are ranked apart, so each group that is
tracked is a company of its own, and its classes are the lines of it. Which group
it is stands in the line's name, or else in the rulebook's reference.

What a name says is `company_names`; which listings are one line is `identity`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.company_names import (
    Paper,
    class_letter,
    company_key,
    leading_word,
    paper,
    tracked_group,
)
from r2k_pipeline.methodology.fact_matching import facts_by_line
from r2k_pipeline.rulebook.identity_overrides import LinkKind
from r2k_pipeline.rulebook.reasons import LineType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from r2k_pipeline.methodology.symbol_runs import SymbolHistory
    from r2k_pipeline.rulebook.identity_overrides import IdentityOverride

# Symbols of two classes begin with at least so many letters alike.
_CLASS_LETTERS = 2
_SHARE_WORDS = r"(?i)\s+(?:class [a-z] )?(?:common|ordinary|capital) (?:stock|shares?).*$"


def link_companies(
    spans: pl.DataFrame,
    history: SymbolHistory,
    overrides: Sequence[IdentityOverride],
    issuer_kinds: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Add the company to every span.

    Args:
        spans: One row per span: `security_id`, `symbol`, `first_session`,
            `last_session`, `start_ordinal`, `start_root` (the symbol's root), `name`.
        history: For the names that each symbol bore.
        overrides: Those of kind `same_company` and `own_company` are applied, in
            order, to the whole line that bears the symbol on their session.
        issuer_kinds: As `rulebook.reference_facts.issuer_kind_facts` gives them; the
            rows on tracking stocks say which group a line tracks.

    Returns:
        `spans` with `company_id` and `company_name`. `company_id` is named after
        the company's first line and uses nothing later than the line's first
        session. A line without a name is a company of its own unless its root is
        known.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.methodology.symbol_runs import SymbolHistory
        >>> day = date(2024, 6, 3)
        >>> spans = pl.DataFrame({
        ...     "security_id": ["S-HAL-20240603", "S-HAL/A-20240603"], "symbol": ["HAL", "HAL/A"],
        ...     "start_root": "HAL", "first_session": day, "last_session": day,
        ...     "start_ordinal": pl.Series([0, 0], dtype=pl.Int32),
        ...     "start_name": ["Halden Inc. Common Stock", "Halden Inc. Class A"],
        ...     "name": ["Halden Inc. Common Stock", "Halden Inc. Class A"],
        ... })
        >>> namings = spans.select(ordinal="start_ordinal", symbol="symbol", name="start_name")
        >>> history = SymbolHistory(sessions=(day,), runs=spans, namings=namings, moves=spans)
        >>> link_companies(spans, history, ()).get_column("company_id").to_list()
        ['C-HAL-20240603', 'C-HAL-20240603']

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 6.2.2 on tracking stocks.
    """
    walk = _CompanyWalk()
    namings = _namings(spans, history, issuer_kinds)
    births = spans.unique("security_id", keep="first", maintain_order=True)
    nights: dict[int, list[tuple[str, str, str]]] = defaultdict(list)
    for row in births.select("start_ordinal", "symbol", "start_root", "security_id").iter_rows():
        nights[row[0]].append(row[1:])
    for ordinal in sorted(nights.keys() | namings.keys()):
        walk.night(sorted(nights[ordinal]), namings[ordinal])
    companies = walk.companies
    for line, company in _told(spans, companies, overrides):
        companies[line] = company
    return spans.with_columns(
        company_id=pl.col("security_id").replace_strict(companies, return_dtype=pl.String),
        company_name=pl.coalesce(pl.col("name").str.replace(_SHARE_WORDS, ""), pl.col("symbol")),
    )


@dataclass(frozen=True, kw_only=True)
class _Naming:
    """A name that is new to a symbol, and what it says."""

    symbol: str
    security_id: str
    key: str | None
    word: str | None
    letter: str | None
    paper: str
    is_tracked: bool


def _namings(
    spans: pl.DataFrame, history: SymbolHistory, issuer_kinds: pl.DataFrame | None
) -> dict[int, list[_Naming]]:
    """By night: every name that is new to a symbol or to the line that bears it."""
    bearers = spans.select("symbol", "security_id", ordinal="start_ordinal").sort("ordinal")
    starts = spans.select(ordinal="start_ordinal", symbol="symbol", name="start_name")
    name, symbol = pl.col("name"), pl.col("symbol")
    named = (
        pl.concat([history.namings.select("ordinal", "symbol", "name"), starts])
        .unique()
        .sort("ordinal", "symbol")
        .join_asof(bearers, on="ordinal", by="symbol", strategy="backward", check_sortedness=False)
        .pipe(_with_groups, history, issuer_kinds)
        .with_columns(
            key=company_key(pl.coalesce("group", "name")),
            letter=class_letter(name),
            paper=paper(name, symbol),
            is_tracked=pl.col("group").is_not_null() | tracked_group(name).is_not_null(),
        )
        .with_columns(word=leading_word(pl.col("key")))
        .drop("group")
    )
    namings: dict[int, list[_Naming]] = defaultdict(list)
    for row in named.drop("name").iter_rows(named=True):
        namings[row.pop("ordinal")].append(_Naming(**row))
    return namings


def _with_groups(
    named: pl.DataFrame, history: SymbolHistory, issuer_kinds: pl.DataFrame | None
) -> pl.DataFrame:
    """Names with the group that the reference says is tracked; null where it says nothing."""
    if issuer_kinds is None:
        return named.with_columns(group=pl.lit(None, pl.String))
    tracking = issuer_kinds.filter(pl.col("kind") == LineType.TRACKING_STOCK.value)
    sessions = pl.Series("session", history.sessions, dtype=pl.Date)
    dated = named.with_columns(session=sessions.gather(named.get_column("ordinal"))).with_columns(
        year=pl.col("session").dt.year().cast(pl.Int32)
    )
    key = ["symbol", "name", "year"]
    groups = facts_by_line(dated, tracking.with_columns(group="company")).select(*key, "group")
    return dated.join(groups, on=key, how="left", maintain_order="left").drop("session", "year")


class _CompanyWalk:
    """Which line bore which name and symbol, after each night."""

    def __init__(self) -> None:
        self.companies: dict[str, str] = {}
        self._named: dict[str, list[_Naming]] = defaultdict(list)
        self._bearers: dict[str, _Naming] = {}

    def night(self, born: Iterable[tuple[str, str, str]], namings: Sequence[_Naming]) -> None:
        """Give the lines that are first seen their companies, then record the night's names.

        Args:
            born: Symbol, root and line, sorted, so that a root comes before what is
                built on it.
            namings: The names that are new on this night.
        """
        first = {line: root for _, root, line in born}
        left = {symbol: self._bearers.get(symbol) for symbol, _, _ in born}
        for each in namings:
            if each.security_id not in first:
                self._record(each)
        for each in sorted(namings, key=lambda naming: naming.symbol):
            root = first.get(each.security_id)
            if root is None:
                continue
            company = self._of_name(each, root, left[each.symbol]) or self._of_root(each, root)
            self.companies[each.security_id] = company or f"C{each.security_id[1:]}"
            self._record(each)

    def _record(self, naming: _Naming) -> None:
        self._bearers[naming.symbol] = naming
        if naming.key:
            self._named[naming.key].append(naming)

    def _of_name(self, own: _Naming, root: str, left: _Naming | None) -> str | None:
        """The company of the line that bore the name and whose symbol is most like this one.

        Not that of the share line which bore the symbol before: a child that is spun
        off under its parent's symbol and name is a company of its own.
        """
        parent = None
        if left is not None and left.paper == own.paper == Paper.SHARE.value:
            parent = self.companies[left.security_id]
        alike = [
            other
            for other in self._named.get(own.key or "", [])
            if _may_be_classes(own, other) and self.companies[other.security_id] != parent
        ]
        if not alike:
            return None
        nearest = max(alike, key=lambda other: (other.symbol == root, _shared_letters(own, other)))
        return self.companies[nearest.security_id]

    def _of_root(self, own: _Naming, root: str) -> str | None:
        other = self._bearers.get(root)
        if other is None or root == own.symbol or own.word is None or own.word != other.word:
            return None
        if own.is_tracked and other.paper == Paper.SHARE.value and own.paper == other.paper:
            return None
        return self.companies[other.security_id]


def _may_be_classes(own: _Naming, other: _Naming) -> bool:
    """Whether two lines under one name can have one issuer."""
    return (
        Paper.SHARE.value not in (own.paper, other.paper)
        or own.paper != other.paper
        or own.letter is not None
        or other.letter is not None
        or _shared_letters(own, other) >= _CLASS_LETTERS
    )


def _shared_letters(own: _Naming, other: _Naming) -> int:
    """How many letters the two symbols begin with alike."""
    pairs = zip(own.symbol, other.symbol, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _told(
    spans: pl.DataFrame, companies: Mapping[str, str], overrides: Sequence[IdentityOverride]
) -> list[tuple[str, str]]:
    """The line and the company of every override that speaks of companies."""
    told = []
    for override in overrides:
        if override.starts_a_run:
            continue
        bearers = dict(
            spans.filter(
                pl.col("symbol").is_in([override.symbol, override.other_symbol or ""])
                & (pl.col("first_session") <= override.session)
                & (pl.col("last_session") >= override.session)
            )
            .select("symbol", "security_id")
            .iter_rows()
        )
        line, other = bearers.get(override.symbol), bearers.get(override.other_symbol or "")
        if line is not None and override.link is LinkKind.OWN_COMPANY:
            told.append((line, f"C{line[1:]}"))
        elif line is not None and other is not None:
            told.append((line, companies[other]))
    return told
