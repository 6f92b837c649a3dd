"""Corrections from end to end: landed late, restated by the vendor, set by hand, taken back.

One small market is built once and corrected three times; each test looks at a chapter:

1. `late`: two days after the event a dividend and a share change arrive late.
2. `set_by_hand`: a close is set by an override, and the vendor restates one of a later day;
   the build is told to restate always.
3. `withdrawn`: the override is withdrawn.

Invariants:
    1. What was published at a moment is what is read as known at that moment.
    2. A correction changes nothing before its first session, and every level from there on
       that is another says so.
    3. After a withdrawal tables have the bytes that they would have had without the override.
    4. Levels follow from constituents and ledger bit for bit, held ones included.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from typer.testing import CliRunner

from r2k_pipeline.cli import app
from r2k_pipeline.errors import BadInputError
from r2k_pipeline.methodology.edges import in_index
from r2k_pipeline.orchestration.build import build
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.orchestration.overrides import Override, record_override
from r2k_pipeline.queries.levels import levels
from r2k_pipeline.queries.members import members
from r2k_pipeline.queries.restatements import by_cause, overrides, restatements
from r2k_pipeline.queries.verification import verify
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.synthetic.parameters import small_market
from r2k_pipeline.sources.synthetic.source import SyntheticSource
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typer.testing import Result

    from r2k_pipeline.sources.feed import BatchPlan, SourceBatch
    from r2k_pipeline.storage.store import Store

pytestmark = pytest.mark.slow
FIRST, LAST = date(2022, 5, 6), date(2022, 7, 7)
EFFECTIVE, LATE, SET, VENDOR = (
    date(2022, 6, 27), date(2022, 6, 29), date(2022, 6, 30), date(2022, 7, 6),
)  # fmt: skip
MARKET = small_market(companies=1300, first_session=FIRST, last_session=LAST)
PERSON = "index.operations"
DIVIDEND_USD = 2.0


class Feed(SyntheticSource):
    """The synthetic market, with the changes that a vendor made since."""

    alter: Callable[[SourceBatch], SourceBatch]

    def read(self, plan: BatchPlan) -> SourceBatch:
        """What the market shows, changed."""
        return self.alter(super().read(plan))


@dataclass
class Chapter:
    """What stood after a build, and when."""

    moment: datetime
    levels: pl.DataFrame
    divisors: pl.DataFrame
    universe: pl.DataFrame


@dataclass
class Story:
    """The corrected store, what stood after each build, and who is corrected."""

    settings: Settings
    symbol: str
    other: str
    override_id: str
    built: Chapter
    late: Chapter
    set_by_hand: Chapter
    withdrawn: Chapter


def now() -> datetime:
    return datetime.now(UTC)


def told(store: Store) -> Chapter:
    return Chapter(
        moment=now(),
        levels=store.published.read("levels"),
        divisors=store.published.read("divisors"),
        universe=store.lake.scan("universe", start=LATE).collect(),
    )


def land_again(store: Store, alter: Callable[[SourceBatch], SourceBatch], day: date) -> None:
    with Feed(MARKET) as feed:
        feed.alter = alter
        report = land(store, feed, day, day, run_id="again", known_at=now())
    assert report.landed == (day,)


def with_late_actions(symbol: str) -> Callable[[SourceBatch], SourceBatch]:
    def alter(batch: SourceBatch) -> SourceBatch:
        known = batch.reported_actions
        late = [
            {"action_type": "cash_dividend", "amount_usd": DIVIDEND_USD},
            {"action_type": "share_change", "ratio": 1.25},
        ]
        same = {"session": LATE, "symbol": symbol, "source": "synthetic", "source_hash": "0" * 16}
        rows = pl.DataFrame([same | action for action in late], schema=known.schema)
        return replace(batch, reported_actions=pl.concat([known, rows]))

    return alter


def with_restated_close(symbol: str) -> Callable[[SourceBatch], SourceBatch]:
    def alter(batch: SourceBatch) -> SourceBatch:
        close = pl.when(pl.col("symbol") == symbol).then(0.9).otherwise(1.0) * pl.col("close_usd")
        return replace(batch, listings=batch.listings.with_columns(close_usd=close))

    return alter


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
        settings = Settings(home=tmp_path_factory.mktemp("home"))
        with open_store(settings) as store, SyntheticSource(MARKET) as source:
            land(store, source, None, None, run_id="landing", known_at=now())
        build(settings)
        with open_store(settings) as store:
            built = told(store)
            symbol, other = plain_members(store)
            land_again(store, with_late_actions(symbol), LATE)
        build(settings, LATE, LAST)
        with open_store(settings) as store:
            late = told(store)
            override = an_override(symbol, "5.0")
            override_id = record_override(store, override, known_at=now())
            land_again(store, with_restated_close(other), VENDOR)
        span = ["--from", str(LATE), "--to", str(LAST)]
        assert r2k(settings, "build", *span, "--restate", "always").exit_code == 0
        with open_store(settings) as store:
            set_by_hand = told(store)
        why = ["--person", PERSON, "--reason", "The exchange stands by its close."]
        assert r2k(settings, "override", "withdraw", override_id, *why).exit_code == 0
        build(settings, LATE, LAST)
        with open_store(settings) as store:
            withdrawn = told(store)
        yield Story(
            settings=settings, symbol=symbol, other=other, override_id=override_id, built=built,
            late=late, set_by_hand=set_by_hand, withdrawn=withdrawn,
        )  # fmt: skip


@pytest.fixture
def store(story: Story) -> Iterator[Store]:
    with open_store(story.settings) as opened:
        yield opened


def plain_members(store: Store) -> tuple[str, str]:
    """Two lines of the r2000 about which nothing was reported after the event."""
    lines = store.lake.scan("constituents", start=EFFECTIVE).collect()
    acted = store.lake.scan("corporate_actions", start=EFFECTIVE).collect()["security_id"]
    plain = lines.filter(
        in_index("r2000") & (pl.col("status") == "ok"),
        ~pl.col("security_id").is_in(acted.implode()),
    )
    always = plain.group_by("symbol").agg(pl.len(), pl.col("market_value_usd").first())
    whole = always.filter(pl.col("len") == pl.col("len").max()).sort("market_value_usd", "symbol")
    return whole["symbol"][-1], whole["symbol"][-2]


def an_override(symbol: str, value: str) -> Override:
    return Override(
        field="close_usd", symbol=symbol, value=value, first=SET, last=SET, person=PERSON,
        reason="The exchange corrected its close.",
    )  # fmt: skip


def r2k(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--home", str(settings.home)])


def of(frame: pl.DataFrame, index_id: str) -> pl.DataFrame:
    return frame.filter(pl.col("index_id") == index_id).sort("session")


def test_as_known_then_everything_published_is_as_it_was(story: Story, store: Store) -> None:
    for chapter in (story.built, story.late, story.set_by_hand):
        assert store.published.read("levels", known_at=chapter.moment).equals(chapter.levels)
        assert store.published.read("divisors", known_at=chapter.moment).equals(chapter.divisors)
    asked = levels(store, "r2000", known_at=story.built.moment)
    assert asked.select(asked.columns).equals(of(story.built.levels, "r2000").select(asked.columns))
    assert set(asked["status"]) == {"OK"}
    assert members(store, "r2000", EFFECTIVE, known_at=story.built.moment).equals(
        members(store, "r2000", EFFECTIVE)
    )


def test_a_late_dividend_restates_from_its_session_on(story: Story, store: Store) -> None:
    before, after = of(story.built.levels, "r2000"), of(story.late.levels, "r2000")
    early = pl.col("session") < LATE
    assert after.filter(early).equals(before.filter(early))
    assert set(after.filter(~early)["status"]) == {"RESTATED"}
    found = restatements(store, "r2000", known_at=story.late.moment)
    assert found["session"][0] == LATE
    assert set(found["cause_code"]) == {"late_action"}
    assert f"cash_dividend {story.symbol}" in found["cause"][0]
    # On its own session a dividend adds what it pays over the market value before.
    row = after.filter(pl.col("session") == LATE).row(0, named=True)
    held = store.lake.scan("constituents", start=LATE, end=LATE).collect()
    paid = held.filter(pl.col("symbol") == story.symbol)
    added = DIVIDEND_USD * paid["index_shares"].item() / row["divisor"]
    eve = before.filter(pl.col("session") < LATE)["price_level"][-1]
    assert found["difference_bp"][0] == pytest.approx(1e4 * added / eve, rel=0.005)


def test_a_small_difference_is_held_where_a_large_one_is_corrected(story: Story) -> None:
    statuses = dict(
        story.late.levels.filter(pl.col("session") == LATE).select("index_id", "status").iter_rows()
    )
    assert statuses["r2000"] == "RESTATED"
    assert statuses["r3000e"] == "HELD"
    # It is no member there.
    assert statuses["r1000"] == "OK"
    held = of(story.late.levels, "r3000e").filter(pl.col("status") == "HELD")
    was = of(story.built.levels, "r3000e").filter(pl.col("session") >= LATE)
    assert held.drop("status", "reason").equals(was.drop("status", "reason"))
    assert held["reason"][0].startswith("kept as published: recalculation differs by ")


def test_what_was_set_by_hand_says_so_and_moves_the_level(story: Story, store: Store) -> None:
    line = story.set_by_hand.universe.filter(
        pl.col("symbol") == story.symbol, pl.col("session") == SET
    ).row(0, named=True)
    was = story.late.universe.filter(
        pl.col("symbol") == story.symbol, pl.col("session") == SET
    ).row(0, named=True)
    assert (line["close_usd"], line["raw_close_usd"]) == (5.0, was["close_usd"])
    assert line["total_shares"] == pytest.approx(was["total_shares"])
    assert line["repair_rule"] == "set_by_override"
    assert story.override_id in line["repair_evidence"]
    assert PERSON in line["repair_evidence"]
    found = restatements(store, "r2000", known_at=story.set_by_hand.moment)
    by_hand = found.filter(pl.col("cause_code").str.contains("override_added"))
    # The build was told so.
    assert all("decided by whoever built" in why for why in by_hand["decision_reason"])
    causes = by_cause(found).filter(pl.col("cause_code").str.contains("override_added"))
    assert causes["first_session"].min() == SET
    vendor = found.filter(pl.col("cause_code").str.contains("source_restated"))
    assert vendor["session"].min() == VENDOR


def test_after_a_withdrawal_the_bytes_are_those_of_before(story: Story, store: Store) -> None:
    early = pl.col("session") < VENDOR
    assert story.withdrawn.levels.filter(early).equals(story.late.levels.filter(early))
    assert story.withdrawn.divisors.filter(early).equals(story.late.divisors.filter(early))
    assert story.withdrawn.universe.filter(early).equals(story.late.universe.filter(early))
    (record,) = overrides(store).to_dicts()
    assert record["withdrawn_by"] == PERSON
    assert record["withdrawn_at"] > record["recorded_at"]


def test_building_again_finds_nothing_to_do(story: Story, store: Store) -> None:
    again = build(story.settings, LATE, LAST)
    assert all(stage.is_reused for stage in again.stages)
    assert store.published.read("levels").equals(story.withdrawn.levels)


@pytest.mark.usefixtures("story")
def test_every_level_can_be_recomputed_the_held_ones_too(store: Store) -> None:
    assert "HELD" in set(store.published.read("levels")["status"])
    assert verify(store).differences.is_empty()


def test_the_report_is_a_table_a_csv_and_a_page(story: Story) -> None:
    page = story.settings.home / "restatements.html"
    shown = r2k(story.settings, "restatements", "r2000", "--page", str(page))
    assert shown.exit_code == 0
    assert "late_action" in shown.stdout
    assert "By cause" in page.read_text(encoding="utf-8")
    rows = r2k(
        story.settings, "restatements", "--from", str(SET), "--to", str(SET), "--format", "csv"
    )
    lines = rows.stdout.splitlines()
    assert lines[0].startswith("session,index_id,difference_bp,decision,")
    assert {line.split(",")[0] for line in lines[1:]} == {str(SET)}


@pytest.mark.parametrize(
    ("change", "culprit", "remedy"),
    [
        ({"field": "price"}, "'price' cannot be set", "close_usd, market_cap_usd"),
        ({"value": "0"}, "close_usd cannot be '0'", "above zero"),
        ({"symbol": "NOSUCH"}, "no line 'NOSUCH' landed", "ticker of those sessions"),
        ({"last": date(2022, 6, 1)}, "end before they begin", "earlier session first"),
        ({"person": " "}, "no person is given", "--person"),
        ({"reason": ""}, "no reason is given", "--reason"),
    ],
)
def test_an_override_that_cannot_be_says_why(
    story: Story, store: Store, change: dict[str, Any], culprit: str, remedy: str
) -> None:
    wanted = replace(an_override(story.other, "3.0"), **change)
    with pytest.raises(BadInputError, match=culprit) as caught:
        record_override(store, wanted, known_at=now())
    assert remedy in caught.value.remedy
    assert overrides(store).height == 1


def test_two_overrides_cannot_say_the_same(story: Story, store: Store) -> None:
    first = replace(an_override(story.other, "3e8"), field="market_cap_usd")
    override_id = record_override(store, first, known_at=now())
    rival = replace(first, field="total_shares", first=LATE)
    with pytest.raises(BadInputError, match=f"override {override_id} sets market_cap_usd"):
        record_override(store, rival, known_at=now())
