"""The archive as a git history: commits to sessions, and failures that land nothing.

Golden: by hand; which session each evening shows is the story of each test.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema
from r2k_pipeline.errors import BadInputError, SourceError
from r2k_pipeline.sources.feed import EvidenceKind
from r2k_pipeline.sources.us_stock_symbols.git_history import GitHistory
from r2k_pipeline_tests.sources.archives import (
    EXCHANGES,
    LINES,
    GitArchive,
    evening,
    price_cents,
    row,
    shown,
)

if TYPE_CHECKING:
    from pathlib import Path

    from r2k_pipeline.sources.feed import SourceBatch

# Commits a quarter past midnight UTC, in summer time: the evening before.
FRIDAY, MONDAY, TUESDAY, WEDNESDAY, FIRST_OF_JULY = (
    date(2022, 6, 24), date(2022, 6, 27), date(2022, 6, 28), date(2022, 6, 29), date(2022, 7, 1),
)  # fmt: skip
THURSDAY = date(2022, 6, 30)


def night_after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)


@pytest.fixture
def archive(tmp_path: Path) -> GitArchive:
    return GitArchive.create(tmp_path / "clone")


def batches(
    archive: GitArchive, start: date | None = None, end: date | None = None
) -> list[SourceBatch]:
    with GitHistory(archive.folder) as source:
        return list(source.iter_batches(start=start, end=end))


def test_each_evening_lands_on_its_session_month_by_month(archive: GitArchive) -> None:
    for session, day in enumerate([FRIDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FIRST_OF_JULY]):
        archive.commit(night_after(day), evening(session))
    june, july = batches(archive)
    assert june.plan.sessions == (FRIDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY)
    assert july.plan.sessions == (FIRST_OF_JULY,)
    assert july.listings.height == len(EXCHANGES) * LINES
    assert june.evidence == july.evidence == ()
    monday = june.listings.filter(session=MONDAY, symbol="NY03").row(0, named=True)
    assert monday["close_usd"] == price_cents(3, 1) / 100
    assert monday["previous_close_usd"] == price_cents(3, 0) / 100
    assert monday["source"] == "us-stock-symbols"


def test_frames_have_the_contracts_shape_and_order(archive: GitArchive) -> None:
    archive.commit(night_after(FRIDAY), evening(0))
    archive.commit(night_after(MONDAY), evening(1))
    (batch,) = batches(archive)
    assert batch.listings.schema == polars_schema(contract("raw_listings"))
    assert batch.reported_actions.schema == polars_schema(contract("reported_actions"))
    assert batch.reported_actions.is_empty()
    assert batch.listings.equals(batch.listings.sort("session", "exchange", "symbol"))


def test_rows_point_at_the_bytes_they_came_from(archive: GitArchive) -> None:
    archive.commit(night_after(FRIDAY), evening(0))
    (batch,) = batches(archive)
    assert [raw.name for raw in batch.raw] == [f"2022-06-24-{e}.json" for e in EXCHANGES]
    for exchange, raw in zip(EXCHANGES, batch.raw, strict=True):
        assert raw.data == json.dumps(shown(exchange, 0)).encode()
        assert raw.sha256 == hashlib.sha256(raw.data).hexdigest()
        own = batch.listings.filter(exchange=exchange)["source_hash"].unique().to_list()
        assert own == [raw.source_hash]


def test_of_one_evening_the_last_commit_counts(archive: GitArchive) -> None:
    broken = dict.fromkeys(EXCHANGES, b"[{}][{}]")
    archive.commit(datetime(2022, 6, 24, 22, 0, tzinfo=UTC), broken)
    archive.commit(datetime(2022, 6, 25, 1, 0, tzinfo=UTC), evening(0))
    (batch,) = batches(archive)
    assert batch.listings["session"].unique().to_list() == [FRIDAY]
    assert [note.kind for note in batch.evidence] == [EvidenceKind.SUPERSEDED]


def test_a_holidays_copy_is_left_out_with_evidence(archive: GitArchive) -> None:
    for day, session in ((date(2022, 5, 27), 0), (date(2022, 5, 30), 0), (date(2022, 5, 31), 1)):
        archive.commit(night_after(day), evening(session))
    (batch,) = batches(archive)
    assert batch.plan.sessions == (date(2022, 5, 27), date(2022, 5, 31))
    assert {note.kind for note in batch.evidence} == {EvidenceKind.NOT_A_SESSION}
    assert len(batch.raw) == 2 * len(EXCHANGES)


def test_an_exchange_whose_file_is_not_renewed_is_missing_not_repeated(archive: GitArchive) -> None:
    archive.commit(night_after(FRIDAY), evening(0))
    archive.commit(night_after(MONDAY), {"nasdaq": shown("nasdaq", 1), "nyse": shown("nyse", 1)})
    (batch,) = batches(archive)
    on_monday = batch.listings.filter(session=MONDAY)
    assert sorted(on_monday["exchange"].unique()) == ["nasdaq", "nyse"]
    assert {(note.kind, note.session, note.exchange) for note in batch.evidence} == {
        (EvidenceKind.STALE_COPY, MONDAY, "amex"),
        (EvidenceKind.MISSING_EXCHANGE, MONDAY, "amex"),
    }


def test_a_snapshot_without_an_exchange_lands_what_there_is(archive: GitArchive) -> None:
    archive.commit(night_after(FRIDAY), evening(0))
    archive.commit(night_after(MONDAY), {**evening(1), "amex": None})
    (batch,) = batches(archive)
    assert batch.listings.filter(session=MONDAY).height == 2 * LINES
    assert [(n.kind, n.session, n.exchange) for n in batch.evidence] == [
        (EvidenceKind.MISSING_EXCHANGE, MONDAY, "amex")
    ]


def test_a_corrupt_snapshot_in_the_range_fails_the_plan(archive: GitArchive) -> None:
    archive.commit(night_after(FRIDAY), evening(0))
    commit = archive.commit(night_after(MONDAY), {"nasdaq": b"[{}][{}]"})
    archive.commit(night_after(TUESDAY), evening(2))
    with GitHistory(archive.folder) as source:
        with pytest.raises(SourceError) as caught:
            source.plan()
        assert commit[:12] in caught.value.culprit
        assert "nasdaq/nasdaq_full_tickers.json" in caught.value.culprit
        assert caught.value.state == "no session of the range was landed"


def test_a_corrupt_snapshot_before_the_range_is_only_told(archive: GitArchive) -> None:
    archive.commit(night_after(FRIDAY), evening(0))
    archive.commit(night_after(MONDAY), {"nasdaq": b"<html>"})
    archive.commit(night_after(TUESDAY), evening(2))
    (batch,) = batches(archive, start=TUESDAY)
    assert batch.plan.sessions == (TUESDAY,)
    assert batch.listings.height == len(EXCHANGES) * LINES


def test_a_range_without_commits_says_what_there_is(archive: GitArchive) -> None:
    archive.commit(night_after(FRIDAY), evening(0))
    with GitHistory(archive.folder) as source:
        with pytest.raises(SourceError, match="has nothing from 2023-01-03"):
            source.plan(start=date(2023, 1, 3))
        with pytest.raises(BadInputError, match="is empty"):
            source.plan(start=MONDAY, end=FRIDAY)


def test_a_part_of_a_range_reads_as_the_whole_does(archive: GitArchive) -> None:
    days = [FRIDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY]
    # The vendor shows Monday again on Tuesday, and stays behind.
    for day, session in zip(days, [0, 1, 1, 2, 3], strict=True):
        archive.commit(night_after(day), evening(session))
    (whole,) = batches(archive)
    (part,) = batches(archive, start=TUESDAY, end=WEDNESDAY)
    assert whole.plan.sessions == (FRIDAY, MONDAY, TUESDAY, WEDNESDAY)
    assert part.listings.equals(
        whole.listings.filter(whole.listings["session"].is_between(TUESDAY, WEDNESDAY))
    )


def test_a_plan_can_be_read_by_a_source_that_did_not_make_it(archive: GitArchive) -> None:
    archive.commit(night_after(FRIDAY), evening(0))
    archive.commit(night_after(MONDAY), evening(1))
    with GitHistory(archive.folder) as planner, GitHistory(archive.folder) as reader:
        (plan,) = planner.plan()
        assert reader.read(plan).listings.equals(planner.read(plan).listings)


def test_hostile_symbols_land_as_text(archive: GitArchive) -> None:
    names = ["../../etc/passwd", "'; DROP TABLE levels; --", "=cmd|' /C calc'!A0", "é\u202e"]
    listings = [row(name, "$1.00", "0.50") for name in names]
    archive.commit(night_after(FRIDAY), dict.fromkeys(EXCHANGES, listings))
    (batch,) = batches(archive)
    assert set(batch.listings["symbol"]) == set(names)


def test_an_unknown_column_is_told(archive: GitArchive) -> None:
    archive.commit(night_after(FRIDAY), {"nyse": [row("HAL", "$1.00", "0.50", analyst="buy")]})
    (batch,) = batches(archive)
    assert (EvidenceKind.UNKNOWN_COLUMN, "analyst") in [(n.kind, n.detail) for n in batch.evidence]
