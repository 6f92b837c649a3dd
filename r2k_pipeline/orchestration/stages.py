"""One stage of a build: a job over a range of partitions, in this process or shared by several.

Holds how a run is started, watched and reused, and how what went wrong inside comes out as
the error that caused it. Which stages there are and over which ranges is `build`.
"""

from __future__ import annotations

import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING
from uuid import uuid4

from dagster import AssetKey, DagsterEventType, DagsterRunStatus, PartitionKeyRange, RunsFilter
from dagster_shared.utils.warnings import BetaWarning

from r2k_pipeline.errors import R2kError
from r2k_pipeline.orchestration.causes import causes
from r2k_pipeline.orchestration.code_location import definitions
from r2k_pipeline.orchestration.instance import open_instance
from r2k_pipeline.orchestration.jobs import JOB_TABLES, SHARED_STEPS
from r2k_pipeline.orchestration.partitions import (
    RANGE_END,
    RANGE_START,
    SessionSpan,
    session_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from dagster import DagsterInstance
    from dagster._core.events.log import EventLogEntry

    from r2k_pipeline.orchestration.progress import Progress
    from r2k_pipeline.settings import Settings

_INPUTS, _PARTITION = "r2k/inputs", "dagster/partition"
# Of runs further back nobody asks what has been written over them since.
_LOOKED_BACK = 200
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, kw_only=True)
class StageReport:
    """One stage of a build.

    Attributes:
        job: The job's name, as the UI shows it.
        tables: The tables that it materializes.
        first_key: First partition key of the range.
        last_key: Last partition key of the range.
        run_id: The run that did it, the last one if several shared it; an earlier one if
            `is_reused`.
        is_reused: Whether nothing had changed since that run.
    """

    job: str
    tables: tuple[str, ...]
    first_key: str
    last_key: str
    run_id: str
    is_reused: bool


@dataclass(frozen=True, kw_only=True)
class StageRunner:
    """Runs stages one after the other.

    Args:
        settings: Where everything lies.
        instance: Dagster's instance of these settings.
        workers: Processes that share the years of a range.
        progress: Told when a table is begun and done.
    """

    settings: Settings
    instance: DagsterInstance
    workers: int
    progress: Progress

    def run(
        self, job: str, first_key: str, last_key: str, *, inputs: Callable[[], str]
    ) -> StageReport:
        """Run a job over a range, unless that was done with the same code and input.

        Args:
            job: One of the jobs.
            first_key: First partition key.
            last_key: Last partition key.
            inputs: Says what the stage depends on; asked before, to find an earlier run, and
                after, because the first stage may land more.

        Raises:
            R2kError: Whatever stopped a table.
        """
        earlier = self._earlier_run(job, first_key, last_key, inputs())
        run_id = earlier or self._run(job, PartitionKeyRange(first_key, last_key))
        if earlier is None:
            self.instance.add_run_tags(run_id, {_INPUTS: inputs()})
        else:
            self.progress(1, 1, f"{job}: nothing changed")
        return StageReport(
            job=job,
            tables=JOB_TABLES[job],
            first_key=first_key,
            last_key=last_key,
            run_id=run_id,
            is_reused=earlier is not None,
        )

    def _earlier_run(self, job: str, first: str, last: str, inputs: str) -> str | None:
        """The run of this very stage, unless one with other inputs has written over it since."""
        succeeded = RunsFilter(job_name=job, statuses=[DagsterRunStatus.SUCCESS])
        wanted = {RANGE_START: first, RANGE_END: last, _INPUTS: inputs}
        for run in self.instance.get_runs(succeeded, limit=_LOOKED_BACK):
            if wanted.items() <= run.tags.items():
                return run.run_id
            day = run.tags.get(_PARTITION, "")
            start, end = (run.tags.get(tag, day) for tag in (RANGE_START, RANGE_END))
            if start <= last and first <= end and run.tags.get(_INPUTS) != inputs:
                return None
        return None

    def _run(self, job: str, keys: PartitionKeyRange) -> str:
        spans = SessionSpan.from_keys(keys).years
        if self.workers <= 1 or job not in SHARED_STEPS or len(spans) == 1:
            watch = _Watch(tables=JOB_TABLES[job], progress=self.progress)
            return run_job(self.settings, self.instance, job, keys, watch=watch)
        return self._run_shared(job, keys, spans)

    def _run_shared(self, job: str, keys: PartitionKeyRange, spans: Sequence[SessionSpan]) -> str:
        """Give the years of a range to several processes, step by step."""
        years = [
            PartitionKeyRange(session_key(s.start), session_key(s.end)) for s in _trimmed(spans)
        ]
        run_id, done = "", 0
        with ProcessPoolExecutor(self.workers, mp_context=get_context("spawn")) as pool:
            for step in SHARED_STEPS[job]:
                self.progress(done, len(JOB_TABLES[job]), ", ".join(step.tables))
                ranges = years if step.is_shared else [keys]
                work = [pool.submit(run_shard, self.settings, job, r, step.tables) for r in ranges]
                for result in _results(work, job):
                    if isinstance(result, Failure):
                        raise result.as_error()
                    run_id = result
                done += len(step.tables)
        self.progress(done, done, job)
        return run_id


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What stopped a run in another process, in a form that travels between processes."""

    culprit: str
    state: str
    remedy: str

    def as_error(self) -> R2kError:
        """The error, as the process that waits raises it."""
        return R2kError(self.culprit, state=self.state, remedy=self.remedy)


@dataclass(kw_only=True)
class _Watch:
    """Turns Dagster's events into progress."""

    tables: Sequence[str]
    progress: Progress
    done: int = 0

    def __call__(self, entry: EventLogEntry) -> None:
        match entry.dagster_event_type:
            case DagsterEventType.STEP_START:
                self.progress(self.done, len(self.tables), str(entry.step_key))
            case DagsterEventType.STEP_SUCCESS:
                self.done += 1
                self.progress(self.done, len(self.tables), str(entry.step_key))
            case _:
                pass


