"""A store as a whole: opening, reopening, and homes that cannot be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.errors import StorageError
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.home import prepare_home, setup_lock
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.storage.kept_rows import JUNE_24, NOON, closes, levels, listings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_store_keeps_what_it_was_given(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "new" / "home")
    with open_store(settings) as store:
        store.lake.replace("raw_listings", listings([JUNE_24]), start=JUNE_24, end=JUNE_24)
        store.published.replace(
            "levels", levels([JUNE_24]), known_at=NOON, start=JUNE_24, end=JUNE_24
        )
        sha256 = store.archive.keep(b"received", name="received.csv")
    with open_store(settings) as store:
        assert closes(store.lake) == {JUNE_24: [1.0, 2.0]}
        assert store.published.read("levels").equals(levels([JUNE_24]))
        with store.archive.open(sha256) as stream:
            assert stream.read() == b"received"


def test_a_warehouse_elsewhere_is_used(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse elsewhere"
    settings = Settings(home=tmp_path / "home", warehouse=str(warehouse))
    with open_store(settings) as store:
        store.lake.replace("raw_listings", listings([JUNE_24]), start=JUNE_24, end=JUNE_24)
        assert closes(store.lake) == {JUNE_24: [1.0, 2.0]}
    assert list(warehouse.rglob("*.parquet"))
    assert not list((tmp_path / "home").rglob("*.parquet"))


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file where the folder belongs", encoding="utf-8")
    with pytest.raises(StorageError, match=r"the home folder .* cannot be created") as caught:
        open_store(Settings(home=home))
    assert "R2K_HOME" in caught.value.remedy


def test_a_home_whose_lock_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "setup.lock").mkdir()
    with pytest.raises(StorageError, match=r"setup\.lock cannot be written"), setup_lock(tmp_path):
        pass


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "r2k.db").write_text("not a database " * 100, encoding="utf-8")
    with pytest.raises(StorageError, match="file is not a database"):
        open_store(Settings(home=tmp_path))


def test_the_lock_is_free_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), setup_lock(tmp_path):
        raise RuntimeError
    with setup_lock(tmp_path):
        assert prepare_home(tmp_path).is_dir()
