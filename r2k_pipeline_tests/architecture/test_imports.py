"""The arrows of the architecture, and what importing a module may load.

import-linter reads its contracts from `pyproject.toml`; here they are run, and
proved able to fail by planting one violation of each in a copy of the package.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

HEAVY = ("dagster", "great_expectations", "pandas", "pyiceberg", "sqlalchemy")

PLANTED = {
    "an arrow that points up": (
        "reports/planted.py",
        "import r2k_pipeline.orchestration",
        "Arrows point down",
    ),
    "an arrow between siblings": (
        "storage/planted.py",
        "import r2k_pipeline.quality",
        "Arrows point down",
    ),
    "a module without a layer": ("planted.py", "", "Arrows point down"),
    "dagster below orchestration": (
        "methodology/planted.py",
        "import dagster",
        "Only orchestration knows Dagster",
    ),
    "pandas outside quality, inside a function": (
        "sources/planted.py",
        "def read() -> None:\n    import pandas",
        "Only quality knows Great Expectations",
    ),
    "a query that speaks SQL": (
        "queries/planted.py",
        "from sqlalchemy import text",
        "Only storage speaks to tables",
    ),
    "a rulebook that reads Parquet": (
        "rulebook/planted.py",
        "import pyarrow.parquet",
        "The index is pure",
    ),
    "a second importer of exchange_calendars": (
        "rulebook/planted.py",
        "import exchange_calendars",
        "One importer of exchange_calendars",
    ),
}


def linted(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT_IMPORTS, "--no-logo", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_import_contract_is_kept(project_root: Path) -> None:
    run = linted(project_root)
    assert run.returncode == 0, run.stdout + run.stderr
    assert " 0 broken." in run.stdout


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_found(name: str, project_root: Path, tmp_path: Path) -> None:
    path, code, contract = PLANTED[name]
    shutil.copy(project_root / "pyproject.toml", tmp_path)
    shutil.copytree(
        project_root / "r2k_pipeline",
        tmp_path / "r2k_pipeline",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (tmp_path / "r2k_pipeline" / path).write_text(code + "\n", encoding="utf-8")
    run = linted(tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert any(contract in line and "BROKEN" in line for line in run.stdout.splitlines())


def test_every_folder_of_modules_is_a_package(project_root: Path) -> None:
    # import-linter does not look into folders without __init__.py.
    folders = {module.parent for module in (project_root / "r2k_pipeline").rglob("*.py")}
    assert [f for f in sorted(folders) if not (f / "__init__.py").is_file()] == []


def loaded_by(modules: list[str]) -> set[str]:
    """The top-level modules in memory after a fresh interpreter imported `modules`."""
    code = "\n".join([f"import {name}" for name in modules])
    code += "\nimport sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def methodology_modules(project_root: Path) -> list[str]:
    package = project_root / "r2k_pipeline" / "methodology"
    paths = [path.relative_to(project_root).with_suffix("") for path in package.rglob("*.py")]
    return sorted(".".join(p.parts).removesuffix(".__init__") for p in paths)


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by(["r2k_pipeline"]).isdisjoint({*HEAVY, "polars"})


def test_importing_the_whole_methodology_loads_no_engine(project_root: Path) -> None:
    loaded = loaded_by(methodology_modules(project_root))
    assert "polars" in loaded
    assert loaded.isdisjoint({*HEAVY, "exchange_calendars", "pyarrow"})


def test_the_command_starts_without_the_slow_libraries() -> None:
    assert loaded_by(["r2k_pipeline.cli"]).isdisjoint({"great_expectations", "pandas"})
