"""Other rules on the same market: how often the indexes are rebuilt, and with what band.

1. A scenario names its rank days (the last session of some months), how many sessions
   later its members count, and the band around the breakpoint.
2. Its events are decided one after the other, each against the members of the one before.
3. The members' lines are laid against the sessions that follow, which gives returns, and
   at each event against the members before, which gives turnover.

Weights are full capitalisations: what is compared is schedule and band, not float. The
decision itself is `reconstitution`; which scenarios are asked about, and the reading, is
`queries.scenarios`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.reconstitution import reconstitute
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.rules import IndexRules

LARGE, SMALL = "large", "small"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One way of keeping the indexes.

    Args:
        scenario_id: Its name.
        rank_months: Months (1 to 12) whose last session is a rank day.
        band_half_width: Half the band around the last large company, in cumulative share
            (0 to 1); 0 is none.
        lag_sessions: How many sessions after its rank day an event takes effect.
    """

    scenario_id: str
    rank_months: tuple[int, ...]
    band_half_width: float
    lag_sessions: int = 40


def scenario_events(scenario: Scenario, sessions: Sequence[date]) -> list[Event]:
    """List the events of a scenario that take effect within some sessions.

    Args:
        scenario: The scenario.
        sessions: Sessions with a ranking, in order and without large gaps.

    Returns:
        In order; an event is named after the month of its rank day. A month that the
        sessions end in has none: its last session is not known yet.

    Example:
        >>> from r2k_pipeline.rulebook.sessions import sessions_between
        >>> from datetime import date
        >>> days = sessions_between(date(2022, 3, 1), date(2023, 1, 31))
        >>> twice = Scenario(scenario_id="x", rank_months=(4, 10), band_half_width=0.0)
        >>> [(e.event_id, str(e.rank_day), str(e.effective_session))
        ...  for e in scenario_events(twice, days)]
        [('2022-04', '2022-04-29', '2022-06-28'), ('2022-10', '2022-10-31', '2022-12-28')]
    """
    places = {day: place for place, day in enumerate(sessions)}
    months = [list(days) for _, days in groupby(sessions, key=lambda day: (day.year, day.month))]
    found = []
    for days in months[:-1]:
        effective = places[days[-1]] + scenario.lag_sessions
        if days[-1].month in scenario.rank_months and effective < len(sessions):
            found.append(_event(days[-1], sessions[effective - 1], sessions[effective]))
    return found


def _event(rank_day: date, last_before: date, effective: date) -> Event:
    return Event(
        event_id=f"{rank_day:%Y-%m}",
        rank_day=rank_day,
        preliminary_day=None,
        list_days=(),
        query_end_day=None,
        lock_down_day=None,
        effective_friday=last_before,
        effective_session=effective,
    )


def scenario_rules(scenario: Scenario, rank_day: date) -> IndexRules:
    """The rules of a day with the scenario's band in place of the rulebook's.

    Example:
        >>> from datetime import date
        >>> wide = Scenario(scenario_id="x", rank_months=(4,), band_half_width=0.05)
        >>> scenario_rules(wide, date(2022, 4, 29)).band_at_1000
        0.05
    """
    return replace(rules_in_force(rank_day), band_at_1000=scenario.band_half_width)


