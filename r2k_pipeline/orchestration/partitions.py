"""What one partition is: a trading session, or a reconstitution event.

Holds the two partition definitions, the mapping between them, and how a range of keys
reads as dates. The days themselves come from the rulebook; the tests compare every key
with it. Add a definition here only for a new kind of partition. Use a partition's *key*,
never its window: a Friday's window has its own ideas about the weekend.

A session's key is its date. An event's key is its effective session, so the stock
mapping of time windows finds the event in force on a session.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby, pairwise
from operator import itemgetter

from dagster import (
    PartitionKeyRange,
    SpecificPartitionsPartitionMapping,
    TimeWindowPartitionMapping,
    TimeWindowPartitionsDefinition,
)

from r2k_pipeline.rulebook.rules import IndexRules, rules_in_force
from r2k_pipeline.rulebook.schedule import Event, events_between
from r2k_pipeline.rulebook.sessions import (
    FIRST_SESSION,
    closed_weekdays,
    horizon,
    sessions_between,
)

_KEY_FORMAT = "%Y-%m-%d"
_SATURDAYS_AND_SUNDAYS = ("0 0 * * 6", "0 0 * * 0")
_SATURDAY = 5
_EVENT_MONTHS = (6, 7, 12)

# Dagster lists a day once its window has ended, and the daily schedule runs half an hour
# after 18:00 in New York. Two hours east of UTC the day ends between 17:00 and 18:00 New
# York time, winter or summer: after the close and before the schedule.
_DAY_ENDS_AFTER_THE_CLOSE = "Etc/GMT-2"


def _midnight(day: date) -> datetime:
    """Midnight of a day without a zone: Dagster reads it in the definition's own."""
    return datetime.combine(day, time())


def _next_weekday(day: date) -> date:
    after = [day + timedelta(days=n) for n in (1, 2, 3)]
    return next(later for later in after if later.weekday() < _SATURDAY)


def _session_partitions() -> TimeWindowPartitionsDefinition:
    holidays = [_midnight(day) for day in closed_weekdays(FIRST_SESSION, horizon())]
    return TimeWindowPartitionsDefinition(
        start=FIRST_SESSION.strftime(_KEY_FORMAT),
        # Beyond the horizon nobody knows the holidays, so the definition ends with it, on the
        # tick that closes the last session's window.
        end=_next_weekday(horizon()).strftime(_KEY_FORMAT),
        fmt=_KEY_FORMAT,
        cron_schedule="0 0 * * *",
        exclusions=[*_SATURDAYS_AND_SUNDAYS, *holidays],
        timezone=_DAY_ENDS_AFTER_THE_CLOSE,
    )


def _event_partitions() -> TimeWindowPartitionsDefinition:
    effective = {event.effective_session for event in events_between(FIRST_SESSION, horizon())}
    first, last = min(effective), max(effective)
    closing_tick = date(last.year + 1, _EVENT_MONTHS[0], 1)
    days = [first + timedelta(days=n) for n in range((closing_tick - first).days)]
    others = [day for day in days if day.month in _EVENT_MONTHS and day not in effective]
    return TimeWindowPartitionsDefinition(
        start=first.strftime(_KEY_FORMAT),
        end=closing_tick.strftime(_KEY_FORMAT),
        fmt=_KEY_FORMAT,
        cron_schedule=f"0 0 * {','.join(map(str, _EVENT_MONTHS))} *",
        exclusions=[_midnight(day) for day in others],
        timezone=_DAY_ENDS_AFTER_THE_CLOSE,
        # The coming event is decided weeks before it counts, so it is always listed.
        end_offset=1,
    )


SESSIONS = _session_partitions()
"""One partition a trading session, keyed by its date."""

EVENTS = _event_partitions()
"""One partition a reconstitution event, keyed by its effective session."""

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
"""Tags of a run over several partitions, as Dagster spells them."""

EVENT_IN_FORCE = TimeWindowPartitionMapping()
"""From sessions to the event in force on them; the other way, from an event to all sessions on
which it is in force."""

RANK_DAY = SpecificPartitionsPartitionMapping([])
"""From an event to sessions. An event reads its rank day, weeks before it counts, which no
stock mapping can say. Dagster also walks a mapping the other way, to find what a backfill of
some sessions must do again, and any wider one would re-decide events there and rebuild years.
So an event is asked for by itself: by its schedule, by its job, or by a build."""


@dataclass(frozen=True, kw_only=True)
class SessionSpan:
    """The sessions that one run materializes.

    Args:
        start: The first session.
        end: The last session.

    Example:
        >>> span = SessionSpan(start=date(2022, 12, 29), end=date(2023, 1, 4))
        >>> [str(day) for day in span.sessions]
        ['2022-12-29', '2022-12-30', '2023-01-03', '2023-01-04']
    """

    start: date
    end: date

    @classmethod
    def from_keys(cls, keys: PartitionKeyRange) -> SessionSpan:
        """Read a range of Dagster's keys.

        Example:
            >>> SessionSpan.from_keys(PartitionKeyRange("2022-06-24", "2022-06-27")).start
            datetime.date(2022, 6, 24)
        """
        return cls(start=date.fromisoformat(keys.start), end=date.fromisoformat(keys.end))

    @property
    def sessions(self) -> list[date]:
        """Every session of the span, ascending."""
        return sessions_between(self.start, self.end)

    @property
    def years(self) -> list[SessionSpan]:
        """The span cut at each turn of the year: what is held in memory at once.

        Example:
            >>> span = SessionSpan(start=date(2022, 12, 29), end=date(2023, 1, 4))
            >>> [(str(part.start), str(part.end)) for part in span.years]
            [('2022-12-29', '2022-12-31'), ('2023-01-01', '2023-01-04')]
        """
        new_years = [date(year, 1, 1) for year in range(self.start.year + 1, self.end.year + 1)]
        cuts = [self.start, *new_years, self.end + timedelta(days=1)]
        return [
            SessionSpan(start=first, end=after - timedelta(days=1))
            for first, after in pairwise(cuts)
        ]

    @property
    def by_rules(self) -> list[tuple[SessionSpan, IndexRules]]:
        """The span cut wherever a rule changes, with the rules in force on each part.

        Example:
            >>> span = SessionSpan(start=date(2022, 6, 24), end=date(2022, 6, 27))
            >>> [(str(part.start), rules.large_cap_count) for part, rules in span.by_rules]
            [('2022-06-24', 1000)]
        """
        ruled = ((day, rules_in_force(day)) for day in self.sessions)
        parts = []
        for rules, days in groupby(ruled, key=itemgetter(1)):
            same = [day for day, _ in days]
            parts.append((SessionSpan(start=same[0], end=same[-1]), rules))
        return parts


def events_of(keys: PartitionKeyRange) -> list[Event]:
    """Return the events that a range of Dagster's keys names, in order.

    Example:
        >>> [event.event_id for event in events_of(PartitionKeyRange("2021-06-28", "2022-06-27"))]
        ['2021-06', '2022-06']
    """
    return events_between(date.fromisoformat(keys.start), date.fromisoformat(keys.end))


def session_key(session: date) -> str:
    """Return the partition key of a session.

    Example:
        >>> session_key(date(2022, 6, 27))
        '2022-06-27'
    """
    return session.strftime(_KEY_FORMAT)


def event_key(event: Event) -> str:
    """Return the partition key of an event: its effective session."""
    return session_key(event.effective_session)
