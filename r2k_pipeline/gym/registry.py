"""Every incident of the failure catalogue, in its order.

Add a module of incidents to the list here; what an incident is stands in `incident`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.gym import (
    archive_incidents,
    index_incidents,
    landing_incidents,
    line_incidents,
    rank_day_incident,
    rule_incidents,
    storage_incidents,
)

if TYPE_CHECKING:
    from r2k_pipeline.gym.incident import Incident

_FAMILIES = (
    landing_incidents, archive_incidents, line_incidents, rank_day_incident, storage_incidents,
    index_incidents, rule_incidents,
)  # fmt: skip


def incidents(*, fast: bool = False) -> tuple[Incident, ...]:
    """The incidents by number.

    Args:
        fast: Only those for which no index is built.

    Example:
        >>> [incident.number for incident in incidents()] == list(range(1, 29))
        True
    """
    found = [incident for family in _FAMILIES for incident in family.INCIDENTS]
    chosen = [incident for incident in found if incident.is_fast or not fast]
    return tuple(sorted(chosen, key=lambda incident: incident.number))
