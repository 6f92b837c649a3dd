"""Histories made up by Hypothesis: valid by construction, and small when a test fails.

What Hypothesis draws are lines, gaps, events, reviews and actions; closes follow from one
drawn seed, and with the seed 0 nothing ever moves. So a failing history shrinks to the few
things that matter. Holds what may follow what: deeds and changes that cannot happen are
left out. What the things are is `drawn_market`.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, TypeVar

from hypothesis import strategies as st

from r2k_pipeline_tests.oracle.drawn_market import (
    BIRTHS,
    CALENDAR,
    ENDINGS,
    GAPS,
    MEMBERSHIPS,
    MOST_DEEDS,
    MOST_LINES,
    MOST_SESSIONS,
    NEVER,
    OBSERVED,
    OFTEN,
    SECTORS,
    Change,
    Deed,
    Line,
    Market,
)

if TYPE_CHECKING:
    Gap = tuple[int, int, int, bool]

_Drawn = TypeVar("_Drawn")

_MOST_NEWCOMERS, _MOST_GAPS, _MOST_CHANGES = 7, 9, 8
_SIBLING = 2
# How often the feed's shares outstanding change by themselves.
_ISSUES = 0.05
_choices = st.integers(0, 5)


@st.composite
def markets(draw: st.DrawFn) -> Market:
    """Draw a market."""
    days = draw(st.integers(1, MOST_SESSIONS))
    lines = draw(_lines())
    last = OBSERVED + days - 1
    second = draw(st.none() | st.integers(OBSERVED + 1, last)) if days > 1 else None
    market = Market(
        days=days,
        seed=draw(st.integers(0, 2**16)),
        lines=lines,
        memberships=[draw(_memberships(lines)) for _ in range(1 if second is None else 2)],
        second_event=second,
        deeds=[],
        changes=[],
        cut=draw(st.none() | st.none() | st.integers(0, days - 1)),
    )
    places, ordinals = st.integers(0, len(lines) - 1), st.integers(1, last)
    gaps = st.tuples(places, ordinals, _choices, st.booleans())
    changes = st.builds(
        Change,
        kind=st.sampled_from(("share_update", "float_update", "offering", "ipo_addition")),
        line=places,
        day=st.integers(min(OBSERVED + 1, last), last),
        size=_choices,
        membership=st.sampled_from(MEMBERSHIPS[1:]),
    )
    _silence(market, draw(_some(gaps, _MOST_GAPS)))
    reviewed = draw(_some(changes, _MOST_CHANGES))
    _add(market, [change for change in reviewed if change.kind == "ipo_addition"])
    _happen(market, draw(_some(_deeds(places, ordinals), MOST_DEEDS)))
    _update(market, [change for change in reviewed if change.kind != "ipo_addition"])
    _trade(market)
    return market


def _deeds(
    places: st.SearchStrategy[int], ordinals: st.SearchStrategy[int]
) -> st.SearchStrategy[Deed]:
    """Anything that a reporter may tell of a line."""
    return st.builds(
        Deed,
        kind=st.sampled_from(OFTEN),
        line=places,
        day=ordinals,
        size=_choices,
        other=places,
        fate=_choices,
    )


def _some(of: st.SearchStrategy[_Drawn], most: int) -> st.SearchStrategy[list[_Drawn]]:
    """A number first and then as many, so that many are as likely as few."""
    return st.integers(0, most).flatmap(lambda n: st.lists(of, min_size=n, max_size=n))


@st.composite
def _lines(draw: st.DrawFn) -> list[Line]:
    """Lines that are listed from the beginning, and newcomers that something may list."""
    old = draw(st.integers(1, MOST_LINES - _MOST_NEWCOMERS))
    count = old + draw(st.integers(0, _MOST_NEWCOMERS))
    drawn = draw(
        st.lists(
            st.tuples(st.integers(0, _SIBLING), st.integers(1, 1000), st.sampled_from(SECTORS)),
            min_size=count,
            max_size=count,
        )
    )
    lines: list[Line] = []
    for number, (mark, thousands, sector) in enumerate(drawn):
        is_new, before = number >= old, lines[-1] if lines else None
        is_sibling = before is not None and mark == _SIBLING and not is_new
        company = -1 if before is None else before.company
        lines.append(
            Line(
                number=number,
                company=company if is_sibling else company + 1,
                shares=thousands * 1000,
                sector=before.sector if before is not None and is_sibling else sector,
                is_eligible=not (is_new and mark == _SIBLING),
                first=NEVER if is_new else 0,
            )
        )
    return lines


@st.composite
def _memberships(draw: st.DrawFn, lines: list[Line]) -> list[str | None]:
    """The indexes of each company at an event; the first line is always in one."""
    count = lines[-1].company + 1
    chosen = draw(st.lists(st.sampled_from(MEMBERSHIPS), min_size=count, max_size=count))
    return [chosen[0] or "all", *chosen[1:]]


def _silence(market: Market, gaps: list[Gap]) -> None:
    """Take rows away; the first row after a gap may recall the close before it."""
    for number, start, size, is_recalled in gaps:
        if number == 0:  # it never ends, so there are always members
            continue
        line = market.lines[number]
        silent = range(start, start + GAPS[size])
        line.gaps.update(silent)
        if is_recalled:
            line.recalled.add(silent[-1])


def _begin(market: Market, day: int) -> Line | None:
    """List the next newcomer from a session on; it is no member of an event before."""
    waiting = [line for line in market.lines if line.first == NEVER]
    if not waiting:
        return None
    line = waiting[0]
    line.first = day
    for start, chosen in zip(market.starts, market.memberships, strict=True):
        if start <= day:
            chosen[line.company] = None
    return line


def _add(market: Market, changes: list[Change]) -> None:
    """Let reviews add newcomers that have been listed for two sessions."""
    for change in changes:
        first = change.day - 2
        if any(first < start <= change.day for start in market.starts):
            continue
        line = _begin(market, first)
        if line is not None:
            market.changes.append(replace(change, line=line.number))


def _happen(market: Market, deeds: list[Deed]) -> None:
    """Keep what can happen: once a line, day and kind, of lines that are listed."""
    done: set[tuple[str, int, int]] = set()
    for drawn in sorted(deeds, key=lambda deed: deed.day):
        deed, line = drawn, market.lines[drawn.line]
        key = (deed.kind, deed.line, deed.day)
        is_listed = line.first == 0 or line.first < deed.day
        if key in done or not is_listed or deed.day >= line.end or _is_barred(market, deed):
            continue
        if deed.needs_newcomer:
            newcomer = _begin(market, deed.day)
            if newcomer is None:
                continue
            deed = replace(deed, other=newcomer.number)
        if deed.kind in ENDINGS:
            line.end = deed.day
        line.gaps.update(deed.silence)
        done.add(key)
        market.deeds.append(deed)
    # Of a line that was not seen yet nothing is told but its end.
    market.deeds = [deed for deed in market.deeds if deed.kind in ENDINGS or _is_seen(market, deed)]


def _is_seen(market: Market, deed: Deed) -> bool:
    line = market.lines[deed.line]
    return any(line.has_row(day) for day in range(line.first, deed.day))


def _is_barred(market: Market, deed: Deed) -> bool:
    """Whether a deed cannot be: the first line never ends, and who pays with shares is there.

    Nor does who pays end on the same morning, for which no order is laid down.
    """
    is_paying = any((done.day, done.other) == (deed.day, deed.line) for done in market.deeds)
    if deed.kind in (*ENDINGS, "tender_offer") and (deed.line == 0 or is_paying):
        return True
    other = market.lines[deed.other]
    is_there = other.first < deed.day < other.end and deed.other != deed.line
    return deed.kind == "stock_merger" and not deed.needs_newcomer and not is_there


def _update(market: Market, changes: list[Change]) -> None:
    """Let reviews change shares and floats of members, once a company and session."""
    taken = {(market.lines[change.line].company, change.day) for change in market.changes}
    born = {deed.other for deed in market.deeds if deed.kind in BIRTHS}
    for change in changes:
        line = market.lines[change.line]
        key = (line.company, change.day)
        is_known = change.day > line.first + 2 and change.line not in born
        if key in taken or not is_known or change.day == market.second_event:
            continue
        taken.add(key)
        market.changes.append(change)


def _trade(market: Market) -> None:
    """Give every line its closes and its shares outstanding."""
    chance = Random(market.seed)  # noqa: S311 - prices, not secrets
    factors = {
        (deed.line, deed.day): market.split_factor(deed.line, deed.day)
        for deed in market.deeds
        if deed.kind == "split"
    }
    for line in market.lines:
        close = 10.0 if market.seed == 0 else round(chance.uniform(2, 200), 2)
        shares = float(line.shares)
        for day in range(len(CALENDAR)):
            factor = factors.get((line.number, day), 1.0)
            is_quiet = market.seed == 0 or (day in line.gaps and day not in line.recalled)
            move = 1.0 if is_quiet else chance.uniform(0.93, 1.08)
            close = max(0.05, round(close * move / factor, 4))
            shares *= factor
            if market.seed and chance.random() < _ISSUES:
                shares = float(round(shares * chance.uniform(0.9, 1.2)))
            line.closes.append(close)
            line.outstanding.append(max(1.0, shares))
