"""The documents behind the rulebook, by key.

Holds one entry a document and how sure a statement taken from it is. Add a
document here before a dated value names it. Keep out the values themselves
(`rules`, `schedule`, `sessions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Certainty(StrEnum):
    """How a value came to us; the order is from the surest to the least sure."""

    OFFICIAL = "official"
    """Printed by the index provider or the exchange, or quoted from it."""
    REPORTED = "reported"
    """A third party reports what an official or academic source says."""
    DERIVED = "derived"
    """Computed from official numbers; the note gives the arithmetic."""
    INFERRED = "inferred"
    """A modelling choice of ours, because no source gives the rule."""
    FROM_MEMORY = "from_memory"
    """Common knowledge without a document at hand; judge before relying on it."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One document.

    Example:
        >>> SOURCES["methodology_2026"].edition
        'v7.0, May 2026'
    """

    title: str
    publisher: str
    edition: str


def _source(title: str, publisher: str, edition: str) -> Source:
    return Source(title=title, publisher=publisher, edition=edition)


_METHODOLOGY = "Russell US Equity Indexes: Construction and Methodology"

SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "methodology_2026": _source(_METHODOLOGY, "FTSE Russell", "v7.0, May 2026"),
        "methodology_2017": _source(_METHODOLOGY, "FTSE Russell", "v3.0, November 2017 (contents)"),
        "methodology_2014": _source(
            "US index construction and methodology", "Russell Investments", "web page, 2013-14"
        ),
        "band_introduction_2007": _source(
            "Changes to the Russell index methodology", "Innovest", "31 May 2007"
        ),
        "release_2012": _source(
            "Release on turnover at reconstitution", "Russell Investments", "23 May 2012"
        ),
        "client_mail_2010": _source(
            "Client service reply on the price rule", "Russell Investments", "2010, as quoted"
        ),
        "price_rule_2023": _source(
            "Article quoting the rule on the minimum price", "InvestorPlace", "June 2023"
        ),
        "regression_discontinuity_2015": _source(
            "Regression discontinuity and the price effects of stock market indexing",
            "Review of Financial Studies 28(1)",
            "2015, read as NBER working paper 19290",
        ),
        "schedule_history": _source(
            "Reconstitution calendar 1989-2019, as reported from an academic appendix",
            "secondary digest",
            "2026",
        ),
        "releases_2001": _source("Russell reconstitution notices", "PlanSponsor", "June 2001"),
        "releases_2003": _source("Russell reconstitution notices", "PlanSponsor", "June 2003"),
        "releases_2004_2008": _source(
            "Russell reconstitution notices", "PlanSponsor", "July 2004 to March 2008"
        ),
        "releases_2011_2015": _source(
            "Russell reconstitution releases", "Russell Investments", "2011 to 2015"
        ),
        "schedule_2016": _source("Reconstitution schedule", "FTSE Russell", "2016"),
        "recap_2017": _source("Russell reconstitution recap", "FTSE Russell", "2017"),
        "schedule_2017": _source("Reconstitution schedule", "FTSE Russell", "2017"),
        "schedule_2018": _source("Reconstitution schedule", "FTSE Russell", "1 March 2018"),
        "schedule_2022": _source("Reconstitution schedule", "FTSE Russell", "2 March 2022"),
        "releases_2019_2022": _source(
            "Russell reconstitution releases and commentary", "FTSE Russell, CME, Callan", "2019-22"
        ),
        "schedules_2023_2025": _source(
            "Russell reconstitution schedules", "FTSE Russell", "2023, 2024, 2025"
        ),
        "ipo_releases_2004_2005": _source(
            "Releases on quarterly additions of IPOs",
            "Russell Investment Group",
            "September 2004, March and September 2005",
        ),
        "ipo_article_2007": _source("Russell adds IPOs", "etf.com", "18 September 2007"),
        "ipo_release_2011": _source(
            "Release on the additions of the fourth quarter of 2011",
            "Russell Investments",
            "16 December 2011",
        ),
        "ipo_calendar_2016": _source(
            "Calendar of IPO additions", "Russell Investments", "web page, about 2016"
        ),
        "ipo_calendar_2018": _source(
            "Calendar of IPO additions", "FTSE Russell", "web pages, 2017 and 2018"
        ),
        "cut_off_dates_2023": _source(
            "Russell US Equity Indexes: index review reference data cut-off dates for 2023",
            "FTSE Russell",
            "January 2023",
        ),
        "share_files_2020": _source(
            "Notice on the files of share and float changes of September 2020", "Ultumus", "2020"
        ),
        "index_guide_comparison_2026": _source(
            "Comparison of index guides, citing the corporate actions guide v6.8",
            "secondary digest",
            "2026",
        ),
        "withholding_service": _source(
            "Withholding tax service", "FTSE Russell", "web page; rates by country from elsewhere"
        ),
        "closed_markets_2015": _source(
            "Report on the policy for closed markets of 20 business days", "Reuters", "24 July 2015"
        ),
        "recalculation_policy_2020": _source(
            "Recalculation Policy and Guidelines: Equity Indexes",
            "FTSE Russell",
            "v2.6, July 2020 (first page)",
        ),
        "methodology_2016": _source(_METHODOLOGY, "FTSE Russell", "v2.1, April 2016"),
        "semi_annual_announcement": _source(
            "Russell US Indexes move to semi-annual reconstitution", "LSEG", "16 January 2025"
        ),
        "exchange_holidays": _source(
            "Special closings of the New York Stock Exchange", "NYSE", "history to 2025"
        ),
        "own_choice": _source("A modelling choice made in this project", "r2k_pipeline", "2026"),
    }
)
"""Every document that a dated value of the rulebook may name."""
