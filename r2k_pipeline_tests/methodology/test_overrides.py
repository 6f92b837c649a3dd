"""What a person sets: laid over lines on its sessions, marked, and gone without a trace.

Invariants:
    1. Lines that no override names are the very same, in the same order.
    2. A line that one names says which, by whom and why; what was received stands beside.
    3. Without overrides, or with withdrawn ones alone, every line is as it was.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema
from r2k_pipeline.errors import BadInputError
from r2k_pipeline.methodology.overrides import standing_overrides, with_overrides
from r2k_pipeline.rulebook.override_fields import OverrideField, require_value

FIRST, SECOND = date(2024, 4, 29), date(2024, 4, 30)
WHY = "override 0a1b2c3d by index.operations: {} {}; it was wrong"


def lines(**changes: object) -> pl.DataFrame:
    """HAL and OTH on two sessions."""
    row = {
        "close_usd": 20.0, "raw_close_usd": None, "market_cap_usd": 2e9,
        "raw_market_cap_usd": None, "country": "Ireland", "home_country": "Ireland",
        "nationality_evidence": "the feed says Ireland", "repair_rule": None,
        "repair_evidence": None, "is_quarantined": False, "quarantine_reason": None,
    }  # fmt: skip
    rows = [
        {"session": day, "symbol": symbol, **row, **(changes if symbol == "HAL" else {})}
        for day in (FIRST, SECOND)
        for symbol in ("OTH", "HAL")
    ]
    kinds = {"raw_close_usd": pl.Float64, "raw_market_cap_usd": pl.Float64}
    texts = dict.fromkeys(("repair_rule", "repair_evidence", "quarantine_reason"), pl.String)
    return pl.DataFrame(rows, schema_overrides={**kinds, **texts})


def log(*records: tuple[str, str, str], state: str = "recorded", **changes: object) -> pl.DataFrame:
    """Contract `overrides`: (id, field, value) of HAL on the second session."""
    rows = [
        {
            "override_id": name, "state": state, "field": field, "symbol": "HAL",
            "first_session": SECOND, "last_session": SECOND, "value": value,
            "person": "index.operations", "reason": "it was wrong",
            "recorded_at": datetime(2024, 5, 1, tzinfo=UTC), **changes,
        }
        for name, field, value in records
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=polars_schema(contract("overrides")))


def laid(field: str, value: str, **changes: object) -> dict[str, object]:
    """HAL on the second session, with one field set."""
    given = lines(**changes)
    found = with_overrides(given, standing_overrides(log(("0a1b2c3d", field, value))))
    others = (pl.col("symbol") != "HAL") | (pl.col("session") != SECOND)
    assert found.filter(others).equals(given.filter(others))
    assert found.select("session", "symbol").equals(given.select("session", "symbol"))
    return found.filter(~others).row(0, named=True)


def test_a_close_moves_the_cap_and_leaves_the_shares() -> None:
    line = laid("close_usd", "5")
    assert (line["close_usd"], line["raw_close_usd"]) == (5.0, 20.0)
    assert (line["market_cap_usd"], line["raw_market_cap_usd"]) == (5e8, 2e9)
    assert line["repair_rule"] == "set_by_override"
    assert line["repair_evidence"] == WHY.format("close_usd", "5")


@pytest.mark.parametrize(
    ("field", "value", "cap"),
    [("total_shares", "3e8", 6e9), ("market_cap_usd", "7e9", 7e9)],
)
def test_shares_or_a_cap_give_the_size(field: str, value: str, cap: float) -> None:
    line = laid(field, value)
    assert (line["close_usd"], line["raw_close_usd"]) == (20.0, None)
    assert (line["market_cap_usd"], line["raw_market_cap_usd"]) == (cap, 2e9)


def test_a_blank_close_can_be_set_and_the_line_is_quarantined_no_more() -> None:
    doubted = {"close_usd": None, "is_quarantined": True, "quarantine_reason": "close_missing"}
    line = laid("close_usd", "5", **doubted)
    assert (line["close_usd"], line["market_cap_usd"]) == (5.0, 2e9)
    assert (line["is_quarantined"], line["quarantine_reason"]) == (False, None)


def test_an_earlier_repair_leaves_what_was_received() -> None:
    repaired = {"raw_market_cap_usd": 9e9, "repair_rule": "cap_spike", "repair_evidence": "jump"}
    line = laid("market_cap_usd", "7e9", **repaired)
    assert (line["raw_market_cap_usd"], line["repair_rule"]) == (9e9, "set_by_override")


def test_a_country_is_where_the_company_counts() -> None:
    line = laid("country", "United States")
    assert (line["country"], line["home_country"]) == ("United States",) * 2
    assert line["nationality_evidence"] == WHY.format("country", "United States")
    assert line["repair_rule"] is None


def test_an_exclusion_leaves_the_values() -> None:
    line = laid("exclusion", "out")
    assert (line["close_usd"], line["market_cap_usd"]) == (20.0, 2e9)
    assert line["repair_rule"] == "excluded_by_override"


def test_two_fields_of_one_line_are_both_told() -> None:
    both = log(("0a1b2c3d", "close_usd", "5"), ("ffffffff", "total_shares", "1e8"))
    found = with_overrides(lines(), standing_overrides(both)).row(3, named=True)
    assert found["market_cap_usd"] == 5e8
    assert found["repair_evidence"].count("override ") == 2


def test_withdrawn_is_as_if_never_recorded() -> None:
    told = ("0a1b2c3d", "close_usd", "5")
    both = pl.concat([log(told), log(told, state="withdrawn")])
    assert standing_overrides(both).is_empty()
    assert with_overrides(lines(), standing_overrides(both)).equals(lines())
    elsewhere = log(told, first_session=date(2020, 1, 2), last_session=date(2020, 1, 2))
    assert with_overrides(lines(), standing_overrides(elsewhere)).equals(lines())


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("close_usd", "0"), ("close_usd", "nan"), ("total_shares", "-3"),
        ("market_cap_usd", "inf"), ("market_cap_usd", "much"), ("country", "  "),
        ("exclusion", "yes"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused(field: str, text: str) -> None:
    with pytest.raises(BadInputError, match=f"{field} cannot be"):
        require_value(OverrideField(field), text)
