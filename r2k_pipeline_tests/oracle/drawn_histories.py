"""Histories made up by Hypothesis: valid by construction, and small when a test fails.

What Hypothesis draws are lines, gaps, events, reviews and actions; closes follow from one
drawn seed, and with the seed 0 nothing ever moves. So a failing history shrinks to the few
things that matter. Holds what may happen; the frames that tell it are `told_frames`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import event
from r2k_pipeline.rulebook.sessions import sessions_before, sessions_between

if TYPE_CHECKING:
    from collections.abc import Collection

MOST_LINES, MOST_SESSIONS = 30, 60
FIRST_EVENT, SECOND_EVENT = event("2022-06"), event("2023-06")
RULES = rules_in_force(FIRST_EVENT.rank_day)
OBSERVED = RULES.share_observation_sessions
BASE = FIRST_EVENT.effective_session
CALENDAR = (
    *sessions_before(BASE, OBSERVED),
    *sessions_between(BASE, date(2022, 12, 31))[: MOST_SESSIONS + 1],
)
MEMBERSHIPS = (None, "all", "all small full equal", "all large", "all small full", "all small")
SECTORS = (None, "Energy", "Finance")
ENDINGS = ("delisting", "bankruptcy", "cash_merger", "stock_merger")
MARKED, UNKNOWN = 4, 5
_SPLITS = (2.0, 3.0, 1.5, 4 / 3, 1.05, 0.5, 0.1)
_RATIOS = (0.5, 1.0, 0.2, 2.0, 0.01, 1 / 3)
_PARTS = (0.01, 0.1, 0.3, 0.05, 0.2, 0.02)
_CHANGES = (1.02, 0.5, 1.3, 0.9, 2.5, 1.0001)
_FLOATS = (1.0, 0.5, 0.75, 0.35, 0.08)


@dataclass(kw_only=True)
class Line:
    """One line of a made-up market; sessions are numbers in `CALENDAR`."""

    number: int
    company: int
    shares: int
    sector: str | None
    first: int = 0
    end: int = len(CALENDAR)
    gaps: set[int] = field(default_factory=set)
    recalled: set[int] = field(default_factory=set)
    closes: list[float] = field(default_factory=list, init=False)
    outstanding: list[float] = field(default_factory=list, init=False)

    def has_row(self, day: int) -> bool:
        """Whether the feed shows the line on a session."""
        return self.first <= day < self.end and day not in self.gaps


@dataclass(frozen=True, kw_only=True)
class Deed:
    """An action of a line on a session; `size` picks its terms, `fate` what became of it."""

    kind: str
    line: int
    day: int
    size: int
    other: int
    fate: int


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a review does to a company or line."""

    kind: str
    line: int
    day: int
    size: int
    membership: str


@dataclass(kw_only=True)
class Market:
    """Everything that was drawn, before it is told in frames."""

    days: int
    seed: int
    lines: list[Line]
    memberships: list[list[str | None]]
    second_event: int | None
    deeds: list[Deed]
    changes: list[Change]
    cut: int

    @property
    def last(self) -> int:
        """The number of the last session wanted."""
        return OBSERVED + self.days - 1


_choices = st.integers(0, 5)


@st.composite
def markets(draw: st.DrawFn, kinds: Collection[str]) -> Market:
    """Draw a market in which only some kinds of action happen."""
    days = draw(st.integers(1, MOST_SESSIONS))
    lines = draw(_lines())
    places = st.integers(0, len(lines) - 1)
    ordinals = st.integers(1, OBSERVED + days - 1)
    second = draw(st.none() | st.integers(OBSERVED + 1, max(OBSERVED + 1, OBSERVED + days - 1)))
    companies = max(line.company for line in lines) + 1
    events = 1 if second is None or second > OBSERVED + days - 1 else 2
    member = st.sampled_from(MEMBERSHIPS)
    memberships = draw(
        st.lists(
            st.lists(member, min_size=companies, max_size=companies),
            min_size=events,
            max_size=events,
        )
    )
    for chosen in memberships:
        chosen[0] = chosen[0] or "all"  # the first line never ends, so there are always members
    market = Market(
        days=days,
        seed=draw(st.integers(0, 2**16)),
        lines=lines,
        memberships=memberships,
        second_event=second if events > 1 else None,
        deeds=[],
        changes=[],
        cut=draw(st.integers(0, days - 1)),
    )
    _silence(market, draw(st.lists(st.tuples(places, ordinals, _choices, st.booleans()), max_size=9)))
    named = st.sampled_from(sorted(kinds))
    deeds = st.builds(Deed, kind=named, line=places, day=ordinals, size=_choices, other=places, fate=_choices)
    _happen(market, draw(st.lists(deeds, max_size=draw(st.integers(0, 40)))))
    changes = st.builds(
        Change,
        kind=st.sampled_from(("share_update", "float_update", "offering", "ipo_addition")),
        line=places,
        day=st.integers(OBSERVED + 1, max(OBSERVED + 1, OBSERVED + days - 1)),
        size=_choices,
        membership=st.sampled_from(MEMBERSHIPS[1:]),
    )
    _review(market, draw(st.lists(changes, max_size=8)))
    _trade(market)
    return market


