"""Contract -> Polars: the shape that every frame has when it enters or leaves a table.

Add here what compares a frame with its contract's columns. Whether the values
keep the contract's rules is `quality`'s business; nothing here casts or fills.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import ContractShapeError

if TYPE_CHECKING:
    from r2k_pipeline.contracts.model import Contract


def polars_schema(contract: Contract) -> pl.Schema:
    """The contract's columns and types, in order.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> polars_schema(contract("signals"))["position"]
        Float64
    """
    return pl.Schema({column.name: column.dtype for column in contract.columns})


def empty_frame(contract: Contract) -> pl.DataFrame:
    """A frame of the contract's shape without rows.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> empty_frame(contract("signals")).shape
        (0, 6)
    """
    return pl.DataFrame(schema=polars_schema(contract))


def require_shape(contract: Contract, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with its columns in the contract's order, or refuse it.

    Columns are matched by name; nothing is cast, dropped or filled. A missing
    value is null: NaN and infinity are refused here, because the engine of the
    checks cannot tell NaN from null and would let it pass.

    Args:
        contract: What the frame claims to be.
        frame: Any frame.

    Returns:
        The same rows, columns in the contract's order.

    Raises:
        ContractShapeError: Columns are missing, unknown or of another type, or a
            number is NaN or infinite; names all of them.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> shuffled = empty_frame(contract("signals")).select("value", pl.exclude("value"))
        >>> require_shape(contract("signals"), shuffled).columns[:3]
        ['index_id', 'session', 'signal']
        >>> require_shape(contract("signals"), shuffled.drop("value"))
        Traceback (most recent call last):
        ...
        r2k_pipeline.errors.ContractShapeError: signals: the frame does not have the contract's
        shape: missing value
        state: signals was not touched; its last good partitions stand
        remedy: compare with data_contracts/signals.yaml
    """
    schema = polars_schema(contract)
    missing = [name for name in schema if name not in frame.columns]
    unknown = [name for name in frame.columns if name not in schema]
    retyped = {
        name: (str(dtype), str(frame.schema[name]))
        for name, dtype in schema.items()
        if name in frame.columns and frame.schema[name] != dtype
    }
    if not (missing or unknown or retyped):
        retyped = _not_finite(frame)
    if missing or unknown or retyped:
        raise ContractShapeError(contract.table, missing=missing, unknown=unknown, retyped=retyped)
    return frame.select(schema.names())


def _not_finite(frame: pl.DataFrame) -> dict[str, tuple[str, str]]:
    floats = [name for name, dtype in frame.schema.items() if dtype == pl.Float64]
    if not floats:
        return {}
    counts = frame.select((~pl.col(floats).is_finite()).sum()).row(0, named=True)
    return {
        name: ("Float64 of finite numbers", f"Float64 with {count} of NaN or infinity")
        for name, count in counts.items()
        if count
    }
