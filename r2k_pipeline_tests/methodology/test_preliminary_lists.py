"""Lists between rank day and lock-down.

Invariants: a list knows nothing that came after its day; a company is on a list once; what
is withdrawn was on the list before; from lock-down on nothing changes.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import require_shape
from r2k_pipeline.methodology.departures import departed_companies, without_departed
from r2k_pipeline.methodology.preliminary_lists import preliminary_lists
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_between

JUNE = event("2022-06")  # lists on 3, 10 and 17 June, lock-down from 13 June
RULES = rules_in_force(JUNE.rank_day)
DAYS = sessions_between(JUNE.rank_day, JUNE.effective_friday)
LISTS = [date(2022, 6, 3), date(2022, 6, 10), date(2022, 6, 17)]
SCHEMA = {"session": pl.Date, "security_id": pl.String, "action_type": pl.String}
CHANGES = {
    "ADD": (None, "small", "enters"),
    "DEL": ("small", None, "leaves"),
    "UP": ("small", "large", "moves_up"),
    "WITHIN": ("large", "large", "stays_by_rank"),
    "STAY": ("small", "small", "stays_by_rank"),
}


def decisions() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "event_id": JUNE.event_id,
            "company_id": [f"C-{name}" for name in CHANGES],
            "security_id": [f"S-{name}" for name in CHANGES],
            "symbol": list(CHANGES),
            "name": None,
            "sector": None,
            "rank": range(1, len(CHANGES) + 1),
            "total_market_cap_usd": 1e9,
            "previous_segment": [before for before, _, _ in CHANGES.values()],
            "segment": [after for _, after, _ in CHANGES.values()],
            "previous_indexes": [None, "r3000", "r3000", "r1000 rtop200", "r3000"],
            "indexes": ["r3000", None, "r3000 r1000", "r1000 rmidcap", "r3000"],
            "edges_above": "3000",
            "decision": [decision for _, _, decision in CHANGES.values()],
            "reason": "by its rank",
        },
        schema_overrides={"name": pl.String, "sector": pl.String, "rank": pl.Int32},
    )


def traded(
    last: dict[str, date] | None = None,
    *,
    twins: tuple[str, ...] = (),
    missing: tuple[date, ...] = (),
) -> pl.DataFrame:
    """Every company's line on every session; some only to a last day, some with a twin line."""
    ends = last or {}
    return pl.DataFrame(
        [
            (day, f"S-{name}{twin}", f"C-{name}", 10.0, name != "DEL")
            for name in CHANGES
            for twin in ("", ".B")[: 2 if name in twins else 1]
            for day in DAYS
            if day not in missing and (twin or day <= ends.get(name, JUNE.effective_session))
        ],
        schema=["session", "security_id", "company_id", "close_usd", "is_eligible"],
        orient="row",
    )


def ending(name: str, session: date, kind: str = "cash_merger") -> pl.DataFrame:
    return pl.DataFrame([(session, f"S-{name}", kind)], schema=SCHEMA, orient="row")


def listed(
    universe: pl.DataFrame, actions: pl.DataFrame | None = None, until: date = DAYS[-1]
) -> pl.DataFrame:
    told = pl.DataFrame(schema=SCHEMA) if actions is None else actions
    rows = preliminary_lists(decisions(), universe, told, event=JUNE, until=until, rules=RULES)
    return require_shape(contract("preliminary_lists"), rows)


def history(rows: pl.DataFrame, name: str) -> list[tuple[date, str]]:
    return rows.filter(pl.col("symbol") == name).select("list_day", "change_since_last").rows()


def test_a_list_holds_additions_deletions_and_moves_and_nobody_who_stays() -> None:
    rows = listed(traded())
    assert rows["list_day"].unique().sort().to_list() == LISTS
    first = rows.filter(pl.col("list_day") == LISTS[0])
    assert dict(first.select("symbol", "change").rows()) == {
        "ADD": "addition",
        "DEL": "deletion",
        "UP": "move_up",
        "WITHIN": "move_within",
    }
    assert set(first["change_since_last"]) == {"new"}
    assert set(rows.filter(pl.col("list_day") > LISTS[0])["change_since_last"]) == {"unchanged"}


