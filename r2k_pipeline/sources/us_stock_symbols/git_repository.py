"""A git repository read without trusting it: commits, and the bytes of files in them.

Every git process runs without the user's and the system's configuration, hooks,
prompts and lazy fetches, and speaks only the protocols named here. Nothing of the
repository is checked out or run. Keep out what the files mean.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self
from urllib.parse import urlsplit, urlunsplit

from r2k_pipeline.errors import BadInputError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PROTOCOLS = ("https", "ssh", "file")
_SCP_LIKE = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:(?!/?/)\S+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(//|:)")
# A day's file has two megabytes; what unpacks to gigabytes is none.
_LARGEST_BYTES = 256 * 1024 * 1024
_LONGEST_PATH = 4096
# Git before 2.39.4 does not know it; against those stands the list of protocols.
_LAZY_FETCH = "GIT_NO_LAZY_FETCH"
_SLOW_BYTES_PER_SECOND, _SLOW_SECONDS = "1000", "60"
# `git cat-file --batch` answers with id, type and size, or with the question and this word.
_HEADER_WORDS, _MISSING = 3, b"missing"

# What a repository's own configuration could make git run or fetch while it is only being read.
_DISARMED = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.pager=cat",
    "core.alternateRefsCommand=",
    "log.showSignature=false",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "transfer.bundleURI=false",
)


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit and when it was made (UTC)."""

    commit_id: str
    committed_at: datetime


def looks_like_url(place: str) -> bool:
    """Whether a place is a git URL rather than a path.

    Example:
        >>> looks_like_url("https://example.org/archive.git"), looks_like_url("../archive")
        (True, False)
        >>> looks_like_url("git@example.org:archive.git"), looks_like_url("ext::sh -c true")
        (True, True)
    """
    return bool(_SCHEME.match(place) or _SCP_LIKE.fullmatch(place))


