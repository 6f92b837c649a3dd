"""The parameters of the methodology, as dated values with sources.

Holds every number, set and switch that decides eligibility, ranking, membership
and maintenance, each with its period, its document and how sure it is. To change a
parameter, end its last value and add one. Keep out the bands (`bands`), dates of
events (`date_rules`) and what is in force on one day (`rules`).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TypeVar

from r2k_pipeline.rulebook.periods import FIRST_RULE_DAY, DatedValue
from r2k_pipeline.rulebook.reasons import LineType
from r2k_pipeline.rulebook.sources import Certainty

T = TypeVar("T")


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
_VOTES_ASKED = date(2017, 1, 1)
_VOTES_ASKED_OF_ALL = date(2023, 1, 1)
_ADDTV_PRINTED = date(2026, 1, 1)
_MARKET_CAP_FLOOR_SEEN = date(2017, 1, 1)
_MEAN_PRICE_ASSUMED = date(2012, 1, 1)
_MEAN_PRICE_QUOTED = date(2023, 1, 1)

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
MEMBER_MEAN_CLOSE_DAYS = (
    _until(
        _since(
            FIRST_RULE_DAY,
            0,
            "client_mail_2010",
            Certainty.INFERRED,
            "no exception: a reply of 2010 on the price rule does not mention it",
        ),
        _MEAN_PRICE_ASSUMED,
    ),
    _until(
        _since(_MEAN_PRICE_ASSUMED, 30, "own_choice", Certainty.INFERRED, "start year unknown"),
        _MEAN_PRICE_QUOTED,
    ),
    _since(
        _MEAN_PRICE_QUOTED,
        30,
        "price_rule_2023",
        Certainty.REPORTED,
        "the mean of the daily closes on the primary exchange over the 30 days before rank day; "
        "printed in the methodology of 2026 too",
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
# Countries without an exchange of their own: who is run from there is traded elsewhere.
_NO_DOMESTIC_EXCHANGE = frozenset({"Falkland Islands", "Liechtenstein", "Monaco", "Suriname"})
HOME_COUNTRIES = (
    _until(
        _since(FIRST_RULE_DAY, _UNITED_STATES, "releases_2001", Certainty.OFFICIAL, "US-domiciled"),
        _BAND_START,
    ),
    _since(
        _BAND_START,
        _UNITED_STATES | _BENEFIT_DRIVEN | _NO_DOMESTIC_EXCHANGE,
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
MINIMUM_PUBLIC_VOTE_SHARE = (
    _until(
        _since(FIRST_RULE_DAY, 0.0, "methodology_2026", Certainty.OFFICIAL, "no such test"),
        _VOTES_ASKED,
    ),
    _since(
        _VOTES_ASKED,
        0.05,
        "methodology_2026",
        Certainty.OFFICIAL,
        "introduced in 2017 with five years of grace for members",
    ),
)
VOTES_ASKED_OF_LISTINGS_SINCE = (
    _until(
        _since(
            FIRST_RULE_DAY,
            2017,
            "methodology_2026",
            Certainty.INFERRED,
            "the year of listing stands for not having been a member in 2017",
        ),
        _VOTES_ASKED_OF_ALL,
    ),
    _since(
        _VOTES_ASKED_OF_ALL,
        0,
        "methodology_2026",
        Certainty.OFFICIAL,
        "every failing company is gone from the reconstitution of 2023 on",
    ),
)
MINIMUM_FLOAT_SHARE = (
    _until(
        _since(FIRST_RULE_DAY, 0.05, "own_choice", Certainty.INFERRED, "start year unknown"),
        _MARKET_CAP_FLOOR_SEEN,
    ),
    _since(_MARKET_CAP_FLOOR_SEEN, 0.05, "methodology_2017", Certainty.OFFICIAL),
)
LOCK_UP_DAYS = (
    _since(
        FIRST_RULE_DAY,
        180,
        "own_choice",
        Certainty.INFERRED,
        "locked-up shares are no float until a review after the expiry, which is official; no "
        "feed tells lock-ups, and 180 days is what underwriters ask for as a rule",
    ),
)
OFFERED_PART_OF_FLOAT = (
    _since(
        FIRST_RULE_DAY,
        1 / 3,
        "own_choice",
        Certainty.INFERRED,
        "an offering sells a tenth to a fifth of a company, about a third of what floats a "
        "year later; used for votes while the rest is locked up",
    ),
)
MAX_CARRIED_SESSIONS = (_since(FIRST_RULE_DAY, 5, "own_choice", Certainty.INFERRED),)
SHARE_OBSERVATION_SESSIONS = (_since(FIRST_RULE_DAY, 5, "own_choice", Certainty.INFERRED),)
