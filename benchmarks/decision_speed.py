"""How long one rank day takes to decide, and one session to judge, in milliseconds.

Four thousand synthetic companies are ranked and reconstituted against the event before; eight
thousand synthetic lines are judged by every rule of eligibility: alone, as a session of a month
(a build judges ranges, which shares what every session asks again), and by the rules only, once
everything that they read is known. The minimum tells the work, the median what neighbours on
the machine add. A figure above its budget is marked and stops nothing, since machines differ.
"""

from __future__ import annotations

import sys
import time
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
from rich.console import Console
from rich.table import Table

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.methodology.reconstitution import reconstitute
from r2k_pipeline.methodology.universe import evaluate_universe
from r2k_pipeline.methodology.verdicts import VERDICT_BITS, has_failed, verdict_bits, verdict_texts
from r2k_pipeline.rulebook.family import family
from r2k_pipeline.rulebook.reference_facts import shipped_reference
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINES, COMPANIES = 8_000, 4_000
DECISION_MS, SESSION_MS = 5.0, 50.0
EVENT = event("2022-06")
RULES = rules_in_force(EVENT.rank_day)
MONTH = (date(2022, 4, 7), EVENT.rank_day)
# What becomes of the lines in turn: half are shares, as in the feed.
PAPERS = (
    "Common Stock", "Class A Common Stock", "Inc. Common Stock", "Ordinary Shares",
    "Corp. Warrant", "Acquisition Corp. Unit", "5.25% Series B Preferred Stock", "Municipal Fund",
)  # fmt: skip


def listings(sessions: list[date]) -> pl.DataFrame:
    """The same lines on each session, in contract `raw_listings`.

    Sizes fall off as in a market, and prices differ from session to session.
    """
    number = pl.col("number")
    paper = pl.Series(PAPERS).gather([n % len(PAPERS) for n in range(LINES)])
    lines = pl.DataFrame({"number": range(LINES), "paper": paper}).with_columns(
        symbol=pl.format("S{}", number),
        name=pl.format("Company{} {}", number, "paper"),
        base_usd=5.0 + (number.hash(seed=1) % 9_000) / 100.0,
        shares=3e11 / (number + 10.0) ** 1.2 * 1e2,
    )
    days = pl.DataFrame({"session": sessions}).with_row_index("day")
    move = 1.0 + (pl.struct("day", "number").hash(seed=2) % 400).cast(pl.Float64) / 1e4
    priced = days.join(lines, how="cross").with_columns(close_usd=pl.col("base_usd") * move)
    shape = empty_frame(contract("raw_listings"))
    return pl.concat(
        [
            shape,
            priced.select(
                "session",
                "symbol",
                "name",
                "close_usd",
                exchange=pl.lit("nyse"),
                previous_close_usd=pl.col("base_usd"),
                volume_shares=(number.hash(seed=3) % 1_000_000).cast(pl.Int64),
                market_cap_usd=pl.col("shares") * pl.col("close_usd"),
                country=pl.lit("United States"),
                industry=pl.lit("Electrical Products"),
                sector=pl.lit("Capital Goods"),
            ),
        ],
        how="diagonal",
    )


def securities(rows: pl.DataFrame) -> pl.DataFrame:
    """A line and a company for each symbol, in contract `securities`."""
    spans = rows.group_by("symbol", "exchange", "name").agg(
        first_session=pl.col("session").min(), last_session=pl.col("session").max()
    )
    named = spans.with_columns(
        security_id=pl.format("L-{}", "symbol"),
        company_id=pl.format("C-{}", "symbol"),
        company_name="name",
    )
    return pl.concat([empty_frame(contract("securities")), named], how="diagonal")


def judged(sessions: list[date]) -> Callable[[], pl.DataFrame]:
    """Judge all lines of these sessions."""
    rows = listings(sessions)
    spans, actions = securities(rows), empty_frame(contract("corporate_actions"))
    reference = shipped_reference()
    return lambda: evaluate_universe(
        rows,
        spans,
        actions,
        start=sessions[0],
        sessions=sessions,
        reference=reference,
        rules=RULES,
    )


