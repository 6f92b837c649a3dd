"""4c: price, total and net total return levels, each session from its own rows.

Reads the whole ledger and the range's constituents; the arithmetic is `methodology.levels`.
Levels that were published before and come out otherwise go through `restatements`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import MissingPartitionError
from r2k_pipeline.methodology.levels import LEVEL_LINE_COLUMNS, index_levels
from r2k_pipeline.orchestration.assets.base_session import from_base_session
from r2k_pipeline.orchestration.assets.declaration import session_asset, sparkline
from r2k_pipeline.orchestration.assets.restatements import with_restatements
from r2k_pipeline.orchestration.assets.weight_factors import factors_in_force
from r2k_pipeline.rulebook.sessions import sessions_between

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan


@session_asset("levels", deps=["constituents", "weight_factors", "divisors"])
def levels(run: TableRun, span: SessionSpan) -> None:
    """Divide each session's market value by the product of the whole ledger up to it."""
    base, indexed = from_base_session(run, span)
    _require_unbroken(run, base, indexed.end)
    ledger = run.read("divisors", end=indexed.end)
    found = pl.concat(
        index_levels(
            run.read("constituents", start=part.start, end=part.end, columns=LEVEL_LINE_COLUMNS),
            ledger,
            family=run.store.family,
            factors=factors_in_force(run, part.start, part.end),
        )
        for part in indexed.years
    )
    found = with_restatements(run, found, indexed)
    run.publish_sessions(found, indexed)
    for index_id, rows in found.partition_by("index_id", as_dict=True).items():
        run.state("session", rows.select("session", pl.col("price_level").alias(str(index_id[0]))))
        line = sparkline(rows.sort("session")["price_level"].to_list())
        run.note({f"{index_id[0]}_over_run": line})
    run.show(found.filter(pl.col("session") == indexed.end))


def _require_unbroken(run: TableRun, base: date, end: date) -> None:
    """A ledger with a gap would multiply out to a wrong level that looks right.

    Raises:
        MissingPartitionError: Constituents are missing between the base session and the end.
    """
    have = set(run.store.lake.sessions("constituents", base, end))
    missing = [day for day in sessions_between(base, end) if day not in have]
    if missing:
        raise MissingPartitionError(
            "constituents",
            missing,
            remedy=f"build from {missing[0]}: the ledger runs from the base session {base} on",
        )
