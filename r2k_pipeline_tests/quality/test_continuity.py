"""Half a universe is refused, a lesser lack is told, and ordinary change is neither.

The cases behind it: on 2021-10-30 the archive of the Nasdaq screener moved for Nasdaq
only; on 2021-02-04 it dropped a tenth of NYSE and American for good.

Invariants:
    1. A verdict uses earlier sessions only, so it does not change when later ones arrive.
    2. Judging session by session, each beside what landed, says the same as all at once.
    3. Every refused session names an exchange that lies below three quarters of the usual.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.quality.continuity import (
    WINDOW_SESSIONS,
    ExchangeCount,
    exchange_continuity,
    exchange_counts,
    rows_by_exchange,
)

if TYPE_CHECKING:
    from r2k_pipeline.quality.outcome import CheckOutcome

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


def judged(table: pl.DataFrame, earlier: pl.DataFrame | None = None) -> CheckOutcome:
    return exchange_continuity("raw_listings", exchange_counts(table, earlier=earlier))


def refused(found: list[ExchangeCount]) -> set[date]:
    return {count.session for count in found if count.is_refused}


def test_slow_growth_passes() -> None:
    outcome = judged(counts(20))

    assert outcome.is_passed
    assert outcome.evaluated_rows == 19 * 3  # the first session has no past


def test_an_exchange_that_is_missing_is_refused_in_words_of_the_trade() -> None:
    outcome = judged(counts(6, {(5, "nasdaq"): 0}))

    assert not outcome.is_passed
    assert outcome.severity is Severity.ERROR
    # The median of the five sessions before is that of the third: 282 + 4,602 + 3,102.
    assert outcome.sentence == (
        "nasdaq is missing on 2021-10-09: 3,390 rows, expected 7,986 ± 3 %. "
        "The session is refused: what stood before stands, or it counts as missing."
    )
    assert outcome.failed_by_partition == {"2021-10-09": 1}


def test_two_thirds_of_an_exchange_are_refused() -> None:
    outcome = judged(counts(6, {(5, "nasdaq"): 2999}))

    assert outcome.severity is Severity.ERROR
    assert outcome.sentence.startswith(
        "nasdaq is not whole on 2021-10-09: 2,999 rows, expected 4,602 ± 3 %."
    )
    assert outcome.sample[0]["usual_rows"] == 4602


@pytest.mark.parametrize(
    ("rows", "is_passed", "severity"),
    [
        (3010, True, Severity.WARN),  # 97.03 % of 3,102
        (3008, False, Severity.WARN),  # 96.97 %
        (2327, False, Severity.WARN),  # 75.02 %
        (2326, False, Severity.ERROR),  # 74.98 %
        (9000, True, Severity.WARN),  # more than usual is no lack
    ],
)
def test_where_a_lack_begins_and_where_refusal(
    rows: int, *, is_passed: bool, severity: Severity
) -> None:
    outcome = judged(counts(6, {(5, "nyse"): rows}))
    assert (outcome.is_passed, outcome.severity) == (is_passed, severity)


def test_a_level_that_changed_for_good_is_usual_after_three_sessions() -> None:
    # The vendor dropped a tenth of NYSE on 2021-02-04: three sessions are told, none is refused.
    fewer = {(day, "nyse"): 2790 for day in range(5, 12)}
    outcome = judged(counts(12, fewer))

    assert outcome.severity is Severity.WARN
    assert list(outcome.failed_by_partition) == ["2021-10-09", "2021-10-10", "2021-10-11"]


def test_several_sessions_are_each_told_of_their_own() -> None:
    outcome = judged(counts(9, {(5, "nyse"): 0, (7, "amex"): 0}))

    assert outcome.sentence.endswith("And 1 more.")
    assert outcome.sentence_by_partition["2021-10-11"].startswith("amex is missing on 2021-10-11")


def test_two_exchanges_that_lack_are_told_together() -> None:
    told = judged(counts(6, {(5, "nyse"): 0, (5, "amex"): 0})).sentence_by_partition
    assert "amex is missing" in told["2021-10-09"]
    assert "; nyse is missing" in told["2021-10-09"]


def test_a_refused_session_is_nobodys_past() -> None:
    # Otherwise nothing would be usual after three sessions, and half a universe would land.
    gone = {(day, "nyse"): 0 for day in range(5, 15)}
    found = exchange_counts(counts(15, gone))

    assert len(refused(found)) == 10
    assert {count.usual_rows for count in found if count.rows == 0} == {3102}


def test_an_accepted_session_is_not_refused_and_is_part_of_the_past() -> None:
    gone = {(day, "nyse"): 0 for day in range(5, 15)}
    accepted = [FIRST + timedelta(day) for day in range(5, 8)]
    found = exchange_counts(counts(15, gone), accepted=accepted)

    assert refused(found) == set()
    assert [count.session for count in found if count.is_short] == accepted


def test_an_exchange_of_a_few_lines_is_not_judged() -> None:
    few = counts(8).with_columns(
        rows=pl.when(pl.col("exchange") == "amex").then(99).otherwise("rows")
    )
    lacking = few.filter(
        (pl.col("exchange") != "amex") | (pl.col("session") < FIRST + timedelta(6))
    )
    assert judged(lacking).is_passed


def test_a_later_session_changes_no_verdict() -> None:
    broken = counts(8, {(5, "nyse"): 0})
    until = broken.filter(pl.col("session") <= FIRST + timedelta(5))

    then, later = judged(until).failed_by_partition, judged(broken).failed_by_partition
    assert then == {key: count for key, count in later.items() if key <= "2021-10-09"}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 11),
            st.sampled_from(sorted(USUAL)),
            st.sampled_from([0, 90, 150, 260, 2200, 3000, 4000]),
        ),
        max_size=12,
    )
)
def test_session_by_session_says_the_same(lacks: list[tuple[int, str, int]]) -> None:
    table = counts(12, {(day, exchange): rows for day, exchange, rows in lacks})
    at_once = exchange_counts(table)
    landed, one_by_one = table.clear(), []
    for session in table["session"].unique().sort():
        today = table.filter(session=session)
        sessions = landed["session"].unique().sort().tail(WINDOW_SESSIONS)
        window = landed.filter(pl.col("session").is_in(sessions.implode()))
        found = exchange_counts(today, earlier=window)
        one_by_one += found
        if session not in refused(found):
            landed = pl.concat([landed, today])
    assert refused(one_by_one) == refused(at_once)
    for count in at_once:
        if count.is_refused:
            assert count.rows < 0.75 * count.usual_rows


def test_one_session_is_judged_by_earlier_counts() -> None:
    history, today = counts(5), counts(6, {(5, "amex"): 12}).tail(3)

    assert judged(today).is_passed
    outcome = judged(today, earlier=history)
    assert (outcome.evaluated_rows, outcome.failed_rows) == (3, 1)


def test_rows_are_counted_by_session_and_exchange() -> None:
    listings = pl.DataFrame({
        "session": [FIRST, FIRST, FIRST],
        "exchange": ["nyse", "amex", "nyse"],
        "symbol": ["A", "B", "C"],
    })  # fmt: skip

    assert rows_by_exchange(listings).rows() == [(FIRST, "amex", 1), (FIRST, "nyse", 2)]
