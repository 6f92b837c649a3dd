"""What the package never does: run what it is given, listen to the network, tell secrets.

Invariants:
    1. No module starts a shell; every process that is started is named here.
    2. Whatever serves, serves the loopback address.
    3. A password appears in no error, answer, record or file of a home, whatever goes wrong.
    4. A git repository runs nothing, wherever its settings, hooks and submodules point.

Real repositories and real git; the calls that read code out of data are forbidden in
`architecture/test_module_shape`.
"""

from __future__ import annotations

import ast
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from r2k_pipeline.cli import app
from r2k_pipeline.errors import R2kError, StorageError
from r2k_pipeline.orchestration.ui import ui_command
from r2k_pipeline.queries.health import database_shown
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.us_stock_symbols.git_history import GitHistory
from r2k_pipeline.sources.us_stock_symbols.git_repository import GitRepository
from r2k_pipeline.storage.database import database_errors, open_engine
from r2k_pipeline_tests.sources.archives import GitArchive

PACKAGE = Path(__file__).resolve().parents[2] / "r2k_pipeline"
STARTS_PROCESSES = {"cli/__init__.py", "sources/us_stock_symbols/git_repository.py"}
SHELLS = {
    "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput",
    "asyncio.create_subprocess_shell", "pty.spawn",
}  # fmt: skip
EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - the addresses that are looked for
SECRET = "hunter2"  # noqa: S105 - planted
URLS = (
    f"postgresql+psycopg2://me:{SECRET}@127.0.0.1:1/r2k",
    f"postgresql+psycopg2://127.0.0.1:1/r2k?user=me&password={SECRET}",
    f"postgresql+psycopg2://me:x@127.0.0.1:1/r2k?unheard_of={SECRET}",
    f"postgresql+psycopg2://me:x@127.0.0.1:{SECRET}/r2k",
    f"postgresql+no_driver://me:{SECRET}@127.0.0.1/r2k",
    f"no_database://me:{SECRET}@127.0.0.1/r2k",
    f"://me:{SECRET}@127.0.0.1",
    SECRET,
)
# Settings by which a repository names a program.
PROGRAMS = (
    "core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "core.askPass",
    "core.gitProxy", "core.alternateRefsCommand", "credential.helper", "gpg.program",
    "diff.external", "diff.trap.textconv", "filter.trap.smudge", "filter.trap.clean",
    "uploadpack.packObjectsHook", "pager.rev-list", "alias.rev-list", "alias.cat-file",
    "interactive.diffFilter", "sequence.editor",
)  # fmt: skip
NYSE = "nyse/nyse_full_tickers.json"
EVENING = datetime(2022, 6, 28, 0, 15, tzinfo=UTC)


