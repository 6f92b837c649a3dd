"""3: lists that are final: from lock-down on, what lands again changes no decision.

An event that was decided and is locked down stays as it was decided when sessions that it was
decided on land again with other values. Explicit acts decide it again: an override recorded or
withdrawn since, a held row released, other members before it, another family of indexes, or a
build that is told to restate always. So does more history, which is no amendment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.orchestration.correction_causes import landings
from r2k_pipeline.quality.final_lists import final_lists_outcome
from r2k_pipeline.rulebook.schedule import all_events
from r2k_pipeline.settings import Restate

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.storage.store import Store

_TABLE = "reconstitution"


@dataclass(frozen=True, kw_only=True)
class FinalLists:
    """The decisions of an event that stay.

    Attributes:
        decisions: Contract `reconstitution`, as it stands.
        amended: Sessions that it was decided on and that landed again since.
    """

    decisions: pl.DataFrame
    amended: tuple[date, ...]

    def forbid(self, found: pl.DataFrame) -> bool:
        """Whether other decisions must not be published; those of another family may.

        Args:
            found: Contract `reconstitution`, as it comes out now.
        """
        is_same_family = _indexes(self.decisions) == _indexes(found)
        return is_same_family and not self.decisions.sort("company_id").equals(
            found.select(self.decisions.columns).sort("company_id")
        )


def final_lists(store: Store, event: Event, *, now: datetime) -> FinalLists | None:
    """The lists of an event, if they are final and only amended input speaks against them.

    Args:
        store: The open store.
        event: The event that is about to be decided.
        now: When (UTC).

    Returns:
        None if it is undecided, not locked down yet, nothing that it was decided on landed
        again, or somebody did something since that it must follow.
    """
    if now.date() < event.frozen_from or store.settings.restate is Restate.ALWAYS:
        return None
    since = _decided_at(store, event)
    if since is None:
        return None
    amended = _amended(store, event, since)
    if not amended or _has_acts_since(store, event, since):
        return None
    return FinalLists(
        decisions=store.published.read(_TABLE, event_id=event.event_id), amended=amended
    )


def keep_final(run: TableRun, event: Event, final: FinalLists, found: pl.DataFrame) -> None:
    """Leave the lists as they stand, and write down who would come out otherwise.

    Args:
        run: The run that would have decided the event.
        event: The event.
        final: Its final lists.
        found: Contract `reconstitution`, as it comes out now.
    """
    outcome = final_lists_outcome(
        run.table, event.event_id, standing=final.decisions, found=found, amended=final.amended
    )
    run.show(final.decisions)
    run.record(outcome, event, judged=final.decisions)


def _indexes(decisions: pl.DataFrame) -> set[str]:
    """The indexes that have members by some decisions."""
    return {name for names in decisions["indexes"].drop_nulls() for name in str(names).split()}


def _decided_at(store: Store, event: Event) -> datetime | None:
    where = {"table_name": _TABLE, "partition_key": event.event_id}
    written = store.published.read("provenance", where=where, columns=["written_at"])
    last = written["written_at"].max()
    return last if isinstance(last, datetime) else None


def _amended(store: Store, event: Event, since: datetime) -> tuple[date, ...]:
    """Sessions before lock-down that had landed when it was decided, and landed again since."""
    released = store.published.read("quarantine", where={"state": "released"})["run_id"]
    landed = (
        landings(store)
        .filter(~pl.col("run_id").is_in(released.implode()))
        .with_columns(session=pl.col("partition_key").str.to_date())
        .filter(pl.col("session") < event.frozen_from)
    )
    was_known = (pl.col("written_at") <= since) & (pl.col("table_name") == "raw_listings")
    known, again = landed.filter(was_known), landed.filter(pl.col("written_at") > since)
    return tuple(again.join(known, on="session", how="semi")["session"].unique().sort())


def _has_acts_since(store: Store, event: Event, since: datetime) -> bool:
    """Whether something that a person did, or other members before it, came after a decision."""
    acts = store.published.read("overrides").filter(
        pl.col("recorded_at") > since, pl.col("first_session") < event.frozen_from
    )
    events = all_events()
    before = events[max(events.index(event) - 1, 0)]
    upstream = [
        store.published.read_history(table, where={"event_id": one.event_id})["known_from"]
        for table, one in (("initial_members", event), (_TABLE, before))
    ]
    return acts.height > 0 or any((moments > since).any() for moments in upstream)