class GitRepository:
    """A repository opened for reading; a bundle or URL is cloned aside first.

    Args:
        place: A git directory, a working clone or a bundle as `Path`, or a URL.
        cache_dir: Where the clone of a bundle or URL goes; a temporary folder that
            `close` removes if none is given.

    Raises:
        BadInputError: The URL's protocol is not allowed.
        SourceError: git is not installed, or cannot read the place.
    """

    def __init__(self, place: Path | str, *, cache_dir: Path | None = None) -> None:
        self.shown_name = redacted(place)
        self._scratch: Path | None = None
        self._reader: subprocess.Popen[bytes] | None = None
        if shutil.which("git") is None:
            raise SourceError(
                f"git is needed to read {self.shown_name} and is not installed",
                state="nothing was read or written",
                remedy="install git",
            )
        if isinstance(place, Path) and place.is_dir():
            self._git_dir = _git_dir(place)
            return
        target = cache_dir
        if target is None:
            self._scratch = target = Path(tempfile.mkdtemp(prefix="r2k-archive-"))
        try:
            self._git_dir = self._clone(place, target / "archive.git")
        except BaseException:
            self.close()
            raise

    def commits(self) -> list[Commit]:
        """Every commit that HEAD reaches, oldest first; parents before children at equal times.

        Raises:
            SourceError: There is no commit, or git cannot read them.
        """
        text = self._run(
            "rev-list", "--reverse", "--date-order", "--no-commit-header", "--format=%H %ct",
            "HEAD", "--",
        ).decode("ascii")  # fmt: skip
        commits = []
        for line in text.splitlines():
            commit_id, _, seconds = line.partition(" ")
            try:
                when = datetime.fromtimestamp(int(seconds), tz=UTC)
            except (ValueError, OverflowError, OSError) as error:
                raise self._unreadable(f"the time of commit {commit_id}") from error
            commits.append(Commit(commit_id=commit_id, committed_at=when))
        return commits

    def file_bytes(self, commit: Commit, path: str) -> bytes | None:
        """The bytes of a file in a commit, or null if the commit has no such file.

        Args:
            commit: One of `commits()`.
            path: A path without line breaks.

        Raises:
            SourceError: git cannot give the bytes, as from a damaged repository.
        """
        reader = self._open_reader()
        _pipe(reader.stdin).write(f"{commit.commit_id}:{path}\n".encode())
        _pipe(reader.stdin).flush()
        output = _pipe(reader.stdout)
        header = output.readline().split()
        if header and header[-1] == _MISSING:
            self._require_absent(commit, path)
            return None
        size = int(header[2]) if len(header) == _HEADER_WORDS and header[1] == b"blob" else -1
        data = output.read(size) if 0 <= size <= _LARGEST_BYTES else b""
        if len(data) != size or output.read(1) != b"\n":
            self._stop_reader()
            raise self._unreadable(f"{path} of commit {commit.commit_id}")
        return data

    def _require_absent(self, commit: Commit, path: str) -> None:
        """Refuse a file that the commit names and the repository lacks: git calls both missing."""
        if self._run("ls-tree", commit.commit_id, "--", path):
            raise self._unreadable(f"{path} of commit {commit.commit_id}")

    def close(self) -> None:
        """Stop the reading process and remove a clone that was made aside."""
        self._stop_reader()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def __enter__(self) -> Self:
        """The repository itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close, whatever happened."""
        self.close()

    def _open_reader(self) -> subprocess.Popen[bytes]:
        """The one `git cat-file` process that answers every question."""
        if self._reader is None:
            command = _command("--git-dir", str(self._git_dir), "cat-file", "--batch")
            self._reader = _spawn(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return self._reader

    def _stop_reader(self) -> None:
        """End the reading process; the next question starts another."""
        if self._reader is None:
            return
        for pipe in (self._reader.stdin, self._reader.stdout):
            if pipe is not None:
                pipe.close()
        self._reader.terminate()
        self._reader.wait()
        self._reader = None

    def _run(self, *arguments: str) -> bytes:
        """Run one git command on the repository and return what it says."""
        code, output, complaints = _completed(_command("--git-dir", str(self._git_dir), *arguments))
        if code == 0:
            return output
        raise self._unreadable("its commits", complaints)

    def _clone(self, place: Path | str, target: Path) -> Path:
        """Clone a bundle or URL without a working tree; an earlier clone is fetched anew."""
        protocols = ("file",) if isinstance(place, Path) else (_allowed_protocol(place),)
        if target.exists():
            shutil.rmtree(target)
        origin = str(place.resolve()) if isinstance(place, Path) else place
        code, _, complaints = _completed(
            _command(
                "clone", "--quiet", "--bare", "--no-tags", "--single-branch", "--template=",
                "--", origin, str(target),
            ),
            protocols=protocols,
        )  # fmt: skip
        if code != 0:
            raise self._unreadable("a clone of it", complaints)
        return target

    def _unreadable(self, what: str, stderr: bytes = b"") -> SourceError:
        said = _last_line(stderr).replace(str(self._scratch), "...")
        return SourceError(
            f"git cannot read {what} from {self.shown_name}" + (f": {said}" if said else ""),
            state="nothing of it was landed",
            remedy="check that it is a whole git repository, bundle or reachable URL",
        )


def redacted(place: Path | str) -> str:
    """A place as it may be printed: a URL without user name and password.

    Example:
        >>> redacted("https://me:secret@example.org/archive.git")
        'https://example.org/archive.git'
    """
    if isinstance(place, Path) or "://" not in place:
        return str(place)
    parts = urlsplit(place)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _allowed_protocol(url: str) -> str:
    """The protocol of a URL.

    Raises:
        BadInputError: It is none that may be spoken.
    """
    protocol = "ssh" if _SCP_LIKE.fullmatch(url) else url.partition(":")[0].lower()
    if protocol in _PROTOCOLS and "::" not in url.partition("//")[0]:
        return protocol
    raise BadInputError(
        f"git may not speak {protocol!r} to {redacted(url)}",
        state="nothing was read or written",
        remedy=f"use a URL of {', '.join(_PROTOCOLS)}",
    )


def _git_dir(place: Path) -> Path:
    """The git directory of a working clone, or the directory itself."""
    inner = place / ".git"
    if inner.is_file():
        # A linked worktree or submodule: the file names the directory.
        try:
            with inner.open(encoding="utf-8") as file:
                named = file.read(_LONGEST_PATH).removeprefix("gitdir:").strip()
            return (place / named).resolve()
        except (ValueError, OSError) as error:
            raise SourceError(
                f"{inner} names no git directory: {error}",
                state="nothing of it was landed",
                remedy="name the git directory itself, or clone the repository again",
            ) from error
    return (inner if inner.is_dir() else place).resolve()


def _command(*arguments: str) -> list[str]:
    """A git command line on which nothing but what is asked for happens."""
    # The user names the repository, so its owner may be somebody else.
    options = [part for setting in (*_DISARMED, "safe.directory=*") for part in ("-c", setting)]
    return ["git", *options, "--no-pager", "--no-replace-objects", *arguments]


def _environment(protocols: Sequence[str]) -> dict[str, str]:
    """The environment of git processes: the user's, less everything that steers git."""
    kept = {name: value for name, value in _inherited() if not name.startswith("GIT_")}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        # Settings of a repository can allow a protocol; against this list they cannot.
        "GIT_ALLOW_PROTOCOL": ":".join(protocols),
        _LAZY_FETCH: "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ASKPASS": "true",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        "GIT_HTTP_LOW_SPEED_LIMIT": _SLOW_BYTES_PER_SECOND,
        "GIT_HTTP_LOW_SPEED_TIME": _SLOW_SECONDS,
        "LC_ALL": "C",
    }


def _inherited() -> Iterator[tuple[str, str]]:
    yield from os.environ.items()


def _last_line(stderr: bytes) -> str:
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def _spawn(
    command: list[str], *, stdin: int, stderr: int, protocols: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    """Start git, which may speak these protocols and no other."""
    return subprocess.Popen(  # noqa: S603 - no shell, and every argument is built in this module
        command,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=_environment(protocols),
    )


def _completed(command: list[str], *, protocols: Sequence[str] = ()) -> tuple[int, bytes, bytes]:
    """Run git to its end: exit code, output and complaints."""
    with _spawn(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, protocols=protocols
    ) as process:
        output, complaints = process.communicate()
    return process.returncode, output, complaints


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    """The pipe of a process that was started with one."""
    if pipe is None:
        message = "the process was started without this pipe"
        raise RuntimeError(message)
    return pipe
