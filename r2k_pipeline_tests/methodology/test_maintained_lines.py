"""Members, those that joined since, and changed shares, laid against sessions.

Invariants: nobody leaves by a review; before its session a change alters nothing; what a
session holds does not depend on how far is built; no change moves the level at an open.
"""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.methodology.divisors import divisor_events
from r2k_pipeline.methodology.maintained_lines import maintained_lines
from r2k_pipeline.rulebook.family_file import parse_family
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_before, sessions_between

JUNE = event("2022-06")
RULES = rules_in_force(JUNE.rank_day)
JOINS = date(2022, 9, 19)
SESSIONS = [
    *sessions_before(JUNE.effective_session, 5),
    *sessions_between(JUNE.effective_session, date(2022, 9, 30)),
]
FAMILY = parse_family("indexes: {all: {name: All, ranks: [1, 4000]}}", file="f.yaml")
NEW = date(2022, 7, 1)
TOLD = {
    "session": pl.Date,
    "security_id": pl.String,
    "action_type": pl.String,
    "split_factor": pl.Float64,
    "amount_usd": pl.Float64,
    "ratio": pl.Float64,
    "counterparty_security_id": pl.String,
}


def quoted(name: str, company: str, *, first: date = SESSIONS[0]) -> pl.DataFrame:
    days = [day for day in SESSIONS if first <= day]
    return pl.DataFrame(
        {
            "session": days,
            "security_id": f"S-{name}",
            "company_id": f"C-{company}",
            "symbol": name,
            "name": name,
            "close_usd": [10.0 + 0.01 * SESSIONS.index(day) for day in days],
            "previous_close_usd": None,
            "line_shares": 100.0,
            "is_eligible": True,
        },
        schema_overrides={"previous_close_usd": pl.Float64},
    )


MARKET = pl.concat(
    [
        quoted("HAL", "HAL"),
        quoted("TWO.A", "TWO"),
        quoted("TWO.B", "TWO"),
        quoted("NEW", "NEW", first=NEW),
        quoted("NEW.B", "NEW", first=NEW),
    ]
)


def row(company: str, session: date = JOINS, **values: object) -> dict[str, object]:
    blank = {
        "change": "share_update",
        "segment": None,
        "indexes": None,
        "share_factor": None,
        "float_factor": None,
    }
    return {
        "session": session,
        "security_id": f"S-{company}",
        "company_id": f"C-{company}",
        "sector": "x",
        "event_id": JUNE.event_id,
        **blank,
        **values,
    }


JOINING = row("NEW", change="ipo_addition", segment="small", indexes="all", float_factor=0.25)


def laid(
    *rows: dict[str, object],
    universe: pl.DataFrame = MARKET,
    end: date = SESSIONS[-1],
    told: tuple[dict[str, object], ...] = (),
) -> pl.DataFrame:
    maintenance = pl.DataFrame(
        [*rows],
        schema={
            "session": pl.Date,
            **dict.fromkeys(
                ("security_id", "company_id", "sector", "event_id", "change", "segment", "indexes"),
                pl.String,
            ),
            "share_factor": pl.Float64,
            "float_factor": pl.Float64,
        },
    )
    decisions = pl.DataFrame(
        {
            "security_id": ["S-HAL", "S-TWO.A"],
            "company_id": ["C-HAL", "C-TWO"],
            "sector": "x",
            "segment": "small",
            "indexes": "all",
            "event_id": JUNE.event_id,
        }
    )
    return maintained_lines(
        decisions,
        maintenance.filter(pl.col("session") <= end),
        universe,
        pl.DataFrame(list(told), schema=TOLD).filter(pl.col("session") <= end),
        event=JUNE,
        sessions=[day for day in SESSIONS if day <= end],
        end=end,
        rules=RULES,
    )


def shares(rows: pl.DataFrame, name: str, day: date) -> float:
    found: float = rows.filter((pl.col("session") == day) & (pl.col("security_id") == f"S-{name}"))[
        "index_shares"
    ].item()
    return found


