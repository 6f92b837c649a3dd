"""Contract -> what Dagster shows of a table's columns, as plain data.

Dagster itself is imported only in `orchestration`, which turns these into its own
objects; nothing here knows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from r2k_pipeline.contracts.model import Contract


def column_metadata(contract: Contract) -> list[dict[str, Any]]:
    """One entry a column, in the contract's order.

    Keys: `name`, `type` (as a reader of the contract names it), `description` (the unit
    is part of it), `nullable`, `key` (whether the column is part of the primary key) and
    `unit` (None where it has none).

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> column_metadata(contract("levels"))[2]
        {'name': 'price_level', 'type': 'float64', 'description': 'Market value over divisor,
        at the close. [index points]', 'nullable': False, 'key': False, 'unit': 'index points'}
    """
    return [
        {
            "name": column.name,
            "type": column.physical_type,
            "description": f"{column.description} [{column.unit}]"
            if column.unit
            else column.description,
            "nullable": column.nullable,
            "key": column.key_position is not None,
            "unit": column.unit,
        }
        for column in contract.columns
    ]
