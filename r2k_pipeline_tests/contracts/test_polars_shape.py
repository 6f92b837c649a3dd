"""A frame fits its contract by name and type, or is refused with every difference named."""

from __future__ import annotations

import polars as pl
import pytest

from r2k_pipeline.contracts.load import contract, tables
from r2k_pipeline.contracts.polars_shape import empty_frame, polars_schema, require_shape
from r2k_pipeline.errors import ContractShapeError

SIGNALS = contract("signals")


@pytest.mark.parametrize("table", tables())
def test_an_empty_frame_has_the_shape(table: str) -> None:
    frame = empty_frame(contract(table))

    assert require_shape(contract(table), frame).schema == polars_schema(contract(table))


def test_columns_are_matched_by_name() -> None:
    shuffled = empty_frame(SIGNALS).select(reversed(SIGNALS.names))

    assert require_shape(SIGNALS, shuffled).columns == list(SIGNALS.names)


def test_every_difference_is_named_at_once() -> None:
    wrong = empty_frame(SIGNALS).drop("value").with_columns(pl.lit(1).alias("extra"))
    wrong = wrong.with_columns(pl.col("position").cast(pl.Float32))
    with pytest.raises(ContractShapeError) as caught:
        require_shape(SIGNALS, wrong)

    assert caught.value.missing == ("value",)
    assert caught.value.unknown == ("extra",)
    assert caught.value.retyped == {"position": ("Float64", "Float32")}


@pytest.mark.parametrize(
    "dtype", [pl.Datetime("us"), pl.Datetime("ms", "UTC"), pl.Datetime("us", "Europe/Paris")]
)
def test_a_moment_is_in_utc_with_microseconds(dtype: pl.DataType) -> None:
    log = empty_frame(contract("provenance")).with_columns(pl.lit(None, dtype).alias("written_at"))

    with pytest.raises(ContractShapeError, match="written_at"):
        require_shape(contract("provenance"), log)


def test_nothing_is_cast() -> None:
    levels = empty_frame(contract("levels")).with_columns(pl.col("members").cast(pl.Int64))

    with pytest.raises(ContractShapeError, match="members is Int64, expected Int32"):
        require_shape(contract("levels"), levels)


def test_nulls_are_left_to_the_rules() -> None:
    row = pl.DataFrame({name: [None] for name in SIGNALS.names}, schema=polars_schema(SIGNALS))

    assert require_shape(SIGNALS, row).equals(row)
