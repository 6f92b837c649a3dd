"""3d: members -> the factor by which each line counts in an equal-weighted or capped index.

1. At a reset each company of the index gets its weight: equal by sector and then by
   company, or its share of market value held below the caps.
2. The lines of a company share its weight by market value.
3. A line's factor is what its shares must be multiplied by to weigh that much. It stands
   until the next reset, through splits and drifting prices.

Values are those at the open of the reset's session. Holds the resets, the weights and
the factors; how a factor acts is `index_lines`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.errors import BadInputError
from r2k_pipeline.methodology.edges import in_index
from r2k_pipeline.rulebook.index_definition import Style, Weighting
from r2k_pipeline.rulebook.reviews import all_reviews

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from r2k_pipeline.methodology.edges import Numbers
    from r2k_pipeline.rulebook.index_definition import CapScheme, IndexDefinition

_QUARTERS = (3, 6, 9, 12)
_NO_SECTOR = "unclassified"
_ROUNDING = 1e-12


def reset_sessions(start: date, end: date) -> list[date]:
    """The sessions from whose open on weights are reset: of events and quarterly reviews.

    Args:
        start: First day, included.
        end: Last day, included.

    Example:
        >>> from datetime import date
        >>> [str(day) for day in reset_sessions(date(2022, 1, 1), date(2022, 9, 30))]
        ['2022-03-21', '2022-06-27', '2022-09-19']
    """
    return [
        review.effective_session
        for review in all_reviews()
        if start <= review.effective_session <= end
        and (review.is_reconstitution or int(review.review_id[-2:]) in _QUARTERS)
    ]


def last_reset(session: date) -> date | None:
    """The last session by `session` with a reset; None before the first of all.

    Example:
        >>> from datetime import date
        >>> str(last_reset(date(2022, 6, 30))), str(last_reset(date(2022, 6, 27)))
        ('2022-06-27', '2022-06-27')
    """
    known = reset_sessions(all_reviews()[0].effective_session, session)
    return known[-1] if known else None


def weight_factors(
    lines: pl.DataFrame, *, family: Mapping[str, IndexDefinition], scores: pl.DataFrame
) -> pl.DataFrame:
    """Set the factors of every index that has some, at each session of `lines`.

    Args:
        lines: Contract `constituents` of the sessions of resets, and no others. Read:
            `session`, `security_id`, `company_id`, `sector`, `indexes`,
            `previous_close_usd`, `index_shares`, `float_factor`.
        family: The indexes.
        scores: Contract `style_scores` of the event in force; read for indexes that hold
            a style.

    Returns:
        Contract `weight_factors`, sorted by `index_id`, `session`, `security_id`.
        Weights (0 to 1) sum to 1 in each index and session; the market value of an
        index is the same with its factors as without, but for the part of another style.

    Raises:
        BadInputError: A cap cannot hold with so few companies, or no company has a style;
            names index and session.

    Notes:
        Uses the close before each session, nothing later. A line that joins between
        resets has no factor and is in the index from the next reset on. A company
        without a sector is in a group of its own kind, and one without a score has the
        mean style of its sector.

    Example:
        Two companies are worth 3,000 and 1,000; half of 4,000 for each.

        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family_file import parse_family
        >>> family = parse_family(
        ...     "indexes: {eq: {name: Equal, ranks: [1, 9], weighting: equal}}", file="f.yaml"
        ... )
        >>> lines = pl.DataFrame({
        ...     "session": [date(2022, 6, 27)] * 2, "security_id": ["S1", "S2"],
        ...     "company_id": ["C1", "C2"], "sector": ["Energy"] * 2, "indexes": ["eq"] * 2,
        ...     "previous_close_usd": [30.0, 10.0], "index_shares": [100.0] * 2,
        ...     "float_factor": [1.0] * 2,
        ... })
        >>> weight_factors(lines, family=family, scores=pl.DataFrame()).select(
        ...     "weight", "factor"
        ... ).rows()
        [(0.5, 0.6666666666666666), (0.5, 2.0)]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 8.2.5 for the caps; how excess is
        redistributed is `rulebook.rules.SOURCES["own_choice"]`.
    """
    # A child that joins at a reset at zero has no weight yet: it counts with its parent's factor.
    valued = lines.filter(pl.col("previous_close_usd") > 0)
    parts = [
        _index_factors(own, index, scores)
        for index in family.values()
        if index.has_factors
        for own in valued.filter(in_index(index.index_id)).partition_by("session")
    ]
    if not parts:
        return empty_frame(contract("weight_factors"))
    return pl.concat(parts).sort("index_id", "session", "security_id")


def _index_factors(own: pl.DataFrame, index: IndexDefinition, scores: pl.DataFrame) -> pl.DataFrame:
    """The factors of one index at one reset."""
    value = pl.col("previous_close_usd") * pl.col("index_shares")
    if index.weighting is Weighting.FULL_MARKET_CAP:
        value = value / pl.col("float_factor")
    valued = own.with_columns(value_usd=value, sector=pl.col("sector").fill_null(_NO_SECTOR))
    if index.style is not None:
        valued = _of_style(valued, index, scores)
    companies = (
        valued.group_by("company_id")
        .agg(pl.col("sector").first(), company_usd=pl.col("value_usd").sum())
        .sort("company_id")
    )
    weight = _company_weights(companies, index, own["session"][0])
    total = pl.col("value_usd").sum()
    return (
        valued.join(companies.with_columns(company_weight=weight), on="company_id")
        .sort("security_id")
        .with_columns(weight=pl.col("company_weight") * pl.col("value_usd") / pl.col("company_usd"))
        .select(
            pl.lit(index.index_id).alias("index_id"),
            "session",
            "security_id",
            "value_usd",
            "weight",
            factor=pl.col("weight")
            * total
            / (pl.col("previous_close_usd") * pl.col("index_shares")),
        )
    )


def _of_style(valued: pl.DataFrame, index: IndexDefinition, scores: pl.DataFrame) -> pl.DataFrame:
    """Only the part of each line's value that is of the style; lines without one are out."""
    if scores.is_empty():
        raise BadInputError(
            f"{index.index_id} on {valued['session'][0]}: no company has a style at the event",
            state="no factor was written",
            remedy="give fundamentals of the event, see R2K_FUNDAMENTALS, and decide it again",
        )
    known = scores.select("company_id", part="value_probability")
    part = pl.coalesce("part", pl.col("part").mean().over("sector"), pl.lit(0.5))
    if index.style is Style.GROWTH:
        part = 1 - part
    return (
        valued.join(known, on="company_id", how="left", maintain_order="left")
        .with_columns(value_usd=pl.col("value_usd") * part)
        .filter(pl.col("value_usd") > 0)
    )


