"""The runs that people and schedules start: one job a stage.

Assets partitioned by session and by event cannot share a run, and an event reads the
rankings of its rank day while constituents read the event in force, and a why-card tells
of every review before its event. Hence four stages, in this order. `build` runs them one
after the other; a backfill in the UI does the same. Day by day two jobs do the four.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster import AssetSelection, define_asset_job

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

SELECTION = "selection"
DECISION = "decision"
INDEX = "index"
EXPLANATION = "explanation"
DAILY = "daily"
RECONSTITUTION = "reconstitution_event"

SELECTION_TABLES = (
    "raw_listings",
    "reported_actions",
    "securities",
    "security_events",
    "corporate_actions",
    "universe",
    "ranking",
)
"""From what the source has to the ranking of each session."""

DECISION_TABLES = (
    "reconstitution",
    "breakpoints",
    "fundamentals",
    "style_scores",
    "preliminary_lists",
)
"""What each event decides, and what was public of it beforehand."""

INDEX_TABLES = (
    "maintenance",
    "constituents",
    "weight_factors",
    "divisors",
    "levels",
    "signals",
)
"""From the members to what is published each session."""

EXPLANATION_TABLES = ("why_cards",)
"""Why each event decided as it did."""

JOB_TABLES = {
    SELECTION: SELECTION_TABLES,
    DECISION: DECISION_TABLES,
    INDEX: INDEX_TABLES,
    EXPLANATION: EXPLANATION_TABLES,
    DAILY: (*SELECTION_TABLES, *INDEX_TABLES),
    RECONSTITUTION: (*DECISION_TABLES, *EXPLANATION_TABLES),
}
"""The tables of each job, in the order of the data."""


@dataclass(frozen=True)
class Step:
    """Tables that one process can do for some years of a range, if `is_shared`."""

    tables: tuple[str, ...]
    is_shared: bool


SHARED_STEPS = {
    SELECTION: (
        Step(("raw_listings", "reported_actions"), is_shared=True),
        Step(("securities", "security_events"), is_shared=False),
        Step(("corporate_actions", "universe", "ranking"), is_shared=True),
    ),
    INDEX: (
        Step(("maintenance",), is_shared=False),
        Step(("constituents",), is_shared=True),
        Step(("weight_factors", "divisors", "levels", "signals"), is_shared=False),
    ),
}
"""How several processes share a stage. A step begins when the one before is done."""


def all_jobs() -> list[UnresolvedAssetJobDefinition]:
    """Every job, in the order in which a build runs them."""
    return [
        define_asset_job(
            SELECTION,
            AssetSelection.assets(*SELECTION_TABLES),
            description="Stage 1: land raw listings and rank the companies of a range of sessions.",
        ),
        define_asset_job(
            DECISION,
            AssetSelection.assets(*DECISION_TABLES),
            description="Stage 2: decisions, breakpoints and lists of events.",
        ),
        define_asset_job(
            INDEX,
            AssetSelection.assets(*INDEX_TABLES),
            description="Stage 3: maintenance, constituents, divisors, levels and signals.",
        ),
        define_asset_job(
            EXPLANATION,
            AssetSelection.assets(*EXPLANATION_TABLES),
            description="Stage 4: why-cards of events.",
        ),
        define_asset_job(
            DAILY,
            AssetSelection.assets(*SELECTION_TABLES, *INDEX_TABLES),
            description="Stages 1 and 3 for one session, after its close; its event is decided.",
        ),
        define_asset_job(
            RECONSTITUTION,
            AssetSelection.assets(*DECISION_TABLES, *EXPLANATION_TABLES),
            description="Stages 2 and 4 for one event, where its sessions are built day by day.",
        ),
    ]
