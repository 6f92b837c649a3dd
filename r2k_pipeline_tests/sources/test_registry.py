"""Sources by name and path: what opens, and what is told about what does not."""

from __future__ import annotations

import subprocess
from datetime import date
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.errors import BadInputError, R2kError, SourceError
from r2k_pipeline.sources.registry import open_source
from r2k_pipeline.sources.synthetic.source import SyntheticSource
from r2k_pipeline.sources.us_stock_symbols.git_history import GitHistory
from r2k_pipeline.sources.us_stock_symbols.year_files import YearFiles
from r2k_pipeline_tests.sources.archives import evening, year_file

if TYPE_CHECKING:
    from pathlib import Path


def test_an_unknown_source_suggests_the_nearest() -> None:
    with pytest.raises(BadInputError) as caught:
        open_source("us-stock-symbls")
    assert caught.value.remedy == "did you mean us-stock-symbols?"


def test_a_hostile_name_is_only_quoted() -> None:
    with pytest.raises(BadInputError, match=r"no source \"'; DROP TABLE levels; --\""):
        open_source("'; DROP TABLE levels; --")


def test_the_synthetic_market_takes_no_path(tmp_path: Path) -> None:
    assert isinstance(open_source("synthetic"), SyntheticSource)
    with pytest.raises(BadInputError, match="no use for path"):
        open_source("synthetic", tmp_path)


def test_the_archive_needs_a_path() -> None:
    with pytest.raises(BadInputError, match="needs a path"):
        open_source("us-stock-symbols")


@pytest.mark.parametrize("path", ["nowhere", "../../no/such/place", "'; DROP TABLE levels"])
def test_a_path_that_is_not_there_is_named(path: str) -> None:
    with pytest.raises(BadInputError) as caught:
        open_source("us-stock-symbols", path)
    assert caught.value.culprit == f"no us-stock-symbols archive at {path}"


def test_a_folder_without_an_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing", encoding="utf-8")
    for place in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(BadInputError, match="no form of the us-stock-symbols archive"):
            open_source("us-stock-symbols", place)


def test_each_form_is_recognised(tmp_path: Path) -> None:
    file = year_file(tmp_path / "2022.parquet", {date(2022, 6, 24): evening(1)})
    assert isinstance(open_source("us-stock-symbols", tmp_path), YearFiles)
    assert isinstance(open_source("us-stock-symbols", str(file)), YearFiles)
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "bare")], check=True)
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "clone")], check=True)
    (tmp_path / "history.bundle").write_bytes(b"# v2 git bundle\n")
    for place in ("bare", "clone", "history.bundle"):
        assert isinstance(open_source("us-stock-symbols", tmp_path / place), GitHistory)
    assert isinstance(open_source("us-stock-symbols", "https://example.org/a.git"), GitHistory)


@pytest.mark.parametrize(
    "url",
    ["ext::sh -c 'touch hit'", "http://example.org/a.git", "git://example.org/a.git", "ftp://x/y"],
)
def test_a_protocol_that_is_not_allowed_is_refused(url: str) -> None:
    source = open_source("us-stock-symbols", url)
    with source, pytest.raises(BadInputError, match="git may not speak"):
        source.plan()


def test_an_empty_repository_is_told_as_such(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "bare")], check=True)
    source = open_source("us-stock-symbols", tmp_path / "bare")
    with source, pytest.raises(R2kError, match="git cannot read its commits") as caught:
        source.plan()
    assert isinstance(caught.value, SourceError)
