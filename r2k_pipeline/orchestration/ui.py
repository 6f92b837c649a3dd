"""How Dagster's UI is started: the command line and the environment of `r2k ui`.

Holds values only; starting the process is the command's.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from r2k_pipeline.orchestration.instance import write_config

if TYPE_CHECKING:
    from r2k_pipeline.settings import Settings

LOOPBACK = "127.0.0.1"


def ui_command(settings: Settings, port: int) -> tuple[list[str], dict[str, str]]:
    """Return the command that serves the UI and runs the daemon, and its environment.

    Args:
        settings: Whose home is shown; they reach every run through the environment.
        port: Where to listen on the loopback address.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from r2k_pipeline.settings import Settings
        >>> with tempfile.TemporaryDirectory() as home:
        ...     command, environment = ui_command(Settings(home=Path(home)), 3070)
        >>> command[-2:], environment["DAGSTER_HOME"].endswith("dagster")
        (['--port', '3070'], True)
    """
    home = write_config(settings)
    command = [
        *(sys.executable, "-m", "dagster", "dev"),
        *("--module-name", "r2k_pipeline.definitions"),
        *("--host", LOOPBACK),
        *("--port", str(port)),
    ]
    given = {f"R2K_{name.upper()}": value for name, value in _given(settings).items()}
    return command, {**os.environ, **given, "DAGSTER_HOME": str(home)}


def _given(settings: Settings) -> dict[str, str]:
    values = {
        "home": str(settings.home.resolve()),
        "database_url": settings.database_url and settings.database_url.get_secret_value(),
        "warehouse": settings.warehouse,
        "source": settings.source,
        "source_path": settings.source_path,
    }
    return {name: value for name, value in values.items() if value}
