"""A contract and a body become a Dagster asset.

Everything that Dagster shows of an asset comes from its contract: description, columns,
owner, group, checks. A body does the work of one range and knows nothing of Dagster.
Add here what holds for every asset; what one asset does stands in its own file.
"""

# No postponed annotations here: Dagster compares the annotation of `context` as it stands.
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, TypeAlias

import polars as pl
from dagster import (
    AssetCheckResult,
    AssetDep,
    AssetExecutionContext,
    AssetsDefinition,
    BackfillPolicy,
    MaterializeResult,
    MetadataValue,
    PartitionsDefinition,
    TableColumn,
    TableColumnConstraints,
    TableSchema,
    asset,
)
from dagster_shared.utils.warnings import BetaWarning

from r2k_pipeline.contracts.dagster_columns import column_metadata
from r2k_pipeline.contracts.load import contract, tables
from r2k_pipeline.contracts.model import Contract, Storage
from r2k_pipeline.errors import (
    ContractShapeError,
    ContractViolationError,
    MissingPartitionError,
    SourceShapeError,
)
from r2k_pipeline.orchestration.assets.table_run import TableRun
from r2k_pipeline.orchestration.checks import (
    check_results,
    check_specs,
    recorded_outcomes,
    rows_as_markdown,
)
from r2k_pipeline.orchestration.partitions import EVENTS, SESSIONS, SessionSpan, events_of
from r2k_pipeline.orchestration.resources import STORE
from r2k_pipeline.rulebook.schedule import Event

Step: TypeAlias = "AssetCheckResult | MaterializeResult[None]"
Work: TypeAlias = Callable[[TableRun, AssetExecutionContext], None]

# One run a stage, however long the range: a body works through it year by year, so memory is
# bounded, and two runs of one stage never meet. Years are shared between processes by `build`.
_RANGED = BackfillPolicy.single_run()
_PREVIEW_COLUMNS = 8
_BARS = "▁▂▃▄▅▆▇█"
_SPARKLINE_POINTS = 60


def session_asset(
    table: str, *, deps: Sequence[AssetDep | str]
) -> Callable[[Callable[[TableRun, SessionSpan], None]], AssetsDefinition]:
    """Declare a table of which one run materializes a range of sessions."""

    def declare(body: Callable[[TableRun, SessionSpan], None]) -> AssetsDefinition:
        def work(run: TableRun, context: AssetExecutionContext) -> None:
            body(run, SessionSpan.from_keys(context.partition_key_range))

        return _declare(table, work, deps=deps, partitions=SESSIONS)

    return declare


def event_asset(
    table: str, *, deps: Sequence[AssetDep | str]
) -> Callable[[Callable[[TableRun, list[Event]], None]], AssetsDefinition]:
    """Declare a table of which one run materializes a range of events, in their order."""

    def declare(body: Callable[[TableRun, list[Event]], None]) -> AssetsDefinition:
        def work(run: TableRun, context: AssetExecutionContext) -> None:
            body(run, events_of(context.partition_key_range))

        return _declare(table, work, deps=deps, partitions=EVENTS)

    return declare


def whole_asset(
    table: str, *, deps: Sequence[AssetDep | str]
) -> Callable[[Callable[[TableRun], None]], AssetsDefinition]:
    """Declare a table that is always materialized as a whole."""

    def declare(body: Callable[[TableRun], None]) -> AssetsDefinition:
        def work(run: TableRun, _context: AssetExecutionContext) -> None:
            body(run)

        return _declare(table, work, deps=deps, partitions=None)

    return declare


def _declare(
    table: str,
    work: Work,
    *,
    deps: Sequence[AssetDep | str],
    partitions: PartitionsDefinition[str] | None,
) -> AssetsDefinition:
    promised = contract(table)

    def materialize(context: AssetExecutionContext) -> Any:  # noqa: ANN401 - Dagster reads it
        store = getattr(context.resources, STORE)
        run = TableRun(table=table, store=store, run_id=context.run.run_id)
        yield from _steps(run, work, context)

    with warnings.catch_warnings():
        # Dagster calls ranged runs beta; this package pins its version and tests them.
        warnings.simplefilter("ignore", BetaWarning)
        return asset(
            name=table,
            description=_description(promised),
            group_name=_group_names()[promised.group],
            owners=[f"team:{promised.owner}"],
            kinds={"polars", "iceberg" if promised.storage is Storage.LAKE else "sql"},
            tags={"storage": promised.storage.value, "partitioning": promised.partitioning.value},
            code_version=promised.version,
            metadata={"dagster/column_schema": _column_schema(promised)},
            check_specs=check_specs(promised),
            deps=deps,
            partitions_def=partitions,
            backfill_policy=_RANGED if partitions is not None else None,
            required_resource_keys={STORE},
        )(materialize)


