"""The small history, stored once for every question in this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import Store, open_store
from r2k_pipeline_tests.small_history import write_small_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The store of `small_history`, open; tests only read it."""
    settings = Settings(home=tmp_path_factory.mktemp("history"))
    write_small_history(settings)
    with open_store(settings) as store:
        yield store


@pytest.fixture
def empty_store(tmp_path: Path) -> Iterator[Store]:
    """A store in which nothing has landed yet."""
    with open_store(Settings(home=tmp_path)) as store:
        yield store
