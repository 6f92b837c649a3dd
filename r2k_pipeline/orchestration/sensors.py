"""What reacts to what happened: a late landing, a failed check.

Both are off until someone switches them on in the UI. A sensor only decides; the work is
a job's.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import TYPE_CHECKING

import polars as pl
from dagster import (
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
)

from r2k_pipeline.orchestration.rebuild import REBUILD, rebuild_config
from r2k_pipeline.orchestration.resources import STORE

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store

_MINUTE = 60


def late_landing(store: Store, cursor: str | None) -> SensorResult | SkipReason:
    """Find sessions that landed again, and ask for everything that follows from them.

    Args:
        store: Read: `provenance` of `raw_listings` and of `levels`.
        cursor: When the newest landing seen so far was written, ISO; None at the first look.

    Returns:
        A run of the job `rebuild` over the range from the first such session to the last
        published one, because a level depends on every earlier session of its ledger. A
        session that was never published is the schedule's business and not late.
    """
    written = _written(store, "raw_listings")
    newest = written["written_at"].max()
    if not isinstance(newest, datetime):
        return SkipReason("nothing has landed yet")
    position = newest.isoformat()
    published = _written(store, "levels")
    if cursor is None or published.is_empty():
        return SensorResult(skip_reason=SkipReason("looked for the first time"), cursor=position)
    again = written.filter(
        (pl.col("written_at") > datetime.fromisoformat(cursor))
        & pl.col("partition_key").is_in(published["partition_key"].implode())
    )
    if again.is_empty():
        return SensorResult(
            skip_reason=SkipReason("no published session landed again"), cursor=position
        )
    first, last = min(again["partition_key"]), max(published["partition_key"])
    request = RunRequest(
        run_key=position,
        run_config=rebuild_config(date.fromisoformat(first), date.fromisoformat(last)),
        tags={"r2k/cause": "late landing"},
    )
    return SensorResult(run_requests=[request], cursor=position)


def _written(store: Store, table: str) -> pl.DataFrame:
    columns = ["partition_key", "written_at"]
    rows = store.published.read("provenance", where={"table_name": table}, columns=columns)
    return rows.group_by("partition_key").agg(pl.col("written_at").max()).sort("partition_key")


def failed_checks(store: Store, cursor: str | None) -> tuple[list[str], str | None]:
    """Say which checks of severity `error` failed since the last look.

    Args:
        store: Read: `quality_results`.
        cursor: When the newest result seen so far was judged, ISO; None at the first look,
            which only takes note of where the record ends.

    Returns:
        One line a table, run and check; and the new cursor.
    """
    failed = store.published.read(
        "quality_results", where={"is_passed": False, "severity": "error"}
    )
    newest = failed["checked_at"].max()
    if not isinstance(newest, datetime):
        return [], cursor
    if cursor is None:
        return [], newest.isoformat()
    fresh = failed.filter(pl.col("checked_at") > datetime.fromisoformat(cursor))
    by_check = fresh.group_by("table_name", "check_name", "run_id", maintain_order=True).agg(
        pl.col("partition_key").min().alias("first"),
        pl.col("partition_key").max().alias("last"),
        pl.col("sentence").first(),
    )
    lines = [
        f"{table}.{check} failed in {first} to {last}: {sentence} (run {run})"
        for table, check, run, first, last, sentence in by_check.iter_rows()
    ]
    return lines, newest.isoformat()


def _late_landing(context: SensorEvaluationContext) -> SensorResult | SkipReason:
    return late_landing(getattr(context.resources, STORE), context.cursor)


def _failed_checks(context: SensorEvaluationContext) -> SensorResult | SkipReason:
    lines, cursor = failed_checks(getattr(context.resources, STORE), context.cursor)
    for line in lines:
        context.log.error(line)
    message = json.dumps(lines) if lines else "no check failed since the last look"
    return SensorResult(skip_reason=SkipReason(message), cursor=cursor)


def all_sensors() -> list[SensorDefinition]:
    """Every sensor, off by default."""
    return [
        SensorDefinition(
            name="rebuild_after_late_landing",
            evaluation_fn=_late_landing,
            job_name=REBUILD,
            minimum_interval_seconds=5 * _MINUTE,
            default_status=DefaultSensorStatus.STOPPED,
            required_resource_keys={STORE},
            description=(
                "A session that was published already landed again with other rows: rebuild "
                "from there to the last published session."
            ),
        ),
        SensorDefinition(
            name="tell_of_failed_checks",
            evaluation_fn=_failed_checks,
            minimum_interval_seconds=_MINUTE,
            default_status=DefaultSensorStatus.STOPPED,
            required_resource_keys={STORE},
            description="Writes a line into the tick's log for each check that blocked a table.",
        ),
    ]
