"""The reference file of issuers whose kind no name tells."""

from __future__ import annotations

from importlib.resources import files

import polars as pl
import pytest

from r2k_pipeline.rulebook.reasons import LineType


@pytest.fixture(scope="module")
def kinds() -> pl.DataFrame:
    file = files("r2k_pipeline.rulebook") / "reference" / "issuer_kinds.csv"
    return pl.read_csv(file.read_bytes())


def test_every_row_is_complete_and_its_kind_is_a_line_type(kinds: pl.DataFrame) -> None:
    assert sum(kinds.drop("last_year").null_count().row(0)) == 0
    assert set(kinds["kind"]) <= {kind.value for kind in LineType}
    assert kinds["source"].str.starts_with("SEC ").all()


def test_rows_are_in_order_and_say_nothing_twice(kinds: pl.DataFrame) -> None:
    assert kinds.select("symbol", "company").is_unique().all()
    assert kinds["symbol"].to_list() == sorted(kinds["symbol"])


def test_all_classes_of_a_tracked_group_name_it_in_the_same_words(kinds: pl.DataFrame) -> None:
    # The words are what joins them; a group has a symbol root of its own.
    groups = kinds.filter(pl.col("kind") == LineType.TRACKING_STOCK.value).group_by(
        root=pl.col("symbol").str.head(4)
    )
    named = groups.agg(pl.col("company").n_unique(), classes=pl.len())
    assert named["company"].to_list() == [1] * named.height
    assert named["classes"].min() == 2  # no group has a class that the file forgot


def test_a_symbol_has_one_kind_at_a_time(kinds: pl.DataFrame) -> None:
    spans = kinds.with_columns(last=pl.col("last_year").fill_null(9999)).sort(
        "symbol", "first_year"
    )
    assert (spans["first_year"] <= spans["last"]).all()
    assert spans.filter(pl.col("first_year") <= pl.col("last").shift().over("symbol")).is_empty()
