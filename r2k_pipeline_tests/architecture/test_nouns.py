"""Know one noun of the index, and you know where everything about it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

NOUNS = ("universe", "ranking", "reconstitution", "levels", "signals")


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize(
    "place",
    [
        "data_contracts/{noun}.yaml",
        "r2k_pipeline/methodology/{noun}",
        "r2k_pipeline/orchestration/assets/{noun}",
        "r2k_pipeline_tests/methodology/test_{noun}",
    ],
)
def test_each_noun_stands_in_each_place(project_root: Path, noun: str, place: str) -> None:
    path = project_root / place.format(noun=noun)
    spellings = (path, path.with_suffix(".py"), path / "__init__.py")
    assert any(spelling.is_file() for spelling in spellings), f"{path.name} is missing"
