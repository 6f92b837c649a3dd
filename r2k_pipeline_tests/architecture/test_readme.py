"""What README tells people to type exists: make targets, commands, folders."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_two_commands_come_first() -> None:
    block = README.split("```")[1]
    assert re.findall(r"^(make \w+)", block, re.MULTILINE) == ["make demo", "make test"]


def test_every_make_target_exists() -> None:
    named = set(re.findall(r"make ([a-z]+)", " ".join(re.findall(r"`[^`]+`|```.+?```", README))))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert named
    assert named <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_every_command_exists() -> None:
    called = "from r2k_pipeline.cli import main; main()"
    ask = [sys.executable, "-c", called, "--help"]
    shown = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    named = set(re.findall(r"`r2k ([a-z]+)", README))
    assert named
    assert {name for name in named if not re.search(rf"^\W*{name}\b", shown, re.MULTILINE)} == set()


def test_every_folder_exists() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", README, re.MULTILINE)
    folders = [name for row in rows for name in re.findall(r"`([\w/.]+/)`", row)]
    inside = [f for f in folders if not (ROOT / f).is_dir()]
    assert folders
    assert [f for f in inside if not (ROOT / "r2k_pipeline" / f).is_dir()] == []
