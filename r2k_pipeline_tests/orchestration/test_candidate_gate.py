"""An event waits for a candidate in doubt, and goes on once the doubt is settled.

The feed gives one company ten times its shares the day before the rank day. It has been
listed for too few sessions for a level to have held, so no rule repairs it, and its size
before was near a breakpoint.

Invariants:
    1. The gate stops the event with one error that names company, values and remedies,
       records the verdict, and leaves the decisions as they were.
    2. Known shares, and a decision to leave the company out, let it pass.
    3. So does a later session up to the preliminary day on which nothing contradicts the
       company: it is ranked with what that says, and the tables of the rank day stay.
    4. An event that only lacks those sessions is decided when they have landed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.errors import R2kError, UndecidedEventError
from r2k_pipeline.methodology.identity import link_securities
from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.methodology.universe import evaluate_universe
from r2k_pipeline.orchestration.assets.candidate_gate import require_decidable
from r2k_pipeline.orchestration.assets.reconstitution import read_rank_day
from r2k_pipeline.orchestration.assets.table_run import TableRun
from r2k_pipeline.orchestration.build import build
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.publication import SessionList, publish
from r2k_pipeline.queries.doubts import rank_day_of
from r2k_pipeline.queries.explain import explain
from r2k_pipeline.queries.proforma import proforma
from r2k_pipeline.queries.reconstitution import decisions_of, reconstitution_summary
from r2k_pipeline.rulebook.reference_facts import (
    Reference,
    read_facts,
    shipped_reference,
)
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.synthetic.parameters import small_market
from r2k_pipeline.sources.synthetic.source import SyntheticSource
from r2k_pipeline.storage.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
JUNE = event("2022-06")
FIRST, LAST = date(2022, 5, 2), date(2022, 7, 8)
SESSIONS = sessions_between(FIRST, JUNE.rank_day)
LATER = sessions_between(date(2022, 5, 9), date(2022, 5, 13))
FAULTY = SESSIONS[-2:]
TIMES = 10
MINIMUM_USD = 5.0
NOW = datetime(2022, 7, 8, 22, 0, tzinfo=UTC)
DOUBTS = "symbol,company,session,verdict,reason,source,certainty"
COUNTS = "symbol,company,total_shares,first_year,last_year,source,certainty"


def faulty(listings: pl.DataFrame, symbol: str, *, since: date = FAULTY[0]) -> pl.DataFrame:
    """The listings with the shares of one line multiplied from the day before the rank day."""
    is_faulty = (pl.col("symbol") == symbol) & (pl.col("session") >= since)
    cap = pl.col("market_cap_usd")
    return listings.with_columns(market_cap_usd=pl.when(is_faulty).then(cap * TIMES).otherwise(cap))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with forty companies' listings; the tables made of them come with each test."""
    market = small_market(companies=40, first_session=FIRST, last_session=LAST)
    with (
        open_store(Settings(home=tmp_path_factory.mktemp("home"))) as opened,
        SyntheticSource(market) as source,
    ):
        land(opened, source, FIRST, LATER[-1], run_id="landing", known_at=NOW)
        yield opened


@pytest.fixture(scope="module")
def suspect(store: Store) -> tuple[str, str]:
    """Symbol and name of the company whose shares will be multiplied: a common share."""
    listings = store.lake.scan("raw_listings").collect()
    symbol = common_shares(listings)[2]
    return symbol, listings.filter(pl.col("symbol") == symbol)["name"][-1]


@pytest.fixture(scope="module")
def listings(store: Store, suspect: tuple[str, str]) -> pl.DataFrame:
    """The listings; the suspect is a little larger than the smallest company of all.

    There are too few companies for a breakpoint, so it lies at the smallest.
    """
    received = store.lake.scan("raw_listings").collect()
    make_tables(store, received, until=JUNE.rank_day)
    smallest = store.lake.scan("ranking").collect()["total_market_cap_usd"].min()
    assert isinstance(smallest, float)
    is_suspect = pl.col("symbol") == suspect[0]
    on_rank_day = received.filter(is_suspect & (pl.col("session") == JUNE.rank_day))
    shares = 1.1 * smallest / on_rank_day["close_usd"].item()
    cap = pl.when(is_suspect).then(pl.col("close_usd") * shares).otherwise("market_cap_usd")
    return received.with_columns(market_cap_usd=cap)


def make_tables(
    store: Store, listings: pl.DataFrame, *, until: date, reference: Reference | None = None
) -> None:
    """Make the universe of some listings up to a session, and its ranking."""
    rules = rules_in_force(JUNE.rank_day)
    universe = evaluate_universe(
        listings.filter(pl.col("session") <= until),
        link_securities(listings),
        store.lake.scan("corporate_actions").collect(),
        start=FIRST,
        sessions=sessions_between(FIRST, until),
        reference=reference or shipped_reference(),
        rules=rules,
    )
    store.lake.replace("universe", universe, start=FIRST, end=LAST)
    store.lake.replace("ranking", rank_companies(universe, rules=rules), start=FIRST, end=LAST)


