"""When a published level is restated, as dated values with sources.

Holds from which difference on, and within how many sessions whatever the difference, a
corrected level replaces the one that was published; like `parameters`, and read like it.
Keep out how a difference is found: that is `methodology/restatement`.
"""

from __future__ import annotations

from r2k_pipeline.rulebook.periods import FIRST_RULE_DAY, DatedValue
from r2k_pipeline.rulebook.sources import Certainty

RESTATEMENT_THRESHOLD_BP = (
    DatedValue(
        value=3.0,
        start=FIRST_RULE_DAY,
        end=None,
        source="recalculation_policy_2020",
        certainty=Certainty.FROM_MEMORY,
        note="inclusive; that there is a threshold is the policy's, its size and since when are "
        "remembered and not read",
    ),
)
RESTATEMENT_FRESH_SESSIONS = (
    DatedValue(
        value=2,
        start=FIRST_RULE_DAY,
        end=None,
        source="recalculation_policy_2020",
        certainty=Certainty.FROM_MEMORY,
        note="that what is found soon is corrected at once is the policy's; that soon is two "
        "sessions is remembered and not read",
    ),
)