def decided_history(
    events: Iterable[tuple[Event, IndexRules, pl.DataFrame]],
    *,
    family: Mapping[str, IndexDefinition],
) -> pl.DataFrame:
    """Decide events one after the other, the first against nobody.

    Args:
        events: Each event with its rules and the contract `ranking` of its rank day.
        family: The indexes.

    Returns:
        Contract `reconstitution` of all events, in their order, with `rank_day` and
        `effective_session`. Companies that end outside and were outside have no row.

    Raises:
        TooFewCompaniesError: Too few companies are ranked on a rank day.

    Notes:
        Look-ahead: an event reads its rank day and the decisions before.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> decided_history([], family=family()).height
        0
    """
    nobody = pl.DataFrame(schema=_INCUMBENT)
    nothing = pl.DataFrame(schema=_EXCLUDED)
    decided: list[pl.DataFrame] = []
    incumbents = nobody
    for event, rules, ranking in events:
        found = reconstitute(
            ranking,
            incumbents=incumbents,
            excluded=nothing,
            event=event,
            rules=rules,
            family=family,
        )
        is_concerned = pl.col("segment").is_not_null() | pl.col("previous_segment").is_not_null()
        decided.append(
            found.filter(is_concerned).with_columns(
                rank_day=pl.lit(event.rank_day), effective_session=pl.lit(event.effective_session)
            )
        )
        incumbents = found.drop_nulls("segment")
    return pl.concat(decided) if decided else pl.DataFrame()


_INCUMBENT = dict.fromkeys(
    ("company_id", "security_id", "symbol", "name", "sector", "segment", "indexes", "edges_above"),
    pl.String,
)
_EXCLUDED = pl.Schema(
    {
        **dict.fromkeys(("company_id", "security_id", "symbol", "exclusion_reason"), pl.String()),
        "is_eligible": pl.Boolean(),
    }
)


def movements(decided: pl.DataFrame) -> pl.DataFrame:
    """Count who moved at each event but the first, which founds the indexes.

    Args:
        decided: As `decided_history` gives it; read are the two segments.

    Returns:
        One row per event after the first, in order: `event_id`, `moves_up` (small to
        large), `moves_down`, and of the two together `additions` and `deletions`.

    Example:
        >>> decided = pl.DataFrame({
        ...     "event_id": ["a", "b", "b", "b"], "effective_session": [1, 2, 2, 2],
        ...     "previous_segment": [None, "small", "large", "small"],
        ...     "segment": ["small", "large", None, "micro"],
        ... })
        >>> movements(decided).row(0)
        ('b', 1, 0, 0, 2)
    """
    before, after = pl.col("previous_segment"), pl.col("segment")
    was_in, is_in = (
        column.is_in([LARGE, SMALL]).fill_null(value=False) for column in (before, after)
    )
    return (
        decided.filter(pl.col("effective_session") > pl.col("effective_session").min())
        .group_by("event_id", maintain_order=True)
        .agg(
            moves_up=((before == SMALL) & (after == LARGE)).sum(),
            moves_down=((before == LARGE) & (after == SMALL)).sum(),
            additions=(~was_in & is_in).sum(),
            deletions=(was_in & ~is_in).sum(),
        )
    )


def line_returns(lines: pl.DataFrame) -> pl.DataFrame:
    """Price returns and opening capitalisations of lines.

    Args:
        lines: `session`, `security_id`, `close_usd`, `previous_close_usd` (adjusted for
            splits; null or 0 where none is known) and `market_cap_usd`.

    Returns:
        `session`, `security_id`, `opening_cap_usd` (the line's company at the close before)
        and `price_return`, for rows where both are known.

    Notes:
        Look-ahead: the capitalisation is that of an earlier session.

    Example:
        >>> from datetime import date
        >>> lines = pl.DataFrame({
        ...     "session": [date(2024, 1, 2), date(2024, 1, 3)], "security_id": ["S", "S"],
        ...     "close_usd": [10.0, 5.5], "previous_close_usd": [9.0, 5.0],
        ...     "market_cap_usd": [1e6, 1.1e6],
        ... })
        >>> line_returns(lines).rows()
        [(datetime.date(2024, 1, 3), 'S', 1000000.0, 0.10000000000000009)]
    """
    before = pl.col("previous_close_usd")
    return (
        lines.sort("security_id", "session")
        .select(
            "session",
            "security_id",
            opening_cap_usd=pl.col("market_cap_usd").shift().over("security_id"),
            price_return=pl.when(before > 0).then(pl.col("close_usd") / before - 1),
        )
        .drop_nulls()
    )


