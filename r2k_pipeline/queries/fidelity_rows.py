"""A comparison as rows of the table `fidelity`, so that the score has a history.

Flattens the frames of `fidelity` into one row per measured value. Counts and
ratios only: no row names a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema, require_shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from r2k_pipeline.queries.fidelity import Compared, Fidelity
    from r2k_pipeline.storage.store import Store

TABLE = "fidelity"
# What names the row of a frame; every other number of it is a value.
_SCOPES = {
    "scores": ("index", "action"),
    "figures": ("event", "figure"),
    "years": ("measure", "year"),
    "float_effect": ("weights", "year"),
    "floats": (),
}
_COUNTED = {
    "confusion": ("ours", "theirs"),
    "causes": ("side", "cause", "reason"),
}


def fidelity_rows(found: Fidelity, *, run_id: str, measured_at: datetime) -> pl.DataFrame:
    """Flatten a comparison.

    Args:
        found: As `fidelity.fidelity` gives it.
        run_id: Names this measurement.
        measured_at: When it was made, in UTC.

    Returns:
        Contract `fidelity`.
    """
    rows = [
        {
            "run_id": run_id,
            "measured_at": measured_at,
            "subject": compared.file.subject,
            "source_hash": compared.file.source_hash,
            "kind": str(compared.file.kind),
            "session": compared.file.session,
            "event_id": compared.event_id,
            "scope": scope,
            "metric": metric,
            "value": float(value),
        }
        for compared in found.compared
        for scope, metric, value in _values(compared)
    ]
    promised = contract(TABLE)
    return require_shape(promised, pl.DataFrame(rows, schema=polars_schema(promised)))


def fidelity_history(store: Store) -> pl.DataFrame:
    """Read every measurement so far.

    Returns:
        Contract `fidelity`, the oldest first.
    """
    return store.published.read(TABLE).sort("measured_at", "subject", "scope", "metric")


def _values(compared: Compared) -> Iterator[tuple[str, str, float]]:
    """Scope, metric and value of everything that was measured."""
    index_id = compared.file.index_id or ""
    for name, frame in compared.frames.items():
        if name in _SCOPES:
            for row in frame.iter_rows(named=True):
                scope = _scope(row, _SCOPES[name]) or index_id or str(compared.file.kind)
                for metric in frame.columns:
                    if metric not in _SCOPES[name] and row[metric] is not None:
                        yield scope, metric, row[metric]
        elif name in _COUNTED:
            for row in frame.iter_rows(named=True):
                metric = "_".join(str(row[c]) for c in _COUNTED[name] if row[c])
                yield row.get("index") or "sides", f"{metric}_lines", row["lines"]


def _scope(row: Mapping[str, object], names: tuple[str, ...]) -> str:
    return " ".join(str(row[name]) for name in names if name in row)
