"""Dagster's own home: where it lies, and the configuration written into it.

The configuration is the packaged ``dagster.yaml``, the same text as the one at the top of
a checkout, with the folder filled in. Keep out what runs (`build`) and what is shown (`ui`).
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef

if TYPE_CHECKING:
    from pathlib import Path

    from r2k_pipeline.settings import Settings

_CONFIG_NAME = "dagster.yaml"
# A build in this process draws its own progress; Dagster's capture would swallow it.
_IN_PROCESS = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}


def packaged_config() -> str:
    """Return the text of ``dagster.yaml`` as it comes with the package.

    Example:
        >>> "telemetry" in packaged_config()
        True
    """
    return files("r2k_pipeline.orchestration").joinpath(_CONFIG_NAME).read_text(encoding="utf-8")


def write_config(settings: Settings) -> Path:
    """Write ``dagster.yaml`` into Dagster's home and return that folder.

    Equal text is left alone, so a running UI does not see its file change.
    """
    config: dict[str, Any] = yaml.safe_load(packaged_config())
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    config["storage"]["custom"].setdefault("config", {})["base_dir"] = str(home)
    text = yaml.safe_dump(config, sort_keys=False)
    target = home / _CONFIG_NAME
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        staged = target.with_suffix(".staged")
        staged.write_text(text, encoding="utf-8")
        staged.replace(target)
    return home


def open_instance(settings: Settings) -> DagsterInstance:
    """Open Dagster's instance for runs in this process; close it, best with `with`."""
    home = write_config(settings)
    reference = InstanceRef.from_dir(str(home), overrides=_IN_PROCESS)
    return DagsterInstance.from_ref(reference)
