"""The parameters of corporate actions, as dated values with sources.

Holds what decides when a habit is no exception, when a target is taken over and how long a
halted line is waited for; like `parameters`, and read like it. Keep out what a kind of
action does: that is the table of `methodology/action_treatment`.
"""

from __future__ import annotations

from datetime import date, timedelta

from r2k_pipeline.rulebook.periods import FIRST_RULE_DAY, DatedValue
from r2k_pipeline.rulebook.sources import Certainty

_CLOSED_MARKETS_2015 = date(2015, 7, 24)

SPECIAL_DIVIDENDS_IN_A_ROW = (
    DatedValue(
        value=3,
        start=FIRST_RULE_DAY,
        end=None,
        source="index_guide_comparison_2026",
        certainty=Certainty.REPORTED,
        note="the first three in a row are special, from the fourth on they are ordinary; since "
        "when is unknown, and that a row breaks after 400 days is ours",
    ),
)
TAKEN_OVER_SHARE = (
    DatedValue(
        value=0.9,
        start=FIRST_RULE_DAY,
        end=None,
        source="index_guide_comparison_2026",
        certainty=Certainty.REPORTED,
        note="inclusive; since when is unknown",
    ),
)
HALT_REVIEW_SESSIONS = (
    DatedValue(
        value=20,
        start=FIRST_RULE_DAY,
        end=_CLOSED_MARKETS_2015 - timedelta(days=1),
        source="own_choice",
        certainty=Certainty.FROM_MEMORY,
        note="as later; no document of the time is at hand",
    ),
    DatedValue(
        value=20,
        start=_CLOSED_MARKETS_2015,
        end=None,
        source="closed_markets_2015",
        certainty=Certainty.INFERRED,
        note="20 business days are what is said of closed markets; that a single halted line is "
        "looked at as late is by analogy",
    ),
)
HALT_REMOVAL_SESSIONS = (
    DatedValue(
        value=60,
        start=FIRST_RULE_DAY,
        end=None,
        source="own_choice",
        certainty=Certainty.FROM_MEMORY,
        note="then it is removed as if it were worth nothing",
    ),
)
