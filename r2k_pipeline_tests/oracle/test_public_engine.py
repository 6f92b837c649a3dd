"""The levels beside those of `bt`, a public back-testing engine, where both can tell the case.

`bt` holds a portfolio of fractional shares at unadjusted prices, splits positions and pays
dividends into cash by its own `CorporateActions`, and trades at closes. So an index is a
portfolio that is bought by market value at the base close, is exchanged at the close before
an event, and puts dividends back by market value at the close of each ex-date. It cannot tell
of special dividends, which an index takes off the price at the open.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import bt
import numpy as np
import pandas as pd
import polars as pl
import pytest

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame, polars_schema
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_before, sessions_between
from r2k_pipeline_tests.oracle.pipeline_levels import levels_of
from r2k_pipeline_tests.oracle.told_history import History

if TYPE_CHECKING:
    from collections.abc import Mapping

BEGINS, CHANGES = event("2022-06"), event("2023-06")
BASE = BEGINS.effective_session
RULES = rules_in_force(BEGINS.rank_day)
SESSIONS = (
    *sessions_before(BASE, RULES.share_observation_sessions),
    *sessions_between(BASE, date(2022, 9, 30)),
)
EXCHANGE = date(2022, 8, 15)
SHARES = {"ACE": 5e6, "BOLT": 1.2e7, "CORE": 8e5, "DUST": 3e7, "EDGE": 2.5e6, "FUSE": 6.4e6}
FIRST = ("ACE", "BOLT", "CORE", "DUST", "EDGE")
SECOND = ("ACE", "BOLT", "CORE", "FUSE")
SPLITS = {
    (date(2022, 7, 6), "ACE"): 2.0,
    (date(2022, 7, 19), "DUST"): 0.1,
    (EXCHANGE, "BOLT"): 1.5,
    (date(2022, 9, 1), "FUSE"): 3.0,
}
DIVIDENDS = {
    (date(2022, 7, 6), "ACE"): 0.41,
    (date(2022, 7, 6), "BOLT"): 0.07,
    (date(2022, 7, 28), "EDGE"): 1.5,
    (date(2022, 8, 12), "DUST"): 0.33,
    (EXCHANGE, "CORE"): 2.2,
    (date(2022, 9, 29), "FUSE"): 0.05,
}


def closes() -> dict[str, list[float]]:
    """Unadjusted closes of every line, a random walk that splits when its line does."""
    chance = np.random.default_rng(20220627)
    found: dict[str, list[float]] = {}
    for line in SHARES:
        close = float(chance.uniform(8, 90))
        for day in SESSIONS:
            close = close * float(chance.uniform(0.95, 1.055)) / SPLITS.get((day, line), 1.0)
            found.setdefault(line, []).append(round(close, 2))
    return found


def shares_on(line: str, day: date) -> float:
    """The shares of a line on a session, after its splits."""
    done = [factor for (when, who), factor in SPLITS.items() if who == line and when <= day]
    return SHARES[line] * float(np.prod(done))


def decided(event_id: str, members: tuple[str, ...]) -> pl.DataFrame:
    shape = polars_schema(contract("reconstitution"))
    return pl.DataFrame(
        [
            {
                "event_id": event_id, "company_id": line, "security_id": line, "symbol": line,
                "segment": "small", "indexes": "all", "decision": "enters", "reason": "the case",
            }
            for line in members
        ],
        schema=shape,
    )  # fmt: skip


def actions() -> pl.DataFrame:
    told = [
        *((key, "split", {"split_factor": value}) for key, value in SPLITS.items()),
        *((key, "cash_dividend", {"amount_usd": value}) for key, value in DIVIDENDS.items()),
    ]
    return pl.DataFrame(
        [
            {
                "session": day, "security_id": line, "symbol": line, "action_type": kind,
                "origin": "reported", "evidence": "the case", **terms,
            }
            for (day, line), kind, terms in told
        ],
        schema=polars_schema(contract("corporate_actions")),
    )  # fmt: skip


def case() -> History:
    prices = closes()
    universe = pl.DataFrame(
        [
            {
                "session": day, "security_id": line, "company_id": line, "symbol": line,
                "name": line, "close_usd": prices[line][place], "previous_close_usd": None,
                "line_shares": shares_on(line, day), "is_eligible": True,
            }
            for line in SHARES
            for place, day in enumerate(SESSIONS)
        ],
        schema_overrides={"previous_close_usd": pl.Float64},
    )  # fmt: skip
    later = replace(CHANGES, effective_session=EXCHANGE)
    return History(
        sessions=SESSIONS,
        last=SESSIONS[-1],
        events=(BEGINS, later),
        resets=(BASE, EXCHANGE),
        decisions=pl.concat([decided(BEGINS.event_id, FIRST), decided(CHANGES.event_id, SECOND)]),
        maintenance=empty_frame(contract("maintenance")),
        universe=universe,
        actions=actions(),
        rules=RULES,
    )


def by_session(values: Mapping[tuple[date, str], float], days: pd.DatetimeIndex) -> pd.DataFrame:
    frame = pd.DataFrame(np.nan, index=days, columns=list(SHARES))
    for (day, line), value in values.items():
        frame.loc[pd.Timestamp(day), line] = value
    return frame


def bt_levels(*, paid: float) -> list[float]:
    """What `bt` makes of the case with a part of each dividend: 1000 at the base close."""
    days = pd.DatetimeIndex(SESSIONS)
    prices = pd.DataFrame(closes(), index=days)
    last = SESSIONS[SESSIONS.index(EXCHANGE) - 1]
    dividends = {key: amount * paid for key, amount in DIVIDENDS.items() if paid}
    trades = {BASE, last, *(day for day, _ in dividends)}
    worth = pd.DataFrame(0.0, index=days, columns=list(SHARES))
    for place, day in enumerate(SESSIONS):
        for line in SECOND if day >= last else FIRST:
            worth.loc[pd.Timestamp(day), line] = prices[line].iloc[place] * shares_on(line, day)
    algos: Any = [
        bt.algos.CorporateActions(by_session(dividends, days), by_session(SPLITS, days)),
        bt.algos.RunOnDate(*(pd.Timestamp(day) for day in sorted(trades))),
        bt.algos.WeighTarget(worth.div(worth.sum(axis=1), axis=0)),
        bt.algos.Rebalance(),
    ]
    test = bt.Backtest(
        bt.Strategy("index", algos), prices, integer_positions=False, progress_bar=False
    )
    begun = bt.run(test).prices["index"].loc[days[SESSIONS.index(BASE) :]]
    return [float(value) for value in 1000 * begun / begun.iloc[0]]


@pytest.mark.parametrize(
    ("column", "paid"),
    [("price_level", 0.0), ("total_return_level", 1.0), ("net_total_return_level", 0.7)],
)
def test_levels_are_those_of_a_public_engine(column: str, paid: float) -> None:
    ours = levels_of(case()).filter(pl.col("index_id") == "all")[column].to_list()
    assert len(ours) == len(SESSIONS) - RULES.share_observation_sessions
    assert ours == pytest.approx(bt_levels(paid=paid), rel=1e-8)