def asked(known: pl.DataFrame) -> Callable[[], pl.DataFrame]:
    """Ask every rule of lines whose values are known, and write the verdicts out."""
    lines = known.with_columns(
        quarantine_reason=pl.lit(None, pl.String),
        votes_since=pl.lit(None, pl.Int32),
        is_secondary_excluded=pl.lit(value=False),
    )

    def ask() -> pl.DataFrame:
        answers = lines.with_columns(verdict_bits(RULES).alias(VERDICT_BITS))
        texts = verdict_texts(answers[VERDICT_BITS])
        return answers.with_columns(*texts, is_eligible=~has_failed())

    return ask


def rank_day() -> pl.DataFrame:
    """As many eligible companies, every twentieth with a second line, in contract `universe`."""
    number = pl.col("number")
    companies = pl.DataFrame({"number": range(COMPANIES)})
    second = companies.filter(number % 20 == 0)
    lines = pl.concat(
        [companies.with_columns(which=pl.lit("A")), second.with_columns(which=pl.lit("B"))]
    ).select(
        session=pl.lit(EVENT.rank_day),
        company_id=pl.format("C-{}", number),
        security_id=pl.format("L-{}.{}", number, "which"),
        symbol=pl.format("S{}{}", number, "which"),
        name=pl.format("Company{} Common Stock", number),
        sector=pl.lit("Capital Goods"),
        close_usd=5.0 + (number.hash(seed=1) % 9_000) / 100.0,
        addtv_usd=(number.hash(seed=3) % 1_000_000).cast(pl.Float64),
        market_cap_usd=3e13 / (number + 10.0) ** 1.2,
        is_eligible=pl.lit(value=True),
    )
    shape = empty_frame(contract("universe"))
    return pl.concat([shape, lines], how="diagonal").sort("security_id")


def decided(universe: pl.DataFrame) -> Callable[[], pl.DataFrame]:
    """Rank and reconstitute, against members that had other sizes a year before."""
    indexes = family()

    def decide(lines: pl.DataFrame, incumbents: pl.DataFrame) -> pl.DataFrame:
        return reconstitute(
            rank_companies(lines, rules=RULES),
            incumbents=incumbents,
            excluded=lines,
            event=EVENT,
            rules=RULES,
            family=indexes,
        )

    moved = 0.8 + (pl.col("company_id").hash(seed=4) % 400).cast(pl.Float64) / 1e3
    earlier = universe.with_columns(pl.col("market_cap_usd") * moved)
    nobody = empty_frame(contract("reconstitution"))
    members = decide(earlier, nobody).filter(pl.col("segment").is_not_null())
    return lambda: decide(universe, members)


def milliseconds(task: Callable[[], pl.DataFrame], repeats: int) -> tuple[float, float]:
    """The minimum and the median of so many runs, after two that warm up."""
    for _ in range(2):
        task()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        task()
        seconds.append(time.perf_counter() - started)
    seconds.sort()
    return seconds[0] * 1e3, seconds[repeats // 2] * 1e3


def rows() -> Iterator[tuple[str, tuple[float, float], float]]:
    """What is measured: its name, minimum and median, and its budget."""
    decide = decided(rank_day())
    name = f"ranking and reconstitution of {COMPANIES:,} companies"
    yield name, milliseconds(decide, 60), DECISION_MS
    alone = judged([EVENT.rank_day])
    name = f"every rule's verdict on {LINES:,} lines with known values"
    yield name, milliseconds(asked(alone()), 20), SESSION_MS
    yield f"universe of one session of {LINES:,} lines, alone", milliseconds(alone, 8), SESSION_MS
    month = sessions_between(*MONTH)
    low, middle = (figure / len(month) for figure in milliseconds(judged(month), 3))
    name = f"universe of one session of {LINES:,} lines, as one of {len(month)}"
    yield name, (low, middle), SESSION_MS


def main() -> int:
    """Measure everything and print it beside its budget."""
    table = Table("what", "minimum ms", "median ms", "budget ms", title="Speed of decisions")
    for name, (low, middle), budget in rows():
        mark = "" if middle <= budget else " over"
        table.add_row(name, f"{low:.1f}", f"{middle:.1f}", f"{budget:.0f}{mark}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
