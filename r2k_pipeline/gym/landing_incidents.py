"""Incidents that landing has to survive: files that lack something, repeat, or say too much.

Each is told with the vendor's own file of the first sessions of the market. What landed of
it is compared with what lands undisturbed; then the vendor mends its file, it is landed
again, and everything must be there.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import R2kError
from r2k_pipeline.gym.arena import (
    LANDED,
    Feed,
    Landed,
    built,
    complaints,
    differing,
    landing,
    now,
    phrases,
    standing,
)
from r2k_pipeline.gym.incident import Finding, Incident
from r2k_pipeline.orchestration.float_landing import land_floats
from r2k_pipeline.queries.quarantine import quarantine
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from r2k_pipeline.gym.arena import Arena
    from r2k_pipeline.sources.feed import Source
    from r2k_pipeline.storage.store import Store

_ODD = LANDED[10]
_FRIDAY = 4
_KEY = ("session", "exchange", "symbol")
_REGULAR = "raw_listings.snapshots_are_regular"
_PRESENT = "raw_listings.every_session_is_present"
_COLUMNS = "raw_listings.source_columns_are_as_expected"
_EXCHANGES = "raw_listings.exchanges_are_complete"
_TRUE_FLOAT = "0.85"
_NEW = "closes_are_new"
_HELD = ("close_is_positive", "market_cap_is_not_negative", "volume_is_not_negative")


def replayed(
    arena: Arena, disturbed: Source, *, truth: Landed | None = None, mended: Source | None = None
) -> Finding:
    """Land a disturbed file and then the mended one; compare with what lands undisturbed.

    Args:
        arena: Where.
        disturbed: What the vendor serves first.
        truth: What lands undisturbed; None for the first sessions of the market.
        mended: What the vendor serves then; None for the same.
    """
    truth = truth or arena.landed
    with open_store(arena.settings()) as store:
        said = _attempt(store, disturbed)
        first = standing(store)
        caught = (complaints(store) - truth.complaints) | said | _held(store)
        left_out = differing(truth.listings, first).height
        told = f"{first.height:,} of {truth.listings.height:,} rows, {left_out:,} held back"
        wrong = phrases(differing(first, truth.listings), *_KEY) + _half_sessions(first, truth)
        with mended or arena.extracted(arena.some()) as source:
            landing(store, source)
        last = standing(store)
    return Finding(
        caught_by=frozenset(caught),
        published=told,
        wrong=wrong,
        lost=phrases(differing(truth.listings, last), *_KEY)
        + phrases(differing(last, truth.listings), *_KEY),
    )


def _half_sessions(found: pl.DataFrame, truth: Landed) -> tuple[str, ...]:
    """Exchanges that are missing on sessions that stand."""
    key = ["session", "exchange"]
    there = truth.listings.join(found, on="session", how="semi")
    missing = there.join(found, on=key, how="anti").select(key).unique().sort(key)
    return phrases(missing, *key)


def _attempt(store: Store, source: Source) -> frozenset[str]:
    """Land; the name of the error that stopped it, if one did."""
    try:
        with source:
            landing(store, source)
    except R2kError as error:
        return frozenset({type(error).__name__})
    return frozenset()


def _held(store: Store) -> frozenset[str]:
    names: Iterable[str] = (check for told in quarantine(store)["checks"]
                            for check in told.split(", "))  # fmt: skip
    return frozenset(f"quarantine.{name}" for name in names)


def _missing_day(arena: Arena) -> Finding:
    """Two evenings are missing: told; six in a row: the build stops."""
    rows = arena.some()
    few, many = (rows.filter(~pl.col("session").is_in(LANDED[a:b])) for a, b in ((9, 11), (6, 12)))
    found = replayed(arena, arena.extracted(few))
    return replace(
        found,
        caught_by=found.caught_by | _build_of(arena, few) | _build_of(arena, many),
        published=f"{found.published}; a gap of two is carried, one of six stops the build",
    )


def _build_of(arena: Arena, rows: pl.DataFrame) -> frozenset[str]:
    """Land and build some sessions; what the gaps are called."""
    settings = arena.settings()
    with open_store(settings) as store, arena.extracted(rows) as source:
        landing(store, source)
    try:
        built(settings, LANDED[7], LANDED[12])
    except R2kError as error:
        return frozenset({type(error).__name__})
    with open_store(settings) as store:
        return complaints(store)


def _half_a_universe(arena: Arena) -> Finding:
    is_gone = (pl.col("session") == _ODD) & (pl.col("exchange") != "nasdaq")
    return replayed(arena, arena.extracted(arena.some().filter(~is_gone)))


def _stale_copy(arena: Arena) -> Finding:
    """Friday again on Saturday, and Nasdaq's file unchanged on a session."""
    rows = arena.some()
    friday = next(day for day in LANDED[5:] if day.weekday() == _FRIDAY)
    saturday = rows.filter(pl.col("session") == friday).with_columns(
        session=pl.lit(friday + timedelta(days=1))
    )
    is_stale = (pl.col("session") == LANDED[12]) & (pl.col("exchange") == "nasdaq")
    before = rows.filter((pl.col("session") == LANDED[11]) & (pl.col("exchange") == "nasdaq"))
    stale = before.with_columns(session=pl.lit(LANDED[12]))
    # What the next evening shows follows from the session that nobody showed.
    found = replayed(arena, arena.extracted(pl.concat([rows.filter(~is_stale), saturday, stale])))
    unseen = Feed(pl.concat([rows.filter(~is_stale), stale]))
    with open_store(arena.settings()) as store, unseen:
        landing(store, unseen)
        told = store.published.read("quality_results", where={"check_name": _NEW}).filter(
            ~pl.col("is_passed"), pl.col("sentence").str.starts_with(f"nasdaq on {LANDED[12]}")
        )
    return replace(
        found,
        caught_by=found.caught_by
        | frozenset(f"raw_listings.{name}" for name in told["check_name"]),
        published=f"{found.published}; of a source that does not look, marked",
    )


