"""Dagster's own home: where it lies, the configuration written into it, and its first use.

The configuration is the packaged ``dagster.yaml``, the same text as the one at the top of
a checkout, with the folder filled in. Keep out what runs (`build`) and what is shown (`ui`).
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from sqlalchemy.exc import SQLAlchemyError

from r2k_pipeline.errors import R2kError, StorageError
from r2k_pipeline.orchestration.causes import causes
from r2k_pipeline.orchestration.event_log import BatchedSqliteStorage
from r2k_pipeline.storage.home import prepare_home, setup_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from r2k_pipeline.settings import Settings

_CONFIG_NAME = "dagster.yaml"
# Databases of the embedded storage, by folder; `history` is moved into place last.
_FIRST_MADE, _LAST_MADE = "schedules", "history"
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
    """Make Dagster's home ready, with its ``dagster.yaml`` and databases; return that folder.

    Equal text is left alone, so a running UI does not see its file change. Several processes
    may use a new home at once: one makes it ready, the others wait for it.

    Raises:
        StorageError: The folder cannot be written.
    """
    config: dict[str, Any] = yaml.safe_load(packaged_config())
    home = settings.dagster_home
    config["storage"]["custom"].setdefault("config", {})["base_dir"] = str(home)
    text = yaml.safe_dump(config, sort_keys=False)
    with setup_lock(settings.home):
        prepare_home(home)
        try:
            _write_if_other(home / _CONFIG_NAME, text)
            with _record_errors(home):
                _make_databases(home)
        except OSError as error:
            raise StorageError(
                f"Dagster's home {home} cannot be written: {error.strerror or error}",
                state="nothing was run",
                remedy="free some disk, or set R2K_HOME to a folder that you may write",
            ) from error
    return home


def _write_if_other(target: Path, text: str) -> None:
    if target.exists() and target.read_text(encoding="utf-8") == text:
        return
    staged = target.with_suffix(".staged")
    staged.write_text(text, encoding="utf-8")
    staged.replace(target)


def _make_databases(home: Path) -> None:
    """Make the databases of a new home beside it and move them into place.

    Dagster takes one that a killed process left half made for one of an older version, and
    refuses it ever after.
    """
    if (home / _LAST_MADE).exists():
        return
    staged = home / "staged"
    shutil.rmtree(staged, ignore_errors=True)
    shutil.rmtree(home / _FIRST_MADE, ignore_errors=True)
    storage = BatchedSqliteStorage(str(staged))
    storage.dispose()
    for folder in (_FIRST_MADE, _LAST_MADE):
        (staged / folder).replace(home / folder)
    shutil.rmtree(staged, ignore_errors=True)


@contextmanager
def open_instance(settings: Settings) -> Iterator[DagsterInstance]:
    """Open Dagster's instance for runs in this process, and close it again.

    Raises:
        StorageError: Dagster's home or its databases cannot be used, now or later inside.
    """
    home = write_config(settings)
    reference = InstanceRef.from_dir(str(home), overrides=_IN_PROCESS)
    with _record_errors(home), DagsterInstance.from_ref(reference) as instance:
        yield instance


@contextmanager
def _record_errors(home: Path) -> Iterator[None]:
    """Tell of a failing database of Dagster's as of any other."""
    try:
        yield
    except R2kError:
        raise
    except Exception as error:
        failed = next((e for e in causes(error) if isinstance(e, SQLAlchemyError)), None)
        if failed is None:
            raise
        reason = " ".join(str(getattr(failed, "orig", None) or failed).split())
        raise StorageError(
            f"the records of runs in {home} cannot be used: {reason}",
            state="what was published stands, whole; the run under way does not count as done",
            remedy="check that the disk has room and can be written, then run again",
        ) from error
