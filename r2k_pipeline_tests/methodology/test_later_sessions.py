"""What later sessions say of a company in doubt.

Invariants:
    1. A company is settled exactly if one of its lines in doubt is sound on some session
       after the rank day, up to the last that counts, and its cap not carried from before.
    2. It is settled by the first such session; what comes after that changes nothing, and
       neither does what lies outside those sessions.
    3. Its shares, in units of the rank day, are those of that session whatever splits lie
       between.
    4. With a sound close its cap is those shares times that close.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2k_pipeline.methodology.later_sessions import (
    LATER_READ,
    SESSIONS_WITHOUT_LIST,
    last_settling_session,
    settled_by_later_sessions,
)
from r2k_pipeline.rulebook.schedule import all_events
from r2k_pipeline.rulebook.sessions import is_session, sessions_between

DAY = date(2022, 5, 6)
LATER = sessions_between(date(2022, 5, 9), date(2022, 5, 20))
LAST = LATER[6]
Row = dict[str, Any]
SCHEMA = {
    name: pl.String if name in {"security_id", "company_id", "repair_rule", "failed_rules"}
    else pl.Date if name == "session" else pl.Float64
    for name in LATER_READ
}  # fmt: skip


def line(session: date, cap: float | None, close: float | None = 10.0, **row: object) -> Row:
    """A line of BETA: sound, one share a dollar of close, unless told otherwise."""
    return {
        "session": session,
        "security_id": "S-B",
        "company_id": "C-B",
        "close_usd": close,
        "previous_close_usd": close,
        "market_cap_usd": cap,
        "line_shares": cap / close if cap and close else None,
        "addtv_usd": 1e6,
        "repair_rule": None,
        "failed_rules": None,
        **row,
    }


BLANK = line(DAY, None, failed_rules="no_market_cap")
OUT_OF_LINE = line(
    DAY, 5e9, 100.0, repair_rule="close_out_of_line", failed_rules="unrepaired"
)  # fmt: skip
MISSING = line(
    DAY, None, None, repair_rule="close_missing", failed_rules="no_close no_market_cap unrepaired"
)


def settled(
    doubted: list[Row], later: list[Row], splits: list[tuple[date, float]] | None = None
) -> pl.DataFrame:
    days, factors = zip(*splits, strict=True) if splits else ((), ())
    actions = pl.DataFrame(
        {"session": days, "split_factor": factors},
        schema={"session": pl.Date, "split_factor": pl.Float64},
    ).with_columns(security_id=pl.lit("S-B"), action_type=pl.lit("split"))
    return settled_by_later_sessions(
        pl.DataFrame(doubted, schema=SCHEMA),
        pl.DataFrame(doubted + later, schema=SCHEMA),
        actions,
        rank_day=DAY,
        last=LAST,
    )


def values(found: pl.DataFrame) -> tuple[Any, ...]:
    return found.select(
        "settled_session", "settled_usd", "settled_close_usd", "settled_shares"
    ).row(0)


def test_every_event_looks_at_sessions_between_its_rank_day_and_its_effective_session() -> None:
    for event in all_events():
        last = last_settling_session(event)
        assert is_session(last)
        assert event.rank_day < last < event.effective_session
        if event.preliminary_day is None:
            looked_at = sessions_between(event.rank_day, last)[1:]
            assert len(looked_at) == SESSIONS_WITHOUT_LIST
        else:
            assert last <= event.preliminary_day
            assert event.preliminary_day - last < timedelta(days=4)


@pytest.mark.parametrize(
    ("doubted", "later", "splits", "expected"),
    [
        # Shares of the later session at the close of the rank day.
        (BLANK, line(LATER[2], 7.2e8, 12.0), [], (LATER[2], 6e8, 10.0, 6e7)),
        # A split between the two: twice the shares then, half as many on the rank day.
        (BLANK, line(LATER[2], 7.2e8, 6.0), [(LATER[1], 2.0)], (LATER[2], 6e8, 10.0, 6e7)),
        # On the later session itself, and on the rank day, which has it already.
        (BLANK, line(LATER[2], 7.2e8, 6.0), [(LATER[2], 2.0)], (LATER[2], 6e8, 10.0, 6e7)),
        (BLANK, line(LATER[2], 7.2e8, 12.0), [(DAY, 2.0)], (LATER[2], 6e8, 10.0, 6e7)),
        # The close is the doubt: what the later session calls the previous one is taken.
        (OUT_OF_LINE, line(LATER[0], 7.2e8, 12.0, previous_close_usd=11.0), [],
         (LATER[0], 6.6e8, 11.0, 6e7)),
        (MISSING, line(LATER[0], 7.2e8, 12.0, previous_close_usd=11.0), [],
         (LATER[0], 6.6e8, 11.0, 6e7)),
        # It is told in shares of its own day: a split on that day is undone.
        (OUT_OF_LINE, line(LATER[0], 7.2e8, 6.0, previous_close_usd=5.5), [(LATER[0], 2.0)],
         (LATER[0], 6.6e8, 11.0, 6e7)),
        # Without one the close of that session must do.
        (MISSING, line(LATER[0], 7.2e8, 12.0, previous_close_usd=None), [],
         (LATER[0], 7.2e8, 12.0, 6e7)),
    ],
)  # fmt: skip
def test_a_later_session_gives_the_values_of_the_rank_day(
    doubted: Row, later: Row, splits: list[tuple[date, float]], expected: tuple[Any, ...]
) -> None:
    found = values(settled([doubted], [later], splits))
    assert found[0] == expected[0]
    assert found[1:] == pytest.approx(expected[1:])


@pytest.mark.parametrize(
    "later",
    [
        line(LATER[0], None),
        line(LATER[0], 0.0),
        line(LATER[0], 6e8, None),
        line(LATER[0], 6e8, repair_rule="cap_without_history", failed_rules="unrepaired"),
        line(LATER[0], 6e8, repair_rule="unlisted_class", failed_rules="unrepaired"),
        line(LATER[0], 6e8, repair_rule="cap_spike"),
        line(LATER[0], 6e8, repair_rule="split_without_close"),
        line(LATER[0], 6e8, repair_rule="blank_cap"),
        line(LATER[0], 6e8, security_id="S-OTHER"),
        line(DAY - timedelta(days=1), 6e8),
        line(LATER[7], 6e8),
    ],
)
def test_what_settles_nothing(later: Row) -> None:
    assert settled([BLANK], [later]).is_empty()
    # And it does not stand in the way of what does.
    assert values(settled([BLANK], [later, line(LAST, 5e8)]))[:2] == (LAST, 5e8)


@pytest.mark.parametrize("rule", [None, "new_level_accepted", "known_shares", "stale_copy"])
def test_a_cap_that_is_believed_on_its_own_day_settles(rule: str | None) -> None:
    found = settled([BLANK], [line(LATER[0], 6e8, repair_rule=rule)])
    said = "" if rule is None else f" ({rule})"
    assert found["settled_by"].item() == f"its 60000000 shares{said}"


def test_a_close_that_is_taken_from_a_later_session_is_told() -> None:
    (said,) = settled([MISSING], [line(LATER[0], 6e8, previous_close_usd=10.25)])["settled_by"]
    assert said == "its 60000000 shares at $10.25, the previous close told then"


def test_of_several_lines_the_one_speaks_that_may_stand_by_itself_and_trades_most() -> None:
    names = ("S-1", "S-2", "S-3")
    doubted = [{**BLANK, "security_id": name} for name in names]
    later = [
        line(LATER[0], 6e8, security_id="S-1", addtv_usd=9e6, failed_rules="secondary_class"),
        line(LATER[0], 6e8, security_id="S-2", addtv_usd=2e6),
        line(LATER[0], 6e8, security_id="S-3", addtv_usd=1e6),
    ]
    assert settled(doubted, later)["security_id"].to_list() == ["S-2"]
    early = [line(LATER[0], 6e8, security_id="S-3", addtv_usd=None), *later[:2]]
    early[1]["session"] = early[2]["session"] = LATER[1]
    assert settled(doubted, early)["security_id"].to_list() == ["S-3"]


LATER_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "session": st.sampled_from(LATER),
            "security_id": st.sampled_from(["S-B", "S-B2"]),
            "cap": st.none() | st.sampled_from([0.0, 3e8, 5e9]),
            "close": st.none() | st.sampled_from([0.0, 4.0, 30.0]),
            "rule": st.none() | st.sampled_from(["cap_spike", "close_missing", "stale_copy"]),
        }
    ),
    max_size=12,
    unique_by=lambda row: (row["session"], row["security_id"]),
)


@settings(max_examples=60, deadline=None)
@given(
    drawn=LATER_ROWS,
    splits=st.lists(st.tuples(st.sampled_from(LATER), st.sampled_from([2.0, 0.1])), max_size=2),
)
def test_invariants_of_any_later_sessions(
    drawn: list[Row], splits: list[tuple[date, float]]
) -> None:
    doubted = [BLANK, {**BLANK, "security_id": "S-B2"}]
    later = [
        line(row["session"], row["cap"], row["close"], security_id=row["security_id"],
             repair_rule=row["rule"])
        for row in drawn
    ]  # fmt: skip
    found = settled(doubted, later, splits)
    good = [
        row for row in later
        if row["session"] <= LAST and row["market_cap_usd"] and row["close_usd"]
        and row["repair_rule"] in {None, "stale_copy"}
    ]  # fmt: skip
    # 1.
    assert found.height == (1 if good else 0)
    if not good:
        return
    # 2.
    first = min(row["session"] for row in good)
    assert found["settled_session"].item() == first
    kept = [row for row in later if row["session"] <= first]
    assert settled(doubted, kept, splits).equals(found)
    # 3. Only S-B is split.
    line_id = found["security_id"].item()
    (said,) = [row for row in good if (row["session"], row["security_id"]) == (first, line_id)]
    factor = 1.0
    for day, ratio in splits:
        factor *= ratio if day <= first and line_id == "S-B" else 1.0
    assert found["settled_shares"].item() == pytest.approx(said["line_shares"] / factor)
    # 4.
    assert found["settled_close_usd"].item() == BLANK["close_usd"]
    assert found["settled_usd"].item() == pytest.approx(found["settled_shares"].item() * 10.0)
