"""3d: members at resets -> the factors of equal-weighted and capped indexes.

Reads the constituents of the sessions on which weights are reset; how they are set is
`methodology.weighting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from dagster import AssetDep

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.methodology.weighting import last_reset, reset_sessions
from r2k_pipeline.methodology.weighting import weight_factors as set_factors
from r2k_pipeline.orchestration.assets.declaration import session_asset
from r2k_pipeline.orchestration.partitions import EVENT_IN_FORCE
from r2k_pipeline.rulebook.schedule import event_in_force

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan

_READ = (
    "session",
    "security_id",
    "company_id",
    "sector",
    "indexes",
    "previous_close_usd",
    "index_shares",
    "float_factor",
)


@session_asset(
    "weight_factors",
    deps=["constituents", AssetDep("style_scores", partition_mapping=EVENT_IN_FORCE)],
)
def weight_factors(run: TableRun, span: SessionSpan) -> None:
    """Reset the weights at each event and quarterly review of the span."""
    family = run.store.family
    found = []
    for day in reset_sessions(span.start, span.end):
        lines = run.read("constituents", start=day, end=day, columns=_READ)
        in_force = event_in_force(day)
        if in_force is not None and not lines.is_empty():
            scores = run.read_event("style_scores", in_force)
            found.append(set_factors(lines, family=family, scores=scores))
    run.publish_sessions(pl.concat([empty_frame(contract("weight_factors")), *found]), span)


def factors_in_force(run: TableRun, start: date, end: date) -> pl.DataFrame:
    """Read the factors from the last reset by `start` on, up to `end`."""
    return run.read("weight_factors", start=last_reset(start) or start, end=end)
