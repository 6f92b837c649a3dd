"""`r2k build --incumbents`: a list of members becomes `initial_members` of the first event.

Holds which event takes the list, and the way from the file to the table. A table rather
than an argument of a run: a later build of the same event, a backfill and the schedule
band against the same members. How the event uses them is `assets.reconstitution`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from r2k_pipeline.errors import BadInputError, listed, missing_path
from r2k_pipeline.methodology.initial_members import initial_members, located_members
from r2k_pipeline.publication import EventKeys, publish
from r2k_pipeline.rulebook.schedule import events_between
from r2k_pipeline.sources.member_list import read_member_list

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import polars as pl

    from r2k_pipeline.orchestration.partitions import SessionSpan
    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.storage.store import Store

TABLE = "initial_members"
_HASH_DIGITS = 16
_NOTHING_BUILT = "nothing was built"


@dataclass(frozen=True, kw_only=True)
class GivenMembers:
    """A list that was read and can be used.

    Args:
        file: The file's name.
        data: Its bytes.
        members: `symbol` and `segment`.
        event: The event that will band against them.
        session: The session at whose open they were in force.
    """

    file: str
    data: bytes
    members: pl.DataFrame
    event: Event
    session: date


def given_members(
    store: Store, path: Path, span: SessionSpan, *, base: date | None
) -> GivenMembers:
    """Read a list before anything is built, and refuse one that no event would use.

    Args:
        store: The open store.
        path: The list, see `sources.member_list`.
        span: The range that is to be built; the list is in force at its first open.
        base: The effective session of the first event that is decided, if any.

    Raises:
        BadInputError: The file cannot be used, or the first event of the range has
            incumbents of its own, no ranking, or does not exist.
    """
    event = _first_event(store, path.name, span, base=base)
    if not path.is_file():
        raise missing_path(path, "list of members")
    data = path.read_bytes()
    members = read_member_list(data, file=path.name)
    return GivenMembers(file=path.name, data=data, members=members, event=event, session=span.start)


def _first_event(store: Store, file: str, span: SessionSpan, *, base: date | None) -> Event:
    events = events_between(span.start, span.end)
    if not events:
        raise BadInputError(
            f"no event from {span.start} to {span.end} could band against {file}",
            state=_NOTHING_BUILT,
            remedy="choose a range with a reconstitution, or leave out --incumbents",
        )
    event = events[0]
    if base is not None and base < event.effective_session:
        raise BadInputError(
            f"{event.event_id} has incumbents already, by an earlier event: {file} has no use",
            state=_NOTHING_BUILT,
            remedy=f"leave out --incumbents, or begin with the event effective {base}",
        )
    if event.rank_day < span.start and not store.lake.sessions(
        "ranking", event.rank_day, event.rank_day
    ):
        raise BadInputError(
            f"{event.event_id} cannot be decided from {span.start} on, and the members of {file} "
            "would be out of date at the event after it",
            state=_NOTHING_BUILT,
            remedy=f"begin by its rank day {event.rank_day}, or after {event.effective_session}",
        )
    return event


def publish_members(store: Store, given: GivenMembers) -> str:
    """Find the companies of a list, publish them, and say how many were found.

    Args:
        store: The open store, with `securities` of the range.
        given: As `given_members` read it.

    Raises:
        BadInputError: No symbol of the list was listed on the session.
        ContractViolationError: A check failed; the table is as it was.
    """
    securities = store.lake.scan("securities").collect()
    located = located_members(given.members, securities, session=given.session)
    lost = located.filter(located["company_id"].is_null())["listed_symbol"].to_list()
    if len(lost) == located.height:
        raise BadInputError(
            f"{given.file}: none of its {len(lost):,} symbols was listed on {given.session}: "
            f"{listed(lost)}",
            state="the range is ranked, and no event was decided",
            remedy="give the members in force at the open of the first session of the range",
        )
    members = initial_members(
        located,
        event_id=given.event.event_id,
        session=given.session,
        source_hash=store.archive.keep(given.data, name=given.file)[:_HASH_DIGITS],
    )
    publish(
        store,
        TABLE,
        members,
        partitions=EventKeys((given.event.event_id,)),
        run_id=uuid4().hex,
        known_at=datetime.now(UTC),
    )
    told = f"{given.event.event_id} is banded against {members.height:,} companies of {given.file}"
    if not lost:
        return f"{told}: each of its {located.height:,} symbols was found"
    return (
        f"{told}\nwarning: {len(lost):,} of its {located.height:,} symbols were not listed on "
        f"{given.session}: {listed(lost)}"
    )
