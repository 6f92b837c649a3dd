"""How close are we: our members, changes, figures and levels beside what a user has.

`fidelity` reads our side from a store and compares it with files of the real
thing; how each kind is compared is `fidelity_members`, `fidelity_changes` and
`fidelity_series`. What cannot be compared, because we hold nothing of that
session, is said and not counted. To compare another kind of file, add its
comparison there and a case to `_compare`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import BadInputError, R2kError, listed
from r2k_pipeline.methodology.edges import in_index
from r2k_pipeline.queries.fidelity_changes import compare_changes
from r2k_pipeline.queries.fidelity_floats import LINE_COLUMNS, float_effect, floats_of_lines
from r2k_pipeline.queries.fidelity_members import compare_members, line_standing, symbols_on
from r2k_pipeline.queries.fidelity_series import (
    compare_figures,
    compare_floats,
    compare_weights,
    contradicted_sessions,
    daily_differences,
    level_scores,
    our_figures,
    worst_days,
)
from r2k_pipeline.queries.members import holdings
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import all_events, event_in_force
from r2k_pipeline.sources.truth.truth_file import TruthKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline.sources.truth.truth_file import TruthFile
    from r2k_pipeline.storage.store import Store

PRICE, TOTAL_RETURN = "price_level", "total_return_level"


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One file compared.

    Args:
        file: The file.
        event_id: The event in force on its session; None for series and figures.
        is_banded: Whether that event had incumbents to band; None without an event.
        frames: By name, those of: `scores`, `confusion`, `causes` (lists), `figures`
            (one row per event and figure), `years`, `worst_days` and `growth`
            (levels; with a second series of the index also `contradicted` and
            `years_without`), `floats` and `float_effect`; see the comparing modules.
        names: Disagreements by name; for the user's screen, never kept.
        note: What a reader must know, or empty.
    """

    file: TruthFile
    event_id: str | None = None
    is_banded: bool | None = None
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    names: pl.DataFrame | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """Everything that was compared.

    Args:
        compared: By file.
        skipped: Files with nothing of ours to compare with: subject and why.
    """

    compared: tuple[Compared, ...]
    skipped: tuple[tuple[str, str], ...]


class _NothingOfOursError(R2kError):
    """We hold nothing of what a file is about; it is skipped."""

    def __init__(self, why: str) -> None:
        super().__init__(why, state="the file was skipped", remedy="build a range that contains it")


def fidelity(store: Store, files: Sequence[TruthFile]) -> Fidelity:
    """Compare our published tables with files of the real thing.

    Args:
        store: The open store.
        files: As `sources.truth.folder.read_truth` gives them.

    Returns:
        What was compared, and what was skipped for want of something of ours.

    Raises:
        BadInputError: Nothing could be compared.
        StorageError: A table cannot be read.
    """
    ours = _Ours(store, files)
    compared: list[Compared] = []
    skipped: list[tuple[str, str]] = []
    for file in files:
        try:
            compared.append(_compare(ours, file))
        except _NothingOfOursError as nothing:
            skipped.append((file.subject, nothing.culprit))
    if not compared:
        why = listed([f"{subject}: {reason}" for subject, reason in skipped])
        raise BadInputError(
            f"nothing could be compared: {why}",
            state="nothing was written",
            remedy="run `r2k ingest` and `r2k build` for these sessions, or point --home at them",
        )
    return Fidelity(compared=tuple(compared), skipped=tuple(skipped))


