"""What is written down about a publication: verdicts, held rows, provenance.

Holds frames of the contracts `quality_results`, `quarantine` and `provenance`,
one row for each partition and whatever is said about it, also if all is well.
Pure: writing them is ``life``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
import polars as pl

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.quality.outcome import SAMPLE_ROWS, WHOLE, CheckOutcome, row_failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from r2k_pipeline.contracts.model import Contract
    from r2k_pipeline.publication.partitions import Partitions

_SHAPE_CHECK = "columns_and_types_are_as_promised"
_BELONGING_CHECK = "rows_belong_to_the_partitions"
_KEY_SCHEMA = pl.Schema({"partition_key": pl.String()})
_FAILURE_SCHEMA = pl.Schema({
    "partition_key": pl.String(),
    "failed_rows": pl.Int64(),
    "sentence": pl.String(),
    "sample": pl.String(),
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """What every account of one publication has in common."""

    promised: Contract
    partitions: Partitions
    run_id: str
    known_at: datetime
    input_hash: str | None


def shape_outcome(occasion: Occasion, rows: int, fault: str | None = None) -> CheckOutcome:
    """The verdict on a frame's columns and types.

    Args:
        occasion: What is published.
        rows: Rows of the frame.
        fault: What is wrong; None if nothing is.
    """
    return CheckOutcome(
        table=occasion.promised.table,
        check_name=_SHAPE_CHECK,
        severity=Severity.ERROR,
        is_passed=fault is None,
        evaluated_rows=rows,
        failed_rows=0,
        sentence=fault or "Columns and types are as the contract promises.",
    )


def belonging(occasion: Occasion, frame: pl.DataFrame) -> CheckOutcome:
    """The verdict on whether a frame is what it claims to be: rows of these partitions.

    Args:
        occasion: What is published.
        frame: Contract-shaped rows.
    """
    promised = occasion.promised
    strays = frame.filter(~occasion.partitions.rows())
    sentence = f"Every row belongs to {occasion.partitions}."
    if strays.height:
        sentence += f" {strays.height:,} of {frame.height:,} rows do not."
    return CheckOutcome(
        table=promised.table,
        check_name=_BELONGING_CHECK,
        severity=Severity.ERROR,
        is_passed=strays.is_empty(),
        evaluated_rows=frame.height,
        failed_rows=strays.height,
        sentence=sentence,
        sample=tuple(strays.select(promised.key).head(SAMPLE_ROWS).to_dicts()),
    )


def quality_rows(
    occasion: Occasion, frame: pl.DataFrame, outcomes: Sequence[CheckOutcome]
) -> pl.DataFrame:
    """Every verdict on every partition, as rows of `quality_results`.

    A check passes for a partition if it passes at all, or if it counts failing
    rows and none of them lies there. A failure that is not of certain rows is
    one of every partition.

    Args:
        occasion: What is published.
        frame: The rows that were checked.
        outcomes: What the checks said.

    Returns:
        Contract `quality_results`, a row for each check and partition.
    """
    counts = _rows_by_partition(occasion, frame)
    verdicts = [_verdicts(occasion.promised, counts, outcome) for outcome in outcomes]
    return pl.concat(verdicts).select(
        table_name=pl.lit(occasion.promised.table),
        partition_key="partition_key",
        check_name="check_name",
        severity="severity",
        is_passed="is_passed",
        evaluated_rows="evaluated_rows",
        failed_rows="failed_rows",
        sentence="sentence",
        sample="sample",
        run_id=pl.lit(occasion.run_id),
        checked_at=_moment(occasion),
    )


def quarantine_rows(occasion: Occasion, held: pl.DataFrame) -> pl.DataFrame:
    """What was held back, as rows of `quarantine`.

    Args:
        occasion: What is published.
        held: As `split_quarantined` gave it.

    Returns:
        Contract `quarantine`, every row in state `held`.
    """
    nobody = pl.lit(None, dtype=pl.String)
    return held.with_columns(
        run_id=pl.lit(occasion.run_id), quarantined_at=_moment(occasion), state=pl.lit("held"),
        person=nobody, reason=nobody,
    )  # fmt: skip


def provenance_rows(occasion: Occasion, frame: pl.DataFrame) -> pl.DataFrame:
    """What each partition was built from, as rows of `provenance`.

    Args:
        occasion: What is published.
        frame: The rows that are promoted.

    Returns:
        Contract `provenance`, a row for each partition, also for an empty one.
    """
    return _rows_by_partition(occasion, frame).select(
        table_name=pl.lit(occasion.promised.table),
        partition_key="partition_key",
        input_hash=pl.lit(occasion.input_hash, dtype=pl.String),
        rows="rows",
        run_id=pl.lit(occasion.run_id),
        written_at=_moment(occasion),
    )


def _moment(occasion: Occasion) -> pl.Expr:
    return pl.lit(occasion.known_at).cast(pl.Datetime("us", "UTC"))


def _rows_by_partition(occasion: Occasion, frame: pl.DataFrame) -> pl.DataFrame:
    """Each partition's key and its rows, in order; partitions without rows count 0."""
    named = pl.DataFrame({"partition_key": occasion.partitions.keys()}, schema=_KEY_SCHEMA)
    column = occasion.promised.partition_column
    by = pl.lit(WHOLE) if column is None else pl.col(column)
    # Counted before the keys become text: there are millions of rows and hundreds of keys.
    counted = (
        frame.group_by(by.alias("partition_key"))
        .agg(rows=pl.len().cast(pl.Int64))
        .cast({"partition_key": pl.String})
    )
    return (
        named.join(counted, on="partition_key", how="full", coalesce=True)
        .with_columns(pl.col("rows").fill_null(0))
        .sort("partition_key")
    )


