"""What was restated, by how much, and why: every correction of a published level.

Reads `restatements` with its history, so a level that was corrected twice is told twice.
Add here what is asked of corrections; how one is decided is `methodology/restatement`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.overrides import STANDING
from r2k_pipeline.queries.addressing import require_index, require_order

if TYPE_CHECKING:
    from datetime import date, datetime

    from r2k_pipeline.storage.store import Store

RESTATEMENT_COLUMNS = (
    "session",
    "index_id",
    "difference_bp",
    "decision",
    "decision_reason",
    "cause_code",
    "cause",
    "price_level_before",
    "price_level_after",
    "total_return_level_before",
    "total_return_level_after",
    "net_total_return_level_before",
    "net_total_return_level_after",
    "decided_at",
    "stands",
)
_CAUSE = ("decided_at", "cause_code", "cause", "decision", "index_id")


def restatements(
    store: Store,
    index_id: str | None = None,
    *,
    start: date | None = None,
    end: date | None = None,
    known_at: datetime | None = None,
) -> pl.DataFrame:
    """List the corrections of published levels.

    Args:
        store: The open store.
        index_id: Only of this index; None is every index.
        start: First session, inclusive; None is the first.
        end: Last session, inclusive; None is the last.
        known_at: Only what was decided by that moment (UTC); None is all.

    Returns:
        `RESTATEMENT_COLUMNS`, one row per session, index and decision, in the order of time:
        levels in index points, `difference_bp` in basis points of the level before (of the
        three series the largest), `stands` whether no later decision replaced it. Empty if
        nothing was corrected.

    Raises:
        BadInputError: No such index, or `start` lies after `end`.
    """
    require_order(start, end)
    where = None
    if index_id is not None:
        where = {"index_id": require_index(index_id, store.family).index_id}
    found = store.published.read_history("restatements", where=where)
    since, until = pl.col("known_from"), pl.col("known_to")
    if known_at is not None:
        found = found.filter(since <= known_at)
    return (
        found.filter(
            pl.col("session").is_between(
                pl.lit(start, pl.Date).fill_null(pl.col("session")),
                pl.lit(end, pl.Date).fill_null(pl.col("session")),
            )
        )
        .with_columns(
            decided_at=since,
            stands=until.is_null() if known_at is None else until.is_null() | (until > known_at),
        )
        .select(RESTATEMENT_COLUMNS)
        .sort("decided_at", "session", "index_id")
    )


def by_cause(found: pl.DataFrame) -> pl.DataFrame:
    """Sum corrections up by what caused them.

    Args:
        found: As `restatements` gives it.

    Returns:
        One row per moment of decision, cause, decision and index: `sessions` (number),
        `first_session`, `last_session` and `largest_bp` (basis points, with its sign).

    Example:
        >>> from datetime import date
        >>> rows = pl.DataFrame({
        ...     "decided_at": [1, 1], "cause_code": ["late_action"] * 2, "cause": ["DIVI"] * 2,
        ...     "decision": ["recalculate"] * 2, "index_id": ["r2000"] * 2,
        ...     "session": [date(2024, 7, 1), date(2024, 7, 2)], "difference_bp": [3.0, -4.0],
        ... })
        >>> by_cause(rows).select("sessions", "largest_bp").row(0)
        (2, -4.0)
    """
    size = pl.col("difference_bp")
    return found.group_by(_CAUSE, maintain_order=True).agg(
        sessions=pl.len(),
        first_session=pl.col("session").min(),
        last_session=pl.col("session").max(),
        largest_bp=size.sort_by(size.abs()).last(),
    )


def overrides(store: Store) -> pl.DataFrame:
    """List what persons set by hand, withdrawn or not.

    Args:
        store: The open store.

    Returns:
        One row per override, in the order of recording: `override_id`, `field`, `symbol`,
        `first_session`, `last_session`, `value`, `person`, `reason`, `recorded_at`, and
        `withdrawn_at`, `withdrawn_by`, `withdrawn_because`, null while it stands.
    """
    log = store.published.read("overrides")
    withdrawn = log.filter(pl.col("state") == "withdrawn").select(
        "override_id",
        withdrawn_at="recorded_at",
        withdrawn_by="person",
        withdrawn_because="reason",
    )
    recorded = log.filter(pl.col("state") == "recorded").select(*STANDING, "recorded_at")
    return recorded.join(withdrawn, on="override_id", how="left", maintain_order="left")
