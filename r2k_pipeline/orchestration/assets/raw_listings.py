"""0: what the source has, landed; and a clear word about what it does not have.

The configured source is asked only for sessions that have not landed yet, so a range that
`r2k ingest` landed costs one look. Checks were judged when a session landed; their record
is what the asset reports.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.contracts.polars_shape import polars_schema
from r2k_pipeline.errors import MissingPartitionError
from r2k_pipeline.orchestration.assets.declaration import session_asset
from r2k_pipeline.orchestration.checks import recorded_outcomes
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.quality.presence import Presence, session_presence
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.sources.registry import open_source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan

_TABLE = "raw_listings"


@session_asset(_TABLE, deps=[])
def raw_listings(run: TableRun, span: SessionSpan) -> None:
    """Land what is missing, then say what there is."""
    presence = _presence(run, span)
    if presence.missing and run.store.settings.source is not None:
        _land(run, start=presence.missing[0], end=presence.missing[-1])
        presence = _presence(run, span)
    _require_no_long_gap(run, presence)
    verdicts = run.store.published.read("quality_results", where={"table_name": _TABLE}).filter(
        pl.col("partition_key").is_between(pl.lit(str(span.start)), pl.lit(str(span.end)))
    )
    newest = verdicts.sort("checked_at").unique(
        ["partition_key", "check_name"], keep="last", maintain_order=True
    )
    run.outcomes.extend(recorded_outcomes(newest))
    rows = run.store.lake.scan(_TABLE, start=span.start, end=span.end, columns=["session"])
    landed = rows.group_by("session").agg(listings=pl.len()).collect()
    run.state("session", landed)
    listings = int(landed["listings"].sum())
    run.note({"listings_in_run": listings, "missing_sessions": len(presence.missing)})


@session_asset("reported_actions", deps=[_TABLE])
def reported_actions(run: TableRun, span: SessionSpan) -> None:
    """Judge the actions that landed with the listings; many feeds report none."""
    reported = run.read("reported_actions", start=span.start, end=span.end)
    run.publish_sessions(reported, span)
    run.state("session", reported.group_by("session").agg(actions=pl.len()))


def _presence(run: TableRun, span: SessionSpan) -> Presence:
    return session_presence(span.sessions, run.store.lake.sessions(_TABLE, span.start, span.end))


def _land(run: TableRun, *, start: date, end: date) -> None:
    settings = run.store.settings
    with open_source(settings.source or "", settings.source_path) as source:
        report = land(run.store, source, start, end, run_id=run.run_id, known_at=datetime.now(UTC))
    run.note({"landed_sessions": len(report.landed), "evidence": len(report.evidence)})


def _require_no_long_gap(run: TableRun, presence: Presence) -> None:
    """Record every missing session; a short gap is carried over, a long one is not.

    Raises:
        MissingPartitionError: Nothing landed, or more consecutive sessions are missing than a
            close may be carried for.
    """
    missing, gap = presence.missing, presence.longest_gap
    if not missing:
        return
    is_short = len(gap) <= rules_in_force(gap[0]).max_carried_sessions
    may_be_carried = is_short and len(missing) < len(presence.expected)
    _record(run, missing, Severity.WARN if may_be_carried else Severity.ERROR)
    if not may_be_carried:
        raise MissingPartitionError(_TABLE, gap)


def _record(run: TableRun, missing: Sequence[date], severity: Severity) -> None:
    sentence = "The source has nothing for this session."
    verdicts = pl.DataFrame(
        {
            "table_name": _TABLE,
            "partition_key": [str(session) for session in missing],
            "check_name": "missing_input",
            "severity": severity.value,
            "is_passed": False,
            "evaluated_rows": 0,
            "failed_rows": 0,
            "sentence": sentence,
            "sample": "[]",
            "run_id": run.run_id,
            "checked_at": datetime.now(UTC),
        },
        schema=polars_schema(contract("quality_results")),
    )
    run.store.published.append("quality_results", verdicts)