@st.composite
def _lines(draw: st.DrawFn) -> list[Line]:
    count = draw(st.integers(1, MOST_LINES))
    drawn = draw(
        st.lists(
            st.tuples(st.booleans(), st.integers(1, 1000), st.sampled_from(SECTORS)),
            min_size=count,
            max_size=count,
        )
    )
    lines: list[Line] = []
    for number, (is_sibling, thousands, sector) in enumerate(drawn):
        before = lines[-1] if lines else None
        if before is not None and is_sibling and number % 3 == 0:
            company, sector = before.company, before.sector
        else:
            company = 0 if before is None else before.company + 1
        lines.append(
            Line(number=number, company=company, shares=thousands * 1000, sector=sector)
        )
    return lines


def _silence(market: Market, gaps: list[tuple[int, int, int, bool]]) -> None:
    """Take rows away; after a gap of one session the next row may recall the close."""
    lengths = (1, 2, 4, 6, 9, 25)
    for number, start, size, is_recalled in gaps:
        if number == 0:
            continue
        line = market.lines[number]
        silent = range(start, start + lengths[size])
        line.gaps.update(silent)
        if is_recalled:
            line.recalled.add(silent[-1])


def _happen(market: Market, deeds: list[Deed]) -> None:
    """Keep what can happen: once a line, day and kind, and nothing after a line's end."""
    done: set[tuple[str, int, int]] = set()
    for deed in sorted(deeds, key=lambda deed: deed.day):
        line, other = market.lines[deed.line], market.lines[deed.other]
        key = (deed.kind, deed.line, deed.day)
        if key in done or not (line.first < deed.day or line.first == 0) or deed.day >= line.end:
            continue
        if deed.kind in ("rights_issue", "share_change") and _is_observed(market, deed.day):
            continue
        if deed.kind in ENDINGS:
            if deed.line == 0 or (deed.kind == "stock_merger" and deed.other == deed.line):
                continue
            line.end = deed.day
        if deed.kind in ("spin_off", "new_class") and not _is_born(market, deed):
            continue
        if deed.kind == "stock_merger" and other.end <= deed.day:
            continue
        done.add(key)
        market.deeds.append(deed)


def _is_observed(market: Market, day: int) -> bool:
    """Whether shares are observed on a session, for an event."""
    starts = [OBSERVED, *([] if market.second_event is None else [market.second_event])]
    return any(start - OBSERVED <= day < start for start in starts)


def _is_born(market: Market, deed: Deed) -> bool:
    """Make the other line of a spin-off begin with it, if it is free to."""
    child = market.lines[deed.other]
    is_alone = sum(line.company == child.company for line in market.lines) == 1
    is_busy = any(deed.other in (done.line, done.other) for done in market.deeds)
    if deed.other in (0, deed.line) or is_busy or not is_alone or child.gaps or child.first:
        return False
    _begin(market, child, deed.day)
    return True


def _review(market: Market, changes: list[Change]) -> None:
    """Keep what a review can decide: once a company and session, joins of newcomers only."""
    taken: set[tuple[int, int]] = set()
    children = {deed.other for deed in market.deeds if deed.kind in ("spin_off", "new_class")}
    for change in sorted(changes, key=lambda change: change.kind != "ipo_addition"):
        line = market.lines[change.line]
        key = (line.company, change.day)
        if key in taken or change.line in children or change.day == market.second_event:
            continue
        if change.kind == "ipo_addition" and not _is_new(market, line, change):
            continue
        if change.kind == "float_update" and _is_tendered(market, line, change.day):
            continue
        if change.kind != "ipo_addition" and change.day <= line.first + 2:
            continue
        taken.add(key)
        market.changes.append(change)


def _is_tendered(market: Market, line: Line, day: int) -> bool:
    """Whether an offer changed the float of one line of the company by a session."""
    return any(
        deed.kind == "tender_offer"
        and deed.day <= day
        and market.lines[deed.line].company == line.company
        for deed in market.deeds
    )


