"""Where a cap would stand among the companies of a rank day, and whether that is a close call.

A company whose size is in doubt is not ranked, so its plausible sizes are held against
those that are. Holds rank, segment and nearness to a breakpoint of such a size; whose
size is in doubt, and what follows, is `doubtful_candidates`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.edges import Edge, band_bounds, segment_ranks

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.rules import IndexRules


@dataclass(frozen=True, kw_only=True)
class SizeLadder:
    """The ranked companies of a rank day, as something to hold a size against.

    Args:
        caps: Their total market caps, USD, by rank.
        shares: Their cumulative shares, those of the r3000e.
        rules: The rules in force on the day.

    Notes:
        A size is placed as if its company came on top of those that are ranked, the
        total staying as it is. With fewer companies than a breakpoint needs, the
        smallest of them is the breakpoint. On an empty ladder nothing is near.

    Example:
        >>> from dataclasses import replace
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> rules = replace(
        ...     rules_in_force(date(2022, 5, 6)), large_cap_count=2, total_count=4,
        ...     extended_count=5)
        >>> ladder = ladder_of(pl.DataFrame({
        ...     "rank": [1, 2, 3, 4], "total_market_cap_usd": [50.0, 30.0, 10.0, 6.0],
        ...     "cumulative_market_cap_share": [0.52, 0.83, 0.94, 1.0],
        ... }), rules)
        >>> pl.DataFrame({"cap": [31.0, 20.0, 7.0, 4.0]}).select(
        ...     rank=ladder.rank_of(pl.col("cap")), segment=ladder.segment_of(pl.col("cap")),
        ...     is_near=ladder.is_near(pl.col("cap"), margin=0.2),
        ... ).rows()
        [(2, 0, True), (3, 1, False), (4, 1, True), (5, 2, False)]
    """

    caps: pl.Series
    shares: pl.Series
    rules: IndexRules

    def rank_of(self, cap: pl.Expr) -> pl.Expr:
        """The rank that a cap would have had: before equal ones; null for null."""
        ascending = self.caps.sort()
        not_larger = pl.lit(ascending).search_sorted(cap, side="right")
        rank = (pl.lit(ascending.len()) - not_larger.cast(pl.Int64) + 1).cast(pl.Int32)
        return pl.when(cap.is_not_null()).then(rank)

    def segment_of(self, cap: pl.Expr) -> pl.Expr:
        """The segment of that rank: 0 is large, 1 small, 2 micro, 3 outside; null for null."""
        rank = self.rank_of(cap)
        below = pl.sum_horizontal((rank > last) for last in segment_ranks(self.rules))
        return pl.when(cap.is_not_null()).then(below.cast(pl.Int32))

    def is_near(self, cap: pl.Expr, *, margin: float) -> pl.Expr:
        """Whether a cap lies within the band of a breakpoint, or near one that has none.

        Args:
            cap: The size, USD; null is near nothing.
            margin: How far from the cap at a breakpoint without a band is near, as a
                fraction of it, inclusive.
        """
        near = [self._is_near(cap, rank, margin) for rank in self._breakpoints()]
        return pl.any_horizontal(near).fill_null(value=False) if near else pl.lit(value=False)

    def _breakpoints(self) -> tuple[int, ...]:
        """Where large and small part, and where the r3000 ends."""
        large, total, _ = segment_ranks(self.rules)
        return (large, total) if self.caps.len() else ()

    def _is_near(self, cap: pl.Expr, rank: int, margin: float) -> pl.Expr:
        edge = Edge(key=str(rank), rank=rank, half_width=self.rules.band_at(rank), is_own=False)
        bounds = band_bounds(edge, self.shares.to_numpy())
        if bounds is None:
            at = float(self.caps[min(rank, self.caps.len()) - 1])
            return (cap / at - 1).abs() <= margin
        place = (self.rank_of(cap).cast(pl.Int64) - 1).clip(0, self.shares.len() - 1)
        share = pl.lit(self.shares).gather(place)
        return cap.is_not_null() & share.is_between(*bounds)


def ladder_of(ranked: pl.DataFrame, rules: IndexRules) -> SizeLadder:
    """Make the ladder of a rank day.

    Args:
        ranked: Contract `ranking` of the day.
        rules: The rules in force on it.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> ranked = pl.DataFrame({
        ...     "rank": [2, 1], "total_market_cap_usd": [4e9, 6e9],
        ...     "cumulative_market_cap_share": [1.0, 0.6],
        ... })
        >>> ladder_of(ranked, rules_in_force(date(2022, 5, 6))).caps.to_list()
        [6000000000.0, 4000000000.0]
    """
    by_rank = ranked.sort("rank")
    return SizeLadder(
        caps=by_rank["total_market_cap_usd"],
        shares=by_rank["cumulative_market_cap_share"].head(rules.extended_count),
        rules=rules,
    )