def _company_weights(companies: pl.DataFrame, index: IndexDefinition, session: date) -> pl.Series:
    """The weight of each company, in the order of `companies`."""
    if index.weighting is Weighting.EQUAL:
        equal = 1 / (pl.col("sector").n_unique() * pl.len().over("sector"))
        return companies.select(weight=equal).to_series()
    weights = companies["company_usd"].to_numpy() / companies["company_usd"].sum()
    if index.cap is None:
        return pl.Series(weights)
    try:
        return pl.Series(capped_weights(weights, index.cap))
    except ValueError as error:
        raise BadInputError(
            f"{index.index_id} on {session}: {error}",
            state="no factor was written",
            remedy="raise the cap in the family file, or widen the ranks of the index",
        ) from error


def capped_weights(weights: Numbers, cap: CapScheme) -> Numbers:
    """Hold weights below caps, and give what is cut off to the others in proportion.

    Args:
        weights: Above 0, summing to 1, one a company, in any order.
        cap: The caps.

    Returns:
        Weights in the same order, summing to 1. A larger weight never ends below a
        smaller one; if nothing exceeds a cap nothing changes.

    Raises:
        ValueError: So few companies cannot weigh so little.

    Notes:
        Large companies that together weigh too much are scaled down together; the
        smallest of them that would fall to the bound of being large is held at the
        bound instead and counts no more, one after the other, equal ones together.

    Example:
        >>> import numpy as np
        >>> from r2k_pipeline.rulebook.index_definition import CapScheme
        >>> capped_weights(np.array([0.6, 0.3, 0.1]), CapScheme(company=0.5)).round(3).tolist()
        [0.5, 0.375, 0.125]
    """
    held = _limited(weights, cap.company, 1.0)
    if cap.large is None or cap.large_total is None:
        return held
    if held[held > cap.large].sum() <= cap.large_total + _ROUNDING:
        return held
    order = np.argsort(-held, kind="stable")
    falling = held[order]
    count = _large_count(falling, cap.large, cap.large_total)
    top, rest = order[:count], order[count:]
    result = held.copy()
    result[top] *= min(1.0, cap.large_total / max(held[top].sum(), _ROUNDING))
    result[rest] = _limited(held[rest], cap.large, 1.0 - result[top].sum())
    return result


def _large_count(falling: Numbers, large: float, large_total: float) -> int:
    """How many of the largest stay large when they together are scaled to what they may."""
    for count in range(int((falling > large).sum()), 0, -1):
        scale = min(1.0, large_total / falling[:count].sum())
        parts_equals = count < len(falling) and falling[count] == falling[count - 1]
        if falling[count - 1] * scale > large and not parts_equals:
            return count
    return 0


def _limited(weights: Numbers, limit: float, total: float) -> Numbers:
    """Scale weights to a total, none above a limit, the others in proportion."""
    if limit * len(weights) < total - _ROUNDING:
        message = (
            f"{len(weights)} companies of at most {100 * limit:g} % each cannot weigh "
            f"{100 * total:g} % together"
        )
        raise ValueError(message)
    if abs(weights.sum() - total) <= _ROUNDING and not (weights > limit).any():
        return weights
    is_cut = np.zeros(len(weights), np.bool_)
    while not is_cut.all():
        scale = (total - limit * is_cut.sum()) / weights[~is_cut].sum()
        over = ~is_cut & (weights * scale > limit)
        if not over.any():
            return np.where(is_cut, limit, weights * scale)
        is_cut |= over
    return np.full(len(weights), limit)
