"""Three real Junes, decided once: their members against the real lists, a dozen cards by eye.

Landing and judging real listings takes a minute, so both stand in one module, and only the
sessions are built on which decisions depend: from each rank day to the effective session, and
those by which reviews in between add IPOs. Skipped where there are no listings beside the
checkout.

Members, changes and figures are compared with the real ones: the guard of what `make fidelity`
prints, with the rest. What happened to the companies of the cards in June 2022 is public
knowledge; no figure of a vendor is written down here. Read by eye when written: each card gives
the rule or the side of the edge that decided. How every kind of card reads word for word is
`reports/test_why_card`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest
from dagster import PartitionKeyRange

from r2k_pipeline.orchestration.instance import open_instance
from r2k_pipeline.orchestration.jobs import INDEX, RECONSTITUTION, SELECTION
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.orchestration.partitions import event_key, session_key
from r2k_pipeline.orchestration.stages import run_job
from r2k_pipeline.queries.explain import WhyCard, explain
from r2k_pipeline.queries.fidelity import Fidelity, fidelity
from r2k_pipeline.rulebook.reviews import reviews_between
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import next_session, sessions_before
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.registry import open_source
from r2k_pipeline.sources.truth.folder import read_truth
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from dagster import DagsterInstance

    from r2k_pipeline.storage.store import Store

pytestmark = pytest.mark.slow

JUNES = tuple(event(f"{year}-06") for year in (2021, 2022, 2023))
_REVIEW_DAYS = 4

# What was reached, less a small margin; raise it whenever the score rises.
F1_AT_LEAST = {
    ("russell_members_2021-06-28", "r1000"): 0.907,
    ("russell_members_2021-06-28", "r2000"): 0.942,
    ("russell_members_2022-06-27", "r1000"): 0.931,
    ("russell_members_2022-06-27", "r2000"): 0.953,
}
FOUND_AT_LEAST = {"addition": 0.86, "deletion": 0.85}
WITHIN_PCT = {"breakpoint_usd": 1.5, "r3000_total_usd": 0.7}

EVENT = "2022-06"

# Symbol, what it stands for, decision, segment before, segment after.
DECIDED = (
    ("AAPL", "a member by rank", "stays_by_rank", "large", "large"),
    ("MUR", "small, ranked large and held by the band", "stays_by_band", "small", "small"),
    ("FLS", "large, ranked small and held by the band", "stays_by_band", "large", "large"),
    ("AR", "promoted beyond the band", "moves_up", "small", "large"),
    ("FL", "demoted beyond the band", "moves_down", "large", "small"),
    ("GOOG", "a company of two classes", "stays_by_rank", "large", "large"),
    ("BIO/B", "a class that trades too little to stand apart", "stays_by_rank", "large", "large"),
    ("RIVN", "an IPO, added in December 2021", "stays_by_rank", "large", "large"),
    ("CLVS", "a member below $1 whose mean was above it", "moves_down", "small", "micro"),
    ("IDEX", "a member below $1 whose mean was below it too", "leaves", "small", None),
    ("PSTH", "a blank-cheque company", "excluded", None, None),
    ("TSM", "a foreign company", "excluded", None, None),
    ("SNAP", "a company without public votes", "excluded", None, None),
    ("XLNX", "merged before the rank day", "leaves", "large", None),
    ("ZNGA", "merged between the rank day and the lock-down", "leaves", "large", None),
)  # fmt: skip
FAILED = {
    "BIO/B": ["secondary_class"],
    "IDEX": ["price_below_minimum"],
    "PSTH": ["line_type"],
    "TSM": ["foreign"],
    "SNAP": ["votes_below_minimum"],
}
SAID = {
    "MUR": "The band keeps it where its rank alone would not.",
    "FLS": "The band keeps it where its rank alone would not.",
    "AR": "Its rank moves it to a segment of larger companies.",
    "FL": "Its rank moves it to a segment of smaller companies.",
    "IDEX": "leaves: The close is below the minimum price.",
    "PSTH": "Excluded on the rank day: Blank-cheque companies are not eligible.",
    "TSM": "Excluded on the rank day: The company does not count as a United States company.",
    "SNAP": "Excluded on the rank day: Too few of the votes are in public hands.",
    "XLNX": "leaves: no line of the company is listed on rank day",
    "ZNGA": "leaves: its last line ended on 2022-05-23",
}


@pytest.fixture(scope="module")
def real_junes(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The store in which the events of June 2021, 2022 and 2023 are decided; tests only read it."""
    settings = Settings(home=tmp_path_factory.mktemp("real"))
    with (
        open_store(settings) as store,
        open_source("us-stock-symbols", shared_data / "us_universe") as feed,
        open_instance(settings) as instance,
    ):
        until = next_session(JUNES[-1].effective_session)
        land(store, feed, None, until, run_id="junes", known_at=datetime.now(tz=UTC))
        _build(settings, instance)
        yield store


