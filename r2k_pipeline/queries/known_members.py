"""Members as they followed from what was published at an earlier moment.

Lines lie in the lake, which keeps no history; decisions and maintenance are published, which
do. So members of a moment are the lines that there are now, as far as the decisions and the
additions published by then made them members, with the shares that the changes published by
then gave them. What was withdrawn since and has no line any more cannot be shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.edges import in_index

if TYPE_CHECKING:
    from datetime import date, datetime

    from r2k_pipeline.storage.store import Store

_MEMBER = ("event_id", "company_id", "security_id", "indexes")
_FLOAT_UPDATE = "float_update"


def as_known(
    store: Store, held: pl.DataFrame, index_id: str, session: date, *, known_at: datetime
) -> pl.DataFrame:
    """Keep the lines that were members by what was published at a moment.

    Args:
        store: The open store.
        held: Rows of contract `constituents`, of one index and session.
        index_id: The index.
        session: The session.
        known_at: The moment (UTC).

    Returns:
        The lines that follow from the decisions and additions of the time, and those that
        came of them by a spin-off or the like; `index_shares` (shares) as the changes
        published by then gave them.
    """
    events = held["event_id"].unique().to_list()
    decided = [
        store.published.read("reconstitution", event_id=event_id, known_at=known_at)
        for event_id in events
    ]
    then, now = (
        store.published.read("maintenance", end=session, known_at=moment).filter(
            pl.col("event_id").is_in(events)
        )
        for moment in (known_at, None)
    )
    joined = then.filter(pl.col("segment").is_not_null())
    members = pl.concat([*(rows.select(_MEMBER) for rows in decided), joined.select(_MEMBER)])
    published = members.filter(in_index(index_id))
    kept = held.join(published, on=["event_id", "company_id"], how="semi")
    parents = pl.concat([kept["security_id"], published["security_id"].drop_nulls()])
    is_child = pl.col("parent_security_id").is_in(parents.implode()).fill_null(value=False)
    with_children = held.filter(
        is_child | pl.col("security_id").is_in(kept["security_id"].implode())
    )
    return _with_shares_of_then(with_children, then, now)


def _with_shares_of_then(
    lines: pl.DataFrame, then: pl.DataFrame, now: pl.DataFrame
) -> pl.DataFrame:
    """Index shares with the factors that were published by then in place of those since."""
    if then.equals(now):
        return lines
    is_of_line = pl.col("change") == _FLOAT_UPDATE
    factor = pl.lit(1.0)
    for which, key in ((is_of_line, "security_id"), (~is_of_line, "company_id")):
        for rows, name in ((then, f"{key}_then"), (now, f"{key}_now")):
            changed = rows.filter(which).drop_nulls("share_factor")
            products = changed.group_by(key).agg(pl.col("share_factor").product().alias(name))
            lines = lines.join(products, on=key, how="left", maintain_order="left")
        ratio = pl.col(f"{key}_then").fill_null(1.0) / pl.col(f"{key}_now").fill_null(1.0)
        factor = factor * ratio
    return lines.with_columns(index_shares=pl.col("index_shares") * factor)
