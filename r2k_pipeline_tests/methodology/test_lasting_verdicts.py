"""Verdicts that last: closes that leave a bound, units and sectors that the feed forgets.

Invariants: a verdict needs sixty sessions of verdicts before it and no more, so a range
with its context gives what a longer one gives; it ends with the name, and with closes
that have fallen below the trust's value.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from r2k_pipeline.methodology.lasting_verdicts import LASTING_SESSIONS, lasting
from r2k_pipeline.methodology.line_behaviour import LASTING_RULE, classify_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST = date(2024, 1, 1)
NO_FACTS = pl.DataFrame(
    schema={
        "symbol": pl.String,
        "company": pl.String,
        "kind": pl.String,
        "first_year": pl.Int64,
        "last_year": pl.Int64,
    }
)
SHELL = "Halden Sustainable Class A Ordinary Shares"
TRUST = [10.05, 10.06, 10.05, 10.07, 10.06]
EXCITED = [11.4, 12.3, 11.2, 12.9, 11.6]


def line(
    symbol: str,
    name: str,
    closes: list[float],
    *,
    sectors: Sequence[str | None] | None = None,
    first: int = 0,
) -> pl.DataFrame:
    """One line's listings on successive days."""
    count = len(closes)
    return pl.DataFrame(
        {
            "session": [FIRST + timedelta(days=first + n) for n in range(count)],
            "exchange": "nyse",
            "symbol": symbol,
            "name": name,
            "close_usd": closes,
            "ipo_year": 2022,
            "industry": None,
            "sector": list(sectors or ["Finance"] * count),
        },
        schema_overrides={"ipo_year": pl.Int32, "industry": pl.String, "sector": pl.String},
    )


def securities_of(listings: pl.DataFrame) -> pl.DataFrame:
    """Securities of which all symbols that begin alike are one company."""
    found = listings.group_by("symbol").agg(
        first_session=pl.col("session").min(), last_session=pl.col("session").max()
    )
    return found.with_columns(
        security_id="S-" + pl.col("symbol"), company_id="C-" + pl.col("symbol").str.slice(0, 4)
    )


def verdicts(*lines: pl.DataFrame) -> list[tuple[str, str | None]]:
    """Type and evidence of the line HALD on each of its sessions."""
    listings = pl.concat(lines)
    found = classify_lines(listings, securities_of(listings), NO_FACTS, start=FIRST)
    return found.filter(symbol="HALD").select("line_type", "type_evidence").rows()


def kinds(*lines: pl.DataFrame) -> list[str]:
    """The types alone."""
    return [kind for kind, _ in verdicts(*lines)]


def test_closes_that_leave_the_trust_value_for_a_while_change_no_verdict() -> None:
    found = verdicts(line("HALD", SHELL, TRUST * 8 + EXCITED * 2))
    assert {kind for kind, _ in found[14:]} == {"spac"}
    assert found[-1][1] == "lately: so judged on 26 of 50 sessions"


def test_a_verdict_that_nothing_repeats_ends_when_two_thirds_are_silent() -> None:
    found = kinds(line("HALD", SHELL, TRUST * 8 + EXCITED * 12))
    changes = [n for n in range(41, 100) if found[n] != found[n - 1]]
    assert len(changes) == 1
    assert found[-1] == "common"


def test_what_was_said_once_lasts_a_week() -> None:
    rows = pl.DataFrame({"line": 1, "ordinal": range(80), "said": [n == 70 for n in range(80)]})
    found = rows.select(lasting("said", over=["line"]))["is_lasting"].to_list()
    assert [n for n, holds in enumerate(found) if holds] == [70, 71, 72, 73, 74]


def test_what_ended_holds_no_longer_than_it_is_said() -> None:
    rows = pl.DataFrame(
        {
            "line": 1,
            "ordinal": range(100),
            "said": [n < 30 or n == 95 for n in range(100)],
            "ended": [n == 33 for n in range(100)],
        }
    )
    found = rows.select(lasting("said", over=["line"], ended="ended"))["is_lasting"].to_list()
    assert found[:34] == [True] * 33 + [False]
    assert [n for n in range(34, 100) if found[n]] == [95, 96, 97, 98, 99]


