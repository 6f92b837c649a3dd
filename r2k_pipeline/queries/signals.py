"""What do the signals say: values and positions of index-level signals.

Add here what is read from `signals` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import BadInputError, listed
from r2k_pipeline.queries.addressing import (
    did_you_mean,
    nothing_there,
    require_index,
    require_order,
)

if TYPE_CHECKING:
    from datetime import date, datetime

    from r2k_pipeline.storage.store import Store

SIGNAL_COLUMNS = ("session", "index_id", "signal", "value", "position", "tradable_session")


def signals(
    store: Store,
    name: str | None = None,
    *,
    index_id: str = "r2000",
    start: date | None = None,
    end: date | None = None,
    known_at: datetime | None = None,
) -> pl.DataFrame:
    """Read the signals on one index.

    Args:
        store: The open store.
        name: One signal; None is all of them.
        index_id: The index that the signals are computed on.
        start: First session, inclusive; None is the first published.
        end: Last session, inclusive; None is the last published.
        known_at: Read what was published at that moment (UTC); None is now.

    Returns:
        One row per signal and session, by session and signal: `session` (at
        whose close the value is known), `index_id`, `signal`, `value` (null
        while the signal warms up), `position` (-1 to 1) and `tradable_session`
        (the first session on which the position can be held).

    Raises:
        BadInputError: No such index or signal; names close matches.
        MissingPartitionError: Nothing is published there; names what is.
    """
    index = require_index(index_id, store.family).index_id
    require_order(start, end)
    of_index = store.published.read("signals", known_at=known_at, where={"index_id": index})
    names = of_index.get_column("signal").unique().sort().to_list()
    if name is not None and names and name not in names:
        raise BadInputError(
            f"no signal {name!r}{did_you_mean(name, names)}",
            state="nothing was read",
            remedy=f"choose one of {listed(names, 20)}",
        )
    wanted = [name] if name is not None else names
    found = of_index.filter(
        pl.col("signal").is_in(wanted),
        pl.lit(True) if start is None else pl.col("session") >= start,
        pl.lit(True) if end is None else pl.col("session") <= end,
    )
    if found.is_empty():
        held = store.published.read("signals", columns=["session"], where={"index_id": index})
        days = held.get_column("session")
        raise nothing_there("signals", asked=[start, end], available=days, known_at=known_at)
    return found.select(SIGNAL_COLUMNS).sort("session", "signal")
