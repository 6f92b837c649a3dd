"""A small history, really stored: two Junes, some 4,200 listings, a few sessions around each event.

Tells one scenario for everything that reads a store. The decisions, levels and
ledger are the methodology's own, so a reader's test compares like with like.
Who is in it:

- HOST, among the largest, with a name that tries to break out of every page;
- DUOA and DUOB, two classes of one company;
- OLDN, called NEWN from the second year on;
- FALL, large in the first year and small in the second; RISE, the other way;
- GONE, delisted between the two events; NEWB, first listed in the second year;
- SPLT, split 2 for 1 on 2022-06-29;
- PNNY below one dollar, SPCX a SPAC, FRGN a foreign company, TINY below the least size.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame, require_shape
from r2k_pipeline.methodology.constituents import constituents
from r2k_pipeline.methodology.corporate_actions import resolve_actions
from r2k_pipeline.methodology.divisors import divisor_events
from r2k_pipeline.methodology.identity import link_securities
from r2k_pipeline.methodology.levels import index_levels
from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.methodology.reconstitution import breakpoints, reconstitute
from r2k_pipeline.methodology.signals import all_signals
from r2k_pipeline.methodology.universe import evaluate_universe
from r2k_pipeline.methodology.weighting import weight_factors
from r2k_pipeline.rulebook.family import family
from r2k_pipeline.rulebook.reference_facts import shipped_reference
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from r2k_pipeline.settings import Settings

EVENTS = (event("2021-06"), event("2022-06"))
SESSIONS = (
    EVENTS[0].rank_day,
    *sessions_between(date(2021, 6, 10), date(2021, 7, 2)),
    EVENTS[1].rank_day,
    *sessions_between(date(2022, 6, 10), date(2022, 7, 1)),
)
BASE_SESSION = EVENTS[0].effective_session
LAST_SESSION = SESSIONS[-1]
SPLIT_SESSION = date(2022, 6, 29)
KNOWN_AT = datetime(2022, 7, 2, tzinfo=UTC)
HOSTILE_NAME = "<script>alert(1)</script> ../../x {0.__class__} [red]Host[/red] \x1b[31m Inc."

_COMPANIES = 4_200
_SECTORS = ("Technology", "Health Care", "Finance", "Industrials", "<b>Energy</b>", None)


def listings() -> pl.DataFrame:
    """Contract `raw_listings` of the scenario; the same on every call."""
    return pl.concat([_day(place, day) for place, day in enumerate(SESSIONS)])


def _day(place: int, day: date) -> pl.DataFrame:
    numbers = np.arange(1, _COMPANIES + 1)
    second_year = day.year == EVENTS[1].rank_day.year
    caps = 2.4e12 / numbers**1.15 * np.random.default_rng(7).uniform(0.9, 1.1, _COMPANIES)
    caps = caps * np.where(second_year, np.random.default_rng(8).lognormal(0, 0.12, _COMPANIES), 1)
    caps = caps * np.random.default_rng(100 + place).normal(1.0, 0.01, _COMPANIES)
    shares = np.round(caps[0] * 0 + 2.4e12 / numbers**1.15 / (20 + numbers % 80))
    frame = pl.DataFrame(
        {
            "symbol": [f"C{number:04d}" for number in numbers],
            "name": [f"Company {number:04d} Inc. Common Stock" for number in numbers],
            "close_usd": caps / shares,
            "market_cap_usd": caps,
            "country": "United States",
            "sector": [_SECTORS[number % len(_SECTORS)] for number in numbers],
        }
    )
    rows = pl.concat([frame, _cast(second_year=second_year, day=day, caps=caps)])
    return require_shape(
        contract("raw_listings"),
        rows.with_columns(
            session=pl.lit(day),
            exchange=pl.lit("nyse"),
            previous_close_usd=pl.when((pl.col("symbol") == "SPLT") & (day == SPLIT_SESSION))
            .then(pl.lit(50.0))
            .otherwise(pl.lit(None, pl.Float64)),
            volume_shares=pl.lit(1_000_000, pl.Int64),
            ipo_year=pl.lit(None, pl.Int32),
            industry=pl.lit("Industrial Machinery"),
            source=pl.lit("scenario"),
            source_hash=pl.lit("0" * 16),
        ),
    )


def _cast(*, second_year: bool, day: date, caps: np.ndarray) -> pl.DataFrame:
    """The lines that the scenario is about."""
    drift = float(caps[0] / 2.4e12)
    split = day >= SPLIT_SESSION
    name, home = "Common Stock", "United States"
    lines = [
        ("HOST", HOSTILE_NAME, 300.0, 9e11 * drift, "United States"),
        ("DUOA", f"Duo Corp. Class A {name}", 90.0, 5e11, "United States"),
        ("DUOB", f"Duo Corp. Class B {name}", 91.0, 5e11, "United States"),
        ("NEWN" if second_year else "OLDN", f"Renamed Inc. {name}", 45.0, 2e10, None),
        ("FALL", f"Falling Inc. {name}", *((2.5, 4.25e8) if second_year else (10.0, 1.7e9)), home),
        ("RISE", f"Rising Inc. {name}", *((40.0, 1.7e9) if second_year else (10.0, 4.25e8)), home),
        ("SPLT", f"Splitting Inc. {name}", 50.0 if split else 100.0, 6e8, "United States"),
        ("PNNY", f"Penny Inc. {name}", 0.5, 4e8, "United States"),
        ("SPCX", "Blank Acquisition Corp. Class A Common Stock", 10.0, 4e8, "United States"),
        ("FRGN", f"Foreign Inc. {name}", 12.0, 8e9, "China"),
        ("TINY", f"Tiny Inc. {name}", 3.0, 1e7, "United States"),
    ]
    lines.append(
        ("NEWB", f"Newborn Inc. {name}", 27.0, 8.1e8, "United States")
        if second_year
        else ("GONE", f"Gone Inc. {name}", 20.0, 9e8, "United States")
    )
    columns = ["symbol", "name", "close_usd", "market_cap_usd", "country"]
    return pl.DataFrame(lines, schema=columns, orient="row").with_columns(
        sector=pl.lit("Technology")
    )


def write_small_history(settings: Settings) -> None:
    """Compute the scenario with the methodology and store it."""
    lake, by_event, by_session, securities = _tables()
    with open_store(settings) as store:
        for table, frame in lake.items():
            shaped = require_shape(contract(table), frame)
            store.lake.replace(table, shaped, start=SESSIONS[0], end=LAST_SESSION)
        store.lake.replace_all("securities", require_shape(contract("securities"), securities))
        for table, frame in by_event.items():
            shaped = require_shape(contract(table), frame)
            store.published.replace(
                table, shaped, known_at=KNOWN_AT, event_ids=[e.event_id for e in EVENTS]
            )
        for table, frame in by_session.items():
            shaped = require_shape(contract(table), frame)
            store.published.replace(
                table, shaped, known_at=KNOWN_AT, start=SESSIONS[0], end=LAST_SESSION
            )


Frames = dict[str, pl.DataFrame]


def _tables() -> tuple[Frames, Frames, Frames, pl.DataFrame]:
    """The tables by session in the lake, by event, by session in SQL, and `securities`."""
    raw = listings()
    securities = link_securities(raw)
    rules = rules_in_force(SESSIONS[0])
    lake = {
        "raw_listings": raw,
        "corporate_actions": resolve_actions(
            raw,
            empty_frame(contract("reported_actions")),
            securities,
            start=SESSIONS[1],
            sessions=list(SESSIONS),
        ),
    }
    lake["universe"] = evaluate_universe(
        raw,
        securities,
        lake["corporate_actions"],
        start=SESSIONS[0],
        sessions=list(SESSIONS),
        reference=shipped_reference(),
        rules=rules,
    )
    lake["ranking"] = rank_companies(lake["universe"], rules=rules)
    by_event = _decisions(lake)
    lake["constituents"] = pl.concat([_members(lake, by_event, place) for place in range(2)])
    factors = lake["weight_factors"] = _factors(lake["constituents"])
    ledger = divisor_events(
        lake["constituents"],
        lake["corporate_actions"],
        sessions=list(SESSIONS),
        family=family(),
        base_session=BASE_SESSION,
        factors=factors,
    )
    levels = index_levels(lake["constituents"], ledger, family=family(), factors=factors)
    by_session = {"divisors": ledger, "levels": levels, "signals": all_signals(levels)}
    return lake, by_event, by_session, securities


def _factors(lines: pl.DataFrame) -> pl.DataFrame:
    resets = pl.col("session").is_in([current.effective_session for current in EVENTS])
    return weight_factors(lines.filter(resets), family=family(), scores=pl.DataFrame())


def _decisions(lake: Frames) -> Frames:
    """What the two events decide, one after the other."""
    found, decided = [], [empty_frame(contract("reconstitution"))]
    for current in EVENTS:
        rules, incumbents = rules_in_force(current.rank_day), decided[-1].drop_nulls("segment")
        is_banded = not incumbents.is_empty()
        found.append(
            breakpoints(
                lake["ranking"],
                event=current,
                rules=rules,
                family=family(),
                is_banded=is_banded,
            )
        )
        decided.append(
            reconstitute(
                lake["ranking"],
                incumbents=incumbents,
                excluded=lake["universe"].filter(pl.col("session") == current.rank_day),
                event=current,
                rules=rules,
                family=family(),
            )
        )
    return {"breakpoints": pl.concat(found), "reconstitution": pl.concat(decided)}


def _members(lake: Frames, by_event: Frames, place: int) -> pl.DataFrame:
    """The members of one event on the sessions on which it is in force."""
    current = EVENTS[place]
    following = EVENTS[1].effective_session if place == 0 else date.max
    return constituents(
        by_event["reconstitution"].filter(pl.col("event_id") == current.event_id),
        lake["universe"],
        lake["corporate_actions"],
        event=current,
        sessions=[day for day in SESSIONS if day <= following],
        end=max(day for day in SESSIONS if day < following),
        rules=rules_in_force(current.rank_day),
    )
