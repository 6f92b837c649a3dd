"""Incidents of single lines: caps, splits, symbols and classes that the feed gets wrong.

All of them happen to one disturbed market at once, each to lines of its own, so that one
landing and one selection (universe and ranking) judge them together, beside an undisturbed
selection of the same sessions. What a company is worth in the ranking has to be the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import R2kError
from r2k_pipeline.gym.arena import SESSIONS, Feed, built, landing
from r2k_pipeline.gym.incident import Finding, Incident
from r2k_pipeline.methodology.later_sessions import last_settling_session
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.gym.arena import Arena
    from r2k_pipeline.settings import Settings

RANK_DAY = event("2022-06").rank_day
_LAST = event("2022-06").effective_friday
SELECTED = tuple(day for day in SESSIONS if day <= _LAST)
SHOWN = (*SELECTED, event("2022-06").effective_session)
_MONDAY, _LISTS = SESSIONS[SESSIONS.index(RANK_DAY) - 4], last_settling_session(event("2022-06"))
_SPIKE = (SELECTED[30], SELECTED[31])
_SPLIT, _REVERSE = SELECTED[34], SELECTED[28]
_RENAME, _GONE, _BACK = SELECTED[26], SELECTED[8], SELECTED[36]
_CAP, _CLOSE, _BEFORE = "market_cap_usd", "close_usd", "previous_close_usd"
_TOLERANCE = 1e-4
_STEADY = 1.001
_NEAR_THE_LEAST = 1.1
# Dear enough to be eligible after twenty for one.
_LEAST_CLOSE = 25.0


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Universe and ranking of a market, where they lie, and what stopped what came after."""

    settings: Settings
    universe: pl.DataFrame
    ranking: pl.DataFrame
    stopped_by: str


