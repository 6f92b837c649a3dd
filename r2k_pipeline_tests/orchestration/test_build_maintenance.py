"""A build across a quarterly review: who joins is a member, and the levels hold.

Invariants: a company that joins has lines from its session on and none before; a session
materialized alone gives what the range gave; lists stand for each list day; a line of the
file of floats counts with its own, every other with what is assumed, and says so.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest
from dagster import PartitionKeyRange

from r2k_pipeline.orchestration.build import build
from r2k_pipeline.orchestration.float_landing import land_floats
from r2k_pipeline.orchestration.instance import open_instance
from r2k_pipeline.orchestration.jobs import INDEX
from r2k_pipeline.orchestration.landing import land
from r2k_pipeline.orchestration.stages import run_job
from r2k_pipeline.queries.incumbents import members_by
from r2k_pipeline.queries.members import members
from r2k_pipeline.queries.verification import verify
from r2k_pipeline.rulebook.reviews import review
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import previous_session
from r2k_pipeline.settings import Settings
from r2k_pipeline.sources.synthetic.parameters import small_market
from r2k_pipeline.sources.synthetic.source import SyntheticSource
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from r2k_pipeline.storage.store import Store

pytestmark = pytest.mark.slow
JUNE, SEPTEMBER = event("2022-06"), review("2022-09")
FIRST, LAST = date(2022, 5, 6), date(2022, 9, 20)
JOINS = SEPTEMBER.effective_session
TOO_SMALL = 0.049


def floats(listed: pl.DataFrame) -> str:
    """A file: the largest line closely held; of the next some at a half, in August at 0.6."""
    common = listed.filter(pl.col("name").str.contains("Common Stock"))
    lines = common.sort("market_cap_usd", descending=True).head(100).select("symbol")
    given = pl.concat(
        [
            lines.head(1).with_columns(float_factor=TOO_SMALL, session=FIRST),
            lines.slice(1).with_columns(float_factor=0.5, session=FIRST),
            lines.slice(1, 40).with_columns(float_factor=0.6, session=date(2022, 8, 1)),
            lines.slice(41, 40).with_columns(float_factor=0.52, session=date(2022, 8, 1)),
        ]
    )
    return given.with_columns(source=pl.lit("a file"), certainty=pl.lit("inferred")).write_csv()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A small market from before a rank day to after a review, built."""
    found = Settings(home=tmp_path_factory.mktemp("reviewed"))
    market = small_market(companies=1300, first_session=FIRST, last_session=LAST)
    with open_store(found) as store, SyntheticSource(market) as source:
        known = datetime(2022, 9, 20, 22, 0, tzinfo=UTC)
        land(store, source, None, None, run_id="landing", known_at=known)
        listed = store.lake.scan("raw_listings", start=FIRST, end=FIRST).collect()
        file = tmp_path_factory.mktemp("file") / "floats.csv"
        file.write_text(floats(listed), encoding="utf-8")
        land_floats(store, file, run_id="floats", known_at=known)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
        build(found)
    return found


@pytest.fixture(scope="module")
def store(settings: Settings) -> Iterator[Store]:
    """The built store; tests only read it."""
    with open_store(settings) as opened:
        yield opened


def _joined(store: Store) -> pl.DataFrame:
    return store.published.read("maintenance").filter(pl.col("segment").is_not_null())


def test_changes_count_from_the_review_on(store: Store) -> None:
    rows = store.published.read("maintenance")
    assert set(rows["session"]) == {JOINS}
    assert {"ipo_addition", "share_update"} <= set(rows["change"])
    assert set(rows["review_id"]) == {"2022-09"}


def test_who_joins_is_a_member_from_then_on(store: Store) -> None:
    joined = _joined(store)
    assert joined.height > 5
    lines = store.lake.scan("constituents", start=JUNE.effective_session, end=LAST).collect()
    theirs = lines.join(joined.select("company_id"), on="company_id", how="semi")
    assert theirs["session"].min() == JOINS
    at_once = theirs.filter(pl.col("session") == JOINS)
    assert set(at_once["company_id"]) == set(joined["company_id"])
    both = at_once.join(joined, on="company_id", suffix="_told")
    assert both["indexes"].equals(both["indexes_told"])
    assert both["float_factor"].equals(both["float_factor_told"])
    others = lines.filter(pl.col("session").is_in([previous_session(JOINS), JOINS])).join(
        joined, on="company_id", how="anti"
    )
    before, after = (
        set(others.filter(pl.col("session") == day)["security_id"])
        for day in (previous_session(JOINS), JOINS)
    )
    endings = store.lake.scan("corporate_actions", start=JOINS, end=JOINS).collect()
    assert before - after <= set(endings["security_id"])


