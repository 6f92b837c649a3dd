"""What may not stand in any file of the project, whatever its kind.

Looks at the files that git knows or would add. The forbidden words are spelled
with a bracket or a tilde inside, so that this file does not hold them.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LARGEST_BYTES = 300_000
FORBIDDEN = {
    "the address of a package registry": re.compile(
        r"py[p]i\.org|python[h]osted\.org|registry\.npm[j]s|deb\.debian[.]org"
    ),
    "the path of one machine": re.compile(
        r"(^|[^\w.])/(work|root|farm|home/\w+|Users/\w+|tmp/dev)/"
    ),
    "unfinished work": re.compile(r"\b(TOD[O]|FIXM[E]|XX[X])\b"),
}


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so nothing says which files belong to the project")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return sorted(path for path in paths if path.is_file())


def lines_with(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path.name}:{number} {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str, tracked: list[Path]) -> None:
    assert lines_with(FORBIDDEN[what], tracked) == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("the address of a package registry", "index-url = https://py~pi.org/simple"),
        ("the path of one machine", 'open("/ro~ot/data.csv")'),
        ("unfinished work", "# TO~DO: later"),
    ],
)
def test_a_planted_line_is_found(what: str, line: str, tmp_path: Path) -> None:
    planted = tmp_path / "planted.txt"
    spelled_out = line.replace("~", "")
    planted.write_text(f"first\n{spelled_out}\n", encoding="utf-8")
    assert lines_with(FORBIDDEN[what], [planted]) == [f"planted.txt:2 {spelled_out}"]


def test_no_file_is_as_large_as_data(tracked: list[Path]) -> None:
    # The pins grow by two kilobytes a package, and are nobody's data.
    sizes = {path.name: path.stat().st_size for path in tracked if path.name != "constraints.txt"}
    assert {name: size for name, size in sizes.items() if size > LARGEST_BYTES} == {}


def test_the_entry_points_can_be_executed() -> None:
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
