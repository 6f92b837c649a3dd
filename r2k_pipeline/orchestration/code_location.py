"""Assets, jobs, schedules, sensors and the store, put together.

Only assembles. `r2k_pipeline.definitions` calls it for Dagster, `build` for its own runs.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from dagster import Definitions, in_process_executor
from dagster_shared.utils.warnings import BetaWarning, PreviewWarning

from r2k_pipeline.orchestration.assets import all_assets
from r2k_pipeline.orchestration.jobs import all_jobs
from r2k_pipeline.orchestration.rebuild import rebuild_job
from r2k_pipeline.orchestration.resources import STORE, store_resource
from r2k_pipeline.orchestration.retention import retention_job
from r2k_pipeline.orchestration.schedules import all_schedules
from r2k_pipeline.orchestration.sensors import all_sensors

if TYPE_CHECKING:
    from r2k_pipeline.settings import Settings


def definitions(settings: Settings | None = None) -> Definitions:
    """Everything that Dagster knows of this package.

    Args:
        settings: Where everything lies; None reads the environment when a run starts.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BetaWarning)
        warnings.simplefilter("ignore", PreviewWarning)
        return Definitions(
            assets=all_assets(),
            jobs=[*all_jobs(), rebuild_job(), retention_job()],
            schedules=all_schedules(),
            sensors=all_sensors(),
            resources={STORE: store_resource(settings)},
            # A run is one process: each step reads a range, and starting a process a step would
            # cost more than the step.
            executor=in_process_executor,
        )