def test_the_ledger_has_the_addition_and_every_level_is_verified(store: Store) -> None:
    ledger = store.published.read("divisors", start=JOINS, end=JOINS)
    assert "addition" in set(ledger.filter(pl.col("index_id") == "r3000e")["cause"])
    assert verify(store).differences.is_empty()


def test_a_session_alone_gives_what_the_range_gave(settings: Settings, store: Store) -> None:
    before = store.published.read("maintenance")
    lines = store.lake.scan("constituents", start=JOINS, end=JOINS).collect()
    with open_instance(settings) as instance:
        keys = PartitionKeyRange(str(JOINS), str(JOINS))
        run_job(settings, instance, INDEX, keys, tables=["maintenance", "constituents"])
    assert store.published.read("maintenance").equals(before)
    again = store.lake.scan("constituents", start=JOINS, end=JOINS).collect()
    key = ["session", "security_id"]
    # A close that only the next session tells is carried when its session is built last.
    assert again.sort(key).drop("status").equals(lines.sort(key).drop("status"))


def test_every_list_day_has_a_list(store: Store) -> None:
    lists = store.published.read("preliminary_lists", event_id="2022-06")
    assert tuple(lists["list_day"].unique().sort()) == JUNE.list_days
    standing = lists.filter(
        (pl.col("list_day") == JUNE.list_days[-1]) & (pl.col("change_since_last") != "withdrawn")
    )
    decided = store.published.read("reconstitution", event_id="2022-06")
    entered = decided.filter(pl.col("decision") == "enters")
    assert set(standing["company_id"]) == set(entered["company_id"])


def test_additions_are_incumbents_of_the_next_event(store: Store) -> None:
    found = members_by(store, "2022-06", until=LAST)
    assert set(_joined(store)["company_id"]) <= set(found["company_id"])
    assert found["segment"].null_count() == 0
    eve = members_by(store, "2022-06", until=previous_session(JOINS))
    assert not set(_joined(store)["company_id"]) & set(eve["company_id"])


def _told(store: Store) -> pl.DataFrame:
    """The lines of the file on the rank day, as the universe has them."""
    lines = store.lake.scan("universe", start=FIRST, end=FIRST).collect()
    return lines.drop_nulls("float_factor")


def _floats(store: Store, day: date) -> set[tuple[float, str]]:
    """Float and status of the file's lines that are members on a session."""
    rows = store.lake.scan("constituents", start=day, end=day).collect()
    ours = rows.join(_told(store), on="security_id", how="semi")
    assert ours.height > 50
    return set(ours.select("float_factor", "float_status").iter_rows())


def test_members_count_with_the_floats_of_the_file(store: Store) -> None:
    assert _floats(store, JUNE.effective_session) == {(0.5, "known")}
    # September takes 0.6, and 0.52 lies within the buffer.
    assert _floats(store, JOINS) == {(0.5, "known"), (0.6, "known")}
    rows = store.lake.scan("constituents", start=JUNE.effective_session, end=LAST).collect()
    # A child takes the float of its parent.
    others = rows.join(_told(store), on="security_id", how="anti").filter(
        pl.col("parent_security_id").is_null()
    )
    assert set(others["float_status"]) == {"unknown"}
    assert 1.0 in set(others["float_factor"])
    weights = members(store, "r3000e", JOINS)
    assert weights["weight"].sum() == pytest.approx(1.0)
    assert set(weights["float_status"]) == {"known", "unknown"}


def test_a_line_that_is_closely_held_is_out_and_says_why(store: Store) -> None:
    lines = store.lake.scan("universe", start=FIRST, end=FIRST).collect()
    (out,) = lines.filter(pl.col("float_factor") == TOO_SMALL).to_dicts()
    assert "float_below_minimum" in out["failed_rules"]
    day = JUNE.effective_session
    held = store.lake.scan("constituents", start=day, end=day).collect()
    assert out["security_id"] not in set(held["security_id"])
    unknown = lines.filter(pl.col("float_factor").is_null())["unknown_rules"]
    assert unknown.str.contains("float_below_minimum").all()
    # Ranking is by total capitalisation, whatever floats.
    ranked = store.lake.scan("ranking", start=FIRST, end=FIRST).collect()
    both = ranked.join(lines, on="security_id", suffix="_line")
    assert both["total_market_cap_usd"].to_list() == pytest.approx(both["market_cap_usd"].to_list())
