"""Public facts about companies that no free feed carries, read from ``reference/``.

Each file is a table of facts with a source a row: where a company is incorporated
and run, what kind of issuer it is, how its votes are spread. They are knowledge
of companies, never of any index's members. Add a row when the feed says
something wrong about a company; a rule that follows from the fact belongs to
`methodology/`.

A row speaks of a line when the symbol is the same, the year lies within
`first_year` and `last_year`, and a word of `company` occurs in the line's name:
symbols are used again, names tell. It names the document that proves it
(`source`) and says how the document's word came to us (`certainty`, a value of
`sources.Certainty`): `from_memory` until someone holds the document in hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from io import StringIO

import polars as pl

from r2k_pipeline.errors import BadInputError, listed
from r2k_pipeline.rulebook.reasons import LineType
from r2k_pipeline.rulebook.sources import Certainty

_KEY = {"symbol": pl.String, "company": pl.String}
_PERIOD = {"first_year": pl.Int32, "last_year": pl.Int32}
_ORIGIN = {"source": pl.String, "certainty": pl.String}


class DoubtVerdict(StrEnum):
    """What a person decided on values that the feed contradicts."""

    AS_RECEIVED = "as_received"
    """The values are right as they were received, and are used."""
    LEFT_OUT = "left_out"
    """Nobody can tell: the company stays out of the event, and the event goes on."""


_SCHEMAS: dict[str, dict[str, type[pl.DataType]]] = {
    "public_votes": {**_KEY, "public_vote_share": pl.Float64, **_PERIOD, **_ORIGIN},
    "share_counts": {**_KEY, "total_shares": pl.Float64, **_PERIOD, **_ORIGIN},
    "unlisted_shares": {
        **_KEY,
        "listed_shares": pl.Float64,
        "unlisted_shares": pl.Float64,
        **_PERIOD,
        **_ORIGIN,
    },
    "issuer_kinds": {**_KEY, "kind": pl.String, **_PERIOD, **_ORIGIN},
    "settled_doubts": {
        **_KEY,
        "session": pl.Date,
        "verdict": pl.String,
        "reason": pl.String,
        **_ORIGIN,
    },
    "home_countries": {
        **_KEY,
        "incorporation": pl.String,
        "headquarters": pl.String,
        "annual_form": pl.String,
        "other_listing": pl.String,
        "assets_in": pl.String,
        "revenue_in": pl.String,
        **_PERIOD,
        **_ORIGIN,
    },
}
# Columns whose words a rule reads, and the words that it knows.
_VOCABULARIES: dict[str, type[StrEnum]] = {
    "certainty": Certainty,
    "kind": LineType,
    "verdict": DoubtVerdict,
}
_OPTIONAL = frozenset({"last_year", "other_listing", "assets_in", "revenue_in"})
_FLOATS = {"session": pl.Date, "security_id": pl.String, "float_factor": pl.Float64}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The facts that eligibility reads, together.

    Args:
        home_countries: As `home_country_facts` returns them.
        issuer_kinds: As `issuer_kind_facts` returns them.
        public_votes: As `public_vote_facts` returns them.
        share_counts: As `share_count_facts` returns them.
        unlisted_shares: As `unlisted_share_facts` returns them.
        settled_doubts: As `settled_doubt_facts` returns them; none, unless given.
        floats: `session`, `security_id` and `float_factor` (0 to 1), which holds from the
            session on; none, unless given.
    """

    home_countries: pl.DataFrame
    issuer_kinds: pl.DataFrame
    public_votes: pl.DataFrame
    share_counts: pl.DataFrame
    unlisted_shares: pl.DataFrame
    settled_doubts: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema=_SCHEMAS["settled_doubts"])
    )
    floats: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_FLOATS))


