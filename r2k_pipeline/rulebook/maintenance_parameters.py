"""The parameters of what happens between reconstitutions, as dated values with sources.

Holds what decides additions of IPOs, fast entries, share and float updates and offerings
within a quarter; like `parameters`, and read like it. Keep out the days of reviews
(`review_rules`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TypeVar

from r2k_pipeline.rulebook.periods import FIRST_RULE_DAY, DatedValue
from r2k_pipeline.rulebook.sources import Certainty

T = TypeVar("T")

_FIRST_IPO_RANK_DATE = date(2004, 8, 31)
_QUARTERLY_SHARES = date(2017, 1, 1)
_FAST_ENTRY = date(2026, 1, 1)
_THIRD_FLOAT_TIER = date(2026, 1, 1)


def _since(start: date, value: T, source: str, certainty: Certainty, note: str) -> DatedValue[T]:
    return DatedValue(
        value=value, start=start, end=None, source=source, certainty=certainty, note=note
    )


def _in_turn(*values: DatedValue[T]) -> tuple[DatedValue[T], ...]:
    """Values that follow one another: each is in force until the next one starts."""
    ends = [after.start - timedelta(days=1) for after in values[1:]]
    return tuple(replace(value, end=end) for value, end in zip(values, [*ends, None], strict=True))


HAS_IPO_ADDITIONS = _in_turn(
    _since(
        FIRST_RULE_DAY,
        False,
        "ipo_releases_2004_2005",
        Certainty.OFFICIAL,
        "before the additions of 30 September 2004 an IPO waited for the next reconstitution",
    ),
    _since(
        _FIRST_IPO_RANK_DATE,
        True,
        "ipo_releases_2004_2005",
        Certainty.OFFICIAL,
        "first ranked on 31 August 2004; nobody is removed to make room",
    ),
)
IPO_SEASONING_DAYS = _in_turn(
    _since(
        FIRST_RULE_DAY,
        0,
        "own_choice",
        Certainty.INFERRED,
        "priced and traded by the rank date is enough",
    ),
    _since(
        date(2012, 1, 1),
        30,
        "release_2012",
        Certainty.OFFICIAL,
        "a minimum of one month between first trade and addition; seen in 2012 only",
    ),
    _since(
        date(2013, 1, 1),
        0,
        "ipo_calendar_2016",
        Certainty.INFERRED,
        "the calendar of about 2016 asks for priced and traded by the rank date and no more",
    ),
)
IS_FORMER_SPAC_AN_IPO = _in_turn(
    _since(
        FIRST_RULE_DAY,
        False,
        "methodology_2026",
        Certainty.OFFICIAL,
        "a blank-cheque company listed before the quarter is no IPO when it merges; its way in "
        "by the expiry of the longest lock-up is not taken, because no feed tells lock-ups",
    ),
)
FAST_ENTRY_RANK = _in_turn(
    _since(
        FIRST_RULE_DAY, None, "methodology_2017", Certainty.INFERRED, "no fast entry is mentioned"
    ),
    _since(
        _FAST_ENTRY,
        500,
        "methodology_2026",
        Certainty.OFFICIAL,
        "offered shares times the first close against the market-adjusted breakpoint at this "
        "rank; the start within 2026 is ours",
    ),
)
FAST_ENTRY_SESSIONS = _in_turn(
    _since(
        FIRST_RULE_DAY,
        5,
        "methodology_2026",
        Certainty.OFFICIAL,
        "joins after the close of the fifth trading day; without effect before 2026",
    ),
)
SHARE_UPDATE_THRESHOLD = _in_turn(
    _since(
        FIRST_RULE_DAY,
        0.05,
        "own_choice",
        Certainty.FROM_MEMORY,
        "cumulative, at each month's end; that shares changed monthly is printed in 2014 and 2016",
    ),
    _since(
        _QUARTERLY_SHARES,
        0.01,
        "share_files_2020",
        Certainty.REPORTED,
        "cumulative, at each quarter's review; seen in September 2020 and printed in 2026, the "
        "start year is from memory",
    ),
)
SHARE_UPDATE_LIMIT = _in_turn(
    _since(
        FIRST_RULE_DAY,
        2.0,
        "own_choice",
        Certainty.INFERRED,
        "of the changes beyond this factor that a price feed implies, a third was undone within a "
        "quarter; of those below, one in a hundred",
    ),
)
EVENT_SHARE_LIMIT = _in_turn(
    _since(
        FIRST_RULE_DAY,
        1.5,
        "own_choice",
        Certainty.INFERRED,
        "of the leaps beyond this factor that a price feed showed between the lists and the eve "
        "of three Junes, half were undone within half a year, by value six in seven",
    ),
)
FLOAT_BUFFERS = _in_turn(
    _since(
        FIRST_RULE_DAY,
        ((1.0, 1.0),),
        "methodology_2016",
        Certainty.INFERRED,
        "floats changed at reconstitutions only",
    ),
    _since(
        _QUARTERLY_SHARES,
        ((0.15, 0.01), (1.0, 0.03)),
        "share_files_2020",
        Certainty.REPORTED,
        "up to a float of 15 % a change above 1 point counts, else one above 3; the 3 points "
        "are seen in 2020, all is printed in 2026, the start year is from memory",
    ),
    _since(
        _THIRD_FLOAT_TIER,
        ((0.05, 0.0025), (0.15, 0.01), (1.0, 0.03)),
        "index_guide_comparison_2026",
        Certainty.REPORTED,
        "up to a float of 5 % a change above 0.25 points counts",
    ),
)
OFFERING_MINIMUM_USD = _in_turn(
    _since(
        FIRST_RULE_DAY,
        None,
        "methodology_2016",
        Certainty.INFERRED,
        "offerings waited for the next monthly change of shares",
    ),
    _since(
        _QUARTERLY_SHARES,
        1e9,
        "methodology_2026",
        Certainty.OFFICIAL,
        "change of index shares times offer price, inclusive; start year with the quarterly "
        "changes is ours",
    ),
)
OFFERING_MINIMUM_CHANGE = _in_turn(
    _since(
        FIRST_RULE_DAY,
        0.05,
        "methodology_2026",
        Certainty.OFFICIAL,
        "of index shares, inclusive, together with the smaller amount",
    ),
)
OFFERING_MINIMUM_WITH_CHANGE_USD = _in_turn(
    _since(
        FIRST_RULE_DAY,
        250e6,
        "methodology_2026",
        Certainty.OFFICIAL,
        "the smaller amount, inclusive; without effect where no offering is applied",
    ),
)
OFFERING_NOTICE_SESSIONS = _in_turn(
    _since(FIRST_RULE_DAY, 2, "methodology_2026", Certainty.OFFICIAL, "two days' notice"),
)
