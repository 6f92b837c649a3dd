"""Incidents of an index that is published: prices that stop, actions that come late or go.

One story for all of them. A disturbed feed lands and is built, with an error or two of every
kind on lines of their own; then the vendor mends all of it silently, which lands and is built
from the effective session on, so that the event is decided a second time, after its lock-down.
Beside it stands the undisturbed index.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import R2kError
from r2k_pipeline.gym.arena import SESSIONS, Arena, Feed, built, landing, now, phrases
from r2k_pipeline.gym.incident import Finding, Incident
from r2k_pipeline.queries.members import members
from r2k_pipeline.queries.restatements import restatements
from r2k_pipeline.queries.verification import first_difference, verify
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from datetime import datetime

    from r2k_pipeline.settings import Settings

JUNE = event("2022-06")
INDEX = "r3000"
# A reconstitution needs a thousand ranked companies, and the days from its rank day on.
_COMPANIES, _FIRST = 1300, date(2022, 5, 2)
_AFTER = tuple(day for day in SESSIONS if day >= JUNE.effective_session)
_SPLIT, _REWRITTEN, _LATE, _MERGED = _AFTER[1], _AFTER[2], _AFTER[2], _AFTER[7]
_HALTED, _MISSING = _AFTER[3:6], _AFTER[-1]
_LEVELS = ("price_level", "total_return_level", "net_total_return_level", "members")
_DIVIDEND_USD = 1.5
_TOLERANCE = 1e-9
# Half a close has half a cent.
_SAME_VALUE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Book:
    """What stood at a moment."""

    moment: datetime
    levels: pl.DataFrame
    lines: pl.DataFrame
    ledger: pl.DataFrame
    decisions: pl.DataFrame
    holders: frozenset[str]
    difference: str | None

    @classmethod
    def of(cls, settings: Settings) -> Book:
        """Read everything that is judged, and verify it."""
        with open_store(settings) as store:
            return cls(
                moment=now(),
                levels=store.published.read("levels"),
                lines=store.lake.scan("constituents").collect(),
                ledger=store.published.read("divisors"),
                decisions=store.published.read("reconstitution"),
                holders=frozenset(members(store, INDEX, _AFTER[1])["symbol"]),
                difference=first_difference(verify(store)),
            )


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who suffers what: members about which nothing is reported."""

    halted: str
    rewritten: str
    phantom: str
    split: str
    merged: str


@dataclass(frozen=True, kw_only=True)
class Story:
    """The undisturbed index, the disturbed one, and that one after all was mended."""

    settings: Settings
    cast: Cast
    truth: Book
    disturbed: Book
    mended: Book
    restated: pl.DataFrame
    decided_twice: pl.DataFrame

    @property
    def lost(self) -> tuple[str, ...]:
        """Levels that are not those of the undisturbed index after all was mended."""
        return _apart(self.truth.levels, self.mended.levels)


def _apart(true: pl.DataFrame, found: pl.DataFrame) -> tuple[str, ...]:
    keys = ["index_id", "session"]
    both = true.join(found, on=keys, how="full", coalesce=True, suffix="_found")
    is_same = pl.all_horizontal(
        (pl.col(f"{name}_found") / pl.col(name) - 1).abs() <= _TOLERANCE for name in _LEVELS
    ).fill_null(value=False)
    return phrases(both.filter(~is_same), *keys)


def story(arena: Arena) -> Story:
    """The story of an arena, told once."""
    kept = arena.shared.get("story")
    if isinstance(kept, Story):
        return kept
    market = Arena(arena.folder, companies=_COMPANIES).market
    is_in = pl.col("session") >= _FIRST
    listings, actions = market.listings.filter(is_in), market.reported_actions.filter(is_in)
    plain = Feed(listings, actions)
    undisturbed = arena.settings()
    _land_and_build(undisturbed, plain, _FIRST)
    truth = Book.of(undisturbed)
    cast = _cast(truth, actions)
    settings = arena.settings()
    _land_and_build(settings, _disturbed(listings, actions, cast), _FIRST)
    disturbed = Book.of(settings)
    _land_and_build(settings, plain, JUNE.effective_session)
    with open_store(settings) as store:
        told = Story(
            settings=settings,
            cast=cast,
            truth=truth,
            disturbed=disturbed,
            mended=Book.of(settings),
            restated=restatements(store, INDEX),
            decided_twice=store.published.read_history("reconstitution"),
        )
    arena.shared["story"] = told
    return told


def _land_and_build(settings: Settings, feed: Feed, start: date) -> None:
    with open_store(settings) as store:
        landing(store, feed)
    built(settings, start, SESSIONS[-1])