@cache
def shipped_reference() -> Reference:
    """Return the facts that come with the package.

    Raises:
        BadInputError: A file is not what it should be.

    Example:
        >>> shipped_reference().home_countries.height > 100
        True
    """
    return Reference(
        home_countries=home_country_facts(),
        issuer_kinds=issuer_kind_facts(),
        public_votes=public_vote_facts(),
        share_counts=share_count_facts(),
        unlisted_shares=unlisted_share_facts(),
        settled_doubts=settled_doubt_facts(),
    )


@cache
def settled_doubt_facts() -> pl.DataFrame:
    """Return what persons decided on values that the feed contradicts.

    Returns:
        One row per line and session: `symbol`, `company`, `session`, `verdict` (a
        value of `DoubtVerdict`), `reason` (a sentence), `source`, `certainty`. On a
        rank day such a row lets an event go on that would wait otherwise. A wrong
        count of shares is better told to `share_counts`.

    Raises:
        BadInputError: The file does not have these columns, or a row is incomplete.

    Example:
        >>> settled_doubt_facts().columns[:4]
        ['symbol', 'company', 'session', 'verdict']
    """
    return read_facts("settled_doubts")


@cache
def share_count_facts() -> pl.DataFrame:
    """Return the shares of companies whose capitalisation the feed leaves blank or garbles.

    Returns:
        One row per line and period: `symbol`, `company`, `total_shares` (the whole
        company, all classes, in shares of this line), `first_year`, `last_year`
        (null while it holds), `source`, `certainty`.

    Raises:
        BadInputError: The file does not have these columns, or a row is incomplete.

    Example:
        >>> facts = share_count_facts()
        >>> facts.filter(pl.col("symbol") == "FYBR")["total_shares"].to_list()
        [244400000.0]
    """
    return read_facts("share_counts")


@cache
def unlisted_share_facts() -> pl.DataFrame:
    """Return what companies have in classes and units that no exchange lists.

    Returns:
        One row per company and period: `symbol`, `company`, `listed_shares` and
        `unlisted_shares` (shares; unlisted classes and the units of a partnership
        below that are exchangeable one for one), `first_year`, `last_year` (null
        while it holds), `source`, `certainty`. Their proportion is what is used.

    Raises:
        BadInputError: The file does not have these columns, or a row is incomplete.

    Example:
        >>> facts = unlisted_share_facts()
        >>> facts.filter(pl.col("symbol") == "RKT")["listed_shares"].to_list()[0]
        120000000.0
    """
    return read_facts("unlisted_shares")


@cache
def public_vote_facts() -> pl.DataFrame:
    """Return how few votes the public has, where that might be too few.

    Returns:
        One row per company and period: `symbol`, `company`, `public_vote_share` (0 to
        1, an estimate: votes in unrestricted hands over all votes, unlisted classes
        included), `first_year`, `last_year` (null while it holds), `source`,
        `certainty`. Companies whose public has more than a tenth are left out.

    Raises:
        BadInputError: The file does not have these columns, or a row is incomplete.

    Example:
        >>> facts = public_vote_facts()
        >>> facts.filter(pl.col("symbol") == "SNAP")["public_vote_share"].to_list()
        [0.0]
    """
    return read_facts("public_votes")


@cache
def issuer_kind_facts() -> pl.DataFrame:
    """Return the kind of issuers whose name does not tell it.

    Returns:
        One row per issuer: `symbol`, `company`, `kind` (a value of
        `reasons.LineType`), `first_year`, `last_year` (null while it holds),
        `source`, `certainty`. Of a tracking stock `company` names the group that it
        tracks, in the same words for all of its classes.

    Raises:
        BadInputError: The file does not have these columns, or a row is incomplete,
            or its kind is unknown.

    Example:
        >>> issuer_kind_facts().columns[:3]
        ['symbol', 'company', 'kind']
    """
    return read_facts("issuer_kinds")


