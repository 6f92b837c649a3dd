"""Whether the lists of an event that are final stand against what would come out now.

Pure: decided rows beside those that stand, and the verdict in words. Which lists are final, and
that they stay, is the asset's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.errors import listed
from r2k_pipeline.quality.outcome import SAMPLE_ROWS, CheckOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

CHECK_NAME = "final_lists_are_as_decided"
_SHOWN = 10
_SHOWN_SESSIONS = 3
_OUTCOME = ("decision", "segment", "indexes")


def final_lists_outcome(
    table: str,
    event_id: str,
    *,
    standing: pl.DataFrame,
    found: pl.DataFrame,
    amended: Sequence[date],
) -> CheckOutcome:
    """Judge what would come out now beside the final lists.

    Args:
        table: The table whose event is final.
        event_id: The event.
        standing: Contract `reconstitution`, as it was decided.
        found: The same, as it comes out now.
        amended: Sessions that landed again since.

    Returns:
        The outcome, of severity `warn`. Its rows are companies; failed are those whose
        decision, segment or indexes would be others.

    Example:
        >>> from datetime import date
        >>> row = {"company_id": "C-B", "symbol": "BETA", "segment": "large", "indexes": "r1000",
        ...        "decision": "enters"}
        >>> then = pl.DataFrame([row])
        >>> now = then.with_columns(segment=pl.lit("small"), indexes=pl.lit("r2000"))
        >>> final_lists_outcome("reconstitution", "2022-06", standing=then, found=now,
        ...     amended=[date(2022, 5, 6)]).sentence
        'The lists of 2022-06 are final and stay, although 2022-05-06 landed again since. 1 company
        would come out otherwise: BETA.'
    """
    moved = _moved(standing, found)
    names = [str(symbol) for symbol in moved["symbol"]]
    sessions = listed([str(day) for day in amended], _SHOWN_SESSIONS)
    subject = "1 company" if len(names) == 1 else f"{len(names):,} companies"
    told = f" {subject} would come out otherwise: {listed(names, _SHOWN)}." if names else ""
    return CheckOutcome(
        table=table,
        check_name=CHECK_NAME,
        severity=Severity.WARN,
        is_passed=not names,
        evaluated_rows=standing.height,
        failed_rows=len(names),
        sentence=f"The lists of {event_id} are final and stay, although {sessions} landed again "
        f"since.{told}",
        sample=tuple(moved.head(SAMPLE_ROWS).to_dicts()),
        failed_by_partition={event_id: len(names)} if names else {},
    )


def _moved(standing: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Companies with another outcome, or that are in one of the two only."""
    columns = ["company_id", "symbol", *_OUTCOME]
    both = standing.select(columns).join(
        found.select(columns), on="company_id", how="full", coalesce=True, suffix="_now"
    )
    is_other = pl.any_horizontal(
        pl.col(name).ne_missing(pl.col(f"{name}_now")) for name in _OUTCOME
    )
    return (
        both.filter(is_other)
        .select(
            "company_id",
            pl.coalesce("symbol", "symbol_now"),
            *(pl.col(one) for name in _OUTCOME for one in (name, f"{name}_now")),
        )
        .sort("symbol", "company_id")
    )
