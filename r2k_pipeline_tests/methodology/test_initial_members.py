"""Whose company a listed symbol was on a session.

Invariants:
    1. Every row of the list has one row of the answer, found or not.
    2. A symbol names the line that bore it on the session, not before or after.
    3. A company is in one segment.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import require_shape
from r2k_pipeline.methodology.initial_members import initial_members, located_members

SESSION = date(2021, 1, 4)
BEFORE, AFTER = date(2020, 12, 31), date(2021, 1, 5)
SECURITIES = pl.DataFrame(
    [
        ("BRK/A", "S1", "C1", BEFORE, AFTER),
        ("BRK/B", "S2", "C1", BEFORE, AFTER),
        ("OLDN", "S3", "C3", BEFORE, SESSION),
        ("NEWN", "S3", "C3", AFTER, AFTER),
        ("USED", "S4", "C4", BEFORE, BEFORE),
        ("USED", "S5", "C5", SESSION, AFTER),
        ("AB^D", "S6", "C6", BEFORE, AFTER),  # a preferred line that reads like ABD
        ("ABD", "S7", "C7", BEFORE, AFTER),
    ],
    schema=["symbol", "security_id", "company_id", "first_session", "last_session"],
    orient="row",
).with_columns(name=pl.lit(None, pl.String))


def located(*symbols: str) -> dict[str, str | None]:
    listed = pl.DataFrame({"symbol": symbols, "segment": ["small"] * len(symbols)})
    found = located_members(listed, SECURITIES, session=SESSION)
    assert found["listed_symbol"].to_list() == list(symbols)
    return dict(found.select("listed_symbol", "security_id").iter_rows())


def test_a_symbol_names_the_line_that_bore_it_then() -> None:
    assert located("OLDN", "NEWN", "USED") == {"OLDN": "S3", "NEWN": None, "USED": "S5"}


def test_punctuation_does_not_count_unless_it_decides() -> None:
    assert located("BRK.B", "brk-a", "ABD", "AB^D") == {
        "BRK.B": "S2",
        "brk-a": "S1",
        "ABD": "S7",
        "AB^D": "S6",
    }


def test_a_company_is_in_the_largest_of_its_segments() -> None:
    listed = pl.DataFrame(
        {"symbol": ["BRK.A", "BRK.B", "GONE", "USED"], "segment": ["micro", "small"] * 2}
    )
    found = initial_members(
        located_members(listed, SECURITIES, session=SESSION),
        event_id="2021-06",
        session=SESSION,
        source_hash="0" * 16,
    )
    assert require_shape(contract("initial_members"), found).height == 2
    assert found.select("company_id", "security_id", "segment").rows() == [
        ("C1", "S2", "small"),
        ("C5", "S5", "small"),
    ]