def test_a_merger_before_lock_down_withdraws_the_addition() -> None:
    universe = traded({"ADD": date(2022, 6, 7)})
    rows = listed(universe, ending("ADD", date(2022, 6, 8)))
    assert history(rows, "ADD") == [(LISTS[0], "new"), (LISTS[1], "withdrawn")]
    withdrawn = rows.filter(pl.col("change_since_last") == "withdrawn").row(0, named=True)
    assert withdrawn["change"] == "addition"
    assert withdrawn["reason"] == "withdrawn: its last line ended on 2022-06-07"


def test_a_merger_after_lock_down_changes_no_list() -> None:
    universe = traded({"ADD": date(2022, 6, 13)})
    rows = listed(universe, ending("ADD", date(2022, 6, 14)))
    assert [said for _, said in history(rows, "ADD")] == ["new", "unchanged", "unchanged"]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        # Six sessions of silence by 10 June, which is one more than a member is carried for.
        (date(2022, 6, 2), ["new", "withdrawn"]),
        (date(2022, 6, 3), ["new", "unchanged", "unchanged"]),
    ],
)
def test_a_silent_line_ends_when_a_member_would_be_removed(last: date, expected: list[str]) -> None:
    rows = listed(traded({"UP": last}))
    assert [said for _, said in history(rows, "UP")] == expected


def test_sessions_that_the_feed_misses_are_no_silence() -> None:
    rows = listed(traded({"UP": date(2022, 6, 2)}, missing=(date(2022, 6, 8),)))
    assert [said for _, said in history(rows, "UP")] == ["new", "unchanged", "unchanged"]


def test_a_company_with_another_line_stays_on_the_list() -> None:
    universe = traded({"UP": date(2022, 5, 20)}, twins=("UP",))
    assert [said for _, said in history(listed(universe), "UP")] == ["new", *["unchanged"] * 2]


def test_a_deletion_that_ended_is_off_the_list_as_well() -> None:
    rows = listed(traded({"DEL": date(2022, 5, 20)}))
    assert history(rows, "DEL") == []


def test_lists_appear_as_their_days_come() -> None:
    rows = listed(traded(), until=date(2022, 6, 10))
    assert rows["list_day"].unique().sort().to_list() == LISTS[:2]
    assert listed(traded(), until=date(2022, 6, 2)).is_empty()


def test_decisions_without_the_departed_say_when_they_ended() -> None:
    universe = traded({"ADD": date(2022, 5, 20), "UP": date(2022, 5, 23)})
    gone = departed_companies(
        universe, pl.DataFrame(schema=SCHEMA), event=JUNE, by=date(2022, 6, 10), rules=RULES
    )
    assert gone.rows() == [("C-ADD", date(2022, 5, 20)), ("C-UP", date(2022, 5, 23))]
    after = without_departed(decisions(), gone)
    assert after["company_id"].to_list() == decisions()["company_id"].to_list()
    told = after.filter(pl.col("company_id").is_in(["C-ADD", "C-UP"]))
    assert told.select("segment", "indexes", "edges_above", "decision").rows() == [
        (None, None, None, "stays_out"),
        (None, None, None, "leaves"),
    ]
    assert told["reason"].to_list() == [
        "stays out: its last line ended on 2022-05-20, before the lists were final",
        "leaves: its last line ended on 2022-05-23, before the lists were final",
    ]
    others = ~pl.col("company_id").is_in(["C-ADD", "C-UP"])
    assert after.filter(others).equals(decisions().filter(others))


@given(
    ends=st.dictionaries(st.sampled_from(list(CHANGES)), st.sampled_from(DAYS)),
    by=st.sampled_from(LISTS),
)
@settings(max_examples=30, deadline=None)
def test_a_list_knows_nothing_that_came_later(ends: dict[str, date], by: date) -> None:
    whole = listed(traded(ends))
    known = listed(traded(ends).filter(pl.col("session") <= by), until=by)
    assert known.equals(whole.filter(pl.col("list_day") <= by))
    for before, day in pairwise([JUNE.rank_day, *LISTS]):
        rows = whole.filter(pl.col("list_day") == day)
        assert rows["company_id"].is_unique().all()
        stood = whole.filter(
            (pl.col("list_day") == before) & (pl.col("change_since_last") != "withdrawn")
        )
        withdrawn = rows.filter(pl.col("change_since_last") == "withdrawn")
        assert set(withdrawn["company_id"]) <= set(stood["company_id"])
        if day > JUNE.frozen_from:
            assert withdrawn.is_empty()
