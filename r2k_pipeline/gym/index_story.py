"""The story of an index that is published, which its incidents (`index_incidents`) share.

1. An undisturbed feed lands and is built: the truth.
2. Beside it a disturbed one, with an error or two of every kind on lines of their own.
3. The vendor mends all of it silently and tells late what it had left out; and after lock-down
   it amends the cap of a company on the rank day. All of that lands and is built from the rank
   day on, by the policy of the rulebook.
4. A person sets that cap by an override, and the event is built again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.gym.arena import SESSIONS, Arena, Feed, built, complaints, landing, now, phrases
from r2k_pipeline.orchestration.overrides import Override, record_override
from r2k_pipeline.queries.members import members
from r2k_pipeline.queries.restatements import restatements
from r2k_pipeline.queries.verification import first_difference, verify
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.settings import Restate
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from datetime import datetime

    from r2k_pipeline.settings import Settings

JUNE = event("2022-06")
INDEX = "r3000"
# A reconstitution needs a thousand ranked companies, and the days from its rank day on.
_COMPANIES, FIRST = 1300, date(2022, 5, 2)
AFTER = tuple(day for day in SESSIONS if day >= JUNE.effective_session)
SPLIT, REWRITTEN, PHANTOM, PAID, PAID_LATE = AFTER[1], AFTER[2], AFTER[2], AFTER[2], AFTER[4]
HALTED, GAPS, MERGED = AFTER[3:6], (AFTER[6], AFTER[-1]), AFTER[7]
LEVEL = ("index_id", "session")
_LEVELS = ("price_level", "total_return_level", "net_total_return_level", "members")
_DIVIDEND_USD, _SPECIAL_USD, _LEAST_CLOSE = 1.5, 4.0, 20.0
# Shares so much fewer are no fault of the feed, and enough to cross the cut.
_AMENDED, _NEAR_THE_CUT = 0.85, 5
_TOLERANCE = 1e-9
_WHY = "A count of shares that the company corrected."


@dataclass(frozen=True, kw_only=True)
class Book:
    """What stood at a moment."""

    moment: datetime
    levels: pl.DataFrame
    lines: pl.DataFrame
    ledger: pl.DataFrame
    decisions: pl.DataFrame
    ranked: pl.DataFrame
    holders: frozenset[str]
    complaints: frozenset[str]
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
                ranked=store.lake.scan("ranking", start=JUNE.rank_day, end=JUNE.rank_day).collect(),
                holders=frozenset(members(store, INDEX, AFTER[1])["symbol"]),
                complaints=complaints(store),
                difference=first_difference(verify(store)),
            )


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who suffers what: members about which nothing else is reported.

    Attributes:
        halted: Has no row on some sessions.
        rewritten: Shows another close on a session.
        phantom: Is told a dividend that it does not pay.
        split: Splits.
        merged: Is merged for cash.
        paying: Pays a special dividend, told in time.
        paying_late: Pays one that is told after its ex-date.
        amended: The last company but a few above the cut, of which fewer shares are told
            after lock-down.
    """

    halted: str
    rewritten: str
    phantom: str
    split: str
    merged: str
    paying: str
    paying_late: str
    amended: str


@dataclass(frozen=True, kw_only=True)
class Story:
    """The undisturbed index, the disturbed one, that one after all was mended, and overridden.

    Attributes:
        settings: Of the disturbed home.
        cast: Who suffered what.
        truth: The undisturbed index.
        disturbed: The disturbed one.
        mended: That one after the vendor mended it, and amended the rank day.
        note: What the build of that said.
        restated: Every correction by then.
        versions: Every version of every decision by then.
        overridden: Contract `reconstitution` after a person set the amended cap.
    """

    settings: Settings
    cast: Cast
    truth: Book
    disturbed: Book
    mended: Book
    note: str
    restated: pl.DataFrame
    versions: pl.DataFrame
    overridden: pl.DataFrame

    @property
    def lost(self) -> tuple[str, ...]:
        """Levels that are not those of the undisturbed index after all was mended."""
        return apart(self.truth.levels, self.mended.levels)


def apart(true: pl.DataFrame, found: pl.DataFrame) -> tuple[str, ...]:
    """Index and session of levels that two books tell otherwise, or one of them does not."""
    both = true.join(found, on=LEVEL, how="full", coalesce=True, suffix="_found")
    is_same = pl.all_horizontal(
        (pl.col(f"{name}_found") / pl.col(name) - 1).abs() <= _TOLERANCE for name in _LEVELS
    ).fill_null(value=False)
    return phrases(both.filter(~is_same), *LEVEL)


def story(arena: Arena) -> Story:
    """The story of an arena, told once."""
    kept = arena.shared.get("story")
    if isinstance(kept, Story):
        return kept
    market = Arena(arena.folder, companies=_COMPANIES).market
    is_in = pl.col("session") >= FIRST
    listings, reported = market.listings.filter(is_in), market.reported_actions.filter(is_in)
    paying, paying_late = _payers(listings, reported)
    on_time, late = (
        pl.DataFrame(
            [_action(day, symbol, "special_dividend", amount_usd=_SPECIAL_USD)],
            schema=reported.schema,
        )
        for day, symbol in ((PAID, paying), (PAID_LATE, paying_late))
    )
    true = pl.concat([reported, on_time, late])
    undisturbed, settings = arena.settings(), arena.settings(restate=Restate.POLICY)
    _land_and_build(undisturbed, Feed(listings, true), FIRST)
    truth = Book.of(undisturbed)
    cast = _cast(truth, true, paying, paying_late)
    _land_and_build(settings, _disturbed(listings, pl.concat([reported, on_time]), cast), FIRST)
    disturbed = Book.of(settings)
    note = _land_and_build(settings, Feed(_amended(listings, cast), true), JUNE.rank_day)
    told = _overridden(settings, cast, truth, disturbed, note=note)
    arena.shared["story"] = told
    return told