def faults(tree: ast.Module) -> list[str]:
    """Shells that are started, and addresses of the whole network that are listened to."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        found += [called] if called in SHELLS else []
        found += [
            f"{called}({ast.unparse(keyword)})"
            for keyword in node.keywords
            if (keyword.arg == "shell" and ast.unparse(keyword.value) != "False")
            or (keyword.arg == "host" and getattr(keyword.value, "value", None) in EVERYWHERE)
        ]
    return found


@pytest.mark.parametrize(
    "code",
    ["os.system(x)", "subprocess.run(x, shell=True)", "serve(host='')", "run(x, shell=flag)"],
)
def test_a_fault_is_found(code: str) -> None:
    assert len(faults(ast.parse(code))) == 1


def test_no_module_starts_a_shell_or_listens_to_the_network() -> None:
    modules = {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in PACKAGE.rglob("*.py")
    }
    assert {name: faults(tree) for name, tree in modules.items() if faults(tree)} == {}
    starting = {
        name
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).startswith(("subprocess.", "os.exec", "os.spawn", "os.posix"))
        # The gym starts what it means to kill.
        and not name.startswith("gym/")
    }
    assert starting == STARTS_PROCESSES


def test_the_ui_serves_the_loopback_address(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=SecretStr(URLS[0]))
    command, environment = ui_command(settings, 3070)
    assert command[command.index("--host") + 1] == "127.0.0.1"
    # It reaches the other process, and no list of processes shows it.
    assert SECRET not in " ".join(command)
    assert environment["R2K_DATABASE_URL"] == URLS[0]


@pytest.mark.parametrize("url", URLS)
def test_no_error_tells_the_password(url: str) -> None:
    secret = SecretStr(url)
    with (
        pytest.raises(StorageError) as caught,
        database_errors(secret, "reading levels"),
        open_engine(secret).connect(),
    ):
        pass
    assert SECRET not in str(caught.value)
    assert SECRET not in database_shown(url)


@pytest.mark.parametrize("url", URLS)
def test_no_command_and_no_file_tells_the_password(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R2K_DATABASE_URL", url)
    monkeypatch.setenv("R2K_HOME", str(tmp_path))
    for arguments in (["doctor"], ["members", "r2000", "2022-06-27"]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 1
        assert SECRET not in result.output
        assert isinstance(result.exception, SystemExit)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in kept if SECRET.encode() in path.read_bytes()] == []


def test_settings_do_not_show_what_opens_a_door(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        database_url=SecretStr(URLS[0]),
        warehouse=f"s3://key:{SECRET}@bucket",
        source_path=f"https://me:{SECRET}@example.org/archive.git",
    )
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """The file that comes into being when a hostile repository has run something."""
    return tmp_path / "sprung"


@pytest.fixture
def hostile(tmp_path: Path, marker: Path) -> GitArchive:
    """A repository whose settings, hooks, filters and submodules run a program if they can."""
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch '{marker}'\n", encoding="utf-8")
    trap.chmod(0o755)
    archive = GitArchive.create(tmp_path / "archive")
    (archive.folder / ".gitmodules").write_text(
        f'[submodule "x"]\n\tpath = x\n\turl = "ext::{trap}"\n\tupdate = "!{trap}"\n',
        encoding="utf-8",
    )
    (archive.folder / ".gitattributes").write_text("* filter=trap diff=trap\n", encoding="utf-8")
    archive.commit(EVENING, {"nyse": b"[]"})
    hooks = archive.folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in (
        "post-checkout",
        "reference-transaction",
        "post-index-change",
        "fsmonitor-watchman",
    ):
        (hooks / name).unlink(missing_ok=True)
        (hooks / name).symlink_to(trap)
    included = tmp_path / "more.config"
    included.write_text(f"[core]\n\tfsmonitor = {trap}\n\tsshCommand = {trap}\n", encoding="utf-8")
    config = archive.folder / ".git" / "config"
    lines = [f"[core]\n\thooksPath = {hooks}\n[include]\n\tpath = {included}\n"]
    for program in PROGRAMS:
        section, _, key = program.rpartition(".")
        outer, _, inner = section.partition(".")
        lines.append(
            f"[{outer}{f' {chr(34)}{inner}{chr(34)}' if inner else ''}]\n\t{key} = {trap}\n"
        )
    lines.append("[log]\n\tshowSignature = true\n[protocol]\n\tallow = always\n")
    with config.open("a", encoding="utf-8") as file:
        file.write("".join(lines))
    return archive


def make_it_fetch(archive: GitArchive, trap: Path) -> None:
    """Let the repository lack a file, and say that the program would bring it."""
    blob = subprocess.run(
        ["git", "--git-dir", str(archive.folder / ".git"), "--no-pager", "-c", "alias.x=",
         "-c", "core.fsmonitor=false", "ls-tree", "-r", "--object-only", "HEAD", "--", NYSE],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    (archive.folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with (archive.folder / ".git" / "config").open("a", encoding="utf-8") as file:
        file.write(
            "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tpartialClone = origin\n"
            f'[remote "origin"]\n\turl = "ext::{trap}"\n\tpromisor = true\n'
            '[protocol "ext"]\n\tallow = always\n'
        )


@pytest.mark.parametrize("form", ["folder", "git directory", "file URL"])
def test_a_hostile_repository_is_read_and_runs_nothing(
    hostile: GitArchive, marker: Path, form: str
) -> None:
    places: dict[str, Path | str] = {
        "folder": hostile.folder,
        "git directory": hostile.folder / ".git",
        "file URL": hostile.folder.as_uri(),
    }
    with GitRepository(places[form]) as repository:
        (commit,) = repository.commits()
        assert repository.file_bytes(commit, NYSE) == b"[]"
        assert repository.file_bytes(commit, "x") is None
    assert not marker.exists()


@pytest.mark.parametrize("form", ["folder", "file URL"])
@pytest.mark.parametrize("old_git", [False, True])
def test_a_repository_that_lacks_a_file_fetches_nothing(
    hostile: GitArchive,
    marker: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    old_git: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    make_it_fetch(hostile, marker.parent / "trap.sh")
    if old_git:
        # Before 2.45 git knew nothing of this variable.
        known = "r2k_pipeline.sources.us_stock_symbols.git_repository._LAZY_FETCH"
        monkeypatch.setattr(known, "R2K_UNHEARD_OF")
    place = hostile.folder if form == "folder" else hostile.folder.as_uri()
    with pytest.raises(R2kError), GitRepository(place) as repository:
        repository.file_bytes(repository.commits()[0], NYSE)
    assert not marker.exists()


def test_the_trap_does_spring_in_careless_hands(hostile: GitArchive, marker: Path) -> None:
    subprocess.run(["git", "status"], cwd=hostile.folder, check=False, capture_output=True)
    assert marker.exists()


@pytest.mark.parametrize(
    "url",
    ["ext::sh -c 'touch sprung'", "fd::7", "http://example.org/a", "git://example.org/a",
     "ssh://-oProxyCommand=touch/a", "file::ext::sh"],
)  # fmt: skip
def test_a_url_of_another_protocol_is_refused(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(R2kError), GitHistory(url) as source:
        source.plan()
    assert list(tmp_path.iterdir()) == []
