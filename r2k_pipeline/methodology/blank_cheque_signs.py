"""What a share's history and its siblings say of a blank-cheque company before its merger.

Measures signs and gives no verdict: the rules of `line_behaviour` do. Each sign
of a session is made of that session and earlier ones. Add a sign as a column of
`blank_cheque_signs`; keep out what the words of one listing tell (`line_types`),
except the words that count only together with closes or siblings.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from r2k_pipeline.rulebook.reasons import LineType

# A trust starts at 10 dollars a share and earns interest until the merger. A month of closes
# shows how narrowly a line trades, a week whether it does at all.
_TRUST_LOW_USD: Final = 9.4
_TRUST_HIGH_USD: Final = 12.5
_WELL_ABOVE_TRUST_USD: Final = 18.0
_WINDOW_SESSIONS: Final = 20
# A company at a bidder's price is as quiet, but came from elsewhere not long ago.
_MEMORY_SESSIONS: Final = 60
_MEMORY_LOW_USD: Final = 9.0
_FEWEST_SESSIONS: Final = 5
# The feed forgets units and warrants on single sessions.
_SEEN_SESSIONS: Final = 5
# Mean absolute change of the close from session to session.
_QUIET_CHANGE: Final = 0.006
_QUIET_RANGE: Final = 1.06
_CALM_CHANGE: Final = 0.02
# Without any other sign: the trust's value of the first three years, and hardly a move.
_STILL_LOW_USD: Final = 9.5
_STILL_HIGH_USD: Final = 10.9
_STILL_CHANGE: Final = 0.004
_STILL_RANGE: Final = 1.04
_STILL_SESSIONS: Final = 15
_SHELL_SHARE: Final = 0.5
_SHELL_LINES: Final = 10
# Exchanges let a blank-cheque company search for three years; the feed tells years only.
OLDEST_YEARS: Final = 4

_SHARES: Final = (LineType.COMMON.value, LineType.REIT.value, LineType.SPAC.value)
_SIBLINGS: Final = (LineType.UNIT.value, LineType.WARRANT.value, LineType.RIGHT.value)
# Numbered companies of one sponsor, and words that name an aim but no business.
_STYLE: Final = (
    r"(?i)(?:\b(?:corp\w*|co|company|inc|ltd|limited|holdings?|partners?|capital|growth|group|one"
    r"|technolog(?:y|ies)|principal|opportunit(?:y|ies)|investments?|beneficial|ascend|i)\.?,? "
    r"(?:I{1,3}|IV|VI{0,3}|IX|XI{0,3}|[1-9]|one|two|three|four|five|Z|Y)\b)"
    r"|\b(?:capital|growth|opportunit(?:y|ies)|investment|transition|special situations"
    r"|principal holdings|sponsor|impact|horizon) (?:corp|corporation|co|company|inc|ltd|limited"
    r"|holdings)\b|\bgrowth (?:capital|opportunit|partners)"
)
_NUMBERED: Final = (
    r"(?i)\b\w{2,}\.? (?:I{2,3}|IV|VI{0,3}|IX|XI{0,3}|[2-7]|two|three|four|five|six)[ ,]*"
    r"(?:(?:corp\w*|co|company|inc|ltd|limited|holdings?|partners?)\.?[ ,]*){0,2}"
    r"(?:class [a-c]\b|common|ordinary|$)"
)
_NUMBERED_PAPER: Final = r"(?i)\b(?:class|series|pfd|trust) [IVX\d]+\b"
# Units that a company sells besides its shares, with a purchase contract instead of a warrant.
_OTHER_UNITS: Final = r"(?i)\b(?:corporate|equity|purchase|preferred|trust)\b.*\bunits?\b"
_REGULATED: Final = r"(?i)bank|savings|insur"
_STEADY_BUSINESS: Final = (
    r"(?i)banc|bank|financ|savings|insur|\btrust\b|\bfund\b|reit\b|realty|propert"
)
_CODES: Final = ("text", "symbol_code", "name_code", "industry_code")
_ROOT: Final = r"^(.+?)(?:[./](?:UN?|WS|W|RT?)\b.*|[UWRLZ])$"


def style_of_name() -> list[pl.Expr]:
    """Read what a name hints at, which counts only together with other signs.

    Returns:
        Booleans over `name`, never null: `is_styled` (names an aim, or a number
        of its sponsor), `is_numbered` (ends with the number), `is_steady_business`
        (a kind of business whose closes can stand still), `is_other_unit` (a unit
        of another kind than a blank-cheque company's).

    Example:
        >>> names = pl.DataFrame({"name": ["Halden Growth Corp. II Class A", "Halden Steel Inc."]})
        >>> names.select(style_of_name()).select("is_styled", "is_numbered").rows()
        [(True, True), (False, False)]
    """
    name = pl.col("name")
    hints = {
        "is_styled": name.str.contains(_STYLE),
        "is_numbered": name.str.contains(_NUMBERED) & ~name.str.contains(_NUMBERED_PAPER),
        "is_steady_business": name.str.contains(_STEADY_BUSINESS),
        "is_other_unit": name.str.contains(_OTHER_UNITS),
    }
    return [hint.fill_null(value=False).alias(sign) for sign, hint in hints.items()]


def is_young() -> pl.Expr:
    """Whether the feed knows the year of listing and it is recent.

    Returns:
        Boolean over `ipo_year` and `session`, never null.

    Example:
        >>> from datetime import date
        >>> day = date(2024, 5, 1)
        >>> lines = pl.DataFrame({"ipo_year": [2022, 1999, None], "session": [day] * 3})
        >>> lines.select(is_young().alias("young")).to_series().to_list()
        [True, False, False]
    """
    return (pl.col("ipo_year") >= pl.col("session").dt.year() - OLDEST_YEARS).fill_null(value=False)


def blank_cheque_signs(
    listings: pl.DataFrame, texts: pl.DataFrame, securities: pl.DataFrame
) -> pl.DataFrame:
    """Measure every share that gives a reason to look.

    Args:
        listings: `row`, `session`, `close_usd`, `ipo_year` and `text`, the place in
            `texts` of what is written of the line.
        texts: Each distinct `symbol`, `name`, `industry` once, with `line_type` and
            `type_evidence` by words and the columns of `style_of_name`.
        securities: Contract `securities`.

    Returns:
        The listings whose line is a share with a positive close, with the columns of
        their text, and besides: `has_unit`, `has_sibling` (units; any of units, warrants
        and rights of the company listed on the session), `is_shell_industry`, `closes`
        (how many, at most twenty, since the name changed), `low_usd`, `high_usd` (of
        these), `is_quiet`, `is_still`, `is_near`, `is_fallen`, `is_far_above` (how they
        lie to a trust's value); booleans are never null. Sorted by `symbol`, `session`.

    Notes:
        A session's signs are made of rows up to it. A symbol that gives no reason
        to look may be absent; later sessions can only bring absent rows back with
        signs that say no.

    Example:
        >>> from datetime import date
        >>> texts = pl.DataFrame({
        ...     "symbol": ["HALD", "HALDU"], "name": ["Halden Corp.", "Halden Corp. Unit"],
        ...     "industry": [None, None], "line_type": ["common", "unit"],
        ...     "type_evidence": [None, "name: unit"],
        ... }, schema_overrides={"industry": pl.String}).with_columns(style_of_name())
        >>> listings = pl.DataFrame({
        ...     "row": [0, 1], "session": [date(2024, 5, 1)] * 2, "close_usd": [10.0, 10.1],
        ...     "ipo_year": [2023, 2023], "text": [0, 1],
        ... })
        >>> securities = pl.DataFrame(schema={
        ...     "symbol": pl.String, "security_id": pl.String, "company_id": pl.String,
        ...     "first_session": pl.Date, "last_session": pl.Date,
        ... })
        >>> signs = blank_cheque_signs(listings, texts, securities)
        >>> signs.select("symbol", "has_unit", "is_near").rows()
        [('HALD', True, True)]
    """
    known = _coded(texts)
    siblings = known.filter(pl.col("line_type").is_in(_SIBLINGS) & ~pl.col("is_other_unit"))
    shells = _shell_industries(listings, known)
    suspects = _suspects(listings, known, _kin(siblings, securities), shells)
    spans = _spans(securities, known)
    shares = listings.filter(pl.col("close_usd") > 0).join(suspects.select(_CODES), on="text")
    beside = listings.select("session", "text").join(
        siblings.select(
            "text", "symbol_code", "root_code", is_unit=pl.col("line_type") == LineType.UNIT.value
        ),
        on="text",
    )
    signs = _with_closes(_with_siblings(_identified(shares, spans), _identified(beside, spans)))
    is_shell = shells.with_columns(is_shell_industry=pl.lit(value=True))
    return (
        signs.join(is_shell, on=["session", "industry_code"], how="left", maintain_order="left")
        .with_columns(pl.col("is_shell_industry").fill_null(value=False))
        .join(
            suspects.drop(*_CODES[1:], "root", "root_code"), on="text", maintain_order="left"
        )
    )  # fmt: skip


def _coded(texts: pl.DataFrame) -> pl.DataFrame:
    """Texts with numbers for what they are joined and grouped by; numbers are quicker."""
    codes = {
        f"{column}_code": pl.col(column).rank("dense").cast(pl.UInt32)
        for column in ("symbol", "name", "industry")
    }
    coded = texts.with_row_index("text").with_columns(
        **codes, root=pl.col("symbol").str.extract(_ROOT)
    )
    roots = coded.select(root="symbol", root_code="symbol_code").unique()
    return coded.join(roots, on="root", how="left")


def _suspects(
    listings: pl.DataFrame, texts: pl.DataFrame, kin: pl.Series, shells: pl.DataFrame
) -> pl.DataFrame:
    """The texts of symbols that on some session give a rule a reason to look.

    Whole histories, since closes are measured over sessions that give no reason.
    """
    shares = texts.filter(pl.col("line_type").is_in(_SHARES))
    closed = listings.filter(pl.col("close_usd") > 0)["text"].unique()
    has_reason = pl.col("text").is_in(closed.implode()) & (
        pl.col("is_styled")
        | pl.col("is_numbered")
        | (pl.col("line_type") == LineType.SPAC.value)
        | pl.col("symbol").is_in(kin.implode())
        | pl.col("industry_code").is_in(shells["industry_code"].unique().implode())
    )
    still = listings.filter(
        pl.col("close_usd").is_between(_STILL_LOW_USD, _STILL_HIGH_USD) & is_young()
    )["text"].unique()  # fmt: skip
    symbols = shares.filter(has_reason | pl.col("text").is_in(still.implode()))["symbol"].unique()
    return shares.filter(pl.col("symbol").is_in(symbols.implode()))


def _shell_industries(listings: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """Session and industry where the feed mostly puts blank-cheque companies."""
    placed = texts.filter(
        pl.col("line_type").is_in(_SHARES) & pl.col("industry_code").is_not_null()
    ).select(
        "text", "industry_code",
        is_shell=(pl.col("type_evidence") == "name: acquisition company").fill_null(value=False),
    )  # fmt: skip
    return (
        listings.select("session", "text")
        .join(placed, on="text")
        .group_by("session", "industry_code")
        .agg(lines=pl.len(), shell_share=pl.col("is_shell").mean())
        .filter((pl.col("lines") >= _SHELL_LINES) & (pl.col("shell_share") >= _SHELL_SHARE))
        .select("session", "industry_code")
    )


def _kin(siblings: pl.DataFrame, securities: pl.DataFrame) -> pl.Series:
    """Symbols that may belong to a company with units, warrants or rights."""
    companies = securities.filter(
        pl.col("symbol").is_in(siblings["symbol"].unique().implode())
    )["company_id"].unique()  # fmt: skip
    listed = securities.filter(pl.col("company_id").is_in(companies.implode()))["symbol"]
    return pl.concat([listed, siblings["root"]]).drop_nulls().unique()


def _spans(securities: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """The spans of the symbols that are written, with numbers for symbol, line and company."""
    symbols = texts.select("symbol", "symbol_code").unique()
    return (
        securities.select(
            "symbol", "first_session",
            line=pl.col("security_id").rank("dense").cast(pl.UInt64),
            company=pl.col("company_id").rank("dense").cast(pl.UInt32),
        )
        .join(symbols, on="symbol")
        .drop("symbol")
        .sort("first_session")
    )  # fmt: skip


def _identified(lines: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """Lines with the security and company of the span that holds on their session."""
    return lines.sort("session").join_asof(
        spans,
        left_on="session",
        right_on="first_session",
        by="symbol_code",
        strategy="backward",
        check_sortedness=False,
    )


def _with_siblings(shares: pl.DataFrame, siblings: pl.DataFrame) -> pl.DataFrame:
    """Whether units, and whether anything else of the company, is listed on the session."""
    is_unit = pl.col("is_unit").any()
    by_company = siblings.drop_nulls("company").group_by("session", "company").agg(unit=is_unit)
    by_root = (
        siblings.drop_nulls("root_code")
        .group_by("session", symbol_code="root_code")
        .agg(root_unit=is_unit)
    )
    return (
        shares.join(by_company, on=["session", "company"], how="left")
        .join(by_root, on=["session", "symbol_code"], how="left")
        .with_columns(
            has_unit=pl.any_horizontal(pl.col("unit", "root_unit").fill_null(value=False)),
            has_sibling=pl.any_horizontal(pl.col("unit", "root_unit").is_not_null()),
        )
    )


def _with_closes(shares: pl.DataFrame) -> pl.DataFrame:
    """How the closes of the last sessions lie to the trust's value, since the name changed."""
    close = pl.col("close_usd")
    # A line without span is known by its symbol, with numbers that no line has.
    line = pl.coalesce("line", pl.col("symbol_code").cast(pl.UInt64) + pl.UInt32.max())
    key = ["line", "name_code"]
    ordered = shares.sort("symbol_code", "session").with_columns(line=line)
    measured = ordered.with_columns(
        change=(close / close.shift().over(key) - 1).abs(),
    ).with_columns(
        closes=pl.int_range(1, pl.len() + 1).over(key).clip(upper_bound=_WINDOW_SESSIONS),
        low_usd=close.rolling_min(_WINDOW_SESSIONS, min_samples=1).over(key),
        high_usd=close.rolling_max(_WINDOW_SESSIONS, min_samples=1).over(key),
        memory_low_usd=close.rolling_min(_MEMORY_SESSIONS, min_samples=1).over(key),
        mean_usd=close.rolling_mean(_WINDOW_SESSIONS, min_samples=1).over(key),
        mean_change=pl.col("change")
        .rolling_mean(_WINDOW_SESSIONS, min_samples=1)
        .over(key)
        .fill_null(0.0),
        recent_high_usd=close.rolling_max(_FEWEST_SESSIONS).over(key),
        **{
            sign: pl.col(sign).cast(pl.Int8).rolling_max(_SEEN_SESSIONS, min_samples=1).over(key)
            == 1
            for sign in ("has_unit", "has_sibling")
        },
    )
    return measured.with_columns(**_against_trust_value())


def _against_trust_value() -> dict[str, pl.Expr]:
    """How the measured closes lie to what a trust pays back."""
    close = pl.col("close_usd")
    came_from_there = pl.col("memory_low_usd") >= _MEMORY_LOW_USD
    return {
        "is_quiet": came_from_there
        & (pl.col("closes") >= _FEWEST_SESSIONS)
        & (pl.col("low_usd") >= _TRUST_LOW_USD)
        & (pl.col("high_usd") <= _TRUST_HIGH_USD)
        & (pl.col("high_usd") <= pl.col("low_usd") * _QUIET_RANGE)
        & (pl.col("mean_change") <= _QUIET_CHANGE),
        "is_still": came_from_there
        & (pl.col("closes") >= _STILL_SESSIONS)
        & (pl.col("low_usd") >= _STILL_LOW_USD)
        & (pl.col("high_usd") <= _STILL_HIGH_USD)
        & (pl.col("high_usd") <= pl.col("low_usd") * _STILL_RANGE)
        & (pl.col("mean_change") <= _STILL_CHANGE),
        "is_near": came_from_there
        & pl.col("mean_usd").is_between(_TRUST_LOW_USD, _TRUST_HIGH_USD)
        & close.is_between(_TRUST_LOW_USD, _TRUST_HIGH_USD)
        & (pl.col("mean_change") <= _CALM_CHANGE),
        "is_far_above": pl.col("mean_usd") > _WELL_ABOVE_TRUST_USD,
        "is_fallen": (pl.col("recent_high_usd") < _TRUST_LOW_USD).fill_null(value=False),
    }
