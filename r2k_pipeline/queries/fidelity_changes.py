"""Our additions and deletions of an event beside the published ones.

Frames in, frames out; symbols and causes as in `fidelity_members`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.edges import in_index
from r2k_pipeline.methodology.symbol_keys import matching_key
from r2k_pipeline.queries.fidelity_causes import Cause
from r2k_pipeline.queries.fidelity_members import (
    causes_counted,
    disagreements_named,
    missed_cause,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ACTIONS = ("addition", "deletion")


@dataclass(frozen=True, kw_only=True)
class ChangeComparison:
    """One list of changes beside ours.

    Args:
        scores: One row per index and action: `index`, `action`, `ours`, `theirs`,
            `both` (lines), `found_share` (of theirs) and `right_share` (of ours).
        causes: As `fidelity_members.MemberComparison.causes`; `side` is the action
            that we did not find.
        names: As `fidelity_members.MemberComparison.names`.
    """

    scores: pl.DataFrame
    causes: pl.DataFrame
    names: pl.DataFrame


def compare_changes(changes: pl.DataFrame, standing: pl.DataFrame) -> ChangeComparison:
    """Compare published changes with ours.

    Args:
        changes: `symbol`, `action`, `index`, as a `TruthFile` has them.
        standing: As `fidelity_members.line_standing` gives it for the first
            session after the event.

    Notes:
        A member that was delisted during the year left before the event: it is no
        deletion of the event, with us as with those who publish.
    """
    theirs = changes.with_columns(key=matching_key())
    pairs = theirs.select("index", "action").unique().sort("index", "action").rows()
    names = pl.concat([_missed(theirs, standing, *pair) for pair in pairs])
    return ChangeComparison(
        scores=pl.DataFrame(list(_scores(theirs, standing, pairs))),
        causes=causes_counted(names),
        names=names,
    )


def _scores(
    theirs: pl.DataFrame, standing: pl.DataFrame, pairs: list[tuple[str, ...]]
) -> Iterator[dict[str, object]]:
    for index_id, action in pairs:
        ours = set(_ours(standing, index_id, action)["key"])
        truth = set(_listed(theirs, index_id, action)["key"])
        both = len(ours & truth)
        yield {
            "index": index_id,
            "action": action,
            "ours": len(ours),
            "theirs": len(truth),
            "both": both,
            "found_share": both / len(truth) if truth else None,
            "right_share": both / len(ours) if ours else None,
        }


def _listed(theirs: pl.DataFrame, index_id: str, action: str) -> pl.DataFrame:
    return theirs.filter(pl.col("index") == index_id, pl.col("action") == action)


def _was_and_is(index_id: str) -> tuple[pl.Expr, pl.Expr]:
    """Whether a line's company was in an index before the event, and whether it is after it."""
    return in_index(index_id, "previous_indexes"), in_index(index_id, "decided_indexes")


def _ours(standing: pl.DataFrame, index_id: str, action: str) -> pl.DataFrame:
    was, now = _was_and_is(index_id)
    changed = ~was & now if action == "addition" else was & ~now & pl.col("is_listed")
    return standing.filter(changed, pl.col("is_vehicle"))


def _missed(
    theirs: pl.DataFrame, standing: pl.DataFrame, index_id: str, action: str
) -> pl.DataFrame:
    """Their changes that we did not find, each with its cause."""
    known = standing.with_columns(our_key="key")
    rows = (
        _listed(theirs, index_id, action)
        .join(_ours(standing, index_id, action), on="key", how="anti")
        .join(known, on="key", how="left")
    )
    was, now = _was_and_is(index_id)
    if action == "addition":
        nobody = pl.Series([[]], dtype=pl.List(pl.String))
        cause = (
            pl.when(was & now)
            .then(pl.lit(Cause.ALREADY_MEMBER))
            .otherwise(missed_cause(index_id, nobody))
        )
    else:
        cause = (
            pl.when(now).then(pl.lit(Cause.KEPT))
            .when(~was).then(pl.lit(Cause.NEVER_OURS))
            .otherwise(pl.lit(Cause.UNEXPLAINED))
        )  # fmt: skip
    return disagreements_named(rows, index_id, side=action, cause=cause.cast(pl.String))
