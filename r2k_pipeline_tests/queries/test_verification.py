"""The recomputation finds a level that does not follow, and only that."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.errors import MissingPartitionError
from r2k_pipeline.queries.verification import compare, first_difference, recompute, verify
from r2k_pipeline.rulebook.family import family

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store

DAYS = [date(2024, 6, 26), date(2024, 6, 27), date(2024, 6, 28)]


def values(*amounts: float) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "index_id": "r2000",
            "session": DAYS[: len(amounts)],
            "market_value_usd": amounts,
            "members": 2,
        }
    )


def ledger(*rows: tuple[date, str, float, float, float]) -> pl.DataFrame:
    columns = ["session", "cause", "market_value_after_usd", "factor", "gross_return_factor"]
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        index_id=pl.lit("r2000"), net_return_factor=pl.col("gross_return_factor")
    )


def test_levels_by_hand() -> None:
    # Base 500 USD = 1000 points. A line worth 100 enters at the second open: factor 1.2.
    # On the third session one per cent of the value is paid out.
    found = recompute(
        values(500.0, 630.0, 660.0),
        ledger(
            (DAYS[0], "base", 500.0, 1.0, 1.0),
            (DAYS[1], "reconstitution", 600.0, 1.2, 1.0),
            (DAYS[2], "dividend", 660.0, 1.0, 1.01),
        ),
        family=family(),
    )
    assert found["divisor"].to_list() == pytest.approx([0.5, 0.6, 0.6])
    assert found["price_level"].to_list() == pytest.approx([1000.0, 1050.0, 1100.0])
    assert found["total_return_level"].to_list() == pytest.approx([1000.0, 1050.0, 1111.0])


def test_a_built_store_has_no_difference(history: Store) -> None:
    found = verify(history)
    assert found.differences.is_empty()
    assert first_difference(found) is None
    assert found.indexes["index_id"].to_list() == sorted(family())
    assert found.indexes["sessions"].to_list() == [21] * len(family())


def test_a_range_is_verified_alone(history: Store) -> None:
    found = verify(history, start=date(2022, 6, 28), end=date(2022, 6, 29))
    assert found.differences.is_empty()
    assert found.indexes["sessions"].to_list() == [2] * len(family())


def test_one_changed_level_is_named(history: Store) -> None:
    published = history.published.read("levels", start=DAYS[0].replace(year=2022, month=6))
    is_one = (pl.col("index_id") == "r2000") & (pl.col("session") == date(2022, 6, 29))
    changed = published.with_columns(
        price_level=pl.when(is_one).then(pl.col("price_level") * 1.0001).otherwise("price_level")
    )
    found = compare(changed, published)
    assert found.differences.height == 1
    assert (first_difference(found) or "").startswith("r2000 price_level on 2022-06-29: published")


def test_a_session_on_one_side_only_is_a_difference(history: Store) -> None:
    published = history.published.read("levels")
    found = compare(published, published.filter(pl.col("session") < date(2022, 7, 1)))
    assert set(found.differences["session"]) == {date(2022, 7, 1)}
    assert "recomputed nothing" in (first_difference(found) or "")


def test_a_range_without_levels_says_so(history: Store) -> None:
    with pytest.raises(MissingPartitionError):
        verify(history, start=date(2024, 1, 2))