def _steps(run: TableRun, work: Work, context: AssetExecutionContext) -> Iterator[Step]:
    """Do the work; report every check, also when one of them stopped it."""
    promised = contract(run.table)
    try:
        work(run, context)
    except (ContractViolationError, ContractShapeError, MissingPartitionError, SourceShapeError):
        recorded = run.store.published.read(
            "quality_results", where={"run_id": run.run_id, "table_name": run.table}
        )
        yield from check_results(promised, recorded_outcomes(recorded), is_whole=False)
        raise
    metadata, shown = _run_metadata(run), _shown_of_run(run)
    if context.has_partition_key_range:
        _attach_to_partitions(run, shown, context)
    else:
        own = run.facts.get(context.partition_key, {}) if context.has_partition_key else {}
        metadata |= {**own, **shown}
    yield MaterializeResult(metadata=metadata, check_results=check_results(promised, run.outcomes))


def _attach_to_partitions(
    run: TableRun, shown: dict[str, Any], context: AssetExecutionContext
) -> None:
    """Attach its numbers to each partition, and what shows the whole run to the last of them."""
    keys = list(context.partition_keys)
    told: dict[str, Any] = {key: run.facts[key] for key in keys if key in run.facts}
    told[keys[-1]] = {**told.get(keys[-1], {}), **shown}
    # `context.add_asset_metadata` looks for each key in the whole range anew: milliseconds a
    # key, and half a minute over forty years.
    step = context.get_step_execution_context()
    gathered = step._metadata_accumulator  # noqa: SLF001
    for key, facts in told.items():
        gathered = gathered.with_additional_asset_metadata(
            asset_key=context.asset_key, metadata=facts, partition_key=key
        )
    step._metadata_accumulator = gathered  # noqa: SLF001


def _description(promised: Contract) -> str:
    return f"{promised.description}\n\n{promised.grain} {promised.usage}"


@cache
def _group_names() -> dict[str, str]:
    """Groups numbered in the order of the data, because Dagster lists them by name."""
    groups = list(dict.fromkeys(contract(table).group for table in tables()))
    return {group: f"{position}_{group}" for position, group in enumerate(groups, start=1)}


def _column_schema(promised: Contract) -> TableSchema:
    return TableSchema(
        columns=[
            TableColumn(
                name=column["name"],
                type=column["type"],
                description=column["description"],
                constraints=TableColumnConstraints(
                    nullable=column["nullable"], other=["primary key"] if column["key"] else []
                ),
            )
            for column in column_metadata(promised)
        ]
    )


def _run_metadata(run: TableRun) -> dict[str, Any]:
    """What is true of every partition of a run."""
    failing = sorted({o.check_name for o in run.outcomes if not o.is_passed})
    metadata: dict[str, Any] = {
        "rows_in_run": sum(done.rows for done in run.publications),
        "quarantined_rows": sum(done.quarantined_rows for done in run.publications),
        "checks": f"{len({o.check_name for o in run.outcomes})} passed"
        if not failing
        else f"{len(failing)} warn: {', '.join(failing)}",
    }
    if run.input_hash is not None:
        metadata["input_hash"] = run.input_hash
    return metadata


def _shown_of_run(run: TableRun) -> dict[str, Any]:
    """What shows a run as a whole: kilobytes, so not for each of its partitions."""
    shown: dict[str, Any] = dict(run.notes)
    if run.preview is not None:
        shown["preview"] = MetadataValue.md(preview(run.preview))
    return shown


def preview(frame: pl.DataFrame) -> str:
    """Lay out the first columns of a few rows for a human.

    Example:
        >>> print(preview(pl.DataFrame({"symbol": ["BOLT"], "rank": [1]})))
        | symbol | rank |
        | --- | --- |
        | BOLT | 1 |
    """
    return rows_as_markdown(frame.select(frame.columns[:_PREVIEW_COLUMNS]).to_dicts())


def sparkline(values: Sequence[float]) -> str:
    """Draw a series in one line of text.

    Example:
        >>> sparkline([1.0, 2.0, 4.0])
        '▁▃█'
    """
    if not values:
        return ""
    stride = max(1, len(values) // _SPARKLINE_POINTS)
    shown = values[::stride]
    low, high = min(shown), max(shown)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in shown)
