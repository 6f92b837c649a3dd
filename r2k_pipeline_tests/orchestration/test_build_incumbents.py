"""Members that are given for the first event: kept, banded against, and refused where useless.

Invariants:
    1. The first event decides as the methodology does with these incumbents.
    2. They survive: a later build without the list decides the same.
    3. A list that cannot be used stops the build before anything is decided.

The market has just enough companies for a thousand to be ranked, and one reconstitution.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest
from typer.testing import CliRunner

from r2k_pipeline.cli import app
from r2k_pipeline.errors import BadInputError
from r2k_pipeline.orchestration.build import BuildReport, build
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.synthetic.parameters import small_market
from r2k_pipeline.sources.synthetic.source import SyntheticSource
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
FIRST, RANK_DAY, LAST = date(2022, 5, 2), date(2022, 5, 6), date(2022, 7, 8)
MARKET = small_market(companies=1300, first_session=FIRST, last_session=LAST)
UNKNOWN = [f"NOT{place}" for place in range(12)]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
        settings = Settings(home=tmp_path_factory.mktemp("home"))
        received = datetime(2022, 7, 8, 22, 0, tzinfo=UTC)
        with open_store(settings) as store, SyntheticSource(MARKET) as source:
            land(store, source, None, None, run_id="landing", known_at=received)
        yield settings


@pytest.fixture(scope="module")
def members(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All companies of the first session the wrong way round: the largest were small."""
    build(settings, FIRST, RANK_DAY)
    with open_store(settings) as store:
        ranking = store.lake.scan("ranking", start=FIRST, end=FIRST).collect().sort("rank")
    is_top = pl.col("rank") <= ranking.height // 2
    index = pl.when(is_top).then(pl.lit("R2000")).otherwise(pl.lit("r1000"))
    rows = pl.concat(
        [ranking.select("symbol", index=index), pl.DataFrame({"symbol": UNKNOWN, "index": "small"})]
    )
    path = tmp_path_factory.mktemp("lists") / "members.csv"
    rows.write_csv(path)
    return path


@pytest.fixture(scope="module")
def report(settings: Settings, members: Path) -> BuildReport:
    return build(settings, incumbents=members)


def decisions(settings: Settings) -> pl.DataFrame:
    with open_store(settings) as store:
        return store.published.read("reconstitution", event_id="2022-06")


def test_the_note_counts_the_symbols_that_were_not_found(report: BuildReport) -> None:
    first, second = report.note.splitlines()
    assert first.startswith("2022-06 is banded against ")
    assert first.endswith(" companies of members.csv")
    assert second.startswith("warning: 12 of its ")
    assert second.endswith("NOT7, NOT8, NOT9 and 2 more")


@pytest.mark.usefixtures("report")
def test_the_first_event_bands_against_them(settings: Settings) -> None:
    decided = decisions(settings)
    with open_store(settings) as store:
        given = store.published.read("initial_members", event_id="2022-06")
        (bounds,) = (
            store.published.read("breakpoints", event_id="2022-06")
            .filter(pl.col("boundary_rank") == 1000)[
                ["is_banded", "lower_bound_share", "upper_bound_share"]
            ]
            .rows()
        )
    is_banded, *band = bounds
    assert is_banded
    before = decided.join(given.select("company_id", was="segment"), on="company_id", how="left")
    assert before["previous_segment"].equals(before["was"], null_equal=True)
    departed = pl.col("reason").str.contains("its last line ended")
    inside = before.filter(
        pl.col("cumulative_market_cap_share").is_between(*band),
        pl.col("was").is_not_null(),
        ~departed,
    )
    assert inside.height > 0
    assert inside["segment"].equals(inside["was"])
    assert {"stays_by_band", "moves_up"} <= set(decided["decision"])


@pytest.mark.usefixtures("report")
def test_a_later_build_without_the_list_decides_the_same(settings: Settings) -> None:
    before = decisions(settings)
    again = build(settings)
    assert all(stage.is_reused for stage in again.stages)
    assert not again.note
    build(settings, FIRST, date(2022, 6, 28))
    assert decisions(settings).equals(before)


@pytest.mark.usefixtures("report")
def test_another_list_decides_again_and_the_command_says_so(
    settings: Settings, tmp_path: Path
) -> None:
    with open_store(settings) as store:
        top = store.lake.scan("ranking", start=FIRST, end=FIRST).collect().sort("rank").head(3)
    top.select("symbol", index=pl.lit("large")).write_csv(tmp_path / "three.csv")
    asked = ["build", "--incumbents", str(tmp_path / "three.csv"), "--home", str(settings.home)]
    built = CliRunner().invoke(app, asked)
    assert built.exit_code == 0, built.output
    assert "2022-06 is banded against 3 companies of three.csv: each of its 3" in built.stderr
    assert "selection: 2022-05-02 to 2022-07-08: nothing had changed" in built.stderr
    assert decisions(settings)["previous_segment"].drop_nulls().to_list() == ["large"] * 3


@pytest.mark.parametrize(
    ("start", "text", "culprit"),
    [
        (FIRST, "symbol,index\nNOT1,R1000\n", "none of its 1 symbols was listed on 2022-05-02"),
        (FIRST, "symbol\nA\n", "mine.csv, row 1: the header must name index"),
        (FIRST, None, "no list of members at"),
        (date(2022, 6, 28), "symbol,index\nA,R1000\n", "no event from 2022-06-28"),
    ],
)
def test_a_list_that_cannot_be_used(
    settings: Settings, tmp_path: Path, start: date, text: str | None, culprit: str
) -> None:
    path = tmp_path / "mine.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadInputError, match=culprit):
        build(settings, start, incumbents=path)


def test_an_event_whose_rank_day_is_not_built_takes_no_list(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("symbol,index\nA,R1000\n")
    with pytest.raises(BadInputError, match="2022-06 cannot be decided from 2022-06-01 on"):
        build(Settings(home=tmp_path), date(2022, 6, 1), LAST, incumbents=path)


def test_an_event_with_incumbents_of_its_own_takes_no_list(
    settings: Settings, report: BuildReport, tmp_path: Path
) -> None:
    assert report.events == ("2022-06",)
    path = tmp_path / "mine.csv"
    path.write_text("symbol,index\nA,R1000\n")
    with pytest.raises(BadInputError, match="2023-06 has incumbents already"):
        build(settings, date(2023, 5, 1), date(2023, 6, 30), incumbents=path)
