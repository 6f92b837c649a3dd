"""How large a synthetic market is, how long, and from which seed.

Add a size or a rate of something that happens here. What is made of it belongs
to the modules beside this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum

import numpy as np

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.rulebook.sessions import session_on_or_after, session_on_or_before

_FULL_SIZE = 3450
_SESSIONS_PER_YEAR = 252
_FEWEST_COMPANIES = 20
_FEWEST_SESSIONS = 30


class CompanyKind(StrEnum):
    """What a company is; decides names, caps, volatility and which papers it lists."""

    DOMESTIC = "domestic"
    FOREIGN = "foreign"
    DEPOSITARY = "depositary"
    PARTNERSHIP = "partnership"
    LLC = "llc"
    ROYALTY_TRUST = "royalty_trust"
    FUND = "fund"
    SPAC = "spac"


class EventKind(StrEnum):
    """What can happen to a company."""

    FORWARD_SPLIT = "forward_split"
    REVERSE_SPLIT = "reverse_split"
    CASH_MERGER = "cash_merger"
    STOCK_MERGER = "stock_merger"
    SPIN_OFF = "spin_off"
    BANKRUPTCY = "bankruptcy"
    LIQUIDATION = "liquidation"
    SPAC_MERGER = "spac_merger"
    SYMBOL_CHANGE = "symbol_change"
    SYMBOL_AND_NAME_CHANGE = "symbol_and_name_change"
    NAME_CHANGE = "name_change"
    SPECIAL_DIVIDEND = "special_dividend"
    RETURN_OF_CAPITAL = "return_of_capital"
    RIGHTS_ISSUE = "rights_issue"
    SHARE_CHANGE = "share_change"
    PARTIAL_TENDER = "partial_tender"
    TENDER_TAKEOVER = "tender_takeover"
    MIXED_MERGER = "mixed_merger"
    FOREIGN_TARGET = "foreign_target"
    FOREIGN_ACQUIRER = "foreign_acquirer"
    HALT = "halt"


class Stream(IntEnum):
    """Independent streams of randomness: drawing more from one leaves the others as they were."""

    COMPANIES = 1
    EVENTS = 2
    RETURNS = 3
    SHARES = 4
    QUIRKS = 5
    VOLUME = 6
    LINES = 7
    DIVIDENDS = 8
    NAMES = 9
    FATES = 10
    RARER_EVENTS = 11


# Companies of each kind that are listed on the first session of a market of full size.
KIND_COUNTS: dict[CompanyKind, int] = {
    CompanyKind.DOMESTIC: _FULL_SIZE,
    CompanyKind.FOREIGN: 220,
    CompanyKind.DEPOSITARY: 180,
    CompanyKind.PARTNERSHIP: 40,
    CompanyKind.LLC: 6,
    CompanyKind.ROYALTY_TRUST: 12,
    CompanyKind.FUND: 130,
    CompanyKind.SPAC: 90,
}

# Newly listed companies of each kind a year.
ARRIVALS_PER_YEAR: dict[CompanyKind, int] = {
    CompanyKind.DOMESTIC: 130,
    CompanyKind.FOREIGN: 15,
    CompanyKind.DEPOSITARY: 12,
    CompanyKind.FUND: 6,
    CompanyKind.SPAC: 40,
}

# Events a year in a market of full size; the order is that in which companies are drawn.
EVENTS_PER_YEAR: dict[EventKind, int] = {
    EventKind.SPIN_OFF: 6,
    EventKind.STOCK_MERGER: 12,
    EventKind.CASH_MERGER: 50,
    EventKind.FORWARD_SPLIT: 20,
    EventKind.REVERSE_SPLIT: 30,
    EventKind.BANKRUPTCY: 50,
    EventKind.SYMBOL_CHANGE: 20,
    EventKind.SYMBOL_AND_NAME_CHANGE: 15,
    EventKind.NAME_CHANGE: 15,
    EventKind.SPECIAL_DIVIDEND: 15,
    EventKind.LIQUIDATION: 25,
    EventKind.SPAC_MERGER: 12,
}

# What happens rarely, drawn after the others: few enough that an index hardly moves by it.
RARER_EVENTS_PER_YEAR: dict[EventKind, int] = {
    EventKind.FOREIGN_TARGET: 3,
    EventKind.FOREIGN_ACQUIRER: 3,
    EventKind.MIXED_MERGER: 4,
    EventKind.TENDER_TAKEOVER: 4,
    EventKind.PARTIAL_TENDER: 4,
    EventKind.RIGHTS_ISSUE: 4,
    EventKind.RETURN_OF_CAPITAL: 3,
    EventKind.SHARE_CHANGE: 4,
    EventKind.HALT: 6,
}

# Other papers and oddities in a market of full size.
DUAL_CLASS_COMPANIES = 60
PREFERRED_LINES = 170
NOTE_LINES = 40
LEGACY_WARRANT_LINES = 40
SYMBOL_REUSES_PER_YEAR = 3


@dataclass(frozen=True, kw_only=True)
class MarketParameters:
    """One synthetic market; equal parameters give bit-identical frames.

    Attributes:
        seed: Any whole number from 0.
        first_session: First session of the feed; a day that is none moves forward.
        last_session: Last session of the feed; a day that is none moves back.
        companies: Domestic operating companies on the first session; everything
            else scales with it, down to one of each kind.
        missing_sessions: Sessions for which the feed has nothing.
        has_quirks: Whether the feed shows blank caps of real companies and shares
            that lag a split by one session.

    Raises:
        BadInputError: The market is too small or too short to hold its events.

    Example:
        >>> parameters = MarketParameters()
        >>> parameters.first_session, parameters.companies
        (datetime.date(2022, 4, 1), 3450)
        >>> MarketParameters(companies=69).scaled(100)
        2
    """

    seed: int = 2000
    first_session: date = date(2022, 4, 1)
    last_session: date = date(2024, 7, 31)
    companies: int = _FULL_SIZE
    missing_sessions: int = 1
    has_quirks: bool = True

    def __post_init__(self) -> None:
        """Move the ends onto sessions and refuse what cannot be."""
        object.__setattr__(self, "first_session", session_on_or_after(self.first_session))
        object.__setattr__(self, "last_session", session_on_or_before(self.last_session))
        days = (self.last_session - self.first_session).days
        if self.companies >= _FEWEST_COMPANIES and days >= _FEWEST_SESSIONS * 2 and self.seed >= 0:
            return
        raise BadInputError(
            f"no synthetic market of {self.companies} companies from {self.first_session}"
            f" to {self.last_session} with seed {self.seed}",
            state="nothing was generated",
            remedy=f"ask for at least {_FEWEST_COMPANIES} companies, {_FEWEST_SESSIONS * 2} days"
            " and a seed from 0",
        )

    def scaled(self, count_at_full_size: float) -> int:
        """How many of something this market has: at least one."""
        return max(1, round(count_at_full_size * self.companies / _FULL_SIZE))

    def scaled_a_year(self, count_at_full_size: float, sessions: int) -> int:
        """How often something happens over a number of sessions: at least once."""
        return self.scaled(count_at_full_size * sessions / _SESSIONS_PER_YEAR)

    def stream(self, stream: Stream) -> np.random.Generator:
        """The generator of one independent stream."""
        return np.random.default_rng([self.seed, int(stream)])


def demo_market(*, years: int = 2, seed: int = 2000, last_year: int = 2024) -> MarketParameters:
    """The market of `r2k demo`: full size, from April of the first year to July of the last.

    So it holds the rank day, the lock-down and the effective session of every June
    from `last_year - years` to `last_year`, both included.

    Raises:
        BadInputError: `years` is below 1.

    Example:
        >>> demo_market(years=2).first_session, demo_market(years=2).last_session
        (datetime.date(2022, 4, 1), datetime.date(2024, 7, 31))
    """
    if years < 1:
        raise BadInputError(
            f"no synthetic market of {years} years",
            state="nothing was generated",
            remedy="ask for at least one year",
        )
    return MarketParameters(
        seed=seed,
        first_session=date(last_year - years, 4, 1),
        last_session=date(last_year, 7, 31),
    )


def small_market(
    *,
    companies: int = 60,
    first_session: date = date(2022, 4, 1),
    last_session: date = date(2022, 9, 30),
    seed: int = 7,
) -> MarketParameters:
    """The named small scenario of the tests: every kind of paper and event, in a split second.

    Example:
        >>> small_market().scaled_a_year(50, sessions=126)
        1
    """
    return MarketParameters(
        companies=companies, first_session=first_session, last_session=last_session, seed=seed
    )
