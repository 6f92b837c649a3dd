"""Does every published level follow from the constituents and the ledger.

Recomputes each session from closes, index shares and the divisor events, by the
definition and without the code that published it, and lists what differs beyond rounding;
`replay` does it with that code and asks for the same bits, of the ledger too. Neither
repairs anything. Add here a published number that can be recomputed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.restatement import as_recalculated
from r2k_pipeline.queries.addressing import nothing_there, require_order
from r2k_pipeline.queries.replay import DIFFERENCES, replay_differences
from r2k_pipeline.rulebook.index_definition import Weighting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.storage.store import Store

TOLERANCE = 1e-9
"""The relative difference that the order of a floating-point sum may make."""

COMPARED = (
    "price_level",
    "total_return_level",
    "net_total_return_level",
    "divisor",
    "market_value_usd",
    "members",
)
_MISSING = "nothing"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What a recomputation found.

    Args:
        indexes: One row per index: `index_id`, `first_session`, `last_session`,
            `sessions`, `differences` and `largest_difference` (relative, of levels by
            their definition).
        differences: One row per number that differs, by session: `session`,
            `index_id`, `column`, `published`, `recomputed`, `difference`
            (relative; null where one side has no such session). Numbers of the ledger
            have their cause before the column.
    """

    indexes: pl.DataFrame
    differences: pl.DataFrame


def verify(
    store: Store,
    *,
    start: date | None = None,
    end: date | None = None,
    known_at: datetime | None = None,
) -> Verification:
    """Recompute every published level of a range, and the ledger that led to it.

    Levels must follow from constituents and ledger by their definition, up to rounding, and
    both must be what the methodology makes of constituents and corporate actions, bit for
    bit.

    Args:
        store: The open store.
        start: First session, inclusive; None is the first published.
        end: Last session, inclusive; None is the last published.
        known_at: Check what was published at that moment (UTC); None is now.

    Raises:
        BadInputError: `start` lies after `end`.
        MissingPartitionError: Nothing is published there; names what is.
    """
    require_order(start, end)
    published = store.published.read("levels", start=start, end=end, known_at=known_at)
    if published.is_empty():
        days = store.published.read("levels", columns=["session"]).get_column("session")
        raise nothing_there("levels", asked=[start, end], available=days, known_at=known_at)
    values = index_values(
        store.lake.scan("constituents", start=start, end=end),
        store.lake.scan("weight_factors", end=end).collect(),
        family=store.family,
    )
    restated = store.published.read("restatements", start=start, end=end, known_at=known_at)
    # A level that is held is published as it was: what recalculation gave stands beside it.
    published = as_recalculated(published, restated)
    ledger = store.published.read("divisors", end=end, known_at=known_at)
    found = compare(published, recompute(values, ledger, family=store.family))
    return _with_replay(found, replay_differences(store, published, ledger))


def _with_replay(found: Verification, replayed: pl.DataFrame) -> Verification:
    """What differs by definition, and beside it what differs in any bit."""
    key = ["session", "index_id", "column"]
    defined = found.differences.select(
        pl.col(name).cast(kind) for name, kind in DIFFERENCES.items()
    )
    differences = pl.concat([defined, replayed]).unique(key, keep="first", maintain_order=True)
    counts = differences.group_by("index_id").agg(differences=pl.len())
    indexes = (
        found.indexes.drop("differences")
        .join(counts, on="index_id", how="left", maintain_order="left")
        .with_columns(pl.col("differences").fill_null(0))
        .select(found.indexes.columns)
    )
    return Verification(indexes=indexes, differences=differences.sort(key))


