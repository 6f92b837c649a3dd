"""4d: levels that were published before and come out otherwise now, with the decision on each.

No asset of its own: levels and restatements are one decision, so the run of `levels` writes
both, the restatements first. If it ends in between, the next run decides the same again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.methodology.restatement import Published, differing, restated
from r2k_pipeline.methodology.restatement_policy import Decision, Policy
from r2k_pipeline.orchestration.correction_causes import causes_since
from r2k_pipeline.publication import SessionRange, publish
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.settings import Restate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.methodology.restatement_policy import Cause
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan
    from r2k_pipeline.storage.store import Store

TABLE = "restatements"
_KEY = ("index_id", "session")
_CORRECTED = ("HELD", "RESTATED")
_TOLD = {Restate.ALWAYS: Decision.RECALCULATE, Restate.NEVER: Decision.NOTE_ONLY}


def with_restatements(run: TableRun, computed: pl.DataFrame, span: SessionSpan) -> pl.DataFrame:
    """Decide on what was published before, write the decisions down, and give the levels.

    Args:
        run: The run that materializes `levels`.
        computed: Contract `levels` of the span, as it comes out.
        span: The sessions.

    Returns:
        Contract `levels` of the span, as it is to be published.
    """
    store = run.store
    standing = store.published.read("levels", start=span.start, end=span.end)
    other = differing(computed, standing)
    is_corrected = pl.col("status").is_in(_CORRECTED)
    if other.is_empty() and standing.filter(is_corrected).is_empty():
        return computed
    last = max(store.published.read("levels", columns=["session"])["session"])
    marked = standing.filter(is_corrected)
    indexes = sorted({*other["index_id"], *marked["index_id"]})
    history = _history(store, "levels", indexes, span)
    published = Published(
        levels=standing,
        first=history.unique(_KEY, keep="first", maintain_order=True),
        earlier=_history(store, TABLE, indexes, span),
        restatements=store.published.read(TABLE, start=span.start, end=span.end),
        last_session=last,
    )
    policy = Policy.of(rules_in_force(last), _TOLD.get(store.settings.restate))
    found = restated(computed, published, _causes(store, other, last), policy=policy)
    decided = publish(
        store,
        TABLE,
        found.restatements,
        partitions=SessionRange(start=span.start, end=span.end),
        run_id=run.run_id,
        known_at=datetime.now(UTC),
        input_hash=run.input_hash,
    )
    decisions = found.restatements.join(other.select(_KEY), on=_KEY, how="semi")["decision"]
    run.note(
        {
            "restated_levels": int((decisions == Decision.RECALCULATE.value).sum()),
            "held_levels": int((decisions == Decision.NOTE_ONLY.value).sum()),
            "restatement_rows_changed": decided.changed_rows or 0,
        }
    )
    return found.levels


def _history(store: Store, table: str, indexes: Sequence[str], span: SessionSpan) -> pl.DataFrame:
    """Every row that was ever published about some indexes, in the order of publication."""
    found = [
        store.published.read_history(table, where={"index_id": index_id}) for index_id in indexes
    ]
    is_within = pl.col("session").is_between(span.start, span.end)
    history = pl.concat(found).filter(is_within).sort("known_from", maintain_order=True)
    return history.select(contract(table).names)


def _causes(store: Store, other: pl.DataFrame, last: date) -> list[Cause]:
    """What changed since the levels were last built that come out otherwise now."""
    if other.is_empty():
        return []
    days = other["session"].cast(pl.String).unique()
    written = store.published.read(
        "provenance", where={"table_name": "levels"}, columns=["partition_key", "written_at"]
    ).filter(pl.col("partition_key").is_in(days.implode()))
    since = written.group_by("partition_key").agg(pl.col("written_at").max())["written_at"].min()
    if not isinstance(since, datetime):
        return []
    return causes_since(store, since, last_session=last)
