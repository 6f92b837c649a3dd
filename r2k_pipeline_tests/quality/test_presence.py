"""Missing sessions: which, how long a gap, and when a gap blocks.

Golden answer: the Nasdaq screener archive has no NYSE listings for 2022-12-21 and
2022-12-28; Monday 2022-12-26 was a holiday, so the two are not one gap.
"""

from __future__ import annotations

from datetime import date

import pytest

from r2k_pipeline.contracts.model import Severity
from r2k_pipeline.quality.presence import presence_outcome, session_presence

WEEKS = [date(2022, 12, day) for day in (19, 20, 21, 22, 23, 27, 28, 29, 30)]


def without(*days: int) -> list[date]:
    return [session for session in WEEKS if session.day not in days]


def test_the_two_missing_sessions_of_december_2022_are_found() -> None:
    presence = session_presence(WEEKS, without(21, 28))

    assert presence.missing == (date(2022, 12, 21), date(2022, 12, 28))
    assert presence.longest_gap == (date(2022, 12, 21),)


def test_a_holiday_does_not_part_a_gap() -> None:
    presence = session_presence(WEEKS, without(23, 27))

    assert [session.day for session in presence.longest_gap] == [23, 27]


def test_order_and_other_sessions_do_not_matter() -> None:
    landed = {*without(21), date(2023, 1, 3)}

    assert session_presence(WEEKS[::-1], landed) == session_presence(WEEKS, without(21))


@pytest.mark.parametrize(
    ("missing", "severity"),
    [
        ((), Severity.WARN),
        ((21, 28), Severity.WARN),
        ((20, 21), Severity.WARN),
        ((20, 21, 22), Severity.ERROR),
        ((19, 20, 21, 22, 23, 27, 28, 29, 30), Severity.ERROR),
    ],
)
def test_more_than_two_in_a_row_block(missing: tuple[int, ...], severity: Severity) -> None:
    presence = session_presence(WEEKS, without(*missing))
    outcome = presence_outcome("raw_listings", presence, tolerated_gap=2)

    assert outcome.is_passed is (missing == ())
    assert outcome.severity is severity
    assert outcome.failed_by_partition == {f"2022-12-{day}": 1 for day in missing}
    assert (outcome.evaluated_rows, outcome.failed_rows) == (9, len(missing))


@pytest.mark.parametrize("missing", [(19,), (19, 20)])
def test_a_range_of_which_nothing_is_there_blocks(missing: tuple[int, ...]) -> None:
    asked = [session for session in WEEKS if session.day in missing]
    presence = session_presence(asked, [])
    outcome = presence_outcome("raw_listings", presence, tolerated_gap=5)

    assert outcome.severity is Severity.ERROR


def test_a_gap_is_as_long_as_it_is_however_the_range_is_cut() -> None:
    landed = without(21, 22, 23)
    whole = session_presence(WEEKS, landed)
    part = session_presence(WEEKS[4:], landed, before=WEEKS[:4])

    assert part.longest_gap == whole.longest_gap
    assert [session.day for session in part.missing] == [23]
    # A gap that ended before the range is none of its business.
    assert session_presence(WEEKS[5:], landed, before=WEEKS[:5]).longest_gap == ()


def test_why_a_session_is_missing_is_told_where_it_is_known() -> None:
    reasons = {date(2022, 12, 21): "nyse is missing"}
    presence = session_presence(WEEKS, without(21, 28))
    outcome = presence_outcome("raw_listings", presence, tolerated_gap=2, reasons=reasons)

    assert outcome.sentence_by_partition == {
        "2022-12-21": "Missing: nyse is missing",
        "2022-12-28": "Missing: the source has nothing for it.",
    }


def test_an_empty_range_has_nothing_missing() -> None:
    outcome = presence_outcome("raw_listings", session_presence([], []), tolerated_gap=0)

    assert outcome.is_passed