def _build(settings: Settings, instance: DagsterInstance) -> None:
    """Materialize what decides members, on the sessions that they depend on and no others."""

    def run(job: str, first: date, last: date, *tables: str) -> None:
        keys = PartitionKeyRange(session_key(first), session_key(last))
        run_job(settings, instance, job, keys, tables=tables)

    run(SELECTION, JUNES[0].rank_day, JUNES[0].rank_day, "securities", "security_events")
    for june in JUNES:
        until = next_session(june.effective_session)
        run(SELECTION, june.rank_day, until, "corporate_actions", "universe")
        run(SELECTION, june.rank_day, june.rank_day, "ranking")
    for day in _review_days(JUNES[0].effective_session, JUNES[1].rank_day):
        first = sessions_before(day, _REVIEW_DAYS)[0]
        run(SELECTION, first, day, "corporate_actions", "universe")
    keys = PartitionKeyRange(event_key(JUNES[0]), event_key(JUNES[-1]))
    run_job(settings, instance, RECONSTITUTION, keys)
    for june in JUNES:
        run(INDEX, june.effective_session, june.effective_session, "constituents")


def _review_days(start: date, end: date) -> list[date]:
    """The cut-offs of the reviews in between, and the days by which additions are confirmed."""
    reviews = [r for r in reviews_between(start, end) if not r.is_reconstitution]
    days = {review.cut_off_day for review in reviews}
    return sorted(days | {r.announcement_day or r.effective_friday for r in reviews})


@pytest.fixture(scope="module")
def found(real_junes: Store, shared_data: Path) -> Fidelity:
    return fidelity(real_junes, read_truth(shared_data / "truth"))


@pytest.mark.parametrize(("subject", "index"), F1_AT_LEAST)
def test_members_agree_with_the_real_lists(found: Fidelity, subject: str, index: str) -> None:
    (compared,) = [c for c in found.compared if c.file.subject == subject]
    scores = {row["index"]: row for row in compared.frames["scores"].iter_rows(named=True)}
    assert scores[index]["f1_share"] >= F1_AT_LEAST[subject, index]


@pytest.mark.parametrize("action", FOUND_AT_LEAST)
def test_official_changes_are_found(found: Fidelity, action: str) -> None:
    (compared,) = [c for c in found.compared if c.file.kind == "changes"]
    scores = {row["action"]: row for row in compared.frames["scores"].iter_rows(named=True)}
    assert scores[action]["found_share"] >= FOUND_AT_LEAST[action]


@pytest.mark.parametrize("figure", WITHIN_PCT)
def test_figures_are_near_the_published(found: Fidelity, figure: str) -> None:
    (compared,) = [c for c in found.compared if c.file.kind == "figures"]
    rows = compared.frames["figures"].filter(pl.col("figure") == figure)
    assert rows["event"].to_list() == [june.event_id for june in JUNES]
    assert [pct for pct in rows["difference_pct"] if abs(pct) > WITHIN_PCT[figure]] == []


def checks(card: WhyCard, verdict: str) -> list[str]:
    """The rules of the line asked for that came out so."""
    line = card.line()
    rules = line["rules"] if line else []
    assert isinstance(rules, list)
    return [check["rule"] for check in rules if check["verdict"] == verdict]


