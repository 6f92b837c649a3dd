"""Which session a snapshot really shows.

The stories are those found in the real archive: a holiday's copy, an exchange that
was served a session again and caught up on a Saturday, previous closes that were
not rolled, a missing evening; and one that is told of later years, a vendor that
stays a session behind for weeks.

Golden: by hand, from which session each evening was told to show.
"""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.sources.feed import EvidenceKind
from r2k_pipeline.sources.us_stock_symbols.shown_session import (
    ContinuityScan,
    SnapshotLabel,
    label_snapshots,
)
from r2k_pipeline_tests.sources.archives import LINES, price_cents

SESSIONS = sessions_between(date(2023, 10, 2), date(2023, 12, 29))


def prices(taken_for: date, session: int, *, previous: int | None = None) -> pl.DataFrame:
    """What nyse shows when it shows the n-th session, with the closes of another as previous."""
    before = session - 1 if previous is None else previous
    return pl.DataFrame(
        {
            "taken_for": [taken_for] * LINES,
            "exchange": "nyse",
            "symbol": [f"NY{line:02d}" for line in range(LINES)],
            "close_usd": [price_cents(line, session) / 100 for line in range(LINES)],
            "previous_close_usd": [price_cents(line, before) / 100 for line in range(LINES)],
        }
    )


def labels(*shown: pl.DataFrame) -> list[SnapshotLabel]:
    scan = ContinuityScan()
    for snapshot in shown:
        scan.add(snapshot)
    return label_snapshots(scan.snapshots())


def told(label: SnapshotLabel) -> EvidenceKind | None:
    return label.note.kind if label.note else None


def test_an_ordinary_week_is_labelled_by_its_days() -> None:
    week = labels(*(prices(SESSIONS[n], n) for n in range(5)))
    assert [label.session for label in week] == SESSIONS[:5]
    assert [told(label) for label in week] == [None] * 5


def test_a_saturdays_copy_is_left_out() -> None:
    friday = SESSIONS.index(date(2023, 11, 3))
    story = labels(
        prices(SESSIONS[friday], friday),
        prices(date(2023, 11, 4), friday),
        prices(SESSIONS[friday + 1], friday + 1),
    )
    assert [label.session for label in story] == [date(2023, 11, 3), None, date(2023, 11, 6)]
    assert told(story[1]) is EvidenceKind.NOT_A_SESSION


def test_a_session_served_again_is_left_out_and_its_own_comes_on_saturday() -> None:
    thursday = SESSIONS.index(date(2023, 11, 2))
    story = labels(
        prices(SESSIONS[thursday], thursday),
        prices(SESSIONS[thursday + 1], thursday),
        prices(date(2023, 11, 4), thursday + 1),
        prices(SESSIONS[thursday + 2], thursday + 2),
    )
    assert [label.session for label in story] == [
        date(2023, 11, 2),
        None,
        date(2023, 11, 3),
        date(2023, 11, 6),
    ]
    assert [told(label) for label in story] == [
        None,
        EvidenceKind.STALE_COPY,
        EvidenceKind.RELABELLED,
        None,
    ]


def test_a_vendor_that_stays_behind_for_weeks_is_labelled_by_what_it_shows() -> None:
    stale, caught_up = 3, 20
    shown = [n if n < stale else n - 1 for n in range(caught_up)]
    shown += list(range(caught_up, caught_up + 3))
    story = labels(*(prices(SESSIONS[n], session) for n, session in enumerate(shown)))
    expected = [SESSIONS[n] for n in shown]
    assert [label.session for label in story if label.session] == expected[:stale] + expected[4:]
    assert story[stale].session is None
    assert told(story[caught_up]) is EvidenceKind.BROKEN_CHAIN
    # The session that it skipped is nobody's.
    assert SESSIONS[caught_up - 1] not in {label.session for label in story}


def test_previous_closes_that_were_not_rolled_are_told() -> None:
    story = labels(
        *(prices(SESSIONS[n], n) for n in range(3)), prices(SESSIONS[3], 3, previous=1),
        prices(SESSIONS[4], 4),
    )  # fmt: skip
    assert [label.session for label in story] == SESSIONS[:5]
    assert told(story[3]) is EvidenceKind.PREVIOUS_CLOSE_NOT_ROLLED


def test_after_a_missing_evening_the_day_itself_is_believed() -> None:
    story = labels(prices(SESSIONS[0], 0), prices(SESSIONS[2], 2), prices(SESSIONS[3], 3))
    assert [label.session for label in story] == [SESSIONS[0], SESSIONS[2], SESSIONS[3]]
    assert told(story[1]) is EvidenceKind.BROKEN_CHAIN


def test_a_missing_evening_after_which_the_next_session_follows_is_bridged() -> None:
    # Nobody looked on the second evening, and on the third the vendor showed the second session.
    story = labels(prices(SESSIONS[0], 0), prices(SESSIONS[2], 1))
    assert [label.session for label in story] == [SESSIONS[0], SESSIONS[1]]


def test_exchanges_are_told_apart() -> None:
    nasdaq = pl.col("exchange").str.replace("nyse", "nasdaq")
    both = [
        pl.concat([prices(SESSIONS[n], n), prices(SESSIONS[n], min(n, 1)).with_columns(nasdaq)])
        for n in range(3)
    ]
    by_exchange = {(label.exchange, label.taken_for): label.session for label in labels(*both)}
    assert by_exchange["nyse", SESSIONS[2]] == SESSIONS[2]
    assert by_exchange["nasdaq", SESSIONS[2]] is None


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_the_cut_into_chunks_does_not_matter(cut: int) -> None:
    story = [prices(SESSIONS[n], n if n < 4 else n - 1) for n in range(9)]
    chunks = [pl.concat(story[first : first + cut]) for first in range(0, len(story), cut)]
    assert labels(*chunks) == labels(pl.concat(story))


@settings(max_examples=25)
@given(st.lists(st.integers(min_value=0, max_value=3), min_size=1, max_size=12))
def test_no_session_is_shown_twice_and_none_before_it_traded(steps: list[int]) -> None:
    # The vendor moves on by 0 to 3 sessions an evening, but never past today.
    shown, position = [], 0
    for today, step in enumerate(steps):
        position = min(position + step, today)
        shown.append(prices(SESSIONS[today], position))
    story = labels(*shown)
    sessions = [label.session for label in story if label.session]
    assert sessions == sorted(set(sessions))
    assert all(label.session <= label.taken_for for label in story if label.session)
