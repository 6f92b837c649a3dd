"""Listings as the vendor writes them: the extracted Parquet file, and JSON in a git history.

The writing side of what `sources.us_stock_symbols` reads; nothing else writes it.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
import polars as pl

from r2k_pipeline.errors import SourceError
from r2k_pipeline.sources.us_stock_symbols.exchanges import EXCHANGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime
    from pathlib import Path

    from polars._typing import IntoExpr

_COLUMNS: dict[str, IntoExpr] = {
    "trade_date": "session",
    "exchange": "exchange",
    "symbol": "symbol",
    "name": "name",
    "lastsale": "close_usd",
    "netchange": (pl.col("close_usd") - pl.col("previous_close_usd")).round(6),
    "volume": "volume_shares",
    "marketCap": "market_cap_usd",
    "country": "country",
    "ipoyear": pl.col("ipo_year").cast(pl.Int16),
    "industry": "industry",
    "sector": "sector",
}
_TEXTS = ("symbol", "name", "country", "industry", "sector")


def year_file(path: Path, listings: pl.DataFrame, **others: pl.Expr) -> Path:
    """Write listings as the extracted file.

    Args:
        path: Where to.
        listings: Contract `raw_listings`; `session` is the day they were taken for.
        others: Columns to replace or to add, by the vendor's name.
    """
    frame = listings.select(**_COLUMNS).with_columns(**others)
    frame.sort("symbol", "trade_date").write_parquet(path)
    return path


def snapshots(listings: pl.DataFrame) -> dict[date, dict[str, bytes]]:
    """Listings as the vendor's JSON, by session and exchange."""
    found: dict[date, dict[str, bytes]] = {}
    for (day, exchange), rows in listings.partition_by("session", "exchange", as_dict=True).items():
        texts = [_row(row) for row in rows.select(**_COLUMNS).iter_rows(named=True)]
        found.setdefault(day, {})[str(exchange)] = orjson.dumps(texts)
    return found


def _row(row: Mapping[str, object]) -> dict[str, str]:
    texts = {name: str(row[name] or "") for name in _TEXTS}
    sums = {
        name: "" if row[name] is None else f"{row[name]:.6f}" for name in ("netchange", "marketCap")
    }
    return {
        **texts,
        **sums,
        "lastsale": f"${row['lastsale']:.6f}",
        "volume": str(row["volume"] or 0),
        "ipoyear": str(row["ipoyear"] or ""),
        "pctchange": "",
        "url": "",
    }


@dataclass(frozen=True, kw_only=True)
class Commit:
    """What the archive held from a moment on."""

    when: datetime
    files: Mapping[str, bytes]


def git_archive(path: Path, commits: Iterable[Commit]) -> Path:
    """Write a git history in the archive's native shape.

    Args:
        path: The git directory to make.
        commits: Oldest first.

    Raises:
        SourceError: git is not installed, or refuses.
    """
    git = shutil.which("git")
    if git is None:
        raise SourceError("no git here", state="nothing was written", remedy="install git")
    _run([git, "init", "--quiet", "--bare", "--initial-branch=main", str(path)])
    stream = b"".join(_commit(one) for one in commits)
    _run([git, "--git-dir", str(path), "fast-import", "--quiet"], stream)
    return path


def _commit(commit: Commit) -> bytes:
    seconds = int(commit.when.timestamp())
    head = f"commit refs/heads/main\ncommitter gym <gym@example.org> {seconds} +0000\ndata 0\n"
    parts = [head.encode()]
    for exchange, data in commit.files.items():
        name = f"{exchange}/{exchange}_full_tickers.json"
        parts.append(f"M 100644 inline {name}\ndata {len(data)}\n".encode() + data + b"\n")
    return b"".join(parts)


def _run(command: list[str], stream: bytes = b"") -> None:
    done = subprocess.run(command, input=stream, capture_output=True, check=False)  # noqa: S603 - no shell, arguments built here
    if done.returncode:
        raise SourceError(
            f"git refuses: {done.stderr.decode(errors='replace')[:200]}",
            state="nothing of the archive can be read",
            remedy="look at the scratch folder",
        )


def all_exchanges(content: bytes) -> dict[str, bytes]:
    """The same bytes for every exchange."""
    return dict.fromkeys(EXCHANGES, content)
