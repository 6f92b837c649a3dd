"""From a store to a report on disk: ask, set, write.

Glues the queries, the reports and the one place that writes. A new kind of
report gets its function here; the command and the pipeline call it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.queries.fidelity_rows import fidelity_history
from r2k_pipeline.queries.reconstitution import latest_event
from r2k_pipeline.reports.factsheet import factsheet, factsheet_inputs
from r2k_pipeline.reports.fidelity_report import fidelity_report
from r2k_pipeline.reports.files import write_file
from r2k_pipeline.reports.reconstitution_report import (
    reconstitution_inputs,
    reconstitution_report,
)

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from r2k_pipeline.queries.fidelity import Fidelity
    from r2k_pipeline.storage.store import Store


def write_factsheet(
    store: Store, index_id: str, *, known_at: datetime | None = None, path: Path | None = None
) -> Path:
    """Write the factsheet of an index as of its last level.

    Args:
        store: The open store.
        index_id: An index of the family.
        known_at: Read what was published at that moment (UTC); None is now.
        path: Where to; None is `factsheet-INDEX.html` in the reports folder.

    Returns:
        The file's absolute path.

    Raises:
        BadInputError: No such index, or the file cannot be written.
        MissingPartitionError: The index has no levels or no constituents.
    """
    inputs = factsheet_inputs(store, index_id, known_at=known_at)
    name = f"factsheet-{inputs.index.index_id}.html"
    return write_file(factsheet(inputs), path or store.settings.reports_dir / name)


def write_reconstitution_report(
    store: Store,
    event_id: str | None = None,
    *,
    known_at: datetime | None = None,
    path: Path | None = None,
) -> Path:
    """Write the report of an event.

    Args:
        store: The open store.
        event_id: The event's key; None is the last that is built.
        known_at: Read what was published at that moment (UTC); None is now.
        path: Where to; None is `reconstitution-EVENT.html` in the reports folder.

    Returns:
        The file's absolute path.

    Raises:
        UnknownEventError: The schedule has no such event.
        BadInputError: The event is not built, or the file cannot be written.
    """
    inputs = reconstitution_inputs(store, event_id or latest_event(store), known_at=known_at)
    name = f"reconstitution-{inputs.summary.event.event_id}.html"
    return write_file(reconstitution_report(inputs), path or store.settings.reports_dir / name)


def write_fidelity_report(
    store: Store, found: Fidelity, *, measured_at: datetime, path: Path | None = None
) -> Path:
    """Write the report of a comparison with the real thing.

    Args:
        store: The open store; read for the measurements before.
        found: As `queries.fidelity.fidelity` gives it.
        measured_at: When it was made.
        path: Where to; None is `fidelity.html` in the reports folder.

    Returns:
        The file's absolute path.

    Raises:
        BadInputError: The file cannot be written.
    """
    html = fidelity_report(found, history=fidelity_history(store), measured_at=measured_at)
    return write_file(html, path or store.settings.reports_dir / "fidelity.html")
