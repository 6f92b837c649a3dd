"""Takes rows that a rule lets go out of a frame, and writes down why.

Pure: what is done with either part is `publication`'s business. Which rules
quarantine is said in `data_contracts/`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.quality.outcome import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from r2k_pipeline.contracts.model import Contract
    from r2k_pipeline.quality.outcome import CheckOutcome

_SCHEMA = pl.Schema({
    "table_name": pl.String(),
    "partition_key": pl.String(),
    "check_name": pl.String(),
    "row_key": pl.String(),
    "row_json": pl.String(),
    "rationale": pl.String(),
})  # fmt: skip


def split_quarantined(
    contract: Contract, frame: pl.DataFrame, outcomes: Sequence[CheckOutcome]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split a checked frame into what is kept and what is held back.

    Args:
        contract: The frame's contract.
        frame: The frame that was checked, its rows in the same order.
        outcomes: What `check_frame` said about it.

    Returns:
        The rows that no quarantining rule objects to, in their order; and, of contract
        `quarantine` without `run_id`, `quarantined_at` and `state`, one row for each
        held row and each rule it breaks. `row_key` joins the key's values with `|`.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.contracts.load import contract
        >>> from r2k_pipeline.contracts.model import Severity
        >>> from r2k_pipeline.contracts.polars_shape import empty_frame
        >>> from r2k_pipeline.quality.outcome import CheckOutcome
        >>> listings = contract("raw_listings")
        >>> frame = pl.concat([empty_frame(listings), pl.DataFrame({
        ...     "session": [date(2024, 6, 28)] * 2, "exchange": ["nyse"] * 2,
        ...     "symbol": ["BOLT", "CORE"], "close_usd": [25.0, -4.0],
        ... })], how="diagonal")
        >>> negative = CheckOutcome(
        ...     table="raw_listings", check_name="close_is_positive", severity=Severity.WARN,
        ...     is_passed=False, evaluated_rows=2, failed_rows=1,
        ...     sentence="A close, where there is one, is above zero.", failed_positions=(1,))
        >>> kept, held = split_quarantined(listings, frame, [negative])
        >>> kept["symbol"].to_list(), held["row_key"].to_list()
        (['BOLT'], ['2024-06-28|nyse|CORE'])
    """
    promises = {rule.name: rule.sentence for rule in contract.rules if rule.quarantines}
    held = [
        _held(contract, frame[list(outcome.failed_positions)], outcome, promises)
        for outcome in outcomes
        if outcome.check_name in promises and outcome.failed_positions
    ]
    if not held:
        return frame, pl.DataFrame(schema=_SCHEMA)
    bad = {position for outcome in outcomes for position in outcome.failed_positions}
    is_held = pl.Series(sorted(bad), dtype=pl.UInt32)
    kept = frame.filter(~pl.int_range(pl.len(), dtype=pl.UInt32).is_in(is_held.implode()))
    return kept, pl.concat(held)


def _held(
    contract: Contract,
    rows: pl.DataFrame,
    outcome: CheckOutcome,
    promises: dict[str, str],
) -> pl.DataFrame:
    column = contract.partition_column
    partition = pl.lit(WHOLE) if column is None else pl.col(column).cast(pl.String)
    return rows.select(
        table_name=pl.lit(contract.table),
        partition_key=partition,
        check_name=pl.lit(outcome.check_name),
        row_key=pl.concat_str(pl.col(contract.key).cast(pl.String), separator="|"),
        row_json=pl.struct(pl.all()).struct.json_encode(),
        rationale=pl.lit(promises[outcome.check_name]),
    )