def select(arena: Arena, listings: pl.DataFrame, settings: Settings | None = None) -> Selection:
    """Land listings and build what they allow: with its effective session the event, too.

    Args:
        arena: Where.
        listings: What the feed shows.
        settings: A home that was selected in before, to build again from the rank day on.
    """
    first = SELECTED[0] if settings is None else RANK_DAY
    settings = settings or arena.settings()
    stopped_by = "nothing"
    with open_store(settings) as store, Feed(listings, arena.market.reported_actions) as feed:
        landing(store, feed)
    try:
        built(settings, first, max(listings["session"]))
    except R2kError as error:
        stopped_by = type(error).__name__
    with open_store(settings) as store:
        return Selection(
            settings=settings,
            universe=store.lake.scan("universe", end=SELECTED[-1]).collect(),
            ranking=store.lake.scan("ranking", end=SELECTED[-1]).collect(),
            stopped_by=stopped_by,
        )


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who suffers what: plain common shares of companies with one line."""

    spiked: str
    early_split: str
    late_split: str
    reverse: str
    renamed: str
    reused: str
    classed: str
    blank: str
    doubted: str


def cast_of(truth: Selection) -> Cast:
    """Choose the lines, from the largest down: nothing else happens to them."""
    lines = truth.universe.filter(pl.col("session").is_in(list(SELECTED)))
    plain = (
        lines.group_by("symbol")
        .agg(
            sessions=pl.len(),
            is_plain=(pl.col("is_eligible") & pl.col("repair_rule").is_null()).all()
            & (pl.col("line_type") == "common").all()
            & (pl.col("total_shares").max() / pl.col("total_shares").min() < _STEADY),
            cap=pl.col(_CAP).median(),
            close=pl.col(_CLOSE).min(),
            companies=pl.col("company_id").n_unique(),
        )
        .filter(
            pl.col("is_plain"), pl.col("sessions") == len(SELECTED), pl.col("companies") == 1,
            pl.col("symbol").str.contains("^[A-Z]+$"),
        )
        .sort("cap", descending=True)
    )  # fmt: skip
    alone = lines.group_by("company_id").agg(lines=pl.col("symbol").n_unique())
    single = lines.join(alone.filter(pl.col("lines") == 1), on="company_id", how="semi")["symbol"]
    alone_and_plain = plain.filter(pl.col("symbol").is_in(single.implode()))
    late = alone_and_plain.filter(pl.col("close") > _LEAST_CLOSE)["symbol"][0]
    chosen = alone_and_plain.filter(pl.col("symbol") != late)["symbol"]
    spiked, early, reverse, renamed, reused, classed, blank = chosen[5:40:5]
    # As large as the last that is ranked, or nearly: where the feed's word decides.
    least = truth.ranking.filter(pl.col("session") == RANK_DAY)["total_market_cap_usd"].min()
    near = alone_and_plain.sort((pl.col("cap") / pl.lit(least) - _NEAR_THE_LEAST).abs())["symbol"]
    return Cast(
        spiked=spiked, early_split=early, late_split=late, reverse=reverse, renamed=renamed,
        reused=reused, classed=classed, blank=blank, doubted=near[0],
    )  # fmt: skip


def _times(column: str, factor: float, where: pl.Expr) -> pl.Expr:
    return pl.when(where).then(pl.col(column) * factor).otherwise(pl.col(column)).alias(column)


def disturbed(listings: pl.DataFrame, cast: Cast) -> pl.DataFrame:
    """The market as this feed shows it, up to the session that the event needs."""
    symbol, day = pl.col("symbol"), pl.col("session")
    rows = listings.filter(day.is_in(list(SHOWN)))

    def on(name: str, *days: date) -> pl.Expr:
        return (symbol == name) & day.is_in(list(days))

    rows = rows.with_columns(_times(_CAP, 284.0, on(cast.spiked, *_SPIKE, RANK_DAY))).with_columns(
        _times(_CAP, 20.0, on(cast.early_split, SELECTED[24]))
    )
    rows = _split_with_double_shares(rows, cast.late_split)
    rows = _reverse_split_on_price(rows, cast.reverse)
    rows = rows.with_columns(
        pl.when(on(cast.blank, RANK_DAY, SELECTED[29])).then(None).otherwise(_CAP).alias(_CAP)
    )
    rows = _doubtful(_renamed(rows, cast.renamed), cast.doubted)
    return pl.concat([*_reused(rows, cast.reused), _second_class(rows, cast.classed)])


def _doubtful(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Ten times the shares from the day before the rank day on, of a line listed since Monday.

    Until the preliminary lists it is not seen again, so nothing says which size is true.
    """
    line, day = pl.col("symbol") == name, pl.col("session")
    is_shown = day.is_between(_MONDAY, RANK_DAY) | (day > _LISTS)
    since = SESSIONS[SESSIONS.index(RANK_DAY) - 1]
    return rows.filter(~line | is_shown).with_columns(_times(_CAP, 10.0, line & (day >= since)))


