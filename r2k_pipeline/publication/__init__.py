"""The one life of every partition: shape -> checks -> promote, or keep the last good one.

What users of the package need is named here. ``life`` has the steps,
``partitions`` what can be published, ``accounts`` what is written down about it.
"""

from __future__ import annotations

from r2k_pipeline.publication.life import (
    LastPublication,
    Publication,
    last_published,
    publish,
    record_verdicts,
)
from r2k_pipeline.publication.partitions import (
    EventKeys,
    Partitions,
    SessionList,
    SessionRange,
    Whole,
)

__all__ = [
    "EventKeys",
    "LastPublication",
    "Partitions",
    "Publication",
    "SessionList",
    "SessionRange",
    "Whole",
    "last_published",
    "publish",
    "record_verdicts",
]
