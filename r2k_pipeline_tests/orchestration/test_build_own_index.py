"""A user's own index: an entry in a file, and from it to levels, members and the ledger.

Indexes that no code knows: one with ranks, a band, a sector filter, a list of companies
that are left out, full market capitalisation and a cap; one of equal weights; and the
r1000 divided into growth and value by fundamentals of the user.
The market is the small one of `test_build`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.orchestration.build import BuildReport, build
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.queries.levels import levels
from r2k_pipeline.queries.members import members
from r2k_pipeline.queries.verification import verify
from r2k_pipeline.reports.factsheet import factsheet, factsheet_inputs
from r2k_pipeline.rulebook.family import family
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.synthetic.parameters import small_market
from r2k_pipeline.sources.synthetic.source import SyntheticSource
from r2k_pipeline.storage.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
FIRST, LAST = date(2022, 5, 2), date(2022, 7, 1)
RANK_DAY, EFFECTIVE = date(2022, 5, 6), date(2022, 6, 27)
MARKET = small_market(companies=1300, first_session=FIRST, last_session=LAST)
OWN = """
indexes:
  focus:
    name: Two sectors, the middle of the market
    ranks: [101, 750]
    band: 0.02
    sectors: [Technology, Finance]
    excluding: left_out.csv
    weighting: full_market_cap
    cap: {{company: {cap}}}
    base_value: 500
  top100eq:
    name: A hundred, equally
    ranks: [1, 100]
    weighting: equal
  largev: {{name: Value, ranks: [1, 1000], style: value}}
  largeg: {{name: Growth, ranks: [1, 1000], style: growth}}
"""


def fundamentals(listed: pl.DataFrame) -> str:
    """A file of the user: numbers that differ from line to line, some missing."""
    number = pl.int_range(pl.len())
    return listed.select(
        event=pl.lit("2022-06"), symbol="symbol", book_to_price=number % 97 / 97,
        growth_forecast=pl.when(number % 5 > 0).then(number % 31 / 100),
        sales_growth=number % 13 / 100, analysts=number % 4 + 1,
    ).write_csv()  # fmt: skip


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
        settings = Settings(home=tmp_path_factory.mktemp("home"))
        with open_store(settings) as store, SyntheticSource(MARKET) as source:
            moment = datetime(2022, 7, 1, 22, 0, tzinfo=UTC)
            land(store, source, None, None, run_id="landing", known_at=moment)
            listed = store.lake.scan("raw_listings", start=RANK_DAY, end=RANK_DAY).collect()
        (settings.home / "fundamentals.csv").write_text(fundamentals(listed), encoding="utf-8")
        (settings.home / "left_out.csv").write_text("symbol\n", encoding="utf-8")
        (settings.home / "family.yaml").write_text(OWN.format(cap=0.1), encoding="utf-8")
        yield settings


@pytest.fixture(scope="module")
def report(settings: Settings) -> BuildReport:
    return build(settings)


@pytest.fixture
def store(settings: Settings, report: BuildReport) -> Iterator[Store]:
    assert report.events == ("2022-06",)
    with open_store(settings) as opened:
        yield opened


def decisions(store: Store) -> pl.DataFrame:
    return store.published.read("reconstitution", event_id="2022-06")


def test_an_entry_alone_gives_levels_that_can_be_recomputed(store: Store) -> None:
    assert list(store.family) == [*family(), "focus", "top100eq", "largev", "largeg"]
    found = levels(store, "focus")
    assert found["session"].to_list()[0] == EFFECTIVE
    assert found["price_level"][0] == pytest.approx(500.0)
    verified = verify(store)
    assert {"focus", "top100eq", "largev", "largeg"} <= set(verified.indexes["index_id"])
    assert verified.differences.is_empty()


def test_its_members_are_those_of_its_ranks_and_sectors(store: Store) -> None:
    chosen = decisions(store).filter(
        pl.col("rank").is_between(101, 750), pl.col("sector").is_in(["Technology", "Finance"])
    )
    held = members(store, "focus", EFFECTIVE)
    assert chosen.height > 50
    # Who stopped trading between rank day and effective day has no line.
    assert set(held["company_id"]) <= set(chosen["company_id"])
    assert held["company_id"].n_unique() >= chosen.height - 3
    assert set(held["sector"]) == {"Technology", "Finance"}


def test_its_weights_are_reset_below_the_cap(store: Store) -> None:
    weights = members(store, "focus", EFFECTIVE).group_by("company_id").agg(pl.col("weight").sum())
    assert weights["weight"].sum() == pytest.approx(1.0)
    assert (weights["weight"] <= 0.1 + 1e-9).all()
    equal = members(store, "top100eq", EFFECTIVE)
    by_sector = equal.group_by(pl.col("sector").fill_null("none")).agg(pl.col("weight").sum())
    assert by_sector["weight"].to_list() == pytest.approx([1 / by_sector.height] * by_sector.height)


def test_growth_and_value_make_the_whole_on_every_session(store: Store) -> None:
    scores = store.published.read("style_scores", event_id="2022-06")
    assert scores.height == decisions(store)["segment"].count()
    assert scores["estimated"].count() > 0
    assert set(scores["value_probability"].is_between(0, 1)) == {True}
    whole, value, growth = (
        store.published.read("levels", where={"index_id": name}).sort("session")
        for name in ("r1000", "largev", "largeg")
    )
    together = value["market_value_usd"] + growth["market_value_usd"]
    assert together.to_list() == pytest.approx(whole["market_value_usd"].to_list())
    assert value["members"][0] < whole["members"][0]


def test_its_factsheet_says_what_it_is(store: Store) -> None:
    page = factsheet(factsheet_inputs(store, "focus"))
    for words in (
        "rank 101 to 750, of the sectors Technology, Finance",
        "full market capitalisation, no company above 10.0 %",
        "2.0 % of cumulative market capitalisation around rank 100",
    ):
        assert words in page


@pytest.mark.usefixtures("report")
def test_a_change_of_the_file_decides_and_weighs_again_and_ranks_nothing_again(
    settings: Settings,
) -> None:
    with open_store(settings) as store:
        largest = members(store, "focus", EFFECTIVE)["symbol"][0]
        shipped = levels(store, "r1000")
    (settings.home / "left_out.csv").write_text(f"symbol\n{largest}\n", encoding="utf-8")
    (settings.home / "family.yaml").write_text(OWN.format(cap=0.05), encoding="utf-8")
    again = build(settings)
    assert [stage.is_reused for stage in again.stages] == [True, False, False, False]
    with open_store(settings) as store:
        held = members(store, "focus", EFFECTIVE)
        assert largest not in held["symbol"].to_list()
        weights = held.group_by("company_id").agg(pl.col("weight").sum())
        assert (weights["weight"] <= 0.05 + 1e-9).all()
        assert levels(store, "r1000").equals(shipped)
        assert verify(store).differences.is_empty()
