"""3b: fundamentals -> how much of each company is value, the rest being growth.

1. In each segment apart, book-to-price, the growth that analysts forecast and the growth
   of sales become percentiles; what is missing is the average of the sector.
2. Half of the score is book-to-price, a quarter each is low growth. A score that moved
   little stays as it was.
3. Below the lower quartile of capitalisation by score a company is growth, above the
   upper one value; in between its probability of value rises along a smooth curve.

Holds the scores and the curve. How the probability divides shares is `weighting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from r2k_pipeline.methodology.edges import Numbers
    from r2k_pipeline.rulebook.schedule import Event

_WEIGHTS = {"book_to_price": 0.5, "growth_forecast": 0.25, "sales_growth": 0.25}
_FEWEST_IN_GROUP = 5
# How much of an own forecast counts that so many analysts make, else all of it.
_OWN_PART = {1: 1 / 3, 2: 2 / 3}
_SCORE_BAND = 0.10
_SNAP = 0.05
_CURVE_POWER = 2


def value_probability(scores: Numbers, caps: Numbers) -> Numbers:
    """Turn composite scores into probabilities of being value.

    Args:
        scores: Composite scores of one segment, high for value.
        caps: Their total market capitalisations, USD.

    Returns:
        0 to 1, in the same order: 0 below the lower quartile point of capitalisation by
        score, a half at the median, 1 above the upper one. Nearer than 5 % to an end is
        the end.

    Notes:
        The official curve is only a figure. This one is a quadratic on either side of the
        median and leaves about a third of the capitalisation divided.

    Example:
        >>> import numpy as np
        >>> value_probability(np.array([0.1, 0.3, 0.5, 0.7, 0.9]), np.ones(5)).round(3).tolist()
        [0.0, 0.0, 0.5, 1.0, 1.0]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 8.2; the curve is
        `rulebook.rules.SOURCES["own_choice"]`.
    """
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(caps[order]) / caps.sum()
    points = [scores[order[np.searchsorted(reached, q - 1e-12)]] for q in (0.25, 0.5, 0.75)]
    low, middle, high = (float(point) for point in points)
    rising = 0.5 * _part(scores, low, middle) ** _CURVE_POWER
    falling = 1 - 0.5 * _part(-scores, -high, -middle) ** _CURVE_POWER
    found = np.where(scores <= middle, rising, falling)
    found = np.where(scores < low, 0.0, np.where(scores > high, 1.0, found))
    return np.where(found < _SNAP, 0.0, np.where(found > 1 - _SNAP, 1.0, found))


def _part(scores: Numbers, start: float, end: float) -> Numbers:
    """How far each score has come from one point to another, 0 to 1."""
    width = end - start
    return np.ones(len(scores)) if width <= 0 else np.clip((scores - start) / width, 0.0, 1.0)


def style_scores(
    decisions: pl.DataFrame,
    fundamentals: pl.DataFrame,
    previous: pl.DataFrame,
    *,
    event: Event,
    is_full: bool,
) -> pl.DataFrame:
    """Score every member of an event, segment by segment.

    Args:
        decisions: Contract `reconstitution` of the event. Read: `company_id`, `segment`,
            `sector`, `total_market_cap_usd`.
        fundamentals: Contract `fundamentals` of the event.
        previous: Contract `style_scores` of the event before; empty at the first.
        event: The reconstitution.
        is_full: Whether all are scored anew; if not, who stays in its segment keeps its
            score and probability.

    Returns:
        Contract `style_scores`, sorted by `company_id`; no rows without fundamentals.

    Notes:
        A book-to-price below zero counts as missing, a negative forecast does not. A group
        is the sector if five companies of it have the variable, else the segment.

    Example:
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> ids = ["C1", "C2", "C3"]
        >>> decisions = pl.DataFrame({
        ...     "company_id": ids, "segment": "small", "sector": "Energy",
        ...     "total_market_cap_usd": [1e9, 1e9, 1e9],
        ... })
        >>> fundamentals = pl.DataFrame({
        ...     "company_id": ids, "book_to_price": [0.1, 0.5, 0.9],
        ...     "growth_forecast": [0.3, 0.2, 0.1], "sales_growth": [0.3, None, 0.1],
        ...     "analysts": [5, 5, 5],
        ... })
        >>> none_before = pl.DataFrame(schema={
        ...     "company_id": pl.String, "segment": pl.String, "composite_score": pl.Float64,
        ...     "value_probability": pl.Float64,
        ... })
        >>> style_scores(
        ...     decisions, fundamentals, none_before, event=event("2022-06"), is_full=True
        ... ).select("value_probability", "estimated").rows()
        [(0.0, None), (0.5, 'sales_growth'), (1.0, None)]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 8.1 and 8.2; percentiles as the
        standard units are `rulebook.rules.SOURCES["own_choice"]`.
    """
    members = decisions.filter(pl.col("segment").is_not_null()).select(
        "company_id", "segment", "sector", "total_market_cap_usd"
    )
    if fundamentals.is_empty():
        members = members.clear()
    before = previous.select(
        "company_id", "segment", old_score="composite_score", old_probability="value_probability"
    )
    scored = (
        members.join(fundamentals.drop("sector", strict=False), on="company_id", how="left")
        .sort("company_id")
        .with_columns(
            *(_percentile(name) for name in _WEIGHTS), estimated=_estimated(), told=_own_part()
        )
        .with_columns(_filled(name).alias(name) for name in _WEIGHTS)
        .with_columns(composite=_composite())
        .join(before, on=["company_id", "segment"], how="left", maintain_order="left")
        .with_columns(is_kept=_is_kept(is_full=is_full))
    )
    score = pl.when("is_kept").then("old_score").otherwise("composite")
    kept = scored.with_columns(composite_score=score)
    stays = pl.lit(not is_full) & pl.col("old_probability").is_not_null()
    probability = pl.when(stays).then("old_probability").otherwise(_probabilities(kept))
    return kept.select(
        pl.lit(event.event_id).alias("event_id"), "company_id", "segment", "composite_score",
        probability.alias("value_probability"), "is_kept", "estimated",
    )  # fmt: skip


def _percentile(name: str) -> pl.Expr:
    """The variable in the middle of its rank, 0 to 1 within the segment."""
    known = pl.col(name) if name != "book_to_price" else _positive(name)
    return ((known.rank() - 0.5) / known.count()).over("segment").alias(name)


def _positive(name: str) -> pl.Expr:
    return pl.when(pl.col(name) >= 0).then(pl.col(name))


def _estimated() -> pl.Expr:
    """The variables that are missing."""
    missing = [
        pl.when((_positive(name) if name == "book_to_price" else pl.col(name)).is_null()).then(
            pl.lit(name)
        )
        for name in _WEIGHTS
    ]
    text = pl.concat_str(missing, separator=" ", ignore_nulls=True)
    return pl.when(text != "").then(text)


def _own_part() -> pl.Expr:
    """How much of the forecast is the company's own."""
    return pl.col("analysts").replace_strict(_OWN_PART, default=1.0, return_dtype=pl.Float64)


