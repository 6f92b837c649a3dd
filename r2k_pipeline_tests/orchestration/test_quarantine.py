"""Rows that a rule holds back, from landing to a decision and the build that follows it.

Forty companies; on one day two lines are received with a volume below zero.

Invariants:
    1. A held row is in no table and in the log once, however often it is received.
    2. A release puts it into its table and builds again what it touches; a rejection keeps
       it out, also when it is received again.
    3. Every decision keeps person and reason, and stands.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import orjson
import polars as pl
import pytest
from typer.testing import CliRunner

from r2k_pipeline.cli import app
from r2k_pipeline.orchestration.build import build
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.queries.quarantine import quarantine
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.synthetic.parameters import small_market
from r2k_pipeline.sources.synthetic.source import SyntheticSource
from r2k_pipeline.storage.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result

    from r2k_pipeline.sources.feed import BatchPlan, SourceBatch

FIRST, LAST, ODD = date(2022, 5, 2), date(2022, 5, 20), date(2022, 5, 11)
MARKET = small_market(companies=40, first_session=FIRST, last_session=date(2022, 7, 8))
SIGNED = ("--person", "index.operations", "--reason", "The exchange stands by it.")


class Feed(SyntheticSource):
    """The market, with a volume below zero for some lines of one day."""

    lines: tuple[str, ...]

    def read(self, plan: BatchPlan) -> SourceBatch:
        """What the vendor shows."""
        batch = super().read(plan)
        is_odd = (pl.col("session") == ODD) & pl.col("symbol").is_in(self.lines)
        volume = pl.when(is_odd).then(-5).otherwise("volume_shares")
        return replace(batch, listings=batch.listings.with_columns(volume_shares=volume))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def lines(settings: Settings) -> tuple[str, str]:
    """Two common shares, whose rows were held; everything is built without them."""
    with SyntheticSource(MARKET) as source:
        (batch, *_) = source.iter_batches(start=ODD, end=ODD)
    common = batch.listings.filter(pl.col("name").str.ends_with("Common Stock"))["symbol"]
    chosen = (common[0], common[1])
    land_with(settings, chosen)
    build(settings)
    return chosen


def land_with(settings: Settings, lines: tuple[str, ...]) -> tuple[date, ...]:
    with open_store(settings) as store, Feed(MARKET) as feed:
        feed.lines = lines
        told = land(store, feed, FIRST, LAST, run_id="landing", known_at=datetime.now(UTC))
    return told.landed


@pytest.fixture
def store(settings: Settings, lines: tuple[str, str]) -> Iterator[Store]:
    assert len(lines) == 2
    with open_store(settings) as opened:
        yield opened


def r2k(settings: Settings, *arguments: str) -> Result:
    told = CliRunner().invoke(app, ["quarantine", *arguments, "--home", str(settings.home)])
    assert told.exception is None or isinstance(told.exception, SystemExit)
    return told


def row_id(store: Store, symbol: str) -> str:
    found = quarantine(store).filter(pl.col("row_key").str.ends_with(f"|{symbol}"))
    return str(found["quarantine_id"].item())


def symbols(store: Store, table: str) -> set[str]:
    rows = store.lake.scan(table, start=ODD, end=ODD, columns=["symbol"]).collect()
    return set(rows["symbol"])


def test_the_list_names_rule_and_values_and_can_be_narrowed(
    settings: Settings, store: Store, lines: tuple[str, str]
) -> None:
    found = quarantine(store, check="volume_is_not_negative", start=ODD, end=ODD)
    assert {key.split("|")[2] for key in found["row_key"]} == set(lines)
    assert set(found["state"]) == {"held"}
    assert {orjson.loads(row)["volume_shares"] for row in found["row_json"]} == {-5}
    assert found["rationale"][0] == "No volume is below zero."
    # The same again is no change: what is held is told apart from what is missing.
    assert land_with(settings, lines) == ()
    for narrowed in (
        {"table": "reported_actions"}, {"state": "released"}, {"check": "x"}, {"start": LAST}
    ):  # fmt: skip
        assert quarantine(store, **narrowed).is_empty()
    told = r2k(settings, "list", "--state", "held", "--format", "csv").stdout.splitlines()
    assert told[0].startswith("quarantine_id,state,table_name,partition_key,row_key,checks")
    assert len(told) == 3


def test_a_held_row_is_in_no_table_until_it_is_released(
    settings: Settings, store: Store, lines: tuple[str, str]
) -> None:
    released, rejected = lines
    assert not set(lines) & (symbols(store, "raw_listings") | symbols(store, "universe"))
    done = r2k(settings, "release", row_id(store, released), *SIGNED)
    assert done.exit_code == 0
    assert f"selection: {ODD} to {LAST}" in done.stderr
    assert released in symbols(store, "raw_listings") & symbols(store, "universe")
    assert rejected not in symbols(store, "raw_listings")
    assert r2k(settings, "reject", row_id(store, rejected), *SIGNED).exit_code == 0
    found = quarantine(store).sort("state", descending=True)
    assert found["state"].to_list() == ["released", "rejected"]
    assert set(found["person"]) == {SIGNED[1]}
    assert set(found["reason"]) == {SIGNED[3]}
    # Received again, in a landing that changes something else, nothing is held anew.
    before = store.published.read("quarantine").height
    rows = store.lake.scan("raw_listings", start=ODD, end=ODD).collect()
    less = rows.filter(pl.col("symbol") != released)
    store.lake.replace("raw_listings", less, start=ODD, end=ODD)
    land_with(settings, lines)
    assert released in symbols(store, "raw_listings")
    assert rejected not in symbols(store, "raw_listings")
    assert store.published.read("quarantine").height == before
    assert land_with(settings, lines) == ()


@pytest.mark.parametrize("command", ["release", "reject"])
def test_what_cannot_be_decided_is_one_clear_error(
    settings: Settings, store: Store, command: str
) -> None:
    decided = quarantine(store)["quarantine_id"]
    for name, culprit in (
        ("00000000", "no row '00000000' was ever held"),
        *((name, f"row {name} was re") for name in decided),
    ):
        refused = r2k(settings, command, name, *SIGNED)
        assert refused.exit_code == 1
        assert refused.stderr.startswith(culprit)
        assert "state: nothing was decided or written" in refused.stderr
    blank = r2k(settings, command, decided[0], "--person", " ", "--reason", "x")
    assert blank.stderr.startswith("no person is given")
    assert quarantine(store)["quarantine_id"].equals(decided)
