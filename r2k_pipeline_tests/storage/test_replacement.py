"""One replacement against a table that moves on, and a table that is older than its contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.schema import Schema

from r2k_pipeline.contracts.iceberg_schema import iceberg_schema, partition_spec
from r2k_pipeline.contracts.load import contract
from r2k_pipeline.errors import StorageError
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.lake import Lake, open_lake
from r2k_pipeline.storage.replacement import Replacement
from r2k_pipeline.storage.scope import Scope
from r2k_pipeline_tests.storage.kept_rows import JULY_1, JUNE_24, JUNE_27, closes, listings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from pyiceberg.table import Table


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with open_lake(Settings(home=tmp_path)) as opened:
        frame = listings([JUNE_24, JUNE_27])
        opened.replace("raw_listings", frame, start=JUNE_24, end=JUNE_27)
        yield opened


def loaded(lake: Lake) -> Table:
    return lake._catalog.load_table(("r2k", "raw_listings"))


def write(lake: Lake, session: date, version: float) -> None:
    frame = listings([session], version=version)
    lake.replace("raw_listings", frame, start=session, end=session)


def replacement(session: date, version: float) -> Replacement:
    return Replacement(
        contract("raw_listings"),
        listings([session], version=version),
        scope=Scope(start=session, end=session),
        note={},
    )


def test_a_commit_in_between_is_noticed_and_nothing_is_promoted(lake: Lake) -> None:
    stale = loaded(lake)
    write(lake, JULY_1, 3.0)
    before = closes(lake)
    late = replacement(JUNE_24, 5.0)
    with pytest.raises(CommitFailedException):
        late.promote(stale)
    assert closes(lake) == before
    assert late.promoted_paths == frozenset()


def test_a_second_try_reuses_what_another_month_did_not_change(lake: Lake) -> None:
    stale = loaded(lake)
    write(lake, JULY_1, 3.0)
    late = replacement(JUNE_24, 5.0)
    with pytest.raises(CommitFailedException):
        late.promote(stale)
    staged = late.staged_paths
    late.promote(loaded(lake))
    assert late.promoted_paths == late.staged_paths == staged
    assert closes(lake) == {JUNE_24: [5.0, 6.0], JUNE_27: [1.0, 2.0], JULY_1: [3.0, 4.0]}


def test_a_second_try_keeps_what_the_same_month_gained(lake: Lake) -> None:
    stale = loaded(lake)
    write(lake, JUNE_27, 3.0)
    late = replacement(JUNE_24, 5.0)
    with pytest.raises(CommitFailedException):
        late.promote(stale)
    late.promote(loaded(lake))
    assert len(late.staged_paths) == 2
    assert closes(lake) == {JUNE_24: [5.0, 6.0], JUNE_27: [3.0, 4.0]}


def older_table(lake: Lake, *, without: str) -> None:
    """A table as a former version of the package made it."""
    promised = contract("raw_listings")
    lake._catalog.drop_table(("r2k", "raw_listings"))
    fields = [field for field in iceberg_schema(promised).fields if field.name != without]
    lake._catalog.create_table(
        ("r2k", "raw_listings"), Schema(*fields), partition_spec=partition_spec(promised)
    )


def test_a_column_that_the_contract_gained_is_added(lake: Lake) -> None:
    older_table(lake, without="name")
    write(lake, JUNE_24, 1.0)
    assert loaded(lake).schema().column_names[-1] == "name"
    assert lake.scan("raw_listings").collect().equals(listings([JUNE_24]))
    write(lake, JUNE_27, 3.0)
    assert closes(lake) == {JUNE_24: [1.0, 2.0], JUNE_27: [3.0, 4.0]}


def test_rows_of_before_a_column_was_gained_have_null_there(lake: Lake) -> None:
    older_table(lake, without="name")
    table = loaded(lake)
    table.append(listings([JUNE_24]).drop("name").to_arrow().cast(table.schema().as_arrow()))
    assert lake.scan("raw_listings").collect()["name"].to_list() == [None, None]
    write(lake, JUNE_27, 3.0)
    names = lake.scan("raw_listings", start=JUNE_24, end=JUNE_24).collect()["name"].to_list()
    assert names == [None, None]


def test_a_column_that_must_be_filled_cannot_be_added(lake: Lake) -> None:
    older_table(lake, without="source")
    with pytest.raises(StorageError, match="the stored raw_listings differs from its contract"):
        write(lake, JUNE_24, 1.0)
