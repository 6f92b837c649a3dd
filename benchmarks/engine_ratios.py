"""The arithmetic of three years, by three engines in one run, as ratios to Polars.

The question is the market value of each session: close times shares, summed, from one
Parquet file of synthetic listings. Each engine answers in a process of its own,
so that memory is its own too; the seconds are the best of three inside it,
without the import. Ratios carry over to other machines, seconds do not.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from measure import measured, shown_mb
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

SESSIONS = 750
LINES = 7_000
REPEATS = 3


def by_polars(path: str) -> Callable[[], float]:
    """Ask the streaming engine."""
    import polars as pl

    def ask() -> float:
        value = (pl.col("close_usd") * pl.col("total_shares")).sum()
        answer = pl.scan_parquet(path).group_by("session").agg(value.alias("value"))
        return float(answer.select(pl.col("value").sum()).collect(engine="streaming").item())

    return ask


def by_duckdb(path: str) -> Callable[[], float]:
    """Ask in SQL."""
    import duckdb

    query = """
        with sessions as (
            select sum(close_usd * total_shares) as value from read_parquet(?) group by session
        )
        select sum(value) from sessions
    """

    def ask() -> float:
        with duckdb.connect() as connection:
            ((value,),) = connection.execute(query, [path]).fetchall()
        return float(value)

    return ask


def by_pandas(path: str) -> Callable[[], float]:
    """Ask with the whole file in memory."""
    import pandas as pd

    def ask() -> float:
        frame = pd.read_parquet(path)
        value = frame["close_usd"] * frame["total_shares"]
        return float(value.groupby(frame["session"]).sum().sum())

    return ask


ENGINES = {"polars": by_polars, "duckdb": by_duckdb, "pandas": by_pandas}


def write_listings(path: Path) -> None:
    """Write the same rows on each run."""
    import polars as pl

    session = pl.date_range(date(2021, 1, 4), date(2024, 1, 1), "1d", eager=True).head(SESSIONS)
    line = pl.int_range(LINES, eager=True).alias("line")
    frame = session.alias("session").to_frame().join(line.to_frame(), how="cross")
    price = 5.0 + (pl.col("line").hash(seed=1) % 50_000) / 100.0
    shares = 1e6 + (pl.col("line").hash(seed=2) % 1_000_000).cast(pl.Float64) * 1e3
    frame.with_columns(close_usd=price, total_shares=shares).write_parquet(path)


def answer(engine: str, path: str) -> None:
    """In the child: print the best seconds and the answer."""
    ask = ENGINES[engine](path)
    best, value = float("inf"), 0.0
    for _ in range(REPEATS):
        started = time.perf_counter()
        value = ask()
        best = min(best, time.perf_counter() - started)
    Console().print(f"{best} {value:.6e}", highlight=False)


def main() -> int:
    """Ask each engine, compare the answers, print the ratios."""
    console = Console()
    answers: set[str] = set()
    seconds: dict[str, float] = {}
    title = f"Market value of {SESSIONS} sessions x {LINES:,} lines"
    table = Table("engine", "seconds", "ratio to polars", "peak memory", title=title)
    with tempfile.TemporaryDirectory(prefix="r2k-bench-") as folder:
        path = Path(folder) / "listings.parquet"
        write_listings(path)
        for engine in ENGINES:
            run = measured([sys.executable, __file__, engine, path])
            if run.returncode:
                console.print(run.output, markup=False, highlight=False)
                return 1
            best, value = run.output.split()
            seconds[engine] = float(best)
            answers.add(value)
            ratio = seconds[engine] / seconds["polars"]
            table.add_row(engine, f"{float(best):.3f}", f"{ratio:.1f}", shown_mb(run.peak_mb))
    console.print(table)
    if len(answers) > 1:
        console.print(f"the engines disagree: {sorted(answers)}", style="red")
    return 0 if len(answers) == 1 else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        answer(sys.argv[1], sys.argv[2])
    else:
        sys.exit(main())
