"""What a stage depends on, as short texts that change when it would come out differently.

Holds the fingerprint of the code, of the indexes and of what landed. A build compares them
with those of earlier runs to leave out what is done.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from r2k_pipeline.contracts.load import contracts_dir
from r2k_pipeline.orchestration.correction_causes import landings
from r2k_pipeline.sources.fundamentals_file import fundamentals_bytes

if TYPE_CHECKING:
    from r2k_pipeline.storage.store import Store

_DIGITS = 16


def digest(*parts: str) -> str:
    """Hash texts, in order, to 16 hex digits.

    Example:
        >>> digest("a", "b") == digest("ab")
        False
    """
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(f"{len(part)}:{part}".encode())
    return hashed.hexdigest()[:_DIGITS]


@cache
def code_fingerprint() -> str:
    """Hash every Python, YAML and CSV file of the package, and every contract."""
    package = Path(str(files("r2k_pipeline")))
    sources = [path for suffix in ("*.py", "*.yaml", "*.csv") for path in package.rglob(suffix)]
    found = sorted({*sources, *contracts_dir().glob("*.yaml")})
    return digest(*(f"{path.name}\n{path.read_text(encoding='utf-8')}" for path in found))


def family_fingerprint(store: Store) -> str:
    """Hash every index of a store, with the lists that its entries name."""
    return digest(*(repr(index) for index in store.family.values()))


def fundamentals_fingerprint(store: Store) -> str:
    """Hash the user's fundamentals; of none if there is no file."""
    data = fundamentals_bytes(store.settings.fundamentals_file)
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


def raw_fingerprint(store: Store) -> str:
    """Hash which raw rows landed when: changes with every landing that wrote something."""
    return digest(*(str(row) for row in landings(store).iter_rows()))


def overrides_fingerprint(store: Store) -> str:
    """Hash what was recorded and withdrawn by hand; it never comes back to an earlier one."""
    return digest(*(str(row) for row in store.published.read("overrides").iter_rows()))
