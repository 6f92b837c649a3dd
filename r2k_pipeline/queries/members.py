"""Who is in an index: the member lines at the open of a session.

Add here what is read from `constituents` for one session: the members at its
open, the holdings at its close. How an event chose the members is
`reconstitution`; why one company is in is `explain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.index_lines import lines_of
from r2k_pipeline.methodology.weighting import last_reset
from r2k_pipeline.queries.addressing import nothing_there, require_index
from r2k_pipeline.queries.known_members import as_known
from r2k_pipeline.rulebook.sessions import require_session

if TYPE_CHECKING:
    from datetime import date, datetime

    from r2k_pipeline.storage.store import Store

MEMBER_COLUMNS = (
    "symbol",
    "name",
    "company_id",
    "security_id",
    "weight",
    "index_shares",
    "float",
    "market_cap_usd",
    "segment",
    "status",
    "float_status",
    "sector",
)


def members(
    store: Store, index_id: str, session: date, *, known_at: datetime | None = None
) -> pl.DataFrame:
    """List the members of an index at the open of a session.

    The weights are those at the open: the close of the session before, carried
    through a split that takes effect that morning. A line that has no earlier
    close (a listing of that day) is weighed at the session's own close.

    Args:
        store: The open store.
        index_id: An index of the family, for example `r2000`.
        session: A trading session.
        known_at: Only what the decisions, additions and share changes published at
            that moment (UTC) give, see `known_members`; None is now.

    Returns:
        One row per member line, by descending weight: `symbol`, `name`,
        `company_id`, `security_id`, `weight` (0 to 1, summing to 1),
        `index_shares` (as the index counts them, with its factor if it has one),
        `float` (0 to 1), `market_cap_usd` (index shares times the price above),
        `segment`, `status` (`ok`, or `carried` where the close of the session was carried)
        and `float_status` (`known`, or `unknown` where the float is assumed).

    Raises:
        BadInputError: No such index.
        NotASessionError: The exchange is closed on that day; names neighbours.
        MissingPartitionError: No constituents there; names the sessions that
            there are.
    """
    held = _held(store, index_id, session, known_at=known_at)
    return _weighted(held, price_usd=pl.coalesce("previous_close_usd", "close_usd"))


def holdings(
    store: Store, index_id: str, session: date, *, known_at: datetime | None = None
) -> pl.DataFrame:
    """List the members of an index at the close of a session.

    The same as `members`, except that lines are weighed at the session's own
    close: what a factsheet of that evening states.

    Args:
        store: The open store.
        index_id: An index of the family, for example `r2000`.
        session: A trading session.
        known_at: As in `members`.

    Returns:
        As `members`; `market_cap_usd` is at the session's close.

    Raises:
        BadInputError: No such index.
        NotASessionError: The exchange is closed on that day; names neighbours.
        MissingPartitionError: No constituents there; names the sessions that
            there are.
    """
    held = _held(store, index_id, session, known_at=known_at)
    return _weighted(held, price_usd=pl.col("close_usd"))


def _held(store: Store, index_id: str, session: date, *, known_at: datetime | None) -> pl.DataFrame:
    """The index's rows of `constituents`, as far as they follow from what was published."""
    require_session(session)
    index = require_index(index_id, store.family)
    lines = store.lake.scan("constituents", start=session, end=session).collect()
    factors = store.lake.scan("weight_factors", start=last_reset(session), end=session).collect()
    held = lines_of(lines, index, factors)
    if held.is_empty():
        days = store.lake.sessions("constituents")
        raise nothing_there("constituents", asked=[session], available=days)
    if known_at is None:
        return held
    as_published = as_known(store, held, index.index_id, session, known_at=known_at)
    if as_published.is_empty():
        raise nothing_there("reconstitution", known_at=known_at)
    return as_published


def _weighted(held: pl.DataFrame, *, price_usd: pl.Expr) -> pl.DataFrame:
    """Value the lines at a price and weigh them."""
    return (
        held.with_columns(
            market_cap_usd=pl.col("index_shares") * price_usd,
            float=pl.col("float_factor"),
        )
        .with_columns(weight=pl.col("market_cap_usd") / pl.col("market_cap_usd").sum())
        .sort(["weight", "security_id"], descending=[True, False])
        .select(MEMBER_COLUMNS)
    )
