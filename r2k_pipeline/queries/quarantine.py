"""Which rows are held back, and what was decided on them: one row each, however often received.

Reads the log alone. Deciding is `orchestration.quarantine`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.quality.quarantine import quarantine_id

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.storage.store import Store

_LAST = ["state", "person", "reason"]


def quarantine(
    store: Store,
    *,
    table: str | None = None,
    state: str | None = None,
    check: str | None = None,
    start: date | None = None,
    end: date | None = None,
) -> pl.DataFrame:
    """List held rows, decided on or not.

    Args:
        store: The open store.
        table: Only rows for this table.
        state: Only `held`, `released` or `rejected` rows.
        check: Only rows that break this rule.
        start: First session, included.
        end: Last session, included.

    Returns:
        One row each, by table, partition and key: `quarantine_id`, `state`, `table_name`,
        `partition_key`, `row_key`, `checks` (the rules that it breaks), `rationale`, `row_json`,
        `held_at` (when first, UTC), `times_received`, and `decided_at`, `person` and `reason`,
        null while it is held.

    Raises:
        StorageError: The log cannot be read.
    """
    log = store.published.read("quarantine").sort("quarantined_at", maintain_order=True)
    names = [quarantine_id(row) for row in log.iter_rows(named=True)]
    is_held = pl.col("state") == "held"
    moment = pl.col("quarantined_at")
    found = (
        log.with_columns(quarantine_id=pl.Series(names, dtype=pl.String))
        .group_by("quarantine_id")
        .agg(
            pl.col(_LAST).last(),
            pl.col("table_name", "partition_key", "row_key", "row_json").last(),
            checks=pl.col("check_name").unique().sort().str.join(", "),
            rationale=pl.col("rationale").unique().sort().str.join(" "),
            held_at=moment.min(),
            times_received=moment.filter(is_held).n_unique(),
            decided_at=moment.filter(~is_held).min(),
            names=pl.col("check_name"),
        )
        .sort("table_name", "partition_key", "row_key", "quarantine_id")
    )
    wanted = {"table_name": table, "state": state}
    asked = [pl.col(name) == value for name, value in wanted.items() if value is not None]
    if check is not None:
        asked.append(pl.col("names").list.contains(check))
    if start is not None:
        asked.append(pl.col("partition_key") >= str(start))
    if end is not None:
        asked.append(pl.col("partition_key") <= str(end))
    return found.filter(*asked).select(
        "quarantine_id", "state", "table_name", "partition_key", "row_key", "checks", "rationale",
        "row_json", "held_at", "times_received", "decided_at", "person", "reason",
    )  # fmt: skip
