"""Three months of real listings, from the git bundle through Dagster to levels that replay.

The figures are those that the project promises for 2022: breakpoint and total
within three per cent of the published, daily returns that follow the real index.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.orchestration.build import build
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.queries.levels import levels
from r2k_pipeline.queries.verification import verify
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.registry import open_source
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from r2k_pipeline.storage.store import Store

pytestmark = pytest.mark.slow

FIRST, LAST = date(2022, 4, 25), date(2022, 7, 29)


@pytest.fixture(scope="module")
def built(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The bundle, landed and built once."""
    settings = Settings(home=tmp_path_factory.mktemp("bundle"))
    bundle = shared_data / "us-stock-symbols-2022q2.bundle"
    with open_store(settings) as store, open_source("us-stock-symbols", str(bundle)) as source:
        land(store, source, None, None, run_id="ingest", known_at=datetime.now(UTC))
    build(settings, FIRST, LAST)
    with open_store(settings) as store:
        yield store


def published(shared_data: Path, year: int) -> dict[str, float]:
    figures = pl.read_csv(shared_data / "truth" / "published_reconstitutions.csv")
    return figures.filter(pl.col("year") == year).row(0, named=True)


def test_the_breakpoint_and_the_total_are_near_the_published(
    built: Store, shared_data: Path
) -> None:
    known = published(shared_data, 2022)
    boundaries = built.published.read("breakpoints", event_id="2022-06")
    large = boundaries.row(by_predicate=pl.col("boundary_rank") == 1000, named=True)
    total = boundaries.row(by_predicate=pl.col("boundary_rank") == 3000, named=True)
    assert large["breakpoint_usd"] / 1e9 == pytest.approx(known["breakpoint_usd_bn"], rel=0.03)
    companies = total["cumulative_market_cap_share"] * total["total_market_cap_usd"]
    assert companies / 1e12 == pytest.approx(known["r3000_total_cap_usd_tn"], rel=0.03)


def test_daily_returns_follow_the_real_index(built: Store, shared_data: Path) -> None:
    real = pl.read_csv(
        shared_data / "truth" / "rut_price_level_1987_2023.csv", try_parse_dates=True
    ).select(pl.col("date").alias("session"), real=pl.col("price_level"))
    ours = levels(built, "r2000").select("session", "price_level").join(real, on="session")
    returns = ours.sort("session").select(pl.col("price_level", "real").pct_change()).drop_nulls()
    assert returns.height >= 20
    assert returns.select(pl.corr("price_level", "real")).item() > 0.995


def test_every_published_level_replays(built: Store) -> None:
    found = verify(built)
    assert found.differences.is_empty()
    assert found.indexes.filter(pl.col("sessions") < 20).is_empty()
