"""Whatever is altered in a stored index, the recomputation names it, and the command fails.

The index is small and everything happens to it: a dividend, a special one, a spin-off, a
merger, a silent line. Each test alters one number or takes one row away.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest
from typer.testing import CliRunner

from r2k_pipeline.cli import app
from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema, require_shape
from r2k_pipeline.queries.verification import first_difference, verify
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import Store, open_store
from r2k_pipeline_tests.methodology.action_index import DAYS, ace_and_bolt, action

if TYPE_CHECKING:
    from collections.abc import Iterator

HISTORY = ace_and_bolt(
    action("ACE", 1, "cash_dividend", amount_usd=0.25),
    action("ACE", 2, "special_dividend", amount_usd=1.0),
    action("BOLT", 3, "spin_off", ratio=0.5, amount_usd=2.0, counterparty_security_id="KID"),
    action("CORE", 4, "stock_merger", ratio=0.5, counterparty_security_id="ACE"),
    ace=[20.0, 20.5, 19.25, 19.75, 20.0, 20.25],
    closes={
        "BOLT": [5.0, 5.25, None, 4.5, 4.25, 4.0],
        "CORE": [9.0, 9.5, 9.25, 9.75],
        "KID": [None, None, None, 2.25, 2.5, 2.0],
    },
)
HISTORY = replace(HISTORY, places={**HISTORY.places, "CORE": "r3000 r1000"})
TOLD = HISTORY.told.with_columns(origin=pl.lit("reported"), evidence=pl.lit("the case"))
BEGAN = pl.DataFrame(
    {
        "event_id": ["2022-06"], "rank_day": DAYS[:1], "effective_session": DAYS[:1],
        "edge": ["3000"], "boundary_rank": [3000], "breakpoint_usd": [1e8],
        "cumulative_market_cap_share": [1.0], "company_count": [3], "total_market_cap_usd": [1e9],
        "is_banded": [False],
    },
    schema_overrides={"boundary_rank": pl.Int32, "company_count": pl.Int32},
)  # fmt: skip
# A member has closed before its first session; here nothing is known of that close.
LINES = HISTORY.lines().with_columns(pl.col("previous_close_usd").fill_null(pl.col("close_usd")))
LEDGER, LEVELS = HISTORY.ledger(), HISTORY.all_levels()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The index as a build leaves it."""
    with open_store(Settings(home=tmp_path_factory.mktemp("tampered"))) as store:
        for table, frame in (("constituents", LINES), ("corporate_actions", TOLD)):
            _store_lake(store, table, frame)
        store.published.replace(
            "breakpoints", _shaped("breakpoints", BEGAN), known_at=_now(), event_ids=["2022-06"]
        )
        publish(store, "divisors", LEDGER)
        publish(store, "levels", LEVELS)
        yield store


@pytest.fixture
def store(built: Store) -> Iterator[Store]:
    """The same, put right again after the test."""
    yield built
    _store_lake(built, "constituents", LINES)
    publish(built, "divisors", LEDGER)
    publish(built, "levels", LEVELS)


def publish(store: Store, table: str, frame: pl.DataFrame) -> None:
    store.published.replace(
        table, _shaped(table, frame), known_at=_now(), start=DAYS[0], end=DAYS[-1]
    )


def _store_lake(store: Store, table: str, frame: pl.DataFrame) -> None:
    store.lake.replace(table, _shaped(table, frame), start=DAYS[0], end=DAYS[-1])


