"""Every row of the table of corporate actions, worked by hand.

The table is section 7 of the project's description of the methodology ("Corporate actions
between reconstitutions"), which names its sources; the level is section 8. Where a figure
is that of a source it says so, all others are our own examples: ACE has 100 shares at 20,
BOLT 200 shares at 5, together 3,000 USD = 1,000 points, so the divisor begins at 3. Who
joins and who leaves otherwise is `test_action_membership`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from r2k_pipeline.methodology.action_treatment import APPLICATION_ORDER, TREATMENTS
from r2k_pipeline.rulebook.action_types import ActionType
from r2k_pipeline_tests.methodology.action_index import ace_and_bolt, action


def test_the_table_has_one_row_a_kind_in_the_order_of_application() -> None:
    assert [row.kind for row in TREATMENTS] == list(ActionType)
    order = [APPLICATION_ORDER[kind] for kind in ("split", "special_dividend", "stock_merger")]
    assert order == sorted(order)


@pytest.mark.parametrize("factor", [2.0, 0.1, 1.05])
def test_split_reverse_split_and_stock_dividend_change_no_level(factor: float) -> None:
    # Ex-date: shares x k, price / k; no divisor. The level only follows the price.
    split = ace_and_bolt(action("ACE", 1, "split", split_factor=factor), ace=[20.0, 21.0 / factor])
    assert split.changes() == []
    assert split.line("ACE", 1)["index_shares"] == pytest.approx(100.0 * factor)
    assert split.levels() == pytest.approx([1000.0, 1e3 * (2100 + 1000) / 3000])


def test_an_ordinary_dividend_is_in_total_return_only() -> None:
    # 0.50 on 100 shares: 50 of 3,000. The price falls by it, total return stays; 30 % of it
    # is withheld: (2,950 + 35) / 3,000.
    paid = ace_and_bolt(action("ACE", 1, "cash_dividend", amount_usd=0.5), ace=[20.0, 19.5])
    assert paid.levels() == pytest.approx([1000.0, 1e3 * 2950 / 3000])
    assert paid.levels("total_return_level") == pytest.approx([1000.0, 1000.0])
    assert paid.levels("net_total_return_level") == pytest.approx([1000.0, 995.0])
    assert paid.changes() == [(1, "dividend", "cash_dividend ACE", 1.0)]


def test_what_is_withheld_follows_the_country() -> None:
    paid = action("ACE", 1, "cash_dividend", amount_usd=0.5)
    plain = ace_and_bolt(paid, ace=[20.0, 19.5])
    irish = replace(plain, countries={"ACE": "Ireland"})
    assert irish.levels("net_total_return_level")[1] == pytest.approx(1e3 * (2950 + 37.5) / 3000)
    bermudan = replace(plain, countries={"ACE": "Bermuda"})
    assert bermudan.levels("net_total_return_level")[1] == pytest.approx(1000.0)


def test_a_special_dividend_is_taken_off_the_price_and_the_divisor() -> None:
    # 2.00 on 100 shares: 3,000 become 2,800, and so the divisor 2.8. The price falls by it and
    # no level moves but the net one: 2,800 / (2,800 + 60).
    paid = ace_and_bolt(action("ACE", 1, "special_dividend", amount_usd=2.0), ace=[20.0, 18.0])
    assert paid.line("ACE", 1)["previous_close_usd"] == 18.0
    assert paid.changes() == [
        (1, "special_dividend", "special_dividend ACE", pytest.approx(2800 / 3000))
    ]
    assert paid.levels("divisor") == pytest.approx([3.0, 2.8])
    assert paid.levels() == pytest.approx([1000.0, 1000.0])
    assert paid.levels("total_return_level") == pytest.approx([1000.0, 1000.0])
    assert paid.levels("net_total_return_level")[1] == pytest.approx(1e3 * 2800 / 2860)


def test_a_special_dividend_is_taxed_on_the_shares_that_the_ex_date_opens_with() -> None:
    # 2.00 on 150 shares, half as many more than on the eve: 150 x 18 + 1,000 = 3,700 at the
    # open, and 30 % of 300 is withheld: 3,700 / 3,790.
    paid = ace_and_bolt(
        action("ACE", 1, "special_dividend", amount_usd=2.0),
        action("ACE", 1, "share_change", ratio=1.5),
        ace=[20.0, 18.0],
    )
    assert paid.levels() == pytest.approx([1000.0, 1000.0])
    assert paid.levels("net_total_return_level")[1] == pytest.approx(1e3 * 3700 / 3790)


def test_rights_of_the_same_morning_are_not_paid_a_special_dividend() -> None:
    # 2.00 on 100 shares; at 18 one new for four at 13: (4 x 18 + 13) / 5 = 17, 125 shares.
    paid = ace_and_bolt(
        action("ACE", 1, "special_dividend", amount_usd=2.0),
        action("ACE", 1, "rights_issue", ratio=0.25, amount_usd=13.0),
        ace=[20.0, 17.0],
    )
    assert paid.levels() == pytest.approx([1000.0, 1000.0])
    assert paid.levels("net_total_return_level")[1] == pytest.approx(1e3 * 3125 / 3185)


def test_the_fourth_special_dividend_in_a_row_is_an_ordinary_one() -> None:
    habit = action("ACE", 1, "special_dividend", amount_usd=0.5, outcome="as_ordinary")
    paid = ace_and_bolt(habit, ace=[20.0, 19.5])
    assert paid.changes() == [(1, "dividend", "special_dividend ACE", 1.0)]
    assert paid.levels("total_return_level") == pytest.approx([1000.0, 1000.0])


def test_a_return_of_capital_cuts_the_price_and_is_not_taxed() -> None:
    paid = ace_and_bolt(action("ACE", 1, "return_of_capital", amount_usd=2.0), ace=[20.0, 18.0])
    assert paid.changes() == [
        (1, "return_of_capital", "return_of_capital ACE", pytest.approx(2800 / 3000))
    ]
    assert paid.levels("net_total_return_level") == pytest.approx([1000.0, 1000.0])


def test_a_rights_issue_is_taken_up_in_full_at_the_theoretical_price() -> None:
    # One new for four at 12: (4 x 20 + 12) / 5 = 18.40, 125 shares, 2,300 instead of 2,000.
    rights = ace_and_bolt(
        action("ACE", 1, "rights_issue", ratio=0.25, amount_usd=12.0), ace=[20.0, 18.4]
    )
    day = rights.line("ACE", 1)
    assert (day["previous_close_usd"], day["index_shares"]) == (pytest.approx(18.4), 125.0)
    assert rights.changes() == [(1, "rights_issue", "rights_issue ACE", pytest.approx(3300 / 3000))]
    assert rights.levels() == pytest.approx([1000.0, 1000.0])


def test_rights_that_cost_as_much_as_the_share_are_worth_nothing() -> None:
    rights = ace_and_bolt(
        action("ACE", 1, "rights_issue", ratio=0.25, amount_usd=20.0), ace=[20.0, 20.0]
    )
    assert rights.changes() == []
    assert rights.line("ACE", 1)["index_shares"] == 100.0


def test_a_share_change_counts_at_once_and_without_buffer() -> None:
    more = ace_and_bolt(action("ACE", 1, "share_change", ratio=1.004), ace=[20.0, 20.0])
    assert more.changes() == [(1, "share_change", "share_change ACE", pytest.approx(3008 / 3000))]
    assert more.levels() == pytest.approx([1000.0, 1000.0])


def test_a_cash_target_with_an_active_market_leaves_at_its_last_price() -> None:
    deal = ace_and_bolt(action("BOLT", 1, "cash_merger", amount_usd=5.02), ace=[20.0, 20.0])
    assert deal.sessions_of("BOLT") == [0]
    assert deal.changes() == [(1, "merger", "cash_merger BOLT", pytest.approx(2000 / 3000))]
    assert deal.levels() == pytest.approx([1000.0, 1000.0])


@pytest.mark.parametrize("reason", ["halted", "delayed"])
def test_a_cash_target_that_is_halted_or_late_leaves_at_the_terms(reason: str) -> None:
    # Figures of appendix E: 5.00 last, 5.02 deal, remove at 5.02. It is held at 5.02 through
    # the session and leaves after it: (2,000 + 1,004) / 3.
    halted = reason == "halted"
    deal = ace_and_bolt(
        action("BOLT", 1, "cash_merger", amount_usd=5.02, outcome=None if halted else "delayed"),
        ace=[20.0, 20.0, 20.0],
        closes={"BOLT": [5.0, None, None]},
    )
    if halted:
        deal = ace_and_bolt(
            action("BOLT", 2, "cash_merger", amount_usd=5.02),
            ace=[20.0, 20.0, 20.0, 20.0],
            closes={"BOLT": [5.0, None, None, None]},
        )
    last = 2 if halted else 1
    assert deal.line("BOLT", last)["close_usd"] == 5.02
    assert deal.line("BOLT", last)["status"] == "synthetic"
    assert deal.levels()[last:] == pytest.approx([1e3 * 3004 / 3000] * 2)
    assert deal.changes() == [(last + 1, "merger", "cash_merger BOLT", pytest.approx(2000 / 3004))]


def test_a_stock_merger_of_two_members_swaps_the_shares_at_the_same_moment() -> None:
    # 0.2 of ACE for each of 200 BOLT: 40 more. 1,000 of BOLT leave, 40 x 20 = 800 come.
    deal = ace_and_bolt(
        action("BOLT", 1, "stock_merger", ratio=0.2, counterparty_security_id="ACE"),
        ace=[20.0, 20.0],
    )
    assert deal.line("ACE", 1)["index_shares"] == 140.0
    assert deal.changes() == [(1, "merger", "stock_merger BOLT", pytest.approx(2800 / 3000))]
    assert deal.levels() == pytest.approx([1000.0, 1000.0])


def test_a_merger_for_stock_and_cash_brings_only_the_stock() -> None:
    # 0.1 of ACE and 3.00 for each of 200 BOLT: 20 more ACE, 400 USD; 600 leave the index.
    deal = ace_and_bolt(
        action(
            "BOLT", 1, "stock_merger", ratio=0.1, amount_usd=3.0, counterparty_security_id="ACE"
        ),
        ace=[20.0, 20.0],
    )
    assert deal.line("ACE", 1)["index_shares"] == 120.0
    assert deal.changes() == [(1, "merger", "stock_merger BOLT", pytest.approx(2400 / 3000))]
    assert deal.levels() == pytest.approx([1000.0, 1000.0])


@pytest.mark.parametrize(("cash", "price"), [(None, 2.40), (2.0, 4.40)])
def test_a_stock_target_that_is_late_leaves_at_the_acquirers_close_times_the_ratio(
    cash: float | None, price: float
) -> None:
    # Figures of appendix E: 12.00 x 0.2 = 2.40; with 2 in cash 4.40.
    deal = ace_and_bolt(
        action(
            "BOLT", 1, "stock_merger", ratio=0.2, amount_usd=cash, outcome="delayed",
            counterparty_security_id="ACE",
        ),
        ace=[12.0, 12.0, 12.0],
    )  # fmt: skip
    assert deal.line("BOLT", 1)["close_usd"] == pytest.approx(price)
    assert deal.sessions_of("BOLT") == [0, 1]
    shares = [deal.line("ACE", day)["index_shares"] for day in range(3)]
    assert shares == [100.0, 100.0, 140.0]
    assert deal.levels()[2] == pytest.approx(deal.levels()[1])


def test_a_member_bought_by_a_company_that_is_none_is_deleted() -> None:
    deal = ace_and_bolt(
        action("BOLT", 1, "stock_merger", ratio=0.2, counterparty_security_id="BIG"),
        ace=[20.0, 20.0],
        closes={"BIG": [25.0, 25.0]},
    )
    assert deal.lines()["security_id"].unique().sort().to_list() == ["ACE", "BOLT"]
    assert deal.changes() == [(1, "merger", "stock_merger BOLT", pytest.approx(2000 / 3000))]


def test_a_new_listed_parent_takes_the_place_of_a_member() -> None:
    # One NEWP for two BOLT: it begins at 5 / 0.5 = 10 with 100 shares, as much as BOLT was.
    deal = ace_and_bolt(
        action("BOLT", 1, "stock_merger", ratio=0.5, counterparty_security_id="NEWP"),
        ace=[20.0, 20.0],
        closes={"NEWP": [None, 11.0]},
    )
    row = deal.line("NEWP", 1)
    assert (row["previous_close_usd"], row["index_shares"]) == (10.0, 100.0)
    assert row["indexes"] == "r3000 r2000"
    assert deal.changes() == [(1, "merger", "stock_merger BOLT, stock_merger NEWP", 1.0)]
    assert deal.levels() == pytest.approx([1000.0, 1e3 * 3100 / 3000])


def test_an_acquirer_of_a_company_that_is_no_member_grows_without_buffer() -> None:
    # 50 shares of TINY for 0.1 of ACE each: 5 more, 100 USD.
    deal = ace_and_bolt(
        action("TINY", 1, "stock_merger", ratio=0.1, counterparty_security_id="ACE"),
        ace=[20.0, 20.0],
        closes={"TINY": [2.0]},
        shares={"TINY": 50.0},
    )
    assert deal.line("ACE", 1)["index_shares"] == 105.0
    assert deal.changes() == [(1, "merger", "stock_merger TINY", pytest.approx(3100 / 3000))]


def test_a_merger_across_indexes_moves_each_of_them() -> None:
    # Appendix E: the acquirer stays in the large index, the target leaves the small one.
    deal = ace_and_bolt(
        action("BOLT", 1, "stock_merger", ratio=0.2, counterparty_security_id="BIG"),
        ace=[20.0, 20.0],
        closes={"BIG": [25.0, 25.0]},
    )
    deal = replace(deal, places={**deal.places, "BIG": "r3000 r1000"})
    assert deal.changes("r2000") == [(1, "merger", "stock_merger BOLT", pytest.approx(2 / 3))]
    assert deal.changes("r1000") == [(1, "merger", "stock_merger BOLT", pytest.approx(1.4))]
    assert deal.changes("r3000") == [
        (1, "merger", "stock_merger BOLT", pytest.approx((5500 - 1000 + 1000) / 5500))
    ]
    assert deal.line("BIG", 1)["indexes"] == "r3000 r1000"


def test_a_tender_offer_removes_at_ninety_per_cent_and_takes_off_less() -> None:
    taken = ace_and_bolt(
        action("BOLT", 1, "tender_offer", ratio=0.9, amount_usd=5.1), ace=[20.0, 20.0]
    )
    assert taken.sessions_of("BOLT") == [0]
    assert taken.changes() == [(1, "merger", "tender_offer BOLT", pytest.approx(2 / 3))]
    # 30 of 100 from a float of 80: 50 of 80 remain, 125 of 200 shares x 80 %.
    some = ace_and_bolt(action("BOLT", 1, "tender_offer", ratio=0.3), ace=[20.0, 20.0])
    some = replace(some, floats={"BOLT": 0.8})
    row = some.line("BOLT", 1)
    assert (row["index_shares"], row["float_factor"]) == (pytest.approx(100.0), pytest.approx(0.5))
    assert some.changes() == [(1, "share_change", "tender_offer BOLT", pytest.approx(2500 / 2800))]


def test_a_tender_offer_that_leaves_less_than_five_per_cent_of_float_removes() -> None:
    taken = ace_and_bolt(action("BOLT", 1, "tender_offer", ratio=0.3), ace=[20.0, 20.0])
    taken = replace(taken, floats={"BOLT": 0.34})
    assert taken.sessions_of("BOLT") == [0]


def test_a_tender_offer_takes_a_halted_target_over_at_its_price() -> None:
    # Not traded the session before: held through the session at 5.10, and gone after it.
    taken = ace_and_bolt(
        action("BOLT", 2, "tender_offer", ratio=0.95, amount_usd=5.1),
        ace=[20.0] * 4,
        closes={"BOLT": [5.0, None, None, None]},
    )
    assert taken.sessions_of("BOLT") == [0, 1, 2]
    assert taken.line("BOLT", 2)["close_usd"] == 5.1
    assert taken.levels()[2:] == pytest.approx([1e3 * 3020 / 3000] * 2)
    assert taken.changes() == [(3, "merger", "tender_offer BOLT", pytest.approx(2000 / 3020))]
