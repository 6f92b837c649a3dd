"""Fixtures that any test may ask for, and how Hypothesis searches.

Add a fixture here only if several folders need it; a scenario belongs to the
module that tells it. Isolation from the machine is the top-level `conftest.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# CI repeats the same examples on each run, so that a red run is about the change; a
# developer's run keeps searching. No deadline: two shared cores make timings meaningless.
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("developer", deadline=None, max_examples=50)
settings.load_profile("ci" if os.environ.get("CI") else "developer")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where processes share the run, begin with the files that have slow tests.

    What takes long and comes last would leave the other processes idle.
    """
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The checkout: the folder of `pyproject.toml`."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data(project_root: Path) -> Path:
    """The folder of real market data beside the checkout; skips where there is none."""
    folder = project_root.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real market data are not part of the project: no ../shared/data here")
    return folder
