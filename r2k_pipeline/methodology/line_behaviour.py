"""What kind of paper a line is, by more than its name.

1. Facts on the issuer (`facts`) come before what the name says of the issuer,
   but never change the paper: a fund's note stays a note.
2. The table of `line_types` reads symbol, name, industry and sector.
3. Lines that it leaves as shares are asked whether they behave like a
   blank-cheque company before its merger: units or warrants listed beside them,
   closes at the trust's value, a name or an industry that such companies have.
4. A verdict of 3, and the feed's word that a company is in real estate, go on to
   hold for a while when a session does not repeat them (`lasting_verdicts`).

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
from r2k_pipeline.methodology.lasting_verdicts import LASTING_SESSIONS, lasting
from r2k_pipeline.methodology.line_types import NAME_RULES
from r2k_pipeline.rulebook.reasons import LineType

if TYPE_CHECKING:
    from datetime import date

_LINE: Final = ("session", "exchange", "symbol")
# What is decided once for each distinct text, since sessions repeat them hundreds of times.
_TEXTS: Final = ("symbol", "name", "industry", "sector")

_PAPER: Final = (
    LineType.UNIT.value,
    LineType.WARRANT.value,
    LineType.RIGHT.value,
    LineType.NOTE.value,
    LineType.PREFERRED.value,
    LineType.DEPOSITARY_RECEIPT.value,
)
_A_WEEK: Final = 5
_PLACED: Final = "sector: Real Estate"
# The feed calls hardly anything real estate that is none, but forgets it for weeks.
_SELDOM: Final = 1 / 20
# Where the sector is blank for a session, a trust's name is all that is left to judge by.
_TAKEN_FOR_A_FUND: Final = "name: beneficial interest"
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

LASTING_RULE: Final = SpacRule(
    is_spac=True,
    when=pl.col("lasting_rule").is_not_null(),
    evidence=pl.format(
        "lately: so judged on {} of {} sessions", pl.col("said_sessions"), pl.col("of_sessions")
    ),
    sentence="On a third of its last sixty sessions, or in the last week, a rule said so, and "
    "on none of these that it ended.",
)


def classify_lines(
    listings: pl.DataFrame, securities: pl.DataFrame, facts: pl.DataFrame, *, start: date
) -> pl.DataFrame:
    """Tell what kind of paper each line is on each session, and by which evidence.

    Args:
        listings: Contract `raw_listings`, the sessions asked for and up to a hundred
            and twenty before them as context, any order of rows. A line is judged on
            what history there is.
        securities: Contract `securities`; says which lines are siblings.
        facts: `symbol`, `company`, `kind`, `first_year`, `last_year` (null while
            it holds): kinds of issuers that names do not tell. A row speaks of a
            line when symbol and year fit and the first word of `company` occurs
            in the line's name.
        start: First session asked for.

    Returns:
        `session`, `exchange`, `symbol`, `line_type` (a value of
        `rulebook.reasons.LineType`), `type_evidence` (null for shares about which
        no rule speaks); one row per listing from `start`, in their order.

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
    texts, places = _texts(listings)
    rows = listings.select("session", "close_usd", "ipo_year").with_columns(text=places)
    rows = rows.with_row_index("row")
    told = _by_facts(rows, texts, facts, start=start)
    judged = _by_behaviour(rows, texts, securities, start=start).join(told, on="row", how="anti")
    kinds = ("line_type", "type_evidence")
    settled = pl.concat([told, judged])
    placed = _by_sector(rows, texts, start=start).join(settled, on="row", how="anti")
    asked = rows.select("row", "text").filter(rows["session"] >= start).join(
        pl.concat([settled, placed]), on="row", how="left", maintain_order="left"
    )  # fmt: skip
    is_settled = asked["line_type"].is_not_null()
    by_words = texts.select(pl.col(kinds).gather(asked["text"]))
    return listings.select(_LINE).filter(listings["session"] >= start).with_columns(
        by_words[kind].zip_with(~is_settled, asked[kind]) for kind in kinds
    )  # fmt: skip


