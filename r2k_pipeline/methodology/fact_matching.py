"""Which reference row speaks of which line.

A symbol alone does not prove it, since symbols are used again; a year and a word
of the company's name do. The facts themselves stand in ``rulebook/reference/``.
"""

from __future__ import annotations

import polars as pl

# Shorter words, such as "the" or "inc", are in too many names to prove anything.
_SHORTEST_WORD = 2
_COMMON_WORDS = ("the", "inc", "corp", "co", "ltd", "plc", "group", "holdings", "and", "of")


def facts_by_line(lines: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Match facts to lines by symbol, year and a word of the name.

    Args:
        lines: Read: `session`, `symbol`, `name`; distinct combinations suffice.
        facts: As `rulebook.reference_facts` gives them: `symbol`, `company`,
            `first_year`, `last_year` and whatever is known.

    Returns:
        `symbol`, `name`, `year` and the facts' other columns, one row per symbol,
        name and year of which a fact speaks.

    Notes:
        A line without a name matches nothing. Facts are dated by year, so a fact
        of the session's own year is used on all of its sessions.

    Example:
        >>> from datetime import date
        >>> lines = pl.DataFrame({
        ...     "session": [date(2022, 5, 6)] * 2, "symbol": ["ACN", "ACN"],
        ...     "name": ["Accenture plc Class A Ordinary Shares", "Acorn Energy Inc."],
        ... })
        >>> facts = pl.DataFrame({
        ...     "symbol": ["ACN"], "company": ["Accenture"], "annual_form": ["10-K"],
        ...     "first_year": [2021], "last_year": [None],
        ... }, schema_overrides={"last_year": pl.Int32, "first_year": pl.Int32})
        >>> facts_by_line(lines, facts).select("name", "year", "annual_form").rows()
        [('Accenture plc Class A Ordinary Shares', 2022, '10-K')]
    """
    asked = (
        lines.select("symbol", "name", pl.col("session").dt.year().cast(pl.Int32).alias("year"))
        .unique()
        .join(facts.with_columns(words=_words()), on="symbol")
    )
    in_force = pl.col("year").is_between(
        pl.col("first_year"), pl.col("last_year").fill_null(pl.col("year"))
    )
    return (
        _named(asked.filter(in_force), ["symbol", "name", "year"])
        .drop("first_year", "last_year")
        .sort("symbol", "name", "year")
    )


def facts_by_session(lines: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Match facts that hold for one session to lines by symbol and a word of the name.

    Args:
        lines: Read: `session`, `symbol`, `name`.
        facts: `symbol`, `company`, `session` and whatever is known.

    Returns:
        `session`, `symbol`, `name` and the facts' other columns, one row per line
        and session of which a fact speaks.

    Example:
        >>> from datetime import date
        >>> day = date(2022, 5, 6)
        >>> lines = pl.DataFrame({
        ...     "session": [day, day], "symbol": ["HAL", "HAL"], "name": ["Halden Inc.", "Hallo"],
        ... })
        >>> facts = pl.DataFrame({
        ...     "symbol": ["HAL"], "company": ["Halden"], "session": [day],
        ...     "verdict": ["left_out"],
        ... })
        >>> facts_by_session(lines, facts).rows()
        [(datetime.date(2022, 5, 6), 'HAL', 'Halden Inc.', 'left_out')]
    """
    key = ["session", "symbol", "name"]
    asked = lines.select(key).join(facts.with_columns(words=_words()), on=["session", "symbol"])
    return _named(asked, key)


def _words() -> pl.Expr:
    """The words of a company's name that can prove something."""
    return (
        pl.col("company")
        .str.to_lowercase()
        .str.extract_all(rf"[a-z0-9]{{{_SHORTEST_WORD},}}")
        .list.set_difference(pl.lit(list(_COMMON_WORDS)))
    )


def _named(asked: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """The pairs of line and fact of which a word occurs in the line's name."""
    name = pl.col("name").str.to_lowercase()
    return (
        asked.explode("words")
        .filter(name.str.contains(pl.col("words"), literal=True))
        .drop("words", "company")
        .unique(key, keep="first", maintain_order=True)
    )
