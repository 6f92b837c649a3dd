"""Which evening a commit belongs to.

Golden: the archive's own commits of 2021-11 on both sides of the change to winter
time, 23:19 UTC in summer time and 00:20 UTC in winter time being one hour apart
in New York: 19:19 and 19:20.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from r2k_pipeline.sources.feed import EvidenceKind
from r2k_pipeline.sources.us_stock_symbols.evenings import evening_of, evenings
from r2k_pipeline.sources.us_stock_symbols.git_repository import Commit


def at(*parts: int) -> datetime:
    year, month, day, hour, minute = parts
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def commit(name: str, when: datetime) -> Commit:
    return Commit(commit_id=name * 40, committed_at=when)


@pytest.mark.parametrize(
    ("committed_at", "day"),
    [
        (at(2022, 6, 28, 0, 15), date(2022, 6, 27)),  # 20:15 in summer time
        (at(2021, 11, 5, 23, 19), date(2021, 11, 5)),  # 19:19 on the last summer-time session
        (at(2021, 11, 9, 0, 20), date(2021, 11, 8)),  # 19:20 on the first winter-time session
        (at(2021, 11, 7, 3, 59), date(2021, 11, 6)),  # midnight in New York is 04:00 in summer
        (at(2021, 11, 8, 4, 59), date(2021, 11, 7)),  # and 05:00 in winter
        (at(2022, 3, 12, 0, 30), date(2022, 3, 11)),  # last winter-time session of 2022
        (at(2022, 3, 14, 23, 30), date(2022, 3, 14)),  # first summer-time session of 2022
        (at(2022, 1, 1, 0, 15), date(2021, 12, 31)),  # over the turn of the year
        (at(2022, 6, 28, 10, 0), date(2022, 6, 27)),  # 06:00: nothing has opened since
        (at(2022, 6, 25, 15, 0), date(2022, 6, 25)),  # a Saturday noon
    ],
)
def test_an_evening_is_new_yorks(committed_at: datetime, day: date) -> None:
    assert evening_of(committed_at) == day


def test_the_zone_of_the_committer_does_not_matter() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert evening_of(at(2022, 6, 28, 0, 15).astimezone(tokyo)) == date(2022, 6, 27)


@pytest.mark.parametrize("hour", [14, 17, 19])
def test_a_commit_while_a_session_trades_shows_no_close(hour: int) -> None:
    assert evening_of(at(2022, 6, 28, hour, 0)) is None


def test_the_last_commit_of_an_evening_counts_and_the_others_are_told() -> None:
    first, second = commit("a", at(2022, 6, 27, 23, 0)), commit("b", at(2022, 6, 28, 0, 30))
    noon, next_day = commit("c", at(2022, 6, 28, 16, 0)), commit("d", at(2022, 6, 29, 0, 10))
    counted, notes = evenings([first, second, noon, next_day])
    assert [(e.taken_for, e.commit.commit_id[0]) for e in counted] == [
        (date(2022, 6, 27), "b"),
        (date(2022, 6, 28), "d"),
    ]
    assert [(n.kind, n.session, n.detail[7]) for n in notes] == [
        (EvidenceKind.SUPERSEDED, date(2022, 6, 27), "a"),
        (EvidenceKind.TAKEN_BEFORE_CLOSE, date(2022, 6, 28), "c"),
    ]


def test_of_equal_times_the_later_in_the_history_counts() -> None:
    when = at(2022, 6, 28, 0, 15)
    counted, _ = evenings([commit("a", when), commit("b", when)])
    assert counted[0].commit.commit_id[0] == "b"
