"""What a public document or a person settles where the feed contradicts itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest

from r2k_pipeline.methodology.settled_values import with_settled_values
from r2k_pipeline.rulebook.reference_facts import read_facts, shipped_reference

DAY = date(2022, 5, 6)
COUNTS = read_facts(
    "share_counts",
    "symbol,company,total_shares,first_year,last_year,source,certainty\n"
    "BETA,Beta,1e8,2022,2022,Form 10-Q,from_memory\n",
)
DOUBTS = read_facts(
    "settled_doubts",
    "symbol,company,session,verdict,reason,source,certainty\n"
    "GAMA,Gamma,2022-05-06,as_received,It was sold in parts.,Form 8-K,from_memory\n"
    "DELT,Delta,2022-05-06,left_out,Nobody can tell.,Form 8-K,from_memory\n",
)
REFERENCE = replace(shipped_reference(), share_counts=COUNTS, settled_doubts=DOUBTS)
SCHEMA = {
    "session": pl.Date,
    "symbol": pl.String,
    "name": pl.String,
    "year": pl.Int32,
    "close_usd": pl.Float64,
    "market_cap_usd": pl.Float64,
    "raw_market_cap_usd": pl.Float64,
    "repair_rule": pl.String,
    "repair_evidence": pl.String,
    "is_quarantined": pl.Boolean,
    "quarantine_reason": pl.String,
}
BETA = {"symbol": "BETA", "name": "Beta Inc.", "close_usd": 20.0}
GAMA = {"symbol": "GAMA", "name": "Gamma Inc.", "close_usd": 2.0, "market_cap_usd": 5e8}
JUMPED = "cap_without_history"


def settled(quarantine: str | None = None, /, **row: object) -> dict[str, Any]:
    """One line with what became of it."""
    told = "told" if quarantine else None
    values = dict.fromkeys(SCHEMA) | {
        "session": DAY,
        "repair_rule": quarantine,
        "repair_evidence": told,
        "is_quarantined": quarantine is not None,
        "quarantine_reason": quarantine,
        **row,
    }
    session = values["session"]
    assert isinstance(session, date)
    frame = pl.DataFrame([values | {"year": session.year}], schema=SCHEMA)
    found = with_settled_values(frame, REFERENCE)
    assert found.columns == list(SCHEMA)
    return found.row(0, named=True)


@pytest.mark.parametrize("blank", [None, 0.0])
def test_a_blank_cap_comes_from_known_shares(blank: float | None) -> None:
    row = settled(**BETA, market_cap_usd=blank)
    assert (row["market_cap_usd"], row["raw_market_cap_usd"]) == (2e9, None)
    assert (row["repair_rule"], row["repair_evidence"]) == (
        "known_shares",
        "100000000 shares: Form 10-Q",
    )


def test_a_jump_without_history_comes_from_known_shares_and_keeps_what_was_received() -> None:
    row = settled(JUMPED, **BETA, market_cap_usd=9e9)
    assert (row["market_cap_usd"], row["raw_market_cap_usd"]) == (2e9, 9e9)
    assert (row["repair_rule"], row["quarantine_reason"]) == ("known_shares", None)
    assert row["is_quarantined"] is False


@pytest.mark.parametrize(
    ("quarantine", "change"),
    [
        # A cap that nothing contradicts is believed before a fact that holds for a year.
        (None, {"market_cap_usd": 3e9}),
        # Shares say nothing of a close.
        ("close_out_of_line", {"market_cap_usd": 3e9}),
        ("close_missing", {"close_usd": None}),
        # Another year, another company under the symbol.
        (None, {"session": date(2023, 5, 5)}),
        (None, {"name": "Betty Corp."}),
    ],
)
def test_known_shares_are_asked_only_where_they_can_help(
    quarantine: str | None, change: dict[str, object]
) -> None:
    row = settled(quarantine, **(BETA | change))
    assert row["market_cap_usd"] == change.get("market_cap_usd")
    assert (row["repair_rule"], row["quarantine_reason"]) == (quarantine, quarantine)


def test_values_that_a_person_accepted_are_used_as_received() -> None:
    row = settled("close_out_of_line", **GAMA)
    assert (row["close_usd"], row["market_cap_usd"]) == (2.0, 5e8)
    assert (row["repair_rule"], row["quarantine_reason"]) == ("values_accepted", None)
    assert row["repair_evidence"] == "told, accepted: It was sold in parts. Form 8-K"


@pytest.mark.parametrize(
    ("quarantine", "row"),
    [
        (None, GAMA),  # nothing was in doubt
        (JUMPED, GAMA | {"session": date(2022, 5, 9)}),  # another session
        (JUMPED, GAMA | {"name": "Kappa Inc."}),  # another company
        (JUMPED, GAMA | {"symbol": "DELT", "name": "Delta Inc."}),  # left out, not accepted
    ],
)
def test_an_acceptance_is_for_one_doubt_alone(
    quarantine: str | None, row: dict[str, object]
) -> None:
    found = settled(quarantine, **row)
    assert (found["repair_rule"], found["quarantine_reason"]) == (quarantine, quarantine)
