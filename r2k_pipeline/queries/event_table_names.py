"""What the tables of an event are called.

Only names, so that the command can list them before anything slow is loaded. What a table
holds is `event_tables`.
"""

from __future__ import annotations

from enum import StrEnum


class EventTable(StrEnum):
    """The tables of an event, in the order of a report."""

    BREAKPOINTS = "breakpoints"
    HISTORY = "history"
    RANGES = "ranges"
    LARGEST = "largest"
    CHANGES = "changes"
    MIGRATIONS = "migrations"
    MOVERS = "movers"
    SECTORS = "sectors"
    TURNOVER = "turnover"
    BANDING = "banding"
    IPOS = "ipos"
    DESK = "desk"

    @property
    def heading(self) -> str:
        """What a reader calls it.

        Example:
            >>> EventTable.MOVERS.heading
            'Sectors of those who move'
        """
        return _TITLES[self]


_TITLES = {
    EventTable.BREAKPOINTS: "Breakpoints and bands",
    EventTable.HISTORY: "The breakpoint over the events",
    EventTable.RANGES: "Total market cap by index, and against the event before",
    EventTable.LARGEST: "The largest companies",
    EventTable.CHANGES: "Additions, deletions and moves",
    EventTable.MIGRATIONS: "From segment to segment",
    EventTable.MOVERS: "Sectors of those who move",
    EventTable.SECTORS: "Sector weights before and after",
    EventTable.TURNOVER: "One-way turnover by index",
    EventTable.BANDING: "Held by a band against rank",
    EventTable.IPOS: "IPO additions since the event before",
    EventTable.DESK: "What trackers trade",
}
