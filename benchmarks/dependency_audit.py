"""Known holes in the pinned packages, and a bill of materials of what is installed.

`make audit` runs it with an environment of its own that has pip-audit and cyclonedx-py, so
that neither is among the pins. Without a service to ask it says so and exits with 0: an
audit that could not be made is no verdict. Exits with 1 if a pin has a known hole.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

SECONDS = 15
UNREACHABLE = ("ConnectionError", "ServiceError", "timed out", "Max retries", "Failed to resolve")


def main() -> int:
    """Audit the pins, write the bill of materials, and say what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--constraints", type=Path, default=Path("constraints.txt"))
    parser.add_argument("--python", type=Path, default=Path(".venv/bin/python"))
    parser.add_argument("--sbom", type=Path, default=Path("build/sbom.cdx.json"))
    asked = parser.parse_args()
    tools = Path(sys.executable).parent
    is_written = bill_of_materials(tools, python=asked.python, out=asked.sbom)
    has_no_hole = audit(tools, asked.constraints)
    return 0 if is_written and has_no_hole else 1


def bill_of_materials(tools: Path, *, python: Path, out: Path) -> bool:
    """Write every installed package with its version and licence as CycloneDX JSON."""
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [
        str(tools / "cyclonedx-py"), "environment", str(python), "--output-reproducible",
        "--output-format", "JSON", "--output-file", str(out),
    ]  # fmt: skip
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        say(f"no bill of materials: {last_line(done.stderr)}")
        return False
    packages = json.loads(out.read_text(encoding="utf-8")).get("components", [])
    say(f"bill of materials: {len(packages):,} packages in {out}")
    return True


def audit(tools: Path, constraints: Path) -> bool:
    """Ask pip-audit about the pins; True if it knows no hole, or cannot be asked."""
    command = [
        str(tools / "pip-audit"), "--requirement", str(constraints), "--no-deps", "--disable-pip",
        "--timeout", str(SECONDS), "--progress-spinner", "off", "--format", "json",
    ]  # fmt: skip
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    try:
        pins = json.loads(done.stdout)["dependencies"]
    except ValueError:
        why = last_line(done.stderr)
        is_unreachable = any(word in done.stderr for word in UNREACHABLE)
        say(f"{'not audited, nobody answers' if is_unreachable else 'the audit failed'}: {why}")
        return is_unreachable
    holes = [(pin, hole) for pin in pins for hole in pin.get("vulns", [])]
    for pin, hole in holes:
        mended = ", ".join(hole["fix_versions"]) or "no version yet"
        say(f"{pin['name']} {pin['version']}: {hole['id']}, mended by {mended}")
    say(f"audit: {len(pins):,} pins, {len(holes):,} known holes")
    return not holes


def last_line(text: str) -> str:
    """The end of what a tool complained about, short enough to read."""
    lines = text.strip().splitlines() or ["it says nothing"]
    return lines[-1][:300]


def say(words: str) -> None:
    """Print a line."""
    sys.stdout.write(words + "\n")


if __name__ == "__main__":
    sys.exit(main())
