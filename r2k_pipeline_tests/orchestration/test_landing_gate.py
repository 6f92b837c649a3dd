"""Half a universe does not land: on altered copies of real snapshots, into a real store.

Invariants:
    1. A session that lacks an exchange, or much of one, is refused with a sentence that says
       which, how many rows there are and how many were expected; what stood stands.
    2. Every other session of the batch lands, with the rows that it has at the source.
    3. How a range is cut into landings changes no verdict.
    4. What was left out, moved, refused or missing is written down, once.
    5. A refused session is a gap: carried while it is short, an error when it is long.

Golden: the real archive's rows of each session. Skipped where the real data are not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl
import pytest

from r2k_pipeline.errors import MissingPartitionError
from r2k_pipeline.orchestration.instance import open_instance
from r2k_pipeline.orchestration.landing import LandingReport, land
from r2k_pipeline.orchestration.stages import run_job
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.us_stock_symbols.year_files import YearFiles
from r2k_pipeline.storage.store import Store, open_store
from r2k_pipeline_tests.sources.altered_snapshots import (
    EXCHANGES,
    FIRST,
    SESSIONS,
    Story,
    real_sample,
    rows_of,
    without_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECEIVED = datetime(2022, 5, 20, 23, 0, tzinfo=UTC)
LAST = SESSIONS[24]
ODD = SESSIONS[12]
TOLERATED = rules_in_force(ODD).max_carried_sessions


@pytest.fixture(scope="module")
def sample(shared_data: Path) -> pl.DataFrame:
    return real_sample(shared_data, lines=300)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings) as opened:
        yield opened


@dataclass(frozen=True)
class Landing:
    """Lands stories told with one sample."""

    store: Store
    sample: pl.DataFrame
    folder: Path

    def __call__(
        self,
        story: Story,
        *,
        start: date | None = None,
        end: date | None = LAST,
        accept_short: bool = False,
    ) -> LandingReport:
        """Write the archive and land a range of it."""
        known = story.until(LAST + timedelta(days=2))
        with YearFiles(known.archive(self.sample, self.folder / "s.parquet")) as source:
            return land(
                self.store, source, start, end,
                run_id="landing", known_at=RECEIVED, accept_short=accept_short,
            )  # fmt: skip


@pytest.fixture
def landing(store: Store, sample: pl.DataFrame, tmp_path: Path) -> Landing:
    return Landing(store, sample, tmp_path)


def standing(store: Store) -> pl.DataFrame:
    columns = ["session", "exchange", "symbol", "close_usd", "previous_close_usd"]
    landed = store.lake.scan("raw_listings", columns=columns).collect()
    return landed.sort("session", "exchange", "symbol")


def true_rows(sample: pl.DataFrame, *without: date) -> pl.DataFrame:
    sessions = [day for day in SESSIONS if day <= LAST and day not in without]
    return rows_of(sample, [(day, exchange) for day in sessions for exchange in EXCHANGES])


def count(sample: pl.DataFrame, session: date, *exchanges: str) -> int:
    return rows_of(sample, [(session, exchange) for exchange in exchanges]).height


def failures(store: Store, check: str) -> dict[str, tuple[str, str]]:
    """Severity and sentence of the failures of a check, by partition; each at most once."""
    rows = store.published.read(
        "quality_results", where={"table_name": "raw_listings", "check_name": check}
    ).filter(~pl.col("is_passed"))
    assert rows["partition_key"].is_unique().all()
    return {
        key: (severity, sentence)
        for key, severity, sentence in rows.select(
            "partition_key", "severity", "sentence"
        ).iter_rows()
    }


def test_the_real_range_lands_whole(store: Store, landing: Landing, sample: pl.DataFrame) -> None:
    report = landing(Story())
    assert report.refused == ()
    assert standing(store).equals(true_rows(sample))
    assert failures(store, "exchanges_are_complete") == {}
    assert failures(store, "snapshots_are_regular") == {}


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_session_without_an_exchange_is_refused(
    store: Store, landing: Landing, sample: pl.DataFrame, exchange: str
) -> None:
    report = landing(Story().miss(ODD, exchange))
    (refusal,) = report.refused
    assert refusal.session == ODD
    others = [one for one in EXCHANGES if one != exchange]
    assert refusal.sentence.startswith(
        f"{exchange} is missing on {ODD}: {count(sample, ODD, *others):,} rows, expected "
    )
    assert "± 3 %. The session is refused" in refusal.sentence
    assert ODD not in report.landed
    assert standing(store).equals(true_rows(sample, ODD))
    assert failures(store, "exchanges_are_complete") == {str(ODD): ("error", refusal.sentence)}
    assert (
        f"{exchange}: the session has nothing for this exchange"
        in (failures(store, "snapshots_are_regular")[str(ODD)][1])
    )


def test_the_expected_rows_are_those_of_the_sessions_before(
    landing: Landing, sample: pl.DataFrame
) -> None:
    (refusal,) = landing(Story().miss(ODD, "nasdaq")).refused
    before = [count(sample, day, *EXCHANGES) for day in SESSIONS[7:12]]
    words = refusal.sentence.split("expected ")[1]
    expected = int(words.split(" ")[0].replace(",", ""))
    assert min(before) <= expected <= max(before)


def test_half_an_exchange_is_refused_and_a_tenth_less_is_told(
    store: Store, sample: pl.DataFrame, tmp_path: Path
) -> None:
    fewer = without_lines(sample, {(ODD, "nyse"): 0.5, (SESSIONS[18], "nasdaq"): 0.9})
    report = Landing(store, fewer, tmp_path)(Story())
    (refusal,) = report.refused
    assert refusal.sentence.startswith(f"nyse is not whole on {ODD}: ")
    assert f"{count(fewer, ODD, 'nyse'):,} rows" in refusal.sentence
    assert standing(store).equals(true_rows(fewer, ODD))
    told = failures(store, "exchanges_are_complete")
    assert {key: severity for key, (severity, _) in told.items()} == {
        str(ODD): "error",
        str(SESSIONS[18]): "warn",
    }


def test_what_stood_stands_when_half_of_it_is_offered(
    store: Store, landing: Landing, sample: pl.DataFrame
) -> None:
    landing(Story())
    report = landing(Story().miss(ODD, "nasdaq"))
    assert [refusal.session for refusal in report.refused] == [ODD]
    assert report.landed == ()
    assert standing(store).equals(true_rows(sample))


def test_an_unchanged_exchange_is_refused_until_its_session_comes(
    store: Store, landing: Landing, sample: pl.DataFrame
) -> None:
    # The vendor serves Nasdaq's Thursday again on Friday, and its Friday on Saturday.
    friday = next(day for day in SESSIONS[10:] if day.weekday() == 4)
    stale = Story().show(friday, SESSIONS[SESSIONS.index(friday) - 1], "nasdaq")
    report = landing(stale.until(friday), end=friday)
    assert [refusal.session for refusal in report.refused] == [friday]
    assert report.refused[0].sentence.startswith(f"nasdaq is missing on {friday}: ")
    cured = landing(stale.show(friday + timedelta(days=1), friday, "nasdaq"))
    assert cured.refused == ()
    assert cured.landed[0] == friday
    assert standing(store).equals(true_rows(sample))


def test_somebody_may_accept_a_short_session(
    store: Store, landing: Landing, sample: pl.DataFrame
) -> None:
    report = landing(Story().miss(ODD, "amex"), accept_short=True)
    assert report.refused == ()
    shown = rows_of(sample, [(ODD, "nasdaq"), (ODD, "nyse")])
    assert standing(store).filter(session=ODD).equals(shown)
    assert failures(store, "exchanges_are_complete")[str(ODD)][0] == "warn"


def test_an_exchange_that_is_gone_for_good_is_usual_after_three_accepted_sessions(
    landing: Landing,
) -> None:
    story = Story()
    for day in SESSIONS[12:]:
        story.miss(day, "amex")
    assert len(landing(story).refused) == len(SESSIONS[12:25])
    landing(story, end=SESSIONS[14], accept_short=True)
    assert landing(story).refused == ()


def test_the_cut_of_a_range_changes_no_verdict(
    store: Store, landing: Landing, sample: pl.DataFrame
) -> None:
    story = Story().miss(ODD, "nasdaq").miss(SESSIONS[13], "nasdaq").lag(18, 4, "nyse")
    refused = []
    for day in SESSIONS[10 : SESSIONS.index(LAST) + 1]:
        # Each evening the archive is as it was then, and everything new of it is asked for.
        report = landing(story.until(day), end=day)
        refused += [refusal.session for refusal in report.refused]
    evening_by_evening = standing(store)
    # Nyse's sessions come an evening late; the one that it skips never comes.
    assert set(refused) == {ODD, SESSIONS[13], *SESSIONS[18:22]}
    assert evening_by_evening.equals(true_rows(sample, ODD, SESSIONS[13], SESSIONS[21]))


@pytest.mark.parametrize("sessions", [1, 5, 10])
def test_a_lagging_feed_lands_on_true_sessions_and_is_written_down_once(
    store: Store, landing: Landing, sample: pl.DataFrame, sessions: int
) -> None:
    first, caught_up = SESSIONS[10], SESSIONS[10 + sessions]
    skipped = SESSIONS[9 + sessions]
    story = Story().lag(10, sessions)
    landing(story)
    landing(story)
    assert standing(store).equals(true_rows(sample, skipped))
    told = failures(store, "snapshots_are_regular")
    assert set(told) == {str(day) for day in SESSIONS[10 : 11 + sessions]}
    assert {severity for severity, _ in told.values()} == {"warn"}
    assert "shows a session that an earlier snapshot showed already" in told[str(first)][1]
    assert "no snapshot shows this session" in told[str(skipped)][1]
    assert "do not match the snapshot before" in told[str(caught_up)][1]


def asset_run(settings: Settings, first: date, last: date) -> None:
    with open_instance(settings) as instance:
        keys = dg.PartitionKeyRange(str(first), str(last))
        run_job(settings, instance, "selection", keys, tables=["raw_listings"])


def test_a_gap_is_recorded_while_it_may_be_carried_and_fails_beyond(
    settings: Settings, store: Store, landing: Landing
) -> None:
    story, gap = Story(), SESSIONS[12 : 12 + TOLERATED]
    for day in gap[1:]:
        story.miss(day)
    landing(story.miss(ODD, "nasdaq"))
    asset_run(settings, FIRST, LAST)
    told = failures(store, "every_session_is_present")
    assert set(told) == {str(day) for day in gap}
    assert {severity for severity, _ in told.values()} == {"warn"}
    # A run of which nothing is there has nothing to carry on with.
    with pytest.raises(MissingPartitionError) as caught:
        asset_run(settings, gap[-1], gap[-1])
    assert caught.value.sessions == (gap[-1],)


def test_a_gap_that_is_too_long_fails(settings: Settings, landing: Landing) -> None:
    gap, story = SESSIONS[12 : 13 + TOLERATED], Story()
    for day in gap:
        story.miss(day)
    landing(story)
    with pytest.raises(MissingPartitionError) as caught:
        asset_run(settings, FIRST, LAST)
    assert caught.value.sessions == tuple(gap)
    # However the range is cut: a close would be carried as long.
    with pytest.raises(MissingPartitionError, match=r"6 sessions in a row are missing, 5 may be"):
        asset_run(settings, gap[-1], LAST)


def test_a_configured_source_says_why_a_session_is_missing(
    settings: Settings, sample: pl.DataFrame, tmp_path: Path
) -> None:
    stale = SESSIONS[13]
    story = Story().miss(ODD, "nasdaq").show(stale, ODD, "amex", "nyse").miss(stale, "nasdaq")
    path = story.until(stale).archive(sample, tmp_path / "s.parquet")
    fed = settings.model_copy(update={"source": "us-stock-symbols", "source_path": str(path)})
    asset_run(fed, FIRST, stale)
    with open_store(fed) as store:
        told = failures(store, "every_session_is_present")
    assert {severity for severity, _ in told.values()} == {"warn"}
    assert told[str(ODD)][1].startswith(f"Missing: nasdaq is missing on {ODD}: ")
    assert "shows a session that an earlier snapshot showed already" in told[str(stale)][1]
    with pytest.raises(MissingPartitionError, match=f"nasdaq is missing on {ODD}: .* expected"):
        asset_run(fed, ODD, ODD)
    with pytest.raises(MissingPartitionError, match="showed already; left out"):
        asset_run(fed, stale, stale)