def _duplicates(arena: Arena) -> Finding:
    """A double fetch, and the same key with another value."""
    rows = arena.some()
    day = rows.filter(pl.col("session") == _ODD)
    other = day.head(3).with_columns(market_cap_usd=pl.col("market_cap_usd") * 2)
    return replayed(arena, arena.extracted(pl.concat([rows, day.tail(5), other])))


def _impossible_values(arena: Arena) -> Finding:
    """A close of zero, a cap below zero and a volume below zero, of three companies."""
    rows = arena.some()
    chosen = rows.filter(pl.col("session") == _ODD, pl.col("exchange") == "nyse")["symbol"][:3]
    faults = (("lastsale", 0.0), ("marketCap", -5e8), ("volume", -7))
    others = {
        name: pl.when((pl.col("trade_date") == _ODD) & (pl.col("symbol") == symbol))
        .then(pl.lit(value))
        .otherwise(pl.col(name))
        .cast(rows.schema["volume_shares"] if name == "volume" else pl.Float64)
        for symbol, (name, value) in zip(chosen, faults, strict=True)
    }
    return replayed(arena, arena.extracted(rows, **others))


def _schema_drift(arena: Arena) -> Finding:
    """A column that nobody knows; then a price that becomes text."""
    rows = arena.some()
    told = replayed(arena, arena.extracted(rows, cusip=pl.lit("000000000")))
    retyped = pl.col("lastsale").cast(pl.String)
    refused = replayed(arena, arena.extracted(rows, lastsale=retyped))
    return Finding(
        caught_by=told.caught_by & {_COLUMNS} | refused.caught_by - {_COLUMNS},
        published=f"unknown column: {told.published}; retyped column: {refused.published}",
        wrong=told.wrong + refused.wrong,
        lost=told.lost + refused.lost,
    )


