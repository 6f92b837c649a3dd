"""Whether a company counts as one of the United States.

The rulebook decides by three indicators - where a company is incorporated, where
it is run, where it trades most - and, if they differ, by where its assets are, then
by where its revenue comes from. The steps, in order; what facts there are of a
company (`rulebook/reference/home_countries.csv`) decides how far it gets:

1. Incorporated and run in the United States: home.
2. Incorporated, run and listed in one country: that country. A domicile of
   convenience is none: nobody trades there.
3. Run from mainland China or Hong Kong: Chinese, since that is where its assets
   lie, wherever it is incorporated.
4. The country that leads its assets, if it is one of the indicators.
5. The country that leads its revenue, if it is one of them.
6. Incorporated and run in one country that companies do not choose for their seat:
   that country.
7. It reports as a domestic issuer, on Form 10-K: home. The form is open to a
   foreign company only if it is not a foreign private issuer, which asks where
   its holders, its managers, its assets and its business are.
8. Run from a haven of incorporation or a country without an exchange: the country
   of its most liquid exchange. Free data do not say what trades abroad; who is
   registered and listed in the United States is taken to trade most there.
9. Otherwise it belongs to the country where it is run.

Where nothing is known of a company the feed's country decides, which is mostly
where it is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.fact_matching import facts_by_line

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.rules import IndexRules

HOME = "United States"
_TERRITORIES = (HOME, "Puerto Rico", "Guam", "US Virgin Islands")
_CHINESE = ("China", "Hong Kong")
# Where companies that work elsewhere are incorporated and seated; assets seldom lie there.
_HOLDING_DOMICILES = ("Ireland", "Luxembourg", "Netherlands", "Switzerland", "United Kingdom")
_TEXTS = ("symbol", "name", "country", "year")


def home_countries(lines: pl.DataFrame, facts: pl.DataFrame, *, rules: IndexRules) -> pl.DataFrame:
    """Decide the home country of each line and say on what evidence.

    Args:
        lines: Read: `session`, `symbol`, `name`, `country` (as the feed has it).
        facts: `rulebook.reference_facts.home_country_facts()`.
        rules: The rules in force: `home_countries` that count as the United States
            when only the feed's country is known, `is_unknown_country_home`.

    Returns:
        One row per distinct `symbol`, `name`, `country` and `year`, with
        `home_country` ("United States", another country, or null where nothing is
        known and nothing may be assumed) and `nationality_evidence`.

    Notes:
        Facts are dated by year; no row uses a later one.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.reference_facts import home_country_facts
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> day = date(2022, 5, 6)
        >>> lines = pl.DataFrame({
        ...     "session": [day] * 3, "symbol": ["ACN", "XYZ", "HAL"],
        ...     "name": ["Accenture plc Class A", "Xyz Corp. Common Shares", "Halden Inc."],
        ...     "country": ["Ireland", "Canada", None],
        ... })
        >>> found = home_countries(lines, home_country_facts(), rules=rules_in_force(day))
        >>> found.sort("symbol").select("symbol", "home_country", "nationality_evidence").rows()[0]
        ('ACN', 'United States', 'run from Ireland, listed at home only, files 10-K')
        >>> found.sort("symbol")["home_country"].to_list()
        ['United States', 'United States', 'Canada']

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 5.2 to 5.5 and
        appendix B; the use of the annual form is ours (inferred).
    """
    distinct = lines.select(
        "symbol", "name", "country", pl.col("session").dt.year().cast(pl.Int32).alias("year")
    ).unique()
    known = distinct.join(
        facts_by_line(lines, facts), on=["symbol", "name", "year"], how="left", nulls_equal=True
    )
    return known.select(
        *_TEXTS,
        _home_country(rules).alias("home_country"),
        _evidence().alias("nationality_evidence"),
    )


def _home_country(rules: IndexRules) -> pl.Expr:
    """The steps of the module's docstring, in order."""
    run_from, form = pl.col("headquarters"), pl.col("annual_form")
    is_run_at_home = run_from.is_in(_TERRITORIES)
    is_run_from_haven = run_from.is_in(sorted(rules.home_countries)) & ~is_run_at_home
    is_native = (pl.col("incorporation") == run_from) & ~is_run_from_haven
    is_listed_where_run = (pl.col("other_listing") == run_from).fill_null(value=False) & (
        ~is_run_from_haven
    )
    return (
        pl.when(form.is_null())
        .then(_home_by_feed(rules))
        .when(pl.col("incorporation").is_in(_TERRITORIES) & is_run_at_home)
        .then(pl.lit(HOME))
        .when((is_native & is_listed_where_run) | run_from.is_in(_CHINESE))
        .then(run_from)
        .when(_is_indicator("assets_in"))
        .then(_as_home("assets_in"))
        .when(_is_indicator("revenue_in"))
        .then(_as_home("revenue_in"))
        .when((is_native & ~run_from.is_in(_HOLDING_DOMICILES)) | is_listed_where_run)
        .then(run_from)
        .when((form == "10-K") | is_run_from_haven)
        .then(pl.lit(HOME))
        .otherwise(run_from)
    )


def _home_by_feed(rules: IndexRules) -> pl.Expr:
    feed = pl.col("country")
    return (
        pl.when(feed.is_in(sorted(rules.home_countries)))
        .then(pl.lit(HOME))
        .when(feed.is_null() & rules.is_unknown_country_home)
        .then(pl.lit(HOME))
        .otherwise(feed)
    )


def _is_indicator(column: str) -> pl.Expr:
    """Whether a country is among those where the company is incorporated, run or traded most."""
    country = _as_home(column)
    elsewhere = ("incorporation", "headquarters", "other_listing")
    is_one = pl.any_horizontal(*(country == _as_home(name) for name in elsewhere))
    return (is_one | (country == HOME)).fill_null(value=False)


def _as_home(column: str) -> pl.Expr:
    """A territory of the United States counts as the United States."""
    return pl.when(pl.col(column).is_in(_TERRITORIES)).then(pl.lit(HOME)).otherwise(column)


def _evidence() -> pl.Expr:
    """What the decision rests on, for a reader."""
    listing = (
        pl.when(pl.col("other_listing").is_null())
        .then(pl.lit("listed at home only"))
        .otherwise(pl.concat_str(pl.lit("listed in "), "other_listing", pl.lit(" too")))
    )
    facts = pl.concat_str(
        pl.lit("run from "),
        "headquarters",
        pl.lit(", "),
        listing,
        pl.lit(", files "),
        "annual_form",
    )
    feed = (
        pl.when(pl.col("country").is_null())
        .then(pl.lit("the feed names no country"))
        .otherwise(pl.concat_str(pl.lit("the feed says "), "country"))
    )
    told = pl.concat_str(facts, _told("assets"), _told("revenue"))
    return pl.when(pl.col("annual_form").is_not_null()).then(told).otherwise(feed)


def _told(what: str) -> pl.Expr:
    country = pl.col(f"{what}_in")
    sentence = pl.concat_str(pl.lit(f", {what} mostly in "), country)
    return pl.when(country.is_not_null()).then(sentence).otherwise(pl.lit(""))
