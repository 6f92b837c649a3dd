"""What kind of paper a line is, by more than its name.

1. Facts on the issuer (`facts`) come before what the name says of the issuer,
   but never change the paper: a fund's note stays a note.
2. The table of `line_types` reads symbol, name, industry and sector.
3. Lines that it leaves as shares are asked whether they behave like a
   blank-cheque company before its merger: units or warrants listed beside them,
   closes at the trust's value, a name or an industry that such companies have.

Every verdict on a session uses that session and earlier ones only. Add a kind of
evidence as a sign of `blank_cheque_signs` and a row of `SPAC_RULES`; keep words alone
in `line_types`, and facts on single companies in the rulebook's reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from r2k_pipeline.methodology.blank_cheque_signs import (
    blank_cheque_signs,
    is_young,
    style_of_name,
)
from r2k_pipeline.methodology.line_types import line_type, type_evidence
from r2k_pipeline.rulebook.reasons import LineType

if TYPE_CHECKING:
    from datetime import date

_LINE: Final = ("session", "exchange", "symbol")
# What is decided once for each distinct text, since sessions repeat them hundreds of times.
_TEXTS: Final = ("symbol", "name", "industry", "sector")
_COLUMNS: Final = (*_LINE, "line_type", "type_evidence")

_PAPER: Final = (
    LineType.UNIT.value,
    LineType.WARRANT.value,
    LineType.RIGHT.value,
    LineType.NOTE.value,
    LineType.PREFERRED.value,
    LineType.DEPOSITARY_RECEIPT.value,
)
_A_WEEK: Final = 5
_REGULATED: Final = r"(?i)bank|savings|insur"


@dataclass(frozen=True, kw_only=True)
class SpacRule:
    """One row of the table of evidence beyond names.

    Attributes:
        is_spac: The verdict.
        when: Boolean over the columns of `blank_cheque_signs`.
        evidence: Text over the same columns that travels with the line.
        sentence: The rule in words.
    """

    is_spac: bool
    when: pl.Expr
    evidence: pl.Expr
    sentence: str


# Only a known year of listing tells a young company from an old one at a bidder's price.
_IS_YOUNG = is_young()
_MAY_BE_SPAC = (_IS_YOUNG | pl.col("ipo_year").is_null()) & ~pl.col("industry").fill_null(
    ""
).str.contains(_REGULATED)
_TWO_SIGNS = (
    (pl.col("has_sibling") & pl.col("is_styled"))
    | (pl.col("has_sibling") & pl.col("is_shell_industry"))
    | (pl.col("is_styled") & pl.col("is_shell_industry"))
)
_IS_NAMED = pl.col("type_evidence") == "name: acquisition company"
_IS_PUT_THERE = pl.col("type_evidence") == "industry: Blank Checks"
_BETWEEN = pl.format(
    "trust value: {} closes between {} and {}",
    pl.col("closes"), pl.col("low_usd").round(2), pl.col("high_usd").round(2),
)  # fmt: skip
_LEFT = pl.format(
    "left its trust value: {} closes between {} and {}",
    pl.col("closes"), pl.col("low_usd").round(2), pl.col("high_usd").round(2),
)  # fmt: skip

SPAC_RULES: Final = (
    SpacRule(
        is_spac=False,
        when=(_IS_NAMED | _IS_PUT_THERE) & pl.col("is_fallen") & ~pl.col("has_unit"),
        evidence=_LEFT,
        sentence="Closes below the trust's value come after the merger, before the name follows.",
    ),
    SpacRule(
        is_spac=True,
        when=_IS_NAMED,
        evidence=pl.col("type_evidence"),
        sentence="The name is that of a company made to merge with another.",
    ),
    SpacRule(
        is_spac=True,
        when=_IS_PUT_THERE & (pl.col("is_near") | pl.col("is_styled") | pl.col("has_unit")),
        evidence=pl.col("type_evidence"),
        sentence="The feed puts it among blank-cheque companies, and nothing speaks against it.",
    ),
    SpacRule(
        is_spac=False,
        when=_IS_PUT_THERE,
        evidence=_LEFT,
        sentence="The feed's industry is older than the merger that the closes show.",
    ),
    SpacRule(
        is_spac=True,
        when=pl.col("has_unit")
        & _MAY_BE_SPAC
        & (pl.col("is_near") | (pl.col("is_styled") & pl.col("is_far_above").not_())),
        evidence=pl.lit("siblings: its units are listed"),
        sentence="Units of a share and a warrant end with the merger; these are still listed.",
    ),
    SpacRule(
        is_spac=True,
        when=pl.col("is_numbered") & _IS_YOUNG & _MAY_BE_SPAC & ~pl.col("is_fallen"),
        evidence=pl.lit("name: numbered company"),
        sentence="A young company that its sponsor numbers, as no business is named after it.",
    ),
    SpacRule(
        is_spac=True,
        when=pl.col("is_still") & _IS_YOUNG & _MAY_BE_SPAC & ~pl.col("is_steady_business"),
        evidence=_BETWEEN,
        sentence="For weeks the closes of a young company hardly move from the trust's value.",
    ),
    SpacRule(
        is_spac=True,
        when=pl.col("is_quiet")
        & _MAY_BE_SPAC
        & (
            pl.col("has_sibling")
            | pl.col("is_shell_industry")
            | (pl.col("is_styled") & _IS_YOUNG & ~pl.col("is_steady_business"))
        ),
        evidence=_BETWEEN,
        sentence="Closes hardly leave the trust's value, and the name, the industry or a sibling "
        "says the same.",
    ),
    SpacRule(
        is_spac=True,
        when=pl.col("is_near") & (pl.col("closes") >= _A_WEEK) & _MAY_BE_SPAC & _TWO_SIGNS,
        evidence=_BETWEEN,
        sentence="Closes stay near the trust's value, and two other signs say the same.",
    ),
)


def classify_lines(
    listings: pl.DataFrame, securities: pl.DataFrame, facts: pl.DataFrame, *, start: date
) -> pl.DataFrame:
    """Tell what kind of paper each line is on each session, and by which evidence.

    Args:
        listings: Contract `raw_listings`, the sessions asked for and up to sixty
            before them as context. A line is judged on what history there is.
        securities: Contract `securities`; says which lines are siblings.
        facts: `symbol`, `company`, `kind`, `first_year`, `last_year` (null while
            it holds): kinds of issuers that names do not tell. A row speaks of a
            line when symbol and year fit and the first word of `company` occurs
            in the line's name.
        start: First session asked for.

    Returns:
        `session`, `exchange`, `symbol`, `line_type` (a value of
        `rulebook.reasons.LineType`), `type_evidence` (null for shares about which
        no rule speaks), sorted by these keys; one row per listing from `start`.

    Notes:
        A session is judged by itself and earlier ones; later rows change nothing.

    Example:
        >>> from datetime import date, timedelta
        >>> days = [date(2024, 3, 4) + timedelta(days=n) for n in range(8)]
        >>> listings = pl.DataFrame({
        ...     "session": days, "exchange": "nyse", "symbol": "HALD",
        ...     "name": "Halden Growth Corp. Class A Ordinary Shares",
        ...     "close_usd": [10.1, 10.1, 10.11, 10.1, 10.12, 10.1, 10.11, 10.12],
        ...     "ipo_year": 2023, "industry": "Business Services", "sector": "Finance",
        ... })
        >>> securities = pl.DataFrame({
        ...     "symbol": ["HALD"], "security_id": ["S-HALD"], "company_id": ["C-HALD"],
        ...     "first_session": days[:1], "last_session": days[-1:],
        ... })
        >>> facts = pl.DataFrame({
        ...     "symbol": [], "company": [], "kind": [], "first_year": [], "last_year": [],
        ... }, schema_overrides=dict.fromkeys(("symbol", "company", "kind"), pl.String))
        >>> classify_lines(listings, securities, facts, start=days[-1]).row(0)[3:]
        ('spac', 'trust value: 8 closes between 10.1 and 10.12')

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 5.11 and 5.13.
    """
    named = _by_name(listings)
    told = _by_facts(named, facts, start=start)
    judged = _by_behaviour(named, securities, start=start).join(told, on=_LINE, how="anti")
    settled = pl.concat([told, judged])
    asked = named.filter(pl.col("session") >= start).select(_COLUMNS)
    is_settled = pl.col("line_type_settled").is_not_null()
    return (
        asked.join(settled, on=_LINE, how="left", suffix="_settled")
        .select(
            *_LINE,
            *(
                pl.when(is_settled).then(f"{column}_settled").otherwise(column).alias(column)
                for column in ("line_type", "type_evidence")
            ),
        )
        .sort(_LINE)
    )


def _by_name(listings: pl.DataFrame) -> pl.DataFrame:
    """Listings with what their words say: type, its evidence, style, other units."""
    texts = listings.select(_TEXTS).unique()
    kinds = texts.with_columns(
        *style_of_name(), line_type=line_type(), type_evidence=type_evidence()
    )
    return listings.select(*_LINE, *_TEXTS[1:], "close_usd", "ipo_year").join(
        kinds, on=list(_TEXTS), how="left", nulls_equal=True
    )


def _by_facts(named: pl.DataFrame, facts: pl.DataFrame, *, start: date) -> pl.DataFrame:
    """The lines of which a fact speaks, with the kind it gives them."""
    told = facts.select(
        "symbol",
        pl.col("first_year", "last_year").cast(pl.Int32),
        kind="kind",
        word=pl.col("company").str.to_lowercase().str.extract(r"^(\S+)"),
    )
    year = pl.col("session").dt.year()
    return (
        named.filter((pl.col("session") >= start) & ~pl.col("line_type").is_in(_PAPER))
        .join(told, on="symbol", how="inner")
        .filter(
            (pl.col("first_year") <= year)
            & (pl.col("last_year").is_null() | (year <= pl.col("last_year")))
            & pl.col("name").str.to_lowercase().str.contains(pl.col("word"), literal=True)
        )
        .unique(_LINE, keep="first", maintain_order=True)
        .select(*_LINE, line_type="kind", type_evidence=pl.format("reference: {}", "kind"))
    )


def _by_behaviour(named: pl.DataFrame, securities: pl.DataFrame, *, start: date) -> pl.DataFrame:
    """The shares of which a rule on blank-cheque companies speaks, with its verdict."""
    signs = blank_cheque_signs(named, securities).filter(pl.col("session") >= start)
    # The texts are made for the few rows that a rule decides, not for all that were asked.
    decided = signs.with_columns(
        rule=pl.coalesce(
            *(pl.when(rule.when).then(pl.lit(place)) for place, rule in enumerate(SPAC_RULES))
        )
    ).filter(pl.col("rule").is_not_null())
    is_spac = pl.col("rule").is_in([place for place, rule in enumerate(SPAC_RULES) if rule.is_spac])
    return decided.select(
        *_LINE,
        line_type=pl.when(is_spac)
        .then(pl.lit(LineType.SPAC.value))
        .otherwise(pl.lit(LineType.COMMON.value)),
        type_evidence=pl.coalesce(
            *(
                pl.when(pl.col("rule") == place).then(rule.evidence)
                for place, rule in enumerate(SPAC_RULES)
            )
        ),
    )
