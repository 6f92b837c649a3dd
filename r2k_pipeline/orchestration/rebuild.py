"""The job that rebuilds a range: what `r2k build` does, started by a sensor or from the UI.

The stages cannot share a run and must not overtake one another, so one run starts them in
order, each as a run of its own that the UI shows.
"""

# No postponed annotations here: Dagster compares the annotation of `context` as it stands.
from datetime import date

from dagster import Field, JobDefinition, OpExecutionContext, job, op

from r2k_pipeline.orchestration.resources import STORE

REBUILD = "rebuild"
_OP = "rebuild_range"


def rebuild_config(start: date, end: date) -> dict[str, object]:
    """The run configuration for a range.

    Example:
        >>> rebuild_config(date(2022, 6, 27), date(2022, 6, 30))["ops"]
        {'rebuild_range': {'config': {'start': '2022-06-27', 'end': '2022-06-30'}}}
    """
    return {"ops": {_OP: {"config": {"start": start.isoformat(), "end": end.isoformat()}}}}


def rebuild_job() -> JobDefinition:
    """One op that builds its range through all stages."""

    @op(
        name=_OP,
        config_schema={
            "start": Field(str, description="First session, ISO."),
            "end": Field(str, description="Last session, ISO."),
        },
        required_resource_keys={STORE},
    )
    def rebuild_range(context: OpExecutionContext) -> None:
        # build assembles the definitions that contain this op
        from r2k_pipeline.orchestration.build import build  # noqa: PLC0415 - see above

        config = context.op_config
        report = build(
            getattr(context.resources, STORE).settings,
            date.fromisoformat(config["start"]),
            date.fromisoformat(config["end"]),
            progress=lambda done, total, what: context.log.info("%d of %d: %s", done, total, what),
        )
        for stage in report.stages:
            context.log.info(
                "%s: %s to %s, %s", stage.job, stage.first_key, stage.last_key, stage.run_id
            )

    @job(name=REBUILD, description="Build a range of sessions through all stages, in order.")
    def rebuild() -> None:
        rebuild_range()

    return rebuild
