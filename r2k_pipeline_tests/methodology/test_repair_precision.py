"""The benchmark of the repairs in small: its faults on a made-up market, and on some real lines.

The full figures are `make precision`'s; this keeps them from slipping unseen.
"""

from __future__ import annotations

import importlib
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from r2k_pipeline.methodology.identity import link_securities
from r2k_pipeline.rulebook.sessions import sessions_between

if TYPE_CHECKING:
    from pathlib import Path

SESSIONS = sessions_between(date(2022, 1, 3), date(2022, 12, 30))
COMPANIES, DUAL = 160, 40
FAULTS = 120


@pytest.fixture
def precision(project_root: Path, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a module
    """The benchmark, as `make precision` runs it."""
    monkeypatch.syspath_prepend(str(project_root / "benchmarks"))
    return importlib.import_module("repair_precision")


def quiet_market() -> pl.DataFrame:
    """Companies of one class or two, whose shares change a little now and then."""
    dice = np.random.default_rng(11)
    count = len(SESSIONS)
    lines = []
    for number in range(COMPANIES):
        step = np.where(dice.random(count) < 1 / 64, dice.normal(1.0, 0.02, count), 1.0)
        shares = np.round(1e8 * np.cumprod(step))
        for letter in ("A", "B") if number < DUAL else ("A",):
            closes = np.round(30 * np.exp(np.cumsum(dice.normal(0, 0.015, count))), 2)
            lines.append(
                pl.DataFrame(
                    {
                        "session": SESSIONS,
                        "exchange": "nyse",
                        "symbol": f"Q{number:03d}{letter}",
                        "name": f"Quiet {number:03d} Inc. Class {letter} Common Stock",
                        "close_usd": closes,
                        "previous_close_usd": np.concatenate([closes[:1], closes[:-1]]),
                        "volume_shares": dice.integers(10_000, 90_000, count),
                        "market_cap_usd": np.round(shares * closes),
                        "country": "United States",
                        "ipo_year": 2001,
                        "industry": "Machinery",
                        "sector": "Industrials",
                    }
                )
            )
    return pl.concat(lines).sort("session", "symbol")


def test_injected_faults_are_caught_and_a_quiet_market_left_alone(
    precision: Any,  # noqa: ANN401 - a module
) -> None:
    listings = quiet_market()
    securities = link_securities(listings)
    start = precision.start_of(SESSIONS)
    lines = precision.with_shares(listings, securities)
    faults = precision.choose_faults(
        precision.quiet_places(lines, start), faults=FAULTS, seed=precision.SEED
    )
    result = precision.repaired(precision.injected(lines, faults), securities, start)
    table = precision.score_faults(result)

    assert table["kind"].len() == len(precision.KINDS)
    assert table["injected"].sum() == FAULTS
    assert table["caught"].sum() >= 0.98 * FAULTS
    assert table["mended"].sum() >= 0.98 * FAULTS
    assert (table["caught"] >= table["injected"] - 1).all()
    alarms = precision.score_alarms(lines, precision.repaired(lines, securities, start))
    assert alarms["repaired"] == 0.0


def test_a_fault_that_nobody_mends_is_counted_as_missed(
    precision: Any,  # noqa: ANN401 - a module
) -> None:
    result = pl.DataFrame(
        {
            "fault": [0, 0, 1],
            "kind": ["spike", "spike", "spike"],
            "repair_rule": ["cap_spike", None, "cap_spike"],
            "quarantine_reason": [None, None, None],
            "market_cap_usd": [1.0, 10.0, 1.02],
            "true_cap_usd": [1.0, 1.0, 1.0],
        },
        schema_overrides={"quarantine_reason": pl.String},
    )
    assert precision.score_faults(result).rows() == [("spike", 2, 1, 0)]


@pytest.mark.parametrize(
    ("symbol", "session", "cap_usd"),
    [
        # Shares from the annual reports: Applied Materials 0.84, Packaging Corp. 0.09,
        # IBM 0.91 and Amazon 10.2 billion (0.51 before its split of June 2022).
        ("AMAT", date(2023, 12, 5), 146.15 * 0.836e9),
        ("PKG", date(2023, 7, 20), 135.98 * 0.0899e9),
        ("PKG", date(2023, 7, 21), 137.35 * 0.0899e9),
        ("IBM", date(2022, 12, 19), 138.87 * 0.904e9),
        ("AMZN", date(2022, 5, 25), 2135.50 * 0.509e9),
        ("AMZN", date(2022, 6, 6), 124.79 * 10.17e9),
    ],
)
def test_famous_faults_are_mended(
    precision: Any,  # noqa: ANN401 - a module
    shared_data: Path,
    symbol: str,
    session: date,
    cap_usd: float,
) -> None:
    rows = pl.scan_parquet(shared_data / "us_universe" / f"{session.year}.parquet").filter(
        pl.col("symbol").is_in([symbol, "A"]) & (pl.col("trade_date") <= session)
    )
    listings = rows.select(
        "exchange", "symbol", "name", "country", "industry", "sector", ipo_year="ipoyear",
        session="trade_date", close_usd="lastsale",
        previous_close_usd=pl.col("lastsale") - pl.col("netchange"),
        volume_shares="volume", market_cap_usd="marketCap",
    ).collect()  # fmt: skip
    lines = precision.with_shares(listings, link_securities(listings))
    result = precision.repaired(lines, link_securities(listings), session)
    (row,) = result.filter(symbol=symbol).rows(named=True)
    assert row["market_cap_usd"] == pytest.approx(cap_usd, rel=0.01)
    assert row["raw_market_cap_usd"] > 10 * row["market_cap_usd"]
