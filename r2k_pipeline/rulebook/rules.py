"""The rules in force on one day: every parameter of the methodology, gathered.

Holds `IndexRules` and `rules_in_force`. A new parameter is its dated values in `parameters`
(or `bands`, `maintenance_parameters`, `action_parameters`, `restatement_parameters`), and a
field of `IndexRules` of the same name in small letters. Keep out dates of events (`schedule`)
and indexes (`family`).

A value that an event applies is looked up on the event's *rank day*; one that
applies daily, on the session.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from r2k_pipeline.rulebook import (
    action_parameters,
    bands,
    maintenance_parameters,
    parameters,
    restatement_parameters,
)
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

_PARAMETER_MODULES = (
    parameters,
    bands,
    maintenance_parameters,
    action_parameters,
    restatement_parameters,
)


@dataclass(frozen=True, kw_only=True)
class IndexRules:
    """Every parameter in force on one day.

    Args:
        large_cap_count: Companies by rank before banding in the large segment.
        total_count: Companies by rank in the large and small segments together.
        extended_count: Companies ranked at most; all eligible ones, if fewer.
        band_at_200: Half the band around #200, in cumulative share of the total market
            cap of the `extended_count` companies (0 to 1). 0 means no band.
        band_at_500: The same around #500.
        band_at_1000: The same around `large_cap_count`.
        band_at_2000: The same around #2000.
        minimum_close_usd: Smallest close on the rank day, USD, inclusive.
        member_mean_close_days: Over how many calendar days before the rank day the mean
            close must reach `minimum_close_usd` for a member to pass below it; 0 is no
            such exception.
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
        lock_up_days: For how many calendar days from the first session the holders from
            before a listing are taken to be locked up.
        offered_part_of_float: What part of the later float an offering sold (0 to 1).
        minimum_float_share: Smallest share of the company's shares in public hands (0 to
            1), inclusive.
        max_carried_sessions: For how many sessions a member without a close is
            valued at its last one.
        share_observation_sessions: Over how many sessions, the last of them the one
            that decides, a line's share count is observed when it must be inferred
            from market capitalisation and close.
        has_ipo_additions: Whether a review between reconstitutions adds IPOs.
        ipo_seasoning_days: Calendar days that must lie between an IPO's first session
            and the session on which it counts.
        is_former_spac_an_ipo: Whether a blank-cheque company counts as an IPO when it
            has merged.
        fast_entry_rank: The rank whose market-adjusted breakpoint an IPO must exceed to
            enter at once; None where there is no fast entry.
        fast_entry_sessions: After the close of which trading day it then enters.
        share_update_threshold: Change of the share count, as a fraction of the index
            shares in force, that a review must exceed to update them.
        share_update_limit: The factor, up or down, from which on a change of implied
            shares is not believed at a review.
        event_share_limit: The factor, up or down, beyond which a change of implied shares
            since the preliminary lists is not believed at an event.
        float_buffers: (float, change) pairs in ascending order: up to this float
            (inclusive) a review updates it when it moved by more than this change.
        offering_minimum_usd: Value of an offering, USD, inclusive, from which on it is
            applied within a quarter whatever its share; None where none is.
        offering_minimum_change: Its least fraction of index shares, inclusive, for the
            smaller amount to be enough.
        offering_minimum_with_change_usd: That smaller amount, USD, inclusive.
        offering_notice_sessions: Sessions between pricing and application.
        special_dividends_in_a_row: How many special dividends in a row are special; those
            that follow are ordinary.
        taken_over_share: The part of a target's shares (0 to 1, inclusive) that, once
            tendered, removes it.
        halt_review_sessions: After how many sessions without a trade a halted member is
            looked at again.
        halt_removal_sessions: After how many it is removed, as if worth nothing.
        restatement_threshold_bp: Difference of a level in basis points, inclusive, from
            which on a correction replaces what was published.
        restatement_fresh_sessions: A correction that reaches back at most so many sessions
            before the last published one does so whatever the difference.
    """

    large_cap_count: int
    total_count: int
    extended_count: int
    band_at_200: float
    band_at_500: float
    band_at_1000: float
    band_at_2000: float
    minimum_close_usd: float
    member_mean_close_days: int
    minimum_total_market_cap_usd: float
    exchanges: frozenset[str]
    excluded_line_types: frozenset[LineType]
    home_countries: frozenset[str]
    is_unknown_country_home: bool
    has_separate_share_classes: bool
    minimum_class_addtv_usd: float
    minimum_public_vote_share: float
    votes_asked_of_listings_since: int
    lock_up_days: int
    offered_part_of_float: float
    minimum_float_share: float
    max_carried_sessions: int
    share_observation_sessions: int
    has_ipo_additions: bool
    ipo_seasoning_days: int
    is_former_spac_an_ipo: bool
    fast_entry_rank: int | None
    fast_entry_sessions: int
    share_update_threshold: float
    share_update_limit: float
    event_share_limit: float
    float_buffers: tuple[tuple[float, float], ...]
    offering_minimum_usd: float | None
    offering_minimum_change: float
    offering_minimum_with_change_usd: float
    offering_notice_sessions: int
    special_dividends_in_a_row: int
    taken_over_share: float
    halt_review_sessions: int
    halt_removal_sessions: int
    restatement_threshold_bp: float
    restatement_fresh_sessions: int

    def band_at(self, rank: int) -> float:
        """Half the band around a company rank, in cumulative share; 0 where there is none.

        Example:
            >>> from datetime import date
            >>> rules = rules_in_force(date(2022, 5, 6))
            >>> [rules.band_at(rank) for rank in (50, 200, 1000, 2000, 3000)]
            [0.0, 0.025, 0.025, 0.005, 0.0]
        """
        return {
            200: self.band_at_200,
            500: self.band_at_500,
            self.large_cap_count: self.band_at_1000,
            2000: self.band_at_2000,
        }.get(rank, 0.0)


def dated_parameters() -> Mapping[str, tuple[DatedValue[object], ...]]:
    """Every parameter's history, by the name of its field in `IndexRules`.

    Example:
        >>> for dated in dated_parameters()["band_at_1000"]:
        ...     print(dated.start, dated.end, dated.value, dated.certainty)
        1989-01-01 2006-12-31 0.0 reported
        2007-01-01 None 0.025 official
    """
    histories = {
        name.lower(): value
        for module in _PARAMETER_MODULES
        for name, value in vars(module).items()
        if name.isupper()
    }
    return MappingProxyType({field.name: histories[field.name] for field in fields(IndexRules)})


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
        >>> rules_in_force(date(2022, 5, 6)).band_at_1000
        0.025
        >>> rules_in_force(date(2006, 5, 31)).band_at_1000
        0.0
    """
    in_force: dict[str, Any] = {
        name: value_on(history, day, parameter=name).value
        for name, history in dated_parameters().items()
    }
    return IndexRules(**in_force)
