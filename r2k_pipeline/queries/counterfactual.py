"""Where a company would be at another size, all other companies as they were.

Holds the what-if behind the why-card: place one company, at any total market
capitalisation, among the others of a rank day. It repeats the placement of
`methodology.reconstitution` for one company in logarithmic time, so that a
threshold can be found by bisection; a test holds the two together. Keep reading
of tables out.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SEGMENTS_BY_SIZE = ("large", "small", "micro")
"""The segments from the largest companies down; None is below the last."""

_BISECTIONS = 80


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a company lands at one capitalisation.

    `cumulative_market_cap_share` and the bounds are fractions (0 to 1) of the
    total of the companies within `boundary_ranks[-1]`; the share is None for a
    company below them.
    """

    rank: int
    segment: str | None
    cumulative_market_cap_share: float | None
    lower_bound_share: float
    upper_bound_share: float


@dataclass(frozen=True, kw_only=True)
class Switch:
    """A capitalisation at which the segment changes.

    Args:
        cap_usd: The threshold in USD.
        is_above: Whether the other segment begins above it, else below it.
        segment: The segment on the other side; None is outside the family.
    """

    cap_usd: float
    is_above: bool
    segment: str | None


class Field:
    """The other companies of a rank day, with running totals.

    Args:
        other_caps_usd: Total market capitalisation of every other ranked
            company, in any order.
        boundary_ranks: The last company rank of large, small and micro.
        band_half_width: Half the band in fractions (0 to 1); 0 is no band.

    Example:
        Nine others; large is ranks 1-3, small 4-6, micro 7-9.

        >>> others = [90.0, 80.0, 70.0, 60.0, 50.0, 40.0, 30.0, 20.0, 10.0]
        >>> field = Field(others, boundary_ranks=(3, 6, 9), band_half_width=0.05)
        >>> field.place(75.0, previous_segment=None).segment
        'large'
        >>> field.place(65.0, previous_segment=None).segment
        'small'
        >>> field.place(5.0, previous_segment="small").segment is None
        True
    """

    def __init__(
        self,
        other_caps_usd: Sequence[float],
        *,
        boundary_ranks: Sequence[int],
        band_half_width: float,
    ) -> None:
        self._ascending = sorted(other_caps_usd)
        self._running = [0.0, *accumulate(reversed(self._ascending))]
        self._boundaries = tuple(boundary_ranks)
        self._half_width = band_half_width

    def place(self, cap_usd: float, *, previous_segment: str | None) -> Placement:
        """Rank the company at `cap_usd` and place it as the rulebook says.

        Equal capitalisations rank ahead of this company: the ranking's own
        order of ties is not known here and moves a threshold by nothing.
        """
        others = len(self._ascending)
        rank = 1 + others - bisect_left(self._ascending, cap_usd)
        last = min(self._boundaries[-1], others + 1)
        total = self._running[last - 1] + cap_usd if rank <= last else self._running[last]
        breakpoint_share = self._share_at(min(self._boundaries[0], last), rank, cap_usd, total)
        lower, upper = breakpoint_share - self._half_width, breakpoint_share + self._half_width
        share = self._share_at(rank, rank, cap_usd, total) if rank <= last else None
        segment = next(
            (s for s, b in zip(SEGMENTS_BY_SIZE, self._boundaries, strict=True) if rank <= b), None
        )
        banded = (
            segment in ("large", "small")
            and previous_segment in ("large", "small")
            and self._half_width > 0
            and share is not None
            and lower <= share <= upper
        )
        return Placement(
            rank=rank,
            segment=previous_segment if banded else segment,
            cumulative_market_cap_share=share,
            lower_bound_share=lower,
            upper_bound_share=upper,
        )

    def switches(self, cap_usd: float, *, previous_segment: str | None) -> list[Switch]:
        """Find a capitalisation above and one below that change the segment.

        Returns:
            The switch above, then the one below; a company that stays where it
            is at any greater (smaller) size has none on that side.

        Notes:
            On a real rank day each is the only one on its side. Among a handful of
            companies the own cap moves the breakpoint so much that there may be
            others between.

        Example:
            >>> field = Field([90.0, 80.0, 70.0, 60.0], boundary_ranks=(2, 4, 5), band_half_width=0)
            >>> for switch in field.switches(75.0, previous_segment=None):
            ...     print(round(switch.cap_usd, 6), switch.segment)
            80.0 large
            60.0 micro
        """
        here = self.place(cap_usd, previous_segment=previous_segment).segment
        ceiling = 2.0 * max(self._running[-1], cap_usd)
        found = [
            self._switch(cap_usd, end, here, previous_segment=previous_segment)
            for end in (ceiling, 0.0)
        ]
        return [switch for switch in found if switch is not None]

    def _switch(
        self, start: float, end: float, here: str | None, *, previous_segment: str | None
    ) -> Switch | None:
        if self.place(end, previous_segment=previous_segment).segment == here:
            return None
        same, other = start, end
        for _ in range(_BISECTIONS):
            middle = (same + other) / 2
            if self.place(middle, previous_segment=previous_segment).segment == here:
                same = middle
            else:
                other = middle
        segment = self.place(other, previous_segment=previous_segment).segment
        return Switch(cap_usd=other, is_above=end > start, segment=segment)

    def _share_at(self, at_rank: int, rank: int, cap_usd: float, total: float) -> float:
        """The cumulative share at `at_rank` with the company placed at `rank`."""
        is_counted = rank <= at_rank
        cumulative = self._running[at_rank - 1] + cap_usd if is_counted else self._running[at_rank]
        return cumulative / total if total else 0.0
