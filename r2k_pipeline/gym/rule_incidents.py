"""Incidents of the rules: what was in force on a day, whatever is in force today.

Judged against what the index's owner printed; nothing is built.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from r2k_pipeline.gym.incident import Finding, Incident
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event

if TYPE_CHECKING:
    from r2k_pipeline.gym.arena import Arena

# Printed by the index's owner: the third of each is the day that ranks.
_PRINTED = {
    "2021-06": date(2021, 5, 7),
    "2022-06": date(2022, 5, 6),
    "2023-06": date(2023, 4, 28),
    "2024-06": date(2024, 4, 30),
    "2025-06": date(2025, 4, 30),
    "2026-06": date(2026, 4, 30),
    "2026-12": date(2026, 10, 30),
}


def _rule_change(_: Arena) -> Finding:
    """The rank day moves in 2023, a second event a year comes in 2026: each from its day on."""
    wrong = tuple(
        f"{event_id}: {event(event_id).rank_day}, printed {day}"
        for event_id, day in _PRINTED.items()
        if event(event_id).rank_day != day
    )
    dated = {rules_in_force(day) for day in _PRINTED.values()}
    has_changed = len(dated) > 1
    return Finding(
        caught_by=frozenset({"dated rulebook"} if has_changed and not wrong else ()),
        published=f"{len(_PRINTED)} events on their printed rank days",
        wrong=wrong,
    )


INCIDENTS = (
    Incident(
        number=25,
        name="rules change in mid-history",
        example="April rank days from 2023 on, two events a year from 2026 on",
        guards=("dated rulebook",),
        replay=_rule_change,
    ),
)
