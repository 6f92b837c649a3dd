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
6. The country where it is run, unless that is a haven of incorporation or has no
   exchange.
7. The country of its most liquid exchange.

Free data do not say what trades abroad. Who is listed elsewhere too is taken to trade
most in the United States if the turnover there is at least half of what is usual.
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
_TEXTS = ("symbol", "name", "country", "year")
# More than half of a company's usual turnover leaves less than half to every other exchange.
_LEAST_SHARE_OF_USUAL_TURNOVER = 0.5
TRADED_HERE = "is_traded_here"
"""Column that says whether a line trades most in the United States, as far as one can tell."""


def with_trading_place(lines: pl.DataFrame) -> pl.DataFrame:
    """Add `is_traded_here`: whether a line turns over at least half of what is usual.

    Args:
        lines: Read: `session`, `country` (as the feed has it), `addtv_usd` (average daily
            dollar volume), `market_cap_usd`.

    Returns:
        The lines; true where volume or cap is missing. Usual is the median turnover, dollar
        volume per dollar of cap, of the lines of a session that the feed calls American.

    Example:
        >>> from datetime import date
        >>> with_trading_place(pl.DataFrame({
        ...     "session": [date(2022, 5, 6)] * 4,
        ...     "country": ["United States", "United States", "Bermuda", "Bermuda"],
        ...     "addtv_usd": [7e6, 8e6, 4e6, 1e6], "market_cap_usd": [1e9] * 4,
        ... }))["is_traded_here"].to_list()
        [True, True, True, False]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 5.2 compares two years of dollar
        volume over all exchanges of a country; this stand-in is ours (inferred).
    """
    turnover = pl.when((pl.col("addtv_usd") > 0) & (pl.col("market_cap_usd") > 0)).then(
        pl.col("addtv_usd") / pl.col("market_cap_usd")
    )
    usual = turnover.filter(pl.col("country") == HOME).median().over("session")
    is_usual = turnover >= _LEAST_SHARE_OF_USUAL_TURNOVER * usual
    return lines.with_columns(is_usual.fill_null(value=True).alias(TRADED_HERE))


def home_countries(lines: pl.DataFrame, facts: pl.DataFrame, *, rules: IndexRules) -> pl.DataFrame:
    """Decide the home country of each line and say on what evidence.

    Args:
        lines: Read: `session`, `symbol`, `name`, `country` (as the feed has it),
            `is_traded_here`.
        facts: `rulebook.reference_facts.home_country_facts()`.
        rules: The rules in force: `home_countries` that count as the United States
            when only the feed's country is known, `is_unknown_country_home`.

    Returns:
        One row per distinct `symbol`, `name`, `country`, `year` and `is_traded_here`, with
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
        ...     "country": ["Ireland", "Canada", None], "is_traded_here": True,
        ... })
        >>> found = home_countries(lines, home_country_facts(), rules=rules_in_force(day))
        >>> print(found.sort("symbol")["nationality_evidence"][0])
        run from Ireland, listed at home only, files 10-K, revenue mostly in United States
        >>> found.sort("symbol")["home_country"].to_list()
        ['United States', 'United States', 'Canada']

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 5.2 to 5.5 and
        appendix B.
    """
    distinct = lines.select(
        "symbol", "name", "country", TRADED_HERE,
        pl.col("session").dt.year().cast(pl.Int32).alias("year"),
    ).unique()  # fmt: skip
    known = distinct.join(
        facts_by_line(lines, facts), on=["symbol", "name", "year"], how="left", nulls_equal=True
    )
    return known.select(
        *_TEXTS,
        TRADED_HERE,
        _home_country(rules).alias("home_country"),
        _evidence().alias("nationality_evidence"),
    )


def _home_country(rules: IndexRules) -> pl.Expr:
    """The steps of the module's docstring, in order."""
    incorporated, run_from = _as_home("incorporation"), _as_home("headquarters")
    havens = sorted(rules.home_countries - {HOME})
    exchange = _exchange(havens)
    is_one_country = (incorporated == run_from) & (_listing(havens) == run_from)
    return (
        pl.when(pl.col("annual_form").is_null())
        .then(_home_by_feed(rules))
        .when((incorporated == HOME) & (run_from == HOME))
        .then(pl.lit(HOME))
        .when(is_one_country | run_from.is_in(_CHINESE))
        .then(run_from)
        .when(_is_indicator("assets_in", exchange))
        .then(_as_home("assets_in"))
        .when(_is_indicator("revenue_in", exchange))
        .then(_as_home("revenue_in"))
        .when(run_from.is_in(havens))
        .then(exchange)
        .otherwise(run_from)
    )


def _listing(havens: list[str]) -> pl.Expr:
    """Another country with a listing; nobody trades in a haven."""
    return pl.when(~pl.col("other_listing").is_in(havens)).then("other_listing")


def _exchange(havens: list[str]) -> pl.Expr:
    """The country of the most liquid exchange."""
    is_abroad = _listing(havens).is_not_null() & ~pl.col(TRADED_HERE)
    return pl.when(is_abroad).then("other_listing").otherwise(pl.lit(HOME))


def _home_by_feed(rules: IndexRules) -> pl.Expr:
    feed = pl.col("country")
    return (
        pl.when(feed.is_in(sorted(rules.home_countries)))
        .then(pl.lit(HOME))
        .when(feed.is_null() & rules.is_unknown_country_home)
        .then(pl.lit(HOME))
        .otherwise(feed)
    )


def _is_indicator(column: str, exchange: pl.Expr) -> pl.Expr:
    """Whether a country is among those where the company is incorporated, run or traded most."""
    country = _as_home(column)
    seats = (_as_home("incorporation"), _as_home("headquarters"), exchange)
    return pl.any_horizontal(*(country == seat for seat in seats)).fill_null(value=False)


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