def _is_new(market: Market, line: Line, change: Change) -> bool:
    """Make a line begin two sessions before it joins, if nothing happened to it yet."""
    first = change.day - 2
    is_alone = sum(other.company == line.company for other in market.lines) == 1
    is_busy = any(
        line.number in (deed.line, deed.other) and deed.day <= change.day for deed in market.deeds
    )
    if line.number == 0 or line.first or not is_alone or is_busy or line.end <= change.day:
        return False
    if market.second_event is not None and first < market.second_event:
        return False
    _begin(market, line, first)
    return True


def _begin(market: Market, line: Line, day: int) -> None:
    """Let a line be listed from a session on, and be no member of an event before."""
    line.first = day
    starts = [OBSERVED, market.second_event]
    for start, chosen in zip(starts, market.memberships, strict=False):
        if start is not None and start <= day:
            chosen[line.company] = None


def _trade(market: Market) -> None:
    """Give every line its closes and its shares outstanding."""
    chance = Random(market.seed)  # noqa: S311 - prices, not secrets
    split = {(d.line, d.day): _SPLITS[d.size] for d in market.deeds if d.kind == "split"}
    for line in market.lines:
        close = 10.0 if market.seed == 0 else round(chance.uniform(2, 200), 2)
        shares = float(line.shares)
        for day in range(len(CALENDAR)):
            factor = split.get((line.number, day), 1.0)
            is_quiet = market.seed == 0 or (day in line.gaps and day not in line.recalled)
            move = 1.0 if is_quiet else chance.uniform(0.93, 1.08)
            close = max(0.05, round(close * move / factor, 4))
            shares = shares * factor
            if market.seed and chance.random() < 0.05:  # noqa: PLR2004 - now and then
                shares = round(shares * chance.uniform(0.9, 1.2))
            line.closes.append(close)
            line.outstanding.append(max(1.0, shares))


def terms(market: Market, deed: Deed) -> dict[str, float | None]:
    """The terms of an action, in proportion to the line's close of the eve."""
    close = market.lines[deed.line].closes[deed.day - 1]
    part, ratio = _PARTS[deed.size], _RATIOS[deed.size]
    share: dict[str, float | None] = {"split_factor": None, "amount_usd": None, "ratio": None}
    match deed.kind:
        case "split":
            share["split_factor"] = _SPLITS[deed.size]
        case "cash_dividend" | "special_dividend" | "return_of_capital":
            share["amount_usd"] = max(0.0001, round(close * part / 4, 4))
        case "rights_issue":
            share["ratio"] = ratio
            share["amount_usd"] = round(close * (0.5 + deed.size * 0.15), 4)
        case "spin_off" | "new_class":
            share["ratio"] = ratio
            share["amount_usd"] = round(close * part / ratio, 4) or None if deed.size else None
        case "share_change":
            share["ratio"] = _CHANGES[deed.size]
        case "tender_offer":
            share["ratio"] = (0.1, 0.4, 0.89, 0.9, 0.95, 1.0)[deed.size]
            share["amount_usd"] = round(close * 1.1, 2)
        case "cash_merger":
            share["amount_usd"] = max(0.01, round(close * 1.05, 2))
        case "stock_merger":
            share["ratio"] = ratio
            share["amount_usd"] = None if deed.size % 2 else 0.5
        case "delisting" | "bankruptcy":
            share["amount_usd"] = None if deed.size % 2 else max(0.01, round(close * 0.4, 4))
        case _:
            pass
    return share


def outcome(deed: Deed) -> str | None:
    """What became of an action; most were applied as they stood."""
    if deed.fate == UNKNOWN and deed.kind not in (*ENDINGS, "spin_off", "new_class", "split"):
        return "unknown_line"
    if deed.fate == MARKED and deed.kind == "special_dividend":
        return "as_ordinary"
    if deed.fate == MARKED and deed.kind in (*ENDINGS, "tender_offer", "share_change"):
        return "delayed"
    return "restated" if deed.fate == MARKED else None


def factor_of(change: Change, free: float) -> tuple[float, float | None]:
    """The factor and the new float of a share or float update of a line with a float."""
    if change.kind == "float_update":
        now = _FLOATS[change.size % len(_FLOATS)]
        return now / free, now
    return _CHANGES[change.size], None


def joins_with(change: Change) -> float:
    """The float with which a newcomer joins."""
    return _FLOATS[change.size % len(_FLOATS)]
