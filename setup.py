"""What `pyproject.toml` cannot say: a wheel carries a copy of `data_contracts/`.

The contracts stand at the top level, where people read them without Python. A
checkout (and so an editable install) reads them there; a wheel has no top level,
so the build puts a copy inside the package. Everything else about the package
is declared in `pyproject.toml`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

_CONTRACTS = "data_contracts"


class BuildWithContracts(build_py):
    """Build the package, then lay the contracts inside it."""

    def run(self) -> None:
        """Copy `data_contracts/` into the built package, unless the build is an editable one."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "r2k_pipeline" / _CONTRACTS
            shutil.copytree(_CONTRACTS, target, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithContracts})
