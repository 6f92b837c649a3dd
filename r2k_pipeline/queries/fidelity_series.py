"""Our levels, published figures and float factors beside the real ones.

Frames in, frames out: what is compared number by number. Lists of members are
`fidelity_members`.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.edges import in_index
from r2k_pipeline.methodology.symbol_keys import matching_key
from r2k_pipeline.queries.performance import SESSIONS_A_YEAR

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.rules import IndexRules

ALL_YEARS = "all"
WORST_DAYS = 3
_BASIS_POINTS = 1e4
_FEWEST_SESSIONS = 3
# What dividends add to an index in a session: no series is rounded by more than the first,
# and no broad index of shares has paid more than the second.
_DIVIDENDS_BP = (-3.0, 15.0)
_CHANGE_FIGURES = {"r3000_additions", "r3000_deletions"}


def daily_differences(ours: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    """Measure both returns over the same sessions.

    Args:
        ours: `session` and `level`, ascending.
        theirs: The same.

    Returns:
        One row per session that both have but the first: `session`, `our_return`,
        `their_return` (fractions, since the last session that both have) and
        `difference_bp`.

    Example:
        >>> from datetime import date
        >>> days = [date(2024, 1, 2), date(2024, 1, 3)]
        >>> ours = pl.DataFrame({"session": days, "level": [100.0, 102.0]})
        >>> theirs = pl.DataFrame({"session": days, "level": [2000.0, 2030.0]})
        >>> daily_differences(ours, theirs)["difference_bp"].round(6).to_list()
        [50.0]
    """
    both = ours.select("session", our="level").join(
        theirs.select("session", their="level"), on="session"
    )
    return (
        both.sort("session")
        .select(
            "session",
            our_return=pl.col("our").pct_change(),
            their_return=pl.col("their").pct_change(),
        )
        .drop_nulls()
        .with_columns(difference_bp=_BASIS_POINTS * (pl.col("our_return") - pl.col("their_return")))
    )


def level_scores(daily: pl.DataFrame) -> pl.DataFrame:
    """Measure by calendar year how closely two series run together.

    Args:
        daily: As `daily_differences` gives it.

    Returns:
        One row per year, then one for all: `year`, `sessions`, `correlation` (of
        daily returns), `tracking_error_bp` (standard deviation of the daily
        difference, a year), `our_return`, `their_return` (fractions over the
        period) and `difference_pct` (points between them). Correlation and tracking error are
        null for fewer than three sessions.
    """
    labelled = daily.with_columns(year=pl.col("session").dt.year().cast(pl.String))
    whole = daily.with_columns(year=pl.lit(ALL_YEARS))
    enough = pl.len() >= _FEWEST_SESSIONS
    grown = [((1 + pl.col(name)).product() - 1) for name in ("our_return", "their_return")]
    correlation = pl.corr("our_return", "their_return").fill_nan(None)
    error = pl.col("difference_bp").std() * sqrt(SESSIONS_A_YEAR)
    return (
        pl.concat([labelled, whole])
        .group_by("year", maintain_order=True)
        .agg(
            sessions=pl.len().cast(pl.Int64),
            correlation=pl.when(enough).then(correlation),
            tracking_error_bp=pl.when(enough).then(error),
            our_return=grown[0],
            their_return=grown[1],
        )
        .with_columns(difference_pct=100 * (pl.col("our_return") - pl.col("their_return")))
    )


def worst_days(daily: pl.DataFrame, *, count: int = WORST_DAYS) -> pl.DataFrame:
    """Take the sessions of each year on which the returns lie furthest apart.

    Returns:
        `daily` with `year`, the worst first within a year.
    """
    return (
        daily.select(pl.col("session").dt.year().cast(pl.String).alias("year"), pl.all())
        .sort(pl.col("session").dt.year(), pl.col("difference_bp").abs(), descending=[False, True])
        .group_by("year", maintain_order=True)
        .head(count)
    )


def contradicted_sessions(price: pl.DataFrame, total_return: pl.DataFrame) -> pl.DataFrame:
    """Find sessions on which two published series of one index cannot both be right.

    Args:
        price: `session` and `level` of the price series.
        total_return: The same with dividends.

    Returns:
        `session`, `price_return`, `total_return` (fractions) and `difference_bp` of each
        session on which dividends would be negative, or larger than an index pays in a day.

    Example:
        >>> from datetime import date
        >>> days = [date(2021, 8, day) for day in (12, 13, 16, 17)]
        >>> price = pl.DataFrame({"session": days, "level": [100.0, 101.0, 100.0, 99.0]})
        >>> total = pl.DataFrame({"session": days, "level": [200.0, 202.02, 199.5, 197.9]})
        >>> contradicted_sessions(price, total).select(
        ...     "session", pl.col("difference_bp").round()).rows()
        [(datetime.date(2021, 8, 16), -26.0), (datetime.date(2021, 8, 17), 20.0)]
    """
    daily = daily_differences(total_return, price)
    least, most = _DIVIDENDS_BP
    return daily.filter(~pl.col("difference_bp").is_between(least, most)).select(
        "session", price_return="their_return", total_return="our_return",
        difference_bp="difference_bp",
    )  # fmt: skip


def our_figures(
    decisions: pl.DataFrame, *, rules: IndexRules, listed: pl.Series
) -> dict[str, float]:
    """Read off one event what is published of one.

    Args:
        decisions: Contract `reconstitution` of the event.
        rules: The rules in force on its rank day; read the counts.
        listed: `security_id` of the lines still listed when the event took effect:
            a member that was delisted before is no deletion of the event.

    Returns:
        Values by figure: `r3000_total_usd`, `breakpoint_usd` (of the last large
        company by rank), `r2000_smallest_usd` (of the last company by rank),
        `r2000_largest_usd` (after banding), all by total market cap, and
        `r3000_additions` and `r3000_deletions` (companies) where the event had
        incumbents. A figure that cannot be read is left out.

    Example:
        >>> from dataclasses import replace
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> rules = replace(
        ...     rules_in_force(date(2022, 5, 6)), large_cap_count=1, total_count=2
        ... )
        >>> decisions = pl.DataFrame({
        ...     "security_id": ["A", "B", "C"], "rank": [1, 2, 3],
        ...     "total_market_cap_usd": [9.0, 5.0, 2.0],
        ...     "previous_segment": ["small", "micro", "small"],
        ...     "segment": ["large", "small", "micro"],
        ...     "previous_indexes": ["r3000", "rmicro", "r3000"],
        ...     "indexes": ["r3000", "r3000", "rmicro"],
        ... })
        >>> figures = our_figures(decisions, rules=rules, listed=decisions["security_id"])
        >>> figures["r3000_total_usd"], figures["r3000_additions"]
        (14.0, 1.0)
    """
    cap, rank = pl.col("total_market_cap_usd"), pl.col("rank")
    small = pl.col("segment") == "small"
    was, now = in_index("r3000", "previous_indexes"), in_index("r3000")
    found = decisions.select(
        r3000_total_usd=cap.filter(rank <= rules.total_count).sum(),
        breakpoint_usd=cap.filter(rank == rules.large_cap_count).first(),
        r2000_smallest_usd=cap.filter(rank == rules.total_count).first(),
        r2000_largest_usd=cap.filter(small).max(),
        r3000_additions=(~was & now).sum().cast(pl.Float64),
        r3000_deletions=(was & ~now & pl.col("security_id").is_in(listed.implode()))
        .sum()
        .cast(pl.Float64),
    ).row(0, named=True)
    had_incumbents = decisions["previous_segment"].count() > 0
    return {
        name: value
        for name, value in found.items()
        if value and (had_incumbents or name not in _CHANGE_FIGURES)
    }


def compare_figures(published: pl.DataFrame, ours: dict[str, float]) -> pl.DataFrame:
    """Compare published figures of one event with ours.

    Args:
        published: `figure`, `value`, of one year.
        ours: As `our_figures` gives it.

    Returns:
        One row per figure that both have: `figure`, `theirs`, `ours`,
        `difference_pct` (of theirs).
    """
    known = published.filter(pl.col("figure").is_in(list(ours)))
    return known.select(
        "figure",
        theirs="value",
        ours=pl.col("figure").replace_strict(ours, default=None, return_dtype=pl.Float64),
    ).with_columns(difference_pct=100 * (pl.col("ours") / pl.col("theirs") - 1))


def compare_floats(theirs: pl.DataFrame, ours: pl.DataFrame) -> dict[str, float]:
    """Compare free-float factors line by line.

    Args:
        theirs: `symbol`, `float_factor`; above 1 is noise of an implied factor
            and counts as 1.
        ours: The same of our members.

    Returns:
        `lines` (that both have), `mean_difference` (ours above theirs),
        `mean_absolute_difference` and, where both vary, `correlation`.
    """
    both = theirs.select(key=matching_key(), their=pl.col("float_factor").clip(0, 1)).join(
        ours.select(key=matching_key(), our="float_factor"), on="key"
    )
    gap = pl.col("our") - pl.col("their")
    found = both.select(
        lines=pl.len().cast(pl.Float64),
        mean_difference=gap.mean(),
        mean_absolute_difference=gap.abs().mean(),
        correlation=pl.corr("our", "their").fill_nan(None),
    ).row(0, named=True)
    return {name: value for name, value in found.items() if value is not None}


def compare_weights(theirs: pl.DataFrame, ours: pl.DataFrame) -> float | None:
    """Measure how much of two portfolios is the same: the sum of the smaller weights.

    Args:
        theirs: `symbol`, `weight` (0 to 1); scaled to 1 in all.
        ours: The same of our members.

    Returns:
        0 to 1; None if either has no weights.

    Example:
        >>> theirs = pl.DataFrame({"symbol": ["A", "B"], "weight": [0.6, 0.4]})
        >>> ours = pl.DataFrame({"symbol": ["A", "C"], "weight": [0.5, 0.5]})
        >>> compare_weights(theirs, ours)
        0.5
    """
    weight = pl.col("weight") / pl.col("weight").sum()
    both = theirs.select(key=matching_key(), their=weight).join(
        ours.select(key=matching_key(), our=weight), on="key"
    )
    if not theirs["weight"].sum() or not ours["weight"].sum():
        return None
    return float(both.select(pl.min_horizontal("our", "their").sum()).item())
