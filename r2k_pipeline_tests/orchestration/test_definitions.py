"""What Dagster is shown: every asset whole, every job and schedule runnable.

The asset keys are spelled by hand on purpose: adding or losing one is a decision.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest
import yaml
from dagster._core.execution.asset_backfill import AssetBackfillData

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.definitions import defs
from r2k_pipeline.orchestration.code_location import definitions
from r2k_pipeline.orchestration.instance import packaged_config
from r2k_pipeline.orchestration.jobs import JOB_TABLES, SHARED_STEPS
from r2k_pipeline.orchestration.resources import STORE
from r2k_pipeline.orchestration.schedules import event_request, session_request
from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

ASSETS = {
    "breakpoints": "4_reconstitution",
    "constituents": "4_reconstitution",
    "corporate_actions": "2_universe",
    "fundamentals": "4_reconstitution",
    "style_scores": "4_reconstitution",
    "weight_factors": "4_reconstitution",
    "divisors": "5_levels",
    "levels": "5_levels",
    "maintenance": "4_reconstitution",
    "preliminary_lists": "4_reconstitution",
    "ranking": "3_ranking",
    "raw_listings": "1_raw",
    "reconstitution": "4_reconstitution",
    "reported_actions": "1_raw",
    "securities": "2_universe",
    "security_events": "2_universe",
    "signals": "6_signals",
    "universe": "2_universe",
    "why_cards": "4_reconstitution",
}
UPSTREAM = {
    "breakpoints": ["reconstitution"],
    "constituents": ["corporate_actions", "maintenance", "reconstitution", "universe"],
    "corporate_actions": ["raw_listings", "reported_actions", "securities"],
    "fundamentals": ["reconstitution"],
    "style_scores": ["fundamentals", "reconstitution"],
    "weight_factors": ["constituents", "style_scores"],
    "divisors": ["constituents", "corporate_actions", "weight_factors"],
    "levels": ["constituents", "divisors", "weight_factors"],
    "maintenance": [
        "corporate_actions",
        "raw_listings",
        "reconstitution",
        "securities",
        "security_events",
        "universe",
    ],
    "preliminary_lists": ["reconstitution", "universe"],
    "ranking": ["universe"],
    "raw_listings": [],
    "reconstitution": ["ranking", "universe"],
    "reported_actions": ["raw_listings"],
    "securities": ["raw_listings"],
    "security_events": ["raw_listings", "securities"],
    "signals": ["levels"],
    "universe": ["corporate_actions", "raw_listings", "securities"],
    "why_cards": ["reconstitution", "security_events", "universe"],
}
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def graph() -> dg.AssetGraph:
    return defs.resolve_asset_graph()


def names(keys: Iterable[dg.AssetKey]) -> list[str]:
    return sorted(key.to_user_string() for key in keys)


def test_asset_keys(graph: dg.AssetGraph) -> None:
    assert names(graph.get_all_asset_keys()) == sorted(ASSETS)


@pytest.mark.parametrize("table", sorted(ASSETS))
def test_every_asset_shows_its_contract(graph: dg.AssetGraph, table: str) -> None:
    node, promised = graph.get(dg.AssetKey(table)), contract(table)
    assert node.group_name == ASSETS[table]
    assert promised.description in (node.description or "")
    assert node.owners == [f"team:{promised.owner}"]
    assert "polars" in node.kinds
    assert node.kinds & {"iceberg", "sql"}
    assert node.code_version == promised.version
    schema: object = node.metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    columns = schema.columns
    assert tuple(column.name for column in columns) == promised.names
    assert all(column.description for column in columns)


@pytest.mark.parametrize("table", sorted(ASSETS))
def test_every_asset_has_its_rules_as_checks(graph: dg.AssetGraph, table: str) -> None:
    promised = contract(table)
    checks = {
        key.name: graph.get_check_spec(key)
        for key in graph.get_check_keys_for_assets({dg.AssetKey(table)})
    }
    assert {rule.name for rule in promised.rules} < set(checks)
    for rule in promised.rules:
        is_blocking = rule.severity is Severity.ERROR and not rule.quarantines
        assert checks[rule.name].blocking is is_blocking, rule.name
    assert any(spec.blocking for spec in checks.values())


@pytest.mark.parametrize("table", sorted(ASSETS))
def test_the_graph_reads_in_the_order_of_the_data(graph: dg.AssetGraph, table: str) -> None:
    assert names(graph.get(dg.AssetKey(table)).parent_keys) == UPSTREAM[table]


def test_every_session_asset_takes_a_range_in_one_run(graph: dg.AssetGraph) -> None:
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        if node.partitions_def is not None:
            assert node.backfill_policy == dg.BackfillPolicy.single_run()


# Dagster's own backfill calls a function that Dagster deprecates.
@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`:DeprecationWarning")
def test_a_backfill_of_a_month_asks_for_its_sessions_and_nothing_else(
    graph: dg.AssetGraph,
) -> None:
    month = [str(session) for session in sessions_between(date(2022, 6, 1), date(2022, 6, 30))]
    with dg.DagsterInstance.ephemeral() as instance:
        asked = AssetBackfillData.from_asset_partitions(
            asset_graph=graph,
            partition_names=month,
            asset_selection=list(graph.get_all_asset_keys()),
            dynamic_partitions_store=instance,
            backfill_start_timestamp=datetime(2022, 7, 1, tzinfo=UTC).timestamp(),
            all_partitions=False,
        ).target_subset
    for table in ("raw_listings", "universe", "ranking", "constituents", "levels", "signals"):
        subset = asked.get_partitions_subset(dg.AssetKey(table))
        assert list(subset.get_partition_keys()) == month, table
    for table in ("breakpoints", "reconstitution"):
        assert dg.AssetKey(table) not in asked.asset_keys


def test_shared_steps_cover_their_job_in_order() -> None:
    for job, steps in SHARED_STEPS.items():
        assert tuple(table for step in steps for table in step.tables) == JOB_TABLES[job]


def test_jobs_schedules_and_sensors() -> None:
    repository = defs.get_repository_def()
    assert sorted(repository.job_names) == [
        "__ASSET_JOB",
        "daily",
        "decision",
        "explanation",
        "index",
        "rebuild",
        "reconstitution_event",
        "retention",
        "selection",
    ]
    assert sorted(s.name for s in repository.schedule_defs) == [
        "after_the_close",
        "reconstitution_in_time",
    ]
    assert sorted(s.name for s in repository.sensor_defs) == [
        "rebuild_after_late_landing",
        "tell_of_failed_checks",
    ]
    assert all(s.default_status.value == "STOPPED" for s in repository.schedule_defs)
    assert all(s.default_status.value == "STOPPED" for s in repository.sensor_defs)


@pytest.mark.parametrize(
    ("day", "is_morning", "partition"),
    [
        (date(2022, 5, 6), False, "2022-06-27"),
        (date(2022, 6, 3), False, "2022-06-27"),
        (date(2022, 6, 17), False, "2022-06-27"),
        (date(2022, 6, 17), True, None),
        (date(2026, 12, 4), False, "2026-12-14"),
        (date(2022, 6, 27), True, "2022-06-27"),
        (date(2022, 6, 27), False, None),
        (date(2022, 6, 24), True, None),
        (date(2026, 12, 14), True, "2026-12-14"),
        (date(2025, 12, 15), True, None),
    ],
)
def test_the_reconstitution_schedule_knows_its_days(
    day: date, partition: str | None, *, is_morning: bool
) -> None:
    request = event_request(day, is_morning=is_morning)
    assert getattr(request, "partition_key", None) == partition


def test_every_evening_of_an_event_has_a_run_of_its_own() -> None:
    days = [date(2022, 5, 6), date(2022, 6, 3), date(2022, 6, 10), date(2022, 6, 17)]
    runs = [event_request(day, is_morning=False) for day in days]
    keys = [request.run_key for request in runs if isinstance(request, dg.RunRequest)]
    assert keys == ["2022-06-preliminary", *(f"2022-06-list-{day}" for day in days[1:])]


def test_the_daily_schedule_skips_an_unscheduled_closure() -> None:
    assert isinstance(session_request(date(2025, 1, 9)), dg.SkipReason)
    request = session_request(date(2025, 1, 10))
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2025-01-10"


def test_the_daily_schedule_makes_up_for_evenings_that_were_refused() -> None:
    request = session_request(date(2025, 1, 10), published=date(2025, 1, 7))
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key is None
    assert sorted(request.tags.values()) == ["2025-01-08", "2025-01-10"]  # the 9th was closed
    again = session_request(date(2025, 1, 10), published=date(2025, 1, 10))
    assert isinstance(again, dg.RunRequest)
    assert again.partition_key == "2025-01-10"


def test_the_daily_schedule_reads_what_is_published(tmp_path: Path) -> None:
    repository = definitions(Settings(home=tmp_path)).get_repository_def()
    schedule = repository.get_schedule_def("after_the_close")
    moment = datetime(2024, 7, 3, 22, 30, tzinfo=UTC)
    store = {STORE: repository.get_top_level_resources()[STORE]}
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_schedule_context(
            instance, resources=store, scheduled_execution_time=moment, repository_def=repository
        ) as context,
    ):
        (request,) = schedule.evaluate_tick(context).run_requests or ()
    assert request.partition_key == "2024-07-03"  # nothing was published: no range


def test_both_copies_of_dagster_yaml_are_the_same() -> None:
    assert (CHECKOUT / "dagster.yaml").read_text() == packaged_config()


def test_the_workspace_loads_these_definitions() -> None:
    workspace = yaml.safe_load((CHECKOUT / "workspace.yaml").read_text())
    assert workspace["load_from"][0]["python_module"]["module_name"] == "r2k_pipeline.definitions"


def test_dagster_yaml_is_accepted_and_settings_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R2K_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "")
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE")
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "dagster.yaml").write_text(packaged_config())
    with dg.DagsterInstance.from_config(str(tmp_path / "instance")) as instance:
        assert not instance.get_runs()
        assert not instance.telemetry_enabled
    assert Path(Settings().dagster_home, "history", "runs", "index.db").exists()
