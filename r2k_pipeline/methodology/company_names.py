r"""What a listing's name says: the company, and what kind of paper it is.

A feed without identifiers gives one text a line, such as "Halden Inc. Class A
Common Stock". Everything read out of that text is read here, as Polars
expressions over the name; what the answer means is decided in `identity` and
`universe`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

# A class letter says which line of a company this is, not which company.
_CLASS = r"\b(?:class|series|cl\.?|sh)\s+[a-z0-9]\b"
# From the first of these words on, a name describes the paper and not the company.
_PAPER = (
    r"\b(?:(?:common|ordinary|capital|voting|subordinated?|restricted|multiple voting)"
    r"(?:\s+\w+)?\s+(?:stock|shares?|voting)|limited voting|american deposit[ao]ry"
    r"|deposit[ao]ry (?:shares?|receipts?)|ads\b|adr\b|shares? of beneficial|common units?"
    r"|units?\b|warrants?\b|rights?\b|preferred"
    r"|preference|perpetual|cumulative|redeemable|\d+(?:\.\d+)?\s*%|notes? due|senior notes?"
    r"|debentures?|no par|par value|each representing|new york registry|ordinary share\b).*$"
)


def company_key(name: pl.Expr) -> pl.Expr:
    """Reduce a line's name to the key by which lines of one company are joined.

    Class letters, the description of the paper, brackets, punctuation and case
    go; a tracking group's own words stay, because tracking stocks that behave
    independently are ranked apart.

    Args:
        name: Text column; null stays null.

    Returns:
        Lower-case text. Two names with one key are taken for one company.

    Example:
        >>> import polars as pl
        >>> names = pl.Series([
        ...     "Halden Inc. Class A Common Stock",
        ...     "Halden Inc. Class C Capital Stock",
        ...     "Orbis Media Corp. Series A Orbis Racing Common Stock",
        ... ])
        >>> pl.select(company_key(pl.lit(names))).to_series().to_list()
        ['halden inc', 'halden inc', 'orbis media corp orbis racing']

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 6.2.2 on tracking stocks.
    """
    return (
        name.str.to_lowercase()
        .str.replace_all(r"\(.*?\)", " ")
        .str.replace_all(_CLASS, " ")
        .str.replace(_PAPER, "")
        .str.replace_all(r"\bcorporation\b", "corp")
        .str.replace_all(r"\bcompany\b", "co")
        .str.replace_all(r"\bincorporated\b", "inc")
        .str.replace_all(r"\blimited\b", "ltd")
        .str.replace_all(r"[^a-z0-9 ]", " ")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )
