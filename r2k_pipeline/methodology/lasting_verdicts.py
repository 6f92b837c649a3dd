"""Verdicts that rest on what changes from day to day, and do not change every day with it.

The feed moves a company between sectors and back, and closes cross a bound by a cent.
What was said of a line on enough of its last sessions therefore goes on to hold, and
what was said at all does for a week, unless something said that it ended. Holds the
measure; who says what belongs to `line_behaviour`. Nothing here looks at a later
session, or at more than `LASTING_SESSIONS` of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

LASTING_SESSIONS: Final = 60
"""How many sessions count, the judged one included."""
A_THIRD: Final = 1 / 3
"""Share of these on which closes must have spoken to go on doing so."""
_A_WEEK: Final = 5


def lasting(
    said: str, *, over: Sequence[str], share: float = A_THIRD, ended: str | None = None
) -> list[pl.Expr]:
    """Tell where something goes on to hold that was said of a line.

    Args:
        said: Name of a boolean column, never null. Rows stand in order of `ordinal`, the
            number of the session, within each line.
        over: The columns that tell one line under one name from the next.
        share: Of the sessions that count, on how many it has to have been said.
        ended: Name of a boolean column, never null. Once it is true, and for as many
            sessions as count, only what is said on the session itself holds.

    Returns:
        `said_sessions`, on how many of the last `of_sessions` it was said, and
        `is_lasting`, never null: on this one, or often enough or in the last week and it
        has not ended.

    Example:
        >>> rows = pl.DataFrame({
        ...     "line": 1, "ordinal": range(9), "said": [False] * 6 + [True, False, False],
        ... })
        >>> rows.select(lasting("said", over=["line"])).rows()[-3:]
        [(1, 7, True), (1, 8, True), (1, 9, True)]
    """

    def count(said: pl.Expr, sessions: int) -> pl.Expr:
        return said.cast(pl.Int32).rolling_sum_by("ordinal", f"{sessions}i").over(over)

    said_sessions = count(pl.col(said), LASTING_SESSIONS)
    of_sessions = count(pl.col("ordinal") >= 0, LASTING_SESSIONS)
    holds = (said_sessions >= of_sessions * share) | (count(pl.col(said), _A_WEEK) > 0)
    has_ended = pl.lit(value=False) if ended is None else count(pl.col(ended), LASTING_SESSIONS) > 0
    return [
        said_sessions.alias("said_sessions"),
        of_sessions.alias("of_sessions"),
        (pl.col(said) | (holds & ~has_ended)).alias("is_lasting"),
    ]