def _texts(listings: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Every distinct text with what its words say, and the place of each listing's text.

    Texts are told apart by 64 bits of hash: among the tens of thousands that there are
    two share one once in tens of billions of runs.
    """
    words = listings.select(_TEXTS)
    hashes = words.hash_rows(seed=0).alias("hash")
    distinct = words.with_columns(hashes).unique("hash", keep="any").with_row_index("text")
    places = hashes.to_frame().join(
        distinct.select("hash", "text"), on="hash", how="left", maintain_order="left"
    )  # fmt: skip
    rule = pl.coalesce(
        *(pl.when(rule.when).then(pl.lit(place)) for place, rule in enumerate(NAME_RULES))
    )
    said = distinct.select(_TEXTS).with_columns(*style_of_name(), rule=rule)
    kind = pl.Series([rule.line_type.value for rule in NAME_RULES])
    code = pl.Series([rule.code for rule in NAME_RULES])
    texts = said.drop("rule").with_columns(
        line_type=kind.gather(said["rule"]).fill_null(LineType.COMMON.value),
        type_evidence=code.gather(said["rule"]),
    )
    return texts, places["text"]


def _by_facts(
    rows: pl.DataFrame, texts: pl.DataFrame, facts: pl.DataFrame, *, start: date
) -> pl.DataFrame:
    """The lines of which a fact speaks, with the kind it gives them."""
    told = facts.select(
        "symbol",
        pl.col("first_year", "last_year").cast(pl.Int32),
        kind="kind",
        word=pl.col("company").str.to_lowercase().str.extract(r"^(\S+)"),
    )
    spoken = (
        texts.with_row_index("text")
        .filter(~pl.col("line_type").is_in(_PAPER))
        .join(told, on="symbol", maintain_order="left_right")
        .filter(pl.col("name").str.to_lowercase().str.contains(pl.col("word"), literal=True))
        .select("text", "kind", "first_year", "last_year")
    )
    year = pl.col("session").dt.year()
    return (
        rows.select("row", "session", "text")
        .filter(pl.col("session") >= start)
        .join(spoken, on="text", maintain_order="left_right")
        .filter(
            (pl.col("first_year") <= year)
            & (pl.col("last_year").is_null() | (year <= pl.col("last_year")))
        )
        .unique("row", keep="first", maintain_order=True)
        .select("row", line_type="kind", type_evidence=pl.format("reference: {}", "kind"))
    )


def _by_behaviour(
    rows: pl.DataFrame, texts: pl.DataFrame, securities: pl.DataFrame, *, start: date
) -> pl.DataFrame:
    """The shares of which a rule on blank-cheque companies speaks, with its verdict."""
    signs = blank_cheque_signs(rows, texts, securities)
    remembered = _remembered(rows["session"], start)
    spoken = signs.join(remembered, on="session", maintain_order="left").with_columns(
        rule=pl.coalesce(
            *(pl.when(rule.when).then(pl.lit(place)) for place, rule in enumerate(SPAC_RULES))
        )
    )
    # The texts are made for the few rows that a rule decides, not for all that were asked.
    decided = (
        spoken.join(_lasting_spacs(spoken), on="row", how="left")
        .with_columns(rule=pl.coalesce("rule", "lasting_rule"))
        .filter(pl.col("rule").is_not_null() & (pl.col("session") >= start))
    )
    rules = (*SPAC_RULES, LASTING_RULE)
    return decided.select(
        "row",
        line_type=pl.when(_is_spac())
        .then(pl.lit(LineType.SPAC.value))
        .otherwise(pl.lit(LineType.COMMON.value)),
        type_evidence=pl.coalesce(
            *(
                pl.when(pl.col("rule") == place).then(rule.evidence)
                for place, rule in enumerate(rules)
            )
        ),
    )


def _is_spac() -> pl.Expr:
    rules = (*SPAC_RULES, LASTING_RULE)
    found = pl.col("rule").is_in([place for place, rule in enumerate(rules) if rule.is_spac])
    return found.fill_null(value=False)


def _remembered(sessions: pl.Series, start: date) -> pl.DataFrame:
    """The sessions from `start` on and those before whose verdicts still count, numbered."""
    known = pl.DataFrame({"session": sessions.unique().sort()})
    earlier = known.filter(pl.col("session") < start).tail(LASTING_SESSIONS - 1)
    wanted = pl.concat([earlier, known.filter(pl.col("session") >= start)])
    return wanted.with_columns(ordinal=pl.int_range(pl.len(), dtype=pl.Int32))


def _lasting_spacs(spoken: pl.DataFrame) -> pl.DataFrame:
    """Rows of lines that a rule has spoken of, with the place of the rule that lasts."""
    key = ("line", "name_code")
    said = spoken.select(
        "row", "ordinal", *key, "rule", is_said=_is_spac(),
        has_left=pl.col("is_fallen") | (pl.col("rule").is_not_null() & ~_is_spac()),
    )  # fmt: skip
    lines = said.filter("is_said").select(key).unique()
    return (
        said.join(lines, on=key, how="semi", nulls_equal=True, maintain_order="left")
        .with_columns(lasting("is_said", over=key, ended="has_left"))
        .filter("is_lasting")
        .select(
            "row", "said_sessions", "of_sessions",
            lasting_rule=pl.lit(len(SPAC_RULES), pl.Int32),
        )
    )  # fmt: skip


def _by_sector(rows: pl.DataFrame, texts: pl.DataFrame, *, start: date) -> pl.DataFrame:
    """The shares that the feed puts into real estate on some sessions and not on others."""
    is_placed = (pl.col("type_evidence") == _PLACED).fill_null(value=False)
    kinds = texts.with_row_index("text").select(
        "text", "line_type", "type_evidence",
        key=pl.struct("symbol", "name").rank("dense"),
        is_placed=is_placed,
        may_be_placed=is_placed
        | (pl.col("line_type") == LineType.COMMON.value)
        | (pl.col("type_evidence") == _TAKEN_FOR_A_FUND),
    )  # fmt: skip
    wavering = kinds.filter("may_be_placed").filter(pl.col("is_placed").any().over("key"))
    always = wavering.filter(pl.col("is_placed").all().over("key"))
    lately = pl.format("{} on {} of {} sessions", pl.lit(_PLACED), "said_sessions", "of_sessions")
    return (
        rows.select("row", "session", "text")
        .join(wavering.join(always, on="text", how="anti"), on="text")
        .join(_remembered(rows["session"], start), on="session")
        .sort("key", "ordinal")
        .with_columns(lasting("is_placed", over=["key"], share=_SELDOM))
        .filter((pl.col("session") >= start) & pl.col("is_lasting") & ~pl.col("is_placed"))
        .select("row", line_type=pl.lit(LineType.REIT.value), type_evidence=lately)
    )
