"""How a question names its object: an index, a session, an event, and what is near it.

Checks what a person typed before anything is read, and says what there is
instead. Add here what several questions need to name; keep the questions out.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from difflib import get_close_matches
from typing import TYPE_CHECKING

from r2k_pipeline.errors import BadInputError, MissingPartitionError, R2kError, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

    from r2k_pipeline.rulebook.index_definition import IndexDefinition

_DAY = "%Y-%m-%d"
_DAY_LENGTH = len("2022-06-27")

PARENT_INDEX = "r3000"
"""The index that the others are compared with."""


def parse_day(text: str) -> date:
    """Read a day as ISO 8601 writes it, and nothing else.

    Raises:
        BadInputError: The text is no such day.

    Example:
        >>> parse_day("2022-06-27")
        datetime.date(2022, 6, 27)
    """
    try:
        found = datetime.strptime(text, _DAY).replace(tzinfo=UTC).date()
    except ValueError:
        found = None
    if found is None or len(text) != _DAY_LENGTH:
        raise BadInputError(
            f"{text!r} is not a date like 2022-06-27",
            state="nothing was read",
            remedy="write year, month and day with hyphens",
        )
    return found


def parse_moment(text: str) -> datetime:
    """Read a moment as ISO 8601 writes it; without an offset it is in UTC.

    A bare day is its last moment: what was published on that day is known.

    Raises:
        BadInputError: The text is no such moment.

    Example:
        >>> print(parse_moment("2022-06-27T18:00:00-04:00"))
        2022-06-27 22:00:00+00:00
        >>> print(parse_moment("2022-06-27"))
        2022-06-27 23:59:59.999999+00:00
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(
            f"{text!r} is not a time like 2022-06-27T18:00",
            state="nothing was read",
            remedy="write a day, or a day and a time, as ISO 8601 does",
        ) from error
    if len(text) == _DAY_LENGTH:
        return datetime.combine(found.date(), time.max, tzinfo=UTC)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def close_matches(word: str, known: Iterable[str]) -> list[str]:
    """Find up to three known words that `word` may have meant.

    Example:
        >>> close_matches("r200", ["r1000", "r2000", "r3000"])[0]
        'r2000'
    """
    return get_close_matches(word.strip(), list(known), n=3, cutoff=0.5)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Phrase the close matches, or say nothing.

    Example:
        >>> did_you_mean("APLE", ["AAPL", "MSFT"])
        '; did you mean AAPL?'
        >>> did_you_mean("XXXX", ["AAPL", "MSFT"])
        ''
    """
    near = close_matches(word, known)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def require_index(index_id: str, known: Mapping[str, IndexDefinition]) -> IndexDefinition:
    """Look an index up in a family.

    Raises:
        BadInputError: No such index; names close matches and the family.

    Example:
        >>> from r2k_pipeline.rulebook.family import family
        >>> require_index("R2000 ", family()).index_id
        'r2000'
    """
    name = index_id.strip().lower()
    if name not in known:
        raise BadInputError(
            f"no index {index_id!r}{did_you_mean(name, known)}",
            state="nothing was read",
            remedy=f"choose one of {listed(list(known), 20)}",
        )
    return known[name]


def require_order(start: date | None, end: date | None) -> None:
    """Refuse a range that ends before it starts.

    Example:
        >>> from datetime import date
        >>> require_order(date(2024, 1, 2), None)
    """
    if start is not None and end is not None and end < start:
        raise BadInputError(
            f"the range {start} to {end} is empty: it ends before it starts",
            state="nothing was read",
            remedy="swap --from and --to",
        )


def nothing_there(
    what: str,
    *,
    asked: Sequence[date | None] = (),
    available: pl.Series | Sequence[date] = (),
    known_at: datetime | None = None,
) -> R2kError:
    """Build the error for a question whose answer is not in the tables.

    Args:
        what: The table.
        asked: The sessions asked for, None where the question was open.
        available: The sessions that the table holds.
        known_at: The moment asked about, if any.

    Example:
        >>> from datetime import date
        >>> print(nothing_there("levels", asked=[date(2024, 1, 2)], available=[date(2022, 6, 27)]))
        levels has nothing for 1 session(s): 2024-01-02
        state: nothing was written for them
        remedy: sessions available: 2022-06-27 to 2022-06-27; or build more with `r2k build`
        >>> print(nothing_there("levels").culprit)
        levels is empty
    """
    days = sorted(set(available))
    named = [day for day in asked if day is not None]
    if days and named and known_at is None:
        return MissingPartitionError(
            what,
            named,
            remedy=f"sessions available: {days[0]} to {days[-1]}; or build more with `r2k build`",
        )
    if known_at is not None:
        return BadInputError(
            f"{what} had nothing of this at {known_at:%Y-%m-%d %H:%M %Z}",
            state="nothing was read",
            remedy="ask for a later --known-at, or leave it out to read what is known now",
        )
    return BadInputError(
        f"{what} is empty",
        state="nothing was read",
        remedy="run `r2k ingest` and `r2k build` first, or point --home at a built store",
    )
