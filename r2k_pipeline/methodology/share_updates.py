"""3b: when the shares of members change between reconstitutions, and what changes do to lines.

1. By what a company has grown beyond the prices of its lines is observed over some
   sessions up to a review's cut-off, and again up to its announcement.
2. They change when both observations left the shares in force, in the same direction, by
   more than the rules' threshold. Small changes add up until they do.
3. All lines of the company change by the same factor.

Two observations, because the shares of a price feed are implied from capitalisation and
close: what one bad week said must not move an index. Who joins is `ipo_additions`, what floats do
`float_factors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.float_factors import FloatStatus
from r2k_pipeline.methodology.split_units import with_splits_so_far

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules

_OFFERING = {"security_id": pl.String, "session": pl.Date, "share_factor": pl.Float64}
# A change of exactly the threshold does not exceed it, whatever the last bit says.
_EXACTLY = 1e-9
OBSERVED_COLUMNS = ("session", "security_id", "total_shares")
"""What of contract `universe` shares are observed by."""


def observed_shares(
    universe: pl.DataFrame, splits: pl.DataFrame, *, sessions: Collection[date]
) -> pl.DataFrame:
    """Take the median of a line's company shares over some sessions.

    Args:
        universe: Contract `universe`. Read: `OBSERVED_COLUMNS`.
        splits: As `split_units.cumulative_splits` gives them, from before the first of
            `sessions` on.
        sessions: The sessions to observe; those that the feed misses are left out.

    Returns:
        `security_id` and `shares`, in units of no split having happened; a line without
        shares on any of the sessions has no row.

    Example:
        One bad snapshot of three does not count, nor does the split between them.

        >>> from datetime import date
        >>> days = [date(2024, 7, day) for day in (1, 2, 3)]
        >>> universe = pl.DataFrame({
        ...     "session": days, "security_id": "S-HAL", "total_shares": [1e6, 7e9, 2e6],
        ... })
        >>> splits = pl.DataFrame({
        ...     "session": days[2:], "security_id": ["S-HAL"], "split_factor": [2.0],
        ... })
        >>> observed_shares(universe, splits, sessions=days).row(0)
        ('S-HAL', 1000000.0)
    """
    rows = universe.filter(
        pl.col("session").is_in(list(sessions)) & (pl.col("total_shares") > 0)
    ).select(OBSERVED_COLUMNS)
    return (
        with_splits_so_far(rows, splits, "so_far")
        .group_by("security_id")
        .agg(shares=(pl.col("total_shares") / pl.col("so_far")).median())
        .sort("security_id")
    )


def basis_lines(
    universe: pl.DataFrame,
    splits: pl.DataFrame,
    companies: pl.DataFrame,
    *,
    sessions: Collection[date],
) -> pl.DataFrame:
    """Take the lines that stand for companies, with the shares that they have.

    Args:
        universe: Contract `universe`. Read: `session`, `security_id`, `company_id`,
            `line_shares`, `is_eligible`.
        splits: As `split_units.cumulative_splits` gives them.
        companies: `company_id` and `security_id`, the pricing vehicle.
        sessions: The sessions on which the lines are observed.

    Returns:
        `company_id`, `security_id` and `line_shares`, the median in units of no split
        having happened: of the vehicle and of every eligible line.

    Example:
        >>> from datetime import date
        >>> day = date(2022, 6, 24)
        >>> universe = pl.DataFrame({
        ...     "session": [day] * 3, "security_id": ["A", "B", "W"], "company_id": "C",
        ...     "line_shares": [100.0, 50.0, 5.0], "is_eligible": [True, True, False],
        ... })
        >>> splits = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "split_factor": pl.Float64})
        >>> companies = pl.DataFrame({"company_id": ["C"], "security_id": ["A"]})
        >>> basis_lines(universe, splits, companies, sessions=[day])["security_id"].to_list()
        ['A', 'B']
    """
    rows = universe.filter(
        pl.col("session").is_in(list(sessions)) & (pl.col("line_shares") > 0)
    ).join(companies.select("company_id", vehicle="security_id"), on="company_id")
    stands = pl.col("is_eligible") | (pl.col("security_id") == pl.col("vehicle"))
    return (
        with_splits_so_far(rows.filter(stands), splits, "so_far")
        .group_by("company_id", "security_id")
        .agg((pl.col("line_shares") / pl.col("so_far")).median())
        .sort("security_id")
    )


def grown_shares(
    universe: pl.DataFrame,
    splits: pl.DataFrame,
    basis: pl.DataFrame,
    *,
    sessions: Collection[date],
) -> pl.DataFrame:
    """Measure by what companies have grown beyond the prices of their lines.

    Args:
        universe: Contract `universe`. Read: `session`, `security_id`, `close_usd`,
            `line_shares`.
        splits: As `split_units.cumulative_splits` gives them.
        basis: As `basis_lines` gives them.
        sessions: The sessions to observe.

    Returns:
        `company_id` and `shares`: the median over the sessions of what the lines of the
        basis are worth over what they would be with the shares that they had then.
        Without a session on which all of them closed there is no row.

    Notes:
        For one line that is the ratio of its implied shares. Of several classes it does
        not change when one becomes dearer than another, nor when a further one is listed.
        Where a feed gives them one figure together their parts follow what they trade,
        and a large move of one against another may pass for a change of shares.

    Example:
        A and B have 100 shares each; A has doubled, and the company has sold a tenth more.

        >>> from datetime import date
        >>> day = date(2022, 8, 12)
        >>> universe = pl.DataFrame({
        ...     "session": [day] * 2, "security_id": ["A", "B"], "close_usd": [20.0, 10.0],
        ...     "line_shares": [110.0] * 2,
        ... })
        >>> basis = pl.DataFrame({
        ...     "company_id": ["C"] * 2, "security_id": ["A", "B"], "line_shares": [100.0] * 2,
        ... })
        >>> splits = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "split_factor": pl.Float64})
        >>> grown_shares(universe, splits, basis, sessions=[day]).row(0)
        ('C', 1.1)
    """
    rows = universe.filter(
        pl.col("session").is_in(list(sessions))
        & (pl.col("close_usd") > 0)
        & (pl.col("line_shares") > 0)
    ).select("session", "security_id", "close_usd", "line_shares")
    held = basis.rename({"line_shares": "held"}).with_columns(lines=pl.len().over("company_id"))
    worth = pl.col("close_usd") * pl.col("line_shares")
    would_be = pl.col("close_usd") * pl.col("held") * pl.col("so_far")
    return (
        with_splits_so_far(rows.join(held, on="security_id"), splits, "so_far")
        .group_by("session", "company_id")
        .agg(
            growth=worth.sum() / would_be.sum(),
            is_whole=pl.len() == pl.col("lines").first(),
        )
        .filter("is_whole")
        .group_by("company_id")
        .agg(shares=pl.col("growth").median())
        .sort("company_id")
    )


def changed_shares(
    in_force: pl.DataFrame, at_cut_off: pl.DataFrame, later: pl.DataFrame, *, rules: IndexRules
) -> pl.DataFrame:
    """Say whose shares a review changes.

    Args:
        in_force: `company_id` and `shares` in force.
        at_cut_off: `company_id` and `shares` observed up to the cut-off.
        later: The same, observed up to the announcement.
        rules: The rules in force on the cut-off: `share_update_threshold`,
            `share_update_limit`.

    Returns:
        `company_id`, `previous_shares` and `shares`, one row per changed company, by
        `company_id`. What is in force from now on are the shares at the cut-off.

    Notes:
        A company that was not observed both times keeps its shares, and so does one whose
        shares moved by more than the limit: a feed errs so far more often than a
        company issues so much.

    Example:
        HAL grew by 2 %, BOLT by less than 1 %, and CORE only for a week.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> rules = rules_in_force(date(2022, 8, 12))
        >>> names = ["BOLT", "CORE", "HAL"]
        >>> before = pl.DataFrame({"company_id": names, "shares": [100.0] * 3})
        >>> cut_off = pl.DataFrame({"company_id": names, "shares": [100.9, 140.0, 102.0]})
        >>> later = pl.DataFrame({"company_id": names, "shares": [100.9, 100.0, 102.4]})
        >>> changed_shares(before, cut_off, later, rules=rules).rows()
        [('HAL', 100.0, 102.0)]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 9.3.4.
    """
    first, second = (pl.col(name) / pl.col("previous_shares") - 1 for name in ("shares", "later"))
    least, most = rules.share_update_threshold + _EXACTLY, rules.share_update_limit
    exceeds = (first.abs() > least) & (second.abs() > least)
    is_believed = (first + 1).is_between(1 / most, most, closed="none")
    return (
        in_force.select("company_id", previous_shares="shares")
        .join(at_cut_off, on="company_id")
        .join(later.select("company_id", later="shares"), on="company_id")
        .filter(exceeds & (first.sign() == second.sign()) & is_believed)
        .select("company_id", "previous_shares", "shares")
        .sort("company_id")
    )


def applied_offerings(
    in_force: pl.DataFrame, actions: pl.DataFrame, splits: pl.DataFrame, *, rules: IndexRules
) -> pl.DataFrame:
    """Say which priced offerings are large enough to be applied within a quarter.

    Args:
        in_force: `security_id` and `shares` in force, in units of no split.
        actions: Contract `corporate_actions` of the sessions on which offerings were
            priced. Read: `session`, `security_id`, and of offerings `amount_usd` (the
            offer price) and `ratio` (new shares over the shares before).
        splits: As `split_units.cumulative_splits` gives them.
        rules: The rules in force.

    Returns:
        `security_id`, `session` (when it was priced) and `share_factor`, by `session`,
        `security_id`. Smaller offerings wait for the next review.

    Example:
        Two offerings at $20: a tenth of 200 million shares, and 1 % of them.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> day = date(2022, 8, 1)
        >>> in_force = pl.DataFrame({"security_id": ["S-A", "S-B"], "shares": [200e6, 200e6]})
        >>> actions = pl.DataFrame({
        ...     "session": [day] * 2, "security_id": ["S-A", "S-B"], "action_type": "offering",
        ...     "amount_usd": 20.0, "ratio": [0.1, 0.01],
        ... })
        >>> splits = pl.DataFrame(schema={
        ...     "session": pl.Date, "security_id": pl.String, "split_factor": pl.Float64})
        >>> applied_offerings(
        ...     in_force, actions, splits, rules=rules_in_force(day)
        ... ).select("security_id", "share_factor").rows()
        [('S-A', 1.1)]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 9.3.6 to 9.3.12.
    """
    if rules.offering_minimum_usd is None:
        return pl.DataFrame(schema=_OFFERING)
    priced = actions.filter(pl.col("action_type") == "offering").join(in_force, on="security_id")
    value = pl.col("ratio") * pl.col("shares") * pl.col("so_far") * pl.col("amount_usd")
    is_large = value >= rules.offering_minimum_usd
    is_large_part = (pl.col("ratio") >= rules.offering_minimum_change) & (
        value >= rules.offering_minimum_with_change_usd
    )
    return (
        with_splits_so_far(priced, splits, "so_far")
        .filter(is_large | is_large_part)
        .select("security_id", "session", share_factor=1.0 + pl.col("ratio"))
        .sort("session", "security_id")
    )


def with_changed_shares(lines: pl.DataFrame, maintenance: pl.DataFrame) -> pl.DataFrame:
    """Apply share and float updates to member lines from the sessions on which they count.

    Args:
        lines: Contract `constituents` of one event.
        maintenance: Contract `maintenance` of the same event; rows with a `share_factor`
            are read. With `float_status`, rows where that is `known` are of their line alone.

    Returns:
        The lines with `index_shares` and `market_value_usd` of every session multiplied
        by the factors of their company and line so far, and `float_factor` (and
        `float_status`) as last updated.

    Example:
        >>> from datetime import date
        >>> days = [date(2022, 9, 16), date(2022, 9, 19)]
        >>> lines = pl.DataFrame({
        ...     "session": days, "security_id": "S-HAL", "company_id": "C-HAL",
        ...     "index_shares": [100.0, 100.0], "market_value_usd": [1000.0, 1000.0],
        ...     "float_factor": [1.0, 1.0],
        ... })
        >>> maintenance = pl.DataFrame({
        ...     "session": days[1:], "company_id": ["C-HAL"], "share_factor": [1.5],
        ...     "float_factor": [None],
        ... }, schema_overrides={"float_factor": pl.Float64})
        >>> with_changed_shares(lines, maintenance)["index_shares"].to_list()
        [100.0, 150.0]
    """
    changes = maintenance.filter(pl.col("share_factor").is_not_null())
    if "float_status" not in changes.columns:
        return _scaled(lines, changes, by="company_id")
    is_known = (pl.col("float_status") == FloatStatus.KNOWN.value).fill_null(value=False)
    whole = _scaled(lines, changes.filter(~is_known), by="company_id")
    return _scaled(whole, changes.filter(is_known), by="security_id")


def _scaled(lines: pl.DataFrame, changes: pl.DataFrame, *, by: str) -> pl.DataFrame:
    """Multiply the shares of lines by what changed so far of their company or line."""
    last = [name for name in ("float_factor", "float_status") if name in changes.columns]
    factors = (
        changes.group_by(by, "session")
        .agg(
            pl.col("share_factor").product(),
            *(pl.col(name).drop_nulls().last().name.prefix("last_") for name in last),
        )
        .sort("session")
        .with_columns(
            pl.col("share_factor").cum_prod().over(by),
            *(pl.col(f"last_{name}").forward_fill().over(by) for name in last),
        )
    )
    if factors.is_empty():
        return lines
    factor = pl.col("share_factor").fill_null(1.0)
    return (
        lines.sort("session", maintain_order=True)
        .join_asof(factors, on="session", by=by, strategy="backward", check_sortedness=False)
        .with_columns(
            index_shares=pl.col("index_shares") * factor,
            market_value_usd=pl.col("market_value_usd") * factor,
            **{name: pl.coalesce(f"last_{name}", name) for name in last},
        )
        .select(lines.columns)
        .sort("session", "security_id")
    )
