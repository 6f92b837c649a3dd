"""Public facts about companies that no free feed carries, read from ``reference/``.

Each file is a table of facts with a source a row: where a company is incorporated
and run, what kind of issuer it is, how its votes are spread. They are knowledge
of companies, never of any index's members. Add a row when the feed says
something wrong about a company; a rule that follows from the fact belongs to
`methodology/`.

A row speaks of a line when the symbol is the same, the year lies within
`first_year` and `last_year`, and a word of `company` occurs in the line's name:
symbols are used again, names tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import StringIO

import polars as pl

from r2k_pipeline.errors import BadInputError, listed

_KEY = {"symbol": pl.String, "company": pl.String}
_PERIOD = {"first_year": pl.Int32, "last_year": pl.Int32, "source": pl.String}
_SCHEMAS: dict[str, dict[str, type[pl.DataType]]] = {
    "public_votes": {**_KEY, "public_vote_share": pl.Float64, **_PERIOD, "certainty": pl.String},
    "share_counts": {**_KEY, "total_shares": pl.Float64, **_PERIOD, "certainty": pl.String},
    "issuer_kinds": {**_KEY, "kind": pl.String, **_PERIOD},
    "home_countries": {
        **_KEY,
        "incorporation": pl.String,
        "headquarters": pl.String,
        "annual_form": pl.String,
        "other_listing": pl.String,
        **_PERIOD,
        "certainty": pl.String,
    },
}
_OPTIONAL = frozenset({"last_year", "other_listing"})


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The facts that eligibility reads, together.

    Args:
        home_countries: As `home_country_facts` returns them.
        issuer_kinds: As `issuer_kind_facts` returns them.
        public_votes: As `public_vote_facts` returns them.
        share_counts: As `share_count_facts` returns them.
    """

    home_countries: pl.DataFrame
    issuer_kinds: pl.DataFrame
    public_votes: pl.DataFrame
    share_counts: pl.DataFrame


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
    )


@cache
def share_count_facts() -> pl.DataFrame:
    """Return the shares of companies whose capitalisation the feed leaves blank.

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
        `source`.

    Raises:
        BadInputError: The file does not have these columns, or a row is incomplete.

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
        a standard exchange outside the United States; null if none), `first_year`,
        `last_year` (null while it holds), `source`, `certainty`.

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
        BadInputError: Not the columns of this table, a value is missing or of the
            wrong type, or a symbol has two rows in one year.

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
    except pl.exceptions.ComputeError as error:
        raise _fault(table, f"cannot be read: {str(error).splitlines()[0]}") from error
    return _require_whole(table, facts)


def _require_whole(table: str, facts: pl.DataFrame) -> pl.DataFrame:
    """Every fact is complete, and no symbol is spoken of twice at one time."""
    needed = [name for name in facts.columns if name not in _OPTIONAL]
    incomplete = facts.filter(pl.any_horizontal(pl.col(needed).is_null()))
    if not incomplete.is_empty():
        raise _fault(table, f"has incomplete rows: {listed(incomplete['symbol'].to_list())}")
    spans = facts.sort("symbol", "first_year")
    overlapping = spans.filter(
        pl.col("first_year") <= pl.col("last_year").fill_null(9999).shift().over("symbol")
    )
    if not overlapping.is_empty():
        raise _fault(table, f"speaks twice of {listed(overlapping['symbol'].to_list())}")
    return facts


def _fault(table: str, what: str) -> BadInputError:
    return BadInputError(
        f"reference/{table}.csv {what}",
        state="no fact was read",
        remedy=f"mend the file; its header is {','.join(_SCHEMAS[table])}",
    )
