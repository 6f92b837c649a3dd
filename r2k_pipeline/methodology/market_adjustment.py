"""Breakpoints carried forward with the market, and where a company stands by them.

Between reconstitutions nobody is ranked. What joins then is measured against the
breakpoints of the last event, moved by what the members' prices did since its rank day.
Holds that movement, the placement by size without a band, and the size that a child must
have; who is placed is `ipo_additions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.edges import edges_of, index_edges
from r2k_pipeline.methodology.placement import placement
from r2k_pipeline.methodology.reconstitution import passing_filters
from r2k_pipeline.methodology.split_units import cumulative_splits, with_splits_so_far
from r2k_pipeline.rulebook.action_types import ActionType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.rules import IndexRules

MARKET_COLUMNS = ("session", "security_id", "close_usd", "line_shares")
"""What of contract `universe` the movement of the market is read from."""

CHILD_ACTIONS = (ActionType.SPIN_OFF.value, ActionType.NEW_CLASS.value)
"""Kinds of action by which holders receive shares of another line."""


def market_ratios(universe: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Chain the daily price returns of some lines together.

    Args:
        universe: Contract `universe` of the lines that make the market, from the rank
            day on. Read: `MARKET_COLUMNS`.
        actions: Contract `corporate_actions` over the same sessions; splits are read.

    Returns:
        `session` and `market_ratio`: the value on each session over that on the first,
        dividends left out, sorted by `session`. The first is 1.

    Notes:
        A line counts on a session if it closed on it and on the session before that the
        feed has, with the shares of the day before. So entries, exits and changes of
        shares move nothing. No row uses anything later than its session.

    Example:
        HAL rises by a tenth and BOLT, half as large, stays; then BOLT is gone.

        >>> from datetime import date
        >>> days = [date(2024, 7, 1), date(2024, 7, 2), date(2024, 7, 3)]
        >>> universe = pl.DataFrame({
        ...     "session": [*days, *days[:2]], "security_id": ["HAL"] * 3 + ["BOLT"] * 2,
        ...     "close_usd": [20.0, 22.0, 22.0, 5.0, 5.0], "line_shares": [100.0] * 3 + [200.0] * 2,
        ... })
        >>> actions = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "action_type": pl.String,
        ...     "split_factor": pl.Float64,
        ... })
        >>> [round(ratio, 4) for ratio in market_ratios(universe, actions)["market_ratio"]]
        [1.0, 1.0667, 1.0667]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 6.8 and appendix E, where it is
        not said whether dividends count.
    """
    rows = universe.filter((pl.col("close_usd") > 0) & (pl.col("line_shares") > 0))
    calendar = rows.select(pl.col("session").unique().sort()).with_row_index("ordinal")
    comparable = (
        with_splits_so_far(rows.select(MARKET_COLUMNS), cumulative_splits(actions), "so_far")
        .join(calendar, on="session")
        .sort("security_id", "ordinal")
        .with_columns(
            price=pl.col("close_usd") * pl.col("so_far"),
            shares=pl.col("line_shares") / pl.col("so_far"),
        )
    )
    is_next = pl.col("ordinal").cast(pl.Int32).diff().over("security_id") == 1
    held = comparable.with_columns(
        before=pl.col("price").shift().over("security_id"),
        held=pl.col("shares").shift().over("security_id"),
    ).filter(is_next)
    grown = held.group_by("session").agg(
        growth=(pl.col("price") * pl.col("held")).sum() / (pl.col("before") * pl.col("held")).sum()
    )
    return (
        calendar.join(grown, on="session", how="left")
        .sort("session")
        .select("session", market_ratio=pl.col("growth").fill_null(1.0).cum_prod())
    )


def ratio_on(ratios: pl.DataFrame, day: date) -> float:
    """The movement up to a day: that of the last session on or before it; 1 before the first.

    Example:
        >>> from datetime import date
        >>> ratios = pl.DataFrame({"session": [date(2024, 7, 1)], "market_ratio": [1.02]})
        >>> ratio_on(ratios, date(2024, 7, 4)), ratio_on(ratios, date(2024, 6, 28))
        (1.02, 1.0)
    """
    known = ratios.filter(pl.col("session") <= day)
    return float(known["market_ratio"][-1]) if known.height else 1.0


def breakpoint_at(decisions: pl.DataFrame, rank: int) -> float | None:
    """The total market cap of the company at a rank of an event, USD.

    Args:
        decisions: Contract `reconstitution` of the event.
        rank: A company rank; where fewer companies are ranked, the last one stands.

    Returns:
        None if no company is ranked.

    Example:
        >>> decisions = pl.DataFrame({
        ...     "rank": [1, 2, None], "total_market_cap_usd": [9.0, 4.0, None]})
        >>> breakpoint_at(decisions, 1), breakpoint_at(decisions, 4000)
        (9.0, 4.0)
    """
    within = decisions.filter(pl.col("rank") <= rank).sort("rank")
    return float(within["total_market_cap_usd"][-1]) if within.height else None


