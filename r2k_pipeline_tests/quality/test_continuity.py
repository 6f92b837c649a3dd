"""Half a universe is noticed, and ordinary change is not.

The case behind it: on 2021-10-30 the archive of the Nasdaq screener moved for
Nasdaq only. Invariant: a verdict uses earlier sessions only.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.quality.continuity import exchange_continuity, rows_by_exchange

FIRST = date(2021, 10, 4)
USUAL = {"amex": 280, "nasdaq": 4600, "nyse": 3100}


def counts(days: int, changes: dict[tuple[int, str], int] | None = None) -> pl.DataFrame:
    """Rows of each exchange on consecutive days; 0 in `changes` means no row at all."""
    cells = [
        (FIRST + timedelta(day), exchange, (changes or {}).get((day, exchange), rows + day))
        for day in range(days)
        for exchange, rows in USUAL.items()
    ]
    table = pl.DataFrame(cells, schema=["session", "exchange", "rows"], orient="row")
    return table.filter(pl.col("rows") > 0)


def test_slow_growth_passes() -> None:
    outcome = exchange_continuity("raw_listings", counts(20))

    assert outcome.is_passed
    assert outcome.evaluated_rows == 19 * 3  # the first session has no past


def test_an_exchange_that_is_missing_is_named() -> None:
    outcome = exchange_continuity("raw_listings", counts(6, {(5, "nyse"): 0}))

    assert not outcome.is_passed
    assert outcome.severity is Severity.WARN
    assert outcome.sentence == "nyse is missing on 2021-10-09: 0 rows, expected about 3,102."
    assert outcome.failed_by_partition == {"2021-10-09": 1}


def test_two_thirds_of_an_exchange_are_not_whole() -> None:
    outcome = exchange_continuity("raw_listings", counts(6, {(5, "nasdaq"): 2999}))

    assert outcome.sentence == (
        "nasdaq is not whole on 2021-10-09: 2,999 rows, expected about 4,602."
    )
    assert outcome.sample[0]["usual_rows"] == 4602.0


def test_a_later_session_changes_no_verdict() -> None:
    broken = counts(8, {(5, "nyse"): 0})
    until = broken.filter(pl.col("session") <= FIRST + timedelta(5))

    then = exchange_continuity("raw_listings", until).failed_by_partition
    later = exchange_continuity("raw_listings", broken).failed_by_partition

    assert then == {key: count for key, count in later.items() if key <= "2021-10-09"}


def test_a_missing_session_of_an_exchange_is_not_taken_for_usual() -> None:
    changes = {(day, "nyse"): 0 for day in range(3, 6)}
    outcome = exchange_continuity("raw_listings", counts(8, changes))

    assert list(outcome.failed_by_partition) == ["2021-10-07", "2021-10-08", "2021-10-09"]


def test_one_session_is_judged_by_earlier_counts() -> None:
    history, today = counts(5), counts(6, {(5, "amex"): 12}).tail(3)

    assert exchange_continuity("raw_listings", today).is_passed
    outcome = exchange_continuity("raw_listings", today, earlier=history)
    assert (outcome.evaluated_rows, outcome.failed_rows) == (3, 1)


def test_rows_are_counted_by_session_and_exchange() -> None:
    listings = pl.DataFrame({
        "session": [FIRST, FIRST, FIRST],
        "exchange": ["nyse", "amex", "nyse"],
        "symbol": ["A", "B", "C"],
    })  # fmt: skip

    assert rows_by_exchange(listings).rows() == [(FIRST, "amex", 1), (FIRST, "nyse", 2)]
