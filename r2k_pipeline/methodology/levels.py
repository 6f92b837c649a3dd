"""4c: price, total and net total return levels, each session from its own rows.

    price_level(t)        = sum_i close_usd(i, t) * index_shares(i, t) / divisor(t)
    total_return_level(t) = price_level(t) * product of reinvestment factors up to t

No level is computed from another level, so sessions can be rebuilt in any order.
How divisors and reinvestment factors come about is `divisors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import MissingDivisorError, listed
from r2k_pipeline.methodology.divisors import divisor_by_session
from r2k_pipeline.methodology.leaving_lines import CARRIED_STATUSES
from r2k_pipeline.methodology.market_values import market_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2k_pipeline.rulebook.index_definition import IndexDefinition


LEVEL_LINE_COLUMNS = (
    "session", "security_id", "indexes", "parent_security_id", "float_factor",
    "market_value_usd", "close_session", "status",
)  # fmt: skip
"""What of contract `constituents` levels are computed from."""


def index_levels(
    lines: pl.DataFrame,
    ledger: pl.DataFrame,
    *,
    family: Mapping[str, IndexDefinition],
    factors: pl.DataFrame,
) -> pl.DataFrame:
    """Compute the levels of every index on every session that has constituents.

    Args:
        lines: Contract `constituents`, any sessions. Read: `session`,
            `security_id`, `indexes`, `market_value_usd`, `close_session`, `status`, and
            what `market_values.market_values` reads besides.
        ledger: Contract `divisors` from the base session up to the last of
            these sessions.
        family: The indexes: weightings and base values.
        factors: Contract `weight_factors` from the last reset by the first session
            on; may be empty if no index of the family has factors.

    Returns:
        Contract `levels`, one row per index and session, sorted by `index_id`,
        `session`. Index points, not rounded: rounding belongs to publication.
        `status` is `CARRIED` where no member traded on the session, so the level
        repeats; `reason` counts members whose close is carried, recovered or a removal
        price, `since` is the oldest close that is carried.

    Raises:
        MissingDivisorError: A session lies before the base session.

    Notes:
        Sums are rounded once (`market_values`) and products run in the order of the
        ledger, so a session rebuilt alone, or with others, has the same bytes.

    Example:
        >>> from datetime import date
        >>> days = [date(2024, 6, 27), date(2024, 6, 28)]
        >>> lines = pl.DataFrame({
        ...     "session": [days[0]] * 2 + [days[1]] * 2,
        ...     "security_id": ["BOLT", "CORE"] * 2,
        ...     "indexes": ["r2000"] * 4,
        ...     "market_value_usd": [2000.0, 1000.0, 2080.0, 1050.0],
        ...     "close_session": [days[0]] * 2 + [days[1]] * 2,
        ...     "status": ["ok"] * 4,
        ... })
        >>> ledger = pl.DataFrame({
        ...     "index_id": ["r2000"], "session": days[:1], "cause": ["base"],
        ...     "market_value_after_usd": [3000.0], "factor": [1.0],
        ...     "gross_return_factor": [1.0], "net_return_factor": [1.0],
        ... })
        >>> from r2k_pipeline.rulebook.family import family
        >>> small = {"r2000": family()["r2000"]}
        >>> index_levels(lines, ledger, family=small, factors=pl.DataFrame()).select(
        ...     "session", "price_level", "members"
        ... )
        shape: (2, 3)
        ┌────────────┬─────────────┬─────────┐
        │ session    ┆ price_level ┆ members │
        │ ---        ┆ ---         ┆ ---     │
        │ date       ┆ f64         ┆ i32     │
        ╞════════════╪═════════════╪═════════╡
        │ 2024-06-27 ┆ 1000.0      ┆ 2       │
        │ 2024-06-28 ┆ 1043.333333 ┆ 2       │
        └────────────┴─────────────┴─────────┘

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` appendix A.
    """
    values = market_values(lines, family=family, factors=factors, facts=_closes_of_others())
    divisors = divisor_by_session(ledger, values, family=family)
    undivided = divisors.filter(pl.col("divisor").is_null())["session"].unique().sort()
    if not undivided.is_empty():
        raise MissingDivisorError(
            f"no divisor on {listed(undivided.to_list(), 5)}",
            state="no level was written",
            remedy="materialize `divisors` from the base session on",
        )
    price = pl.col("market_value_usd") / pl.col("divisor")
    return (
        values.join(divisors, on=["index_id", "session"])
        .with_columns(
            price_level=price,
            total_return_level=price * pl.col("gross_growth"),
            net_total_return_level=price * pl.col("net_growth"),
            **_status(),
        )
        .select(
            "index_id", "session", "price_level", "total_return_level",
            "net_total_return_level", "divisor", "market_value_usd", "members", "status",
            "reason", "since",
        )
        .sort("index_id", "session")
    )  # fmt: skip


def _closes_of_others() -> dict[str, pl.Expr]:
    """How many closes of a session are not its own, by where they come from."""
    status = pl.col("status")
    is_carried = status.is_in(CARRIED_STATUSES)
    return {
        "carried": is_carried.sum(),
        "recovered": (status == "recovered").sum(),
        "made": (status == "synthetic").sum(),
        "oldest": pl.col("close_session").filter(is_carried).min(),
    }


def _status() -> dict[str, pl.Expr]:
    """What a reader must know before trusting the level."""
    carried, recovered, made = (pl.col(name) > 0 for name in ("carried", "recovered", "made"))
    older = pl.when(carried).then(
        pl.format("{} of {} members carry an older close", "carried", "members")
    )
    later = pl.when(recovered).then(
        pl.format("{} of {} closes come from the next snapshot", "recovered", "members")
    )
    priced = pl.when(made).then(
        pl.format("{} of {} members leave at a removal price", "made", "members")
    )
    return {
        "status": pl.when(pl.col("carried") == pl.col("members"))
        .then(pl.lit("CARRIED"))
        .otherwise(pl.lit("OK")),
        "reason": pl.when(carried | recovered | made).then(
            pl.concat_str(older, later, priced, separator="; ", ignore_nulls=True)
        ),
        "since": pl.when(carried).then(pl.col("oldest")),
    }
