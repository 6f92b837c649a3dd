"""3c: the members of an event with those that joined since, and their changed shares.

Holds how `maintenance` enters the constituents: a company that joins is laid against the
sessions from its own on just as the members of an event are from theirs, and shares that
change are multiplied from their session on. How members are laid is `constituents`; what
corporate actions of one line do to another comes last, in `linked_lines`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypedDict, Unpack

import polars as pl

from r2k_pipeline.methodology.constituents import constituents
from r2k_pipeline.methodology.linked_lines import with_linked_lines
from r2k_pipeline.methodology.share_updates import with_changed_shares
from r2k_pipeline.rulebook.action_types import ActionType

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

_KEY = ["session", "security_id"]


def maintained_lines(
    decisions: pl.DataFrame,
    maintenance: pl.DataFrame,
    universe: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    event: Event,
    sessions: Sequence[date],
    end: date,
    rules: IndexRules,
) -> pl.DataFrame:
    """Lay the members of an event and those that joined since against its sessions.

    Args:
        decisions: Contract `reconstitution` of `event`.
        maintenance: Contract `maintenance` from its effective session to `end`, where floats
            are known with `float_status` (see `float_factors.with_float_status`).
        universe: As `constituents.constituents` reads it.
        actions: As `linked_lines.with_linked_lines` reads it.
        event: The event in force from its effective session to `end`.
        sessions: The same.
        end: The last session wanted.
        rules: The rules in force on the rank day.

    Returns:
        Contract `constituents`, sorted by `session`, `security_id`.

    Notes:
        The shares of a company that joins are observed over the last sessions before it
        does, as those of an event's members are, and count with the float of its row. A
        line that ends on the morning it would join is in no row, but its acquirer grows,
        or takes its place, as if it had been a member overnight.

    Example:
        NEW joins HAL at the review of September, when HAL's shares grow by a half.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> from r2k_pipeline.rulebook.sessions import sessions_between
        >>> days = sessions_between(date(2022, 6, 17), date(2022, 9, 19))
        >>> decided = {"indexes": ["r2000"], "sector": ["x"], "segment": ["small"],
        ...            "event_id": ["2022-06"]}
        >>> decisions = pl.DataFrame({"security_id": ["S-HAL"], "company_id": ["C-HAL"], **decided})
        >>> universe = pl.concat(pl.DataFrame({
        ...     "session": days, "security_id": f"S-{line}", "company_id": f"C-{line}",
        ...     "symbol": line, "name": line, "close_usd": 10.0, "previous_close_usd": 10.0,
        ...     "line_shares": 100.0, "is_eligible": True,
        ... }) for line in ("HAL", "NEW"))
        >>> maintenance = pl.DataFrame({
        ...     "session": [days[-1]] * 2, "security_id": ["S-HAL", "S-NEW"],
        ...     "company_id": ["C-HAL", "C-NEW"], "sector": "x", "segment": [None, "small"],
        ...     "indexes": [None, "r2000"], "event_id": "2022-06", "share_factor": [1.5, None],
        ...     "float_factor": [None, 0.25], "change": ["share_update", "ipo_addition"],
        ... })
        >>> actions = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "action_type": pl.String,
        ...     "split_factor": pl.Float64,
        ... })
        >>> lines = maintained_lines(
        ...     decisions, maintenance, universe, actions, event=event("2022-06"),
        ...     sessions=days, end=days[-1], rules=rules_in_force(days[0]),
        ... )
        >>> for row in lines.tail(3).select("session", "symbol", "index_shares").rows():
        ...     print(*row)
        2022-09-16 HAL 100.0
        2022-09-19 HAL 150.0
        2022-09-19 NEW 25.0
    """
    laid: _Laid = {"sessions": sessions, "end": end, "rules": rules}
    lay = partial(_lines, decisions, maintenance, universe, event=event, **laid)
    link = partial(with_linked_lines, universe=universe, **laid)
    # What would be held of a target that leaves as others join or shares change.
    days = [event.effective_session, *maintenance["session"].unique()]
    paid_for = actions.filter(
        (pl.col("action_type") == ActionType.STOCK_MERGER.value) & pl.col("session").is_in(days)
    )
    targets: pl.DataFrame | None = None
    for mergers in paid_for.sort("session").partition_by("session", maintain_order=True):
        others = actions.join(mergers, on=[*_KEY, "action_type"], how="anti")
        held = link(lay(others), actions=others, targets=targets)
        found = held.join(mergers, on=_KEY, how="semi")
        targets = found if targets is None else pl.concat([targets, found])
    return link(lay(actions), actions=actions, targets=targets)


def _lines(
    decisions: pl.DataFrame,
    maintenance: pl.DataFrame,
    universe: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    event: Event,
    **laid: Unpack[_Laid],
) -> pl.DataFrame:
    """Members and those that joined, with changed shares, before one line changes another."""
    members = constituents(decisions, universe, actions, event=event, **laid)
    joined = maintenance.filter(pl.col("segment").is_not_null()).with_columns(joined_by="change")
    parts = [
        _joining(part, universe, actions, event=event, **laid)
        for part in joined.sort("session").partition_by("session", maintain_order=True)
    ]
    every = pl.concat([members, *parts]).unique(_KEY, keep="first", maintain_order=True)
    return with_changed_shares(every.sort(_KEY), maintenance)


class _Laid(TypedDict):
    """What lines are laid against."""

    sessions: Sequence[date]
    end: date
    rules: IndexRules


def _joining(
    companies: pl.DataFrame,
    universe: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    event: Event,
    sessions: Sequence[date],
    end: date,
    rules: IndexRules,
) -> pl.DataFrame:
    """The lines of companies that join on one session, from it on."""
    start: date = companies["session"][0]
    first = [start, *(day for day in sessions if day < start)][-rules.share_observation_sessions :]
    seen = pl.col("session") >= min(first)
    return constituents(
        companies,
        universe.filter(seen),
        actions.filter(seen),
        event=replace(event, effective_session=start),
        sessions=[day for day in sessions if day >= min(first)],
        end=end,
        rules=rules,
    )
