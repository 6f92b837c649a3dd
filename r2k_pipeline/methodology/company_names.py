r"""What a listing's name and symbol say: the company, the paper, the class.

A feed without identifiers gives one text a line, such as "Halden Inc. Class A
Common Stock". Everything that identity reads out of that text, or out of the way
a symbol is built, is read here, as Polars expressions; what the answer means is
decided in `identity`. Which type of line the index sees is `line_types`'s.
"""

from __future__ import annotations

from enum import StrEnum

import polars as pl

# A class letter says which line of a company this is, not which company.
_CLASS = r"\b(?:class|series|cl\.?|sh)\s+[a-z0-9]\b"
# From the first of these words on, a name describes the paper and not the company.
_PAPER = (
    r"^(.+?\s)(?:(?:common|ordinary|capital|voting|subordinated?|restricted|multiple voting)"
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
        .str.replace(_PAPER, "$1")
        .str.replace_all(r"\bcorporation\b", "corp")
        .str.replace_all(r"\bcompany\b", "co")
        .str.replace_all(r"\bincorporated\b", "inc")
        .str.replace_all(r"\blimited\b", "ltd")
        .str.replace_all(r"[^a-z0-9 ]", " ")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )


# A tracking stock's name goes on after its issuer or class: "Series A Orbis Racing Common Stock",
# "Halden Inc. Freight Group Common Stock".
_AFTER_CLASS = r"\b(?:class|series) [a-z] (.+?) (?:common|capital) stock\b"
_AFTER_ISSUER = (
    r"\b(?:inc|corp|corporation|company)\.?,? (.+? group)"
    r" (?:(?:class|series) [a-z] )?(?:common|capital) stock\b"
)
# Words that describe a paper or an issuer, and so no group.
_NO_GROUP = (
    r"\b(?:class|series|voting|vot|votes?|non|sub|subordinated?|restricted|limited|multiple"
    r"|convertible|exchangeable|preferred|warrants?|units?|rights?|deposit[ao]ry|ad[rs]s?|shares?"
    r"|each|consisting|par|value|inc|corp|corporation|company|ltd|plc|co)\b|\d"
)


def tracked_group(name: pl.Expr) -> pl.Expr:
    """Read the group that a tracking stock follows; null for other lines.

    Args:
        name: Text column; null stays null.

    Returns:
        Lower-case text.

    Example:
        >>> names = pl.Series([
        ...     "Orbis Media Corp. Series A Orbis Racing Common Stock",
        ...     "Halden Inc. Freight Group Common Stock",
        ...     "Halden Inc. Class A Non-Voting Common Stock",
        ... ])
        >>> pl.select(tracked_group(pl.lit(names))).to_series().to_list()
        ['orbis racing', 'freight group', None]
    """
    said = name.str.to_lowercase()
    group = pl.coalesce(said.str.extract(_AFTER_CLASS), said.str.extract(_AFTER_ISSUER))
    return pl.when(~group.str.contains(_NO_GROUP)).then(group)


class Paper(StrEnum):
    """Kinds of paper that never turn into one another by a change of symbol."""

    SHARE = "share"
    WARRANT = "warrant"
    UNIT = "unit"
    RIGHT = "right"
    FIXED = "fixed"
    """Preferred stock, notes and other paper with a coupon."""


# The first of these words tells the paper: a warrant's name goes on to name the share it buys.
_TELLING = (
    r"\b(warrants?|common units?|partner\w* units?|units?|rights?|common|ordinary|capital stock"
    r"|american deposit|deposit[ao]ry shares?|preferred|preference|cumulative|perpetual"
    r"|\d+(?:\.\d+)?\s*%|notes?\b|debentures?)"
)
# How the feeds write what follows a symbol's root: ABC^D and ABC.PRD, ABC/A and ABC.A.
_PREFERRED_MARK = r"^(.+?)(?:\.PR|\^)([A-Z]?)$"
_CLASS_MARK = r"^(.+?)[./]([A-Z])$"
_UNIT_MARK = r"^(.+?)[./]U$"
_WARRANT_MARK = r"^(.+?)[./]WS(?:[./]([A-Z]))?$"
# Words with which unrelated companies begin their names.
_COMMON_FIRST_WORD = r"^(?:the|new|first|american|united|global|us|u) "


