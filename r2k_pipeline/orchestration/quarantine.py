"""Deciding on rows that a rule held back: put into their table, or kept out for good.

Holds what `r2k quarantine release` and `reject` do, up to the rows; the build that follows a
release is the caller's. Which rows are held, and how decisions are kept, is `publication`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.errors import BadInputError
from r2k_pipeline.orchestration.landing import RAW_TABLES
from r2k_pipeline.orchestration.overrides import signed
from r2k_pipeline.publication import SessionList, publish
from r2k_pipeline.publication.held_rows import (
    HELD,
    REJECTED,
    RELEASED,
    log_with_ids,
    record_decision,
    row_of,
)

if TYPE_CHECKING:
    from datetime import datetime

    from r2k_pipeline.storage.store import Store

_NOTHING = "nothing was decided or written"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Who decides on which held row, when and why.

    Attributes:
        quarantine_id: As `r2k quarantine list` names it.
        person: Who decides; a role will do.
        reason: Why, in a sentence.
        run_id: The run in which it is decided.
        known_at: When (UTC).
    """

    quarantine_id: str
    person: str
    reason: str
    run_id: str
    known_at: datetime


def release(store: Store, decision: Decision) -> date:
    """Put a held row into its table; what is made of it is for a build.

    Args:
        store: Where it is held.
        decision: Which row, who and why.

    Returns:
        The session from which on everything has to be built again.

    Raises:
        BadInputError: No such row, it is decided on already, person or reason is missing, or
            another row stands under its key.
        ContractViolationError: The session breaks its contract with the row. The decision
            stands; releasing again tries again.
    """
    rows, state = _found(store, decision)
    table, day = rows["table_name"][0], _session_of(rows)
    missing, rival = _standing(store, rows)
    if state == REJECTED or (state == RELEASED and not missing):
        raise _decided(rows)
    if rival:
        raise BadInputError(
            f"another row stands in {table} under {rows['row_key'][0]}",
            state=_NOTHING,
            remedy="the source has sent a better one since: reject this one",
        )
    if state == HELD:
        _record(store, rows, decision, state=RELEASED)
    standing = store.lake.scan(table, start=day, end=day).collect()
    row = row_of(table, rows["row_json"][-1])
    publish(
        store,
        table,
        pl.concat([standing, row]).sort(contract(table).key),
        partitions=SessionList((day,)),
        run_id=decision.run_id,
        known_at=decision.known_at,
    )
    return day


def reject(store: Store, decision: Decision) -> None:
    """Keep a held row out for good, also when it is received again.

    Args:
        store: Where it is held.
        decision: Which row, who and why.

    Raises:
        BadInputError: No such row, it is decided on already, or person or reason is missing.
    """
    rows, state = _found(store, decision)
    if state != HELD:
        raise _decided(rows)
    _record(store, rows, decision, state=REJECTED)


def _found(store: Store, decision: Decision) -> tuple[pl.DataFrame, str]:
    """The log's rows about a held row, and what was decided on it last."""
    signed(decision.person, decision.reason, state=_NOTHING)
    log = log_with_ids(store)
    rows = log.filter(pl.col("quarantine_id") == decision.quarantine_id)
    if rows.is_empty():
        raise BadInputError(
            f"no row {decision.quarantine_id!r} was ever held",
            state=_NOTHING,
            remedy="`r2k quarantine list` names the rows that are held",
        )
    return rows, rows["state"][-1]


def _record(store: Store, rows: pl.DataFrame, decision: Decision, *, state: str) -> None:
    record_decision(
        store,
        rows,
        state=state,
        run_id=decision.run_id,
        known_at=decision.known_at,
        **signed(decision.person, decision.reason, state=_NOTHING),
    )


def _decided(rows: pl.DataFrame) -> BadInputError:
    last = rows.row(-1, named=True)
    return BadInputError(
        f"row {last['quarantine_id']} was {last['state']} by {last['person']} on "
        f"{last['quarantined_at']:%Y-%m-%d}: {last['reason']}",
        state=_NOTHING,
        remedy="a decision stands; `r2k override` can still set a value or exclude a line",
    )


def _session_of(rows: pl.DataFrame) -> date:
    table, key = rows["table_name"][0], rows["partition_key"][0]
    if table not in RAW_TABLES:
        raise BadInputError(
            f"a row of {table} is made, not received: it cannot be put back by hand",
            state=_NOTHING,
            remedy="mend what it is made from and build again",
        )
    return date.fromisoformat(key)


def _standing(store: Store, rows: pl.DataFrame) -> tuple[bool, bool]:
    """Whether a held row is missing in its table, and whether another has its key."""
    table, day = rows["table_name"][0], _session_of(rows)
    row = row_of(table, rows["row_json"][-1])
    keys = contract(table).key
    there = store.lake.scan(table, start=day, end=day).collect().join(row, on=keys, how="semi")
    same = there.drop("source_hash").equals(row.drop("source_hash"))
    return there.is_empty(), not there.is_empty() and not same
