"""What a company's sides of the edges mean for it: segment, indexes, decision.

Holds the meaning of one row of sides, in plain words, and its use on a whole rank day:
few companies differ in it, so each distinct case is thought through once. How a side is
decided is `edges`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from r2k_pipeline.methodology.edges import decided_sides, edges_of, index_edges, segment_ranks
from r2k_pipeline.rulebook.reasons import MembershipDecision

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from r2k_pipeline.methodology.edges import Counts, Flags, Standing
    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.rules import IndexRules

_SEGMENTS = ("large", "small", "micro")
_CHUNK = 32


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where an event puts a company, and how it came there.

    Args:
        segment: Its segment from now on; None outside.
        indexes: Ids of its indexes from now on, parted by a space; None for none.
        edges_above: Keys of the edges that it ends above; None outside.
        decision: A value of `MembershipDecision`; it speaks of the segment.
        reason: Its sentence.
    """

    segment: str | None
    indexes: str | None
    edges_above: str | None
    decision: str
    reason: str


def place_companies(
    ranked: pl.DataFrame,
    *,
    standings: Sequence[Standing],
    standing_of: Counts,
    filters: Mapping[str, Flags],
    rules: IndexRules,
    family: Mapping[str, IndexDefinition],
) -> pl.DataFrame:
    """Place every company of a rank day.

    Args:
        ranked: `rank` and `cumulative_market_cap_share`, one row a company, by rank
            from rank 1 on.
        standings: The distinct standings before the event.
        standing_of: Per company, which of them was its own.
        filters: By id of an index, the companies that its filters let pass; an index
            without filters is left out.
        rules: The rules in force on the rank day.
        family: The indexes.

    Returns:
        The fields of `Placement`, one row a company, in the order of `ranked`.

    Example:
        >>> from dataclasses import replace
        >>> from datetime import date
        >>> from r2k_pipeline.methodology.edges import Standing
        >>> from r2k_pipeline.rulebook.family_file import parse_family
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> ranked = pl.DataFrame({"rank": [1, 2], "cumulative_market_cap_share": [0.7, 1.0]})
        >>> place_companies(
        ...     ranked, standings=[Standing()], standing_of=np.array([0, 0]), filters={},
        ...     rules=replace(rules_in_force(date(2022, 5, 6)), large_cap_count=1),
        ...     family=parse_family("indexes: {one: {name: One, ranks: [1, 1]}}", file="f.yaml"),
        ... ).select("segment", "indexes", "edges_above").rows()
        [('large', 'one', '1 3000 4000'), ('small', None, '3000 4000')]
    """
    edges = edges_of(family, rules)
    ranks, shares = (ranked[c].to_numpy() for c in ("rank", "cumulative_market_cap_share"))
    sides = decided_sides(
        ranks, shares, standings=standings, standing_of=standing_of, edges=edges, rules=rules
    )
    passes = np.column_stack([sides, *filters.values()])
    bare = np.searchsorted(segment_ranks(rules), ranks)
    others = standing_of * (len(_SEGMENTS) + 1) + bare
    cases = _numbered(passes) * (others.max() + 1) + others
    _, first, case_of = np.unique(cases, return_index=True, return_inverse=True)
    keys = [edge.key for edge in edges]
    ends = {index_id: index_edges(index, rules) for index_id, index in family.items()}
    placements = [
        placement(
            {key for key, is_above in zip(keys, sides[row], strict=True) if is_above},
            previous_segment=standings[standing_of[row]].segment,
            barred={index_id for index_id, flags in filters.items() if not flags[row]},
            bare=(*_SEGMENTS, None)[bare[row]],
            ends=ends,
            keys=keys,
            rules=rules,
        )
        for row in first
    ]
    fields = dict.fromkeys(Placement.__dataclass_fields__, pl.String)
    columns = {name: [getattr(p, name) for p in placements] for name in fields}
    return pl.DataFrame(columns, schema=fields)[case_of]


def placement(
    above: set[str],
    *,
    previous_segment: str | None,
    barred: set[str],
    bare: str | None,
    ends: Mapping[str, tuple[str | None, str]],
    keys: Sequence[str],
    rules: IndexRules,
) -> Placement:
    """Say what one company's sides mean for it.

    Args:
        above: Keys of the edges that it ends above.
        previous_segment: Its segment before; None outside.
        barred: Indexes whose filters keep it out.
        bare: The segment of its rank alone.
        ends: By id of an index, its upper and lower edge, in the order of the family.
        keys: Every edge, in order.
        rules: The rules in force on the rank day.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> placed = placement(
        ...     {"2000", "3000", "4000"}, previous_segment=None, barred=set(), bare="small",
        ...     ends={"r2000": ("1000", "3000"), "rmicro": ("2000", "4000")},
        ...     keys=["1000", "2000", "3000", "4000"], rules=rules_in_force(date(2022, 5, 6)),
        ... )
        >>> placed.segment, placed.indexes, placed.decision
        ('small', 'r2000', 'enters')
    """
    last = zip(_SEGMENTS, segment_ranks(rules), strict=True)
    segment = next((name for name, rank in last if str(rank) in above), None)
    indexes = [
        index_id
        for index_id, (upper, lower) in ends.items()
        if segment and index_id not in barred and lower in above and upper not in above
    ]
    decided = decision(previous_segment, segment, bare)
    return Placement(
        segment=segment,
        indexes=" ".join(indexes) or None,
        edges_above=" ".join(key for key in keys if key in above) if segment else None,
        decision=decided.value,
        reason=decided.sentence,
    )


def decision(before: str | None, after: str | None, bare: str | None) -> MembershipDecision:
    """Name how a company came from its previous segment to its new one.

    Args:
        before: Its segment before the event; None outside.
        after: Its segment from the event on.
        bare: The segment of its rank alone.

    Example:
        >>> str(decision("large", "large", "small")), str(decision("small", "large", "large"))
        ('stays_by_band', 'moves_up')
    """
    match before, after:
        case None, None:
            return MembershipDecision.STAYS_OUT
        case None, _:
            return MembershipDecision.ENTERS
        case _, None:
            return MembershipDecision.LEAVES
        case _ if before == after:
            by_rank = after == bare
            return MembershipDecision.STAYS_BY_RANK if by_rank else MembershipDecision.STAYS_BY_BAND
        case _:
            is_up = _SEGMENTS.index(after) < _SEGMENTS.index(before)
            return MembershipDecision.MOVES_UP if is_up else MembershipDecision.MOVES_DOWN


def _numbered(flags: Flags) -> Counts:
    """Give equal rows of flags the same number, and only those."""
    numbers: Counts = np.zeros(len(flags), np.int64)
    for start in range(0, flags.shape[1], _CHUNK):
        chunk = flags[:, start : start + _CHUNK]
        code = chunk @ (1 << np.arange(chunk.shape[1], dtype=np.int64))
        if start:
            numbers = np.unique(numbers, return_inverse=True)[1]
        numbers = (numbers << _CHUNK) | code
    return numbers