def placed_by_size(
    companies: pl.DataFrame,
    decisions: pl.DataFrame,
    *,
    ratio: float,
    universe: pl.DataFrame,
    rules: IndexRules,
    family: Mapping[str, IndexDefinition],
) -> pl.DataFrame:
    """Place companies by their size against an event's breakpoints, moved by the market.

    Args:
        companies: Read: `company_id`, `sector`, `total_market_cap_usd`.
        decisions: Contract `reconstitution` of the event.
        ratio: What the market did since its rank day, see `ratio_on`.
        universe: Contract `universe` of the session; read by filters that name symbols.
        rules: The rules in force.
        family: The indexes.

    Returns:
        The companies with `segment`, `indexes` and `edges_above`, as a reconstitution
        would give them to newcomers. A company that is not above the smallest one of
        the event is left out; equal size is not above.

    Example:
        With edges at the ranks of 100 and 40, moved by a tenth to 110 and 44.

        >>> from dataclasses import replace
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family_file import parse_family
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> rules = replace(
        ...     rules_in_force(date(2022, 8, 12)), large_cap_count=1, total_count=2,
        ...     extended_count=2)
        >>> companies = pl.DataFrame({
        ...     "company_id": ["A", "B", "C"], "sector": "x",
        ...     "total_market_cap_usd": [111.0, 110.0, 44.0]})
        >>> decisions = pl.DataFrame({"rank": [1, 2], "total_market_cap_usd": [100.0, 40.0]})
        >>> placed_by_size(
        ...     companies, decisions, ratio=1.1, universe=pl.DataFrame(), rules=rules,
        ...     family=parse_family("indexes: {top: {name: Top, ranks: [1, 1]}}", file="f.yaml"),
        ... ).select("company_id", "segment", "indexes").rows()
        [('A', 'large', 'top'), ('B', 'small', None)]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 4.3.1 and 6.8.
    """
    caps = {edge.key: breakpoint_at(decisions, edge.rank) for edge in edges_of(family, rules)}
    limits = {key: cap * ratio for key, cap in caps.items() if cap is not None}
    passes = passing_filters(companies, universe, family)
    ends = {index_id: index_edges(index, rules) for index_id, index in family.items()}
    placed = [
        placement(
            {key for key, limit in limits.items() if cap > limit},
            previous_segment=None,
            barred={index_id for index_id, flags in passes.items() if not flags[row]},
            bare=None,
            ends=ends,
            keys=list(caps),
            rules=rules,
        )
        for row, cap in enumerate(companies["total_market_cap_usd"])
    ]
    texts = {
        name: pl.Series(name, [getattr(one, name) for one in placed], dtype=pl.String)
        for name in ("segment", "indexes", "edges_above")
    }
    return companies.with_columns(**texts).filter(pl.col("segment").is_not_null())


def with_least_caps(
    actions: pl.DataFrame, decisions: pl.DataFrame, ratios: pl.DataFrame, *, rules: IndexRules
) -> pl.DataFrame:
    """Say how large a child must be to be kept: larger than the smallest company of the event.

    Args:
        actions: Contract `corporate_actions`.
        decisions: Contract `reconstitution` of the event in force.
        ratios: As `market_adjustment.market_ratios` gives them, from its rank day on.
        rules: Read `extended_count`.

    Returns:
        The actions with `least_child_cap_usd` (USD): the smallest company's cap, moved by
        the market since the rank day; null where there is no child.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> day = date(2022, 7, 6)
        >>> with_least_caps(
        ...     pl.DataFrame({"session": [day], "action_type": ["spin_off"]}),
        ...     pl.DataFrame({"rank": [1, 2], "total_market_cap_usd": [9e9, 2e8]}),
        ...     pl.DataFrame({"session": [day], "market_ratio": [0.9]}),
        ...     rules=rules_in_force(day),
        ... )["least_child_cap_usd"].item()
        180000000.0

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 6.6 and 6.9.
    """
    smallest = breakpoint_at(decisions, rules.extended_count)
    least = [
        smallest * ratio_on(ratios, session) if smallest and kind in CHILD_ACTIONS else None
        for session, kind in actions.select("session", "action_type").iter_rows()
    ]
    return actions.with_columns(least_child_cap_usd=pl.Series(least, dtype=pl.Float64))
