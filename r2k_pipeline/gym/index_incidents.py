"""Incidents of an index that is published: prices that stop, actions that come late or go.

All of them are read off one story (`index_story`): what stood disturbed, what stands mended, and
what the pipeline wrote down about it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import R2kError
from r2k_pipeline.gym.arena import phrases
from r2k_pipeline.gym.incident import Finding, Incident
from r2k_pipeline.gym.index_story import (
    AFTER,
    FIRST,
    GAPS,
    HALTED,
    INDEX,
    LEVEL,
    MERGED,
    PAID_LATE,
    apart,
    story,
)
from r2k_pipeline.queries.members import members
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from r2k_pipeline.gym.arena import Arena
    from r2k_pipeline.gym.index_story import Book, Story

# Half a close has half a cent.
_SAME_VALUE = 1e-6
_FINAL = "reconstitution.final_lists_are_as_decided"


def _halt(arena: Arena) -> Finding:
    told = story(arena)
    rows = told.disturbed.lines.filter(
        pl.col("symbol") == told.cast.halted, pl.col("session").is_in(list(HALTED))
    )
    # The next snapshot tells the close before it: a halt's last session is recovered.
    is_carried = pl.col("status") == "carried"
    is_as_old = pl.col("close_session") < pl.col("session")
    silent = rows.filter((pl.col("status") == "ok") | (is_carried & ~is_as_old))
    is_told = rows.height == len(HALTED) and silent.is_empty()
    return Finding(
        caught_by=frozenset(rows["status"]) if is_told else frozenset(),
        published=f"{rows.height} sessions, each carried with its age or recovered",
        wrong=phrases(silent, "symbol", "session"),
        lost=told.lost,
    )


def _guard_that_hides(arena: Arena) -> Finding:
    """A session in the middle and the last one are missing: what says so, then and after.

    The last repeats the level before it. Of the one in the middle the next snapshot told the
    closes, and it says that. After all was mended a level is restated if it is another, and
    only then.
    """
    told = story(arena)
    at_end = pl.col("session") == GAPS[-1]
    has_words = pl.col("reason").is_not_null()
    shown, mended = (
        book.levels.filter(pl.col("session").is_in(list(GAPS)))
        for book in (told.disturbed, told.mended)
    )
    is_told = has_words & pl.when(at_end).then(
        (pl.col("status") == "CARRIED") & pl.col("since").is_not_null()
    ).otherwise(pl.col("status") == "OK")
    silent = shown.filter(~is_told)
    # A dividend of that session still moves the total returns.
    before = told.disturbed.levels.filter(pl.col("session") == MERGED).select(
        "index_id", before="price_level"
    )
    repeats = (pl.col("price_level") / pl.col("before") - 1).abs() < _SAME_VALUE
    moved = shown.filter(at_end).join(before, on="index_id").filter(~repeats)
    changed = set(apart(shown, mended))
    restated = set(phrases(mended.filter((pl.col("status") == "RESTATED") & has_words), *LEVEL))
    return Finding(
        caught_by=frozenset(shown["status"]) | frozenset(mended["status"]),
        published=f"{shown.filter(at_end).height} levels that repeat, with reason and since; those "
        "of the middle by the next snapshot; restated where they were others",
        wrong=phrases(silent, *LEVEL) + phrases(moved, *LEVEL) + tuple(sorted(changed ^ restated)),
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
    """One that was none is cancelled; special ones are told in time, and after the ex-date."""
    told = story(arena)
    cast = told.cast
    paid = [
        _entries(book, f"{kind} {symbol}")
        for book in (told.disturbed, told.mended)
        for kind, symbol in (
            ("cash_dividend", cast.phantom),
            ("special_dividend", cast.paying),
            ("special_dividend", cast.paying_late),
        )
    ]
    is_right = [entries > 0 for entries in paid] == [True, True, False, False, True, True]
    late = told.restated.filter(pl.col("session") == PAID_LATE)
    causes = late["cause_code"].str.split(" ").explode().drop_nulls()
    return Finding(
        caught_by=frozenset(causes) | frozenset(late["decision"]),
        published="the special one told in time; restated without the one that was none and with "
        "the special one told late, by the policy",
        wrong=() if is_right else (f"entries in the ledger {paid}",),
        lost=told.lost,
    )


def _entries(book: Book, action: str) -> int:
    """Entries of a ledger that name an action."""
    return book.ledger.filter(pl.col("action_ids").str.contains(rf"\b{action}\b")).height


def _actions(arena: Arena) -> Finding:
    """A split moves nothing; a merger for cash takes a line out at its terms."""
    told = story(arena)
    value = ["session", "market_value_usd"]
    is_split = pl.col("symbol") == told.cast.split
    true, found = (
        book.lines.filter(is_split, ~pl.col("session").is_in(list(GAPS))).select(value)
        for book in (told.truth, told.disturbed)
    )
    beside = true.join(found, on="session", how="left", suffix="_found")
    is_same = (
        pl.col("market_value_usd_found") / pl.col("market_value_usd") - 1
    ).abs() <= _SAME_VALUE
    moved = beside.filter(~is_same.fill_null(value=False))
    stays = told.disturbed.lines.filter(
        pl.col("symbol") == told.cast.merged, pl.col("session") > MERGED
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
    """The rank day lands again with other values after lock-down; then a person sets the same."""
    told = story(arena)
    changed = told.versions.filter(pl.col("known_to").is_not_null())
    amended = pl.col("symbol") == told.cast.amended
    then, now = (
        lists.filter(amended)["segment"].item()
        for lists in (told.mended.decisions, told.overridden)
    )
    truth = told.truth.ranked.filter(amended)["total_market_cap_usd"]
    is_played = not told.mended.ranked.filter(amended)["total_market_cap_usd"].equals(truth)
    with open_store(told.settings) as store:
        acts = store.published.read("overrides")
    return Finding(
        caught_by=told.mended.complaints
        | frozenset(f"override {state}" for state in acts["state"]),
        published=f"{told.versions.height:,} decisions, each with one version until a person's "
        "override decides anew",
        wrong=phrases(changed, "event_id", "symbol")
        + (() if is_played else ("the amended rank day has not landed",)),
        lost=(() if told.mended.decisions.equals(told.truth.decisions) else ("decisions",))
        + (() if then != now else ("the override",))
        + (() if told.cast.amended in told.note else ("a word of the build",)),
    )


def _time_travel(arena: Arena) -> Finding:
    """Members of before the event, and of before anybody had published any."""
    told = story(arena)
    seen: list[str] = []
    with open_store(told.settings) as store:
        long_before = told.disturbed.moment - timedelta(days=1)
        for session, moment in ((FIRST, None), (AFTER[1], long_before)):
            try:
                found = members(store, INDEX, session, known_at=moment)
            except R2kError:
                continue
            seen += [f"{name} on {session}" for name in found["symbol"]]
        then = members(store, INDEX, AFTER[1], known_at=told.disturbed.moment)
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
        name="dividend told wrongly and cancelled later, or told late",
        example="late, cancelled and special dividends",
        guards=("late_action", "recalculate"),
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
        guards=("CARRIED", "RESTATED"),
        replay=_guard_that_hides,
        is_fast=False,
    ),
    Incident(
        number=27,
        name="an event decided again after its lock-down, on amended input",
        example="a cap of the rank day that the vendor corrects weeks later",
        guards=(_FINAL, "override recorded"),
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
