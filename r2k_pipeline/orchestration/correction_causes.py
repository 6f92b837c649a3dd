"""What changed since a level was published: landings, overrides, and where the index begins.

Reads what the store wrote down about its own changes and tells it as causes; which level
each can affect, and what becomes of it, is `methodology/restatement`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from r2k_pipeline.errors import listed
from r2k_pipeline.methodology.restatement_policy import Cause, CauseCode

if TYPE_CHECKING:
    from datetime import date, datetime

    from r2k_pipeline.storage.store import Store

_NAMED = 2
_LEDGER = ("index_id", "session", "cause", "action_ids", "factor", "gross_return_factor")


def causes_since(store: Store, since: datetime, *, last_session: date) -> list[Cause]:
    """Tell what changed after a moment.

    Args:
        store: The open store, its ledger built again.
        since: When the levels were published that come out otherwise now.
        last_session: The last session that had a level then.

    Returns:
        The causes, in the order of the first session that each can affect.
    """
    causes = [
        *_overrides(store, since),
        *_landings(store, since, last_session),
        *_moved_base(store, since),
    ]
    return sorted(causes, key=lambda cause: (cause.session, cause.code.value, cause.words))


def _overrides(store: Store, since: datetime) -> list[Cause]:
    rows = store.published.read("overrides").filter(pl.col("recorded_at") > since)
    return [_of_override(row) for row in rows.iter_rows(named=True)]


def _of_override(row: dict[str, Any]) -> Cause:
    named = f"override {row['override_id']}"
    first: date = row["first_session"]
    what = f"{row['field']} of {row['symbol']} from {first} to {row['last_session']}"
    is_new = row["state"] == "recorded"
    return Cause(
        session=first,
        code=CauseCode.OVERRIDE_ADDED if is_new else CauseCode.OVERRIDE_WITHDRAWN,
        words=f"{named} by {row['person']} sets {what} to {row['value']}: {row['reason']}"
        if is_new
        else f"{named} ({what}) withdrawn by {row['person']}: {row['reason']}",
    )


def _landings(store: Store, since: datetime, last_session: date) -> list[Cause]:
    """What landed: again or late for a session with a level, or later sessions."""
    landed = landings(store).filter(pl.col("written_at") > since)
    days = pl.col("partition_key").str.to_date()
    causes = []
    for table, code in (
        ("raw_listings", CauseCode.SOURCE_RESTATED),
        ("reported_actions", CauseCode.LATE_ACTION),
        ("float_factors", CauseCode.SOURCE_RESTATED),
    ):
        sessions = landed.filter(pl.col("table_name") == table).select(days).to_series().unique()
        early = sorted(sessions.filter(sessions <= last_session))
        if early:
            words = f"{table.replace('_', ' ')} of {listed(early, _NAMED)} landed again or late"
            told = _told_actions(store, since, early) if code is CauseCode.LATE_ACTION else ""
            causes.append(Cause(session=early[0], code=code, words=words + told))
        elif table == "raw_listings" and len(sessions):
            words = f"listings of {listed(sorted(sessions), _NAMED)} tell of the sessions before"
            first = store.lake.sessions("constituents")[0]
            causes.append(Cause(session=first, code=CauseCode.LATER_SESSIONS, words=words))
    return causes


def landings(store: Store) -> pl.DataFrame:
    """Every landing of raw rows, and no row that a build wrote down about what it judged.

    Args:
        store: The open store.

    Returns:
        `table_name`, `partition_key`, `rows`, `run_id`, `written_at`, in order of table, key
        and time.
    """
    columns = ["table_name", "partition_key", "rows", "run_id", "written_at", "input_hash"]
    found = [
        store.published.read("provenance", where={"table_name": table}, columns=columns)
        for table in ("raw_listings", "reported_actions", "float_factors")
    ]
    # What lands has no input but the outside; what is built has one.
    landed = pl.concat(found).filter(pl.col("input_hash").is_null()).drop("input_hash")
    return landed.sort("table_name", "partition_key", "written_at")


def _told_actions(store: Store, since: datetime, sessions: list[date]) -> str:
    """The actions that entered, left or changed the ledger on these sessions."""
    then, now = (
        store.published.read(
            "divisors", start=sessions[0], end=sessions[-1], known_at=moment, columns=_LEDGER
        )
        for moment in (since, None)
    )
    changed = pl.concat(
        [
            now.join(then, on=_LEDGER, how="anti", nulls_equal=True),
            then.join(now, on=_LEDGER, how="anti", nulls_equal=True),
        ]
    ).filter(pl.col("session").is_in(sessions), pl.col("action_ids").is_not_null())
    names = changed["action_ids"].unique().sort().to_list()
    return f" ({listed(names, _NAMED)})" if names else ""


def _moved_base(store: Store, since: datetime) -> list[Cause]:
    """Another first session: a history that now reaches further back, or less far."""
    where = {"cause": "base"}
    then, now = (
        set(store.published.read("divisors", known_at=moment, where=where)["session"])
        for moment in (since, None)
    )
    if not then or not now or min(then) == min(now):
        return []
    words = f"the indexes begin on {min(now)}, no more on {min(then)}"
    return [Cause(session=min(now), code=CauseCode.BASE_MOVED, words=words)]