class _Ours:
    """Our side, read from a store as it is asked for."""

    def __init__(self, store: Store, files: Sequence[TruthFile]) -> None:
        self.store = store
        self.files = files
        self.securities = cache(lambda: store.lake.scan("securities").collect())
        self.decisions = cache(self._decisions)
        self.standing = cache(self._standing)

    def event(self, session: date) -> Event:
        """The event in force."""
        found = event_in_force(session)
        if found is None:
            raise _NothingOfOursError(f"no event is in force on {session}")
        return found

    def _decisions(self, event_id: str) -> pl.DataFrame:
        found = self.store.published.read("reconstitution", event_id=event_id)
        if found.is_empty():
            raise _NothingOfOursError(f"event {event_id} is not built")
        return found

    def is_banded(self, event_id: str) -> bool:
        """Whether there were incumbents to keep."""
        return self.decisions(event_id)["previous_segment"].count() > 0

    def held(self, session: date) -> pl.DataFrame:
        """The member lines of a session."""
        columns = ["security_id", "symbol", "segment", "indexes", "float_factor"]
        rows = self.store.lake.scan("constituents", start=session, end=session)
        found = rows.select(columns).collect()
        if found.is_empty():
            raise _NothingOfOursError(f"no constituents on {session}")
        return found

    def _standing(self, session: date) -> pl.DataFrame:
        event = self.event(session)
        decisions = self.decisions(event.event_id)
        day = event.rank_day
        return line_standing(
            symbols_on(self.securities(), session),
            universe=self.store.lake.scan("universe", start=day, end=day).collect(),
            decisions=decisions,
            boundaries=self.store.published.read("breakpoints", event_id=event.event_id),
            held=self.held(session),
            rules=rules_in_force(day),
        )


def _compare(ours: _Ours, file: TruthFile) -> Compared:
    match file.kind:
        case TruthKind.LEVELS:
            return _levels(ours, file)
        case TruthKind.FIGURES:
            return _figures(ours, file)
        case _ if file.session is None:
            raise _NothingOfOursError("it names no session")
        case TruthKind.CHANGES:
            return _changes(ours, file, file.session)
        case TruthKind.FLOATS:
            return _floats(ours, file, file.session)
        case _:
            return _members(ours, file, file.session)


def _members(ours: _Ours, file: TruthFile, session: date) -> Compared:
    found = compare_members(file.rows, ours.standing(session))
    event_id = ours.event(session).event_id
    scores = found.scores
    if file.kind is TruthKind.HOLDINGS:
        overlaps = [
            {"index": index_id, "weight_overlap_share": _overlap(ours, rows, index_id, session)}
            for (index_id,), rows in file.rows.group_by("index")
        ]
        overlap = pl.DataFrame(
            overlaps, schema={"index": pl.String, "weight_overlap_share": pl.Float64}
        )
        scores = scores.join(overlap, on="index", how="left")
    return Compared(
        file=file,
        event_id=event_id,
        is_banded=ours.is_banded(event_id),
        frames={"scores": scores, "confusion": found.confusion, "causes": found.causes},
        names=found.names,
    )


def _overlap(ours: _Ours, rows: pl.DataFrame, index_id: object, session: date) -> float | None:
    return compare_weights(rows, holdings(ours.store, str(index_id), session))


def _changes(ours: _Ours, file: TruthFile, session: date) -> Compared:
    event_id = ours.event(session).event_id
    if not ours.is_banded(event_id):
        raise _NothingOfOursError(f"event {event_id} had no incumbents, so it changed nothing")
    found = compare_changes(file.rows, ours.standing(session))
    return Compared(
        file=file,
        event_id=event_id,
        is_banded=True,
        frames={"scores": found.scores, "causes": found.causes},
        names=found.names,
    )


def _floats(ours: _Ours, file: TruthFile, session: date) -> Compared:
    frames, event_id, nothing = {}, None, ""
    try:
        frames["floats"] = pl.DataFrame([compare_floats(file.rows, ours.held(session))])
        event_id = ours.event(session).event_id
    except _NothingOfOursError as error:
        nothing = error.culprit
    effect = _float_effect(ours, file, session)
    if effect is not None:
        frames["float_effect"] = effect
    if not frames:
        raise _NothingOfOursError(nothing)
    return Compared(file=file, event_id=event_id, frames=frames)


