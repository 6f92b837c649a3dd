"""The bands around the edges of the family, as dated values with sources.

An edge is a company rank at which indexes part. Holds how wide the band around each
edge is, in cumulative share of the r3000e total on either side. Ranks without an entry
here have no band: #50, #3000 and #4000. Keep out how a band decides
(`methodology/reconstitution`) and bands that one index has of its own (`family`).
"""

from __future__ import annotations

from datetime import date, timedelta

from r2k_pipeline.rulebook.periods import FIRST_RULE_DAY, DatedValue
from r2k_pipeline.rulebook.sources import Certainty

_BAND_START = date(2007, 1, 1)


def _from_2007(
    half_width: float, source: str, certainty: Certainty, note: str
) -> tuple[DatedValue[float], ...]:
    """No band to 2006, this one from 2007 on."""
    return (
        DatedValue(
            value=0.0,
            start=FIRST_RULE_DAY,
            end=_BAND_START - timedelta(days=1),
            source="regression_discontinuity_2015",
            certainty=Certainty.REPORTED,
            note="no band",
        ),
        DatedValue(
            value=half_width,
            start=_BAND_START,
            end=None,
            source=source,
            certainty=certainty,
            note=note,
        ),
    )


BAND_AT_200 = _from_2007(
    0.025,
    "methodology_2026",
    Certainty.INFERRED,
    "2.5 points are printed in 2026; that they began with the band at #1000 is ours",
)
BAND_AT_500 = _from_2007(
    0.025,
    "methodology_2026",
    Certainty.INFERRED,
    "2.5 points are printed in 2026; that they began with the band at #1000 is ours",
)
BAND_AT_1000 = _from_2007(
    0.025,
    "band_introduction_2007",
    Certainty.OFFICIAL,
    "2.5 percentage points of the cumulative total market cap on either side; an asymmetric "
    "band consulted on in December 2023 was not adopted",
)
BAND_AT_2000 = _from_2007(
    0.005,
    "methodology_2026",
    Certainty.INFERRED,
    "0.5 points are printed in 2026; that they began with the band at #1000 is ours",
)
