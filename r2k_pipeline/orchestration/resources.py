"""What runs are given: the store, opened once a run.

Settings come from the environment (`R2K_*`) unless the one who builds the definitions
hands them over, as `build` does. Nothing of them enters a run's configuration, so no
password is ever shown or stored by Dagster.

A run that nobody's build started, but the UI, a schedule or a sensor, takes the home's build
lock as a build does: it waits while another process builds there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster import InitResourceContext, ResourceDefinition

from r2k_pipeline.orchestration.progress import WAITING
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.home import build_lock
from r2k_pipeline.storage.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE = "store"
"""The resource's key."""


def store_resource(settings: Settings | None = None) -> ResourceDefinition:
    """A resource that opens the store for a run and closes it at the end.

    Args:
        settings: Where everything lies, of a build that holds the lock; None reads the
            environment when a run starts, and takes the lock.
    """

    def opened(context: InitResourceContext) -> Iterator[Store]:
        if settings is not None:
            with open_store(settings) as store:
                yield store
            return
        own = Settings()

        def waiting() -> None:
            if context.log is not None:
                context.log.info(WAITING)

        with build_lock(own.home, waiting=waiting), open_store(own) as store:
            yield store

    return ResourceDefinition(
        resource_fn=opened,
        description="Bulk tables, published tables and the archive that the R2K_* settings name.",
    )
