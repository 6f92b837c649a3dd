"""An index of the family in sentences: what it holds, how it is weighed, what holds members.

Add a sentence here when an entry of a family file can say something new. Keep out
figures of a session (`factsheet`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2k_pipeline.queries.wording import percent
from r2k_pipeline.rulebook.index_definition import Weighting

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.rules import IndexRules

_WEIGHTED = {
    Weighting.FREE_FLOAT_MARKET_CAP: "Weighted by float-adjusted market capitalisation",
    Weighting.FULL_MARKET_CAP: "Weighted by full market capitalisation",
    Weighting.EQUAL: "Weighted equally by sector, and by company within it, reset each quarter",
}


def described(index: IndexDefinition) -> str:
    """Say which companies an index holds.

    Example:
        >>> from r2k_pipeline.rulebook.family import family
        >>> described(family()["r2000"])[:46]
        'The R2000-style small cap index measures the c'
    """
    kept = [f"of the sectors {', '.join(index.sectors)}"] if index.sectors else []
    kept += [f"without {len(index.excluding):,} of a given list"] if index.excluding else []
    return (
        f"The {index.name} measures the companies of the United States equity market that rank "
        f"{index.first_rank:,} to {index.last_rank:,}{''.join(f', {what}' for what in kept)}. "
        "Companies are ranked by total market capitalisation once at each reconstitution."
    )


def weighted(index: IndexDefinition) -> str:
    """Say what gives a member its weight, and how large it may become.

    Example:
        >>> from r2k_pipeline.rulebook.index_definition import CapScheme, IndexDefinition
        >>> weighted(IndexDefinition(
        ...     index_id="a", name="A", first_rank=1, last_rank=9, cap=CapScheme(company=0.225)
        ... ))[48:101]
        ', no company above 22.5 % when weights are reset each'
    """
    said = _WEIGHTED[index.weighting]
    if index.style is not None:
        said += f" of the part of each company that is {index.style}"
    if index.cap is not None:
        said += f", no company above {percent(index.cap.company, 1)}"
        if index.cap.large is not None:
            said += (
                f" and those above {percent(index.cap.large, 1)} together at most "
                f"{percent(index.cap.large_total, 1)}"
            )
        said += " when weights are reset each quarter"
    return f"{said}; leavers are not replaced between reconstitutions."


def held_by_bands(index: IndexDefinition, rules: IndexRules) -> str:
    """Say which bands hold incumbents at the edges of an index.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> held_by_bands(family()["r2000"], rules_in_force(date(2024, 4, 30)))
        'Incumbents within 2.5 % of cumulative market capitalisation around rank 1,000 keep \
their side.'
    """
    held = []
    for rank in (index.first_rank - 1, index.last_rank):
        width = rules.band_at(rank) if index.band is None else index.band
        if rank and width:
            held.append(
                f"{percent(width, 1)} of cumulative market capitalisation around rank {rank:,}"
            )
    if not held:
        return "No band protects incumbents."
    return f"Incumbents within {' and '.join(held)} keep their side."
