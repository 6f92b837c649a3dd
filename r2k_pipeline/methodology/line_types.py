"""What kind of paper a listing is: one ordered table of rules.

First match wins, so a warrant on a SPAC's share is a warrant. To teach the
pipeline a new kind, add a row to `_RULES`; the reason a kind is left out stands
in `rulebook.reasons`.
"""

from __future__ import annotations

import polars as pl

from r2k_pipeline.rulebook.reasons import LineType

_NAME = pl.col("name")
_SYMBOL = pl.col("symbol")
_INDUSTRY = pl.col("industry").fill_null("")
_SECTOR = pl.col("sector").fill_null("")


def _says(pattern: str) -> pl.Expr:
    """Whether the name contains the pattern, whatever the case; no name says nothing."""
    return _NAME.str.contains(f"(?i){pattern}").fill_null(value=False)


_RULES: tuple[tuple[LineType, pl.Expr], ...] = (
    (LineType.WARRANT, _says(r"\bwarrants?\b") | _SYMBOL.str.contains(r"/WS")),
    (LineType.RIGHT, _says(r"\brights?\b")),
    (LineType.UNIT, _says(r"\bunits?\b") & ~_says(r"limited partner|\bl\.?p\.?\b|common units?")),
    (
        LineType.NOTE,
        _says(
            r"\b(?:notes?|debentures?|bonds?|subordinated debentures?)\b|\bdue 20\d\d\b"
            r"|\bexchange[- ]traded notes?\b"
        ),
    ),
    (
        LineType.PREFERRED,
        # Preferreds are listed under the root's symbol and a caret.
        _SYMBOL.str.contains(r"\^")
        | _says(
            r"\b(?:preferred|preference|pfd|cumulative|perpetual)\b|\d\.?\d*\s*%|1/1,?000"
            r"|\bmandatory convertible\b"
        ),
    ),
    (
        LineType.DEPOSITARY_RECEIPT,
        _says(
            r"\bdeposit[ao]ry\b|\bADRs?\b|\bADSs?\b|\bNew York Registry\b|\bNY Registry\b"
            r"|\bAmerican Shares\b"
        ),
    ),
    (LineType.ROYALTY_TRUST, _says(r"\broyalty\b.*\btrust\b|\btrust\b.*\broyalty\b")),
    (
        LineType.LIMITED_PARTNERSHIP,
        _says(
            r"\bL\.?\s?P\.?(?:\s|$|,)|\blimited partner|\bpartners,? l\.?p\b|\bpartnership\b"
            r"|\bcommon units?\b"
        ),
    ),
    (
        LineType.FUND,
        _says(
            r"\bfunds?\b|\bETFs?\b|\bclosed[- ]end\b|\bmunicipal\b|\bmuni\b"
            r"|\b(?:income|dividend|opportunit(?:y|ies)|term|bond|credit|equity|growth|rate)"
            r" trust\b"
        )
        | (_says(r"\bshares? of beneficial interest\b") & (_SECTOR != "Real Estate")),
    ),
    (
        LineType.SPAC,
        (_INDUSTRY == "Blank Checks")
        | _says(
            r"\bacquisitions? (?:corp|co\b|company|inc|ltd|limited|holdings|i+\b|v)|\bblank check\b"
        ),
    ),
    (LineType.LLC, _says(r"\bLLC\b|\bL\.L\.C\.")),
    (LineType.REIT, _SECTOR == "Real Estate"),
)  # fmt: skip


def line_type() -> pl.Expr:
    """Classify each listing by its symbol, name, industry and sector.

    Returns:
        Text, a value of `rulebook.reasons.LineType`; `common` when no rule
        speaks. Reads the columns `symbol`, `name`, `industry` and `sector`; a
        missing name, industry or sector says nothing.

    Example:
        >>> lines = pl.DataFrame({
        ...     "symbol": ["HAL", "HAL^A", "BLNK"],
        ...     "name": ["Halden Inc. Common Stock", "Halden Inc. Series A", "Blank One Corp."],
        ...     "industry": [None, None, "Blank Checks"],
        ...     "sector": [None, None, "Finance"],
        ... })
        >>> lines.select(line_type().alias("line_type")).to_series().to_list()
        ['common', 'preferred', 'spac']

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 5.11 and 5.13.
    """
    verdicts = [pl.when(rule).then(pl.lit(kind.value)) for kind, rule in _RULES]
    return pl.coalesce(*verdicts, pl.lit(LineType.COMMON.value))