def paper(name: pl.Expr, symbol: pl.Expr) -> pl.Expr:
    """Tell the kind of paper from the first telling word, or else from the symbol.

    Args:
        name: Text column; null counts as silent.
        symbol: As listed; never null.

    Returns:
        A value of `Paper`; a line that says nothing is a share.

    Example:
        >>> names = pl.Series(["Halden Inc. Warrant to purchase common stock", "Halden Inc."])
        >>> symbols = pl.Series(["HALDW", "HAL^B"])
        >>> pl.select(paper(pl.lit(names), pl.lit(symbols))).to_series().to_list()
        ['warrant', 'fixed']
    """
    word = name.str.to_lowercase().str.replace_all(r"\(.*?\)", " ").str.extract(_TELLING)
    said = (
        pl.when(word.str.starts_with("warrant"))
        .then(pl.lit(Paper.WARRANT.value))
        .when(word.str.contains(r"^units?$"))
        .then(pl.lit(Paper.UNIT.value))
        .when(word.str.starts_with("right"))
        .then(pl.lit(Paper.RIGHT.value))
        .when(word.str.contains(r"^(?:pref|cumul|perp|depos|\d|note|deben)"))
        .then(pl.lit(Paper.FIXED.value))
        .when(word.is_not_null())
        .then(pl.lit(Paper.SHARE.value))
    )
    marked = (
        pl.when(symbol.str.contains(_PREFERRED_MARK))
        .then(pl.lit(Paper.FIXED.value))
        .when(symbol.str.contains(_WARRANT_MARK))
        .then(pl.lit(Paper.WARRANT.value))
        .when(symbol.str.contains(_UNIT_MARK))
        .then(pl.lit(Paper.UNIT.value))
    )
    fifth = symbol.str.extract(r"^[A-Z]{4}([WUR])$").replace_strict(
        {"W": Paper.WARRANT.value, "U": Paper.UNIT.value, "R": Paper.RIGHT.value},
        default=None,
        return_dtype=pl.String,
    )
    return pl.coalesce(marked, said, fifth, pl.lit(Paper.SHARE.value))


def class_letter(name: pl.Expr) -> pl.Expr:
    """Read the class or series that a name states; null if it states none.

    Example:
        >>> name = pl.Series(["Halden Inc. Class A Common Stock", "Halden Inc."])
        >>> pl.select(class_letter(pl.lit(name))).to_series().to_list()
        ['a', None]
    """
    return name.str.to_lowercase().str.extract(r"\b(?:class|series|cl\.?)\s+([a-z0-9])\b")


def coupon(name: pl.Expr) -> pl.Expr:
    """Read the first percentage in a name, as a number in percent; null if there is none.

    Example:
        >>> name = pl.Series(["Halden Inc. 7.250% Senior Notes due 2027", "Halden Inc."])
        >>> pl.select(coupon(pl.lit(name))).to_series().to_list()
        [7.25, None]
    """
    return name.str.extract(r"(\d+(?:\.\d+)?)\s*%").cast(pl.Float64)


def leading_word(key: pl.Expr) -> pl.Expr:
    """The first telling word of a `company_key`: "the" and its like say nothing.

    Example:
        >>> keys = pl.Series(["the halden co", "halden group inc", ""])
        >>> pl.select(leading_word(pl.lit(keys))).to_series().to_list()
        ['halden', 'halden', None]
    """
    return key.str.replace(_COMMON_FIRST_WORD, "").str.extract(r"^(\w{2,})")


def number_in_name(key: pl.Expr) -> pl.Expr:
    """The number that tells one blank-check company of a sponsor from the next; "" if none.

    Example:
        >>> keys = pl.Series(["halden acquisition corp ii", "halden acquisition corp"])
        >>> pl.select(number_in_name(pl.lit(keys))).to_series().to_list()
        ['ii', '']
    """
    return key.str.extract(r"\b(\d+|[ivx]{1,4})\b").fill_null("")


def symbol_root(symbol: pl.Expr, paper_kind: pl.Expr) -> pl.Expr:
    """The symbol of the company's first line, as far as the symbol shows it.

    Args:
        symbol: As listed.
        paper_kind: `Paper` of the line: a fifth letter is a mark only on paper that
            is no share.

    Example:
        >>> symbols, kinds = pl.Series(["BRK/B", "ABR^D", "HALDW", "GOOGL"]), pl.Series(
        ...     ["share", "fixed", "warrant", "share"])
        >>> pl.select(symbol_root(pl.lit(symbols), pl.lit(kinds))).to_series().to_list()
        ['BRK', 'ABR', 'HALD', 'GOOGL']
    """
    lettered = pl.when(paper_kind != Paper.SHARE.value).then(
        symbol.str.extract(r"^([A-Z]{3,4})\w$")
    )
    marks = (_PREFERRED_MARK, _WARRANT_MARK, _CLASS_MARK)
    return pl.coalesce(*(symbol.str.extract(mark, 1) for mark in marks), lettered, symbol)


def symbol_suffix(symbol: pl.Expr, paper_kind: pl.Expr) -> pl.Expr:
    """What follows the root, in one spelling for all feeds; "" if nothing does.

    Example:
        >>> symbols, kinds = pl.Series(["ABR^D", "ABR.PRD", "BRK.B", "HALDW", "GOOGL"]), pl.Series(
        ...     ["fixed", "fixed", "share", "warrant", "share"])
        >>> pl.select(symbol_suffix(pl.lit(symbols), pl.lit(kinds))).to_series().to_list()
        ['^D', '^D', '/B', 'W', '']
    """
    lettered = pl.when(paper_kind != Paper.SHARE.value).then(
        symbol.str.extract(r"^[A-Z]{3,4}(\w)$")
    )
    return pl.coalesce(
        "^" + symbol.str.extract(_PREFERRED_MARK, 2),
        pl.when(symbol.str.contains(_WARRANT_MARK)).then(
            "+" + symbol.str.extract(_WARRANT_MARK, 2).fill_null("")
        ),
        "/" + symbol.str.extract(_CLASS_MARK, 2),
        lettered,
        pl.lit(""),
    )
