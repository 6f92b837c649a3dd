"""A build with a file of float factors: who counts with which float, and who is out for it.

Invariants: a line of the file counts with its own float, every other with 1 and `unknown`;
the ranking does not know floats; every level is verified.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.orchestration.build import build
from r2k_pipeline.orchestration.float_landing import land_floats
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.queries.members import members
from r2k_pipeline.queries.verification import verify
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.synthetic.parameters import small_market
from r2k_pipeline.sources.synthetic.source import SyntheticSource
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from r2k_pipeline.storage.store import Store

pytestmark = pytest.mark.slow
RANK_DAY, EFFECTIVE = date(2022, 5, 6), date(2022, 6, 27)
MARKET = small_market(companies=1300, first_session=RANK_DAY, last_session=EFFECTIVE)
KNOWN = datetime(2022, 6, 27, 22, 0, tzinfo=UTC)
TOO_SMALL = 0.049


def floats(listed: pl.DataFrame) -> str:
    """Every second of the large common lines at a half, and the largest nearly closely held."""
    common = listed.filter(pl.col("name").str.contains("Common Stock"))
    lines = common.sort("market_cap_usd", descending=True).head(200)
    place = pl.int_range(pl.len())
    factor = pl.when(place == 0).then(TOO_SMALL).otherwise(0.5)
    return (
        lines.select("symbol", float_factor=factor, place=place)
        .filter(pl.col("place") % 2 == 0)
        .select(
            "symbol", "float_factor", session=pl.lit(RANK_DAY), source=pl.lit("a file"),
            certainty=pl.lit("inferred"),
        )
        .write_csv()
    )  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("floats")
    settings = Settings(home=folder / "home")
    with open_store(settings) as opened, SyntheticSource(MARKET) as source:
        land(opened, source, None, None, run_id="landing", known_at=KNOWN)
        listed = opened.lake.scan("raw_listings", start=RANK_DAY, end=RANK_DAY).collect()
        (folder / "floats.csv").write_text(floats(listed), encoding="utf-8")
        land_floats(opened, folder / "floats.csv", run_id="floats", known_at=KNOWN)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
        build(settings)
    with open_store(settings) as opened:
        yield opened


def test_members_count_with_the_floats_of_the_file(store: Store) -> None:
    told = store.lake.scan("float_factors").collect()["symbol"]
    held = members(store, "r3000e", EFFECTIVE)
    is_told = pl.col("symbol").is_in(told.implode())
    ours, others = held.filter(is_told), held.filter(~is_told)
    assert ours.height > 50
    assert set(ours.select("float", "float_status").iter_rows()) == {(0.5, "known")}
    assert set(others.select("float", "float_status").iter_rows()) == {(1.0, "unknown")}
    assert held["weight"].sum() == pytest.approx(1.0)


def test_a_line_that_is_closely_held_is_out_and_says_why(store: Store) -> None:
    lines = store.lake.scan("universe", start=RANK_DAY, end=RANK_DAY).collect()
    (out,) = lines.filter(pl.col("float_factor") == TOO_SMALL).to_dicts()
    assert "float_below_minimum" in out["failed_rules"]
    assert out["security_id"] not in members(store, "r3000e", EFFECTIVE)["security_id"]
    unknown = lines.filter(pl.col("float_factor").is_null())["unknown_rules"]
    assert unknown.str.contains("float_below_minimum").all()


def test_ranking_is_by_total_capitalisation(store: Store) -> None:
    ranked = store.lake.scan("ranking", start=RANK_DAY, end=RANK_DAY).collect()
    lines = store.lake.scan("universe", start=RANK_DAY, end=RANK_DAY).collect()
    both = ranked.join(lines, on="security_id", suffix="_line").filter("is_eligible")
    assert both["total_market_cap_usd"].to_list() == pytest.approx(both["market_cap_usd"].to_list())


def test_every_level_is_verified(store: Store) -> None:
    assert verify(store).differences.is_empty()