def _bad_floats(arena: Arena) -> Finding:
    """Factors above one, of zero, in percent; in thousands; and one that falls to a tenth."""
    first, second = (str(day) for day in LANDED[:2])
    jumping, tiny = arena.some()["symbol"].unique().sort().head(2)
    caught: set[str] = set()
    wrong: list[str] = []
    with open_store(arena.settings()) as store:
        for factor in ("1.7", "0", "-0.5", "85", "850", "nan"):
            try:
                _land_floats(arena, store, first, {jumping: factor})
            except R2kError as error:
                caught.add(f"float_factors.{type(error).__name__}")
            else:
                wrong.append(f"float {factor}")
        # Possible by itself: it lands, and somebody is told which line it is.
        _land_floats(arena, store, first, {jumping: "0.9", tiny: "0.00085"})
        _land_floats(arena, store, second, {jumping: "0.09"})
        caught |= complaints(store)
        told = {
            check: _named(store, check) for check in ("float_does_not_jump", "float_is_not_tiny")
        }
        if list(told.values()) != [[(second, jumping)], [(first, tiny)]]:
            wrong.append(f"told of {told}")
        _land_floats(arena, store, second, dict.fromkeys((jumping, tiny), _TRUE_FLOAT))
        rows = store.lake.scan("float_factors").filter(pl.col("session") == LANDED[1]).collect()
    is_true = pl.col("float_factor") == float(_TRUE_FLOAT)
    return Finding(
        caught_by=frozenset(caught),
        published="nothing of what cannot be; what can be and is odd is told of by line",
        wrong=tuple(wrong),
        lost=() if rows.filter(is_true).height == len(told) else ("factors as corrected",),
    )


def _land_floats(arena: Arena, store: Store, day: str, factors: Mapping[str, str]) -> None:
    path = arena.path("floats.csv")
    rows = "".join(f"{day},{name},{factor},filing,reported\n" for name, factor in factors.items())
    path.write_text(f"session,symbol,float_factor,source,certainty\n{rows}")
    land_floats(store, path, run_id="gym", known_at=now())


def _named(store: Store, check: str) -> list[tuple[str, str]]:
    """Sessions and symbols of the rows that a check showed."""
    failed = store.published.read("quality_results", where={"check_name": check}).filter(
        ~pl.col("is_passed")
    )
    rows = [row for sample in failed["sample"] for row in json.loads(sample)]
    return [(str(row["session"]), str(row["symbol"])) for row in rows]


INCIDENTS = (
    Incident(
        number=1,
        name="late or missing day",
        example="2022-12-21 and 12-28: no NYSE file",
        guards=(_REGULAR, _PRESENT, "MissingPartitionError"),
        replay=_missing_day,
    ),
    Incident(
        number=2,
        name="half a universe",
        example="2021-10-30: Nasdaq only",
        guards=(_EXCHANGES,),
        replay=_half_a_universe,
    ),
    Incident(
        number=3,
        name="stale copy",
        example="weekend and holiday snapshots; Nasdaq's file unchanged",
        guards=(_REGULAR, _EXCHANGES, f"raw_listings.{_NEW}"),
        replay=_stale_copy,
    ),
    Incident(
        number=8,
        name="duplicate rows, one key with two values",
        example="a view that repeats rows; a double fetch",
        guards=("raw_listings.key_is_unique", "ContractViolationError"),
        replay=_duplicates,
    ),
    Incident(
        number=9,
        name="zero, null or negative price or shares",
        example="5,015 closes at or below zero or null",
        guards=tuple(f"quarantine.{name}" for name in _HELD),
        replay=_impossible_values,
    ),
    Incident(
        number=16,
        name="schema drift of the vendor",
        example="an exchange's label changes; a new field in the middle",
        guards=(_COLUMNS, "SourceShapeError"),
        replay=_schema_drift,
    ),
    Incident(
        number=24,
        name="float above one, zero, wrong unit, or a tenth of what it was",
        example="public float in filings, a thousand times off",
        guards=(
            "float_factors.BadInputError",
            "float_factors.float_is_not_tiny",
            "float_factors.float_does_not_jump",
        ),
        replay=_bad_floats,
    ),
)