def _float_effect(ours: _Ours, file: TruthFile, session: date) -> pl.DataFrame | None:
    """What the file would do to our tracking of the first price series there is."""
    series = [other for other in ours.files if PRICE in _measures(other)]
    if not series:
        return None
    index_id = series[0].index_id or ""
    theirs = series[0].rows.filter(pl.col("measure") == PRICE).select("session", "level")
    floats = floats_of_lines(file.rows, ours.securities(), session)
    lines = (
        ours.store.lake.scan("constituents")
        .filter(in_index(index_id), pl.col("session") >= theirs["session"].min())
        .select(LINE_COLUMNS)
        .collect()
    )
    if lines["session"].n_unique() <= 1 or floats.is_empty():
        return None
    return float_effect(lines, floats, theirs)


def _measures(file: TruthFile) -> set[str]:
    return set(file.rows["measure"]) if file.kind is TruthKind.LEVELS else set()


def _figures(ours: _Ours, file: TruthFile) -> Compared:
    tables = []
    for (year,), rows in file.rows.group_by("year", maintain_order=True):
        event = _event_of_year(rows["rank_day"][0], int(str(year)))
        if (
            event is None
            or ours.store.published.read(
                "reconstitution", event_id=event.event_id, columns=["event_id"]
            ).is_empty()
        ):
            continue
        lines = symbols_on(ours.securities(), event.effective_session)
        figures = our_figures(
            ours.decisions(event.event_id),
            rules=rules_in_force(event.rank_day),
            listed=lines.filter("is_listed")["security_id"],
        )
        tables.append(
            compare_figures(rows, figures).select(pl.lit(event.event_id).alias("event"), pl.all())
        )
    if not tables:
        raise _NothingOfOursError("none of its events is built")
    return Compared(file=file, frames={"figures": pl.concat(tables)})


def _event_of_year(rank_day: date | None, year: int) -> Event | None:
    """The event ranked on that day, else the June of that year."""
    by_day = {event.rank_day: event for event in all_events()}
    by_id = {event.event_id: event for event in all_events()}
    return by_day.get(rank_day) if rank_day in by_day else by_id.get(f"{year}-06")


def _levels(ours: _Ours, file: TruthFile) -> Compared:
    measures = file.rows["measure"].unique().sort()
    found = {measure: _one_series(ours, file, measure) for measure in measures}
    return Compared(
        file=file,
        frames={
            name: pl.concat([frames[name] for frames in found.values()])
            for name in ("years", "years_without", "contradicted", "worst_days", "growth")
        },
    )


def _one_series(ours: _Ours, file: TruthFile, measure: str) -> dict[str, pl.DataFrame]:
    theirs = file.rows.filter(pl.col("measure") == measure)
    own = ours.store.published.read(
        "levels", columns=["session", measure], where={"index_id": file.index_id}
    ).rename({measure: "level"})
    daily = daily_differences(own, theirs)
    if daily.is_empty():
        raise _NothingOfOursError(f"our levels of {file.index_id} share no two sessions with it")
    named = pl.lit(measure).alias("measure")
    growth = daily.select(
        named,
        "session",
        ours=100 * (1 + pl.col("our_return")).cum_prod(),
        theirs=100 * (1 + pl.col("their_return")).cum_prod(),
    )
    contradicted = _contradicted(ours, file).join(daily, on="session", how="semi")
    agreed = daily.join(contradicted, on="session", how="anti")
    return {
        "years": level_scores(daily).select(named, pl.all()),
        "years_without": level_scores(daily.clear() if contradicted.is_empty() else agreed).select(
            named, pl.all()
        ),
        "contradicted": contradicted.select(named, pl.all()),
        "worst_days": worst_days(daily).select(named, pl.all()),
        "growth": growth,
    }


def _contradicted(ours: _Ours, file: TruthFile) -> pl.DataFrame:
    """The sessions on which the price and total return series of an index contradict."""
    found = {
        measure: other.rows.filter(pl.col("measure") == measure).select("session", "level")
        for other in ours.files
        if other.index_id == file.index_id
        for measure in _measures(other)
    }
    empty = pl.DataFrame(schema={"session": pl.Date, "level": pl.Float64})
    return contradicted_sessions(found.get(PRICE, empty), found.get(TOTAL_RETURN, empty))
