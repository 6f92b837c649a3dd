"""A value and the days on which it is in force.

Holds the generic `DatedValue` and the questions asked of a run of them. Keep out
what the values mean: `rules` and `schedule` own the values.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Generic, TypeVar

from r2k_pipeline.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from r2k_pipeline.rulebook.sources import Certainty

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

FIRST_RULE_DAY = date(1989, 1, 1)
"""The first day for which the rulebook speaks: the first annual June event is in 1989."""


@dataclass(frozen=True, kw_only=True)
class DatedValue(Generic[T_co]):
    """One value of a parameter, with its period, its document and how sure it is.

    Args:
        value: The value in force.
        start: The first day on which it is in force.
        end: The last day, inclusive; None while it is still in force.
        source: A key of `sources.SOURCES`.
        certainty: How the value came to us.
        note: What a reader of the value must know besides.
    """

    value: T_co
    start: date
    end: date | None
    source: str
    certainty: Certainty
    note: str = ""

    def covers(self, day: date) -> bool:
        """Whether the value is in force on `day`."""
        return self.start <= day and (self.end is None or day <= self.end)


def value_on(values: Sequence[DatedValue[T]], day: date, *, parameter: str) -> DatedValue[T]:
    """Find the value in force on one day.

    Args:
        values: The periods of one parameter.
        day: Any calendar day; it need not be a session.
        parameter: The parameter's name, for the error.

    Returns:
        The one dated value that covers `day`.

    Raises:
        BadInputError: No period covers `day`.

    Example:
        >>> from r2k_pipeline.rulebook.bands import BAND_AT_1000
        >>> value_on(BAND_AT_1000, date(2006, 5, 31), parameter="band_at_1000").value
        0.0
    """
    for dated in values:
        if dated.covers(day):
            return dated
    raise _nothing_in_force(parameter, day)


def period_faults(values: Sequence[DatedValue[object]]) -> list[str]:
    """Say where periods overlap, leave a gap, start late or end early.

    Args:
        values: The periods of one parameter, in any order.

    Returns:
        One sentence a fault; empty if each day from `FIRST_RULE_DAY` on has
        exactly one value.

    Example:
        >>> period_faults([])
        ['no value at all']
    """
    if not values:
        return ["no value at all"]
    ordered = sorted(values, key=lambda dated: dated.start)
    faults = []
    if ordered[0].start != FIRST_RULE_DAY:
        faults.append(f"starts on {ordered[0].start}, not on {FIRST_RULE_DAY}")
    for earlier, later in pairwise(ordered):
        if earlier.end is None or earlier.end >= later.start:
            faults.append(f"{earlier.start} overlaps {later.start}")
        elif earlier.end + timedelta(days=1) != later.start:
            faults.append(f"gap between {earlier.end} and {later.start}")
    if ordered[-1].end is not None:
        faults.append(f"nothing is in force after {ordered[-1].end}")
    return faults


def _nothing_in_force(parameter: str, day: date) -> BadInputError:
    return BadInputError(
        f"no value of {parameter} is in force on {day.isoformat()}",
        state="no rule was applied",
        remedy=f"choose a day from {FIRST_RULE_DAY.isoformat()} on",
    )
