"""3b: a dated source of floats -> what is in force of a line at events and reviews.

1. Each row of the source is given to the line that bore its symbol on its session.
2. A reconstitution in June takes every float as it is known on the eve, without a buffer.
3. A review changes a float only by more than the buffer (`changed_floats`);
   a reconstitution in another month does the same to lines that a float is in force of.

Ranking is by total capitalisation and never asks a float; eligibility asks the last one
known (`known_by`). What of this reaches an index is `constituents` and `maintenance`.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.methodology.symbol_keys import matching_key
from r2k_pipeline.rulebook.reviews import reviews_between
from r2k_pipeline.rulebook.schedule import event_in_force

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from r2k_pipeline.rulebook.rules import IndexRules
    from r2k_pipeline.rulebook.schedule import Event

KNOWN_FLOATS = {"session": pl.Date, "security_id": pl.String, "float_factor": pl.Float64}
"""The columns of floats that were given to lines."""

# The fourth Friday of June, or by older rules the last day: the session after it may be July's.
_FULL_REVIEW_MONTHS = (6, 7)
# A change of exactly the buffer does not exceed it, whatever the last bit says.
_EXACTLY = 1e-9
# How a row names its line, from the surest.
_BY_ID, _ALIKE, _ELSE = 0, 1, 2


class FloatStatus(StrEnum):
    """Whether a source gave the float that is in force of a line."""

    KNOWN = "known"
    UNKNOWN = "unknown"


def no_floats() -> pl.DataFrame:
    """Nothing known of any line.

    Example:
        >>> no_floats().columns
        ['session', 'security_id', 'float_factor']
    """
    return pl.DataFrame(schema=KNOWN_FLOATS)


def located_floats(given: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """Give each row of the source to the line that it names.

    Args:
        given: Contract `float_factors`. Read: `session`, `symbol`, `float_factor`.
        securities: Contract `securities`.

    Returns:
        `KNOWN_FLOATS`, one row a line and session, sorted by them. A row whose symbol no line
        bore on its session is left out. Symbols are compared without punctuation; of
        several rows for one line and session one that names it by its `security_id` is taken,
        then the one spelt alike.

    Notes:
        Look-ahead: a row says nothing of a session before its own.

    Example:
        >>> securities = pl.DataFrame({
        ...     "symbol": ["BRK/B"], "security_id": ["S-BRK/B"],
        ...     "first_session": [date(2021, 1, 4)], "last_session": [date(2023, 1, 4)],
        ... })
        >>> given = pl.DataFrame({
        ...     "session": [date(2022, 6, 24)] * 2, "symbol": ["BRK.B", "GONE"],
        ...     "float_factor": [0.9, 0.5],
        ... })
        >>> located_floats(given, securities).row(0)
        (datetime.date(2022, 6, 24), 'S-BRK/B', 0.9)
    """
    return (
        _named_lines(given, securities)
        .sort("session", "security_id", "place", "symbol")
        .unique(["session", "security_id"], keep="first", maintain_order=True)
        .select(*KNOWN_FLOATS)
    )


def lost_symbols(given: pl.DataFrame, securities: pl.DataFrame) -> list[str]:
    """Name the symbols of a source that no line bore on their sessions; they have no effect.

    Args:
        given: As `located_floats` reads it.
        securities: Contract `securities`.

    Example:
        >>> securities = pl.DataFrame({
        ...     "symbol": ["HAL"], "security_id": ["S-HAL"],
        ...     "first_session": [date(2021, 1, 4)], "last_session": [date(2021, 12, 31)],
        ... })
        >>> given = pl.DataFrame({
        ...     "session": [date(2021, 6, 1), date(2022, 6, 24)], "symbol": ["hal", "HAL"],
        ...     "float_factor": 0.9,
        ... })
        >>> lost_symbols(given, securities)
        ['HAL']
    """
    key = ["session", "symbol"]
    lost = given.join(_named_lines(given, securities), on=key, how="anti")
    return lost["symbol"].unique().sort().to_list()


def _named_lines(given: pl.DataFrame, securities: pl.DataFrame) -> pl.DataFrame:
    """The rows with the line that each names, and in `place` how surely."""
    rows = given.select("session", "symbol", "float_factor")
    lines = securities.select("security_id").unique()
    named = rows.join(lines, left_on="symbol", right_on="security_id").with_columns(
        security_id="symbol", place=pl.lit(_BY_ID)
    )
    spans = securities.select(
        "security_id", "first_session", "last_session", key=matching_key(), spelt="symbol"
    )
    is_alike = pl.col("symbol").str.to_uppercase() == pl.col("spelt").str.to_uppercase()
    borne = (
        rows.join(named, on=["session", "symbol"], how="anti")
        .with_columns(key=matching_key())
        .join(spans, on="key")
        .filter(pl.col("session").is_between("first_session", "last_session"))
        .with_columns(place=pl.when(is_alike).then(_ALIKE).otherwise(_ELSE))
        # A row is of one line: that spelt alike, else the first by symbol.
        .sort("session", "symbol", "place", "spelt")
        .unique(["session", "symbol"], keep="first", maintain_order=True)
    )
    columns = [*rows.columns, "security_id", "place"]
    return pl.concat([named.select(columns), borne.select(columns)])


def known_by(floats: pl.DataFrame, day: date) -> pl.DataFrame:
    """Take the last float of each line that holds by a day.

    Args:
        floats: As `located_floats` gives them.
        day: Rows of later sessions are not read.

    Returns:
        `security_id` and `float_factor`; a line that no row speaks of has none.

    Example:
        >>> floats = pl.DataFrame({
        ...     "session": [date(2022, 5, 2), date(2022, 8, 1)], "security_id": "S-HAL",
        ...     "float_factor": [0.6, 0.7],
        ... })
        >>> known_by(floats, date(2022, 6, 24)).row(0)
        ('S-HAL', 0.6)
    """
    return (
        floats.filter(pl.col("session") <= day)
        .sort("session")
        .group_by("security_id")
        .agg(pl.col("float_factor").last())
        .sort("security_id")
    )


def with_known_floats(lines: pl.DataFrame, floats: pl.DataFrame) -> pl.DataFrame:
    """Give lines the last float that is known of each on its session.

    Args:
        lines: One row a session and line: `session`, `security_id`.
        floats: `KNOWN_FLOATS`.

    Returns:
        The lines with `float_factor` (0 to 1), null where none is known, in any order.

    Example:
        >>> floats = pl.DataFrame({
        ...     "session": [date(2022, 5, 2)], "security_id": ["S-HAL"], "float_factor": [0.04]})
        >>> lines = pl.DataFrame({
        ...     "session": [date(2022, 4, 29), date(2022, 5, 6)], "security_id": "S-HAL"})
        >>> with_known_floats(lines, floats).sort("session")["float_factor"].to_list()
        [None, 0.04]
    """
    if floats.is_empty():
        return lines.with_columns(float_factor=pl.lit(None, pl.Float64))
    return lines.sort("session", maintain_order=True).join_asof(
        floats.select(*KNOWN_FLOATS).sort("session"),
        on="session",
        by="security_id",
        strategy="backward",
        check_sortedness=False,
    )


def event_floats(
    floats: pl.DataFrame, event: Event, *, rules_of: Callable[[date], IndexRules]
) -> pl.DataFrame:
    """Say what float each line counts with from an event on.

    Args:
        floats: As `located_floats` gives them, up to the event at least.
        event: The event.
        rules_of: The rules in force on a day; read `float_buffers`.

    Returns:
        `security_id` and `float_factor`, where one is known; sorted by `security_id`.

    Notes:
        June takes what holds on the eve of the effective session, as shares are observed up
        to it. An event in another month keeps what was in force where it moved by no more
        than the buffer, and so needs the reviews since June.

    Example:
        A float that moved by 2 points is taken in June, and not in December.

        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> floats = pl.DataFrame({
        ...     "session": [date(2026, 5, 1), date(2026, 11, 2), date(2027, 5, 3)],
        ...     "security_id": "S-HAL", "float_factor": [0.60, 0.62, 0.63],
        ... })
        >>> for name in ("2026-06", "2026-12", "2027-06"):
        ...     print(event_floats(floats, event(name), rules_of=rules_in_force).row(0))
        ('S-HAL', 0.6)
        ('S-HAL', 0.6)
        ('S-HAL', 0.63)

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 7.1 and 9.3.
    """
    now = known_by(floats, _eve(event))
    before = None if _is_full(event) else event_in_force(_eve(event))
    if before is None:
        return now
    in_force = event_floats(floats, before, rules_of=rules_of)
    between = [
        review
        for review in reviews_between(before.effective_session, _eve(event))
        if not review.is_reconstitution
    ]
    for review in between:
        known = known_by(floats, review.cut_off_day)
        in_force = _buffered(in_force, known, rules_of(review.cut_off_day))
    return _buffered(in_force, now, rules_of(event.rank_day))


def with_floats_in_force(
    universe: pl.DataFrame, floats: pl.DataFrame, at_event: pl.DataFrame, *, event: Event
) -> pl.DataFrame:
    """Give lines the float that each would count with if it joined at the next open.

    Args:
        universe: `session` and `security_id` from before an event on.
        floats: `KNOWN_FLOATS`.
        at_event: As `event_floats` gives them.
        event: The event.

    Returns:
        The lines with `float_factor`, null where none is known: before the event what it
        takes, from it on the last one known.

    Example:
        >>> from r2k_pipeline.rulebook.schedule import event
        >>> lines = pl.DataFrame({
        ...     "session": [date(2026, 12, 11), date(2026, 12, 14)], "security_id": "S-HAL"})
        >>> floats = pl.DataFrame({
        ...     "session": [date(2026, 11, 2)], "security_id": ["S-HAL"], "float_factor": [0.62]})
        >>> taken = pl.DataFrame({"security_id": ["S-HAL"], "float_factor": [0.6]})
        >>> with_floats_in_force(
        ...     lines, floats, taken, event=event("2026-12"))["float_factor"].to_list()
        [0.6, 0.62]
    """
    is_before = pl.col("session") < event.effective_session
    known = with_known_floats(universe, floats)
    return known.join(
        at_event.select("security_id", taken="float_factor"), on="security_id", how="left"
    ).select(
        pl.exclude("taken", "float_factor"),
        pl.when(is_before).then("taken").otherwise("float_factor").alias("float_factor"),
    )


def with_float_status(maintenance: pl.DataFrame, floats: pl.DataFrame) -> pl.DataFrame:
    """Say of changes of float, and of lines that join, whether a source gave the float.

    Args:
        maintenance: Contract `maintenance`. Read: `float_factor`, and where floats are known
            `session`, `security_id`, `change`, `decided_day`.
        floats: `KNOWN_FLOATS`.

    Returns:
        The rows with `float_status`: null where they give no float, `unknown` where it is
        assumed. Reviews decide by their cut-off, joining lines count with what holds on the
        eve.

    Example:
        >>> rows = pl.DataFrame({
        ...     "session": [date(2022, 9, 19)] * 2, "security_id": ["S-NEW", "S-HAL"],
        ...     "change": ["ipo_addition", "float_update"], "float_factor": [0.3, 0.6],
        ...     "decided_day": [date(2022, 8, 12)] * 2,
        ... })
        >>> floats = pl.DataFrame({
        ...     "session": [date(2022, 8, 1)], "security_id": ["S-HAL"], "float_factor": [0.6]})
        >>> with_float_status(rows, floats).sort("security_id")["float_status"].to_list()
        ['known', 'unknown']
    """
    unknown = pl.when(pl.col("float_factor").is_not_null()).then(pl.lit(FloatStatus.UNKNOWN.value))
    if floats.is_empty():
        return maintenance.with_columns(float_status=unknown)
    is_review = pl.col("change") == "float_update"
    by = pl.when(is_review).then("decided_day").otherwise(pl.col("session").dt.offset_by("-1d"))
    known = floats.sort("session").select("security_id", holds_from="session", told="float_factor")
    is_known = pl.col("float_factor").is_not_null() & pl.col("told").is_not_null()
    return (
        maintenance.with_columns(told_by=by)
        .sort("told_by", maintain_order=True)
        .join_asof(
            known,
            left_on="told_by",
            right_on="holds_from",
            by="security_id",
            strategy="backward",
            check_sortedness=False,
        )
        .with_columns(
            float_status=pl.when(is_known).then(pl.lit(FloatStatus.KNOWN.value)).otherwise(unknown)
        )
        .select(*maintenance.columns, "float_status")
    )


def changed_floats(
    in_force: pl.DataFrame, observed: pl.DataFrame, *, buffers: Sequence[tuple[float, float]]
) -> pl.DataFrame:
    """Say whose float a review changes.

    Args:
        in_force: `security_id` and `float_factor` in force (0 to 1).
        observed: The same, as known at the cut-off; lines that no source speaks of are
            left out.
        buffers: (float, change) in ascending order, see `IndexRules.float_buffers`.

    Returns:
        `security_id`, `previous_float_factor` and `float_factor`, by `security_id`.

    Example:
        A float of 8 % moves only beyond 9 % or 7 %, one of 60 % beyond 63 % or 57 %.

        >>> names = ["A", "B", "C", "D"]
        >>> before = pl.DataFrame({"security_id": names, "float_factor": [0.08, 0.08, 0.6, 0.6]})
        >>> now = pl.DataFrame({"security_id": names, "float_factor": [0.089, 0.095, 0.58, 0.56]})
        >>> changed_floats(before, now, buffers=((0.15, 0.01), (1.0, 0.03))).rows()
        [('B', 0.08, 0.095), ('D', 0.6, 0.56)]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` section 9.3.4.
    """
    before = pl.col("previous_float_factor")
    buffer = pl.coalesce(
        *(pl.when(before <= limit).then(pl.lit(change)) for limit, change in buffers)
    )
    moved = (pl.col("float_factor") - before).abs()
    return (
        in_force.select("security_id", previous_float_factor="float_factor")
        .join(observed.select("security_id", "float_factor"), on="security_id")
        .filter(moved > buffer + _EXACTLY)
        .sort("security_id")
    )


def _eve(event: Event) -> date:
    """The last day before an event counts."""
    return event.effective_session - timedelta(days=1)


def _is_full(event: Event) -> bool:
    return event.effective_session.month in _FULL_REVIEW_MONTHS


def _buffered(in_force: pl.DataFrame, known: pl.DataFrame, rules: IndexRules) -> pl.DataFrame:
    """What is in force after a review; a float that is known for the first time is taken."""
    changed = changed_floats(in_force, known, buffers=rules.float_buffers)
    return (
        known.join(in_force, on="security_id", how="left", suffix="_before")
        .join(changed.select("security_id", new="float_factor"), on="security_id", how="left")
        .select("security_id", pl.coalesce("new", "float_factor_before", "float_factor"))
        .rename({"new": "float_factor"})
        .sort("security_id")
    )
