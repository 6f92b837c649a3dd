"""Contract -> Iceberg and Arrow: how a bulk table is laid out.

Add here what the lake needs to know of a contract's columns. Files, catalogs and
commits belong to `storage.lake`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import MonthTransform
from pyiceberg.types import (
    BooleanType,
    DateType,
    DoubleType,
    IcebergType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
)

from r2k_pipeline.contracts.model import Partitioning

if TYPE_CHECKING:
    from r2k_pipeline.contracts.model import Contract

_TYPES: dict[pl.DataType, tuple[pa.DataType, IcebergType]] = {
    pl.Date(): (pa.date32(), DateType()),
    # Large strings are what Polars writes, so a frame needs no copy to fit the schema.
    pl.String(): (pa.large_string(), StringType()),
    pl.Boolean(): (pa.bool_(), BooleanType()),
    pl.Float64(): (pa.float64(), DoubleType()),
    pl.Int64(): (pa.int64(), LongType()),
    pl.Int32(): (pa.int32(), IntegerType()),
    pl.Datetime("us", "UTC"): (pa.timestamp("us", "UTC"), TimestamptzType()),
}
# Iceberg numbers partition fields from 1000 on.
_FIRST_PARTITION_FIELD = 1000


def arrow_schema(contract: Contract) -> pa.Schema:
    """The contract's columns as Arrow fields, required ones not nullable.

    Give it to `write_parquet(arrow_schema=...)`: Iceberg refuses a file whose
    required columns are optional.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> arrow_schema(contract("ranking")).field("rank")
        pyarrow.Field<rank: int32 not null>
    """
    return pa.schema([
        pa.field(column.name, _TYPES[column.dtype][0], nullable=column.nullable)
        for column in contract.columns
    ])  # fmt: skip


def iceberg_schema(contract: Contract) -> Schema:
    """The contract's columns as Iceberg fields, numbered from 1 in the contract's order.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> iceberg_schema(contract("ranking")).find_field("rank").required
        True
    """
    fields = [
        NestedField(
            field_id=position,
            name=column.name,
            field_type=_TYPES[column.dtype][1],
            required=not column.nullable,
            doc=column.description,
        )
        for position, column in enumerate(contract.columns, start=1)
    ]
    return Schema(*fields)


def partition_spec(contract: Contract) -> PartitionSpec:
    """By month of the session, or not at all.

    A month is one file of a few MB; a partition a session would make a file of
    some hundred kB each, thousands of them.

    Example:
        >>> from r2k_pipeline.contracts.load import contract
        >>> [field.name for field in partition_spec(contract("ranking")).fields]
        ['session_month']
    """
    if contract.partitioning is not Partitioning.SESSION:
        return PartitionSpec()
    session = iceberg_schema(contract).find_field("session").field_id
    return PartitionSpec(
        PartitionField(
            source_id=session,
            field_id=_FIRST_PARTITION_FIELD,
            transform=MonthTransform(),
            name="session_month",
        )
    )
