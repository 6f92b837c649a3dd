"""Where indexes part: the edges of a family, and on which side of each a company ends.

An edge is a company rank with a band around it. Each company ends above or below each
edge, and an index holds those below its upper edge and above its lower one. Holds the
edges of a family, and how rank, band and former side decide a side. What a company's
sides mean for it is `placement`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.rules import IndexRules

    Flags: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    Numbers: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    Counts: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

_OWN_BAND = "~"


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A company rank at which indexes part.

    Args:
        key: Its name in the tables: the rank, and after `~` the band that one index has
            of its own there: `1000`, `1000~0.05`.
        rank: The last company rank above it, before banding.
        half_width: Half the band in force, in cumulative share (0 to 1); 0 is no band.
        is_own: Whether the band is an index's own, not the rulebook's.
    """

    key: str
    rank: int
    half_width: float
    is_own: bool


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a company was before an event.

    Args:
        segment: Its segment; None for a company outside.
        edges_above: Keys of the edges that it was above; None where only the segment
            is known.
    """

    segment: str | None = None
    edges_above: frozenset[str] | None = None


def segment_ranks(rules: IndexRules) -> tuple[int, int, int]:
    """The last ranks of large, small and micro.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> segment_ranks(rules_in_force(date(2024, 4, 30)))
        (1000, 3000, 4000)
    """
    return (rules.large_cap_count, rules.total_count, rules.extended_count)


def edges_of(family: Mapping[str, IndexDefinition], rules: IndexRules) -> tuple[Edge, ...]:
    """Every edge of a family: where its indexes begin and end, and those of the segments.

    Args:
        family: The indexes.
        rules: The rules in force on the rank day; gives the bands.

    Returns:
        Each edge once, by rank.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> edges = edges_of(family(), rules_in_force(date(2024, 4, 30)))
        >>> [(edge.key, edge.half_width) for edge in edges][:4]
        [('50', 0.0), ('200', 0.025), ('500', 0.025), ('1000', 0.025)]
    """
    keys = {str(rank) for rank in segment_ranks(rules)}
    keys |= {key for index in family.values() for key in index_edges(index, rules) if key}
    return tuple(sorted((_edge(key, rules) for key in keys), key=lambda e: (e.rank, e.key)))


def _edge(key: str, rules: IndexRules) -> Edge:
    rank, own, band = key.partition(_OWN_BAND)
    width = float(band) if own else rules.band_at(int(rank))
    return Edge(key=key, rank=int(rank), half_width=width, is_own=bool(own))


def index_edges(index: IndexDefinition, rules: IndexRules) -> tuple[str | None, str]:
    """Name the upper edge of an index, None for the largest company, and its lower edge.

    An own band holds nobody at the last rank of the family: below it is nothing.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> index_edges(family()["rmidcap"], rules_in_force(date(2024, 4, 30)))
        ('200', '1000')
    """
    upper, lower = str(index.first_rank - 1), str(index.last_rank)
    if index.band is not None:
        upper = f"{upper}{_OWN_BAND}{index.band:g}"
    if index.band is not None and index.last_rank < rules.extended_count:
        lower = f"{lower}{_OWN_BAND}{index.band:g}"
    return (None if index.first_rank == 1 else upper), lower


def whole_segment_indexes(
    family: Mapping[str, IndexDefinition], rules: IndexRules
) -> dict[str, str]:
    """Name the indexes that hold all of a segment: what its name alone says of membership.

    Returns:
        By segment, ids parted by a space, in the order of the family.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> whole_segment_indexes(family(), rules_in_force(date(2024, 4, 30)))["small"]
        'r3000e r3000 r2000 r2500 r2000eq'
    """
    large, total, extended = segment_ranks(rules)
    ranks = {"large": (1, large), "small": (large + 1, total), "micro": (total + 1, extended)}
    plain = {
        index_id: index
        for index_id, index in family.items()
        if index.band is None and not (index.sectors or index.excluding)
    }
    return {
        segment: " ".join(
            index_id
            for index_id, index in plain.items()
            if index.first_rank <= first and last <= index.last_rank
        )
        for segment, (first, last) in ranks.items()
    }


def band_bounds(edge: Edge, shares: Numbers) -> tuple[float, float] | None:
    """The band around an edge in cumulative share, both bounds included.

    Args:
        edge: The edge.
        shares: Cumulative shares of the ranked companies by rank, from rank 1 on.

    Returns:
        The lower and the upper bound; None where the rules know no band or fewer
        companies are ranked.

    Example:
        >>> import numpy as np
        >>> band_bounds(
        ...     Edge(key="2", rank=2, half_width=0.125, is_own=False), np.array([0.5, 0.75, 1.0])
        ... )
        (0.625, 0.875)
    """
    if edge.half_width <= 0 or edge.rank > len(shares):
        return None
    middle = float(shares[edge.rank - 1])
    return middle - edge.half_width, middle + edge.half_width


def decided_sides(
    ranks: Counts,
    shares: Numbers,
    *,
    standings: Sequence[Standing],
    standing_of: Counts,
    edges: Sequence[Edge],
    rules: IndexRules,
) -> Flags:
    """Decide for each company and edge whether it ends above the edge.

    Args:
        ranks: Company ranks of one rank day, ascending from 1.
        shares: Their cumulative shares.
        standings: The distinct standings before the event.
        standing_of: Per company, which of them was its own.
        edges: As `edges_of` gives them.
        rules: The rules in force on the rank day.

    Returns:
        One row per company, one column per edge.

    Notes:
        Rank decides. A member of the r3000 that ranks within it keeps its side of an
        edge while its cumulative share lies in the band. So newcomers, members of
        micro and leavers at #3000 go where their rank says. An own band of an index
        holds any member of the r3000e that ranks within it. An edge that the event
        before did not know holds nobody.

    Example:
        The second company was small and is in the band around #2; the third is new.

        >>> from dataclasses import replace
        >>> from datetime import date
        >>> import numpy as np
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> rules = replace(rules_in_force(date(2024, 4, 30)), large_cap_count=2)
        >>> decided_sides(
        ...     np.array([1, 2, 3]), np.array([0.5, 0.8, 0.82]),
        ...     standings=[Standing(), Standing(segment="small")], standing_of=np.array([1, 1, 0]),
        ...     edges=[Edge(key="2", rank=2, half_width=0.1, is_own=False)], rules=rules,
        ... ).ravel().tolist()
        [True, False, False]
    """
    sides = ranks[:, None] <= np.array([edge.rank for edge in edges])
    for column, edge in enumerate(edges):
        bounds = band_bounds(edge, shares[: rules.extended_count])
        if bounds is None:
            continue
        before = sides_before(edge, standings, rules)
        is_held = np.array([side is not None for side in before])[standing_of]
        is_held &= ranks <= (rules.extended_count if edge.is_own else rules.total_count)
        is_held &= (bounds[0] <= shares) & (shares <= bounds[1])
        was_above = np.array([bool(side) for side in before])[standing_of]
        sides[is_held, column] = was_above[is_held]
    return sides


def sides_before(edge: Edge, standings: Sequence[Standing], rules: IndexRules) -> list[bool | None]:
    """Tell whether each standing was above an edge, where a band may hold it there.

    Args:
        edge: The edge.
        standings: The distinct standings before the event.
        rules: The rules in force on the rank day.

    Returns:
        Per standing, whether it was above; None where no band holds it: it was outside
        the r3000 (the r3000e for an own band), or the edge is new.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> edge = Edge(key="1000", rank=1000, half_width=0.025, is_own=False)
        >>> told = [Standing(segment=name) for name in (None, "micro", "small", "large")]
        >>> sides_before(edge, told, rules_in_force(date(2024, 4, 30)))
        [None, None, False, True]
    """
    held = ("large", "small", "micro") if edge.is_own else ("large", "small")
    larger = {rules.large_cap_count: ("large",), rules.total_count: ("large", "small")}
    is_known = any(edge.key in (standing.edges_above or ()) for standing in standings)
    sides: list[bool | None] = []
    for standing in standings:
        if standing.segment not in held:
            sides.append(None)
        elif edge.rank in larger and not edge.is_own:
            sides.append(standing.segment in larger[edge.rank])
        elif is_known and standing.edges_above is not None:
            sides.append(edge.key in standing.edges_above)
        else:
            sides.append(None)
    return sides


def in_index(index_id: str, column: str = "indexes") -> pl.Expr:
    """Whether a text of index ids names one; false where it is null.

    Example:
        >>> frame = pl.DataFrame({"indexes": ["r3000e r3000", "r3000e", None]})
        >>> frame.select(in_index("r3000"))["indexes"].to_list()
        [True, False, False]
    """
    return pl.col(column).str.contains(rf"(?:^| ){index_id}(?: |$)").fill_null(value=False)
