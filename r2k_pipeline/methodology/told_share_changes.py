"""3b: by what corporate actions change a company's shares, so that no review does it again.

Rights that were taken up, shares issued to the holders of a target and changes that were
told count at once (`constituents`, `linked_lines`). A review that observes the shares
afterwards must find them in force already. Holds those factors of companies; changes that
a review makes are `share_updates`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.action_outcomes import with_all_terms
from r2k_pipeline.methodology.action_treatment import increased_shares
from r2k_pipeline.methodology.line_adjustments import line_adjustments
from r2k_pipeline.methodology.split_units import with_splits_so_far
from r2k_pipeline.rulebook.action_types import ActionOutcome, ActionType

if TYPE_CHECKING:
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules

_FACTORS = {"company_id": pl.String, "share_factor": pl.Float64}
_NO_CLOSES = {"session": pl.Date, "security_id": pl.String, "close_usd": pl.Float64}


def told_share_changes(
    actions: pl.DataFrame,
    universe: pl.DataFrame,
    splits: pl.DataFrame,
    *,
    after: date,
    until: date,
    rules: IndexRules,
) -> pl.DataFrame:
    """Multiply out what actions do to the shares of companies over some sessions.

    Args:
        actions: Contract `corporate_actions`.
        universe: Contract `universe` of some sessions before the actions. Read:
            `session`, `security_id`, `company_id`, `total_shares`.
        splits: As `split_units.cumulative_splits` gives them.
        after: Actions after this day count.
        until: And up to this one, included.
        rules: Read `share_observation_sessions`.

    Returns:
        `company_id` and `share_factor`, one row an action; splits are none of them.

    Notes:
        Rights are taken as taken up. A merger whose companies were not observed has no row.

    Example:
        BIG has 1,000 shares and gives one for five of the 500 of HAL.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> days = [date(2022, 7, 1), date(2022, 7, 8)]
        >>> universe = pl.DataFrame({
        ...     "session": days[0], "security_id": ["BIG", "HAL"], "company_id": ["BIG", "HAL"],
        ...     "total_shares": [1000.0, 500.0]})
        >>> actions = pl.DataFrame({
        ...     "session": days[1:], "security_id": ["HAL"], "action_type": ["stock_merger"],
        ...     "ratio": [0.2], "counterparty_security_id": ["BIG"]})
        >>> splits = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "split_factor": pl.Float64})
        >>> told_share_changes(
        ...     actions, universe, splits, after=days[0], until=days[1],
        ...     rules=rules_in_force(days[0]),
        ... ).row(0)
        ('BIG', 1.1)

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 9.3.8.
    """
    due = with_all_terms(actions).filter(
        pl.col("session").is_between(after, until, closed="right")
        & (pl.col("outcome").fill_null("") != ActionOutcome.UNKNOWN_LINE.value)
    )
    companies = universe.select("security_id", "company_id").unique()
    own = line_adjustments(due, pl.DataFrame(schema=_NO_CLOSES)).filter(
        pl.col("action_type") != ActionType.SPLIT.value
    )
    issued = _issued(due, universe, splits, rules)
    return pl.concat(
        part.join(companies, on="security_id").select(_FACTORS.keys())
        for part in (own.filter(pl.col("share_factor") != 1.0), issued)
    )


def _issued(
    actions: pl.DataFrame, universe: pl.DataFrame, splits: pl.DataFrame, rules: IndexRules
) -> pl.DataFrame:
    """By what acquirers grow that pay with their own shares."""
    found = []
    mergers = actions.filter(
        (pl.col("action_type") == ActionType.STOCK_MERGER.value)
        & pl.col("counterparty_security_id").is_not_null()
        & pl.col("ratio").is_not_null()
    )
    for merger in mergers.sort("session", "security_id").iter_rows(named=True):
        target, acquirer = (
            _shares(merger[line], merger["session"], universe, splits, rules)
            for line in ("security_id", "counterparty_security_id")
        )
        if target is not None and acquirer is not None:
            grown = increased_shares(acquirer, target, merger["ratio"])
            found.append((merger["counterparty_security_id"], grown / acquirer))
    schema = {"security_id": pl.String, "share_factor": pl.Float64}
    return pl.DataFrame(found, schema=schema, orient="row")


def _shares(
    line: str, session: date, universe: pl.DataFrame, splits: pl.DataFrame, rules: IndexRules
) -> float | None:
    """The shares of a line's company last observed before a session, in its terms."""
    seen = universe.filter(
        (pl.col("security_id") == line)
        & (pl.col("session") < session)
        & (pl.col("total_shares") > 0)
    )
    if seen.is_empty():
        return None
    unsplit = with_splits_so_far(seen, splits, "so_far").tail(rules.share_observation_sessions)
    at = pl.DataFrame({"session": [session], "security_id": [line]})
    now = float(with_splits_so_far(at, splits, "so_far")["so_far"].item())
    middle = unsplit.select((pl.col("total_shares") / pl.col("so_far")).median()).item()
    return float(middle) * now
