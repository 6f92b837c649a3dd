"""Which shares an event believes: cases by hand around the June of 2023.

Invariants: sessions from the event on are never changed; a line that was not observed each
time is believed; a split is no leap.
"""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from r2k_pipeline.methodology.confirmed_shares import earlier_sessions, with_confirmed_shares
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_before

JUNE = event("2023-06")
RULES = rules_in_force(JUNE.rank_day)
RANKED, LISTED = earlier_sessions(JUNE, RULES)
EVE = sessions_before(JUNE.effective_session, 5)
BETWEEN = date(2023, 6, 5)
TOLD = {
    "session": pl.Date,
    "security_id": pl.String,
    "action_type": pl.String,
    "split_factor": pl.Float64,
    "counterparty_security_id": pl.String,
}


def quoted(days: list[date], shares: float | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"session": days, "security_id": "S-HAL", "close_usd": 10.0, "line_shares": shares},
        schema_overrides={"line_shares": pl.Float64},
    )


def believed(
    ranked: float | None, listed: float | None, eve: float, *actions: dict[str, object]
) -> list[float]:
    """The shares before the event and on its first session."""
    later = quoted([JUNE.effective_session], eve)
    found = with_confirmed_shares(
        pl.concat([quoted(EVE, eve), later]),
        pl.concat([quoted(RANKED, ranked), quoted(LISTED, listed)]),
        pl.DataFrame(list(actions), schema=TOLD),
        event=JUNE,
        rules=RULES,
    )
    assert found["session"].to_list() == [*EVE, JUNE.effective_session]
    assert found["line_shares"][-1] == eve
    (before,) = found["line_shares"].head(5).unique().to_list()
    return [before]


@pytest.mark.parametrize(
    ("ranked", "listed", "eve", "expected"),
    [
        (100.0, 100.0, 149.0, 149.0),  # smaller changes need no second look
        (100.0, 100.0, 151.0, 100.0),
        (100.0, 110.0, 300.0, 110.0),  # the lists are the later of the two
        (100.0, 300.0, 310.0, 310.0),  # the lists saw it too
        (100.0, 900.0, 101.0, 101.0),  # what only the lists saw was the slip
        (100.0, 100.0, 60.0, 100.0),
        (100.0, 100.0, 67.0, 67.0),
        (None, 100.0, 300.0, 300.0),
        (100.0, None, 300.0, 300.0),
    ],
)
def test_a_leap_must_be_seen_twice(
    ranked: float | None, listed: float | None, eve: float, expected: float
) -> None:
    assert believed(ranked, listed, eve) == [expected]


def split(factor: float, day: date = BETWEEN) -> dict[str, object]:
    return {"session": day, "security_id": "S-HAL", "action_type": "split", "split_factor": factor}


def test_a_split_is_no_leap_and_is_kept_in_the_count_of_the_lists() -> None:
    assert believed(100.0, 100.0, 200.0, split(2.0)) == [200.0]
    assert believed(100.0, 100.0, 600.0, split(2.0)) == [200.0]


@pytest.mark.parametrize("kind", ["share_change", "rights_issue", "offering"])
def test_what_a_source_told_is_believed(kind: str) -> None:
    told: dict[str, object] = {"session": BETWEEN, "security_id": "S-HAL", "action_type": kind}
    assert believed(100.0, 100.0, 300.0, told) == [300.0]
    before: dict[str, object] = told | {"session": RANKED[0]}
    assert believed(100.0, 100.0, 300.0, before) == [100.0]


def test_an_acquirer_that_pays_in_shares_is_believed() -> None:
    merger: dict[str, object] = {
        "session": BETWEEN, "security_id": "S-TARGET", "action_type": "stock_merger",
        "counterparty_security_id": "S-HAL",
    }  # fmt: skip
    assert believed(100.0, 100.0, 300.0, merger) == [300.0]


def test_events_without_lists_believe_the_eve() -> None:
    june = event("1992-06")
    assert earlier_sessions(june, rules_in_force(june.rank_day)) == ([], [])
