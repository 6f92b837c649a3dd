"""What a holder abroad without a treaty loses of a dividend, by the company's country.

Holds the reader of `reference/withholding_rates.csv` and the rate where no row speaks. Add
a rate there, from the first year in which it held. What the rates do is the net total
return of `methodology/divisors`.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import StringIO

import polars as pl

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.rulebook.sources import Certainty

DEFAULT_WITHHOLDING_RATE = 0.30
"""The rate of the United States, and of a company whose country is not known."""

_SCHEMA = {
    "country": pl.String,
    "withholding_rate": pl.Float64,
    "first_year": pl.Int32,
    "source": pl.String,
    "certainty": pl.String,
}


@cache
def withholding_rates() -> pl.DataFrame:
    """Return the rates by country, as they change with the years.

    Returns:
        `country` (as feeds spell it), `first_year` and `withholding_rate` (0 to 1), sorted
        by `first_year`; a rate holds until the next of its country.

    Raises:
        BadInputError: The file is not what it should be.

    Example:
        >>> rates = withholding_rates().filter(pl.col("country") == "Ireland")
        >>> rates.select("first_year", "withholding_rate").rows()
        [(1999, 0.2), (2020, 0.25)]

    References:
        `rulebook.rules.SOURCES["withholding_service"]`.
    """
    path = files("r2k_pipeline.rulebook").joinpath("reference", "withholding_rates.csv")
    return read_rates(path.read_text(encoding="utf-8"))


def read_rates(text: str) -> pl.DataFrame:
    r"""Read rates, strictly.

    Args:
        text: CSV with the columns of `reference/withholding_rates.csv`.

    Raises:
        BadInputError: Other columns, a missing or impossible value, or two rates of one
            country from one year.

    Example:
        >>> header = "country,withholding_rate,first_year,source,certainty"
        >>> read_rates(header + "\nIreland,0.25,2020,a statute,from_memory").row(0)
        ('Ireland', 2020, 0.25)
    """
    try:
        rates = pl.read_csv(StringIO(text), schema=_SCHEMA)
    except pl.exceptions.PolarsError as error:
        raise _fault(f"cannot be read: {str(error).splitlines()[0]}") from error
    if text.split("\n", 1)[0].strip().split(",") != list(_SCHEMA):
        raise _fault("has other columns")
    is_whole = (
        pl.all_horizontal(pl.all().is_not_null())
        & pl.col("withholding_rate").is_between(0.0, 1.0, closed="left")
        & pl.col("certainty").is_in([level.value for level in Certainty])
    )
    if not rates.filter(~is_whole).is_empty():
        raise _fault("has a row that is incomplete or impossible")
    if rates.select(pl.struct("country", "first_year").is_duplicated().any()).item():
        raise _fault("speaks twice of one country and year")
    return rates.select("country", "first_year", "withholding_rate").sort("first_year", "country")


def _fault(what: str) -> BadInputError:
    return BadInputError(
        f"reference/withholding_rates.csv {what}",
        state="no rate was read",
        remedy=f"mend the file; its header is {','.join(_SCHEMA)}",
    )
