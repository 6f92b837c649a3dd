"""A contract that changed since its release says so in its version.

Invariants: what equals its release needs no new version; a major version tells every change;
a version never falls.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from r2k_pipeline.contracts import released
from r2k_pipeline.contracts.load import contract, tables
from r2k_pipeline.contracts.released import (
    promise_of,
    release,
    released_promises,
    untold_changes,
)
from r2k_pipeline.errors import R2kError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Edit = Callable[[dict[str, Any]], object]

# Each with the least version that tells it, after 1.2.3.
EDITS: dict[str, tuple[Edit, str, str]] = {
    "a removed column": (
        lambda p: p["columns"].pop("value"),
        "column value is gone",
        "2.0.0",
    ),
    "a retyped column": (
        lambda p: p["columns"]["value"].update(type="int64"),
        "column value was float64 and is int64",
        "2.0.0",
    ),
    "a column made non-null": (
        lambda p: p["columns"]["value"].update(nullable=False),
        "column value may no longer be null",
        "2.0.0",
    ),
    "a column made nullable": (
        lambda p: p["columns"]["position"].update(nullable=True),
        "column position may be null",
        "2.0.0",
    ),
    "another key": (
        lambda p: p["key"].pop(),
        "key was ['index_id', 'session', 'signal'] and is ['index_id', 'session']",
        "2.0.0",
    ),
    "another store": (
        lambda p: p.update(storage="lake"),
        "storage was published and is lake",
        "2.0.0",
    ),
    "an added column": (
        lambda p: p["columns"].update(strength={"type": "float64", "nullable": True}),
        "column strength is new",
        "1.3.0",
    ),
    "an added rule": (
        lambda p: p["rules"].update(it_rains="warn"),
        "rule it_rains was not there and is warn",
        "1.3.0",
    ),
    "a rule that now only warns": (
        lambda p: p["rules"].update(signals_are_traded_later="warn"),
        "rule signals_are_traded_later was error and is warn",
        "1.3.0",
    ),
    "a removed rule": (
        lambda p: p["rules"].pop("signals_are_traded_later"),
        "rule signals_are_traded_later was error and is gone",
        "1.3.0",
    ),
}


def old_and_new(edit: Edit, version: str) -> tuple[dict[str, Any], dict[str, Any]]:
    old = promise_of(contract("signals")) | {"version": "1.2.3"}
    new = deepcopy(old) | {"version": version}
    edit(new)
    return old, new


@pytest.mark.parametrize("table", tables())
def test_a_contract_tells_in_its_version_what_changed_since_its_release(table: str) -> None:
    now = promise_of(contract(table))

    assert untold_changes(released_promises().get(table, now), now) == []


def test_no_released_table_is_gone() -> None:
    assert set(released_promises()) <= set(tables())


@pytest.mark.parametrize(("edit", "told", "needed"), EDITS.values(), ids=EDITS.keys())
def test_a_change_needs_its_version(edit: Edit, told: str, needed: str) -> None:
    assert untold_changes(*old_and_new(edit, "1.2.3")) == [f"{told}: 1.2.3 has to become {needed}"]
    assert len(untold_changes(*old_and_new(edit, "1.2.4"))) == 1
    assert untold_changes(*old_and_new(edit, needed)) == []
    assert untold_changes(*old_and_new(edit, "2.0.0")) == []
    assert bool(untold_changes(*old_and_new(edit, "1.3.0"))) is (needed == "2.0.0")


@pytest.mark.parametrize("version", ["1.2.2", "1.1.9", "0.9.0"])
def test_a_version_never_falls(version: str) -> None:
    old, new = old_and_new(lambda _: None, version)

    assert untold_changes(old, new) == [f"version {version} is lower than the released 1.2.3"]


@pytest.mark.parametrize("version", ["1.2", "v1.2.3", "1.02.0", "1.2.3-rc1"])
def test_a_version_is_three_numbers(version: str) -> None:
    with pytest.raises(R2kError, match="no semantic version"):
        untold_changes(*old_and_new(lambda _: None, version))


def test_a_release_is_written_once_every_change_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(released, "contracts_dir", lambda: tmp_path)

    assert release() == f"released.json: {len(tables())} contracts released"
    written = json.loads((tmp_path / "released.json").read_text())
    assert written == {table: promise_of(contract(table)) for table in tables()}

    written["signals"]["columns"]["strength"] = {"type": "float64", "nullable": True}
    (tmp_path / "released.json").write_text(json.dumps(written))
    with pytest.raises(R2kError, match="signals: column strength is gone"):
        release()
    assert json.loads((tmp_path / "released.json").read_text()) == written
