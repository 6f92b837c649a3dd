"""The rules in force on one day: every parameter of the methodology, gathered.

Holds `IndexRules` and `rules_in_force`. A new parameter needs three lines: its dated
values in `parameters`, a field of `IndexRules`, an entry of `dated_parameters` (a
test compares the last two). Keep out dates of events (`schedule`) and indexes
(`family`).

A value that an event applies is looked up on the event's *rank day*; one that
applies daily, on the session.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from r2k_pipeline.rulebook import parameters
from r2k_pipeline.rulebook.periods import FIRST_RULE_DAY, DatedValue, value_on
from r2k_pipeline.rulebook.sources import SOURCES, Certainty, Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from r2k_pipeline.rulebook.reasons import LineType

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
        minimum_public_vote_share: Smallest share of all votes in public hands (0 to 1),
            inclusive.
        votes_asked_of_listings_since: First year of listing of which the test is asked;
            older members were exempt for five years.
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
    minimum_public_vote_share: float
    votes_asked_of_listings_since: int
    max_carried_sessions: int
    share_observation_sessions: int


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
            "large_cap_count": parameters.LARGE_CAP_COUNT,
            "total_count": parameters.TOTAL_COUNT,
            "extended_count": parameters.EXTENDED_COUNT,
            "band_half_width": parameters.BAND_HALF_WIDTH,
            "minimum_close_usd": parameters.MINIMUM_CLOSE_USD,
            "minimum_total_market_cap_usd": parameters.MINIMUM_TOTAL_MARKET_CAP_USD,
            "exchanges": parameters.EXCHANGES,
            "excluded_line_types": parameters.EXCLUDED_LINE_TYPES,
            "home_countries": parameters.HOME_COUNTRIES,
            "is_unknown_country_home": parameters.IS_UNKNOWN_COUNTRY_HOME,
            "has_separate_share_classes": parameters.HAS_SEPARATE_SHARE_CLASSES,
            "minimum_class_addtv_usd": parameters.MINIMUM_CLASS_ADDTV_USD,
            "minimum_public_vote_share": parameters.MINIMUM_PUBLIC_VOTE_SHARE,
            "votes_asked_of_listings_since": parameters.VOTES_ASKED_OF_LISTINGS_SINCE,
            "max_carried_sessions": parameters.MAX_CARRIED_SESSIONS,
            "share_observation_sessions": parameters.SHARE_OBSERVATION_SESSIONS,
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
        large_cap_count=_value(parameters.LARGE_CAP_COUNT, day, "large_cap_count"),
        total_count=_value(parameters.TOTAL_COUNT, day, "total_count"),
        extended_count=_value(parameters.EXTENDED_COUNT, day, "extended_count"),
        band_half_width=_value(parameters.BAND_HALF_WIDTH, day, "band_half_width"),
        minimum_close_usd=_value(parameters.MINIMUM_CLOSE_USD, day, "minimum_close_usd"),
        minimum_total_market_cap_usd=_value(
            parameters.MINIMUM_TOTAL_MARKET_CAP_USD, day, "minimum_total_market_cap_usd"
        ),
        exchanges=_value(parameters.EXCHANGES, day, "exchanges"),
        excluded_line_types=_value(parameters.EXCLUDED_LINE_TYPES, day, "excluded_line_types"),
        home_countries=_value(parameters.HOME_COUNTRIES, day, "home_countries"),
        is_unknown_country_home=_value(
            parameters.IS_UNKNOWN_COUNTRY_HOME, day, "is_unknown_country_home"
        ),
        has_separate_share_classes=_value(
            parameters.HAS_SEPARATE_SHARE_CLASSES, day, "has_separate_share_classes"
        ),
        minimum_class_addtv_usd=_value(
            parameters.MINIMUM_CLASS_ADDTV_USD, day, "minimum_class_addtv_usd"
        ),
        minimum_public_vote_share=_value(
            parameters.MINIMUM_PUBLIC_VOTE_SHARE, day, "minimum_public_vote_share"
        ),
        votes_asked_of_listings_since=_value(
            parameters.VOTES_ASKED_OF_LISTINGS_SINCE, day, "votes_asked_of_listings_since"
        ),
        max_carried_sessions=_value(parameters.MAX_CARRIED_SESSIONS, day, "max_carried_sessions"),
        share_observation_sessions=_value(
            parameters.SHARE_OBSERVATION_SESSIONS, day, "share_observation_sessions"
        ),
    )


def _value(values: tuple[DatedValue[T], ...], day: date, parameter: str) -> T:
    return value_on(values, day, parameter=parameter).value
