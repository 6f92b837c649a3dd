"""How large companies were in earlier years, by rank: a market that starts in 1989 starts small.

The curve of `companies` is that of 2021. Going back it keeps its form in logarithms, but
flatter and lower, as published figures of past reconstitutions say. What happens from the
first session on is `prices`, and is not told here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CURVE_YEAR = 2021
"""The year to which the curve of caps belongs; from it on sizes are taken as they are."""

ARRIVAL_RANK = 2000
"""At what rank the size of newcomers is looked up."""

# Growth of the cap at a rank, in logarithms a year. From 1997 on: the largest company from
# $198.3 bn to $2,893.6 bn in 2024, the 1,000th from $1.107 bn to $4.6 bn, the 3,000th from
# $171.7 m to $150.4 m. Before that only the 1,000th is known, $255 m in 1984, and speaks for all.
_SPREADING_SINCE = 1997
_RANKS, _GROWTHS = (1, 1000, 3000), (0.099, 0.053, -0.005)
_EARLY_GROWTH = 0.113


def era_factor(rank: ArrayLike, year: ArrayLike) -> NDArray[np.float64]:
    """How large the company at a rank was in a year, over its size in `CURVE_YEAR`.

    Args:
        rank: Ranks of a market of full size, from 1.
        year: Calendar years.

    Returns:
        Factors above 0; 1 from `CURVE_YEAR` on.

    Example:
        The 1,000th company had 4 billion in 2021, so 1.1 billion in 1997.

        >>> [round(4.0 * float(era_factor(1000, year)), 2) for year in (1984, 1997, 2021, 2025)]
        [0.26, 1.12, 4.0, 4.0]
    """
    growth = np.interp(np.log(rank), np.log(_RANKS), _GROWTHS)
    years = np.minimum(year, CURVE_YEAR)
    spread = CURVE_YEAR - np.maximum(years, _SPREADING_SINCE)
    early = np.maximum(_SPREADING_SINCE - years, 0)
    return np.asarray(np.exp(-growth * spread - _EARLY_GROWTH * early))
