"""Shares and prices on one count: what splits did to a line so far.

Holds the product of a line's splits and its join to rows, so that shares and closes of
different sessions can be compared. How splits are found is `corporate_actions`.
"""

from __future__ import annotations

import polars as pl


def cumulative_splits(actions: pl.DataFrame) -> pl.DataFrame:
    """Per line and split session, the product of its split factors so far.

    Args:
        actions: Contract `corporate_actions`, any sessions. Read: `session`,
            `security_id`, `action_type`, `split_factor`.

    Returns:
        `session`, `security_id`, `split_factor`, sorted by `session`.

    Example:
        >>> from datetime import date
        >>> actions = pl.DataFrame({
        ...     "session": [date(2024, 7, 1), date(2024, 7, 9)], "security_id": "S-HAL",
        ...     "action_type": "split", "split_factor": [2.0, 3.0],
        ... })
        >>> cumulative_splits(actions)["split_factor"].to_list()
        [2.0, 6.0]
    """
    return (
        actions.filter(pl.col("action_type") == "split")
        .group_by("security_id", "session")
        .agg(pl.col("split_factor").product())
        .sort("session")
        .with_columns(pl.col("split_factor").cum_prod().over("security_id"))
        .select("session", "security_id", "split_factor")
    )


def with_splits_so_far(rows: pl.DataFrame, splits: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add the product of all split factors up to and including each row's session.

    Args:
        rows: Any rows with `session` and `security_id`.
        splits: As `cumulative_splits` gives them.
        name: The new column; 1 where no split happened yet.

    Returns:
        The rows, sorted by `session`.

    Example:
        >>> from datetime import date
        >>> splits = pl.DataFrame({
        ...     "session": [date(2024, 7, 1)], "security_id": ["S-HAL"], "split_factor": [2.0],
        ... })
        >>> rows = pl.DataFrame({
        ...     "session": [date(2024, 6, 28), date(2024, 7, 1)], "security_id": "S-HAL",
        ... })
        >>> with_splits_so_far(rows, splits, "so_far")["so_far"].to_list()
        [1.0, 2.0]
    """
    return (
        rows.sort("session", maintain_order=True)
        .join_asof(
            splits.rename({"split_factor": name}),
            on="session",
            by="security_id",
            strategy="backward",
            check_sortedness=False,
        )
        .with_columns(pl.col(name).fill_null(1.0))
    )
