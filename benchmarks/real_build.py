"""Time and peak memory of the real three years: ingest, then build, each a process of its own.

Runs the commands that a user runs, in a fresh home that is removed afterwards,
on the real listings in `../shared`; without them it says so and does nothing.
Add a command to `STEPS` to measure it too.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import measured, shown_mb
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
LISTINGS = ROOT.parent / "shared" / "data" / "us_universe"
R2K = Path(sys.executable).with_name("r2k")

# Each with the seconds and megabytes that it may take on two cores.
STEPS = (
    (("ingest", "us-stock-symbols", "--path", str(LISTINGS)), 20.0, 4096.0),
    (("build", "--from", "2021-02-01", "--to", "2023-12-29"), 120.0, 4096.0),
)


def main() -> int:
    """Measure each step and print a line for it; 1 if a step fails or exceeds its budget."""
    console = Console()
    if not LISTINGS.is_dir():
        console.print("real build: skipped, the real listings (../shared/data) are not here")
        return 0
    table = Table("command", "seconds", "budget", "peak memory", "budget", title="The real build")
    kept = True
    with tempfile.TemporaryDirectory(prefix="r2k-bench-") as home:
        for arguments, seconds, megabytes in STEPS:
            step = measured([R2K, *arguments], env={"R2K_HOME": home})
            if step.returncode:
                console.print(step.output, markup=False, highlight=False)
                console.print(f"r2k {arguments[0]} ended with {step.returncode}", style="red")
                return 1
            kept &= step.seconds <= seconds and (step.peak_mb or 0.0) <= megabytes
            table.add_row(
                f"r2k {arguments[0]}",
                f"{step.seconds:.1f}",
                f"{seconds:.0f}",
                shown_mb(step.peak_mb),
                shown_mb(megabytes),
            )
    console.print(table)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
