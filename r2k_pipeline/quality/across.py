"""Which rows break a promise that ties their table to others, or to its own past.

Pure: a contract's query over the rows that are judged and what was read beside them. The
verdict is `beyond_rows`; what is read, and from where, is said in `data_contracts/`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.model import When
from r2k_pipeline.quality.outcome import WHOLE

if TYPE_CHECKING:
    from r2k_pipeline.contracts.model import AcrossRule, Contract, Reading
    from r2k_pipeline.quality.surroundings import Surroundings

_JUDGED = "judged"


def name_in_query(reading: Reading) -> str:
    """What a rule's query calls a table that it reads: its own past is `earlier`.

    Example:
        >>> from r2k_pipeline.contracts.model import Reading
        >>> name_in_query(Reading(table="divisors", columns=(), when=When.EARLIER))
        'earlier'
    """
    return "earlier" if reading.when is When.EARLIER else reading.table


def broken_rows(
    contract: Contract, rule: AcrossRule, frame: pl.DataFrame, surroundings: Surroundings
) -> pl.DataFrame:
    """Find the rows that break a rule.

    Args:
        contract: Whose rule.
        rule: Which one.
        frame: Contract-shaped rows of any range.
        surroundings: What every rule of the contract reads.

    Returns:
        `partition_key` and the columns of the rule's query, sorted by all of them.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.contracts.load import contract
        >>> from r2k_pipeline.contracts.polars_shape import empty_frame
        >>> from r2k_pipeline.quality.surroundings import Surroundings
        >>> signals = contract("signals")
        >>> rule = signals.across_rules[0]
        >>> one = pl.DataFrame({"index_id": ["r2000"], "session": [date(2024, 6, 28)]})
        >>> frame = pl.concat([empty_frame(signals), one], how="diagonal")
        >>> beside = Surroundings(tables={rule.reads[0]: one.clear()})
        >>> broken_rows(signals, rule, frame, beside)["partition_key"].to_list()
        ['2024-06-28']
    """
    named = {name_in_query(reading): surroundings.tables[reading] for reading in rule.reads}
    with pl.SQLContext({_JUDGED: frame, **named}) as context:
        broken = context.execute(rule.broken, eager=True)
    column = contract.partition_column
    key = pl.lit(WHOLE) if column is None else pl.col(column).cast(pl.String)
    return broken.select(key.alias("partition_key"), pl.all()).sort(pl.all(), nulls_last=True)
