"""What runs are given: the store, opened once a run.

Settings come from the environment (`R2K_*`) unless the one who builds the definitions
hands them over, as `build` does. Nothing of them enters a run's configuration, so no
password is ever shown or stored by Dagster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster import InitResourceContext, ResourceDefinition

from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE = "store"
"""The resource's key."""


def store_resource(settings: Settings | None = None) -> ResourceDefinition:
    """A resource that opens the store for a run and closes it at the end.

    Args:
        settings: Where everything lies; None reads the environment when a run starts.
    """

    def opened(_context: InitResourceContext) -> Iterator[Store]:
        with open_store(settings or Settings()) as store:
            yield store

    return ResourceDefinition(
        resource_fn=opened,
        description="Bulk tables, published tables and the archive that the R2K_* settings name.",
    )
