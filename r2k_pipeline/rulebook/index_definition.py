"""What an index is: a range of company ranks, filters, and how its members weigh.

Holds the value that a family file is read into. How the file is read is
`family_file`, which indexes there are is `family`, who ends in a range is
`methodology/reconstitution` and what a weighting does is `methodology/weighting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LAST_RANK = 4000
"""The last company rank that any index of the family may hold."""


class Weighting(StrEnum):
    """What gives a member its weight.

    Equal weight is equal by sector, then by company within the sector.
    """

    FREE_FLOAT_MARKET_CAP = "free_float_market_cap"
    FULL_MARKET_CAP = "full_market_cap"
    EQUAL = "equal"


class Style(StrEnum):
    """Which part of each company an index holds."""

    GROWTH = "growth"
    VALUE = "value"


@dataclass(frozen=True, kw_only=True)
class CapScheme:
    """How large a company may be when weights are reset, as weights of 0 to 1.

    Args:
        company: No company weighs more than this.
        large: Above this weight a company counts as large; None if large companies
            are not limited together.
        large_total: Large companies together weigh at most this; None with `large`.
    """

    company: float
    large: float | None = None
    large_total: float | None = None


@dataclass(frozen=True, kw_only=True)
class IndexDefinition:
    """One index of a family.

    Args:
        index_id: Its key everywhere, like ``r2000``: one lower-case word.
        name: What reports call it.
        first_rank: The company rank with which it begins, before banding.
        last_rank: The company rank with which it ends, included.
        base_value: Its level on its first session, index points.
        weighting: What gives a member its weight.
        band: Half the width of its own band at both its edges, in cumulative share (0
            to 1); None for the bands of the rulebook.
        sectors: Only companies of these sectors, as the feed spells them; empty for all.
        excluding: Without the companies of these symbols on the rank day.
        cap: How large a company may be when weights are reset; None for no limit.
        style: Which part of each company it holds; None for all of it.
    """

    index_id: str
    name: str
    first_rank: int
    last_rank: int
    base_value: float = 1000.0
    weighting: Weighting = Weighting.FREE_FLOAT_MARKET_CAP
    band: float | None = None
    sectors: tuple[str, ...] = ()
    excluding: tuple[str, ...] = ()
    cap: CapScheme | None = None
    style: Style | None = None

    @property
    def has_factors(self) -> bool:
        """Whether weights are reset by a factor a line, beside shares and float.

        Example:
            >>> IndexDefinition(index_id="a", name="A", first_rank=1, last_rank=9).has_factors
            False
        """
        return self.weighting is Weighting.EQUAL or self.cap is not None or self.style is not None