def index_values(
    lines: pl.LazyFrame, factors: pl.DataFrame, *, family: Mapping[str, IndexDefinition]
) -> pl.DataFrame:
    """Add up what the members of each index are worth, line by line.

    Args:
        lines: Contract `constituents`.
        factors: Contract `weight_factors` from the last reset by the first session on.
        family: The indexes.

    Returns:
        `index_id`, `session`, `market_value_usd` (USD) and `members` (lines).

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> lines = pl.LazyFrame({
        ...     "session": [date(2024, 6, 27)] * 2, "security_id": ["S1", "S2"],
        ...     "indexes": ["r3000e r2000", "r3000e"], "close_usd": [20.0, 5.0],
        ...     "index_shares": [10.0, 10.0], "float_factor": [1.0, 1.0],
        ... })
        >>> both = {index_id: family()[index_id] for index_id in ("r2000", "r3000e")}
        >>> index_values(lines, pl.DataFrame(), family=both).sort("index_id").rows()
        [('r2000', datetime.date(2024, 6, 27), 200.0, 1), \
('r3000e', datetime.date(2024, 6, 27), 250.0, 2)]
    """
    value = pl.col("close_usd") * pl.col("index_shares")
    scaled = {
        index_id: index
        for index_id, index in family.items()
        if index.has_factors or index.weighting is not Weighting.FREE_FLOAT_MARKET_CAP
    }
    plain = (
        lines.group_by("session", "indexes")
        .agg(market_value_usd=value.sum(), members=pl.len())
        .with_columns(index_id=pl.col("indexes").str.split(" "))
        .explode("index_id")
        .filter(~pl.col("index_id").is_in(list(scaled)))
        .group_by("index_id", "session")
        .agg(pl.col("market_value_usd", "members").sum())
        .collect(engine="streaming")
    )
    return pl.concat([plain, *(_scaled_values(lines, factors, index) for index in scaled.values())])


def _scaled_values(
    lines: pl.LazyFrame, factors: pl.DataFrame, index: IndexDefinition
) -> pl.DataFrame:
    """The same of an index that counts other shares than the family does."""
    value = pl.col("close_usd") * pl.col("index_shares")
    own = lines.filter(pl.col("indexes").str.split(" ").list.contains(index.index_id))
    if index.has_factors:
        known = factors.lazy().filter(pl.col("index_id") == index.index_id)
        known = known.select("security_id", "factor", reset="session")
        resets = known.select(pl.col("reset").unique().sort())
        own = (
            own.sort("session")
            .join_asof(resets, left_on="session", right_on="reset", strategy="backward")
            .join(known, on=["security_id", "reset"], how="left")
            .join(
                known.rename({"security_id": "parent_security_id", "factor": "parent_factor"}),
                on=["parent_security_id", "reset"],
                how="left",
            )
            .with_columns(counted=pl.coalesce("factor", "parent_factor"))
            .filter(pl.col("counted").is_not_null())
        )
        value = value * pl.col("counted")
    elif index.weighting is Weighting.FULL_MARKET_CAP:
        value = value / pl.col("float_factor")
    return (
        own.group_by("session")
        .agg(market_value_usd=value.sum(), members=pl.len())
        .select(pl.lit(index.index_id).alias("index_id"), pl.all())
        .collect(engine="streaming")
    )


def recompute(
    values: pl.DataFrame, ledger: pl.DataFrame, *, family: Mapping[str, IndexDefinition]
) -> pl.DataFrame:
    """Compute the levels by their definition.

    Args:
        values: As `index_values` gives them.
        ledger: Contract `divisors`, from the base row on.
        family: The indexes.

    Returns:
        `index_id`, `session` and the columns of `COMPARED`; sessions before an
        index's base row are left out.

    Example:
        Two per cent is added at constant closes: the level does not move.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> days = [date(2024, 6, 27), date(2024, 6, 28)]
        >>> values = pl.DataFrame(
        ...     {
        ...         "index_id": ["r2000", "r2000"],
        ...         "session": days,
        ...         "market_value_usd": [500.0, 510.0],
        ...         "members": [1, 2],
        ...     }
        ... )
        >>> ledger = pl.DataFrame(
        ...     {
        ...         "index_id": ["r2000", "r2000"],
        ...         "session": days,
        ...         "cause": ["base", "reconstitution"],
        ...         "market_value_after_usd": [500.0, 510.0],
        ...         "factor": [1.0, 1.02],
        ...         "gross_return_factor": [1.0, 1.0],
        ...         "net_return_factor": [1.0, 1.0],
        ...     }
        ... )
        >>> recompute(values, ledger, family=family()).get_column("price_level").to_list()
        [1000.0, 1000.0]
    """
    parts = [
        _one_index(
            values.filter(pl.col("index_id") == name),
            ledger.filter(pl.col("index_id") == name),
            index,
        )
        for name, index in family.items()
    ]
    return pl.concat(parts).sort("session", "index_id")


