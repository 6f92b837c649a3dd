"""Which session a snapshot shows, on altered copies of real snapshots.

Invariants, for every story:
    1. Each file is landed on the session whose rows it has, to the line, or left out.
    2. A session lands once on an exchange, and no session lands that no file shows.
    3. What was left out, moved, or is missing is told, with its day and exchange.

Golden: the real archive itself. A story decides which real session each evening serves, so
the truth is known without asking the code. Skipped where the real data are not there.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.sources.feed import EvidenceKind
from r2k_pipeline.sources.us_stock_symbols.git_history import GitHistory
from r2k_pipeline.sources.us_stock_symbols.listings import previous_close
from r2k_pipeline.sources.us_stock_symbols.shown_session import ContinuityScan, label_snapshots
from r2k_pipeline.sources.us_stock_symbols.year_files import YearFiles
from r2k_pipeline_tests.sources.altered_snapshots import (
    EXCHANGES,
    HOLIDAYS,
    LAST,
    SESSIONS,
    Story,
    real_sample,
    without_lines,
)
from r2k_pipeline_tests.sources.archives import GitArchive, row

if TYPE_CHECKING:
    from pathlib import Path

    from r2k_pipeline.sources.feed import Evidence

Told = set[tuple[EvidenceKind, date, str | None]]


@pytest.fixture(scope="module")
def sample(shared_data: Path) -> pl.DataFrame:
    return real_sample(shared_data)


def landed(story: Story, sample: pl.DataFrame, tmp_path: Path) -> tuple[pl.DataFrame, Told]:
    """The rows that land from an archive that tells the story, and what is told about it."""
    with YearFiles(story.archive(sample, tmp_path / "2022.parquet")) as source:
        batches = list(source.iter_batches())
    rows = pl.concat([batch.listings for batch in batches])
    return rows, told([note for batch in batches for note in batch.evidence])


def told(notes: list[Evidence]) -> Told:
    found = {(note.kind, note.session, note.exchange) for note in notes if note.session}
    assert len(found) == len(notes)
    return found


def on_all(kind: EvidenceKind, *days: date) -> Told:
    return {(kind, day, exchange) for day in days for exchange in EXCHANGES}


def missing(*days: date) -> Told:
    return {(EvidenceKind.MISSING_SESSION, day, None) for day in days}


def assert_true_rows(rows: pl.DataFrame, story: Story, sample: pl.DataFrame) -> None:
    """Invariants 1 and 2, line by line."""
    expected = story.true_rows(sample)
    assert expected.height > 100_000
    assert rows.select(expected.columns).equals(expected)


def test_the_real_range_is_labelled_by_its_days(sample: pl.DataFrame, tmp_path: Path) -> None:
    rows, notes = landed(Story(), sample, tmp_path)
    assert_true_rows(rows, Story(), sample)
    assert rows["session"].unique().sort().to_list() == SESSIONS
    assert notes == set()


@pytest.mark.parametrize("sessions", [1, 20, 60])
def test_a_lag_of_one_session_is_relabelled_until_it_skips_one(
    sample: pl.DataFrame, tmp_path: Path, sessions: int
) -> None:
    first, caught_up = 10, 10 + sessions
    story = Story().lag(first, sessions)
    rows, notes = landed(story, sample, tmp_path)
    assert_true_rows(rows, story, sample)
    # The first evening of the lag is a copy, the others move a session back, one is skipped.
    skipped = SESSIONS[caught_up - 1]
    assert skipped not in set(rows["session"])
    assert notes == (
        on_all(EvidenceKind.STALE_COPY, SESSIONS[first])
        | on_all(EvidenceKind.RELABELLED, *SESSIONS[first : caught_up - 1])
        | on_all(EvidenceKind.BROKEN_CHAIN, SESSIONS[caught_up])
        | missing(skipped)
    )


@pytest.mark.parametrize("sessions", [1, 20, 60])
def test_every_file_gets_the_session_that_it_truly_shows(
    sample: pl.DataFrame, sessions: int
) -> None:
    # One exchange behind, another two sessions behind, the third well.
    story = Story().lag(10, sessions, "nasdaq").lag(10, sessions, "amex", by=2)
    served = pl.DataFrame(
        [(evening, exchange, shown) for (evening, exchange), shown in story.shown.items()],
        schema={"taken_for": pl.Date, "exchange": pl.String, "trade_date": pl.Date},
        orient="row",
    )
    prices = sample.join(served, on=["exchange", "trade_date"]).select(
        "taken_for",
        "exchange",
        "symbol",
        pl.col("lastsale").alias("close_usd"),
        previous_close(),
    )
    scan = ContinuityScan()
    for month in sorted(prices["taken_for"].dt.month().unique()):
        scan.add(prices.filter(pl.col("taken_for").dt.month() == month))
    labels = {
        (label.taken_for, label.exchange): label.session
        for label in label_snapshots(scan.snapshots())
    }
    assert labels == story.true_sessions()
    assert len(labels) == len(SESSIONS) * len(EXCHANGES)


@pytest.mark.parametrize("missed", [1, 2])
def test_a_lag_outlives_an_evening_on_which_nobody_looked(
    sample: pl.DataFrame, tmp_path: Path, missed: int
) -> None:
    story = Story().lag(10, 20)
    for number in range(18, 18 + missed):
        story.miss(SESSIONS[number])
    rows, notes = landed(story, sample, tmp_path)
    assert_true_rows(rows, story, sample)
    behind = SESSIONS[17 + missed]
    assert on_all(EvidenceKind.STILL_BEHIND, behind) <= notes
    assert missing(*SESSIONS[17 : 17 + missed], SESSIONS[29]) <= notes


def test_copies_of_weekends_and_holidays_are_left_out(sample: pl.DataFrame, tmp_path: Path) -> None:
    story, closed = Story(), [*HOLIDAYS]
    for session in SESSIONS:
        if session.weekday() == 4:
            closed += [session + timedelta(days=1), session + timedelta(days=2)]
    for day in closed:
        story.show(day, max(session for session in SESSIONS if session < day))
    rows, notes = landed(story, sample, tmp_path)
    assert_true_rows(rows, Story(), sample)
    assert notes == on_all(EvidenceKind.NOT_A_SESSION, *closed)


def test_a_session_served_again_is_dropped_and_its_own_comes_on_saturday(
    sample: pl.DataFrame, tmp_path: Path
) -> None:
    # As the real archive did for Nasdaq on 2021-10-29.
    friday = next(session for session in SESSIONS[30:] if session.weekday() == 4)
    before, saturday = SESSIONS[SESSIONS.index(friday) - 1], friday + timedelta(days=1)
    story = Story().show(friday, before, "nasdaq").show(saturday, friday, "nasdaq")
    rows, notes = landed(story, sample, tmp_path)
    assert_true_rows(rows, Story(), sample)
    assert notes == {
        (EvidenceKind.STALE_COPY, friday, "nasdaq"),
        (EvidenceKind.RELABELLED, friday, "nasdaq"),
    }


@pytest.mark.parametrize("back", [2, 3, 4, 5])
def test_a_session_of_days_ago_is_dropped(sample: pl.DataFrame, tmp_path: Path, back: int) -> None:
    story = Story().show(SESSIONS[40], SESSIONS[40 - back])
    rows, notes = landed(story, sample, tmp_path)
    assert_true_rows(rows, story, sample)
    assert on_all(EvidenceKind.STALE_COPY, SESSIONS[40]) | missing(SESSIONS[40]) <= notes


def test_an_exchange_that_is_missing_is_told(sample: pl.DataFrame, tmp_path: Path) -> None:
    story = Story().miss(SESSIONS[20], "nasdaq").miss(SESSIONS[50], "amex", "nyse")
    rows, notes = landed(story, sample, tmp_path)
    assert_true_rows(rows, story, sample)
    assert {
        (EvidenceKind.MISSING_EXCHANGE, SESSIONS[20], "nasdaq"),
        (EvidenceKind.MISSING_EXCHANGE, SESSIONS[50], "amex"),
        (EvidenceKind.MISSING_EXCHANGE, SESSIONS[50], "nyse"),
    } <= notes


@pytest.mark.parametrize("evenings", [1, 3])
def test_an_exchange_that_is_unchanged_is_missing_not_repeated(
    sample: pl.DataFrame, tmp_path: Path, evenings: int
) -> None:
    stale, story = SESSIONS[20 : 20 + evenings], Story()
    for evening in stale:
        story.show(evening, SESSIONS[19], "nasdaq")
    rows, notes = landed(story, sample, tmp_path)
    assert_true_rows(rows, story, sample)
    assert notes == {
        *((EvidenceKind.STALE_COPY, evening, "nasdaq") for evening in stale),
        *((EvidenceKind.MISSING_EXCHANGE, evening, "nasdaq") for evening in stale),
        (EvidenceKind.BROKEN_CHAIN, SESSIONS[20 + evenings], "nasdaq"),
    }


@pytest.mark.parametrize("evenings", [1, 5, 9])
def test_missing_evenings_are_missing_sessions(
    sample: pl.DataFrame, tmp_path: Path, evenings: int
) -> None:
    gap, story = SESSIONS[30 : 30 + evenings], Story()
    for evening in gap:
        story.miss(evening)
    rows, notes = landed(story, sample, tmp_path)
    assert_true_rows(rows, story, sample)
    assert notes == missing(*gap) | on_all(EvidenceKind.BROKEN_CHAIN, SESSIONS[30 + evenings])


def test_what_comes_after_the_last_session_is_told(sample: pl.DataFrame, tmp_path: Path) -> None:
    # On the last evening the vendor is behind, so the archive's last session is the one before.
    story = Story().show(LAST, SESSIONS[-2])
    rows, notes = landed(story, sample, tmp_path)
    assert_true_rows(rows, story, sample)
    assert notes == on_all(EvidenceKind.STALE_COPY, LAST) | missing(LAST)


def test_half_a_file_keeps_its_session(sample: pl.DataFrame, tmp_path: Path) -> None:
    half = without_lines(sample, {(SESSIONS[20], "nasdaq"): 0.5, (SESSIONS[21], "nyse"): 0.5})
    assert half.height < sample.height
    rows, notes = landed(Story(), half, tmp_path)
    assert_true_rows(rows, Story(), half)
    assert notes == set()


def test_the_git_form_labels_alike(shared_data: Path, tmp_path: Path) -> None:
    # The real bundle's first evenings, committed again with Nasdaq a session behind.
    days = [date(2022, 5, day) for day in (2, 3, 4, 5, 6, 9, 10, 11)]
    with GitHistory(shared_data / "us-stock-symbols-2022q2.bundle") as bundle:
        batches = list(bundle.iter_batches(start=days[0], end=days[-1]))
    listings = pl.concat([batch.listings for batch in batches]).filter(
        pl.col("symbol").str.contains("^[A-D]"), pl.col("close_usd").is_not_null()
    )
    archive = GitArchive.create(tmp_path / "clone")
    shown = {day: days[max(n - 1, 0)] if 2 <= n < 6 else day for n, day in enumerate(days)}
    for day, behind in shown.items():
        on_day = {"amex": day, "nasdaq": behind, "nyse": day}
        files = {exchange: served(listings, exchange, of) for exchange, of in on_day.items()}
        archive.commit(datetime.combine(day, time(23, 30), tzinfo=UTC), files)
    with GitHistory(archive.folder) as altered:
        (batch,) = altered.iter_batches()
    skipped = days[5]
    nasdaq = pl.col("exchange") == "nasdaq"
    expected = listings.filter(~nasdaq | (pl.col("session") != skipped))
    columns = ["session", "exchange", "symbol", "close_usd", "previous_close_usd"]
    assert expected.height > 10_000
    assert batch.listings.select(columns).equals(expected.select(columns))
    assert {(n.kind, n.session) for n in batch.evidence if n.exchange == "nasdaq"} == {
        (EvidenceKind.STALE_COPY, days[2]),
        *((EvidenceKind.RELABELLED, day) for day in days[2:5]),
        (EvidenceKind.MISSING_EXCHANGE, skipped),
        (EvidenceKind.BROKEN_CHAIN, days[6]),
    }


def served(listings: pl.DataFrame, exchange: str, session: date) -> list[dict[str, str]]:
    """The rows of one exchange and session as the vendor writes them."""
    return [
        row(symbol, f"${close}", f"{close - previous:.6f}", name=name or "")
        for symbol, name, close, previous in listings.filter(exchange=exchange, session=session)
        .select("symbol", "name", "close_usd", "previous_close_usd")
        .iter_rows()
    ]
