"""A history as both engines are told it: frames in the shapes of the contracts, and a calendar.

Holds what is handed over and nothing about how it is read. The pipeline reads it in
`pipeline_levels`, the exact calculator in `exact_market`; who makes histories up is
`drawn_histories`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from r2k_pipeline.rulebook.family_file import parse_family

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import polars as pl

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

FAMILY: Mapping[str, IndexDefinition] = parse_family(
    """
    indexes:
      all: {name: Every member, ranks: [1, 4000]}
      large: {name: The large ones, ranks: [1, 1000]}
      small: {name: The small ones, ranks: [1001, 3000], base_value: 135}
      full: {name: The small ones by all their shares, ranks: [1001, 3000],
             weighting: full_market_cap}
      equal: {name: The small ones in equal parts, ranks: [1001, 3000], weighting: equal}
    """,
    file="family of the oracle's tests",
)
"""The full set, two halves of it, and one of the halves weighed in two other ways."""


@dataclass(frozen=True, kw_only=True)
class History:
    """What is known of a market and its members.

    Args:
        sessions: Every session that anything is known of, in order; the first ones only
            observe shares.
        last: The last session wanted; one session after it may be known.
        events: The reconstitutions, in order. The first begins the indexes.
        resets: Sessions at whose open weights are set anew.
        decisions: Contract `reconstitution` of all events.
        maintenance: Contract `maintenance`.
        universe: Contract `universe`, the columns that the members' asset reads.
        actions: Contract `corporate_actions`.
        rules: The rules in force throughout.
    """

    sessions: tuple[date, ...]
    last: date
    events: tuple[Event, ...]
    resets: tuple[date, ...]
    decisions: pl.DataFrame
    maintenance: pl.DataFrame
    universe: pl.DataFrame
    actions: pl.DataFrame
    rules: IndexRules

    @property
    def base_session(self) -> date:
        """The session at whose close every index has its base value."""
        return self.events[0].effective_session

    @property
    def in_force(self) -> tuple[date, ...]:
        """The sessions that have levels."""
        return tuple(day for day in self.sessions if self.base_session <= day <= self.last)