@cache
def home_country_facts() -> pl.DataFrame:
    """Return where companies are incorporated, run, reported on and listed besides.

    Returns:
        One row per company: `symbol`, `company`, `incorporation` and `headquarters`
        (countries), `annual_form` (10-K, 20-F or 40-F), `other_listing` (country of
        a standard exchange outside the United States; null if none), `assets_in` and
        `revenue_in` (the country that leads by the rulebook's margin; null if none does
        or it is not known), `first_year`, `last_year` (null while it holds), `source`,
        `certainty`.

    Raises:
        BadInputError: The file does not have these columns, or a row is incomplete;
            names the file and the rows.

    Example:
        >>> facts = home_country_facts()
        >>> facts.filter(pl.col("symbol") == "ACN").select("incorporation", "annual_form").row(0)
        ('Ireland', '10-K')
    """
    return read_facts("home_countries")


def read_facts(table: str, text: str | None = None) -> pl.DataFrame:
    """Read one file of facts, strictly.

    Args:
        table: Its name without the ending.
        text: Its content, to be read instead of the shipped file.

    Raises:
        BadInputError: Not the columns of this table, a value is missing, of the
            wrong type or none of the words in use, or a symbol has two rows in one
            year, or on one session.

    Example:
        >>> try:
        ...     read_facts("home_countries", "symbol,company")
        ... except BadInputError as error:
        ...     print(error.culprit[:54])
        reference/home_countries.csv lacks incorporation, head
    """
    schema = _SCHEMAS[table]
    if text is None:
        path = files("r2k_pipeline.rulebook").joinpath("reference", f"{table}.csv")
        text = path.read_text(encoding="utf-8")
    header = text.split("\n", 1)[0].strip().split(",")
    if header != list(schema):
        missing = [name for name in schema if name not in header]
        unknown = [name for name in header if name not in schema]
        wrong = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(unknown)} too many"
        raise _fault(table, wrong)
    try:
        facts = pl.read_csv(StringIO(text), schema=schema)
    except pl.exceptions.PolarsError as error:
        raise _fault(table, f"cannot be read: {str(error).splitlines()[0]}") from error
    return _require_whole(table, facts)


def _require_whole(table: str, facts: pl.DataFrame) -> pl.DataFrame:
    """Every fact is complete and in known words, and no symbol is spoken of twice at one time."""
    needed = [name for name in facts.columns if name not in _OPTIONAL]
    told = facts.with_columns(pl.col(pl.String).str.strip_chars().replace("", None))
    incomplete = facts.filter(told.select(pl.any_horizontal(pl.col(needed).is_null())).to_series())
    if not incomplete.is_empty():
        raise _fault(table, f"has incomplete rows: {listed(incomplete['symbol'].to_list())}")
    amounts = facts.select(pl.col(pl.Float64))
    endless = [column.name for column in amounts if not column.is_finite().all()]
    if endless:
        raise _fault(table, f"has NaN or an infinite number in {listed(endless)}")
    for column, words in _VOCABULARIES.items():
        unknown = set(facts[column]) - set(words) if column in facts.columns else set()
        if unknown:
            raise _fault(table, f"has unknown words for {column}: {listed(sorted(unknown))}")
    twice = _spoken_of_twice(facts)
    if twice:
        raise _fault(table, f"speaks twice of {listed(twice)}")
    return facts


def _spoken_of_twice(facts: pl.DataFrame) -> list[str]:
    """Symbols with two rows for one year, or for one session."""
    if "session" in facts.columns:
        repeated = facts.filter(pl.struct("symbol", "session").is_duplicated())
    else:
        repeated = facts.sort("symbol", "first_year").filter(
            pl.col("first_year") <= pl.col("last_year").fill_null(9999).shift().over("symbol")
        )
    return repeated["symbol"].unique().sort().to_list()


def _fault(table: str, what: str) -> BadInputError:
    return BadInputError(
        f"reference/{table}.csv {what}",
        state="no fact was read",
        remedy=f"mend the file; its header is {','.join(_SCHEMAS[table])}",
    )
