"""A repository that is read without trusting it.

Real repositories, real git. A hostile one is a repository whose own configuration
or content would run something in careless hands.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.errors import BadInputError, SourceError
from r2k_pipeline.sources.us_stock_symbols.git_repository import (
    GitRepository,
    looks_like_url,
    redacted,
)
from r2k_pipeline_tests.sources.archives import GitArchive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MONDAY = datetime(2022, 6, 28, 0, 15, tzinfo=UTC)
TUESDAY = datetime(2022, 6, 29, 0, 15, tzinfo=UTC)
NYSE = "nyse/nyse_full_tickers.json"


@pytest.fixture
def archive(tmp_path: Path) -> GitArchive:
    made = GitArchive.create(tmp_path / "clone")
    made.commit(MONDAY, {"nyse": b"[1]"})
    made.commit(TUESDAY, {"nyse": b"[2]", "amex": b"\x00\xff\n"})
    return made


@pytest.fixture(params=["clone", "git directory", "bundle", "file URL", "linked worktree"])
def place(request: pytest.FixtureRequest, archive: GitArchive, tmp_path: Path) -> Path | str:
    match request.param:
        case "clone":
            return archive.folder
        case "git directory":
            return archive.folder / ".git"
        case "bundle":
            return archive.bundle(tmp_path / "history.bundle")
        case "file URL":
            return archive.folder.as_uri()
        case _:
            archive.git("worktree", "add", "--quiet", str(tmp_path / "linked"), "--detach")
            return tmp_path / "linked"


def test_every_kind_of_place_gives_the_same_commits_and_bytes(place: Path | str) -> None:
    with GitRepository(place) as repository:
        commits = repository.commits()
        assert [commit.committed_at for commit in commits] == [MONDAY, TUESDAY]
        assert [repository.file_bytes(commit, NYSE) for commit in commits] == [b"[1]", b"[2]"]
        amex = "amex/amex_full_tickers.json"
        assert repository.file_bytes(commits[0], amex) is None
        assert repository.file_bytes(commits[1], amex) == b"\x00\xff\n"


def test_a_clone_made_aside_is_removed(
    archive: GitArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with GitRepository(archive.bundle(tmp_path / "a.bundle")) as repository:
        assert len(list(scratch.iterdir())) == 1
        assert len(repository.commits()) == 2
    assert list(scratch.iterdir()) == []


def test_a_failed_clone_leaves_nothing_and_names_the_bundle(
    archive: GitArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    torn = archive.bundle(tmp_path / "torn.bundle")
    torn.write_bytes(torn.read_bytes()[:-30])
    with pytest.raises(SourceError, match=r"torn\.bundle") as caught:
        GitRepository(torn)
    assert caught.value.state == "nothing of it was landed"
    assert list(scratch.iterdir()) == []


def test_a_bundle_in_a_cache_folder_is_cloned_anew(archive: GitArchive, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    for expected in (2, 3):
        with GitRepository(archive.bundle(tmp_path / "a.bundle"), cache_dir=cache) as repository:
            assert len(repository.commits()) == expected
        archive.commit(datetime(2022, 6, 30, 0, 15, tzinfo=UTC), {"nyse": b"[3]"})


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Path]:
    """A program that leaves a mark when it is run."""
    program = tmp_path / "trap.sh"
    program.write_text(f"#!/bin/sh\ntouch '{tmp_path}/sprung'\n", encoding="utf-8")
    program.chmod(0o755)
    yield program
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "setting",
    [
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "core.alternateRefsCommand",
        "gpg.program",
        "diff.external",
        "uploadpack.packObjectsHook",
        "core.editor",
    ],
)
def test_a_repositorys_own_programs_are_not_run(
    archive: GitArchive, trap: Path, setting: str
) -> None:
    archive.git("config", setting, str(trap))
    archive.git("config", "log.showSignature", "true")
    for place in (archive.folder, archive.folder.as_uri()):
        with GitRepository(place) as repository:
            assert repository.file_bytes(repository.commits()[-1], NYSE) == b"[2]"


def test_hooks_are_not_run(archive: GitArchive, trap: Path, tmp_path: Path) -> None:
    hooks = archive.folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).symlink_to(trap)
    with GitRepository(archive.folder.as_uri()) as repository:
        assert len(repository.commits()) == 2
    bundle = tmp_path / "a.bundle"
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).unlink()
    with GitRepository(archive.bundle(bundle)) as repository:
        assert len(repository.commits()) == 2


def test_the_callers_git_environment_does_not_leak_in(
    archive: GitArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = GitArchive.create(tmp_path / "elsewhere")
    monkeypatch.setenv("GIT_DIR", str(elsewhere.folder / ".git"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "not a number")
    with GitRepository(archive.folder) as repository:
        assert len(repository.commits()) == 2


def test_a_replaced_object_is_read_as_committed(archive: GitArchive) -> None:
    old, new = archive.git("rev-parse", f"HEAD~1:{NYSE}"), archive.git("rev-parse", f"HEAD:{NYSE}")
    archive.git("replace", old, new)
    with GitRepository(archive.folder) as repository:
        assert repository.file_bytes(repository.commits()[0], NYSE) == b"[1]"


@pytest.mark.parametrize("damage", ["torn", "gone"])
def test_a_damaged_repository_is_an_error_and_not_a_missing_file(
    archive: GitArchive, damage: str
) -> None:
    blob = archive.git("rev-parse", f"HEAD:{NYSE}")
    stored = archive.folder / ".git" / "objects" / blob[:2] / blob[2:]
    stored.chmod(0o644)
    if damage == "torn":
        stored.write_bytes(b"torn")
    else:
        stored.unlink()
    with GitRepository(archive.folder) as repository:
        commits = repository.commits()
        with pytest.raises(SourceError, match=r"git cannot read nyse/nyse_full_tickers\.json"):
            repository.file_bytes(commits[-1], NYSE)
        assert repository.file_bytes(commits[0], NYSE) == b"[1]"


def test_a_folder_where_a_file_belongs_is_an_error_that_does_not_spoil_the_next_answer(
    archive: GitArchive,
) -> None:
    with GitRepository(archive.folder) as repository:
        commits = repository.commits()
        with pytest.raises(SourceError, match="git cannot read nyse of commit"):
            repository.file_bytes(commits[0], "nyse")
        assert repository.file_bytes(commits[0], NYSE) == b"[1]"


def test_without_git_the_remedy_is_to_install_it(
    archive: GitArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(SourceError) as caught:
        GitRepository(archive.folder)
    assert caught.value.remedy == "install git"


@pytest.mark.parametrize(
    "place",
    ["-uhelp", "--upload-pack=touch hit", "a/b", "../archive", "C:relative", "./x:y"],
)
def test_a_path_is_no_url(place: str) -> None:
    assert not looks_like_url(place)


@pytest.mark.parametrize("url", ["ext::sh -c id", "http://example.org/a", "git://example.org/a"])
def test_only_named_protocols_are_spoken(url: str) -> None:
    with pytest.raises(BadInputError, match="git may not speak"):
        GitRepository(url)


def test_a_password_is_not_printed(tmp_path: Path) -> None:
    assert redacted("https://me:secret@example.org/a.git") == "https://example.org/a.git"
    url = f"file://me:secret@localhost{tmp_path}/nowhere.git"
    with pytest.raises(SourceError) as caught:
        GitRepository(url)
    assert "secret" not in str(caught.value)
