"""A report appears whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.reports.files import write_file

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    write_file("old", target)
    assert write_file("new", target) == target
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [
        ("report.html", "new")
    ]


def test_a_target_that_is_a_folder_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(BadInputError, match="cannot be written"):
        write_file("new", tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInputError, match="cannot be written"):
        write_file("new", tmp_path / "file" / "report.html")
