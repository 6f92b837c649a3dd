"""What the command shows of pro-forma reconstitutions, of an event's tables and of scenarios.

Frames of `queries` laid out for a terminal. The summary of an event is `terminal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.queries.event_table_names import EventTable
from r2k_pipeline.queries.migration_odds import undecided
from r2k_pipeline.queries.wording import usd
from r2k_pipeline.reports.tables import terminal_table
from r2k_pipeline.reports.terminal import boundaries_table, changes_table, line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

    from r2k_pipeline.queries.migration_odds import MigrationOdds
    from r2k_pipeline.queries.scenarios import Counterfactual

_SHOWN_AN_EDGE = 8
_SHOWN_OF_DESK = 25
_SHORT_NAME = 18
_DESK_SHOWN = (
    "symbol", "side", "from", "to", "index_change_shares", "trade_shares", "trade_usd",
    "adv20_usd", "days_of_adv", "float_share",
)  # fmt: skip


def odds_parts(odds: MigrationOdds) -> Iterator[RenderableType]:
    """Set who may still migrate by the rank day, and what such odds were worth so far."""
    event = odds.event
    if odds.horizon_sessions is None:
        yield line(f"The rank day of {event.event_id} was {event.rank_day}: it is decided.")
        return
    yield line(
        f"The rank day of {event.event_id} is {event.rank_day}, {odds.horizon_sessions} sessions "
        f"ahead; {_fitted(odds)}"
    )
    near = undecided(odds.companies).with_columns(
        pl.col("name").str.head(_SHORT_NAME), crossing=_crossing()
    )
    for (rank,), rows in near.group_by("boundary_rank", maintain_order=True):
        yield terminal_table(
            rows.head(_SHOWN_AN_EDGE).select(
                "symbol", "name", "rank", "crossing", "distance_pct", "volatility_pct",
                odds_share="probability",
            ),
            title=f"Open at rank {rank}: {rows.height:,} companies; the most open",
            rows=None,
        )  # fmt: skip
    if not odds.brier.is_empty():
        yield terminal_table(
            odds.brier.select(
                _crossing().alias("crossing"), "companies", "crossed_share",
                pl.col("brier", "brier_as_it_is", "brier_base_rate").round(4),
            ),
            title="Brier score of such odds on the later half of the history (0 is perfect)",
        )  # fmt: skip


def _fitted(odds: MigrationOdds) -> str:
    if not odds.fitted_sessions:
        return "no history to fit the odds to."
    count = sum(curve.observations for curve in odds.calibrations)
    return f"odds fitted to {count:,} earlier cases, {odds.fitted_sessions} sessions apart."


def _crossing() -> pl.Expr:
    side = pl.when("is_upward").then(pl.lit("above")).otherwise(pl.lit("below"))
    return pl.concat_str(side, "boundary_rank", separator=" ")


def table_parts(
    frame: pl.DataFrame, table: EventTable, *, event_id: str, tracked_usd: Mapping[str, float]
) -> Iterator[RenderableType]:
    """Set one table of an event.

    Args:
        frame: As `queries.event_tables.event_table` gives it.
        table: Which it is.
        event_id: The event.
        tracked_usd: What the desk's table was asked for.
    """
    title = f"{event_id}: {table.heading}"
    if frame.is_empty():
        yield line(f"{title}: none.")
    elif table is EventTable.CHANGES:
        yield changes_table(frame, title=event_id)
    elif table is EventTable.BREAKPOINTS:
        yield boundaries_table(frame, title=title)
    elif table is EventTable.DESK:
        tracked = ", ".join(f"{usd(amount)} in {name}" for name, amount in tracked_usd.items())
        yield terminal_table(
            frame.select(_DESK_SHOWN).with_columns(pl.col("days_of_adv").round(2)),
            title=f"{title} for {tracked}",
            rows=_SHOWN_OF_DESK,
        )
    else:
        yield terminal_table(frame, title=title, rows=_SHOWN_OF_DESK)


def counterfactual_parts(found: Counterfactual) -> Iterator[RenderableType]:
    """Set scenarios side by side."""
    yield line(f"From {found.first_session} to {found.last_session}, a year on average")
    yield terminal_table(
        found.scenarios.select(
            "scenario",
            "events",
            pl.col("moves_up", "moves_down", "additions", "deletions").round(1),
            r1000_turn_share="r1000_turnover_share",
            r2000_turn_share="r2000_turnover_share",
            difference_share="tracking_difference_share",
        ),
        title="Moves between R1000 and R2000, R3000 changes, one-way turnover, R2000 vs base",
    )
    yield terminal_table(
        found.years.pivot("year", index="scenario", values="tracking_difference_share").rename(
            lambda name: name if name == "scenario" else f"{name}_share"
        ),
        title="R2000 price return less that of the base, by calendar year",
    )