def _cast(truth: Book, actions: pl.DataFrame) -> Cast:
    """Members on every session, of which nothing is told; from the largest down."""
    plain = (
        truth.lines.filter(
            (pl.col("status") == "ok") & pl.col("indexes").str.contains(rf"\b{INDEX}\b"),
            ~pl.col("symbol").is_in(actions["symbol"].implode()),
            pl.col("symbol").str.contains("^[A-Z]+$"),
        )
        .group_by("symbol")
        .agg(sessions=pl.len(), value=pl.col("market_value_usd").median())
        .filter(pl.col("sessions") == len(_AFTER))
        .sort("value", descending=True)["symbol"]
    )
    halted, rewritten, phantom, split, merged = plain[3:23:4]
    return Cast(halted=halted, rewritten=rewritten, phantom=phantom, split=split, merged=merged)


def _disturbed(listings: pl.DataFrame, actions: pl.DataFrame, cast: Cast) -> Feed:
    """The market as the disturbed feed shows it."""
    symbol, day = pl.col("symbol"), pl.col("session")
    is_gone = (
        (day == _MISSING)
        | ((symbol == cast.halted) & day.is_in(list(_HALTED)))
        | ((symbol == cast.merged) & (day >= _MERGED))
    )
    is_wrong = (symbol == cast.rewritten) & (day == _REWRITTEN)
    is_split = (symbol == cast.split) & (day >= _SPLIT)
    factor = pl.when(is_wrong).then(1.07).when(is_split).then(0.5).otherwise(1.0)
    before = pl.when(is_split).then(0.5).otherwise(1.0)
    rows = listings.filter(~is_gone).with_columns(
        close_usd=pl.col("close_usd") * factor,
        previous_close_usd=pl.col("previous_close_usd") * before,
        market_cap_usd=pl.col("market_cap_usd") * pl.when(is_wrong).then(1.07).otherwise(1.0),
    )
    last = listings.filter((symbol == cast.merged) & (day == _AFTER[6]))["close_usd"].item()
    told = pl.DataFrame(
        [
            _action(_SPLIT, cast.split, "split", split_factor=2.0),
            _action(_LATE, cast.phantom, "cash_dividend", amount_usd=_DIVIDEND_USD),
            _action(_MERGED, cast.merged, "cash_merger", amount_usd=last),
        ],
        schema=actions.schema,
    )
    return Feed(rows, pl.concat([actions, told]))


def _action(day: date, symbol: str, kind: str, **terms: float) -> dict[str, object]:
    same = {"session": day, "symbol": symbol, "action_type": kind}
    return same | terms | {"source": "synthetic", "source_hash": "0" * 16}


def _halt(arena: Arena) -> Finding:
    told = story(arena)
    rows = told.disturbed.lines.filter(
        pl.col("symbol") == told.cast.halted, pl.col("session").is_in(list(_HALTED))
    )
    # The next snapshot tells the close before it: a halt's last session is recovered.
    is_carried = pl.col("status") == "carried"
    is_as_old = pl.col("close_session") < pl.col("session")
    silent = rows.filter((pl.col("status") == "ok") | (is_carried & ~is_as_old))
    is_told = rows.height == len(_HALTED) and silent.is_empty()
    return Finding(
        caught_by=frozenset(rows["status"]) if is_told else frozenset(),
        published=f"{rows.height} sessions, each carried with its age or recovered",
        wrong=phrases(silent, "symbol", "session"),
        lost=told.lost,
    )


def _guard_that_hides(arena: Arena) -> Finding:
    told = story(arena)
    rows = told.disturbed.levels.filter(pl.col("session") == _MISSING)
    silent = rows.filter(
        (pl.col("status") != "CARRIED") | pl.col("reason").is_null() | pl.col("since").is_null()
    )
    return Finding(
        caught_by=frozenset(rows["status"]),
        published=f"{rows.height} levels that repeat, each with status, reason and since",
        wrong=phrases(silent, "index_id", "session"),
        lost=told.lost,
    )


def _rewritten(arena: Arena) -> Finding:
    told = story(arena)
    causes = told.restated["cause_code"].str.split(" ").explode().drop_nulls().unique()
    return Finding(
        caught_by=frozenset(causes),
        published=f"{told.restated.height} restated levels; those of before stay readable",
        wrong=_not_as_known(told),
        lost=told.lost,
    )


def _not_as_known(told: Story) -> tuple[str, ...]:
    """Levels that read otherwise as known then than they were."""
    with open_store(told.settings) as store:
        then = store.published.read("levels", known_at=told.disturbed.moment)
    return () if then.equals(told.disturbed.levels) else ("levels as known before the mending",)


