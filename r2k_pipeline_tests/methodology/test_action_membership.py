"""Who joins, who leaves and what nobody foresaw: the table of corporate actions by hand.

The second half of `test_action_treatment`: children and classes, ends and halts, and the
outcomes that are stated for two actions at once, days without a price, unknown lines and
actions that come late. ACE has 100 shares at 20, BOLT 200 at 5, 1,000 points in all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from r2k_pipeline.methodology.action_treatment import (
    Adjustment,
    Terms,
    adjustment,
    removal_price,
)
from r2k_pipeline.rulebook.action_types import ActionType
from r2k_pipeline_tests.methodology.action_index import ace_and_bolt, action


def test_a_child_starts_at_its_when_issued_price_and_moves_no_divisor() -> None:
    # One KID at 6 for two ACE: ACE is cut by 3 to 17, KID joins with 50 shares.
    spun = ace_and_bolt(
        action(
            "ACE", 1, "spin_off", ratio=0.5, amount_usd=6.0, counterparty_security_id="KID"
        ),
        ace=[20.0, 17.5, 17.5],
        closes={"KID": [None, 5.0, 5.5]},
    )  # fmt: skip
    assert spun.line("ACE", 1)["previous_close_usd"] == 17.0
    kid = spun.line("KID", 1)
    assert (kid["previous_close_usd"], kid["index_shares"]) == (6.0, 50.0)
    assert (kid["indexes"], kid["parent_security_id"]) == ("r3000 r2000", "ACE")
    assert spun.changes() == [(1, "spin_off", "spin_off ACE, spin_off KID", 1.0)]
    assert spun.levels()[1] == pytest.approx(1e3 * (1750 + 1000 + 250) / 3000)
    assert spun.levels()[2] == pytest.approx(1e3 * (1750 + 1000 + 275) / 3000)


def test_a_child_without_a_price_starts_at_zero_and_its_parent_is_not_cut() -> None:
    spun = ace_and_bolt(
        action("ACE", 1, "spin_off", ratio=0.5, counterparty_security_id="KID"),
        ace=[20.0, 17.5],
        closes={"KID": [None, 5.0]},
    )
    assert spun.line("ACE", 1)["previous_close_usd"] == 20.0
    assert spun.line("KID", 1)["previous_close_usd"] == 0.0
    assert spun.changes() == [(1, "spin_off", "spin_off KID", 1.0)]
    assert spun.levels()[1] == pytest.approx(1000.0)


@pytest.mark.parametrize(
    "unfit",
    [{"ineligible": ["KID"]}, {"caps": {"KID": 1e6}}],
    ids=["not eligible", "too small"],
)
def test_a_child_that_is_not_kept_leaves_once_it_has_traded(unfit: dict[str, Any]) -> None:
    spun = ace_and_bolt(
        action(
            "ACE", 1, "spin_off", ratio=0.5, counterparty_security_id="KID",
            least_child_cap_usd=3e7,
        ),
        ace=[20.0, 17.5, 17.5],
        closes={"KID": [None, 5.0, 9.0]},
    )  # fmt: skip
    spun = replace(spun, **unfit)
    assert spun.sessions_of("KID") == [1]
    assert spun.changes()[1] == (2, "deletion", "spin_off KID", pytest.approx(2750 / 3000))
    assert spun.levels() == pytest.approx([1000.0] * 3)


def test_a_child_that_nobody_lists_takes_its_price_away() -> None:
    spun = ace_and_bolt(action("ACE", 1, "spin_off", ratio=0.5, amount_usd=6.0), ace=[20.0, 17.0])
    assert spun.changes() == [(1, "spin_off", "spin_off ACE", pytest.approx(2700 / 3000))]
    assert spun.levels() == pytest.approx([1000.0, 1000.0])


@pytest.mark.parametrize(("price", "start"), [(None, 0.0), (6.0, 6.0)])
def test_a_child_that_trades_later_joins_then_at_the_price_that_its_parent_lost(
    price: float | None, start: float
) -> None:
    # It closed at 4 when issued, and then not before the third session. At 4 it would bring
    # other than what its parent lost on the second.
    spun = ace_and_bolt(
        action(
            "ACE", 1, "spin_off", ratio=0.5, amount_usd=price, counterparty_security_id="KID"
        ),
        ace=[20.0, 17.0, 17.0],
        closes={"KID": [4.0, None, 6.0]},
    )  # fmt: skip
    assert spun.sessions_of("KID") == [2]
    kid = spun.line("KID", 2)
    assert (kid["previous_close_usd"], kid["index_shares"]) == (start, 50.0)
    assert spun.levels()[2] == pytest.approx(1000.0)


@pytest.mark.parametrize("end", ["cash_merger", "tender_offer"])
def test_a_parent_that_leaves_the_same_morning_takes_its_child_with_it(end: str) -> None:
    spun = ace_and_bolt(
        action("BOLT", 1, "spin_off", ratio=0.5, counterparty_security_id="KID"),
        action("BOLT", 1, end, ratio=0.95, amount_usd=5.0),
        ace=[20.0, 20.0],
        closes={"KID": [None, 3.0]},
    )
    assert spun.sessions_of("KID") == []
    assert spun.levels() == pytest.approx([1000.0, 1000.0])


def test_a_new_class_joins_beside_its_line() -> None:
    given = ace_and_bolt(
        action("ACE", 1, "new_class", ratio=0.1, counterparty_security_id="ACEB"),
        ace=[20.0, 18.2],
        closes={"ACEB": [None, 18.0]},
    )
    row = given.line("ACEB", 1)
    assert (row["index_shares"], row["joined_by"], row["indexes"]) == (
        10.0, "new_class", "r3000 r2000",
    )  # fmt: skip
    assert given.changes() == [(1, "new_class", "new_class ACEB", 1.0)]
    assert given.levels() == pytest.approx([1000.0, 1000.0])


def test_a_delisted_line_leaves_at_its_last_primary_price() -> None:
    gone = ace_and_bolt(action("BOLT", 1, "delisting", amount_usd=1.0), ace=[20.0, 20.0])
    assert gone.sessions_of("BOLT") == [0]
    assert gone.levels() == pytest.approx([1000.0, 1000.0])
    assert gone.changes() == [(1, "delisting", "delisting BOLT", pytest.approx(2 / 3))]


def test_a_delisted_line_that_was_halted_leaves_at_the_price_over_the_counter() -> None:
    gone = ace_and_bolt(
        action("BOLT", 2, "delisting", amount_usd=1.0),
        ace=[20.0] * 4,
        closes={"BOLT": [5.0, None, None, None]},
    )
    assert gone.levels() == pytest.approx([1000.0, 1000.0, 1e3 * 2200 / 3000, 1e3 * 2200 / 3000])
    assert gone.changes() == [(3, "delisting", "delisting BOLT", pytest.approx(2000 / 2200))]


@pytest.mark.parametrize(("nominal", "price"), [(None, 0.0001), (0.01, 0.01)])
def test_a_bankrupt_line_leaves_at_a_nominal_price(nominal: float | None, price: float) -> None:
    gone = ace_and_bolt(
        action("BOLT", 1, "bankruptcy", amount_usd=nominal),
        ace=[20.0] * 3,
        closes={"BOLT": [5.0, None, None]},
    )
    assert gone.levels()[1] == pytest.approx(1e3 * (2000 + 200 * price) / 3000)
    assert gone.levels()[2] == pytest.approx(gone.levels()[1])
    assert [row[:3] for row in gone.changes()] == [(2, "delisting", "bankruptcy BOLT")]


def test_a_halted_line_is_carried_looked_at_again_and_at_last_removed_at_nothing() -> None:
    # With 2 and 4 sessions instead of 20 and 60.
    halted = ace_and_bolt(
        action("BOLT", 1, "halt"),
        ace=[20.0] * 8,
        closes={"BOLT": [5.0, *[None] * 7]},
    )
    halted = replace(halted, rules={
        "halt_review_sessions": 2, "halt_removal_sessions": 4, "max_carried_sessions": 1,
    })  # fmt: skip
    rows = halted.lines().filter(pl.col("security_id") == "BOLT")
    assert rows["status"].to_list() == [
        "ok", "halted", "halted", "under_review", "under_review", "synthetic",
    ]  # fmt: skip
    assert rows["close_usd"].to_list() == [5.0] * 5 + [0.0001]
    assert rows["close_age_sessions"].to_list() == [0, 1, 2, 3, 4, 0]
    assert [row[:3] for row in halted.changes()] == [(6, "delisting", "halt BOLT")]


def test_a_line_that_is_silent_without_a_halt_leaves_sooner_at_its_last_close() -> None:
    silent = ace_and_bolt(ace=[20.0] * 4, closes={"BOLT": [5.0, None, None, None]})
    silent = replace(silent, rules={"max_carried_sessions": 1})
    assert silent.sessions_of("BOLT") == [0, 1]
    assert silent.changes() == [(2, "deletion", "silence BOLT", pytest.approx(2 / 3))]
    assert silent.levels() == pytest.approx([1000.0] * 4)


@pytest.mark.parametrize(
    ("kind", "sessions", "level"),
    [("cash_merger", [0, 1, 2], 1100 / 3000), ("tender_offer", [0, 1], 1000 / 3000)],
)
def test_an_end_that_is_told_on_the_last_morning_of_patience_sets_the_price(
    kind: str, sessions: list[int], level: float
) -> None:
    # Carried for one session; on the next morning it is bought at 5.50. An offer is no end.
    told = ace_and_bolt(
        action("BOLT", 2, kind, ratio=0.95, amount_usd=5.5),
        ace=[20.0] * 4,
        closes={"BOLT": [5.0, None, None, None]},
    )
    told = replace(told, rules={"max_carried_sessions": 1})
    assert told.sessions_of("BOLT") == sessions
    assert told.levels()[2:] == pytest.approx([1e3 * (2000 / 3000 + level)] * 2)


def test_a_line_that_went_bankrupt_and_trades_again_waits_for_the_next_event() -> None:
    gone = ace_and_bolt(
        action("BOLT", 1, "bankruptcy"), ace=[20.0] * 4, closes={"BOLT": [5.0, None, 1.0, 1.5]}
    )
    assert gone.sessions_of("BOLT") == [0, 1]


@pytest.mark.parametrize("kind", ["rename", "reincorporation", "listing", "offering"])
def test_names_domiciles_and_listings_change_nothing_at_the_open(kind: str) -> None:
    same = ace_and_bolt(action("ACE", 1, kind, ratio=0.2, amount_usd=9.0), ace=[20.0, 20.0])
    assert same.changes() == []
    assert same.levels() == [1000.0, 1000.0]


def test_a_price_below_a_dollar_removes_nobody() -> None:
    fallen = ace_and_bolt(ace=[20.0, 0.4, 0.4])
    assert fallen.sessions_of("ACE") == [0, 1, 2]
    assert fallen.changes() == []


def test_two_actions_of_one_day_apply_in_order_split_special_merger() -> None:
    # ACE splits in two (10.00), pays 1.00 (9.00), and BOLT's 200 become 0.5 x 200 = 100 ACE.
    both = ace_and_bolt(
        action("BOLT", 1, "stock_merger", ratio=0.5, counterparty_security_id="ACE"),
        action("ACE", 1, "special_dividend", amount_usd=1.0),
        action("ACE", 1, "split", split_factor=2.0),
        ace=[20.0, 9.0],
    )
    row = both.line("ACE", 1)
    assert (row["previous_close_usd"], row["index_shares"]) == (9.0, 300.0)
    assert both.changes() == [
        (1, "special_dividend", "special_dividend ACE", pytest.approx(2800 / 3000)),
        (1, "merger", "stock_merger BOLT", pytest.approx(2700 / 2800)),
    ]
    assert both.levels() == pytest.approx([1000.0, 1000.0])


def test_shares_that_change_after_a_spin_off_of_one_day_receive_no_child() -> None:
    # KID for the 100 that there were; two for one in ACE comes after.
    both = ace_and_bolt(
        action("ACE", 1, "share_change", ratio=2.0),
        action("ACE", 1, "spin_off", ratio=0.5, amount_usd=6.0, counterparty_security_id="KID"),
        ace=[20.0, 17.0],
        closes={"KID": [None, 6.0]},
    )
    shares = [both.line(line, 1)["index_shares"] for line in ("ACE", "KID")]
    assert shares == [200.0, 50.0]
    assert both.levels() == pytest.approx([1000.0, 1000.0])


@pytest.mark.parametrize("step", [1, -1], ids=["as listed", "the other way round"])
def test_of_two_ends_of_one_morning_the_first_of_the_table_counts(step: int) -> None:
    ends = [
        action("BOLT", 1, "cash_merger", amount_usd=6.0),
        action("BOLT", 1, "stock_merger", ratio=0.1, counterparty_security_id="BIG"),
        action("BOLT", 1, "delisting"),
    ]
    gone = ace_and_bolt(*ends[::step], ace=[20.0, 20.0], closes={"BIG": [9.0, 9.0]})
    assert gone.changes() == [(1, "merger", "cash_merger BOLT", pytest.approx(2 / 3))]


def test_a_target_that_splits_the_same_morning_is_paid_for_each_new_share() -> None:
    # 200 BOLT become 400; 0.1 of ACE for each is 40.
    both = ace_and_bolt(
        action("BOLT", 1, "stock_merger", ratio=0.1, counterparty_security_id="ACE"),
        action("BOLT", 1, "split", split_factor=2.0),
        ace=[20.0, 20.0],
    )
    assert both.line("ACE", 1)["index_shares"] == pytest.approx(140.0)


def test_an_action_on_a_day_without_a_price_is_valued_with_the_last_close() -> None:
    # 20 carried, less 2 on the second day: 18 carried on; it trades at 18 again on the third.
    paid = ace_and_bolt(
        action("ACE", 1, "special_dividend", amount_usd=2.0), ace=[20.0, None, 18.0]
    )
    row = paid.line("ACE", 1)
    assert (row["close_usd"], row["status"], row["previous_close_usd"]) == (18.0, "carried", 18.0)
    assert paid.levels() == pytest.approx([1000.0] * 3)


def test_an_action_of_an_unknown_line_has_no_effect() -> None:
    lost = action("ACE", 1, "special_dividend", amount_usd=2.0, outcome="unknown_line")
    lost["security_id"] = "unknown:ACE"
    same = ace_and_bolt(lost, ace=[20.0, 20.0])
    assert same.changes() == []


def test_a_payment_that_is_not_below_the_close_is_refused() -> None:
    # A reported 20.00 on a close of 20.00 would leave a line worth nothing.
    wrong = ace_and_bolt(action("ACE", 1, "special_dividend", amount_usd=20.0), ace=[20.0, 20.0])
    assert wrong.changes() == []


def test_a_late_share_change_or_tender_counts_from_the_session_it_was_moved_to() -> None:
    tender = action("BOLT", 1, "tender_offer", ratio=0.5, outcome="delayed")
    late = ace_and_bolt(tender, ace=[20.0] * 3)
    assert [late.line("BOLT", day)["index_shares"] for day in range(3)] == [200.0, 200.0, 100.0]
    assert [row[:3] for row in late.changes()] == [(2, "share_change", "tender_offer BOLT")]


def test_terms_that_are_missing_change_nothing() -> None:
    for kind in ActionType:
        assert adjustment(Terms(kind=kind), cum_close_usd=20.0) == Adjustment()
    bare = Terms(kind=ActionType.STOCK_MERGER)
    assert (
        removal_price(bare, is_delayed=True, traded_before=False, counterparty_close_usd=12.0)
        is None
    )
