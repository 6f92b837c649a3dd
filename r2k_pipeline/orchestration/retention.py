"""The run that looks after what is kept: `storage.retention` as a job of one op.

Nothing starts it by itself, and it only tells what would go unless its configuration says
`is_applied`.
"""

# No postponed annotations here: Dagster compares the annotation of `context` as it stands.
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dagster import Field, JobDefinition, MetadataValue, OpExecutionContext, job, op

from r2k_pipeline.orchestration.resources import STORE
from r2k_pipeline.storage.retention import RetentionPolicy, retain

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store

RETENTION = "retention"
"""The job's name."""

_OP = "retain_what_is_named"


def retention_job() -> JobDefinition:
    """One op that finds what has had its time, and removes it if it is told to."""

    @op(
        name=_OP,
        config_schema={
            "is_applied": Field(bool, default_value=False, description="Do it; else only tell."),
            "keep_days": Field(int, default_value=30, description="Days of superseded snapshots."),
        },
        required_resource_keys={STORE},
    )
    def retain_what_is_named(context: OpExecutionContext) -> None:
        store: Store = getattr(context.resources, STORE)
        found = retain(
            store,
            now=datetime.now(tz=UTC),
            policy=RetentionPolicy(snapshots=timedelta(days=context.op_config["keep_days"])),
            is_applied=context.op_config["is_applied"],
        )
        for row in found.iter_rows(named=True):
            context.log.info("%s: %d %s", row["place"], row["items"], row["what"])
        context.add_output_metadata({
            "items": MetadataValue.int(int(found["items"].sum())),
            "size_bytes": MetadataValue.int(int(found["size_bytes"].sum())),
        })  # fmt: skip

    @job(
        name=RETENTION,
        description="Fold small files, let go of superseded snapshots, collect what nothing names.",
    )
    def retention() -> None:
        retain_what_is_named()

    return retention