def edge(card: WhyCard, key: str = "1000") -> dict[str, object]:
    (found,) = [dict(row) for row in card.rows("edges") if row["edge"] == key]
    return found


@pytest.mark.parametrize(
    ("symbol", "kind", "decision", "before", "after"), DECIDED, ids=[row[0] for row in DECIDED]
)
def test_a_real_company_is_where_its_card_says(
    real_junes: Store, symbol: str, kind: str, decision: str, before: str | None, after: str | None
) -> None:
    card = explain(real_junes, symbol, EVENT)
    told = (card.card["decision"], card.card["previous_segment"], card.card["segment"])
    assert told == (decision, before, after), kind
    assert checks(card, "fail") == FAILED.get(symbol, []), kind
    assert str(card.card["reason"]).startswith(SAID.get(symbol, "")), kind
    assert card.counterfactuals


def test_the_band_holds_one_from_below_and_one_from_above(real_junes: Store) -> None:
    held, kept = (edge(explain(real_junes, symbol, EVENT)) for symbol in ("MUR", "FLS"))
    assert (held["was_above"], held["is_above"], held["is_by_band"]) == (False, False, True)
    assert (kept["was_above"], kept["is_above"], kept["is_by_band"]) == (True, True, True)


def test_a_promoted_company_says_below_which_size_it_would_have_stayed(real_junes: Store) -> None:
    card = explain(real_junes, "AR", EVENT)
    own, at = card.card["total_market_cap_usd"], card.card["falls_below_usd"]
    assert isinstance(own, float)
    assert isinstance(at, float)
    published = real_junes.published.read("breakpoints", event_id=EVENT)
    large = published.filter(pl.col("edge") == "1000").row(0, named=True)
    # A small company rises only above the band, whose upper end is far above the breakpoint.
    assert large["breakpoint_usd"] < at < own
    assert "small (R2000) instead of large (R1000)" in card.counterfactuals[0]


def test_a_mean_of_the_days_before_lets_a_member_pass(real_junes: Store) -> None:
    card = explain(real_junes, "CLVS", EVENT)
    line = card.line()
    assert line is not None
    assert line["failed_rules"] == "price_below_minimum"
    assert isinstance(line["rules"], list)
    (price,) = [check for check in line["rules"] if check["rule"] == "price_below_minimum"]
    assert price["verdict"] == "pass"
    assert price["actual_value"] < price["threshold_value"]
    assert price["sentence"].startswith("A member passes: its mean close of the 30 days before")


def test_what_happened_between_the_events_is_told(real_junes: Store) -> None:
    told = {
        symbol: " ".join(
            str(row["sentence"]) for row in explain(real_junes, symbol, EVENT).rows("between")
        )
        for symbol in ("RIVN", "XLNX", "ZNGA")
    }
    assert "It was first listed, as RIVN." in told["RIVN"]
    assert "XLNX was listed no longer." in told["XLNX"]
    assert "ZNGA was listed no longer." in told["ZNGA"]


def test_the_cards_in_bulk_tell_the_same(real_junes: Store) -> None:
    day = explain(real_junes, "AAPL", EVENT).event.rank_day
    cards = real_junes.lake.scan("why_cards", start=day, end=day).collect()
    assert cards.height > 6000
    for symbol in ("MUR", "CLVS", "SNAP", "XLNX"):
        card = explain(real_junes, symbol, EVENT).card
        (row,) = cards.filter(pl.col("company_id") == card["company_id"])["card"].to_list()
        assert json.loads(row) == card


def test_every_excluded_company_fails_a_rule(real_junes: Store) -> None:
    day = explain(real_junes, "AAPL", EVENT).event.rank_day
    universe = real_junes.lake.scan("universe", start=day, end=day).collect()
    cards = real_junes.lake.scan("why_cards", start=day, end=day).collect()
    excluded = cards.filter(pl.col("decision") == "excluded")
    left_out = universe.filter(~pl.col("is_eligible"))["company_id"].unique()
    assert set(excluded["company_id"]) <= set(left_out)
    assert excluded["failed_rules"].null_count() == 0
