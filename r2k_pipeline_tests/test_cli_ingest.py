"""`r2k ingest` on an archive of told evenings: what it says of half a universe, and how it ends."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from r2k_pipeline.cli import app
from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import open_store
from r2k_pipeline_tests.sources.archives import EXCHANGES, Row, price_cents, row, year_file

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

SESSIONS = sessions_between(date(2022, 6, 21), date(2022, 6, 30))
ODD = SESSIONS[5]
# More than the fewest lines that an exchange is judged by.
LINES = {"amex": 110, "nasdaq": 160, "nyse": 130}


def served(exchange: str, session: int) -> list[Row]:
    """What the vendor serves of an exchange on the n-th session."""
    rows = []
    for line in range(LINES[exchange]):
        last, before = price_cents(line, session), price_cents(line, session - 1)
        symbol = f"{exchange[:2].upper()}{line:03d}"
        rows.append(row(symbol, f"${last / 100:.2f}", f"{(last - before) / 100:.2f}"))
    return rows


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Eight sessions; on the sixth the archive has nothing of Nasdaq."""
    evenings = {
        day: {exchange: served(exchange, number) for exchange in EXCHANGES}
        for number, day in enumerate(SESSIONS)
    }
    del evenings[ODD]["nasdaq"]
    return year_file(tmp_path / "2022.parquet", evenings)


def ingest(home: Path, archive: Path, *options: str) -> Result:
    arguments = ["ingest", "us-stock-symbols", "--path", str(archive), "--home", str(home)]
    return CliRunner().invoke(app, [*arguments, *options])


def landed(home: Path) -> list[date]:
    with open_store(Settings(home=home)) as store:
        return store.lake.sessions("raw_listings")


def test_half_a_universe_is_refused_and_the_rest_lands(tmp_path: Path, archive: Path) -> None:
    found = ingest(tmp_path, archive)
    assert found.exit_code == 0, found.output
    assert "7 sessions landed, 2,800 rows; 0 stood already; 1 refused" in found.stderr
    assert f"  nasdaq is missing on {ODD}: 240 rows, expected 400 ± 3 %." in found.stderr
    assert landed(tmp_path) == [day for day in SESSIONS if day != ODD]


def test_a_landing_of_which_everything_is_refused_fails(tmp_path: Path, archive: Path) -> None:
    ingest(tmp_path, archive, "--to", str(SESSIONS[4]))
    found = ingest(tmp_path, archive, "--from", str(ODD), "--to", str(ODD))
    assert found.exit_code == 1
    assert f"raw_listings [{ODD}..{ODD}]: nasdaq is missing on {ODD}: 240 rows" in found.stderr
    assert "its last good partitions stand" in found.stderr
    assert landed(tmp_path) == SESSIONS[:5]


def test_somebody_who_looked_may_land_it(tmp_path: Path, archive: Path) -> None:
    ingest(tmp_path, archive)
    found = ingest(tmp_path, archive, "--from", str(ODD), "--to", str(ODD), "--accept-short")
    assert found.exit_code == 0, found.output
    assert "1 sessions landed, 240 rows; 0 stood already; 0 refused" in found.stderr
    assert landed(tmp_path) == SESSIONS
