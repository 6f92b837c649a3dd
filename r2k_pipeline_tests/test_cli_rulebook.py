"""`r2k rulebook`: what it prints, in every format, and what it refuses."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING

import polars as pl
import pytest
from typer.testing import CliRunner

from r2k_pipeline.cli import app

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


def r2k(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["rulebook", *arguments])


def test_the_rules_of_a_year_are_shown_with_certainty() -> None:
    found = r2k("show", "2022")
    assert found.exit_code == 0
    assert found.stdout.startswith("Rules of 2022-05-06")
    assert "band_at_1000" in found.stdout
    assert "official" in found.stdout


def test_machines_get_every_column() -> None:
    rows = json.loads(r2k("show", "2022", "--format", "json").stdout)
    band = next(row for row in rows if row["rule"] == "band_at_1000")
    assert band["value"] == "0.025"
    assert "31 May 2007" in band["source"]
    found = pl.read_csv(BytesIO(r2k("diff", "2022", "2026", "--format", "csv").stdout_bytes))
    assert found.columns == ["rule", "before", "after", "since", "certainty", "source", "note"]
    assert "fast_entry_rank" in found["rule"].to_list()


def test_a_diff_may_name_days(tmp_path: Path) -> None:
    out = tmp_path / "changed.parquet"
    found = r2k("diff", "2004-08-30", "2004-08-31", "--out", str(out))
    assert found.exit_code == 0
    assert pl.read_parquet(out)["rule"].to_list() == ["has_ipo_additions"]


@pytest.mark.parametrize("day", ["1066", "soon", "2022-13-01"])
def test_a_day_that_the_rulebook_does_not_know_is_bad_usage(day: str) -> None:
    assert r2k("show", day).exit_code == 2


def test_an_effect_without_listings_says_what_to_do(tmp_path: Path) -> None:
    found = r2k("diff", "2022", "2006", "--effect", "2022-06", "--home", str(tmp_path))
    assert found.exit_code == 1
    assert "raw_listings" in found.stderr
    assert "remedy" in found.stderr
