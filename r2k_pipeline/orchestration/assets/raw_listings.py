"""0: what the source has, landed; and a clear word about what it does not have.

The configured source is asked only for sessions that have not landed yet, so a range that
`r2k ingest` landed costs one look. Checks were judged when a session landed; their record
is what the asset reports. A session that was refused then, or never came, is a gap.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.errors import MissingPartitionError, NothingInRangeError
from r2k_pipeline.orchestration.assets.declaration import session_asset
from r2k_pipeline.orchestration.checks import recorded_outcomes
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.orchestration.landing_gate import counts_that_stand, reasons
from r2k_pipeline.publication import SessionList, record_verdicts
from r2k_pipeline.quality.continuity import CHECK_NAME as EXCHANGES
from r2k_pipeline.quality.continuity import exchange_continuity
from r2k_pipeline.quality.presence import Presence, presence_outcome, session_presence
from r2k_pipeline.quality.regularity import regularity_outcome
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.sessions import sessions_before
from r2k_pipeline.sources.registry import open_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from r2k_pipeline.orchestration.assets.table_run import TableRun
    from r2k_pipeline.orchestration.partitions import SessionSpan

_TABLE = "raw_listings"


@session_asset(_TABLE, deps=[])
def raw_listings(run: TableRun, span: SessionSpan) -> None:
    """Land what is missing, then say what there is."""
    presence = _presence(run, span)
    why: Mapping[date, str] = {}
    if presence.missing and run.store.settings.source is not None:
        why = _land(run, presence.missing)
        presence = _presence(run, span)
    run.outcomes.extend(recorded_outcomes(_verdicts_that_stand(run, span)))
    # Days without a record are regular; only what is odd is written down.
    run.outcomes.append(regularity_outcome(_TABLE, {}))
    counts = counts_that_stand(run.store, span.start, span.end)
    run.outcomes.append(exchange_continuity(_TABLE, counts))
    _judge_gaps(run, presence, why)
    landed = _landed(run, span)
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
    """What of the span landed; a gap before it makes one at its head longer."""
    before = sessions_before(span.start, rules_in_force(span.start).max_carried_sessions)
    first = next(iter(before), span.start)
    landed = run.store.lake.sessions(_TABLE, first, span.end)
    return session_presence(span.sessions, landed, before=before)


def _landed(run: TableRun, span: SessionSpan) -> pl.DataFrame:
    """How many listings each session has."""
    rows = run.store.lake.scan(_TABLE, start=span.start, end=span.end, columns=["session"])
    return rows.group_by("session").agg(listings=pl.len()).collect()


def _land(run: TableRun, missing: Sequence[date]) -> Mapping[date, str]:
    """Ask the source for the missing sessions; say why some did not land.

    The session before them is asked for too: only beside it can the source tell of a
    snapshot that shows nothing new.
    """
    settings = run.store.settings
    start = next(iter(sessions_before(missing[0], 1)), missing[0])
    with open_source(settings.source or "", settings.source_path) as source:
        try:
            report = land(
                run.store, source, start, missing[-1], run_id=run.run_id, known_at=datetime.now(UTC)
            )
        except NothingInRangeError:
            return {}
    run.note({
        "landed_sessions": len(report.landed),
        "refused_sessions": len(report.refused),
        "evidence": len(report.evidence),
    })  # fmt: skip
    return reasons(report.evidence, report.refused)


def _verdicts_that_stand(run: TableRun, span: SessionSpan) -> pl.DataFrame:
    """What the checks said of the rows that stand, not of others that were offered since.

    Without the lines of the exchanges: those are judged as they stand now.
    """
    key = ["table_name", "partition_key", "run_id"]
    within = pl.col("partition_key").is_between(pl.lit(str(span.start)), pl.lit(str(span.end)))
    written = run.store.published.read(
        "provenance", where={"table_name": _TABLE}, columns=[*key, "written_at"]
    )
    standing = (
        written.filter(within).sort("written_at").unique("partition_key", keep="last").select(key)
    )
    verdicts = run.store.published.read("quality_results", where={"table_name": _TABLE})
    return (
        verdicts.filter(within & (pl.col("check_name") != EXCHANGES))
        .join(standing, on=key, how="semi")
        .sort("checked_at")
        .unique(["partition_key", "check_name"], keep="last", maintain_order=True)
    )


def _judge_gaps(run: TableRun, presence: Presence, why: Mapping[date, str]) -> None:
    """Record every missing session; a short gap is carried over, a long one is not.

    Raises:
        MissingPartitionError: Nothing landed, or more consecutive sessions are missing than a
            close may be carried for.
    """
    gap = presence.longest_gap
    tolerated = rules_in_force((gap or presence.expected)[0]).max_carried_sessions
    outcome = presence_outcome(_TABLE, presence, tolerated_gap=tolerated, reasons=why)
    run.outcomes.append(outcome)
    if outcome.is_passed:
        return
    record_verdicts(
        run.store,
        _TABLE,
        [outcome],
        partitions=SessionList(presence.missing),
        run_id=run.run_id,
        known_at=datetime.now(UTC),
    )
    if outcome.severity is Severity.ERROR:
        missing = [session for session in gap if session in presence.missing]
        told = [why[session].rstrip(".") for session in missing if session in why][:1]
        if len(gap) > tolerated:
            told.append(f"{len(gap)} sessions in a row are missing, {tolerated} may be carried")
        raise MissingPartitionError(_TABLE, missing, why="; ".join(told))
