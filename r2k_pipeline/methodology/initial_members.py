"""Members that nobody here decided: a list in force before the first event -> incumbents.

Holds how the symbols of such a list become companies, and what the first event is given.
Members by an earlier event are `reconstitution`; how a file is read is `sources`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.edges import whole_segment_indexes
from r2k_pipeline.methodology.symbol_keys import matching_key
from r2k_pipeline.rulebook.family import Segment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from r2k_pipeline.rulebook.index_definition import IndexDefinition
    from r2k_pipeline.rulebook.rules import IndexRules

_SIZES = {segment.value: size for size, segment in enumerate(Segment)}


def located_members(
    listed: pl.DataFrame, securities: pl.DataFrame, *, session: date
) -> pl.DataFrame:
    """Find the line that each listed symbol named on a session.

    Args:
        listed: `symbol` and `segment`, one row a symbol.
        securities: Contract `securities`.
        session: The session at whose open the list was in force.

    Returns:
        One row per row of `listed`, in its order: `listed_symbol`, `segment`, and of the
        line `symbol`, `name`, `security_id`, `company_id`, all null where no line bore
        the symbol then. Symbols are compared without punctuation; of several lines that
        are left the same, the one spelt alike is taken, else the first by symbol.

    Notes:
        Look-ahead: `securities` may know later sessions; only lines listed on `session`
        are found.

    Example:
        >>> from datetime import date
        >>> securities = pl.DataFrame({
        ...     "symbol": ["BRK/B"], "name": ["Berk"], "security_id": ["S1"],
        ...     "company_id": ["C1"], "first_session": [date(2021, 1, 4)],
        ...     "last_session": [date(2023, 1, 4)],
        ... })
        >>> listed = pl.DataFrame({"symbol": ["BRK.B", "GONE"], "segment": ["large", "small"]})
        >>> located_members(listed, securities, session=date(2021, 1, 4)).select(
        ...     "listed_symbol", "symbol", "company_id").rows()
        [('BRK.B', 'BRK/B', 'C1'), ('GONE', None, None)]
    """
    borne = securities.filter(
        pl.lit(session).is_between(pl.col("first_session"), pl.col("last_session"))
    ).select("symbol", "name", "security_id", "company_id", key=matching_key())
    is_alike = pl.col("symbol").str.to_uppercase() == pl.col("listed_symbol").str.to_uppercase()
    return (
        listed.select(listed_symbol="symbol", segment="segment", key=matching_key())
        .with_row_index("place")
        .join(borne, on="key", how="left")
        .sort("place", ~is_alike, "symbol", nulls_last=True)
        .unique("place", keep="first", maintain_order=True)
        .drop("place", "key")
    )


def initial_members(
    located: pl.DataFrame, *, event_id: str, session: date, source_hash: str
) -> pl.DataFrame:
    """Make one row a company of the lines that were found.

    Args:
        located: As `located_members` gives it; rows without a line are left out.
        event_id: The event that bands against them.
        session: The session at whose open the list was in force.
        source_hash: 16 hex digits of the list's bytes.

    Returns:
        Contract `initial_members`, sorted by `company_id`. A company whose lines are
        listed in several segments is in the largest of them.

    Example:
        >>> from datetime import date
        >>> located = pl.DataFrame({
        ...     "listed_symbol": ["A", "A.B", "X"], "segment": ["small", "large", "small"],
        ...     "symbol": ["A", "A/B", None], "name": None,
        ...     "security_id": ["S1", "S2", None], "company_id": ["C1", "C1", None],
        ... })
        >>> initial_members(
        ...     located, event_id="2021-06", session=date(2021, 1, 4), source_hash="0" * 16
        ... ).select("company_id", "segment", "symbol").rows()
        [('C1', 'large', 'A/B')]
    """
    size = pl.col("segment").replace_strict(_SIZES, return_dtype=pl.Int8)
    return (
        located.drop_nulls("company_id")
        .sort("company_id", size, "security_id")
        .unique("company_id", keep="first", maintain_order=True)
        .select(
            pl.lit(event_id).alias("event_id"), "company_id", "security_id", "symbol",
            pl.col("name").cast(pl.String), "segment", pl.lit(session).alias("session"),
            pl.lit(source_hash).alias("source_hash"),
        )
    )  # fmt: skip


def as_incumbents(
    members: pl.DataFrame, *, family: Mapping[str, IndexDefinition], rules: IndexRules
) -> pl.DataFrame:
    """Give initial members the columns that `reconstitute` reads of incumbents.

    Args:
        members: Contract `initial_members`.
        family: The indexes.
        rules: The rules in force on the rank day of the event that bands against them.

    Returns:
        `indexes` names those that hold a whole segment; of edges within a segment
        nothing is known, so their bands hold nobody.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.family import family
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> members = pl.DataFrame(dict.fromkeys(
        ...     ("company_id", "security_id", "symbol", "name"), ["x"])
        ... ).with_columns(segment=pl.lit("large"))
        >>> as_incumbents(
        ...     members, family=family(), rules=rules_in_force(date(2022, 5, 6))
        ... )["indexes"].item()
        'r3000e r3000 r1000 r1000cap'
    """
    texts = whole_segment_indexes(family, rules)
    return members.select(
        "company_id", "security_id", "symbol", "name",
        pl.lit(None, pl.String).alias("sector"), "segment",
        pl.col("segment").replace_strict(texts, return_dtype=pl.String).alias("indexes"),
        pl.lit(None, pl.String).alias("edges_above"),
    )  # fmt: skip
