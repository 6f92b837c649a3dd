"""The parameters of the methodology, as dated values with sources.

Holds every number, set and switch that decides eligibility, ranking, membership
and maintenance, and `rules_in_force`, which gathers those of one day. To change a
parameter, end its last value and add one. A new parameter needs three lines: its
dated values, a field of `IndexRules`, an entry of `dated_parameters` (a test
compares the last two). Keep out dates of events (`schedule`) and indexes (`family`).

A value that an event applies is looked up on the event's *rank day*; one that
applies daily, on the session.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from r2k_pipeline.rulebook.periods import FIRST_RULE_DAY, DatedValue, value_on
from r2k_pipeline.rulebook.reasons import LineType
from r2k_pipeline.rulebook.sources import SOURCES, Certainty, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FIRST_RULE_DAY",
    "SOURCES",
    "Certainty",
    "DatedValue",
    "IndexRules",
    "Source",
    "dated_parameters",
    "rules_in_force",
]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class IndexRules:
    """Every parameter in force on one day.

    Args:
        large_cap_count: Companies by rank before banding in the large segment.
        total_count: Companies by rank in the large and small segments together.
        extended_count: Companies ranked at most; all eligible ones, if fewer.
        band_half_width: Half the band around `large_cap_count`, in cumulative share
            of total market cap (0 to 1). 0 means no band.
        minimum_close_usd: Smallest close on the rank day, USD, inclusive.
        minimum_total_market_cap_usd: Smallest total market cap, USD, inclusive.
        exchanges: Eligible exchanges as the feeds name them.
        excluded_line_types: Lines that are out whatever their size.
        home_countries: Country names, as the Nasdaq screener spells them, that count
            as United States.
        is_unknown_country_home: Whether a line without a country counts as home.
        has_separate_share_classes: Whether a second class may enter as a line of its
            own; if not, one line stands for each company.
        minimum_class_addtv_usd: Average daily dollar volume that a second class must
            exceed to stand beside its company's pricing vehicle, USD.
        max_carried_sessions: For how many sessions a member without a close is
            valued at its last one.
        share_observation_sessions: Over how many sessions, the last of them the one
            that decides, a line's share count is observed when it must be inferred
            from market capitalisation and close.
    """

    large_cap_count: int
    total_count: int
    extended_count: int
    band_half_width: float
    minimum_close_usd: float
    minimum_total_market_cap_usd: float
    exchanges: frozenset[str]
    excluded_line_types: frozenset[LineType]
    home_countries: frozenset[str]
    is_unknown_country_home: bool
    has_separate_share_classes: bool
    minimum_class_addtv_usd: float
    max_carried_sessions: int
    share_observation_sessions: int


def _since(
    start: date, value: T, source: str, certainty: Certainty, note: str = ""
) -> DatedValue[T]:
    return DatedValue(
        value=value, start=start, end=None, source=source, certainty=certainty, note=note
    )


def _until(dated: DatedValue[T], first_day_after: date) -> DatedValue[T]:
    return DatedValue(
        value=dated.value,
        start=dated.start,
        end=first_day_after - timedelta(days=1),
        source=dated.source,
        certainty=dated.certainty,
        note=dated.note,
    )


_BAND_START = date(2007, 1, 1)
_EXTENDED_START = date(2005, 1, 1)
_BDC_EXCLUSION = date(2014, 1, 1)
_SEPARATE_CLASSES = date(2015, 1, 1)
_ADDTV_PRINTED = date(2026, 1, 1)
_MARKET_CAP_FLOOR_SEEN = date(2017, 1, 1)

LARGE_CAP_COUNT = (_since(FIRST_RULE_DAY, 1000, "methodology_2026", Certainty.OFFICIAL),)
TOTAL_COUNT = (_since(FIRST_RULE_DAY, 3000, "methodology_2026", Certainty.OFFICIAL),)
EXTENDED_COUNT = (
    _until(
        _since(
            FIRST_RULE_DAY,
            4000,
            "own_choice",
            Certainty.INFERRED,
            "the 4,000-company index starts in June 2005; counted back so that ranks compare",
        ),
        _EXTENDED_START,
    ),
    _since(_EXTENDED_START, 4000, "methodology_2026", Certainty.OFFICIAL),
)
BAND_HALF_WIDTH = (
    _until(
        _since(FIRST_RULE_DAY, 0.0, "regression_discontinuity_2015", Certainty.REPORTED, "no band"),
        _BAND_START,
    ),
    _since(
        _BAND_START,
        0.025,
        "band_introduction_2007",
        Certainty.OFFICIAL,
        "2.5 percentage points of the cumulative total market cap on either side; an asymmetric "
        "band consulted on in December 2023 was not adopted",
    ),
)
MINIMUM_CLOSE_USD = (
    _until(_since(FIRST_RULE_DAY, 1.0, "own_choice", Certainty.FROM_MEMORY), date(2010, 1, 1)),
    _since(
        date(2010, 1, 1),
        1.0,
        "methodology_2026",
        Certainty.OFFICIAL,
        "same test seen in 2010, 2014 and 2023; tested on the rank day only",
    ),
)
MINIMUM_TOTAL_MARKET_CAP_USD = (
    _until(
        _since(
            FIRST_RULE_DAY,
            30e6,
            "own_choice",
            Certainty.INFERRED,
            "start year unknown; never binds for the small segment",
        ),
        _MARKET_CAP_FLOOR_SEEN,
    ),
    _since(_MARKET_CAP_FLOOR_SEEN, 30e6, "methodology_2017", Certainty.OFFICIAL),
)
EXCHANGES = (
    _since(
        FIRST_RULE_DAY,
        frozenset({"nasdaq", "nyse", "amex"}),
        "methodology_2026",
        Certainty.OFFICIAL,
        "Cboe, NYSE, NYSE American (AMEX until 2008), NYSE Arca and NASDAQ; the feeds file all "
        "but Cboe under these three",
    ),
)

_ALWAYS_EXCLUDED = frozenset(
    {
        LineType.PREFERRED,
        LineType.WARRANT,
        LineType.UNIT,
        LineType.RIGHT,
        LineType.NOTE,
        LineType.DEPOSITARY_RECEIPT,
        LineType.FUND,
        LineType.SPAC,
        LineType.LIMITED_PARTNERSHIP,
        LineType.LLC,
        LineType.ROYALTY_TRUST,
    }
)
EXCLUDED_LINE_TYPES = (
    _until(
        _since(
            FIRST_RULE_DAY,
            _ALWAYS_EXCLUDED,
            "own_choice",
            Certainty.FROM_MEMORY,
            "limited partnerships, LLCs and royalty trusts were out, REITs in, by 2001",
        ),
        _BDC_EXCLUSION,
    ),
    _until(
        _since(
            _BDC_EXCLUSION,
            _ALWAYS_EXCLUDED | {LineType.BDC},
            "own_choice",
            Certainty.FROM_MEMORY,
            "business development companies were dropped about June 2014",
        ),
        date(2026, 1, 1),
    ),
    _since(
        date(2026, 1, 1),
        _ALWAYS_EXCLUDED | {LineType.BDC},
        "methodology_2026",
        Certainty.OFFICIAL,
        "tracking stocks are ranked apart and REITs are eligible",
    ),
)

_UNITED_STATES = frozenset({"United States", "Puerto Rico", "Guam", "U.S. Virgin Islands"})
_BENEFIT_DRIVEN = frozenset(
    {
        "Anguilla",
        "Antigua and Barbuda",
        "Aruba",
        "Bahamas",
        "Barbados",
        "Belize",
        "Bermuda",
        "Bonaire",
        "British Virgin Islands",
        "Cayman Islands",
        "Channel Islands",
        "Cook Islands",
        "Curacao",
        "Faroe Islands",
        "Gibraltar",
        "Guernsey",
        "Isle of Man",
        "Jersey",
        "Liberia",
        "Marshall Islands",
        "Panama",
        "Saba",
        "Sint Eustatius",
        "Sint Maarten",
        "Turks and Caicos Islands",
    }
)
HOME_COUNTRIES = (
    _until(
        _since(FIRST_RULE_DAY, _UNITED_STATES, "releases_2001", Certainty.OFFICIAL, "US-domiciled"),
        _BAND_START,
    ),
    _since(
        _BAND_START,
        _UNITED_STATES | _BENEFIT_DRIVEN,
        "methodology_2026",
        Certainty.INFERRED,
        "the list of benefit-driven incorporation is official; that a line which the feed places "
        "there counts as United States stands in for the test of headquarters, assets and revenues",
    ),
)
IS_UNKNOWN_COUNTRY_HOME = (
    _since(
        FIRST_RULE_DAY,
        value=True,
        source="own_choice",
        certainty=Certainty.INFERRED,
        note="a line on a United States exchange is domestic unless the feed says otherwise",
    ),
)
HAS_SEPARATE_SHARE_CLASSES = (
    _until(
        _since(FIRST_RULE_DAY, value=False, source="own_choice", certainty=Certainty.FROM_MEMORY),
        _SEPARATE_CLASSES,
    ),
    _since(
        _SEPARATE_CLASSES,
        value=True,
        source="own_choice",
        certainty=Certainty.FROM_MEMORY,
        note="started about the reconstitution of 2015; printed in the methodology of 2026",
    ),
)
MINIMUM_CLASS_ADDTV_USD = (
    _until(
        _since(
            FIRST_RULE_DAY,
            130_000.0,
            "own_choice",
            Certainty.FROM_MEMORY,
            "the global median of about 2019 to 2021; without effect while classes stay together",
        ),
        _ADDTV_PRINTED,
    ),
    _since(
        _ADDTV_PRINTED,
        175_000.0,
        "methodology_2026",
        Certainty.OFFICIAL,
        "the global median at the rank day of 2026",
    ),
)
MAX_CARRIED_SESSIONS = (_since(FIRST_RULE_DAY, 5, "own_choice", Certainty.INFERRED),)
SHARE_OBSERVATION_SESSIONS = (_since(FIRST_RULE_DAY, 5, "own_choice", Certainty.INFERRED),)


def dated_parameters() -> Mapping[str, tuple[DatedValue[object], ...]]:
    """Every parameter's history, by the name of its field in `IndexRules`.

    Example:
        >>> for dated in dated_parameters()["band_half_width"]:
        ...     print(dated.start, dated.end, dated.value, dated.certainty)
        1989-01-01 2006-12-31 0.0 reported
        2007-01-01 None 0.025 official
    """
    return MappingProxyType(
        {
            "large_cap_count": LARGE_CAP_COUNT,
            "total_count": TOTAL_COUNT,
            "extended_count": EXTENDED_COUNT,
            "band_half_width": BAND_HALF_WIDTH,
            "minimum_close_usd": MINIMUM_CLOSE_USD,
            "minimum_total_market_cap_usd": MINIMUM_TOTAL_MARKET_CAP_USD,
            "exchanges": EXCHANGES,
            "excluded_line_types": EXCLUDED_LINE_TYPES,
            "home_countries": HOME_COUNTRIES,
            "is_unknown_country_home": IS_UNKNOWN_COUNTRY_HOME,
            "has_separate_share_classes": HAS_SEPARATE_SHARE_CLASSES,
            "minimum_class_addtv_usd": MINIMUM_CLASS_ADDTV_USD,
            "max_carried_sessions": MAX_CARRIED_SESSIONS,
            "share_observation_sessions": SHARE_OBSERVATION_SESSIONS,
        }
    )


@cache
def rules_in_force(day: date) -> IndexRules:
    """Gather the parameters in force on one day.

    Args:
        day: The rank day of an event, or the session of a daily rule.

    Returns:
        One frozen value; equal days give the same object.

    Raises:
        BadInputError: `day` lies before `FIRST_RULE_DAY`; names a parameter.

    Example:
        >>> from datetime import date
        >>> rules_in_force(date(2022, 5, 6)).band_half_width
        0.025
        >>> rules_in_force(date(2006, 5, 31)).band_half_width
        0.0
    """
    return IndexRules(
        large_cap_count=_value(LARGE_CAP_COUNT, day, "large_cap_count"),
        total_count=_value(TOTAL_COUNT, day, "total_count"),
        extended_count=_value(EXTENDED_COUNT, day, "extended_count"),
        band_half_width=_value(BAND_HALF_WIDTH, day, "band_half_width"),
        minimum_close_usd=_value(MINIMUM_CLOSE_USD, day, "minimum_close_usd"),
        minimum_total_market_cap_usd=_value(
            MINIMUM_TOTAL_MARKET_CAP_USD, day, "minimum_total_market_cap_usd"
        ),
        exchanges=_value(EXCHANGES, day, "exchanges"),
        excluded_line_types=_value(EXCLUDED_LINE_TYPES, day, "excluded_line_types"),
        home_countries=_value(HOME_COUNTRIES, day, "home_countries"),
        is_unknown_country_home=_value(IS_UNKNOWN_COUNTRY_HOME, day, "is_unknown_country_home"),
        has_separate_share_classes=_value(
            HAS_SEPARATE_SHARE_CLASSES, day, "has_separate_share_classes"
        ),
        minimum_class_addtv_usd=_value(MINIMUM_CLASS_ADDTV_USD, day, "minimum_class_addtv_usd"),
        max_carried_sessions=_value(MAX_CARRIED_SESSIONS, day, "max_carried_sessions"),
        share_observation_sessions=_value(
            SHARE_OBSERVATION_SESSIONS, day, "share_observation_sessions"
        ),
    )


def _value(values: tuple[DatedValue[T], ...], day: date, parameter: str) -> T:
    return value_on(values, day, parameter=parameter).value
