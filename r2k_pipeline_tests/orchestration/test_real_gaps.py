"""A refused and a missing session, from altered real snapshots to levels: carried, then healed.

Nine weeks around the reconstitution of 2022, of which Nasdaq lacks on one session and nothing
came on the next. Skipped where the real data are not there.

Golden: the real index's moves, which only the whole data know.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.orchestration.build import build
from r2k_pipeline.orchestration.landing import LandingReport, land
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.us_stock_symbols.year_files import YearFiles
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

FIRST, LAST = date(2022, 5, 2), date(2022, 7, 8)
BEFORE, HALVED, SILENT = date(2022, 7, 1), date(2022, 7, 5), date(2022, 7, 6)


def land_file(settings: Settings, rows: pl.DataFrame, path: Path) -> LandingReport:
    rows.sort("symbol", "trade_date").write_parquet(path)
    with open_store(settings) as store, YearFiles(path) as source:
        return land(store, source, None, None, run_id="landing", known_at=datetime.now(UTC))


def small_caps(settings: Settings) -> dict[date, dict[str, object]]:
    """The level of each session after building."""
    build(settings)
    with open_store(settings) as store:
        levels = store.published.read("levels", where={"index_id": "r2000"})
    return {row["session"]: row for row in levels.to_dicts()}


def test_a_gap_is_carried_with_its_age_and_heals_when_the_sessions_come(
    shared_data: Path, tmp_path: Path
) -> None:
    rows = (
        pl.scan_parquet(shared_data / "us_universe" / "2022.parquet")
        .filter(pl.col("trade_date").is_between(FIRST, LAST))
        .collect()
    )
    day, settings = pl.col("trade_date"), Settings(home=tmp_path / "home")
    halved = (day == HALVED) & (pl.col("exchange") == "nasdaq")
    report = land_file(settings, rows.filter(~halved & (day != SILENT)), tmp_path / "2022.parquet")
    assert [refusal.session for refusal in report.refused] == [HALVED]
    assert str(report.refused[0]).startswith("nasdaq is missing on 2022-07-05: 3,437 rows, ")

    gapped = small_caps(settings)
    carried = gapped[HALVED]
    assert carried["status"] == "CARRIED"
    assert carried["price_level"] == pytest.approx(gapped[BEFORE]["price_level"])
    members = carried["members"]
    assert carried["reason"] == f"{members} of {members} members carry an older close"
    assert str(carried["since"]) <= str(BEFORE)
    # The snapshot after the gap tells the closes of the session before it.
    assert "come from the next snapshot" in str(gapped[SILENT]["reason"])

    healed = land_file(settings, rows, tmp_path / "2022.parquet")
    assert (healed.landed, healed.refused) == ((HALVED, SILENT), ())
    whole = small_caps(settings)
    # What was carried was published, so what is right now says that it is not what was.
    assert {whole[session]["status"] for session in (HALVED, SILENT)} == {"RESTATED"}
    real = pl.read_csv(
        shared_data / "truth" / "rut_price_level_1987_2023.csv", try_parse_dates=True
    )
    known = dict(real.select("date", "price_level").iter_rows())
    for earlier, later in ((BEFORE, HALVED), (HALVED, SILENT)):
        ours = float(str(whole[later]["price_level"])) / float(str(whole[earlier]["price_level"]))
        assert ours == pytest.approx(known[later] / known[earlier], abs=0.006)
