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
        (0.6934, 2.28, 2.4269, 2 / 7),  # one for three and a half
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


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_split_on_the_night_of_a_rename_is_seen(*, is_taken: bool) -> None:
    """OLD closes at 3.15, goes on as NEW and one for six, whoever was called NEW before."""
    eve, day = DAYS[:2]
    listings = pl.DataFrame(
        {
            "session": [eve, day, eve], "symbol": ["OLD", "NEW", "NEW"],
            "close_usd": [3.15, 20.83, 56.7], "previous_close_usd": [2.94, 18.9008, 56.0],
        }
    ).head(3 if is_taken else 2)  # fmt: skip
    securities = pl.DataFrame(
        {
            "symbol": ["OLD", "NEW", "NEW"], "security_id": ["S-OLD", "S-TAKEN", "S-OLD"],
            "first_session": [eve, eve, day], "previous_symbol": [None, None, "OLD"],
        }
    )  # fmt: skip
    actions = resolve_actions(
        listings, pl.DataFrame(schema=REPORTED), securities, start=eve, sessions=DAYS
    )
    assert actions.select("session", "security_id", "split_factor").rows() == [
        (day, "S-OLD", pytest.approx(1 / 6))
    ]


def test_a_rename_alone_is_no_split() -> None:
    eve, day = DAYS[:2]
    listings = pl.DataFrame(
        {
            "session": [eve, day], "symbol": ["OLD", "NEW"],
            "close_usd": [3.15, 3.2], "previous_close_usd": [2.94, 3.15],
        }
    )  # fmt: skip
    securities = pl.DataFrame(
        {
            "symbol": ["OLD", "NEW"], "security_id": ["S-OLD"] * 2,
            "first_session": [eve, day], "previous_symbol": [None, "OLD"],
        }
    )  # fmt: skip
    nothing = pl.DataFrame(schema=REPORTED)
    assert resolve_actions(listings, nothing, securities, start=eve, sessions=DAYS).is_empty()


def inferred(
    before: float,
    close: float,
    previous: float,
    *,
    rolled: bool = True,
    reported: list[dict[str, object]] | None = None,
) -> list[tuple[str, float | None]]:
    """What is seen of TRI among forty lines of which nothing is to be seen."""
    eve, day = DAYS[:2]
    quiet = [f"Q{number}" for number in range(40)]
    symbols = ["TRI", *quiet]
    listings = pl.DataFrame(
        {
            "session": [eve] * 41 + [day] * 41, "symbol": symbols * 2,
            "close_usd": [before, *[10.0] * 40, close, *[10.1] * 40],
            "previous_close_usd": [before] * 41 + [previous, *[10.0 if rolled else 9.7] * 40],
        }
    )  # fmt: skip
    actions = resolve_actions(
        listings, pl.DataFrame(reported or [], schema=REPORTED), SECURITIES,
        start=day, sessions=DAYS,
    )  # fmt: skip
    return actions.select("action_type", "amount_usd").rows()


def test_a_large_distribution_shows_in_the_previous_close() -> None:
    # 40.70 with 37.3868 to be paid: the vendor gives 3.3132.
    ((kind, amount),) = inferred(40.7, 3.71, 3.3132)
    assert kind == "special_dividend"
    assert amount == pytest.approx(37.3868)


@pytest.mark.parametrize(
    ("before", "close", "previous"),
    [
        (100.0, 91.0, 91.0),  # less than a tenth
        (100.0, 97.0, 85.0),  # the market did not follow
        (100.0, 55.0, 85.0),  # it fell further than it was marked down
        (100.0, 110.0, 120.0),  # marked up
    ],
)
def test_what_is_no_distribution_is_not_taken_for_one(
    before: float, close: float, previous: float
) -> None:
    assert inferred(before, close, previous) == []


def test_previous_closes_that_were_not_rolled_tell_of_nobody() -> None:
    assert inferred(40.7, 3.71, 3.3132, rolled=False) == []


def test_a_report_explains_a_lowered_previous_close() -> None:
    child: dict[str, object] = {
        "session": DAYS[1], "symbol": "TRI", "action_type": "spin_off", "ratio": 0.5,
        "counterparty_symbol": "KID",
    }  # fmt: skip
    found_types = [kind for kind, _ in inferred(57.83, 42.86, 41.2367, reported=[child])]
    assert found_types == ["spin_off"]
    # Told late, it counts later, and is still why.
    late = child | {"announced_session": DAYS[2]}
    found_types = [kind for kind, _ in inferred(57.83, 42.86, 41.2367, reported=[late])]
    assert found_types == ["spin_off"]


def test_a_split_is_no_distribution() -> None:
    assert [kind for kind, _ in inferred(40.0, 20.2, 20.0)] == ["split"]
