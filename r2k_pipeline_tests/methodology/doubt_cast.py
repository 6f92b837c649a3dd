"""BETA, a company in doubt, beside five that are ranked on a rank day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl

from r2k_pipeline.methodology.doubtful_candidates import READ, doubtful_candidates
from r2k_pipeline.rulebook.reference_facts import read_facts
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event

JUNE = event("2022-06")
DAY, LAST = JUNE.rank_day, date(2022, 6, 3)
RULES = replace(rules_in_force(DAY), large_cap_count=2, total_count=4, extended_count=5)
# Five companies are ranked. Large ends with 5 bn, within whose band rank 2 alone lies; the
# fourth, of 400 m, is the smallest member of the r3000, which has no band.
CAPS = (9e9, 5e9, 1e9, 4e8, 1e8)
RANKING = pl.DataFrame(
    {
        "session": DAY,
        "company_id": [f"C-{place}" for place in range(1, 6)],
        "rank": range(1, 6),
        "total_market_cap_usd": CAPS,
        "cumulative_market_cap_share": [sum(CAPS[:n]) / sum(CAPS) for n in range(1, 6)],
    }
)
HEADER = "symbol,company,session,verdict,reason,source,certainty"
NOTHING_SETTLED = read_facts("settled_doubts", f"{HEADER}\n")
SCHEMA = dict.fromkeys(READ, pl.String) | {
    "session": pl.Date,
    **dict.fromkeys(
        ("market_cap_usd", "close_usd", "previous_close_usd", "line_shares", "addtv_usd"),
        pl.Float64,
    ),
}
SPLITS = pl.DataFrame(
    schema={
        "session": pl.Date,
        "security_id": pl.String,
        "action_type": pl.String,
        "split_factor": pl.Float64,
    }
)
Row = dict[str, Any]


def line(
    cap: float | None, rule: str | None = None, failed: str | None = None, **row: object
) -> Row:
    """One line of BETA Inc. on the rank day, at $10 unless told otherwise."""
    return {
        "session": DAY,
        "security_id": "S-B",
        "company_id": "C-B",
        "symbol": "BETA",
        "name": "Beta Inc. Common Stock",
        "market_cap_usd": cap,
        "close_usd": 10.0,
        "previous_close_usd": 10.0,
        "line_shares": None if cap is None else cap / 10,
        "addtv_usd": 1e6,
        "repair_rule": rule,
        "failed_rules": failed,
        **row,
    }


def before(cap: float | None, sessions: int = 1, **row: object) -> Row:
    """The same line some days before, sound unless told otherwise."""
    return line(cap) | {"session": DAY - timedelta(days=sessions)} | row


def after(cap: float | None, day: date = date(2022, 5, 11), **row: object) -> Row:
    """The same line on a later session, sound unless told otherwise."""
    return line(cap) | {"session": day} | row


def doubts(
    *rows: Row, settled: pl.DataFrame = NOTHING_SETTLED, is_over: bool = False
) -> pl.DataFrame:
    return doubtful_candidates(
        pl.DataFrame(rows, schema=SCHEMA),
        RANKING,
        SPLITS,
        event=JUNE,
        is_over=is_over,
        settled=settled,
        rules=RULES,
    )


JUMPED = ("cap_without_history", "unrepaired")
BLANK = (None, "no_market_cap")
NO_CLOSE = ("close_missing", "no_close no_market_cap unrepaired")
CHEAP = ("close_out_of_line", "price_below_minimum unrepaired")