def _dividends(arena: Arena) -> Finding:
    """A dividend that was none is cancelled: total return falls back, prices stay."""
    told = story(arena)
    codes = told.restated.filter(pl.col("session") >= _LATE)["cause_code"]
    causes = codes.str.split(" ").explode().drop_nulls().unique()
    phantom = told.disturbed.ledger.filter(
        pl.col("action_ids").str.contains(rf"\b{told.cast.phantom}\b")
    )
    still = told.mended.ledger.filter(
        pl.col("action_ids").str.contains(rf"\b{told.cast.phantom}\b")
    )
    return Finding(
        caught_by=frozenset(causes) if phantom.height else frozenset(),
        published="total return with the dividend, restated without it",
        wrong=phrases(still, "index_id", "session"),
        lost=told.lost,
    )


def _actions(arena: Arena) -> Finding:
    """A split moves nothing; a merger for cash takes a line out at its terms."""
    told = story(arena)
    value = ["session", "market_value_usd"]
    is_split = pl.col("symbol") == told.cast.split
    true, found = (
        book.lines.filter(is_split, pl.col("session") != _MISSING).select(value)
        for book in (told.truth, told.disturbed)
    )
    beside = true.join(found, on="session", how="left", suffix="_found")
    is_same = (
        pl.col("market_value_usd_found") / pl.col("market_value_usd") - 1
    ).abs() <= _SAME_VALUE
    moved = beside.filter(~is_same.fill_null(value=False))
    stays = told.disturbed.lines.filter(
        pl.col("symbol") == told.cast.merged, pl.col("session") > _MERGED
    )
    named = told.disturbed.ledger.filter(
        pl.col("action_ids").str.contains(rf"cash_merger {told.cast.merged}\b")
    )
    is_named = named.height > 0 and told.disturbed.difference is None
    return Finding(
        caught_by=frozenset({"ledger of actions, verified"} if is_named else ()),
        published="a split line worth the same; a merged one gone at its terms",
        wrong=phrases(moved, "session") + phrases(stays, "symbol", "session"),
        lost=told.lost,
    )


def _decided_twice(arena: Arena) -> Finding:
    told = story(arena)
    versions = told.decided_twice
    changed = versions.filter(pl.col("known_to").is_not_null())
    is_same = told.mended.decisions.equals(told.disturbed.decisions)
    return Finding(
        caught_by=frozenset({"equal content writes nothing"} if is_same else ()),
        published=f"{versions.height:,} decisions, each with one version",
        wrong=phrases(changed, "event_id", "symbol"),
        lost=() if told.mended.decisions.equals(told.truth.decisions) else ("decisions",),
    )


def _time_travel(arena: Arena) -> Finding:
    """Members of before the event, and of before anybody had published any."""
    told = story(arena)
    seen: list[str] = []
    with open_store(told.settings) as store:
        long_before = told.disturbed.moment - timedelta(days=1)
        for session, moment in ((_FIRST, None), (_AFTER[1], long_before)):
            try:
                found = members(store, INDEX, session, known_at=moment)
            except R2kError:
                continue
            seen += [f"{name} on {session}" for name in found["symbol"]]
        then = members(store, INDEX, _AFTER[1], known_at=told.disturbed.moment)
    lost = told.disturbed.holders - set(then["symbol"])
    others = set(then["symbol"]) - told.disturbed.holders
    is_right = not seen and not others
    return Finding(
        caught_by=frozenset({"known_at"} if is_right else ()),
        published=f"{then.height} members as known then, nobody before",
        wrong=(*seen, *sorted(others)),
        lost=(*sorted(lost), *_not_as_known(told)),
    )


INCIDENTS = (
    Incident(
        number=7,
        name="history silently rewritten",
        example="December 2021: a vendor adjusts its past anew",
        guards=("source_restated",),
        replay=_rewritten,
        is_fast=False,
    ),
    Incident(
        number=10,
        name="no price for a member",
        example="halts, delistings",
        guards=("carried",),
        replay=_halt,
        is_fast=False,
    ),
    Incident(
        number=14,
        name="dividend told wrongly and cancelled later",
        example="late, cancelled and special dividends",
        guards=("late_action",),
        replay=_dividends,
        is_fast=False,
    ),
    Incident(
        number=15,
        name="split, merger and their like",
        example="rights left over from mergers among a fund's holdings",
        guards=("ledger of actions, verified",),
        replay=_actions,
        is_fast=False,
    ),
    Incident(
        number=26,
        name="a guard that hides what it does",
        example="an index held at its last level without a word",
        guards=("CARRIED",),
        replay=_guard_that_hides,
        is_fast=False,
    ),
    Incident(
        number=27,
        name="an event decided twice, after its lock-down",
        example="the same run started again",
        guards=("equal content writes nothing",),
        replay=_decided_twice,
        is_fast=False,
    ),
    Incident(
        number=28,
        name="members of today used for the past",
        example="a backtest on the present list",
        guards=("known_at",),
        replay=_time_travel,
        is_fast=False,
    ),
)
