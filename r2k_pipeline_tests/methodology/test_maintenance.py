"""What changes between events: golden cases worked by hand.

The market of the cases stands in `reviewed_market`; its breakpoints are 66, 22 and 11 bn.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from r2k_pipeline.methodology.market_adjustment import market_ratios
from r2k_pipeline.rulebook.reviews import review
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline_tests.reviewed_market import (
    ACTIONS,
    FLOATS,
    JUNE,
    MEMBERS,
    Line,
    ipo,
    member,
    universe_of,
    worked,
)

SEPTEMBER = review("2022-09")


def added(rows: pl.DataFrame) -> dict[str, str]:
    found = rows.filter(pl.col("change") == "ipo_addition").select("symbol", "segment").rows()
    return dict(found)


def test_the_market_of_the_cases_has_risen_by_a_tenth() -> None:
    days = sessions_between(JUNE.rank_day, SEPTEMBER.cut_off_day)
    universe = universe_of(MEMBERS, days, rise_after=JUNE.rank_day)
    ratios = market_ratios(universe, pl.DataFrame(schema=ACTIONS))
    assert ratios["market_ratio"][0] == 1.0
    assert ratios["market_ratio"][-1] == pytest.approx(1.1)


def test_ipos_are_placed_by_the_moved_breakpoints() -> None:
    rows = worked(
        ipo("LARGE", 66.1), ipo("EDGE", 60.0), ipo("SMALL", 22.1), ipo("MICRO", 22.0),
        ipo("LAST", 11.1), ipo("OUT", 10.9),
    )  # fmt: skip
    assert added(rows) == {
        "LARGE": "large",
        "EDGE": "small",
        "SMALL": "small",
        "MICRO": "micro",
        "LAST": "micro",
    }
    large = rows.filter(pl.col("symbol") == "LARGE", pl.col("segment").is_not_null()).row(
        0, named=True
    )
    assert large["session"] == SEPTEMBER.effective_session == date(2022, 9, 19)
    assert (large["review_id"], large["event_id"]) == ("2022-09", "2022-06")
    assert (large["indexes"], large["edges_above"]) == ("big", "2 4 5")
    assert large["decided_day"] == date(2022, 8, 12)
    assert large["float_factor"] == pytest.approx(1 / 3)
    assert large["reason"] == (
        "first traded on 2022-07-01; its $66.1 bn on 2022-08-12 exceed the smallest company of "
        "2022-06, which the market has moved by +10.0 %"
    )


@pytest.mark.parametrize(
    ("first", "review_id"),
    [
        (date(2022, 5, 9), "2022-09"),  # the first session after the rank day of 6 May
        (date(2022, 8, 12), "2022-09"),
        (date(2022, 8, 15), "2022-12"),
        (date(2022, 11, 14), "2023-03"),
    ],
)
def test_an_ipo_joins_at_the_review_of_its_window(first: date, review_id: str) -> None:
    rows = worked(ipo("NEW", 30.0, first))
    joins = rows.filter(pl.col("change") == "ipo_addition")
    assert joins.select("symbol", "review_id").rows() == [("NEW", review_id)]


def test_an_ipo_of_the_rank_day_was_ranked_and_does_not_join() -> None:
    assert added(worked(ipo("NEW", 30.0, JUNE.rank_day))) == {}


def test_what_is_no_ipo_does_not_join() -> None:
    july = date(2022, 7, 1)
    rows = worked(
        Line(name="OTC", cap_bn=30.0, first=july),  # the feed gives no year
        Line(name="OLD", cap_bn=30.0, first=july, ipo_year=2019),
        ipo("WASSPAC", 30.0, kind="spac"),
        ipo("MERGED", 30.0),
        ipo("MERGED.W", 0.1, kind="warrant", company="MERGED"),
        ipo("CLASSB", 30.0, company="A"),
        ipo("CHILD", 30.0),
        ipo("FOREIGN", 30.0, is_eligible=False),
        ipo("REAL", 30.0),
        actions=(
            {"session": july, "security_id": "S-A", "action_type": "spin_off",
             "counterparty_symbol": "CHILD"},
        ),
    )  # fmt: skip
    assert added(rows) == {"REAL": "small"}


def test_nobody_joins_twice() -> None:
    rows = worked(ipo("NEW", 30.0))
    assert rows.filter(pl.col("segment").is_not_null()).height == 1


def test_locked_up_shares_count_from_the_review_after_their_expiry() -> None:
    july, november = date(2022, 7, 1), date(2022, 11, 1)
    rows = worked(ipo("NEW", 30.0, july), ipo("LATE", 30.0, november)).sort("session", "symbol")
    # 180 days from 1 July end on 28 December: March is the first review after that. Those of
    # November end in April, after its cut-off.
    assert rows.select("symbol", "review_id", "change", "share_factor", "float_factor").rows() == [
        ("NEW", "2022-09", "ipo_addition", None, pytest.approx(1 / 3)),
        ("LATE", "2022-12", "ipo_addition", None, pytest.approx(1 / 3)),
        ("NEW", "2023-03", "float_update", 3.0, 1.0),
    ]
    assert rows["reason"][-1] == "lock-up expired on 2022-12-28; no float is known"


def test_a_known_float_takes_the_place_of_the_assumed_one() -> None:
    floats = pl.DataFrame([(date(2022, 9, 1), "S-NEW", 0.4)], schema=FLOATS, orient="row")
    rows = worked(ipo("NEW", 30.0), floats=floats)
    assert rows.select("change", "float_factor").rows() == [("ipo_addition", 0.4)]


def test_ipos_waited_for_june_before_september_2004() -> None:
    june = event("2003-06")
    rows = worked(ipo("NEW", 30.0, date(2003, 7, 15)), of=june, until=date(2004, 6, 1))
    assert rows.is_empty()
    rows = worked(ipo("NEW", 30.0, date(2004, 8, 19)), of=event("2004-06"), until=date(2004, 10, 1))
    assert rows.select("symbol", "session").rows() == [("NEW", date(2004, 10, 1))]


def updates(rows: pl.DataFrame) -> list[tuple[str, float]]:
    found = rows.filter(pl.col("change") == "share_update")
    return [(r, round(f, 6)) for r, f in found.select("review_id", "share_factor").rows()]


def test_a_change_of_one_per_cent_is_not_enough_and_a_little_more_is() -> None:
    assert updates(worked(members=member(d20220715=101.0))) == []
    assert updates(worked(members=member(d20220715=101.1))) == [("2022-09", 1.011)]
    assert updates(worked(members=member(d20220715=98.9))) == [("2022-09", 0.989)]


def test_small_changes_add_up() -> None:
    members = member(d20220715=100.7, d20221003=101.4, d20230103=102.0)
    rows = worked(members=members)
    # +0.7 % in September is too little, +1.4 % in December is not, +0.59 % in March is again.
    assert updates(rows) == [("2022-12", 1.014)]
    assert rows["reason"].to_list() == [
        "shares moved by +1.4 % since they were last set, beyond 1 %"
    ]


def test_what_is_seen_only_at_the_cut_off_is_not_believed() -> None:
    assert updates(worked(members=member(d20220808=130.0, d20220815=100.0))) == []
    # Nor what first shows between cut-off and announcement: the next review has it.
    assert updates(worked(members=member(d20220815=130.0))) == [("2022-12", 1.3)]


def test_a_change_by_a_factor_of_two_is_left_to_the_reconstitution() -> None:
    assert updates(worked(members=member(d20220715=199.0))) == [("2022-09", 1.99)]
    assert updates(worked(members=member(d20220715=200.0))) == []
    assert updates(worked(members=member(d20220715=49.0))) == []


def test_a_split_is_no_change_of_shares() -> None:
    day = date(2022, 7, 15)
    split = {
        "session": day,
        "security_id": "S-A",
        "action_type": "split",
        "split_factor": 3.0,
    }
    for shares, expected in ((300.0, []), (306.0, [("2022-09", 1.02)])):
        first = replace(member(d20220715=shares)[0], price={day: 1 / 3})
        assert updates(worked(members=(first, *MEMBERS[1:]), actions=(split,))) == expected


def test_a_class_that_becomes_dearer_than_another_changes_no_shares() -> None:
    second = Line(name="A.B", cap_bn=50.0, company="A", price={date(2022, 7, 15): 1.5})
    assert updates(worked(second)) == []
    grown = replace(second, shares={date(2022, 8, 1): 110.0})
    assert updates(worked(grown, members=member(d20220801=110.0))) == [("2022-09", 1.1)]


def test_a_further_class_is_no_growth_of_the_first() -> None:
    assert updates(worked(ipo("A.NEW", 30.0, company="A"))) == []


def test_additions_are_updated_from_the_next_review_on() -> None:
    new = ipo("NEW", 30.0, shares={date(2022, 7, 1): 100.0, date(2022, 10, 3): 110.0})
    rows = worked(new).filter(pl.col("symbol") == "NEW")
    assert rows.select("review_id", "change", "share_factor").rows() == [
        ("2022-09", "ipo_addition", None),
        ("2022-12", "share_update", pytest.approx(1.1)),
        ("2023-03", "float_update", 3.0),
    ]


def test_shares_changed_monthly_by_five_per_cent_until_2016() -> None:
    members = (replace(MEMBERS[0], shares={date(2010, 9, 7): 104.0, date(2010, 10, 4): 106.0}),)
    rows = worked(members=(*members, *MEMBERS[1:]), of=event("2010-06"), until=date(2011, 2, 1))
    assert updates(rows) == [("2010-10", 1.06)]


def test_floats_move_beyond_their_buffers() -> None:
    floats = pl.DataFrame(
        [
            (day, f"S-{name}", factor)
            for name, before, after in (("A", 0.60, 0.62), ("B", 0.60, 0.64), ("C", 0.10, 0.115))
            for day, factor in ((JUNE.rank_day, before), (date(2022, 8, 1), after))
        ],
        schema=FLOATS,
        orient="row",
    )
    rows = worked(floats=floats)
    assert rows.select("symbol", "change", "float_factor").rows() == [
        ("B", "float_update", 0.64),
        ("C", "float_update", 0.115),
    ]
    assert rows["share_factor"].to_list() == pytest.approx([0.64 / 0.60, 0.115 / 0.10])


def listing(name: str, day: date, offered: float) -> dict[str, object]:
    return {"session": day, "security_id": f"S-{name}", "action_type": "listing", "ratio": offered}


def test_fast_entries_begin_in_2026_and_join_after_five_sessions() -> None:
    june = event("2026-06")
    first = date(2026, 7, 13)
    case = {"actions": (listing("BIG", first, 0.5), listing("NOT", first, 0.1))}
    lines = (ipo("BIG", 40.0, first), ipo("NOT", 40.0, first))
    rows = worked(*lines, of=june, until=date(2026, 8, 3), **case)  # type: ignore[arg-type]  # as spelled
    # 500 companies are not ranked here, so the last one's 10 bn stand, moved to 11.
    assert rows.select("symbol", "change", "session", "float_factor", "review_id").rows() == [
        ("BIG", "fast_entry", date(2026, 7, 20), 0.5, None)
    ]
    july = date(2022, 7, 13)
    before = worked(ipo("BIG", 40.0, july), actions=(listing("BIG", july, 0.5),))
    assert before["change"].to_list() == ["ipo_addition", "float_update"]


def offering(day: date, price: float, part: float) -> dict[str, object]:
    return {"session": day, "security_id": "S-A", "action_type": "offering",
            "amount_usd": price, "ratio": part}  # fmt: skip


@pytest.mark.parametrize(
    ("price", "part", "is_applied"),
    [
        (5.0, 0.05, True),  # 5 % of 1 bn shares at $5 are 250 m
        (4.9, 0.05, False),
        (6.0, 0.04, False),
        (25.0, 0.04, True),  # 4 % at $25 are 1 bn
    ],
)
def test_large_offerings_count_two_sessions_later(
    price: float, part: float, *, is_applied: bool
) -> None:
    rows = worked(actions=(offering(date(2022, 7, 14), price, part),), until=date(2022, 8, 1))
    expected = [("offering", date(2022, 7, 18), 1 + part)] if is_applied else []
    assert rows.select("change", "session", "share_factor").rows() == expected


def test_an_offering_that_was_applied_is_not_counted_again() -> None:
    priced = offering(date(2022, 7, 14), 5.0, 0.05)
    rows = worked(members=member(d20220801=105.2), actions=(priced,))
    # 105.2 is 0.19 % above the 105 in force: no update.
    assert rows["change"].to_list() == ["offering"]
