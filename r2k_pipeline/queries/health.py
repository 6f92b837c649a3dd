"""Is this installation well: settings, versions, database, calendar, disk, tables.

Answers what somebody asks first when something is wrong, and shows no secret:
of a database URL only its kind, host and name. Add a line here when a question
to maintainers could have been answered by it.
"""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import polars as pl

from r2k_pipeline.contracts.load import contract, tables
from r2k_pipeline.contracts.model import Partitioning, Storage
from r2k_pipeline.errors import R2kError
from r2k_pipeline.queries.wording import NONE_SHOWN
from r2k_pipeline.rulebook.sessions import horizon
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.settings import Settings
    from r2k_pipeline.storage.store import Store

PACKAGES = (
    "r2k-pipeline",
    "dagster",
    "dagster-webserver",
    "polars",
    "pyarrow",
    "pyiceberg",
    "sqlalchemy",
    "great-expectations",
    "exchange-calendars",
)
_LEAST_FREE_GB = 2.0
_LEAST_HORIZON_DAYS = 60
_GIGABYTE = 1e9


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report.

    Args:
        section: What it is about.
        item: What was looked at.
        value: What was found, in words.
        is_well: False if somebody should act.
        remedy: What to do, if it is not well.
    """

    section: str
    item: str
    value: str
    is_well: bool = True
    remedy: str = ""


def health(settings: Settings, *, today: date) -> pl.DataFrame:
    """Examine an installation.

    Args:
        settings: The settings in force.
        today: The day from which the calendar must still reach ahead.

    Returns:
        One row per finding: `section`, `item`, `value`, `is_well`, `remedy`.
        Nothing is raised for an ill store: that is a finding.
    """
    findings = [
        *_settings(settings),
        *(Finding(section="versions", item=name, value=_version(name)) for name in PACKAGES),
        Finding(section="versions", item="python", value=platform.python_version()),
        _calendar(today),
        _disk(settings),
        *_store(settings),
    ]
    return pl.DataFrame([vars(finding) for finding in findings])


def database_shown(url: str) -> str:
    """Name a database without user, password or query.

    Example:
        >>> database_shown("postgresql+psycopg2://me:secret@db.example/r2k?sslmode=require")
        'postgresql+psycopg2://db.example/r2k'
        >>> database_shown("sqlite:////data/r2k.db")
        'sqlite:////data/r2k.db'
    """
    try:
        parsed = urlsplit(url)
        port = f":{parsed.port}" if parsed.port else ""
    except ValueError:
        return "not a database URL"
    if not parsed.scheme:
        return "not a database URL"
    return f"{parsed.scheme}://{parsed.hostname or ''}{port}{parsed.path}"


def _settings(settings: Settings) -> list[Finding]:
    shown = {
        "home": str(settings.home.resolve()),
        "database": database_shown(settings.database.get_secret_value()),
        "warehouse": settings.warehouse_uri.rpartition("@")[2],
        "source": settings.source or NONE_SHOWN,
        "dagster home": str(settings.dagster_home),
        "reports": str(settings.reports_dir),
    }
    return [Finding(section="settings", item=item, value=value) for item, value in shown.items()]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed as a package"


def _calendar(today: date) -> Finding:
    last = horizon()
    is_well = (last - today).days >= _LEAST_HORIZON_DAYS
    return Finding(
        section="calendar",
        item="last known session",
        value=str(last),
        is_well=is_well,
        remedy="" if is_well else "update exchange-calendars",
    )


def _disk(settings: Settings) -> Finding:
    folder = settings.home.resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free / _GIGABYTE
    is_well = free >= _LEAST_FREE_GB
    return Finding(
        section="disk",
        item="free",
        value=f"{free:,.1f} GB",
        is_well=is_well,
        remedy="" if is_well else f"make room: less than {_LEAST_FREE_GB:g} GB is left",
    )


def _store(settings: Settings) -> list[Finding]:
    try:
        store = open_store(settings)
    except R2kError as error:
        return [
            Finding(
                section="store",
                item="database",
                value=error.culprit,
                is_well=False,
                remedy=error.remedy,
            )
        ]
    reachable = Finding(section="store", item="database", value="reachable")
    return [reachable, *(_table(store, table) for table in tables())]


def _table(store: Store, table: str) -> Finding:
    """Count one table and name its first and last partition; a table that fails says so."""
    promised = contract(table)
    try:
        column = promised.partition_column
        columns = [column] if column else list(promised.key[:1]) or [promised.columns[0].name]
        if promised.storage is Storage.LAKE:
            frame = store.lake.scan(table).select(columns).collect()
        else:
            frame = store.published.read(table, columns=columns)
    except R2kError as error:
        return Finding(
            section="tables",
            item=table,
            value=error.culprit,
            is_well=False,
            remedy=error.remedy,
        )
    if frame.is_empty():
        return Finding(section="tables", item=table, value="empty")
    if promised.partitioning is Partitioning.NONE:
        return Finding(section="tables", item=table, value=f"{frame.height:,} rows")
    keys = frame.get_column(columns[0])
    first, last = keys.min(), keys.max()
    return Finding(
        section="tables",
        item=table,
        value=f"{frame.height:,} rows, {keys.n_unique():,} partitions, {first!s} to {last!s}",
    )
