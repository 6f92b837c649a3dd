"""What the documents in docs/ point at exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted((ROOT / "docs").glob("*.md"))
STATUSES = {"yes", "proxy", "given", "no data", "n/a"}


def coverage_rows() -> list[list[str]]:
    """Cells of the coverage table: section, rule, status, where."""
    text = (ROOT / "docs" / "methodology_coverage.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in text.split("\n|")[3:]]
    return [row[:4] for row in rows]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_path_of_a_document_exists(document: Path) -> None:
    named = re.findall(
        r"`((?:r2k_pipeline|r2k_pipeline_tests|data_contracts|docs|benchmarks)/[^`\s]*)`",
        document.read_text(encoding="utf-8"),
    )
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_rule_of_the_methodology_has_a_status_and_a_place() -> None:
    rows = coverage_rows()
    assert len(rows) > 30
    assert {row[2] for row in rows} <= STATUSES
    assert [row for row in rows if row[2] in {"yes", "proxy", "given"} and not row[3]] == []
