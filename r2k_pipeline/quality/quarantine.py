"""Takes rows that a rule lets go out of a frame, and writes down why.

Pure: what is done with either part is `publication`'s business. Which rules
quarantine is said in `data_contracts/`. A held row is named by what it says, so that
what a person decided about it holds however often it is received.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from r2k_pipeline.quality.outcome import WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
_POSITION = "_position"
_DIGITS = 8
# Which bytes a row came from is no part of what it says.
_NOT_SAID = "source_hash"


def quarantine_id(held: Mapping[str, Any]) -> str:
    """Name a held row: eight hex digits of its table, partition, key and values.

    The same row is the same to every rule that it breaks and in every landing.

    Args:
        held: A row of contract `quarantine`.

    Example:
        >>> row = {"table_name": "raw_listings", "partition_key": "2024-06-28",
        ...        "row_key": "2024-06-28|nyse|CORE", "row_json": '{"close_usd":-4.0}'}
        >>> again = row | {"row_json": '{"close_usd":-4.0,"source_hash":"ab"}'}
        >>> quarantine_id(row) == quarantine_id(again) != quarantine_id(row | {"row_key": "x"})
        True
    """
    values = orjson.loads(held["row_json"])
    values.pop(_NOT_SAID, None)
    place = [held[name] for name in ("table_name", "partition_key", "row_key")]
    told = orjson.dumps([*place, values], option=orjson.OPT_SORT_KEYS)
    return sha256(told).hexdigest()[:_DIGITS]


def split_quarantined(
    contract: Contract,
    frame: pl.DataFrame,
    outcomes: Sequence[CheckOutcome],
    decided: Mapping[str, str] | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split a checked frame into what is kept and what is held back.

    Args:
        contract: The frame's contract.
        frame: The frame that was checked, its rows in the same order.
        outcomes: What `check_frame` said about it.
        decided: What persons decided on rows that were held before, by `quarantine_id`:
            `released` or `rejected`.

    Returns:
        The rows that no quarantining rule objects to, and those that were released, in their
        order; and, of contract `quarantine` without run, time, state and decision, one row
        for each row held anew and each rule it breaks. `row_key` joins the key's values
        with `|`. A row that was rejected is in neither: it is written down already.

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
    broken = [
        _held(contract, frame, outcome, promises)
        for outcome in outcomes
        if outcome.check_name in promises and outcome.failed_positions
    ]
    if not broken:
        return frame, pl.DataFrame(schema=_SCHEMA)
    held = pl.concat(broken)
    states = pl.Series([(decided or {}).get(quarantine_id(row)) for row in held.to_dicts()],
                       dtype=pl.String)  # fmt: skip
    out = held.filter(states.ne_missing("released"))[_POSITION].unique()
    kept = frame.filter(~pl.int_range(pl.len(), dtype=pl.UInt32).is_in(out.implode()))
    return kept, held.filter(states.is_null()).drop(_POSITION)


def _held(
    contract: Contract, frame: pl.DataFrame, outcome: CheckOutcome, promises: Mapping[str, str]
) -> pl.DataFrame:
    column = contract.partition_column
    partition = pl.lit(WHOLE) if column is None else pl.col(column).cast(pl.String)
    return frame[list(outcome.failed_positions)].select(
        table_name=pl.lit(contract.table),
        partition_key=partition,
        check_name=pl.lit(outcome.check_name),
        row_key=pl.concat_str(pl.col(contract.key).cast(pl.String), separator="|"),
        row_json=pl.struct(pl.all()).struct.json_encode(),
        rationale=pl.lit(promises[outcome.check_name]),
        _position=pl.Series(outcome.failed_positions, dtype=pl.UInt32),
    )
