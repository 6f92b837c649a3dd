"""1c: the float factors that were landed, given to lines, as assets read them.

Landed by `r2k ingest float` (`orchestration.float_landing`), so nothing is materialized here.
What a float does is `methodology.float_factors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.methodology.float_factors import located_floats, no_floats

if TYPE_CHECKING:
    from datetime import date

    import polars as pl

    from r2k_pipeline.orchestration.assets.table_run import TableRun

TABLE = "float_factors"


def known_floats(run: TableRun, *, until: date) -> pl.DataFrame:
    """Read what is known of floats by a day: `KNOWN_FLOATS`; it enters the input hash."""
    given = run.read(TABLE, end=until)
    if given.is_empty():
        return no_floats()
    return located_floats(given, run.read("securities"))
