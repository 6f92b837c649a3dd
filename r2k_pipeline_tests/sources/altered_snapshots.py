"""Altered copies of real snapshots: what the vendor would have served on other evenings.

A story says for each evening which real session each exchange's file shows. Written as the
extracted Parquet file, it is an archive whose true sessions are known line by line. Rows are
read from the market data beside the checkout and stay in the test's own folder.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.sources.us_stock_symbols.listings import previous_close

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

EXCHANGES = ("amex", "nasdaq", "nyse")
# A range in which the real archive has every session once, and three holidays.
FIRST, LAST = date(2022, 1, 10), date(2022, 5, 20)
SESSIONS = sessions_between(FIRST, LAST)
HOLIDAYS = (date(2022, 1, 17), date(2022, 2, 21), date(2022, 4, 15))
_LINES = 800


def real_sample(folder: Path, lines: int = _LINES) -> pl.DataFrame:
    """The range, of each exchange about as many lines as are asked for, spread over the alphabet.

    American has some 300; all of them are taken.
    """
    year = pl.scan_parquet(folder / "us_universe" / "2022.parquet").filter(
        pl.col("trade_date").is_between(FIRST, LAST)
    )
    symbols = year.select("exchange", "symbol").unique().sort("exchange", "symbol").collect()
    every = pl.max_horizontal(pl.len().over("exchange") // lines, pl.lit(1))
    chosen = symbols.filter(pl.int_range(pl.len()).over("exchange") % every == 0)
    return year.join(chosen.lazy(), on=["exchange", "symbol"], how="semi").collect()


@dataclass
class Story:
    """Which session each exchange's file shows on each evening.

    Built by altering the truth, on which every evening of a session shows that session.
    """

    shown: dict[tuple[date, str], date] = field(
        default_factory=lambda: {(day, one): day for day in SESSIONS for one in EXCHANGES}
    )

    def show(self, evening: date, session: date, *exchanges: str) -> Story:
        """Serve a session on an evening, on all exchanges if none is named."""
        for exchange in exchanges or EXCHANGES:
            self.shown[evening, exchange] = session
        return self

    def miss(self, evening: date, *exchanges: str) -> Story:
        """Leave a file out, or the whole evening."""
        for exchange in exchanges or EXCHANGES:
            del self.shown[evening, exchange]
        return self

    def lag(self, first: int, sessions: int, *exchanges: str, by: int = 1) -> Story:
        """From the first evening on, serve for some sessions the one before; then catch up."""
        for number in range(first, first + sessions):
            self.show(SESSIONS[number], SESSIONS[number - by], *exchanges)
        return self

    def until(self, last: date) -> Story:
        """The evenings up to a day."""
        return Story({key: session for key, session in self.shown.items() if key[0] <= last})

    def true_sessions(self) -> dict[tuple[date, str], date | None]:
        """For each file, the session on which it belongs; none if an earlier one showed it."""
        seen: set[tuple[date, str]] = set()
        true: dict[tuple[date, str], date | None] = {}
        for (evening, exchange), session in sorted(self.shown.items()):
            true[evening, exchange] = None if (session, exchange) in seen else session
            seen.add((session, exchange))
        return true

    def archive(self, sample: pl.DataFrame, path: Path) -> Path:
        """The story as the extracted Parquet file."""
        files = pl.DataFrame(
            [(evening, exchange, session) for (evening, exchange), session in self.shown.items()],
            schema={"evening": pl.Date, "exchange": pl.String, "trade_date": pl.Date},
            orient="row",
        )
        served = sample.join(files, on=["exchange", "trade_date"]).with_columns(
            trade_date=pl.col("evening")
        )
        served.select(sample.columns).sort("symbol", "trade_date").write_parquet(path)
        return path

    def true_rows(self, sample: pl.DataFrame) -> pl.DataFrame:
        """What must land: each shown session's own rows, once."""
        shown = {(session, exchange) for (_, exchange), session in self.shown.items()}
        return rows_of(sample, shown)


def rows_of(sample: pl.DataFrame, shown: Iterable[tuple[date, str]]) -> pl.DataFrame:
    """The real rows of some sessions and exchanges, as `raw_listings` has them."""
    wanted = pl.DataFrame(
        list(shown), schema={"trade_date": pl.Date, "exchange": pl.String}, orient="row"
    )
    return sample.join(wanted, on=["trade_date", "exchange"], how="semi").select(
        pl.col("trade_date").alias("session"),
        "exchange",
        pl.col("symbol").str.strip_chars(),
        pl.col("lastsale").alias("close_usd"),
        previous_close(),
    ).sort("session", "exchange", "symbol")  # fmt: skip


def without_lines(sample: pl.DataFrame, fewer: Mapping[tuple[date, str], float]) -> pl.DataFrame:
    """The sample with only a share of the lines of some sessions and exchanges."""
    for (session, exchange), kept in fewer.items():
        is_file = (pl.col("trade_date") == session) & (pl.col("exchange") == exchange)
        position = is_file.cum_sum()
        sample = sample.filter(~is_file | (position <= is_file.sum() * kept))
    return sample