def _one_index(values: pl.DataFrame, ledger: pl.DataFrame, index: IndexDefinition) -> pl.DataFrame:
    is_base = pl.col("cause") == "base"
    base_divisor = pl.col("market_value_after_usd") / index.base_value
    steps = (
        ledger.group_by("session")
        .agg(
            divisor=pl.when(is_base).then(base_divisor).otherwise(pl.col("factor")).product(),
            gross=pl.col("gross_return_factor").product(),
            net=pl.col("net_return_factor").product(),
            bases=is_base.sum(),
        )
        .sort("session")
        .with_columns(pl.col("divisor", "gross", "net").cum_prod().over(pl.col("bases").cum_sum()))
    )
    price = pl.col("market_value_usd") / pl.col("divisor")
    return (
        values.sort("session")
        .join_asof(steps, on="session", strategy="backward")
        .drop_nulls("divisor")
        .select(
            "index_id",
            "session",
            price.alias("price_level"),
            (price * pl.col("gross")).alias("total_return_level"),
            (price * pl.col("net")).alias("net_total_return_level"),
            "divisor",
            "market_value_usd",
            pl.col("members").cast(pl.Int32),
        )
    )


def compare(published: pl.DataFrame, recomputed: pl.DataFrame) -> Verification:
    """Lay the published levels beside the recomputed ones.

    Args:
        published: Contract `levels`.
        recomputed: As `recompute` gives them, over the same sessions.
    """
    key = ["index_id", "session"]
    sides = [
        frame.select(*key, pl.col(COMPARED).cast(pl.Float64)).unpivot(
            index=key, variable_name="column", value_name=name
        )
        for frame, name in ((published, "published"), (recomputed, "recomputed"))
    ]
    relative = (pl.col("recomputed") / pl.col("published") - 1).abs()
    both = sides[0].join(sides[1], on=[*key, "column"], how="full", coalesce=True)
    laid = both.with_columns(difference=relative).with_columns(
        is_different=(pl.col("difference") > TOLERANCE).fill_null(value=True)
    )
    indexes = (
        laid.group_by("index_id")
        .agg(
            first_session=pl.col("session").min(),
            last_session=pl.col("session").max(),
            sessions=pl.col("session").n_unique(),
            differences=pl.col("is_different").sum(),
            largest_difference=pl.col("difference").max(),
        )
        .sort("index_id")
    )
    order = ["session", "index_id", "column"]
    differences = laid.filter("is_different").sort(order)
    return Verification(
        indexes=indexes,
        differences=differences.select(*order, "published", "recomputed", "difference"),
    )


def first_difference(found: Verification) -> str | None:
    """Phrase the earliest difference, or None if there is none."""
    if found.differences.is_empty():
        return None
    row = found.differences.row(0, named=True)
    sides = [row["published"], row["recomputed"]]
    few = [_MISSING if value is None else f"{value:.10g}" for value in sides]
    # Where ten digits are the same it is the last bits that differ.
    published, recomputed = few if few[0] != few[1] else [f"{value:.17g}" for value in sides]
    return (
        f"{row['index_id']} {row['column']} on {row['session']}: "
        f"published {published}, recomputed {recomputed}"
    )
