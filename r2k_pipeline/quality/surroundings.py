"""What lies beside the rows that are judged: the partition before, and other tables.

Only the value: who reads it is `publication`, who asks for it are the contract's rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from r2k_pipeline.contracts.model import Reading


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Rows that stand already, as far as a contract's rules ask for them.

    Attributes:
        before: Rows of the last partition before each that is judged and not itself judged,
            only the columns that drift rules measure; None if nothing stands.
        tables: What each across rule reads.
    """

    before: pl.DataFrame | None = None
    tables: Mapping[Reading, pl.DataFrame] = field(default_factory=dict)
