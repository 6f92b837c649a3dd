"""The rows of contract `maintenance`: what kinds there are, and how one is filled.

Holds the kinds of change and the one place that writes rows. Add a kind here and to the
contract; what decides it stands in `maintenance`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.reviews import Review
    from r2k_pipeline.rulebook.schedule import Event


class MaintenanceChange(StrEnum):
    """What a row of `maintenance` does."""

    IPO_ADDITION = "ipo_addition"
    FAST_ENTRY = "fast_entry"
    SHARE_UPDATE = "share_update"
    FLOAT_UPDATE = "float_update"
    OFFERING = "offering"


_COLUMNS = {
    "session": pl.Date,
    "company_id": pl.String,
    "change": pl.String,
    "review_id": pl.String,
    "event_id": pl.String,
    "security_id": pl.String,
    "symbol": pl.String,
    "name": pl.String,
    "sector": pl.String,
    "segment": pl.String,
    "indexes": pl.String,
    "edges_above": pl.String,
    "total_market_cap_usd": pl.Float64,
    "share_factor": pl.Float64,
    "float_factor": pl.Float64,
    "decided_day": pl.Date,
    "reason": pl.String,
}
NAMING = ("company_id", "security_id", "symbol", "name", "sector")
"""What names a company and its pricing vehicle."""


def no_rows() -> pl.DataFrame:
    """No change at all.

    Example:
        >>> no_rows().height
        0
    """
    return pl.DataFrame(schema=_COLUMNS)


def signed_percent(factor: pl.Expr) -> pl.Expr:
    """A factor as a change in per cent, with its sign.

    Example:
        >>> pl.DataFrame({"factor": [1.0235, 0.9]}).select(
        ...     signed_percent(pl.col("factor"))).to_series().to_list()
        ['+2.35', '-10.0']
    """
    percent = ((factor - 1) * 100).round(2)
    return pl.when(percent > 0).then(pl.format("+{}", percent)).otherwise(percent.cast(pl.String))


def as_rows(
    part: pl.DataFrame,
    event: Event,
    change: MaintenanceChange,
    *,
    reason: pl.Expr,
    review: Review | None = None,
    **days: pl.Expr | str,
) -> pl.DataFrame:
    """Give what was found as rows of the contract.

    Args:
        part: One row a company, with `NAMING` and whatever else the row says.
        event: The event in force.
        change: What happens.
        reason: A sentence, over `part`.
        review: The review that decided; None for what does not wait for one.
        days: `session` and `decided_day`, where no review says them.

    Example:
        >>> from r2k_pipeline.rulebook.reviews import review
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> part = pl.DataFrame({name: ["x"] for name in NAMING} | {"share_factor": [1.02]})
        >>> as_rows(
        ...     part, event("2022-06"), MaintenanceChange.SHARE_UPDATE,
        ...     review=review("2022-09"), reason=pl.lit("shares moved"),
        ... ).select("session", "change", "share_factor", "segment").row(0)
        (datetime.date(2022, 9, 19), 'share_update', 1.02, None)
    """
    told = part.with_columns(
        change=pl.lit(change.value),
        event_id=pl.lit(event.event_id),
        review_id=pl.lit(None if review is None else review.review_id),
        reason=reason,
        **(
            days
            if review is None
            else {
                "session": pl.lit(review.effective_session),
                "decided_day": pl.lit(review.cut_off_day),
            }
        ),
    )
    unsaid = [name for name in _COLUMNS if name not in told.columns]
    return told.with_columns(pl.lit(None).alias(name) for name in unsaid).select(
        pl.col(name).cast(dtype) for name, dtype in _COLUMNS.items()
    )
