"""Incidents of the archive's native form: bytes that are none, and evenings on other days.

Told as a git history of three JSON files a commit, on sessions where clocks change or the
exchange closed without notice. The market's own listings are shown on those sessions.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.gym.arena import FIRST, SESSIONS, Landed, built, landing
from r2k_pipeline.gym.incident import Finding, Incident
from r2k_pipeline.gym.landing_incidents import replayed
from r2k_pipeline.gym.vendor import Commit, all_exchanges, git_archive, snapshots
from r2k_pipeline.rulebook.sessions import sessions_between
from r2k_pipeline.sources.us_stock_symbols.git_history import GitHistory
from r2k_pipeline.storage.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from r2k_pipeline.gym.arena import Arena
    from r2k_pipeline.sources.feed import Source

_NEW_YORK, _EVENING = ZoneInfo("America/New_York"), time(20, 15)
_CLOCKS_CHANGE = (date(2022, 3, 9), date(2022, 3, 17))
_MOURNING = (date(2025, 1, 6), date(2025, 1, 14))
_CLOSURES = (date(2012, 10, 29), date(2012, 10, 30), date(2018, 12, 5), date(2025, 1, 9))
_REGULAR = "raw_listings.snapshots_are_regular"


def _shown_on(arena: Arena, first: date, last: date) -> pl.DataFrame:
    """The listings of the first sessions, as if they were those of a range."""
    days = sessions_between(first, last)
    renamed = dict(zip(SESSIONS, days, strict=False))
    rows = arena.listings.filter(pl.col("session").is_in(list(renamed)))
    return rows.with_columns(session=pl.col("session").replace_strict(renamed))


def _evenings(listings: pl.DataFrame) -> dict[datetime, dict[str, bytes]]:
    """One commit an evening, at a quarter past eight in New York."""
    return {
        datetime.combine(day, _EVENING, _NEW_YORK): files
        for day, files in sorted(snapshots(listings).items())
    }


def _archive(arena: Arena, evenings: Mapping[datetime, Mapping[str, bytes]]) -> Source:
    commits = [Commit(when=when, files=files) for when, files in sorted(evenings.items())]
    return GitHistory(git_archive(arena.path("archive.git"), commits))


def _truth(arena: Arena, listings: pl.DataFrame) -> Landed:
    """What lands of these listings, from the other form of the archive."""
    with open_store(arena.settings()) as store, arena.extracted(listings) as source:
        landing(store, source)
        return Landed.of(store)


def _told(
    arena: Arena,
    span: tuple[date, date],
    disturb: Callable[[dict[datetime, dict[str, bytes]]], Mapping[datetime, dict[str, bytes]]],
) -> Finding:
    """Replay a history that is disturbed, and then the one that is not."""
    listings = _shown_on(arena, *span)
    evenings = _evenings(listings)
    return replayed(
        arena,
        _archive(arena, disturb(dict(evenings))),
        truth=_truth(arena, listings),
        mended=_archive(arena, evenings),
    )


def _corrupt_bytes(arena: Arena) -> Finding:
    """Two arrays one after the other in a file; and a page of HTML in place of another."""

    def twice(evenings: dict[datetime, dict[str, bytes]]) -> dict[datetime, dict[str, bytes]]:
        day = list(evenings)[4]
        files = {name: data + data for name, data in evenings[day].items()}
        return evenings | {day: files}

    def a_page(evenings: dict[datetime, dict[str, bytes]]) -> dict[datetime, dict[str, bytes]]:
        page = b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"
        return evenings | {list(evenings)[4]: all_exchanges(page)}

    found = _told(arena, _CLOCKS_CHANGE, twice)
    other = _told(arena, _CLOCKS_CHANGE, a_page)
    return replace(
        found,
        caught_by=found.caught_by & other.caught_by,
        wrong=found.wrong + other.wrong,
        lost=found.lost + other.lost,
    )


def _clocks(arena: Arena) -> Finding:
    """Every evening is the next day by UTC, and the clocks change in between."""
    found = _told(arena, _CLOCKS_CHANGE, dict)
    is_right = found.published.endswith(" 0 held back")
    rule = {"evenings by New York time"} if is_right and not found.wrong else set()
    return replace(found, caught_by=found.caught_by | rule)


def _closed_without_notice(arena: Arena) -> Finding:
    """A day of mourning: the vendor serves the session before again."""

    def again(evenings: dict[datetime, dict[str, bytes]]) -> dict[datetime, dict[str, bytes]]:
        evening = datetime.combine(_CLOSURES[-1], _EVENING, _NEW_YORK)
        before = max(when for when in evenings if when < evening)
        return evenings | {evening: evenings[before]}

    found = _told(arena, _MOURNING, again)
    open_days = tuple(str(day) for day in _CLOSURES if sessions_between(day, day))
    rule = set() if open_days else {"closures of the rulebook"}
    return replace(found, caught_by=found.caught_by | rule, wrong=found.wrong + open_days)


def _before_the_close(arena: Arena) -> Finding:
    """A snapshot of the afternoon, with prices that are no closes; and a build of tomorrow."""
    listings = _shown_on(arena, *_CLOCKS_CHANGE)
    day = sessions_between(*_CLOCKS_CHANGE)[3]
    early = listings.filter(pl.col("session") == day).with_columns(
        close_usd=(pl.col("close_usd") * 1.01).round(2)
    )
    afternoon = datetime.combine(day, time(15, 0), _NEW_YORK)

    def too_early(evenings: dict[datetime, dict[str, bytes]]) -> dict[datetime, dict[str, bytes]]:
        late = datetime.combine(day, _EVENING, _NEW_YORK)
        kept = {when: files for when, files in evenings.items() if when != late}
        return kept | {afternoon: snapshots(early)[day]}

    found = _told(arena, _CLOCKS_CHANGE, too_early)
    tomorrow = datetime.now(UTC).date() + timedelta(days=7)
    try:
        built(arena.settings(), FIRST, tomorrow)
    except BadInputError as error:
        refused = {"BadInputError"} if "has not closed yet" in error.culprit else set()
        return replace(found, caught_by=found.caught_by | refused)
    return found


INCIDENTS = (
    Incident(
        number=17,
        name="corrupt bytes",
        example="2021-01-30: two JSON arrays in one file; an HTML error page",
        guards=("SourceError",),
        replay=_corrupt_bytes,
    ),
    Incident(
        number=21,
        name="UTC date, and clocks that change",
        example="snapshots committed at 00:15 UTC of the next day",
        guards=("evenings by New York time",),
        replay=_clocks,
    ),
    Incident(
        number=22,
        name="the exchange closes without notice",
        example="2012-10-29/30, 2018-12-05, 2025-01-09",
        guards=("closures of the rulebook", _REGULAR),
        replay=_closed_without_notice,
    ),
    Incident(
        number=23,
        name="run before the close",
        example="a clock that is wrong, an impatient operator",
        guards=(_REGULAR, "BadInputError"),
        replay=_before_the_close,
    ),
)