def gate(
    store: Store,
    listings: pl.DataFrame,
    *,
    reference: Reference | None = None,
    settled: pl.DataFrame | None = None,
    until: date = JUNE.rank_day,
) -> TableRun:
    """Make the tables of some listings, and ask the gate."""
    make_tables(store, listings, until=until, reference=reference)
    run = TableRun(table="reconstitution", store=store, run_id="gate")
    day = rank_day_of(store, JUNE, read=run.read, settled=settled)
    require_decidable(run, JUNE, day.doubts)
    return run


def verdicts(store: Store) -> pl.DataFrame:
    return store.published.read("quality_results", where={"table_name": "reconstitution"})


def test_sound_listings_pass_and_the_verdict_is_recorded(
    store: Store, listings: pl.DataFrame
) -> None:
    (outcome,) = gate(store, listings).outcomes
    assert outcome.severity.value == "warn"
    row = verdicts(store).sort("checked_at").row(-1, named=True)
    assert (row["check_name"], row["partition_key"]) == ("no_candidate_is_in_doubt", "2022-06")
    assert row["is_passed"] is outcome.is_passed


def test_a_candidate_in_doubt_stops_the_event_and_says_how_to_go_on(
    store: Store, listings: pl.DataFrame, suspect: tuple[str, str]
) -> None:
    symbol, _ = suspect
    with pytest.raises(UndecidedEventError) as caught:
        gate(store, faulty(listings, symbol))
    error = caught.value
    assert error.culprit.startswith(
        f"event 2022-06: 1 candidate is in doubt on the rank day: {symbol} (cap_without_history): "
    )
    assert " as received (rank " in error.culprit
    assert f" on {SESSIONS[-3]} (rank " in error.culprit
    assert "up to the preliminary day" in error.remedy
    assert "share_counts.csv" in error.remedy
    assert "settled_doubts.csv" in error.remedy
    row = verdicts(store).sort("checked_at").row(-1, named=True)
    assert (row["severity"], row["is_passed"], row["failed_rows"]) == ("error", False, 1)
    assert symbol in row["sentence"]
    assert store.published.read("reconstitution").is_empty()


def test_known_shares_settle_it(
    store: Store, listings: pl.DataFrame, suspect: tuple[str, str]
) -> None:
    symbol, name = suspect
    company = name.split(" ", maxsplit=1)[0]
    counts = read_facts(
        "share_counts", f"{COUNTS}\n{symbol},{company},2e8,2022,2022,Form 10-Q,from_memory\n"
    )
    reference = replace(shipped_reference(), share_counts=counts)
    gate(store, faulty(listings, symbol), reference=reference)
    day = store.lake.scan("universe", start=JUNE.rank_day, end=JUNE.rank_day)
    row = day.filter(pl.col("symbol") == symbol).collect().row(0, named=True)
    assert (row["repair_rule"], row["is_eligible"]) == ("known_shares", True)
    assert row["market_cap_usd"] == pytest.approx(row["close_usd"] * 2e8)


def test_a_person_may_accept_the_values_or_leave_the_company_out(
    store: Store, listings: pl.DataFrame, suspect: tuple[str, str]
) -> None:
    symbol, name = suspect
    company = name.split(" ", maxsplit=1)[0]
    row = f"{symbol},{company},{JUNE.rank_day},as_received,It merged.,Form 8-K,from_memory"
    accepted = read_facts("settled_doubts", f"{DOUBTS}\n{row}\n")
    reference = replace(shipped_reference(), settled_doubts=accepted)
    gate(store, faulty(listings, symbol), reference=reference, settled=accepted)
    left_out = read_facts("settled_doubts", f"{DOUBTS}\n{row.replace('as_received', 'left_out')}\n")
    (outcome,) = gate(store, faulty(listings, symbol), settled=left_out).outcomes
    assert "1 left out by a person" in outcome.sentence
    day = store.lake.scan("universe", start=JUNE.rank_day, end=JUNE.rank_day)
    found = day.filter(pl.col("symbol") == symbol).collect().row(0, named=True)
    assert (found["is_eligible"], found["exclusion_reason"]) == (False, "unrepaired")


def test_a_later_session_settles_it_and_the_rank_day_stays_as_it_was(
    store: Store, listings: pl.DataFrame, suspect: tuple[str, str]
) -> None:
    symbol, _ = suspect
    is_suspect = pl.col("symbol") == symbol
    # The new level holds, and is believed from the fourth session on.
    with pytest.raises(UndecidedEventError):
        gate(store, faulty(listings, symbol), until=LATER[0])
    run = gate(store, faulty(listings, symbol), until=LATER[-1])
    assert "1 settled by later sessions" in run.outcomes[0].sentence
    day = read_rank_day(run, JUNE)
    (doubt,) = day.doubts.filter(is_suspect).iter_rows(named=True)
    assert (doubt["state"], doubt["settled_session"]) == ("settled_later", LATER[1])
    told = f"; settled on {LATER[1]} by its "
    assert told in doubt["sentence"]
    (ranked,) = day.ranking.filter(is_suspect).iter_rows(named=True)
    received = faulty(listings, symbol).filter(is_suspect & (pl.col("session") == JUNE.rank_day))
    assert ranked["total_market_cap_usd"] == pytest.approx(received["market_cap_usd"].item())
    (line,) = day.universe.filter(is_suspect).iter_rows(named=True)
    assert (line["repair_rule"], line["is_eligible"]) == ("settled_later", True)
    # Neither the tables nor who asks about that day alone know of it.
    kept = {
        table: store.lake.scan(table, start=JUNE.rank_day, end=JUNE.rank_day).collect()
        for table in ("universe", "ranking")
    }
    as_judged = kept["universe"].filter(is_suspect)["repair_rule"].to_list()
    assert as_judged == ["cap_without_history"]
    assert kept["ranking"].filter(is_suspect).is_empty()


