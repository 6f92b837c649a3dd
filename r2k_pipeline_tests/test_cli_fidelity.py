"""`r2k fidelity` on a small built store: table, JSON, names, report, history and refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from r2k_pipeline.cli import app
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.small_history import write_small_history

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fidelity")
    write_small_history(Settings(home=folder))
    return folder


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    folder = tmp_path / "truth"
    folder.mkdir()
    (folder / "members_2022-06-27.csv").write_text(
        "symbol,index\nRISE,R1000\nPNNY,R2000\n", encoding="utf-8"
    )
    return folder


def measured(home: Path, truth: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        app, ["fidelity", "--truth", str(truth), "--home", str(home), *arguments]
    )


def test_the_table_counts_and_does_not_name(home: Path, truth: Path, tmp_path: Path) -> None:
    found = measured(home, truth, "--out", str(tmp_path / "report.html"))
    assert found.exit_code == 0, found.output
    assert "members_2022-06-27: the members of indexes on a session" in found.stdout
    assert "price_below_minimum" in found.stdout
    assert "PNNY" not in found.stdout
    assert str(tmp_path / "report.html") in found.stderr.replace("\n", "")
    assert "PNNY" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_names_are_shown_when_asked_for(home: Path, truth: Path) -> None:
    assert "PNNY" in measured(home, truth, "--names").stdout
    named = json.loads(measured(home, truth, "--names", "--format", "json").stdout)
    assert {"side": "missed", "cause": "excluded", "reason": "price_below_minimum"}.items() <= next(
        row for row in named if row["symbol"] == "PNNY"
    ).items()


def test_each_measurement_is_kept(home: Path, truth: Path) -> None:
    rows = json.loads(measured(home, truth, "--format", "json").stdout)
    with open_store(Settings(home=home)) as store:
        kept = store.published.read("fidelity", where={"run_id": rows[0]["run_id"]})
    assert kept.height == len(rows)
    assert (home / "reports" / "fidelity.html").is_file()


def test_an_unknown_file_is_named_and_nothing_is_kept(home: Path, truth: Path) -> None:
    (truth / "shopping.csv").write_text("item,price\nmilk,1\n", encoding="utf-8")
    with open_store(Settings(home=home)) as store:
        before = store.published.read("fidelity").height
    refused = measured(home, truth)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("shopping.csv is not a file to compare with")
    assert "symbol,index" in refused.stderr
    with open_store(Settings(home=home)) as store:
        assert store.published.read("fidelity").height == before


def test_help_tells_the_formats() -> None:
    shown = CliRunner().invoke(app, ["fidelity", "--help"]).output
    for words in ("symbol,index", "iShares", "price_level", "--session", "Norgate"):
        assert words in shown
