"""A process that replaces a table again and again, until it is killed: see `storage_incidents`.

Started by the gym as a process of its own: `python -m r2k_pipeline.gym.endless_writer HOME`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store

BEGUN = "begun"
# In the vendor's columns: another version of the same rows.
OTHER_VOLUME = pl.col("volume") ^ 1
_TABLE = "raw_listings"


def other_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The other version of some listings; of that one, the first."""
    return rows.with_columns(pl.col("volume_shares") ^ 1)


def write_on(store: Store) -> None:
    """Replace the whole range by its other version and back, without an end."""
    rows = store.lake.scan(_TABLE).collect()
    days = rows["session"].unique().sort()
    versions = [rows, other_rows(rows)]
    turn = 0
    while True:
        turn += 1
        store.lake.replace(_TABLE, versions[turn % 2], start=days[0], end=days[-1])
        if turn == 1:
            sys.stdout.write(f"{BEGUN}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    with open_store(Settings(home=Path(sys.argv[1]))) as opened:
        write_on(opened)
