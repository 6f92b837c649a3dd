"""For every drift rule what keeps it, what breaks it, and its words.

A case is a hundred lines of the good frame on one partition and again on the next, with some
cells overwritten. The sentence is what an operator reads of the broken one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.model import Partitioning
from r2k_pipeline_tests.quality.good_frames import FRIDAY, GOOD, MONDAY

LINES = 100
_BY_PARTITION: dict[Partitioning, tuple[Any, Any]] = {
    Partitioning.SESSION: (FRIDAY, MONDAY),
    Partitioning.EVENT: ("2021-06", "2022-06"),
    Partitioning.NONE: (None, None),
}


@dataclass(frozen=True, kw_only=True)
class DriftCase:
    """What the second partition has, where it keeps the rule and where it breaks it.

    `lines` is how many rows; the other cells overwrite those of the good frame's last row.
    """

    broken: dict[str, Any]
    sentence: str
    kept: dict[str, Any] = field(default_factory=dict)
    both: dict[str, Any] = field(default_factory=dict)


def partition_of(table: str, *, is_second: bool, cells: dict[str, Any]) -> pl.DataFrame:
    """A hundred `lines`, or so many, of a table on one partition, each under its own name."""
    promised = contract(table)
    row = GOOD[table].tail(1).to_dicts()[0] | cells
    lines = row.pop("lines", LINES)
    if promised.partition_column is not None:
        key = _BY_PARTITION[promised.partitioning][is_second]
        row[promised.partition_column] = key
    rows = []
    for number in range(lines):
        named = {
            name: f"{name[0].upper()}{number}"
            for name in ("symbol", "security_id", "company_id")
            if name in row
        }
        rows.append(row | named)
    return pl.DataFrame(rows, schema=GOOD[table].schema)


DRIFT: dict[tuple[str, str], DriftCase] = {
    ("raw_listings", "total_cap_does_not_jump"): DriftCase(
        both={"exchange": "nasdaq"},
        kept={"market_cap_usd": 1.1e9},
        broken={"market_cap_usd": 284e9},
        sentence="nasdaq on 2022-06-27: 28,400.0 bn USD of total cap, "
        "expected 100.0 bn USD ± 15 %.",
    ),
    ("raw_listings", "closes_are_new"): DriftCase(
        both={"exchange": "nasdaq"},
        kept={"close_usd": 10.5},
        broken={},
        sentence="nasdaq on 2022-06-27: 100 % of the closes as on the session before, "
        "expected at most 50 %.",
    ),
    ("raw_listings", "turnover_does_not_jump"): DriftCase(
        both={"exchange": "nyse"},
        kept={"volume_shares": 30_000_000},
        broken={"volume_shares": 100_000},
        sentence="nyse on 2022-06-27: 0.1 bn USD of turnover, expected 2.5 bn USD to 40.0 bn USD, "
        "after 10.0 bn USD.",
    ),
    ("reported_actions", "actions_are_no_flood"): DriftCase(
        broken={"lines": 1001},
        sentence="2022-06-27: 1,001 reported actions, expected at most 1,000.",
    ),
    ("securities", "lines_do_not_vanish"): DriftCase(
        kept={"lines": 95},
        broken={"lines": 94},
        sentence="securities: 94 spans of lines, expected at least 95, after 100.",
    ),
    ("security_events", "events_do_not_vanish"): DriftCase(
        broken={"lines": 50},
        sentence="security_events: 50 events, expected at least 95, after 100.",
    ),
    ("corporate_actions", "actions_are_no_flood"): DriftCase(
        broken={"lines": 1200},
        sentence="2022-06-27: 1,200 actions, expected at most 1,000.",
    ),
    ("universe", "lines_do_not_jump"): DriftCase(
        both={"exchange": "nasdaq"},
        kept={"lines": 95},
        broken={"lines": 43},
        sentence="nasdaq on 2022-06-27: 43 lines, expected 100 ± 5 %.",
    ),
    ("universe", "eligible_lines_do_not_jump"): DriftCase(
        broken={"is_eligible": False},
        sentence="2022-06-27: 0 eligible lines, expected 100 ± 5 %.",
    ),
    ("universe", "eligible_cap_does_not_jump"): DriftCase(
        kept={"market_cap_usd": 1.1e9},
        broken={"market_cap_usd": 3e9},
        sentence="2022-06-27: 300.0 bn USD of eligible cap, expected 100.0 bn USD ± 15 %.",
    ),
    ("ranking", "companies_do_not_jump"): DriftCase(
        broken={"lines": 106},
        sentence="2022-06-27: 106 ranked companies, expected 100 ± 5 %.",
    ),
    ("ranking", "total_cap_does_not_jump"): DriftCase(
        broken={"total_market_cap_usd": 2e9},
        sentence="2022-06-27: 200.0 bn USD of total cap, expected 100.0 bn USD ± 15 %.",
    ),
    ("reconstitution", "members_do_not_jump"): DriftCase(
        both={"segment": "micro"},
        broken={"lines": 64},
        sentence="micro on 2022-06: 64 members, expected 100 ± 15 %.",
    ),
    ("reconstitution", "turnover_is_plausible"): DriftCase(
        both={"segment": "small", "decision": "stays_by_rank"},
        broken={"decision": "enters"},
        sentence="small on 2022-06: 100 % of the segment enter, expected at most 40 %.",
    ),
    ("reconstitution", "total_cap_does_not_jump"): DriftCase(
        both={"segment": "small"},
        kept={"total_market_cap_usd": 2e9},
        broken={"total_market_cap_usd": 3e9},
        sentence="2022-06: 300.0 bn USD of members, expected 40.0 bn USD to 250.0 bn USD, "
        "after 100.0 bn USD.",
    ),
    ("breakpoints", "breakpoints_do_not_jump"): DriftCase(
        both={"edge": "1000"},
        broken={"breakpoint_usd": 0.3e9},
        sentence="1000 on 2022-06: 0.3 bn USD of breakpoint, expected 0.4 bn USD to 2.5 bn USD, "
        "after 1.0 bn USD.",
    ),
    ("preliminary_lists", "changes_do_not_jump"): DriftCase(
        kept={"lines": 500},
        broken={"lines": 501},
        sentence="2022-06: 501 announced changes, expected at most 500, after 100.",
    ),
    ("fundamentals", "companies_do_not_vanish"): DriftCase(
        broken={"lines": 79},
        sentence="2022-06: 79 companies, expected at least 80, after 100.",
    ),
    ("style_scores", "scores_do_not_vanish"): DriftCase(
        both={"segment": "large"},
        broken={"segment": "small"},
        sentence="large is missing on 2022-06: 0 scores, expected at least 80, after 100.",
    ),
    ("constituents", "members_do_not_jump"): DriftCase(
        both={"segment": "small"},
        kept={"lines": 110},
        broken={"lines": 111},
        sentence="small on 2022-06-27: 111 member lines, expected 100 ± 10 %.",
    ),
    ("constituents", "members_do_not_vanish"): DriftCase(
        both={"segment": "small"},
        kept={"lines": 50},
        broken={"segment": "large"},
        sentence="small is missing on 2022-06-27: 0 member lines, expected at least 50, after 100.",
    ),
    ("constituents", "market_value_does_not_jump"): DriftCase(
        broken={"market_value_usd": 2e9},
        sentence="2022-06-27: 200.0 bn USD of market value, expected 100.0 bn USD ± 15 %.",
    ),
    ("constituents", "turnover_is_plausible"): DriftCase(
        both={"event_id": "2022-06"},
        kept={"lines": 102},
        broken={"lines": 103},
        sentence="2022-06 on 2022-06-27: 2.91 % of the member lines are new, expected at most 2 %.",
    ),
    ("constituents", "closes_are_fresh"): DriftCase(
        both={"close_session": MONDAY},
        broken={"close_session": FRIDAY},
        sentence="2022-06-27: 100 % of the closes are older, expected at most 5 %.",
    ),
    ("weight_factors", "lines_do_not_jump"): DriftCase(
        both={"index_id": "r2000ew"},
        broken={"lines": 74},
        sentence="r2000ew on 2022-06-27: 74 lines, expected 100 ± 25 %.",
    ),
    ("divisors", "divisor_does_not_jump"): DriftCase(
        both={"index_id": "r2000"},
        kept={"divisor_after": 1.9e9},
        broken={"divisor_after": 0.4e9},
        sentence="r2000 on 2022-06-27: 0.4 bn USD of divisor, expected 0.5 bn USD to 2.0 bn USD, "
        "after 1.0 bn USD.",
    ),
    ("levels", "price_level_does_not_jump"): DriftCase(
        both={"index_id": "r2000"},
        kept={"price_level": 750.0},
        broken={"price_level": 2000.0},
        sentence="r2000 on 2022-06-27: 2,000.00 index points, expected 1,000.00 ± 25 %.",
    ),
    ("levels", "members_do_not_jump"): DriftCase(
        both={"index_id": "r2000", "members": 2000},
        broken={"members": 999},
        sentence="r2000 on 2022-06-27: 999 members, expected 2,000 ± 15 %.",
    ),
    ("levels", "indexes_do_not_vanish"): DriftCase(
        both={"index_id": "r2000"},
        broken={"index_id": "r1000"},
        sentence="r2000 is missing on 2022-06-27: 0 levels, expected at least 50, after 100.",
    ),
    ("signals", "signals_do_not_vanish"): DriftCase(
        both={"index_id": "r2000"},
        broken={"lines": 99},
        sentence="r2000 on 2022-06-27: 99 signals, expected at least 100, after 100.",
    ),
}
# What a hundred lines are before: round, so that the sentences are easy to check by hand.
ROUND = {
    "market_cap_usd": 1e9,
    "close_usd": 10.0,
    "volume_shares": 10_000_000,
    "total_market_cap_usd": 1e9,
    "market_value_usd": 1e9,
    "breakpoint_usd": 1e9,
    "divisor_after": 1e9,
    "price_level": 1000.0,
    "is_eligible": True,
}
