"""The tables of an event on the small history, against what is published and held there.

Invariants:
1. Weights before and after each sum to 1; what is bought for tracked money is what is sold.
2. Trades are proportional to what is tracked, and add up over indexes.
3. A table's counts are those of the decisions.
4. What an event is expected to bring, on its eve, is what it then brings.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import pytest

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame
from r2k_pipeline.errors import BadInputError, UnknownEventError
from r2k_pipeline.methodology.edges import in_index
from r2k_pipeline.queries.desk import DEFAULT_TRACKED, desk_table, parse_tracked, parse_usd
from r2k_pipeline.queries.event_table_names import EventTable
from r2k_pipeline.queries.event_tables import event_table
from r2k_pipeline.queries.rebalance import rebalance, turnover_share
from r2k_pipeline.queries.reconstitution import decisions_of
from r2k_pipeline.rulebook.family import family
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.settings import Settings
from r2k_pipeline.storage.store import Store, open_store
from r2k_pipeline_tests.queries.market_rows import shaped
from r2k_pipeline_tests.small_history import (
    EVENTS,
    KNOWN_AT,
    LAST_SESSION,
    write_small_history,
)

if TYPE_CHECKING:
    from pathlib import Path

JUNE = EVENTS[1]


def told(history: Store, table: EventTable, event_id: str = "2022-06") -> pl.DataFrame:
    return event_table(history, event_id, table)


def test_every_table_of_every_event_can_be_had(history: Store) -> None:
    for current in EVENTS:
        for table in EventTable:
            assert isinstance(told(history, table, current.event_id), pl.DataFrame)
            assert table.heading


def test_ranges_are_those_of_the_members_and_of_the_event_before(history: Store) -> None:
    ranges = told(history, EventTable.RANGES)
    assert ranges["group"].to_list() == list(family())
    (small,) = ranges.filter(pl.col("group") == "r2000").iter_rows(named=True)
    now, before = (
        decisions_of(history, current.event_id).filter(in_index("r2000"))["total_market_cap_usd"]
        for current in (JUNE, EVENTS[0])
    )
    assert small["companies"] == len(now)
    assert (small["smallest_usd"], small["largest_usd"]) == (now.min(), now.max())
    assert small["median_usd"] == pytest.approx(now.median())
    assert small["total_usd"] == pytest.approx(now.sum())
    assert small["total_before_usd"] == pytest.approx(before.sum())
    grown = small["total_usd"] / small["total_before_usd"] - 1
    assert small["change_share"] == pytest.approx(grown)
    first = told(history, EventTable.RANGES, "2021-06")
    assert first["change_share"].null_count() == first.height


def test_the_largest_have_their_ranks_of_the_event_before(history: Store) -> None:
    top = told(history, EventTable.LARGEST)
    assert top["rank"].to_list() == list(range(1, 11))
    assert "HOST" in top["symbol"].to_list()
    before = decisions_of(history, "2021-06").select("symbol", "rank")
    expected = top.join(before, on="symbol", how="left", suffix="_then")["rank_then"]
    assert top["previous_rank"].to_list() == expected.to_list()
    assert told(history, EventTable.LARGEST, "2021-06")["previous_rank"].null_count() == 10


def test_ways_between_segments_are_those_of_the_decisions(history: Store) -> None:
    ways = {(a, b): n for a, b, n, _ in told(history, EventTable.MIGRATIONS).iter_rows()}
    decided = decisions_of(history, "2022-06")
    concerned = decided.filter(
        pl.col("previous_segment").is_not_null() | pl.col("segment").is_not_null()
    )
    assert sum(ways.values()) == concerned.height
    up = decided.filter(
        (pl.col("previous_segment") == "small") & (pl.col("segment") == "large")
    ).height
    assert ways["small", "large"] == up > 0
    assert ("outside", "outside") not in ways


def test_sectors_of_the_movers_count_every_mover_once(history: Store) -> None:
    sectors = told(history, EventTable.MOVERS)
    changes = told(history, EventTable.CHANGES)
    for decision in ("enters", "leaves", "moves_up", "moves_down"):
        assert sectors[decision].sum() == changes.filter(pl.col("decision") == decision).height
    assert "not given" in sectors["sector"].to_list()


def test_who_a_band_holds_would_otherwise_have_changed_sides(history: Store) -> None:
    held = told(history, EventTable.BANDING)
    assert held["edge"].to_list() == ["200", "500", "1000", "2000"]
    (at_1000,) = held.filter(pl.col("edge") == "1000").iter_rows(named=True)
    by_band = decisions_of(history, "2022-06").filter(pl.col("decision") == "stays_by_band")
    assert at_1000["held_above"] == by_band.filter(pl.col("segment") == "large").height > 0
    assert at_1000["held_below"] == by_band.filter(pl.col("segment") == "small").height > 0
    assert at_1000["held_usd"] == pytest.approx(by_band["total_market_cap_usd"].sum())
    first = told(history, EventTable.BANDING, "2021-06")
    assert first.select("held_above", "held_below").sum().row(0) == (0, 0)


def test_the_history_of_the_breakpoint_ends_with_the_event(history: Store) -> None:
    both, one = (told(history, EventTable.HISTORY, event_id) for event_id in ("2022-06", "2021-06"))
    assert both["event_id"].to_list() == ["2021-06", "2022-06"]
    assert one["event_id"].to_list() == ["2021-06"]
    old, new = both["breakpoint_usd"]
    assert both["change_share"].to_list() == [None, pytest.approx(new / old - 1)]


def test_weights_before_and_after_are_those_of_the_holdings(history: Store) -> None:
    found = rebalance(history, JUNE, family()["r2000"])
    assert found.priced == JUNE.effective_friday
    assert not found.is_expected
    lines = found.lines
    assert lines["weight_before"].sum() == pytest.approx(1)
    assert lines["weight_after"].sum() == pytest.approx(1)
    eve = history.lake.scan(
        "constituents", start=JUNE.effective_friday, end=JUNE.effective_friday
    ).collect()
    small = eve.filter(in_index("r2000"))
    value = dict(small.select("symbol", "market_value_usd").iter_rows())
    before = dict(lines.select("symbol", "weight_before").iter_rows())
    assert before["FALL"] == 0
    assert before["RISE"] == pytest.approx(value["RISE"] / small["market_value_usd"].sum())
    (fall,) = lines.filter(pl.col("symbol") == "FALL").iter_rows(named=True)
    assert (fall["previous_segment"], fall["segment"]) == ("large", "small")
    assert fall["shares_after"] > 0 == fall["shares_before"]


def test_turnover_and_sector_shifts_follow_from_the_weights(history: Store) -> None:
    rows = told(history, EventTable.TURNOVER)
    assert rows["index"].to_list() == list(family())
    lines = rebalance(history, JUNE, family()["r2000"]).lines
    (small,) = rows.filter(pl.col("index") == "r2000").iter_rows(named=True)
    bought = (lines["weight_after"] - lines["weight_before"]).clip(lower_bound=0).sum()
    assert small["turnover_share"] == pytest.approx(bought)
    assert 0 < small["turnover_share"] < 1
    assert small["lines_after"] - small["lines_before"] == small["lines_in"] - small["lines_out"]
    sectors = told(history, EventTable.SECTORS)
    for index_id in ("r1000", "r2000"):
        of_index = sectors.filter(pl.col("index") == index_id)
        assert of_index["before_weight"].sum() == pytest.approx(1)
        assert of_index["change_weight"].sum() == pytest.approx(0, abs=1e-12)


def test_an_index_that_does_not_change_turns_nothing_over() -> None:
    weights = pl.Series([0.25, 0.75])
    assert turnover_share(pl.DataFrame({"weight_before": weights, "weight_after": weights})) == 0


def test_the_first_event_has_nothing_to_compare_with(history: Store) -> None:
    for table in (EventTable.TURNOVER, EventTable.SECTORS, EventTable.DESK):
        assert told(history, table, "2021-06").is_empty()


def test_trackers_sell_who_leaves_and_buy_who_comes(history: Store) -> None:
    desk = desk_table(history, "2022-06", tracked_usd={"r2000": 60e9})
    at = {row["symbol"]: row for row in desk.iter_rows(named=True)}
    assert desk["trade_usd"].sum() == pytest.approx(0, abs=1)
    assert [at["RISE"][name] for name in ("side", "from", "to")] == ["sell", "r2000", "r1000"]
    assert [at["FALL"][name] for name in ("side", "from", "to")] == ["buy", "r1000", "r2000"]
    assert [at["NEWB"][name] for name in ("side", "from", "to")] == ["buy", "out", "r2000"]
    assert at["NEWB"]["decision"] == "enters"
    assert "GONE" not in at  # delisted long before: nothing is left to sell
    sizes = desk["trade_usd"].abs()
    assert sizes.is_sorted(descending=True)


def test_shares_days_and_float_of_a_trade_by_hand(history: Store) -> None:
    desk = desk_table(history, "2022-06", tracked_usd={"r2000": 60e9})
    (row,) = desk.filter(pl.col("symbol") == "NEWB").iter_rows(named=True)
    lines = rebalance(history, JUNE, family()["r2000"]).lines
    weight = lines.filter(pl.col("symbol") == "NEWB")["weight_after"].item()
    # NEWB trades a million shares each session at 27 dollars, and has 30 million.
    assert row["price_usd"] == pytest.approx(27)
    assert row["adv20_usd"] == pytest.approx(27e6)
    assert row["adv20_shares"] == pytest.approx(1e6)
    assert row["index_change_shares"] == pytest.approx(30e6)
    assert row["trade_usd"] == pytest.approx(60e9 * weight)
    assert row["trade_shares"] == pytest.approx(60e9 * weight / 27)
    assert row["days_of_adv"] == pytest.approx(60e9 * weight / 27e6)
    assert row["float_share"] == pytest.approx(60e9 * weight / 27 / 30e6)


def test_trades_are_proportional_and_add_up_over_indexes(history: Store) -> None:
    def trades(**tracked_usd: float) -> dict[str, float]:
        desk = desk_table(history, "2022-06", tracked_usd=tracked_usd)
        return dict(desk.select("security_id", "trade_usd").iter_rows())

    one, double, large = trades(r2000=1e9), trades(r2000=2e9), trades(r1000=3e9)
    both = trades(r2000=1e9, r1000=3e9)
    assert {line: 2 * usd for line, usd in one.items()} == pytest.approx(double)
    assert both == pytest.approx(
        {line: one.get(line, 0) + large.get(line, 0) for line in {**one, **large}}
    )


def test_what_is_expected_on_the_eve_is_what_comes(history: Store, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    write_small_history(settings)
    happened = desk_table(history, "2022-06")
    with open_store(settings) as store:
        for table in ("constituents", "universe"):
            nothing = empty_frame(contract(table))
            store.lake.replace(table, nothing, start=JUNE.effective_session, end=LAST_SESSION)
        found = rebalance(store, JUNE, family()["r2000"])
        expected = desk_table(store, "2022-06")
        equal = rebalance(store, JUNE, family()["r2000eq"])
    assert found.is_expected
    assert found.priced == JUNE.effective_friday
    assert equal.lines["weight_after"].sum() == pytest.approx(1)
    by_sector = equal.lines.group_by("sector").agg(pl.col("weight_after").sum())
    assert by_sector["weight_after"].to_list() == pytest.approx([1 / 6] * 6)
    changed = ["enters", "leaves", "moves_up", "moves_down"]
    columns = ["security_id", "side", "from", "to"]
    ways = [
        desk.filter(pl.col("decision").is_in(changed)).select(columns).sort("security_id")
        for desk in (expected, happened)
    ]
    assert ways[0].height > 50
    assert ways[0].equals(ways[1])
    amounts = expected.join(happened, on="security_id", suffix="_then").filter(
        pl.col("decision").is_in(changed)
    )
    ratio = amounts["trade_usd"] / amounts["trade_usd_then"]
    assert ratio.is_between(0.9, 1.1).all()


@pytest.mark.parametrize("words", ["", "bn", "-1bn", "0", "12 dollars", "inf", "nan"])
def test_what_is_no_amount_is_refused(words: str) -> None:
    with pytest.raises(BadInputError, match="not an amount"):
        parse_usd(words)


def test_tracked_indexes_are_named_once_and_known() -> None:
    assert parse_tracked([], family()) == DEFAULT_TRACKED
    assert parse_tracked(["R1000=1.5tn", "20m"], family()) == {"r1000": 1.5e12, "r2000": 20e6}
    with pytest.raises(BadInputError, match="twice"):
        parse_tracked(["1bn", "r2000=2bn"], family())
    with pytest.raises(BadInputError, match="no index"):
        parse_tracked(["r20=1bn"], family())


def test_an_event_that_never_was_has_no_tables(history: Store) -> None:
    with pytest.raises(UnknownEventError):
        event_table(history, "2022-07", EventTable.RANGES)
    with pytest.raises(BadInputError, match="2021-06, 2022-06"):
        event_table(history, event("2023-06").event_id, EventTable.DESK)


def test_ipo_additions_are_those_of_the_event_before(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    write_small_history(settings)
    rows = [
        ("ipo_addition", "SMLL", "2021-06", date(2021, 9, 20), 4e8),
        ("fast_entry", "BIGG", "2021-06", date(2021, 9, 20), 9e9),
        ("share_update", "SHRS", "2021-06", date(2021, 9, 20), None),
        ("ipo_addition", "NEXT", "2022-06", date(2022, 6, 30), 5e8),
    ]
    told_rows = pl.DataFrame(
        rows, schema=["change", "symbol", "event_id", "session", "total_market_cap_usd"],
        orient="row",
    ).with_columns(
        company_id=pl.format("C-{}", "symbol"),
        security_id=pl.format("S-{}", "symbol"),
        decided_day="session",
        reason=pl.lit("It joined."),
    )  # fmt: skip
    with open_store(settings) as store:
        store.published.replace(
            "maintenance",
            shaped("maintenance", told_rows),
            known_at=KNOWN_AT,
            start=date(2021, 7, 1),
            end=date(2022, 7, 1),
        )
        found = event_table(store, "2022-06", EventTable.IPOS)
        first = event_table(store, "2021-06", EventTable.IPOS)
    assert found["symbol"].to_list() == ["BIGG", "SMLL"]
    assert first.is_empty()
