"""Where companies would be at another size, all other companies as they were.

Holds the what-if behind the why-card: lay companies, each at any total market
capitalisation of its own, among the others of a rank day, and find the size at which
one would cross an edge. It repeats what `methodology.edges` decides, because there a
company's own size moves nobody else; a test holds the two together. All companies are
asked at once, since each is a bisection. Keep reading of tables out, and counterfactual
*rules* (another band, another calendar), which are another question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from r2k_pipeline.methodology.edges import Counts, Edge, Flags, Numbers
    from r2k_pipeline.rulebook.rules import IndexRules

_BISECTIONS = 60
_UNRANKED = -1


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The companies that are asked about, in one order.

    Args:
        place: Each one's own place in the ranking, 0 the largest; -1 for a company that
            is not ranked, so that everybody ranked is another.
        is_held: A row per company, a column per edge: whether a band could hold it at
            the edge, because it is known on which side it was.
        was_above: Whether it was above the edge; without meaning where it is not held.
    """

    place: Counts
    is_held: Flags
    was_above: Flags


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where companies land at one capitalisation each.

    Args:
        rank: Company rank.
        share: Cumulative share of the extended total, its own cap included; above the
            last rank of the family about 1.
        lower_bound: A column per edge: the band's bounds; NaN where there is none.
        upper_bound: The same.
        is_above: A column per edge: on which side a company ends.
    """

    rank: Counts
    share: Numbers
    lower_bound: Numbers
    upper_bound: Numbers
    is_above: Flags


class Field:
    """The ranked companies of a rank day, with running totals.

    Args:
        caps_usd: Total market capitalisation of every ranked company, by rank.
        edges: The edges of the family, by rank.
        rules: The rules in force on the rank day.

    Example:
        Ten companies, the edge at #3, no band. The fourth crosses it where it overtakes
        the third, and the third where the fourth overtakes it.

        >>> from dataclasses import replace
        >>> from datetime import date
        >>> from r2k_pipeline.methodology.edges import Edge
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> rules = replace(rules_in_force(date(2022, 5, 6)), total_count=6, extended_count=9)
        >>> edge = Edge(key="3", rank=3, half_width=0.0, is_own=False)
        >>> field = Field(np.arange(100.0, 0.0, -10.0), edges=[edge], rules=rules)
        >>> third_and_fourth = Asked(
        ...     place=np.array([2, 3]), is_held=np.zeros((2, 1), bool),
        ...     was_above=np.zeros((2, 1), bool),
        ... )
        >>> caps = np.array([80.0, 70.0])
        >>> placed = field.placed(third_and_fourth, caps)
        >>> placed.rank.tolist(), placed.is_above.ravel().tolist()
        ([3, 4], [True, False])
        >>> field.crossings(third_and_fourth, caps).ravel().round(6).tolist()
        [70.0, 80.0]
    """

    def __init__(self, caps_usd: Numbers, *, edges: Sequence[Edge], rules: IndexRules) -> None:
        self._caps = caps_usd
        self._rising = -caps_usd
        self._running = np.concatenate([[0.0], np.cumsum(caps_usd)])
        self._edges = tuple(edges)
        self._rules = rules

    def placed(self, asked: Asked, cap_usd: Numbers) -> Placement:
        """Rank each company at its `cap_usd` and place it as the rulebook says.

        Equal capitalisations rank ahead of the company that is asked: the ranking's own
        order of ties is not known here and moves a threshold by nothing.
        """
        stand = self._stand(asked.place, cap_usd)
        width = (len(cap_usd), len(self._edges))
        lower, upper = np.full(width, np.nan), np.full(width, np.nan)
        is_above = np.zeros(width, bool)
        for column in range(len(self._edges)):
            bounds = self._band(asked.place, cap_usd, stand, column)
            lower[:, column], upper[:, column] = bounds
            is_above[:, column] = self._side(asked, stand, column, bounds)
        return Placement(
            rank=stand.rank,
            share=stand.share,
            lower_bound=lower,
            upper_bound=upper,
            is_above=is_above,
        )

    def crossings(self, asked: Asked, cap_usd: Numbers) -> Numbers:
        """Find the capitalisation beyond which each company is on the other side of each edge.

        Returns:
            A row per company, a column per edge: USD; above the own cap for a company
            below the edge, and the other way round; NaN where no size brings it across.

        Notes:
            On a real rank day each is the only one on its side. Among a handful of
            companies the own cap moves the band so much that there may be others
            between.
        """
        return np.column_stack(
            [self._crossing(asked, cap_usd, column) for column in range(len(self._edges))]
        )

    def ranks(self, asked: Asked, cap_usd: Numbers) -> Counts:
        """The company rank of each at `cap_usd`."""
        return self._stand(asked.place, cap_usd).rank

    def _crossing(self, asked: Asked, cap_usd: Numbers, column: int) -> Numbers:
        here = self._side_at(asked, cap_usd, column)
        ceiling = 2.0 * np.maximum(self._running[-1], cap_usd)
        same, other = cap_usd.copy(), np.where(here, 0.0, ceiling)
        is_found = self._side_at(asked, other, column) != here
        for _ in range(_BISECTIONS):
            middle = (same + other) / 2
            is_same = self._side_at(asked, middle, column) == here
            same, other = np.where(is_same, middle, same), np.where(is_same, other, middle)
        return np.where(is_found, other, np.nan)

    def _side_at(self, asked: Asked, cap_usd: Numbers, column: int) -> Flags:
        stand = self._stand(asked.place, cap_usd)
        bounds = self._band(asked.place, cap_usd, stand, column)
        return self._side(asked, stand, column, bounds)

    def _side(
        self, asked: Asked, stand: _Stand, column: int, bounds: tuple[Numbers, Numbers]
    ) -> Flags:
        edge = self._edges[column]
        limit = self._rules.extended_count if edge.is_own else self._rules.total_count
        # A comparison with NaN is false, so nobody is held where there is no band.
        in_band = (bounds[0] <= stand.share) & (stand.share <= bounds[1])
        is_held = asked.is_held[:, column] & (stand.rank <= limit) & in_band
        return np.where(is_held, asked.was_above[:, column], stand.rank <= edge.rank)

    def _band(
        self, place: Counts, cap_usd: Numbers, stand: _Stand, column: int
    ) -> tuple[Numbers, Numbers]:
        """The bounds of the band around an edge, with each company at its size."""
        edge = self._edges[column]
        counted = stand.rank <= edge.rank
        largest = self._largest(place, np.where(counted, edge.rank - 1, edge.rank))
        middle = (largest + np.where(counted, cap_usd, 0.0)) / stand.total
        has_band = (edge.rank <= stand.last) & (edge.half_width > 0)
        middle = np.where(has_band, middle, np.nan)
        return middle - edge.half_width, middle + edge.half_width

    def _stand(self, place: Counts, cap_usd: Numbers) -> _Stand:
        """Rank, cumulative share and total with each company at its size."""
        at_least = np.searchsorted(self._rising, -cap_usd, side="right")
        is_among = (place > _UNRANKED) & (place < at_least)
        ahead = at_least - is_among
        own = np.where(is_among, self._caps[place], 0.0)
        others = len(self._caps) - (place > _UNRANKED)
        last = np.minimum(self._rules.extended_count, others + 1)
        is_within = ahead < last
        total = self._largest(place, np.where(is_within, last - 1, last))
        total = total + np.where(is_within, cap_usd, 0.0)
        return _Stand(
            rank=ahead + 1,
            share=(self._running[at_least] - own + cap_usd) / total,
            total=total,
            last=last,
        )

    def _largest(self, place: Counts, count: Counts) -> Numbers:
        """The sum of the `count` largest others of each company; of all, if they are fewer."""
        is_among = (place > _UNRANKED) & (place < count)
        reached = np.minimum(count + is_among, len(self._caps))
        return self._running[reached] - np.where(is_among, self._caps[place], 0.0)


@dataclass(frozen=True, kw_only=True)
class _Stand:
    """Rank, cumulative share, extended total and its last rank, with a company at a size."""

    rank: Counts
    share: Numbers
    total: Numbers
    last: Counts
