"""5: index levels -> signals, each a value and a position, tradable the next session.

Reads every level from the base session on; the signals are `methodology.signals`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.signals import all_signals
from r2k_pipeline.orchestration.assets.base_session import from_base_session
from r2k_pipeline.orchestration.assets.declaration import session_asset

if TYPE_CHECKING:
    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan


@session_asset("signals", deps=["levels"])
def signals(run: TableRun, span: SessionSpan) -> None:
    """Give every signal the whole series, so that any range gives the same positions."""
    _, indexed = from_base_session(run, span)
    found = all_signals(run.read("levels", end=indexed.end), start=indexed.start, end=indexed.end)
    run.publish_sessions(found, indexed)
    small = found.filter(pl.col("index_id") == "r2000").pivot(
        on="signal", index="session", values="position"
    )
    run.state("session", small)
    run.show(found.filter(pl.col("session") == indexed.end, pl.col("index_id") == "r2000"))