def _filled(name: str) -> pl.Expr:
    """The percentile, or that of the group where it is missing or of few analysts."""
    own = pl.col(name)
    group = [pl.col("segment"), pl.col("sector")]
    of_sector = pl.when(own.count().over(group) >= _FEWEST_IN_GROUP).then(own.mean().over(group))
    others = pl.coalesce(of_sector, own.mean().over("segment"), pl.lit(0.5))
    if name == "growth_forecast":
        own = own * pl.col("told") + others * (1 - pl.col("told"))
    return pl.coalesce(own, others)


def _composite() -> pl.Expr:
    """High for value: cheap against its book, and growing little."""
    low_growth = [1 - pl.col(name) for name in ("growth_forecast", "sales_growth")]
    variables = [pl.col("book_to_price"), *low_growth]
    return pl.sum_horizontal(
        variable * weight for variable, weight in zip(variables, _WEIGHTS.values(), strict=True)
    )


def _is_kept(*, is_full: bool) -> pl.Expr:
    """Whether the score stays as it was: it moved little, or is not asked for again."""
    moved = (pl.col("composite") - pl.col("old_score")).abs() <= _SCORE_BAND + 1e-12
    return (moved | pl.lit(not is_full) & pl.col("old_score").is_not_null()).fill_null(value=False)


def _probabilities(scored: pl.DataFrame) -> pl.Series:
    """The probability of value of each company, in the order of the rows."""
    found = np.zeros(scored.height)
    for segment in scored["segment"].unique():
        here = (scored["segment"] == segment).to_numpy()
        part = scored.filter(pl.Series(here))
        found[here] = value_probability(
            part["composite_score"].to_numpy(), part["total_market_cap_usd"].to_numpy()
        )
    return pl.Series(found)