def test_without_maintenance_the_members_of_the_event_stand() -> None:
    assert set(laid()["security_id"]) == {"S-HAL", "S-TWO.A", "S-TWO.B"}


def test_who_joins_is_in_from_the_session_on_with_every_line_and_the_float() -> None:
    rows = laid(JOINING)
    new = rows.filter(pl.col("company_id") == "C-NEW")
    assert new["session"].min() == JOINS
    assert set(new["security_id"]) == {"S-NEW", "S-NEW.B"}
    assert new.select("index_shares", "float_factor", "event_id", "indexes").unique().rows() == [
        (25.0, 0.25, "2022-06", "all")
    ]
    before = laid()
    assert rows.filter(pl.col("company_id") != "C-NEW").equals(before)


def test_changed_shares_reach_all_lines_of_the_company_and_add_up() -> None:
    rows = laid(row("TWO", share_factor=1.5), row("TWO", date(2022, 9, 26), share_factor=0.5))
    for name in ("TWO.A", "TWO.B"):
        days = (date(2022, 9, 16), JOINS, date(2022, 9, 23), date(2022, 9, 26))
        assert [shares(rows, name, day) for day in days] == [100.0, 150.0, 150.0, 75.0]
    assert shares(rows, "HAL", JOINS) == 100.0
    values = rows["market_value_usd"] - rows["close_usd"] * rows["index_shares"]
    assert values.abs().max() == pytest.approx(0.0, abs=1e-9)


def test_an_updated_float_is_stated() -> None:
    rows = laid(row("HAL", share_factor=0.9, float_factor=0.9))
    assert rows.filter(pl.col("security_id") == "S-HAL").select(
        "index_shares", "float_factor"
    ).unique(maintain_order=True).rows() == [(100.0, 1.0), (90.0, 0.9)]


def test_who_stopped_trading_before_the_review_does_not_join() -> None:
    silent = MARKET.filter(
        (pl.col("company_id") != "C-NEW") | (pl.col("session") <= date(2022, 9, 9))
    )
    assert laid(JOINING, universe=silent)["company_id"].unique().sort().to_list() == [
        "C-HAL",
        "C-TWO",
    ]


def merged(target: str, acquirer: str, session: date) -> dict[str, object]:
    return {
        "session": session, "security_id": f"S-{target}", "action_type": "stock_merger",
        "ratio": 0.5, "counterparty_security_id": f"S-{acquirer}",
    }  # fmt: skip


FIRST = JUNE.effective_session


def test_a_target_that_ends_on_the_morning_of_the_event_is_paid_for_as_a_member() -> None:
    # HAL gives 50 of its shares for the 100 of each line of TWO that would have been held.
    rows = laid(told=(merged("TWO.A", "HAL", FIRST),))
    assert shares(rows, "HAL", FIRST) == 150.0
    assert "S-TWO.A" not in rows["security_id"].unique().to_list()


def test_a_new_parent_takes_the_place_of_a_target_of_the_morning_of_the_event() -> None:
    market = pl.concat([MARKET, quoted("PAR", "PAR", first=FIRST)])
    rows = laid(universe=market, told=(merged("TWO.A", "PAR", FIRST),))
    parent = rows.filter(pl.col("security_id") == "S-PAR").row(0, named=True)
    eve = 10.0 + 0.01 * (SESSIONS.index(FIRST) - 1)
    assert (parent["session"], parent["indexes"], parent["index_shares"]) == (FIRST, "all", 50.0)
    assert parent["previous_close_usd"] == pytest.approx(2 * eve)


@pytest.mark.parametrize(
    ("target", "rows", "grown"),
    [("TWO.A", (row("TWO", share_factor=1.2),), 160.0), ("NEW", (JOINING,), 112.5)],
    ids=["its shares change", "it would join"],
)
def test_a_target_of_the_morning_of_a_review_is_paid_for_as_reviewed(
    target: str, rows: tuple[dict[str, object], ...], grown: float
) -> None:
    found = laid(*rows, told=(merged(target, "HAL", JOINS),))
    assert [shares(found, "HAL", day) for day in (date(2022, 9, 16), JOINS)] == [100.0, grown]
    assert found.filter(
        (pl.col("security_id") == f"S-{target}") & (pl.col("session") >= JOINS)
    ).is_empty()


