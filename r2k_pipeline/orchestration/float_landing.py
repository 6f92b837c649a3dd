"""From a file of float factors into `float_factors`: archive, compare, then publish.

Landing again changes nothing. A row takes the place of one of the same line and session, and
what other files said of other lines stands. How a file is read is `sources.float_file`, which
line a symbol was `methodology.float_factors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import missing_path
from r2k_pipeline.methodology.float_factors import lost_symbols
from r2k_pipeline.publication import SessionList, publish
from r2k_pipeline.sources.float_file import read_floats

if TYPE_CHECKING:
    from datetime import date, datetime
    from pathlib import Path

    from r2k_pipeline.storage.store import Store

TABLE = "float_factors"
_KEY = ["session", "symbol"]
_TOLD = ["float_factor", "source", "certainty"]
_HASH_DIGITS = 16


@dataclass(frozen=True, kw_only=True)
class FloatLanding:
    """What landing did.

    Attributes:
        landed: Sessions of which a row was new or changed, ascending.
        new_rows: Rows that were new or changed.
        standing_rows: Rows of the file that stood already.
        lost: Symbols that no line bore on their sessions; None if no session has landed yet
            or identity was not built, so that nobody can say.
    """

    landed: tuple[date, ...]
    new_rows: int
    standing_rows: int
    lost: tuple[str, ...] | None


def land_floats(store: Store, path: Path, *, run_id: str, known_at: datetime) -> FloatLanding:
    """Archive a file of float factors and publish what it says anew.

    Args:
        store: Where to.
        path: The file, see `sources.float_file`.
        run_id: Recorded with every check.
        known_at: When this was received (UTC).

    Raises:
        BadInputError: There is no file, or it cannot be used; names file and row.
        ContractViolationError: A check failed; the table is as it was.
    """
    if not path.is_file():
        raise missing_path(path, "file of float factors")
    data = path.read_bytes()
    given = read_floats(data, file=path.name)
    digest = store.archive.keep(data, name=path.name)[:_HASH_DIGITS]
    standing = _standing(store, given)
    new = given.join(standing, on=[*_KEY, *_TOLD], how="anti")
    days = tuple(new["session"].unique().sort())
    if days:
        kept = standing.join(given, on=_KEY, how="anti")
        # What stands keeps the hash of the file that said it first.
        same = standing.join(given, on=[*_KEY, *_TOLD], how="semi")
        rows = pl.concat([kept, same, new.with_columns(source_hash=pl.lit(digest))])
        publish(
            store,
            TABLE,
            rows.filter(pl.col("session").is_in(days)).sort(_KEY),
            partitions=SessionList(days),
            run_id=run_id,
            known_at=known_at,
        )
    securities = store.lake.scan("securities").collect()
    lost = None if securities.is_empty() else tuple(lost_symbols(given, securities))
    return FloatLanding(
        landed=days,
        new_rows=new.height,
        standing_rows=given.height - new.height,
        lost=lost,
    )


def _standing(store: Store, given: pl.DataFrame) -> pl.DataFrame:
    """What stands of the sessions of a file."""
    days = given["session"].unique().sort()
    rows = store.lake.scan(TABLE, start=days[0], end=days[-1])
    return rows.filter(pl.col("session").is_in(days.to_list())).collect()
