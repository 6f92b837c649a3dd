"""A build over a small market: one run a stage, reused, extended, and stopped by a check.

Invariants:
    1. A range is one run a stage, whatever its length; every partition is materialized.
    2. A build again runs nothing; a landing that changes nothing changes nothing here.
    3. A failing check leaves its table as it was, fails its run and stops what follows.
    4. What reaches the caller is our own error, never Dagster's.

The market has just enough companies for a thousand to be ranked, and three months around
one reconstitution.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl
import pytest

from r2k_pipeline.errors import BadInputError, ContractViolationError, MissingPartitionError
from r2k_pipeline.orchestration.build import BuildReport, build
from r2k_pipeline.orchestration.code_location import definitions
from r2k_pipeline.orchestration.instance import open_instance
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.orchestration.rebuild import rebuild_config
from r2k_pipeline.orchestration.sensors import failed_checks, late_landing
from r2k_pipeline.orchestration.stages import run_job
from r2k_pipeline.publication import SessionRange, publish
from r2k_pipeline.rulebook.family import family
from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.synthetic.parameters import small_market
from r2k_pipeline.sources.synthetic.source import SyntheticSource
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
FIRST, LAST = date(2022, 5, 2), date(2022, 7, 8)
EFFECTIVE = date(2022, 6, 27)
MARKET = small_market(companies=1300, first_session=FIRST, last_session=LAST)
RECEIVED = datetime(2022, 7, 8, 22, 0, tzinfo=UTC)


def land_market(settings: Settings) -> int:
    with open_store(settings) as store, SyntheticSource(MARKET) as source:
        report = land(store, source, None, None, run_id="landing", known_at=RECEIVED)
    return len(report.landed)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
        settings = Settings(home=tmp_path_factory.mktemp("home"))
        land_market(settings)
        yield settings


@pytest.fixture(scope="module")
def report(settings: Settings) -> BuildReport:
    return build(settings)


def test_a_range_is_one_run_a_stage(settings: Settings, report: BuildReport) -> None:
    stages = ["selection", "decision", "index", "explanation"]
    assert [stage.job for stage in report.stages] == stages
    assert (report.start, report.end, report.events) == (FIRST, LAST, ("2022-06",))
    assert report.note.startswith("2022-06: No incumbents were known")
    assert "--incumbents" in report.note
    with open_instance(settings) as instance:
        runs = instance.get_runs()
        assert [run.job_name for run in runs] == stages[::-1]
        assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}


@pytest.mark.parametrize(
    ("table", "start"), [("raw_listings", FIRST), ("ranking", FIRST), ("levels", EFFECTIVE)]
)
def test_every_partition_of_the_range_is_materialized(
    settings: Settings, report: BuildReport, table: str, start: date
) -> None:
    expected = {str(session) for session in sessions_between(start, report.end)}
    with open_instance(settings) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey(table)) == expected


@pytest.mark.usefixtures("report")
def test_every_index_has_a_level_on_every_session(settings: Settings) -> None:
    with open_store(settings) as store:
        levels = store.published.read("levels")
    # 1,300 companies reach no further than #2000: nobody is in the rmicro.
    indexes = set(family()) - {"rmicro"}
    assert set(levels["index_id"]) == indexes
    assert levels.group_by("index_id").len()["len"].unique().to_list() == [
        len(sessions_between(EFFECTIVE, LAST))
    ]
    base = levels.filter(pl.col("session") == EFFECTIVE)
    assert base["price_level"].to_list() == pytest.approx([1000.0] * len(indexes))


@pytest.mark.usefixtures("report")
def test_a_materialization_tells_its_numbers(settings: Settings) -> None:
    with open_instance(settings) as instance:
        (latest,) = instance.fetch_materializations(dg.AssetKey("ranking"), limit=1).records
    assert latest.partition_key == str(LAST)
    assert latest.asset_materialization is not None
    metadata = latest.asset_materialization.metadata
    assert metadata["companies"].value == metadata["dagster/partition_row_count"].value
    assert "| session | company_id |" in str(metadata["preview"].value)
    assert "passed" in str(metadata["checks"].value)


@pytest.mark.usefixtures("report")
def test_landing_and_building_again_change_nothing(settings: Settings) -> None:
    assert land_market(settings) == 0
    again = build(settings)
    assert all(stage.is_reused for stage in again.stages)


@pytest.mark.usefixtures("report")
def test_levels_do_not_depend_on_how_the_range_is_cut(settings: Settings) -> None:
    with open_store(settings) as store:
        before = store.published.read("levels")
    later = build(settings, date(2022, 7, 5), LAST)
    assert not any(stage.is_reused for stage in later.stages)
    with open_store(settings) as store:
        assert store.published.read("levels").equals(before)


def test_progress_names_each_table(settings: Settings) -> None:
    heard: list[tuple[int, int, str]] = []
    build(settings, FIRST, date(2022, 5, 3), progress=lambda *told: heard.append(told))
    assert [what for _, _, what in heard][::2] == [
        "raw_listings",
        "reported_actions",
        "securities",
        "corporate_actions",
        "security_events",
        "universe",
        "ranking",
    ]
    assert heard[-1][:2] == (7, 7)


def test_a_range_before_any_event_ends_with_the_ranking(settings: Settings) -> None:
    report = build(settings, FIRST, date(2022, 5, 4))
    assert [stage.job for stage in report.stages] == ["selection"]
    assert "no reconstitution is in force by 2022-05-04" in report.note


@pytest.mark.parametrize(
    ("start", "end", "culprit"),
    [
        (date(2022, 7, 2), date(2022, 7, 4), "there is no session"),
        (date(2031, 1, 2), date(2031, 1, 3), "has not closed yet"),
    ],
)
def test_a_range_that_cannot_be_built(
    settings: Settings, start: date, end: date, culprit: str
) -> None:
    with pytest.raises(BadInputError, match=culprit):
        build(settings, start, end)


def test_a_range_without_data_names_its_sessions(settings: Settings) -> None:
    with pytest.raises(MissingPartitionError) as caught:
        build(settings, date(2021, 3, 1), date(2021, 3, 31))
    assert caught.value.table == "raw_listings"
    assert caught.value.sessions[0] == date(2021, 3, 1)


def test_nothing_landed_and_nothing_said(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no session has landed"):
        build(Settings(home=tmp_path))


@pytest.mark.usefixtures("report")
def test_a_late_landing_asks_for_everything_after_it(settings: Settings) -> None:
    late = date(2022, 7, 6)
    with open_store(settings) as store:
        first_look = late_landing(store, None)
        assert isinstance(first_look, dg.SensorResult)
        assert not first_look.run_requests
        listings = store.lake.scan("raw_listings", start=late, end=late).collect()
        publish(
            store,
            "raw_listings",
            listings.with_columns(pl.col("volume_shares") + 1),
            partitions=SessionRange(start=late, end=late),
            run_id="late",
            known_at=datetime.now(UTC),
        )
        second_look = late_landing(store, first_look.cursor)
        assert isinstance(second_look, dg.SensorResult)
        assert second_look.run_requests is not None
        (request,) = second_look.run_requests
        assert request.run_config == rebuild_config(late, LAST)
        assert isinstance(late_landing(store, second_look.cursor), dg.SensorResult)


@pytest.mark.usefixtures("report")
def test_a_failing_check_leaves_the_table_and_stops_what_follows(settings: Settings) -> None:
    with open_store(settings) as store:
        good = store.lake.scan("constituents", start=EFFECTIVE, end=LAST).collect()
        levels_before = store.published.read("levels")
        # Past the gate, as only a fault of another program could: closes of one session are gone.
        worthless = good.with_columns(
            previous_close_usd=pl.when(pl.col("session") == date(2022, 7, 6))
            .then(-pl.col("previous_close_usd"))
            .otherwise(pl.col("previous_close_usd")),
            index_shares=pl.when(pl.col("session") == date(2022, 7, 6))
            .then(pl.col("index_shares") * 2)
            .otherwise(pl.col("index_shares")),
        )
        store.lake.replace("constituents", worthless, start=EFFECTIVE, end=LAST)
        ledger = store.published.read("divisors")
    with open_instance(settings) as instance:
        keys = dg.PartitionKeyRange(str(EFFECTIVE), str(LAST))
        with pytest.raises(ContractViolationError):
            run_job(settings, instance, "index", keys, tables=["divisors", "levels"])
        (run,) = instance.get_runs(limit=1)
        assert run.status is dg.DagsterRunStatus.FAILURE
        started = {
            e.step_key for e in instance.all_logs(run.run_id, dg.DagsterEventType.STEP_START)
        }
        assert started == {"divisors"}
        evaluations = [
            entry.dagster_event.asset_check_evaluation_data
            for entry in instance.all_logs(run.run_id, dg.DagsterEventType.ASSET_CHECK_EVALUATION)
            if entry.dagster_event is not None
        ]
        assert {check.check_name for check in evaluations if not check.passed}
    with open_store(settings) as store:
        assert store.published.read("divisors").equals(ledger)
        assert store.published.read("levels").equals(levels_before)
        told, cursor = failed_checks(store, RECEIVED.isoformat())
        assert any(line.startswith("divisors.") and run.run_id in line for line in told)
        assert failed_checks(store, cursor) == ([], cursor)
        store.lake.replace("constituents", good, start=EFFECTIVE, end=LAST)


@pytest.mark.usefixtures("report")
@pytest.mark.filterwarnings("ignore:Parameter `backfill_policy`")
def test_a_run_of_one_partition_tells_its_numbers_too(settings: Settings) -> None:
    # As the schedule and a click in the UI start it. A later build would not reuse the stage, so
    # this comes after the tests of what is reused.
    with open_instance(settings) as instance:
        definitions(settings).resolve_job_def("index").execute_in_process(
            instance=instance,
            partition_key=str(LAST),
            asset_selection=[dg.AssetKey("signals")],
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        (latest,) = instance.fetch_materializations(dg.AssetKey("signals"), limit=1).records
    assert latest.asset_materialization is not None
    metadata = latest.asset_materialization.metadata
    assert metadata["dagster/partition_row_count"].value == metadata["rows_in_run"].value
    assert "preview" in metadata


def test_two_processes_share_the_years_of_a_range(tmp_path: Path) -> None:
    """One January in two years: small, and cut where a shard begins."""
    market = small_market(
        companies=40, first_session=date(2021, 11, 1), last_session=date(2022, 1, 31)
    )
    settings = Settings(home=tmp_path)
    with open_store(settings) as store, SyntheticSource(market) as source:
        land(store, source, None, None, run_id="landing", known_at=RECEIVED)
    report = build(settings, workers=2)
    assert [stage.job for stage in report.stages] == ["selection"]
    with open_instance(settings) as instance:
        partitions = instance.get_materialized_partitions(dg.AssetKey("ranking"))
    assert partitions == {
        str(session) for session in sessions_between(date(2021, 11, 1), date(2022, 1, 31))
    }
