"""Splits that only the adjusted previous close tells of, and what reports add."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from r2k_pipeline.methodology.corporate_actions import resolve_actions

DAYS = [date(2022, 8, 23), date(2022, 8, 24), date(2022, 8, 25), date(2022, 8, 26)]
SECURITIES = pl.DataFrame({"symbol": ["TRI"], "security_id": ["S-TRI"], "first_session": DAYS[:1]})
REPORTED = {
    "session": pl.Date,
    "symbol": pl.String,
    "action_type": pl.String,
    "split_factor": pl.Float64,
    "amount_usd": pl.Float64,
    "ratio": pl.Float64,
    "counterparty_symbol": pl.String,
    "announced_session": pl.Date,
}


def found(
    *quotes: tuple[int, float, float], reported: list[dict[str, object]] | None = None
) -> pl.DataFrame:
    """Actions of one line, given (day, close, previous close as the vendor prints it)."""
    listings = pl.DataFrame(
        {
            "session": [DAYS[day] for day, *_ in quotes],
            "symbol": ["TRI"] * len(quotes),
            "close_usd": [close for _, close, _ in quotes],
            "previous_close_usd": [previous for *_, previous in quotes],
        }
    )
    reports = pl.DataFrame(reported or [], schema=REPORTED)
    return resolve_actions(listings, reports, SECURITIES, start=DAYS[0], sessions=DAYS)


@pytest.mark.parametrize(
    ("close_before", "close", "previous", "factor"),
    [
        (891.29, 296.07, 297.0967, 3.0),  # three for one
        (12.95, 104.4, 103.6, 0.125),  # one for eight
        (94.57, 60.82, 63.0467, 1.5),  # three for two
        (17.13, 13.64, 13.704, 1.25),  # five for four
        (0.0904, 2.21, 2.8928, 0.03125),  # one for thirty-two
    ],
)
def test_a_split_shows_in_the_previous_close(
    close_before: float, close: float, previous: float, factor: float
) -> None:
    actions = found((0, close_before, close_before), (1, close, previous))
    assert actions.select("session", "action_type", "split_factor", "origin").rows() == [
        (DAYS[1], "split", pytest.approx(factor), "inferred")
    ]


@pytest.mark.parametrize(
    ("close_before", "close", "previous"),
    [
        (100.0, 52.0, 100.0),  # it simply halved
        (100.0, 99.0, 100.01),  # a late correction of a cent
        (100.0, 80.0, 82.7),  # a spin-off: no ratio in which shares are split
        (100.0, 101.0, 50.0),  # previous close halved, price not: a vendor's slip
        (100.0, 101.0, 0.0),  # no previous close
        (105.0, 101.0, 100.0),  # five per cent: cannot be told from a mended price
    ],
)
def test_what_is_no_split_is_not_taken_for_one(
    close_before: float, close: float, previous: float
) -> None:
    assert found((0, close_before, close_before), (1, close, previous)).is_empty()


def test_nothing_is_inferred_across_a_missing_session() -> None:
    assert found((0, 300.0, 300.0), (2, 100.5, 100.0)).is_empty()


def test_a_report_wins_over_an_inference() -> None:
    report = {"session": DAYS[1], "symbol": "TRI", "action_type": "split", "split_factor": 3.0}
    actions = found((0, 300.0, 300.0), (1, 99.0, 100.0), reported=[report])
    assert actions.select("split_factor", "origin").rows() == [(3.0, "reported")]


def test_other_kinds_come_from_reports() -> None:
    report = {"session": DAYS[1], "symbol": "TRI", "action_type": "cash_dividend"}
    actions = found((0, 10.0, 10.0), (1, 10.0, 10.0), reported=[report | {"amount_usd": 0.5}])
    assert actions.select("security_id", "action_type", "amount_usd", "outcome").rows() == [
        ("S-TRI", "cash_dividend", 0.5, None)
    ]


def test_an_action_of_a_symbol_that_no_line_bears_is_kept_and_marked() -> None:
    report = {"session": DAYS[1], "symbol": "WHO", "action_type": "cash_dividend"}
    actions = found((0, 10.0, 10.0), reported=[report | {"amount_usd": 0.5}])
    assert actions.select("security_id", "symbol", "outcome").rows() == [
        ("unknown:WHO", "WHO", "unknown_line")
    ]


@pytest.mark.parametrize(
    ("kind", "session", "outcome"),
    [("delisting", DAYS[2], "delayed"), ("special_dividend", DAYS[1], "restated")],
)
def test_an_action_announced_late_counts_later_or_restates(
    kind: str, session: date, outcome: str
) -> None:
    report = {
        "session": DAYS[1], "symbol": "TRI", "action_type": kind, "amount_usd": 0.5,
        "announced_session": DAYS[2],
    }  # fmt: skip
    actions = found((0, 10.0, 10.0), reported=[report])
    assert actions.select("session", "outcome").rows() == [(session, outcome)]
    assert actions["evidence"].item().endswith("of 2022-08-24, announced on 2022-08-25")


def test_an_action_announced_in_time_is_simply_applied() -> None:
    report = {"session": DAYS[1], "symbol": "TRI", "action_type": "delisting"}
    actions = found((0, 10.0, 10.0), reported=[report | {"announced_session": DAYS[0]}])
    assert actions.select("session", "outcome").rows() == [(DAYS[1], None)]


def test_a_child_that_traded_before_the_ex_date_has_its_close_as_price() -> None:
    listings = pl.DataFrame(
        {
            "session": DAYS[:1] * 2, "symbol": ["TRI", "KID"], "close_usd": [40.0, 7.5],
            "previous_close_usd": [40.0, None],
        }
    )  # fmt: skip
    report = {
        "session": DAYS[1], "symbol": "TRI", "action_type": "spin_off", "ratio": 0.5,
        "counterparty_symbol": "KID",
    }  # fmt: skip
    securities = pl.concat([
        SECURITIES,
        pl.DataFrame({"symbol": ["KID"], "security_id": ["S-KID"], "first_session": DAYS[:1]}),
    ])  # fmt: skip
    actions = resolve_actions(
        listings, pl.DataFrame([report], schema=REPORTED), securities, start=DAYS[0], sessions=DAYS
    )
    assert actions.select("counterparty_security_id", "amount_usd").rows() == [("S-KID", 7.5)]


def test_actions_before_the_start_are_context_only() -> None:
    listings = pl.DataFrame(
        {
            "session": DAYS[:2],
            "symbol": ["TRI", "TRI"],
            "close_usd": [891.29, 296.07],
            "previous_close_usd": [891.29, 297.0967],
        }
    )
    actions = resolve_actions(
        listings, pl.DataFrame(schema=REPORTED), SECURITIES, start=DAYS[2], sessions=DAYS
    )
    assert actions.is_empty()
