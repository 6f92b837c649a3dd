"""3c: the close of each line on each session, and the close before in the session's terms.

1. A close that was seen stands as it was received.
2. One that the feed missed is recovered from what the next session's snapshot calls the
   previous close.
3. Otherwise the last one is carried, in the terms that actions since made of it.

Holds how closes are laid on a grid of lines and sessions; how long one may be carried is
`leaving_lines`, who is on the grid `constituents`.
"""

from __future__ import annotations

import polars as pl

from r2k_pipeline.methodology.line_adjustments import in_terms_of, line_units, with_units
from r2k_pipeline.rulebook.action_types import ActionType

_KEY = ["session", "security_id"]
_SEEN = ("symbol", "name", "country")


def with_closes(grid: pl.DataFrame, seen: pl.DataFrame, adjustments: pl.DataFrame) -> pl.DataFrame:
    """Lay closes on a grid.

    Args:
        grid: One row per line and session, every session of a range: `security_id`,
            `session`, `ordinal` (place of the session in the range), and whatever else.
        seen: Contract `universe`, rows with a close. Read: `session`, `security_id`,
            `symbol`, `name`, `country`, `close_usd`, `previous_close_usd`.
        adjustments: As `line_adjustments.line_adjustments` gives them, from the first of
            the sessions on.

    Returns:
        The grid, sorted by `security_id`, `session`, with `symbol`, `name`, `country` (as
        last seen), `close_usd`, `close_session` and `close_ordinal` (when it was traded),
        `is_recovered`, and `previous_close_usd`: the last close before the session, in
        the session's terms. Null where a line did not close yet.

    Notes:
        Look-ahead: a recovered close was first knowable a session later.

    Example:
        Carried over a special dividend of 3: 20 becomes 17, both to carry and to value
        changes with.

        >>> from datetime import date
        >>> days = [date(2024, 7, 1), date(2024, 7, 2)]
        >>> grid = pl.DataFrame({
        ...     "security_id": "S-HAL", "session": days, "ordinal": [0, 1]},
        ...     schema_overrides={"ordinal": pl.UInt32})
        >>> seen = pl.DataFrame({
        ...     "session": days[:1], "security_id": ["S-HAL"], "symbol": ["HAL"], "name": ["Hal"],
        ...     "country": [None], "close_usd": [20.0], "previous_close_usd": [19.0],
        ... })
        >>> adjustments = pl.DataFrame({
        ...     "session": days[1:], "security_id": ["S-HAL"], "action_type": ["special_dividend"],
        ...     "deduction_usd": [3.0], "price_divisor": [1.0], "share_factor": [1.0],
        ... })
        >>> with_closes(grid, seen, adjustments).select(
        ...     "close_usd", "close_session", "previous_close_usd").row(1)
        (17.0, datetime.date(2024, 7, 1), 17.0)
    """
    laid = (
        with_units(grid, line_units(adjustments))
        .join(seen.select(*_KEY, *_SEEN, "close_usd"), on=_KEY, how="left")
        .join(_recovered(seen, adjustments, grid), on=_KEY, how="left")
        .sort("security_id", "session")
        .with_columns(raw_usd=pl.coalesce("close_usd", "recovered_usd"))
    )
    has_close = pl.col("raw_usd").is_not_null()
    last = {
        "raw_usd": "raw_usd",
        "close_session": "session",
        "close_ordinal": "ordinal",
        "then_unit_deduction_usd": "unit_deduction_usd",
        "then_unit_divisor": "unit_divisor",
    }
    filled = laid.with_columns(
        pl.col(_SEEN).forward_fill().over("security_id"),
        is_recovered=pl.col("close_usd").is_null() & has_close,
        **{
            name: pl.when(has_close).then(pl.col(column)).forward_fill().over("security_id")
            for name, column in last.items()
        },
    )
    before = filled.with_columns(
        pl.col("raw_usd", "then_unit_deduction_usd", "then_unit_divisor")
        .shift()
        .over("security_id")
        .name.prefix("before_")
    )
    return before.with_columns(
        close_usd=in_terms_of("raw_usd", "then_", ""),
        previous_close_usd=in_terms_of("before_raw_usd", "before_then_", ""),
    )


def _recovered(seen: pl.DataFrame, adjustments: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """What each snapshot says the session before closed at, undone of the split in between."""
    calendar = grid.select("session", "ordinal").unique()
    before = calendar.select(pl.col("session").alias("before"), pl.col("ordinal") + 1)
    # The vendor adjusts a previous close for splits and for nothing else.
    splits = (
        adjustments.filter(pl.col("action_type") == ActionType.SPLIT.value)
        .group_by(_KEY)
        .agg(pl.col("price_divisor").product().alias("split_factor"))
    )
    return (
        seen.filter(pl.col("previous_close_usd") > 0)
        .join(calendar, on="session")
        .join(splits, on=_KEY, how="left")
        .join(before, on="ordinal")
        .select(
            "security_id",
            pl.col("before").alias("session"),
            recovered_usd=pl.col("previous_close_usd") * pl.col("split_factor").fill_null(1.0),
        )
    )