def test_a_merger_that_was_told_before_the_event_counts_as_the_feed_shows_it() -> None:
    assert laid(told=(merged("TWO.A", "HAL", SESSIONS[2]),)).equals(
        laid().filter(pl.col("security_id") != "S-TWO.A")
    )


def test_a_line_that_is_taken_over_on_the_morning_of_the_event_never_enters() -> None:
    # It traded on the eve, so it is gone before the open.
    offer = {
        "session": FIRST, "security_id": "S-HAL", "action_type": "tender_offer", "ratio": 0.95,
        "amount_usd": 12.0,
    }  # fmt: skip
    assert set(laid(told=(offer,))["security_id"]) == {"S-TWO.A", "S-TWO.B"}


def test_a_float_that_is_reviewed_after_a_tender_offer_has_the_offer_in_it() -> None:
    offer = {
        "session": date(2022, 8, 1), "security_id": "S-HAL", "action_type": "tender_offer",
        "ratio": 0.25,
    }  # fmt: skip
    rows = laid(row("HAL", share_factor=0.6, float_factor=0.6), told=(offer,))
    days = (date(2022, 7, 29), date(2022, 8, 1), JOINS)
    assert [shares(rows, "HAL", day) for day in days] == [100.0, 75.0, 60.0]
    floats = rows.filter(pl.col("security_id") == "S-HAL")["float_factor"]
    assert floats.unique(maintain_order=True).to_list() == [1.0, 0.75, 0.6]


def test_neither_additions_nor_updates_move_the_level_at_an_open() -> None:
    rows = laid(JOINING, row("HAL", date(2022, 9, 26), share_factor=1.2))
    days = [day for day in SESSIONS if day >= JUNE.effective_session]
    ledger = divisor_events(
        rows, pl.DataFrame(schema=TOLD), sessions=days, family=FAMILY,
        base_session=days[0], factors=pl.DataFrame(),
    )  # fmt: skip
    assert ledger.select("session", "cause").rows() == [
        (days[0], "base"),
        (JOINS, "addition"),
        (date(2022, 9, 26), "share_update"),
    ]
    # All closes rise alike, so the level must rise as one line's close does.
    values = dict(rows.group_by("session").agg(pl.col("market_value_usd").sum()).rows())
    factors = dict(ledger.filter(pl.col("cause") != "base").select("session", "factor").rows())
    divisor, close = values[days[0]], 10.0 + 0.01 * SESSIONS.index(days[0])
    for day in days[1:]:
        divisor *= factors.get(day, 1.0)
        expected = (10.0 + 0.01 * SESSIONS.index(day)) / close
        assert values[day] / divisor == pytest.approx(expected)


changes = st.lists(
    st.tuples(
        st.sampled_from(["HAL", "TWO"]),
        st.sampled_from(sessions_between(JUNE.effective_session, SESSIONS[-1])),
        st.floats(0.5, 2.0),
    ),
    max_size=5,
    unique_by=lambda change: change[:2],
)


@given(changes, st.sampled_from(sessions_between(date(2022, 7, 1), SESSIONS[-1])))
@settings(max_examples=25, deadline=None)
def test_a_session_does_not_depend_on_how_far_is_built(
    found: list[tuple[str, date, float]], end: date
) -> None:
    rows = [JOINING, *(row(name, day, share_factor=factor) for name, day, factor in found)]
    whole, part = laid(*rows), laid(*rows, end=end)
    assert part.equals(whole.filter(pl.col("session") <= end))
    members = whole.group_by("session", maintain_order=True).agg(pl.col("security_id").n_unique())
    assert members["security_id"].to_list() == sorted(members["security_id"])
