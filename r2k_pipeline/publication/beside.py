"""What stands beside the rows that are about to be published, as far as their rules ask for it.

Holds which partitions are read for a rule, and how. What a rule makes of them is `quality`,
when it is asked `life`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.model import Partitioning, Storage, When
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.publication.partitions import EventKeys, SessionList, SessionRange
from r2k_pipeline.quality.drift import columns_of_drift
from r2k_pipeline.quality.surroundings import Surroundings
from r2k_pipeline.rulebook.schedule import all_events, event
from r2k_pipeline.rulebook.sessions import previous_session, sessions_before

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.contracts.model import Contract, Reading
    from r2k_pipeline.publication.partitions import Partitions
    from r2k_pipeline.storage.store import Store

# What lies further back than a month of sessions, or three events, is no measure of a change.
_NEAR_SESSIONS = 21
_NEAR_EVENTS = 3


def read_beside(
    store: Store, promised: Contract, frame: pl.DataFrame, partitions: Partitions
) -> Surroundings:
    """Read what the rules of a table lay beside its rows.

    Args:
        store: Where it stands.
        promised: The table's contract.
        frame: The rows that are about to be published.
        partitions: Which partitions they are.

    Returns:
        Only the columns that some rule names. A session or event has nothing before it if
        none of the month, or of three events, before it stands.

    Raises:
        StorageError: A table cannot be read.
    """
    readings = dict.fromkeys(r for rule in promised.across_rules for r in rule.reads)
    return Surroundings(
        before=_before(store, promised, partitions) if promised.drift_rules else None,
        tables={r: _beside(store, r, frame, partitions) for r in readings},
    )


def _before(store: Store, promised: Contract, partitions: Partitions) -> pl.DataFrame | None:
    columns = columns_of_drift(promised)
    match partitions:
        case SessionRange(start=start):
            return _session_before(store, promised, start, columns)
        case SessionList(sessions):
            parts = [
                _session_before(store, promised, first, columns, but=sessions)
                for first in _first_of_runs(sessions)
            ]
            known = [part for part in parts if part is not None]
            return pl.concat(known).unique() if known else None
        case EventKeys(event_ids):
            return _event_before(store, promised, min(event_ids, default=""), columns)
        case _:
            return _read(store, promised.table, columns)


def _first_of_runs(sessions: Sequence[date]) -> list[date]:
    """Sessions of a list whose session before is not in it."""
    listed = set(sessions)
    return [day for day in sorted(listed) if previous_session(day) not in listed]


def _session_before(
    store: Store,
    promised: Contract,
    day: date,
    columns: Sequence[str],
    *,
    but: Sequence[date] = (),
) -> pl.DataFrame | None:
    """The rows of the last session before a day that stands; None if it is one of `but`."""
    near = sessions_before(day, _NEAR_SESSIONS)
    if not near:
        return None
    if promised.storage is Storage.LAKE:
        days = store.lake.sessions(promised.table, near[0], near[-1])
        if not days or days[-1] in but:
            return None
        scan = store.lake.scan(promised.table, start=days[-1], end=days[-1], columns=columns)
        return scan.collect()
    rows = store.published.read(promised.table, start=near[0], end=near[-1], columns=columns)
    last = rows.filter(pl.col("session") == pl.col("session").max())
    return None if last.is_empty() or last["session"][0] in but else last


def _event_before(
    store: Store, promised: Contract, event_id: str, columns: Sequence[str]
) -> pl.DataFrame | None:
    """The rows of the last event before one that stands."""
    earlier = [known.event_id for known in all_events() if known.event_id < event_id]
    for before in reversed(earlier[-_NEAR_EVENTS:]):
        rows = store.published.read(promised.table, event_id=before, columns=columns)
        if not rows.is_empty():
            return rows
    return None


def _beside(
    store: Store, reading: Reading, frame: pl.DataFrame, partitions: Partitions
) -> pl.DataFrame:
    match reading.when:
        case When.EVENTS:
            events = [str(key) for key in frame["event_id"].unique().sort()]
            return _of_events(store, reading, events)
        case When.SAME if isinstance(partitions, EventKeys):
            return _of_events(store, reading, partitions.keys())
        case When.WHOLE:
            return _read(store, reading.table, reading.columns)
        case _:
            days = _sessions(partitions)
    if not days:
        return _empty(reading)
    if reading.when is When.EARLIER:
        end = previous_session(min(days))
        return _read(store, reading.table, reading.columns, end=end)
    rows = _read(store, reading.table, reading.columns, start=min(days), end=max(days))
    return rows.filter(partitions.rows())


def _sessions(partitions: Partitions) -> tuple[date, ...]:
    """First and last session, or each of a list; nothing for what is not by session."""
    match partitions:
        case SessionRange(start=start, end=end):
            return (start, end)
        case SessionList(sessions):
            return sessions
        case _:
            return ()


def _empty(reading: Reading) -> pl.DataFrame:
    return empty_frame(contract(reading.table)).select(reading.columns)


def _of_events(store: Store, reading: Reading, events: Sequence[str]) -> pl.DataFrame:
    """Rows of events; of a table by session, those of each rank day, with its event."""
    parts = []
    for event_id in events:
        if contract(reading.table).partitioning is Partitioning.EVENT:
            parts.append(
                store.published.read(reading.table, event_id=event_id, columns=reading.columns)
            )
        else:
            day = event(event_id).rank_day
            rows = _read(store, reading.table, reading.columns, start=day, end=day)
            parts.append(rows.with_columns(event_id=pl.lit(event_id)))
    nothing = _empty(reading).with_columns(event_id=pl.lit(None, pl.String))
    return pl.concat([nothing, *parts], how="diagonal")


def _read(
    store: Store,
    table: str,
    columns: Sequence[str],
    *,
    start: date | None = None,
    end: date | None = None,
) -> pl.DataFrame:
    if contract(table).storage is Storage.LAKE:
        return store.lake.scan(table, start=start, end=end, columns=columns).collect()
    return store.published.read(table, start=start, end=end, columns=columns)