def _split_with_double_shares(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Twenty for one, the day it takes effect with twice the shares."""
    after = (pl.col("symbol") == name) & (pl.col("session") >= _SPLIT)
    first = (pl.col("symbol") == name) & (pl.col("session") == _SPLIT)
    volume = pl.when(after).then(pl.col("volume_shares") * 20).otherwise("volume_shares")
    return rows.with_columns(
        _times(_CLOSE, 0.05, after), _times(_BEFORE, 0.05, after), _times(_CAP, 2.0, first),
        volume_shares=volume,
    )  # fmt: skip


def _reverse_split_on_price(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """One for ten; for three sessions only the price knows."""
    after = (pl.col("symbol") == name) & (pl.col("session") >= _REVERSE)
    late = after & (pl.col("session") < SELECTED[31])
    return rows.with_columns(
        _times(_CLOSE, 10.0, after), _times(_BEFORE, 10.0, after), _times(_CAP, 10.0, late)
    )


def _renamed(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Another symbol and another name from one night to the next."""
    after = (pl.col("symbol") == name) & (pl.col("session") >= _RENAME)
    return rows.with_columns(
        symbol=pl.when(after).then(pl.lit(f"{name}QX")).otherwise("symbol"),
        name=pl.when(after).then(pl.lit("Metaphora Platforms Inc. Common Stock")).otherwise("name"),
    )


def _reused(rows: pl.DataFrame, name: str) -> list[pl.DataFrame]:
    """Delisted; more than a month later another company lists under the symbol."""
    line = pl.col("symbol") == name
    other = rows.filter(line, pl.col("session") >= _BACK).with_columns(
        name=pl.lit("Quillwort Therapeutics Inc. Common Stock"),
        close_usd=(pl.col(_CLOSE) * 0.37).round(2),
        previous_close_usd=(pl.col(_BEFORE) * 0.37).round(2),
        market_cap_usd=(pl.col(_CAP) * 0.11).round(),
        industry=pl.lit("Biotechnology"),
        ipo_year=pl.lit(2022, pl.Int32),
    )
    return [rows.filter(~line | (pl.col("session") < _GONE)), other]


def _second_class(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """A second class of a company, with the cap of the whole company."""
    words = pl.col("name").str.replace("Common Stock", "Class B Common Stock")
    return rows.filter(pl.col("symbol") == name).with_columns(
        symbol=pl.lit(f"{name}B"),
        name=words,
        close_usd=(pl.col(_CLOSE) * 1.01).round(2),
        previous_close_usd=(pl.col(_BEFORE) * 1.01).round(2),
    )


@dataclass(frozen=True, kw_only=True)
class Selections:
    """Both markets, and who suffered what."""

    truth: Selection
    found: Selection
    cast: Cast

    def judged(self, *names: str, rules: Sequence[str], tolerance: float = _TOLERANCE) -> Finding:
        """Judge the companies of some lines by what they are worth in the ranking.

        Args:
            names: Their symbols, as they are undisturbed.
            rules: Rules of repair, told on some of their sessions.
            tolerance: How far the values may differ, relative.
        """
        is_one = pl.col("symbol").is_in([*names, *(f"{name}QX" for name in names)])
        told = self.found.universe.filter(is_one)["repair_rule"].drop_nulls().unique()
        lost, wrong = self._compared(names, tolerance)
        sessions = self.found.ranking.filter(is_one).height
        return Finding(
            caught_by=frozenset({*told, *rules} & set(told)),
            published=f"{sessions} ranked sessions with the true value",
            wrong=wrong + self._others(),
            lost=lost,
        )

    def _compared(
        self, names: Sequence[str], tolerance: float
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Sessions on which a company is not ranked, and on which its value is another."""
        keys = ["session", "was"]
        cap = "total_market_cap_usd"
        was = pl.col("symbol").str.strip_suffix("QX")
        true, found = (
            side.ranking.with_columns(was=was).filter(pl.col("was").is_in(list(names)))
            .select(*keys, cap)
            for side in (self.truth, self.found)
        )  # fmt: skip
        both = true.join(found, on=keys, how="full", coalesce=True, suffix="_found")
        ratio = pl.col(f"{cap}_found") / pl.col(cap)
        is_other = ((ratio - 1).abs() > tolerance).fill_null(value=False)
        lost = both.filter(pl.col(f"{cap}_found").is_null())
        wrong = both.filter(is_other | pl.col(cap).is_null())
        return (
            tuple(f"{name} on {day}" for day, name in lost.select(keys).iter_rows()),
            tuple(f"{name} on {day}" for day, name in wrong.select(keys).iter_rows()),
        )

    def _others(self) -> tuple[str, ...]:
        """Companies to which nothing happened, and that are worth something else."""
        victims = [*vars(self.cast).values()]
        touched = [*victims, f"{self.cast.renamed}QX", f"{self.cast.classed}B"]
        value = ["session", "symbol", "total_market_cap_usd"]
        true, found = (
            side.ranking.filter(~pl.col("symbol").is_in(touched)).select(value)
            for side in (self.truth, self.found)
        )
        odd = pl.concat([true.join(found, on=value, how="anti"),
                         found.join(true, on=value, how="anti")])  # fmt: skip
        return tuple(f"bystander {name} on {day}" for day, name, _ in odd.iter_rows())


def selections(arena: Arena) -> Selections:
    """Both markets of an arena, selected once."""
    kept = arena.shared.get("selections")
    if isinstance(kept, Selections):
        return kept
    listings = arena.listings.filter(pl.col("session").is_in(list(SELECTED)))
    truth = arena.shared.get("undisturbed selection")
    if not isinstance(truth, Selection):
        truth = arena.shared["undisturbed selection"] = select(arena, listings)
    cast = cast_of(truth)
    made = Selections(truth=truth, found=select(arena, disturbed(arena.listings, cast)), cast=cast)
    arena.shared["selections"] = made
    return made


def _split_timing(arena: Arena) -> Finding:
    both = selections(arena)
    return both.judged(both.cast.early_split, both.cast.late_split, rules=("split_without_close",))


def _reverse(arena: Arena) -> Finding:
    both = selections(arena)
    return both.judged(both.cast.reverse, rules=("reverse_split_on_price_only",))


def _blank(arena: Arena) -> Finding:
    both = selections(arena)
    return both.judged(both.cast.blank, rules=("blank_cap",))


def _symbols(arena: Arena) -> Finding:
    """One line under two symbols keeps its id; two lines under one symbol have two."""
    both = selections(arena)
    lines = both.found.universe
    new_name = f"{both.cast.renamed}QX"
    renamed = lines.filter(pl.col("symbol").is_in([both.cast.renamed, new_name]))
    reused = lines.filter(pl.col("symbol") == both.cast.reused)
    early, late = (
        set(reused.filter(which)["security_id"])
        for which in (pl.col("session") < _GONE, pl.col("session") >= _BACK)
    )
    is_one = renamed["security_id"].n_unique() == 1
    are_two = bool(early) and bool(late) and not early & late
    judged = both.judged(both.cast.renamed, rules=())
    rules = {"permanent ids by evidence"} if is_one and are_two else set()
    return Finding(
        caught_by=frozenset(rules),
        published="one id for both symbols; another for the symbol's next bearer",
        wrong=judged.wrong,
        lost=judged.lost,
    )


def _classes(arena: Arena) -> Finding:
    """Two classes with the company's cap each make one company of that size."""
    both = selections(arena)
    name = both.cast.classed
    lines = both.found.universe.filter(pl.col("symbol").is_in([name, f"{name}B"]))
    cap = "total_market_cap_usd"
    true = both.truth.ranking.filter(pl.col("symbol") == name).select("session", cap)
    ranked = both.found.ranking.join(lines, on=["session", "company_id"], how="semi")
    beside = true.join(ranked.select("session", found=cap), on="session", how="left")
    twice = beside.filter((pl.col("found") / pl.col(cap) - 1).abs() > _CLASSES_APART)
    is_once = lines["company_id"].n_unique() == 1 and ranked["session"].is_unique().all()
    return Finding(
        caught_by=frozenset({"one ranking cap a company"} if is_once else ()),
        published=f"one company, ranked once on {ranked.height} sessions",
        wrong=tuple(f"{name} on {day}" for day in twice["session"]),
        lost=tuple(str(day) for day in beside.filter(pl.col("found").is_null())["session"]),
    )


# What two classes of one company may cost apart, and therefore their caps.
_CLASSES_APART = 0.02

INCIDENTS = (
    Incident(
        number=5,
        name="split on shares and on price at different times",
        example="2022-05-25 and 06-06: shares of a 20 for 1 too early, then twice",
        guards=("split_without_close",),
        replay=_split_timing,
    ),
    Incident(
        number=6,
        name="reverse split on price only",
        example="many small reverse splits",
        guards=("reverse_split_on_price_only",),
        replay=_reverse,
    ),
    Incident(
        number=11,
        name="symbol changed, and used again by another company",
        example="99 symbols used again; a company that changes symbol and name",
        guards=("permanent ids by evidence",),
        replay=_symbols,
    ),
    Incident(
        number=12,
        name="share classes counted twice",
        example="two classes at 4.2 trillion each",
        guards=("one ranking cap a company",),
        replay=_classes,
    ),
    Incident(
        number=13,
        name="no cap for a real company on a rank day",
        example="a real estate trust on a rank day",
        guards=("blank_cap",),
        replay=_blank,
    ),
)