def _overridden(
    settings: Settings, cast: Cast, truth: Book, disturbed: Book, *, note: str
) -> Story:
    """The story, told to its end: a person sets the cap that the vendor amended."""
    mended = Book.of(settings)
    with open_store(settings) as store:
        restated = restatements(store, INDEX)
        versions = store.published.read_history("reconstitution")
        cap = mended.ranked.filter(pl.col("symbol") == cast.amended)["total_market_cap_usd"].item()
        record_override(
            store,
            Override(
                field="market_cap_usd",
                symbol=cast.amended,
                value=f"{cap:.0f}",
                first=JUNE.rank_day,
                last=JUNE.rank_day,
                person="index.operations",
                reason=_WHY,
            ),
            known_at=now(),
        )
    built(settings, JUNE.rank_day, JUNE.effective_session)
    with open_store(settings) as store:
        return Story(
            settings=settings,
            cast=cast,
            truth=truth,
            disturbed=disturbed,
            mended=mended,
            note=note,
            restated=restated,
            versions=versions,
            overridden=store.published.read("reconstitution"),
        )


def _land_and_build(settings: Settings, feed: Feed, start: date) -> str:
    with open_store(settings) as store:
        landing(store, feed)
    return built(settings, start, SESSIONS[-1])


def _payers(listings: pl.DataFrame, reported: pl.DataFrame) -> list[str]:
    """Two large corporations that are listed throughout, and about which nothing is told."""
    on_days = listings.filter(
        pl.col("session").is_in(list(AFTER)),
        pl.col("name").str.ends_with("Corporation Common Stock"),
        (pl.col("country") == "United States") & (pl.col("close_usd") > _LEAST_CLOSE),
        ~pl.col("symbol").is_in(reported["symbol"].implode()),
    )
    return (
        on_days.group_by("symbol")
        .agg(sessions=pl.len(), cap=pl.col("market_cap_usd").min())
        .filter(pl.col("sessions") == len(AFTER))
        .sort("cap", descending=True)["symbol"][:2]
        .to_list()
    )


def _cast(truth: Book, actions: pl.DataFrame, paying: str, paying_late: str) -> Cast:
    """Members on every session, of which nothing is told; from the largest down."""
    plain = (
        truth.lines.filter(
            (pl.col("status") == "ok") & pl.col("indexes").str.contains(rf"\b{INDEX}\b"),
            ~pl.col("symbol").is_in(actions["symbol"].implode()),
            pl.col("symbol").str.contains("^[A-Z]+$"),
        )
        .group_by("symbol")
        .agg(sessions=pl.len(), value=pl.col("market_value_usd").median())
        .filter(pl.col("sessions") == len(AFTER))
        .sort("value", descending=True)["symbol"]
    )
    halted, rewritten, phantom, split, merged = plain[3:23:4]
    above = truth.decisions.filter(
        (pl.col("segment") == "large") & pl.col("symbol").is_in(plain.implode())
    )
    return Cast(
        halted=halted, rewritten=rewritten, phantom=phantom, split=split, merged=merged,
        paying=paying, paying_late=paying_late,
        amended=above.sort("rank", descending=True)["symbol"][_NEAR_THE_CUT],
    )  # fmt: skip


def _amended(listings: pl.DataFrame, cast: Cast) -> pl.DataFrame:
    """The market with fewer shares of a company on the rank day."""
    is_other = (pl.col("symbol") == cast.amended) & (pl.col("session") == JUNE.rank_day)
    factor = pl.when(is_other).then(_AMENDED).otherwise(1.0)
    return listings.with_columns(market_cap_usd=pl.col("market_cap_usd") * factor)


def _disturbed(listings: pl.DataFrame, actions: pl.DataFrame, cast: Cast) -> Feed:
    """The market as the disturbed feed shows it."""
    symbol, day = pl.col("symbol"), pl.col("session")
    is_gone = (
        day.is_in(list(GAPS))
        | ((symbol == cast.halted) & day.is_in(list(HALTED)))
        | ((symbol == cast.merged) & (day >= MERGED))
    )
    is_wrong = (symbol == cast.rewritten) & (day == REWRITTEN)
    is_split = (symbol == cast.split) & (day >= SPLIT)
    factor = pl.when(is_wrong).then(1.07).when(is_split).then(0.5).otherwise(1.0)
    before = pl.when(is_split).then(0.5).otherwise(1.0)
    rows = listings.filter(~is_gone).with_columns(
        close_usd=pl.col("close_usd") * factor,
        previous_close_usd=pl.col("previous_close_usd") * before,
        market_cap_usd=pl.col("market_cap_usd") * pl.when(is_wrong).then(1.07).otherwise(1.0),
    )
    last = listings.filter((symbol == cast.merged) & (day == AFTER[6]))["close_usd"].item()
    told = pl.DataFrame(
        [
            _action(SPLIT, cast.split, "split", split_factor=2.0),
            _action(PHANTOM, cast.phantom, "cash_dividend", amount_usd=_DIVIDEND_USD),
            _action(MERGED, cast.merged, "cash_merger", amount_usd=last),
        ],
        schema=actions.schema,
    )
    return Feed(rows, pl.concat([actions, told]))


def _action(day: date, symbol: str, kind: str, **terms: float) -> dict[str, object]:
    same = {"session": day, "symbol": symbol, "action_type": kind}
    return same | terms | {"source": "synthetic", "source_hash": "0" * 16}