def test_a_build_that_lacks_the_sessions_that_settle_a_doubt_decides_when_they_have_landed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
    settings = Settings(home=tmp_path)
    market = small_market(companies=1300, first_session=FIRST, last_session=LAST)
    assert JUNE.preliminary_day is not None
    with open_store(settings) as store, SyntheticSource(market) as source:
        land(store, source, None, None, run_id="landing", known_at=NOW)
        received = store.lake.scan("raw_listings").collect()
        symbol, unknown = suspects(received)
        cap = pl.when(pl.col("symbol") != unknown).then("market_cap_usd")
        doubted = faulty(received.with_columns(market_cap_usd=cap), symbol)
        is_lacking = (pl.col("symbol") == symbol) & pl.col("session").is_between(
            LATER[0], JUNE.preliminary_day
        )
        land_again(store, doubted.filter(~is_lacking))
    with pytest.raises(R2kError) as caught:
        build(settings, FIRST, JUNE.effective_session)
    assert f"event 2022-06: 1 candidate is in doubt on the rank day: {symbol}" in str(caught.value)
    with open_store(settings) as store:
        assert store.published.read("reconstitution").is_empty()
        for question in (decisions_of, lambda s, e: explain(s, symbol, e)):
            with pytest.raises(UndecidedEventError, match=symbol):
                question(store, "2022-06")
        land_again(store, doubted)
    assert build(settings, FIRST, JUNE.effective_session).events == ("2022-06",)
    with open_store(settings) as store:
        require_told_as_settled(store, symbol, unknown)


def require_told_as_settled(store: Store, symbol: str, unknown: str) -> None:
    """The event, the cards and the pro forma say what became of both companies."""
    decided = decisions_of(store, "2022-06").filter(pl.col("symbol") == symbol)
    assert decided["decision"].to_list() == ["enters"]
    told = reconstitution_summary(store, "2022-06").doubts
    by_symbol = dict(told.select("symbol", "sentence").iter_rows())
    assert told.filter(pl.col("symbol") == symbol)["state"].to_list() == ["settled_later"]
    assert by_symbol[unknown] == f"{unknown} (no_market_cap): no cap received, no sound cap before"
    reason = explain(store, unknown, "2022-06").card["reason"]
    assert str(reason).endswith(f"Its size is not known, so it stays out: {by_symbol[unknown]}.")
    card = explain(store, symbol, "2022-06")
    assert str(card.card["reason"]).endswith(
        f"A later session settled its size: {by_symbol[symbol]}."
    )
    assert card.card["rank"] == decided["rank"].item()
    line = card.line()
    assert line is not None
    assert (line["repair_rule"], line["failed_rules"]) == ("settled_later", None)
    # What only asks what the day itself showed finds it out.
    asked = proforma(store, JUNE.rank_day).companies
    assert asked.filter(pl.col("symbol") == symbol).is_empty()


def common_shares(listings: pl.DataFrame) -> list[str]:
    """Symbols of domestic common shares on the rank day, the largest first."""
    return (
        listings.filter(
            (pl.col("session") == JUNE.rank_day)
            & pl.col("name").str.contains("Common Stock")
            & (pl.col("country") == "United States")
            & (pl.col("close_usd") > MINIMUM_USD)
        )
        .sort("market_cap_usd", descending=True)["symbol"]
        .to_list()
    )


def suspects(listings: pl.DataFrame) -> tuple[str, str]:
    """A small company that ten times its shares make large, and one of middle size.

    Both are corporations, and listed to the end.
    """
    at_end = listings.filter(
        (pl.col("session") == JUNE.effective_session)
        & pl.col("name").str.ends_with("Corporation Common Stock")
    )
    listed = set(at_end["symbol"])
    by_size = [symbol for symbol in common_shares(listings) if symbol in listed]
    return by_size[-1], by_size[len(by_size) // 2]


def land_again(store: Store, listings: pl.DataFrame) -> None:
    """Publish sessions anew, as a corrected delivery would."""
    sessions = listings["session"].unique().sort().to_list()
    publish(
        store,
        "raw_listings",
        listings,
        partitions=SessionList(tuple(sessions)),
        run_id="landing",
        known_at=NOW,
    )