def index_returns(decided: pl.DataFrame, returns: pl.DataFrame, *, segment: str) -> pl.DataFrame:
    """Weigh the returns of a segment's members, session by session.

    Args:
        decided: As `decided_history` gives it.
        returns: As `line_returns` gives them; any range of sessions.
        segment: `large` or `small`.

    Returns:
        `session` and `price_return` from the first effective session on. A member whose
        line is not listed any more counts no longer.

    Example:
        >>> decided = pl.DataFrame({
        ...     "effective_session": [2, 2, 4], "security_id": ["A", "B", "B"],
        ...     "segment": ["small", "small", "small"],
        ... })
        >>> returns = pl.DataFrame({
        ...     "session": [1, 2, 2, 4, 4], "security_id": ["A", "A", "B", "A", "B"],
        ...     "opening_cap_usd": [1.0, 3.0, 1.0, 3.0, 1.0],
        ...     "price_return": [0.9, 0.1, 0.3, 0.5, -0.2],
        ... })
        >>> index_returns(decided, returns, segment="small")["price_return"].round(3).to_list()
        [0.15, -0.2]
    """
    members = decided.filter(pl.col("segment") == segment)
    begins = members.get_column("effective_session").unique().sort().to_list()
    weight, moved = pl.col("opening_cap_usd"), pl.col("price_return")
    parts = []
    for begin, end in zip(begins, [*begins[1:], None], strict=True):
        inside = pl.col("session") >= begin
        if end is not None:
            inside &= pl.col("session") < end
        of_event = members.filter(pl.col("effective_session") == begin).select("security_id")
        parts.append(
            returns.filter(inside)
            .join(of_event, on="security_id", how="semi")
            .group_by("session")
            .agg(price_return=(weight * moved).sum() / weight.sum())
        )
    return pl.concat(parts).sort("session") if parts else returns.select("session", "price_return")


def turnovers(decided: pl.DataFrame, eves: pl.DataFrame, *, segment: str) -> pl.DataFrame:
    """Measure how much of a segment each event but the first turns over.

    Args:
        decided: As `decided_history` gives it.
        eves: `effective_session`, `security_id` and `market_cap_usd`: every line's
            capitalisation at the last close before an event takes effect.
        segment: `large` or `small`.

    Returns:
        `effective_session` and `turnover_share`: half of the sum over all lines of the
        change in weight (0 to 1), one way. Members that are listed no longer on the eve
        are no part of it.

    Example:
        >>> decided = pl.DataFrame({
        ...     "effective_session": [1, 1, 2, 2], "security_id": ["A", "B", "B", "C"],
        ...     "segment": ["small"] * 4,
        ... })
        >>> eves = pl.DataFrame({
        ...     "effective_session": [2, 2, 2], "security_id": ["A", "B", "C"],
        ...     "market_cap_usd": [1.0, 3.0, 1.0],
        ... })
        >>> turnovers(decided, eves, segment="small").rows()
        [(2, 0.25)]
    """
    members = decided.filter(pl.col("segment") == segment).select(
        "effective_session", "security_id"
    )
    begins = members.get_column("effective_session").unique().sort().to_list()
    rows = []
    for before, begin in pairwise(begins):
        caps = eves.filter(pl.col("effective_session") == begin).select(
            "security_id", "market_cap_usd"
        )
        held, wanted = (
            caps.join(
                members.filter(pl.col("effective_session") == day), on="security_id", how="semi"
            ).with_columns(weight=pl.col("market_cap_usd") / pl.col("market_cap_usd").sum())
            for day in (before, begin)
        )
        both = (
            held.join(wanted, on="security_id", how="full", suffix="_wanted", coalesce=True)
            .sort("security_id")
            .select(
                (pl.col("weight_wanted").fill_null(0.0) - pl.col("weight").fill_null(0.0)).abs()
            )
        )
        rows.append((begin, both.to_series().sum() / 2))
    return pl.DataFrame(
        rows,
        schema={
            "effective_session": eves.schema["effective_session"],
            "turnover_share": pl.Float64(),
        },
        orient="row",
    )