def run_job(
    settings: Settings,
    instance: DagsterInstance,
    job: str,
    keys: PartitionKeyRange,
    *,
    tables: Sequence[str] | None = None,
    watch: Callable[[EventLogEntry], None] | None = None,
) -> str:
    """Run a job over a range of partitions in this process.

    Args:
        settings: Where everything lies.
        instance: Dagster's instance of these settings.
        job: One of the jobs.
        keys: The partitions.
        tables: Only these of the job's tables.
        watch: Told every event as it is stored.

    Returns:
        The run's id.

    Raises:
        R2kError: Whatever stopped a table.
    """
    run_id = str(uuid4())
    if watch is not None:
        instance.add_event_listener(run_id, watch)
    # An instance keeps no definitions: they are cheap, and built for these settings alone.
    definition = definitions(settings).resolve_job_def(job)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BetaWarning)
        try:
            definition.execute_in_process(
                instance=instance,
                run_id=run_id,
                run_config=_QUIET,
                asset_selection=[AssetKey(table) for table in tables] if tables else None,
                tags={RANGE_START: keys.start, RANGE_END: keys.end},
            )
        except Exception as error:
            cause = causing_error(error)
            if cause is None:
                raise
            raise cause from None
    return run_id


def run_shard(
    settings: Settings, job: str, keys: PartitionKeyRange, tables: Sequence[str]
) -> str | Failure:
    """Run some tables of a job in a process of its own; return the run's id or what failed."""
    try:
        with open_instance(settings) as instance:
            return run_job(settings, instance, job, keys, tables=tables)
    except R2kError as error:
        return Failure(culprit=error.culprit, state=error.state, remedy=error.remedy)


def causing_error(error: BaseException) -> R2kError | None:
    """Find our own error inside what Dagster raised.

    Example:
        >>> causing_error(ValueError("no cause of ours")) is None
        True
    """
    return next((found for found in causes(error) if isinstance(found, R2kError)), None)


def _results(work: Sequence[Future[str | Failure]], job: str) -> list[str | Failure]:
    """What the processes say that share a step, when all have ended.

    Raises:
        R2kError: One was killed.
    """
    try:
        return [future.result() for future in work]
    except BrokenProcessPool as error:
        raise R2kError(
            f"a process that shared {job} was killed",
            state="what it published stands, whole; the rest is as it was",
            remedy="run again, with fewer --workers if memory ran out",
        ) from error


def _trimmed(spans: Sequence[SessionSpan]) -> Iterator[SessionSpan]:
    """Spans whose ends are sessions: a partition key must be one."""
    for span in spans:
        sessions = span.sessions
        if sessions:
            yield SessionSpan(start=sessions[0], end=sessions[-1])
