"""The pins are whole and checkable, and a wheel carries what the package reads."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from pathlib import Path

PIN = re.compile(r"([a-z0-9.-]+)==([^ ]+)((?: --hash=sha256:[0-9a-f]{64})+)")
BUILT_FROM = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def pins(project_root: Path) -> dict[str, str]:
    text = (project_root / "constraints.txt").read_text(encoding="utf-8")
    found = [PIN.fullmatch(line) for line in re.sub(r" \\\n +", " ", text).splitlines()]
    assert None not in found, "a line is not name==version with hashes"
    return {pin[1]: pin[2] for pin in found if pin}


@pytest.fixture(scope="module")
def project(project_root: Path) -> dict[str, Any]:
    return tomllib.loads((project_root / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_requirement_is_pinned_within_its_range(
    pins: dict[str, str], project: dict[str, Any]
) -> None:
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *chain.from_iterable(project["project"]["optional-dependencies"].values()),
    ]
    for requirement in map(Requirement, wanted):
        pinned = pins.get(canonicalize_name(requirement.name))
        assert pinned, f"{requirement} has no pin: run `make pins`"
        assert requirement.specifier.contains(pinned), f"{requirement} but {pinned} is pinned"


def imported_by_the_package(project_root: Path) -> set[str]:
    """Top-level names that any module of the package imports, wherever in the module."""
    names: set[str] = set()
    for path in (project_root / "r2k_pipeline").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=modules):
                    names |= {module.name.partition(".")[0] for module in modules}
                case ast.ImportFrom(module=str(name), level=0):
                    names.add(name.partition(".")[0])
    return names - sys.stdlib_module_names - {"r2k_pipeline"}


def test_every_import_is_declared(project_root: Path, project: dict[str, Any]) -> None:
    declared = {
        canonicalize_name(Requirement(line).name) for line in project["project"]["dependencies"]
    }
    shipped_by = packages_distributions()
    undeclared = {
        name
        for name in imported_by_the_package(project_root)
        if declared.isdisjoint(map(canonicalize_name, shipped_by.get(name, [])))
    }
    assert undeclared == set()


def test_every_pin_is_hashed_for_more_than_one_machine(project_root: Path) -> None:
    text = (project_root / "constraints.txt").read_text(encoding="utf-8")
    hashes = {block.split("==")[0]: block.count("--hash") for block in re.split(r"\n(?=\w)", text)}
    # Compiled for each platform and each Python, so one hash would fit one machine.
    assert {name: hashes[name] > 10 for name in ("numpy", "pyarrow", "orjson")} == {
        "numpy": True,
        "pyarrow": True,
        "orjson": True,
    }


@pytest.fixture(scope="module")
def wheel(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in BUILT_FROM:
        shutil.copy(project_root / name, source)
    for name in ("r2k_pipeline", "data_contracts"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(project_root / name, source / name, ignore=ignored)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", folder, source], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_a_wheel_carries_contracts_and_data_files(project_root: Path, wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    contracts = {p.name for p in (project_root / "data_contracts").iterdir() if p.is_file()}
    assert contracts
    assert {f"r2k_pipeline/data_contracts/{name}" for name in contracts} <= names
    data = {
        path.relative_to(project_root).as_posix()
        for path in (project_root / "r2k_pipeline").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert data <= names
    assert not [name for name in names if name.startswith("r2k_pipeline_tests")]


def test_an_installed_wheel_finds_its_contracts(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    ask = "from r2k_pipeline.contracts import load; print(load.contracts_dir(), *load.tables())"
    run = subprocess.run(
        [sys.executable, "-P", "-c", ask],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    folder, *tables = run.stdout.split()
    assert folder == str(tmp_path / "r2k_pipeline" / "data_contracts")
    assert "ranking" in tables
