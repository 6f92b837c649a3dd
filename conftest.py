"""What holds for every test and every doctest: nothing outside the run is read or written.

It stands at the top level because doctests live in the package, beyond the
reach of `r2k_pipeline_tests/conftest.py`. Keep fixtures that tests ask for by
name out of here; they belong there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

# A developer's own values of these would change what a test sees or prints.
_FOREIGN = ("R2K_", "DAGSTER_", "POLARS_FMT_", "GX_", "FORCE_COLOR")


@pytest.fixture(scope="session", autouse=True)
def _isolated_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the run homes of its own, no telemetry, and a terminal of fixed width without colour."""
    home = tmp_path_factory.mktemp("home")
    dagster_home = home / "dagster"
    dagster_home.mkdir()
    (dagster_home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(_FOREIGN)]:
            patch.delenv(name)
        patch.setenv("R2K_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(dagster_home))
        patch.setenv("GX_ANALYTICS_ENABLED", "false")
        patch.setenv("NO_COLOR", "1")
        patch.setenv("COLUMNS", "120")
        yield
