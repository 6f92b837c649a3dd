"""What part of a ranged build is spent on checks, step by step.

Builds a synthetic market of a year and a quarter in a fresh home that is removed
afterwards, in this process, and times whatever `publication` asks of `quality`: shape,
what stands beside the rows, every rule, quarantine. Exits with 1 above the budget. Add a step
of a publication that belongs to its checks in `TIMED`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

BUDGET_SHARE = 0.25
TIMED = (
    "_require_shape",
    "belonging",
    "read_beside",
    "check_frame",
    "check_beyond_rows",
    "split_quarantined",
    "quality_rows",
)


def main() -> int:
    """Land and build the market; print the seconds of each step, and their share."""
    from r2k_pipeline.orchestration.build import build
    from r2k_pipeline.orchestration.landing import land
    from r2k_pipeline.settings import Settings
    from r2k_pipeline.sources.synthetic.parameters import demo_market
    from r2k_pipeline.sources.synthetic.source import SyntheticSource
    from r2k_pipeline.storage.store import open_store

    spent = _timed()
    with tempfile.TemporaryDirectory(prefix="r2k-bench-") as home:
        settings = Settings(home=Path(home))
        with open_store(settings) as store, SyntheticSource(demo_market(years=1)) as feed:
            land(store, feed, None, None, run_id="benchmark", known_at=datetime.now(tz=UTC))
            spent.clear()
            started = time.perf_counter()
            build(settings, None, None)
            seconds = time.perf_counter() - started
    return _shown(seconds, spent)


def _timed() -> defaultdict[str, float]:
    """Put a clock round each step."""
    from r2k_pipeline.publication import life

    spent: defaultdict[str, float] = defaultdict(float)
    for name in TIMED:
        setattr(life, name, _clocked(getattr(life, name), spent))
    return spent


def _clocked(step: Callable[..., Answer], spent: dict[str, float]) -> Callable[..., Answer]:
    def clocked(*given: object, **named: object) -> Answer:
        started = time.perf_counter()
        try:
            return step(*given, **named)
        finally:
            spent[step.__name__] += time.perf_counter() - started

    return clocked


def _shown(seconds: float, spent: dict[str, float]) -> int:
    checks = sum(spent.values())
    table = Table("step", "seconds", "share", title="Checks in a build of 335 sessions")
    for step, took in sorted(spent.items(), key=lambda entry: -entry[1]):
        table.add_row(step, f"{took:.1f}", f"{took / seconds:.1%}")
    table.add_row("all checks", f"{checks:.1f}", f"{checks / seconds:.1%}")
    table.add_row("the build", f"{seconds:.1f}", "")
    Console().print(table)
    return 0 if checks <= BUDGET_SHARE * seconds else 1


if __name__ == "__main__":
    sys.exit(main())
