"""Small archives in both forms, told by hand: what the vendor showed on which evening.

Every exchange lists the same few made-up lines under its own symbols. `shown` is
what the vendor serves when it shows the n-th session; which commit or file holds
it is the test's story.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

EXCHANGES = ("amex", "nasdaq", "nyse")
LINES = 12

Row = dict[str, str]


def row(symbol: str, last: str, change: str, **others: str) -> Row:
    """One listing as the vendor writes it."""
    return {
        "symbol": symbol,
        "name": f"{symbol} Inc. Common Stock",
        "lastsale": last,
        "netchange": change,
        "pctchange": "0.1%",
        "volume": "1000",
        "marketCap": "1500000000.00",
        "country": "United States",
        "ipoyear": "",
        "industry": "",
        "sector": "",
        "url": f"/market-activity/stocks/{symbol.lower()}",
    } | others


def price_cents(line: int, session: int) -> int:
    """The close of a line on the n-th session; no two sessions are alike."""
    return 1000 + 137 * line + (session * (31 + line)) % 97 + 3 * session


def shown(exchange: str, session: int) -> list[Row]:
    """What the vendor serves when it shows the n-th session."""
    rows = []
    for line in range(LINES):
        last = price_cents(line, session)
        change = last - price_cents(line, session - 1)
        rows.append(
            row(f"{exchange[:2].upper()}{line:02d}", f"${last / 100:.2f}", f"{change / 100:.2f}")
        )
    return rows


def evening(session: int) -> dict[str, list[Row]]:
    """All three exchanges showing the n-th session."""
    return {exchange: shown(exchange, session) for exchange in EXCHANGES}


@dataclass(frozen=True)
class GitArchive:
    """A real git repository, written commit by commit."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> GitArchive:
        """An empty working clone."""
        folder.mkdir()
        archive = cls(folder)
        archive.git("init", "--quiet", "--initial-branch=main")
        return archive

    def git(self, *arguments: str, when: datetime | None = None) -> str:
        """Run git in the clone, with fixed names and, if given, a fixed time."""
        stamp = (when or datetime(2022, 1, 1, tzinfo=UTC)).isoformat()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "archive",
            "GIT_AUTHOR_EMAIL": "archive@example.org",
            "GIT_COMMITTER_NAME": "archive",
            "GIT_COMMITTER_EMAIL": "archive@example.org",
            "GIT_AUTHOR_DATE": stamp,
            "GIT_COMMITTER_DATE": stamp,
        }
        command = ["git", "-C", str(self.folder), *arguments]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, when: datetime, files: Mapping[str, Sequence[Row] | bytes | None]) -> str:
        """Commit the exchanges' files at a time; null removes a file. Returns the commit's id."""
        for exchange, content in files.items():
            path = self.folder / exchange / f"{exchange}_full_tickers.json"
            path.parent.mkdir(exist_ok=True)
            if content is None:
                path.unlink()
            else:
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                path.write_bytes(data)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=generated", when=when)
        return self.git("rev-parse", "HEAD")

    def bundle(self, target: Path) -> Path:
        """The whole history as one file."""
        self.git("bundle", "create", "--quiet", str(target), "HEAD", "main")
        return target


def year_file(path: Path, evenings: Mapping[date, Mapping[str, Sequence[Row]]]) -> Path:
    """The same evenings as the extracted Parquet file, sorted by symbol and day as that is."""
    rows = [
        _extracted(day, exchange, listing)
        for day, exchanges in evenings.items()
        for exchange, listings in exchanges.items()
        for listing in listings
    ]
    frame = pl.DataFrame(rows, schema=EXTRACTED_SCHEMA)
    frame.sort("symbol", "trade_date").write_parquet(path)
    return path


EXTRACTED_SCHEMA = {
    "trade_date": pl.Date,
    "exchange": pl.String,
    "symbol": pl.String,
    "name": pl.String,
    "lastsale": pl.Float64,
    "netchange": pl.Float64,
    "volume": pl.Int64,
    "marketCap": pl.Float64,
    "country": pl.String,
    "ipoyear": pl.Int16,
    "industry": pl.String,
    "sector": pl.String,
}


def _extracted(day: date, exchange: str, listing: Row) -> dict[str, object]:
    number = {
        "lastsale": float(listing["lastsale"].lstrip("$")),
        "netchange": float(listing["netchange"]),
        "volume": int(listing["volume"]),
        "marketCap": float(listing["marketCap"]) if listing["marketCap"] else None,
        "ipoyear": int(listing["ipoyear"]) if listing["ipoyear"] else None,
    }
    texts = {name: listing[name] for name in ("symbol", "name", "country", "industry", "sector")}
    return {"trade_date": day, "exchange": exchange} | texts | number