def test_a_gap_in_a_line_counts_as_time_that_passed() -> None:
    days = [*range(20), 20 + LASTING_SESSIONS]
    rows = pl.DataFrame({"line": 1, "ordinal": days, "said": [True] * 20 + [False]})
    (last,) = rows.select(lasting("said", over=["line"])).rows()[-1:]
    assert last == (0, 1, False)


def test_closes_below_the_trust_value_end_the_verdict_at_once() -> None:
    found = kinds(line("HALD", SHELL, [*TRUST * 8, 9.0, 8.5, 9.1, 8.8, 8.9, 9.2, 9.3]))
    assert found[-4:] == ["spac", "common", "common", "common"]


def test_a_new_name_ends_the_verdict_at_once() -> None:
    after = line("HALD", "Halden Batteries Inc. Common Stock", EXCITED, first=40)
    assert kinds(line("HALD", SHELL, TRUST * 8), after)[39:] == ["spac"] + ["common"] * 5


def test_units_that_the_feed_forgets_for_a_session_are_still_there() -> None:
    name = "Halden Acquisition Corp. Class A"
    units = line("HALDU", "Halden Acquisition Corp. Unit", [10.2] * 12)
    share = line("HALD", name, [10.0] * 6 + [9.1] * 9)
    assert kinds(share, units.filter(pl.col("session") != FIRST + timedelta(days=10))) == (
        ["spac"] * 15
    )
    assert kinds(share, units.head(6))[-1] == "common"


@pytest.mark.parametrize(
    "name",
    [
        "Halden Towers Inc. Common Stock",
        "Halden Lodging Trust Common Shares of Beneficial Interest",
    ],
)
def test_a_company_in_real_estate_stays_there_when_the_feed_forgets_it(name: str) -> None:
    sectors = ["Real Estate"] * 20 + [None, None, "Real Estate", "Finance", "Finance", "Finance"]
    found = verdicts(line("HALD", name, [50.0] * 26, sectors=sectors))
    assert {kind for kind, _ in found} == {"reit"}
    assert found[-1][1] == "sector: Real Estate on 21 of 26 sessions"


def test_a_sector_that_the_feed_gave_up_is_given_up() -> None:
    # Said on three of sixty sessions it still counts, on two it does not.
    sectors = ["Real Estate"] * 20 + ["Finance"] * 70
    found = kinds(line("HALD", "Halden Towers Inc.", [50.0] * 90, sectors=sectors))
    assert found == ["reit"] * 77 + ["common"] * 13


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_verdict_does_not_depend_on_the_range(seed: int) -> None:
    dice = np.random.default_rng(seed)
    sectors = ("Real Estate", "Finance", None)
    lines = []
    for number in range(30):
        calm = np.repeat(dice.choice([0.01, 0.4], size=10), 20)
        closes = np.round(10.2 + np.cumsum(dice.normal(0, calm) * 0.3), 2).clip(8.5, 14.0)
        told = [sectors[n] for n in dice.choice(3, p=[0.1, 0.8, 0.1], size=200)]
        lines.append(
            line(
                f"H{number:02d}Q", f"Halden Growth {number} Class A", closes.tolist(), sectors=told
            )
        )
    listings = pl.concat(lines)
    securities = securities_of(listings)
    start = FIRST + timedelta(days=160)
    context = listings.filter(pl.col("session") >= start - timedelta(days=120))
    whole = classify_lines(listings, securities, NO_FACTS, start=FIRST).filter(
        pl.col("session") >= start
    )
    part = classify_lines(context, securities, NO_FACTS, start=start)
    assert whole["type_evidence"].str.starts_with("lately").sum() > 0
    assert whole["line_type"].n_unique() == 3
    assert whole.sort("session", "symbol").equals(part.sort("session", "symbol"))


def test_the_rule_says_a_sentence() -> None:
    assert LASTING_RULE.sentence.endswith(".")
    assert LASTING_RULE.is_spac