def _verdicts(promised: Contract, counts: pl.DataFrame, outcome: CheckOutcome) -> pl.DataFrame:
    """One check's verdict on each partition."""
    promise = {rule.name: rule.sentence for rule in promised.rules}.get(outcome.check_name)
    # Of a partition that keeps the promise, not what is told of one that breaks it.
    kept = {r.name: r.sentence for r in promised.rules_beyond_rows}.get(outcome.check_name)
    failing = pl.DataFrame(
        _failures(promised, dict(counts.iter_rows()), outcome, promise),
        schema=_FAILURE_SCHEMA,
        orient="row",
    )
    failed = pl.col("failed_rows")
    return counts.join(failing, on="partition_key", how="full", coalesce=True).select(
        "partition_key",
        check_name=pl.lit(outcome.check_name),
        severity=pl.lit(str(outcome.severity)),
        is_passed=pl.lit(outcome.is_passed) | failed.is_null(),
        evaluated_rows=pl.max_horizontal("rows", failed),
        failed_rows=failed.fill_null(0),
        sentence=pl.col("sentence").fill_null(promise or kept or outcome.sentence),
        sample=pl.col("sample").fill_null("[]"),
    )


def _failures(
    promised: Contract, rows: Mapping[str, int], outcome: CheckOutcome, promise: str | None
) -> list[tuple[str, int, str, str]]:
    """Partition, failed rows, sentence and sample, where a check failed."""
    if not outcome.failed_by_partition:
        if outcome.is_passed:
            return []
        sample = _json(outcome.sample)
        return [(key, outcome.failed_rows, outcome.sentence, sample) for key in rows]
    failures = []
    column = promised.partition_column or WHOLE
    for key, failed in outcome.failed_by_partition.items():
        sentence = outcome.sentence_by_partition.get(key, outcome.sentence)
        if promise is not None:
            evaluated = max(failed, rows.get(key, 0))
            sentence = row_failure(promise, failed=failed, evaluated=evaluated, partitions=[key])
        # A sample of a table without partitions, or without the column, is of all of them.
        shown = outcome.sample_by_partition.get(key) or [
            row for row in outcome.sample if str(row.get(column, key)) == key
        ]
        failures.append((key, failed, sentence, _json(shown)))
    return failures


def _json(sample: Sequence[Mapping[str, object]]) -> str:
    shown = [dict(row) for row in sample[:SAMPLE_ROWS]]
    return orjson.dumps(shown, default=str).decode()
