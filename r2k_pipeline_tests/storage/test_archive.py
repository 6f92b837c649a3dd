"""Bytes as received: kept once, whole, and found by their hash."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.errors import BadInputError, StorageError
from r2k_pipeline.storage.archive import Archive

if TYPE_CHECKING:
    from pathlib import Path

LISTING = b'{"symbol": "AAPL", "lastsale": "$141.66"}'


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_bytes_are_found_by_their_hash_in_a_later_archive(tmp_path: Path) -> None:
    sha256 = Archive(tmp_path).keep(LISTING, name="nasdaq.json")
    assert sha256 == hashlib.sha256(LISTING).hexdigest()
    with Archive(tmp_path).open(sha256) as stream:
        assert stream.read() == LISTING


def test_the_same_bytes_are_kept_once_under_their_first_name(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    sha256 = archive.keep(LISTING, name="first.json")
    assert archive.keep(LISTING, name="second.json") == sha256
    assert files(tmp_path) == [f"{sha256}-first.json"]


def test_a_file_is_kept_like_its_bytes(tmp_path: Path) -> None:
    received = tmp_path / "received" / "nasdaq 2022-06-24.json"
    received.parent.mkdir()
    received.write_bytes(LISTING)
    archive = Archive(tmp_path / "archive")
    sha256 = archive.keep_file(received)
    assert sha256 == archive.keep(LISTING, name="other")
    assert files(tmp_path / "archive") == [f"{sha256}-nasdaq_2022-06-24.json"]


def test_a_name_cannot_lead_out_of_the_archive(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    sha256 = archive.keep(LISTING, name="../../etc/passwd")
    assert files(tmp_path) == [f"{sha256}-passwd"]
    assert archive.keep(b"other", name="..") != sha256


def test_a_folder_that_is_in_the_way_leaves_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file where the folder belongs", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be written"):
        Archive(tmp_path / "archive").keep(LISTING, name="nasdaq.json")
    assert files(tmp_path) == ["archive"]


@pytest.mark.parametrize("unknown", ["0" * 64, "../" * 21 + "x", ""])
def test_an_unknown_hash_is_refused(tmp_path: Path, unknown: str) -> None:
    with pytest.raises(BadInputError, match="nothing is archived"):
        Archive(tmp_path).open(unknown)


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no file at .*missing\.json"):
        Archive(tmp_path).keep_file(tmp_path / "missing.json")