def _shaped(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """A frame in the shape of its contract; columns that it lacks are null."""
    shape = polars_schema(contract(table))
    missing = [pl.lit(None, kind).alias(name) for name, kind in shape.items() if name not in frame]
    return require_shape(contract(table), frame.with_columns(missing).select(shape.names()))


def _now() -> datetime:
    return datetime.now(tz=UTC)


def at(day: int, index_id: str = "r2000") -> pl.Expr:
    return (pl.col("session") == DAYS[day]) & (pl.col("index_id") == index_id)


def slightly(column: str, where: pl.Expr) -> pl.Expr:
    """A column that is off by one part in a thousand millions in one place."""
    return pl.when(where).then(pl.col(column) * (1 + 1e-9)).otherwise(column).alias(column)


def named(store: Store) -> str:
    """What the recomputation says first; nothing if all is well."""
    return first_difference(verify(store)) or ""


def test_the_index_verifies(store: Store) -> None:
    assert set(LEDGER["cause"]) >= {"base", "dividend", "special_dividend", "spin_off", "merger"}
    assert named(store) == ""


@pytest.mark.parametrize("column", ["divisor_after", "divisor_before", "factor"])
def test_a_divisor_of_the_ledger_is_named(store: Store, column: str) -> None:
    row = at(2) & (pl.col("cause") == "special_dividend")
    publish(store, "divisors", LEDGER.with_columns(slightly(column, row)))
    differences = verify(store).differences
    assert f"special_dividend {column}" in differences["column"].to_list()
    assert named(store).startswith("r2000 ")
    assert f" on {DAYS[2]}: published " in named(store)


@pytest.mark.parametrize(
    "column",
    ["price_level", "total_return_level", "net_total_return_level", "divisor", "market_value_usd"],
)
def test_a_level_is_named_and_nothing_else(store: Store, column: str) -> None:
    publish(store, "levels", LEVELS.with_columns(slightly(column, at(3, "r1000"))))
    assert verify(store).differences.select("index_id", "session", "column").rows() == [
        ("r1000", DAYS[3], column)
    ]
    assert named(store).startswith(f"r1000 {column} on {DAYS[3]}: published ")


def test_a_row_that_is_gone_from_the_ledger_is_named(store: Store) -> None:
    row = at(4, "r3000") & (pl.col("cause") == "merger")
    assert LEDGER.filter(row).height == 1
    publish(store, "divisors", LEDGER.filter(~row))
    assert f"r3000 divisor on {DAYS[4]}: published " in named(store)
    gone = verify(store).differences.filter(pl.col("column") == "merger factor")
    assert gone.select("session", "published").row(0) == (DAYS[4], None)


def test_a_row_that_was_put_into_the_ledger_is_named(store: Store) -> None:
    extra = LEDGER.filter(at(2) & (pl.col("cause") == "special_dividend")).with_columns(
        cause=pl.lit("share_update"), action_ids=pl.lit(None, pl.String)
    )
    publish(store, "divisors", pl.concat([LEDGER, extra]))
    differences = verify(store).differences.filter(pl.col("column").str.starts_with("share_update"))
    assert differences["recomputed"].null_count() == differences.height > 0
    assert f"r2000 divisor on {DAYS[2]}" in named(store)


@pytest.mark.parametrize("column", ["index_shares", "close_usd", "market_value_usd"])
def test_a_constituent_is_named_by_its_session(store: Store, column: str) -> None:
    row = (pl.col("session") == DAYS[3]) & (pl.col("security_id") == "BOLT")
    altered = LINES.with_columns(
        pl.when(row).then(pl.col(column) * 1.001).otherwise(column).alias(column)
    )
    _store_lake(store, "constituents", altered)
    assert f" on {DAYS[3]}: published " in named(store)
    assert set(verify(store).indexes.filter(pl.col("differences") > 0)["index_id"]) == {
        "r2000", "r3000",
    }  # fmt: skip


def test_a_constituent_that_is_gone_is_named_by_its_session(store: Store) -> None:
    row = (pl.col("session") == DAYS[1]) & (pl.col("security_id") == "CORE")
    _store_lake(store, "constituents", LINES.filter(~row))
    assert f" on {DAYS[1]}: published " in named(store)


def test_the_command_names_the_first_difference_and_fails(store: Store) -> None:
    home = str(store.settings.home)
    runner = CliRunner()
    assert runner.invoke(app, ["verify", "--home", home]).exit_code == 0
    publish(store, "levels", LEVELS.with_columns(slightly("price_level", at(3))))
    failed = runner.invoke(app, ["verify", "--home", home])
    assert failed.exit_code == 1
    assert f"r2000 price_level on {DAYS[3]}: published " in " ".join(failed.output.split())
