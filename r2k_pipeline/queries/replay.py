"""Do ledger and levels follow bit for bit from constituents and actions.

Writes the ledger and the levels of a range again with the methodology's own functions,
from the constituents, the corporate actions and the last divisors before it, and lists
every number that is not the same to the last bit. That those functions do what the
definition says is another question, asked by `verification`.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.divisors import LEDGER_LINE_COLUMNS, divisor_events
from r2k_pipeline.methodology.levels import LEVEL_LINE_COLUMNS, index_levels
from r2k_pipeline.methodology.weighting import last_reset

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from r2k_pipeline.storage.store import Store

DIFFERENCES = pl.Schema(
    {
        "session": pl.Date,
        "index_id": pl.String,
        "column": pl.String,
        "published": pl.Float64,
        "recomputed": pl.Float64,
        "difference": pl.Float64,
    }
)
"""One row per number that differs; `difference` is relative, null where one side has no row."""

_LINE_COLUMNS = tuple(dict.fromkeys((*LEDGER_LINE_COLUMNS, *LEVEL_LINE_COLUMNS)))
_LEVELS = (
    "price_level", "total_return_level", "net_total_return_level", "divisor",
    "market_value_usd", "members",
)  # fmt: skip
_LEDGER = (
    "market_value_before_usd", "market_value_after_usd", "factor", "divisor_before",
    "divisor_after", "gross_return_factor", "net_return_factor",
)  # fmt: skip


def replay_differences(store: Store, published: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """Write ledger and levels again and compare them bit for bit.

    Args:
        store: The open store.
        published: Contract `levels` of a range of sessions, as it was published.
        ledger: Contract `divisors` from the base session to the last of them.

    Returns:
        `DIFFERENCES`, by session, index and column. A column of the ledger is named by its
        cause, as in `merger factor`.
    """
    days: list[date] = published["session"].unique().sort().to_list()
    begun: list[date] = store.published.read("breakpoints", columns=["effective_session"])[
        "effective_session"
    ].to_list()
    earlier = ledger.filter(pl.col("session") < days[0])
    entries, levels = [], []
    for part, eve in _years(days, store.lake.sessions("constituents", min(begun), days[-1])):
        lines = store.lake.scan(
            "constituents", start=eve, end=part[-1], columns=_LINE_COLUMNS
        ).collect()
        resets = last_reset(eve) or eve
        factors = store.lake.scan("weight_factors", start=resets, end=part[-1]).collect()
        written = divisor_events(
            lines,
            store.lake.scan("corporate_actions", start=eve, end=part[-1]).collect(),
            sessions=part,
            family=store.family,
            base_session=min(begun),
            factors=factors,
            earlier=earlier,
        )
        earlier = pl.concat([earlier.select(written.columns), written])
        entries.append(written)
        levels.append(
            index_levels(
                lines.filter(pl.col("session") >= part[0]),
                earlier,
                family=store.family,
                factors=factors,
            )
        )
    within = pl.col("session").is_between(days[0], days[-1])
    return pl.concat(
        [
            exact_differences(_by_cause(ledger.filter(within)), _by_cause(pl.concat(entries))),
            exact_differences(_numbers(published, _LEVELS), _numbers(pl.concat(levels), _LEVELS)),
        ]
    ).sort("session", "index_id", "column")


def _years(days: Sequence[date], known: Sequence[date]) -> Iterator[tuple[list[date], date]]:
    """Sessions a calendar year at a time, which is what is held in memory, and the eve of each."""
    for _, group in groupby(days, key=lambda day: day.year):
        part = list(group)
        yield part, max((day for day in known if day < part[0]), default=part[0])


def _by_cause(ledger: pl.DataFrame) -> pl.DataFrame:
    """The numbers of the ledger, each named by cause and column."""
    return (
        ledger.select("index_id", "session", "cause", *_LEDGER)
        .unpivot(index=["index_id", "session", "cause"], variable_name="name", value_name="value")
        .select("index_id", "session", pl.format("{} {}", "cause", "name").alias("column"), "value")
        .drop_nulls("value")
    )


def _numbers(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    return frame.select("index_id", "session", pl.col(names).cast(pl.Float64)).unpivot(
        index=["index_id", "session"], variable_name="column", value_name="value"
    )


def exact_differences(published: pl.DataFrame, replayed: pl.DataFrame) -> pl.DataFrame:
    """List the numbers that are not the same to the last bit.

    Args:
        published: `index_id`, `session`, `column`, `value`.
        replayed: The same.

    Example:
        >>> from datetime import date
        >>> rows = {"index_id": ["r2000"], "session": [date(2024, 7, 1)], "column": ["divisor"]}
        >>> one = pl.DataFrame({**rows, "value": [0.3]})
        >>> other = pl.DataFrame({**rows, "value": [0.1 + 0.2]})
        >>> exact_differences(one, one).height, exact_differences(one, other).height
        (0, 1)
    """
    key = ["session", "index_id", "column"]
    laid = published.rename({"value": "published"}).join(
        replayed.rename({"value": "recomputed"}), on=key, how="full", coalesce=True
    )
    relative = (pl.col("recomputed") / pl.col("published") - 1).abs()
    return (
        laid.filter(pl.col("published").ne_missing(pl.col("recomputed")))
        .with_columns(difference=relative)
        .select(DIFFERENCES.names())
        .sort(key)
    )
