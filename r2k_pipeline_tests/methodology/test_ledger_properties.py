"""What holds of ledger and levels whatever happens: histories of every kind of action.

Invariants, each a test of its name:
1. A split changes nothing.
2. A line that joins and leaves at the same close changes nothing.
3. Scaling every price changes no level; scaling those from one session on scales the levels
   from there on.
4. Permuted rows change nothing, not one bit.
5. Total return is never below price return, nor the gross one below the net one.
6. Weights sum to one.
7. Chained over ranges the ledger is that of the whole, not one bit apart.
8. A reconstitution is level-neutral at its close.
9. Sessions rebuilt alone, in any order, have the same bytes.
10. The first row of a session begins with the market value that was published the session
    before, and every other row where the one before it ended; the divisor moves by nothing
    else.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from r2k_pipeline.methodology.divisors import divisor_events
from r2k_pipeline.methodology.levels import index_levels
from r2k_pipeline_tests.methodology.action_index import (
    DAYS,
    FAMILY,
    NO_FACTORS,
    ActionIndex,
    action,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

SESSIONS = 6
# ANCH always trades and nothing happens to it, so that no index is ever empty.
MEMBERS = ("ANCH", "ACE", "BOLT", "CORE")
OTHERS = ("KID", "BIG")
few = settings(max_examples=10)

prices = st.integers(400, 9999).map(lambda cents: cents / 100)
quotes = st.one_of(prices, prices, prices, st.none())
days = st.integers(1, SESSIONS - 1)
lines = st.sampled_from(MEMBERS[1:])
parts = st.sampled_from([0.1, 0.25, 0.5])
small = st.sampled_from([0.05, 0.4, 1.5])


def happenings() -> st.SearchStrategy[dict[str, Any]]:
    """One action of any kind that moves something."""
    other = st.sampled_from([*MEMBERS, *OTHERS])
    late = st.sampled_from([None, None, "delayed"])
    plain = [
        st.builds(action, lines, days, st.just("split"),
                  split_factor=st.sampled_from([2.0, 3.0, 0.1, 1.05])),
        *(st.builds(action, lines, days, st.just(kind), amount_usd=small)
          for kind in ("cash_dividend", "special_dividend", "return_of_capital")),
        st.builds(action, lines, days, st.just("rights_issue"), ratio=parts, amount_usd=small),
        st.builds(action, lines, days, st.just("share_change"),
                  ratio=st.sampled_from([0.98, 1.02])),
        st.builds(action, lines, days, st.just("tender_offer"), outcome=late,
                  ratio=st.sampled_from([0.2, 0.95]), amount_usd=prices),
        st.builds(action, lines, days, st.just("cash_merger"), amount_usd=prices, outcome=late),
        *(st.builds(action, lines, days, st.just(kind), amount_usd=small, outcome=late)
          for kind in ("delisting", "bankruptcy")),
        st.builds(action, lines, days, st.just("halt")),
        st.builds(action, lines, days, st.just("spin_off"), ratio=parts,
                  amount_usd=st.none() | small, counterparty_security_id=st.just("KID")),
        st.builds(action, lines, days, st.just("stock_merger"), ratio=parts, outcome=late,
                  amount_usd=st.none() | small, counterparty_security_id=other),
    ]  # fmt: skip
    return st.one_of(plain)


@st.composite
def histories(draw: st.DrawFn) -> ActionIndex:
    """Closes with gaps, and up to five actions, one a line, session and kind."""
    closes: dict[str, Sequence[float | None]] = {
        line: [draw(prices), *draw(st.lists(quotes, min_size=SESSIONS - 1, max_size=SESSIONS - 1))]
        for line in MEMBERS[1:]
    }
    closes["ANCH"] = draw(st.lists(prices, min_size=SESSIONS, max_size=SESSIONS))
    begins = draw(days)
    for line in OTHERS:
        closes[line] = [None] * begins + draw(
            st.lists(prices, min_size=SESSIONS - begins, max_size=SESSIONS - begins)
        )
    drawn = draw(st.lists(happenings(), max_size=5))
    keys = {(told["session"], told["security_id"], told["action_type"]): told for told in drawn}
    return ActionIndex(
        closes=closes,
        actions=list(keys.values()),
        shares={line: 50.0 * (place + 1) for place, line in enumerate((*MEMBERS, *OTHERS))},
        places={
            "ANCH": "r3000 r2000 r1000", "ACE": "r3000 r2000", "BOLT": "r3000 r2000",
            "CORE": "r3000 r1000",
        },
        rules={"max_carried_sessions": 2, "halt_review_sessions": 1, "halt_removal_sessions": 3},
    )  # fmt: skip


def ledger_of(
    held: pl.DataFrame,
    told: pl.DataFrame,
    sessions: Sequence[date],
    *,
    earlier: pl.DataFrame | None = None,
) -> pl.DataFrame:
    return divisor_events(
        held, told, sessions=sessions, family=FAMILY, base_session=DAYS[0], factors=NO_FACTORS,
        earlier=earlier,
    )  # fmt: skip


def levels_of(held: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    return index_levels(held, ledger, family=FAMILY, factors=NO_FACTORS)


def all_levels(history: ActionIndex) -> pl.DataFrame:
    return levels_of(history.lines(), history.ledger())


def times(history: ActionIndex, factor: float, *, since: int) -> ActionIndex:
    """The history with every price and amount from a session on multiplied."""

    def closes(values: Sequence[float | None]) -> list[float | None]:
        return [
            value if value is None or day < since else value * factor
            for day, value in enumerate(values)
        ]

    def terms(told: Mapping[str, Any]) -> Mapping[str, Any]:
        amount = told.get("amount_usd")
        return told if amount is None else {**told, "amount_usd": amount * factor}

    return replace(
        history,
        closes={line: closes(values) for line, values in history.closes.items()},
        actions=[terms(told) for told in history.actions],
    )


@few
@given(histories(), days, st.sampled_from([2.0, 4.0, 0.5]))
def test_a_split_changes_nothing(history: ActionIndex, day: int, factor: float) -> None:
    anchor = history.closes["ANCH"]
    after = [
        value if value is None or place < day else value / factor
        for place, value in enumerate(anchor)
    ]
    split = replace(
        history,
        closes={**history.closes, "ANCH": after},
        actions=[
            *(told for told in history.actions if told.get("counterparty_security_id") != "ANCH"),
            action("ANCH", day, "split", split_factor=factor),
        ],
    )
    plain = replace(split, closes=history.closes, actions=split.actions[:-1])
    assert_frame_equal(all_levels(split), all_levels(plain), check_exact=True)


@few
@given(histories(), days)
def test_a_line_that_joins_and_leaves_at_the_same_close_changes_nothing(
    history: ActionIndex, day: int
) -> None:
    # WISP is in the index on one session only and closes where it closed before.
    held = history.lines()
    anchor = held.filter(
        (pl.col("security_id") == "ANCH") & (pl.col("session") == DAYS[day])
    ).with_columns(
        security_id=pl.lit("WISP"), symbol=pl.lit("WISP"), close_usd=pl.lit(7.0),
        previous_close_usd=pl.lit(7.0), market_value_usd=7.0 * pl.col("index_shares"),
        joined_by=pl.lit("ipo_addition"),
    )  # fmt: skip
    with_wisp = pl.concat([held, anchor])
    found = levels_of(with_wisp, ledger_of(with_wisp, history.told, history.days))
    plain = all_levels(history)
    # It brings what it takes away, but on its one session it shares the index's day.
    lasting = pl.col("session") < DAYS[day]
    assert_frame_equal(found.filter(lasting), plain.filter(lasting), check_exact=True)
    still = replace(history, actions=[], closes={line: [7.0] * SESSIONS for line in MEMBERS})
    calm = still.lines()
    with_wisp = pl.concat([calm, anchor.select(calm.columns)])
    found = levels_of(with_wisp, ledger_of(with_wisp, still.told, still.days))
    assert found["price_level"].to_list() == pytest.approx([1000.0] * found.height, rel=1e-12)


@few
@given(histories())
def test_scaling_every_price_changes_no_level(history: ActionIndex) -> None:
    columns = ["index_id", "session", "price_level", "total_return_level"]
    doubled = all_levels(times(history, 2.0, since=0)).select(columns)
    # The nominal price of a line that was halted for good is what it is.
    assert_frame_equal(doubled, all_levels(history).select(columns), rel_tol=1e-4)


@few
@given(st.lists(prices, min_size=SESSIONS, max_size=SESSIONS), days)
def test_scaling_the_prices_of_later_sessions_scales_their_levels(
    closes: list[float], since: int
) -> None:
    history = ActionIndex(closes={"ACE": closes, "BOLT": [5.0] * SESSIONS})
    before = history.levels()
    after = times(history, 3.0, since=since).levels()
    assert after == pytest.approx(before[:since] + [3.0 * level for level in before[since:]])


@few
@given(histories(), st.integers(0, 2**32))
def test_the_order_of_rows_changes_nothing(history: ActionIndex, seed: int) -> None:
    held, told = history.lines(), history.told
    shuffled = held.sample(fraction=1.0, shuffle=True, seed=seed)
    actions = told.sample(fraction=1.0, shuffle=True, seed=seed)
    ledger = ledger_of(shuffled, actions, history.days)
    assert_frame_equal(ledger, history.ledger(), check_exact=True)
    assert_frame_equal(levels_of(shuffled, ledger), all_levels(history), check_exact=True)


@few
@given(histories())
def test_total_return_is_never_below_price_return(history: ActionIndex) -> None:
    levels = all_levels(history)
    assert (levels["total_return_level"] >= levels["price_level"]).all()
    assert (levels["total_return_level"] >= levels["net_total_return_level"]).all()


@few
@given(histories())
def test_weights_sum_to_one(history: ActionIndex) -> None:
    held, levels = history.lines(), all_levels(history)
    for index_id in FAMILY:
        own = held.filter(pl.col("indexes").str.split(" ").list.contains(index_id))
        worth = levels.filter(pl.col("index_id") == index_id).select("session", "market_value_usd")
        weights = own.join(worth, on="session", suffix="_of_index").group_by("session").agg(
            (pl.col("market_value_usd") / pl.col("market_value_usd_of_index")).sum().alias("all")
        )  # fmt: skip
        assert weights["all"].to_list() == pytest.approx([1.0] * SESSIONS, rel=1e-12)


@few
@given(histories(), days)
def test_a_ledger_chained_over_ranges_is_that_of_the_whole(history: ActionIndex, cut: int) -> None:
    held, told, whole = history.lines(), history.told, history.ledger()
    early = ledger_of(
        held.filter(pl.col("session") < DAYS[cut]),
        told.filter(pl.col("session") < DAYS[cut]),
        history.days[:cut],
    )
    late = ledger_of(
        held.filter(pl.col("session") >= DAYS[cut - 1]),
        told.filter(pl.col("session") >= DAYS[cut - 1]),
        history.days[cut:],
        earlier=early,
    )
    key = ["index_id", "session"]
    assert_frame_equal(
        pl.concat([early, late]).sort(key, maintain_order=True), whole, check_exact=True
    )


@few
@given(histories(), st.permutations(range(1, SESSIONS)))
def test_sessions_rebuilt_alone_in_any_order_have_the_same_bytes(
    history: ActionIndex, order: list[int]
) -> None:
    held, told, whole = history.lines(), history.told, history.ledger()
    levels = levels_of(held, whole)
    for day in order[:3]:
        alone = history.lines(until=day).filter(pl.col("session") == DAYS[day])
        assert_frame_equal(alone, held.filter(pl.col("session") == DAYS[day]), check_exact=True)
        near = pl.col("session").is_between(DAYS[day - 1], DAYS[day])
        ledger = ledger_of(held.filter(near), told.filter(near), [DAYS[day]], earlier=whole)
        assert_frame_equal(ledger, whole.filter(pl.col("session") == DAYS[day]), check_exact=True)
        assert_frame_equal(
            levels_of(alone, whole), levels.filter(pl.col("session") == DAYS[day]),
            check_exact=True,
        )  # fmt: skip


@few
@given(histories(), days, st.integers(0, 2**32))
def test_a_reconstitution_is_level_neutral_at_its_close(
    history: ActionIndex, day: int, seed: int
) -> None:
    # From one session on other lines are held, with other shares, under another event.
    rng = Random(seed)  # noqa: S311 - a choice of lines, no secret
    held = replace(history, actions=[]).lines()
    out = rng.choice(MEMBERS[1:])
    changed = held.filter(
        (pl.col("session") < DAYS[day]) | (pl.col("security_id") != out)
    ).with_columns(
        pl.when(pl.col("session") < DAYS[day])
        .then(pl.col(name))
        .otherwise(pl.col(name) * 1.25)
        .alias(name)
        for name in ("index_shares", "market_value_usd")
    ).with_columns(
        event_id=pl.when(pl.col("session") < DAYS[day])
        .then(pl.lit("2022-06"))
        .otherwise(pl.lit("2022-12"))
    )  # fmt: skip
    ledger = ledger_of(changed, history.told.clear(), history.days)
    rows = ledger.filter(pl.col("cause") == "reconstitution")
    levels = levels_of(changed, ledger)
    published = levels.select("index_id", "session", "price_level", "market_value_usd")
    eve = published.filter(pl.col("session") == DAYS[day - 1])
    neutral = rows.join(eve, on="index_id")
    assert neutral.height == len(FAMILY)
    at_open = neutral["market_value_after_usd"] / neutral["divisor_after"]
    assert at_open.to_list() == pytest.approx(neutral["price_level"].to_list(), rel=1e-12)
    assert neutral["market_value_before_usd"].equals(neutral["market_value_usd"])


@few
@given(histories())
def test_nothing_but_a_row_moves_the_divisor(history: ActionIndex) -> None:
    ledger, levels = history.ledger(), all_levels(history)
    moving = ledger.filter(~pl.col("cause").is_in(["base", "dividend"]))
    for index_id in FAMILY:
        own = levels.filter(pl.col("index_id") == index_id).sort("session")
        worth = dict(own.select("session", "market_value_usd").iter_rows())
        divisor = dict(own.select("session", "divisor").iter_rows())
        for before, session in pairwise(DAYS[:SESSIONS]):
            rows = moving.filter(
                (pl.col("index_id") == index_id) & (pl.col("session") == session)
            ).rows(named=True)
            value, at = worth[before], divisor[before]
            for row in rows:
                assert (row["market_value_before_usd"], row["divisor_before"]) == (value, at)
                value, at = row["market_value_after_usd"], row["divisor_after"]
            assert divisor[session] == at
