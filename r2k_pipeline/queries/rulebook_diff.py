"""What the rulebook says on a day, and what changed between two.

Reads the rulebook's dated values and date rules as tables, each value with its period,
document and certainty; no store is needed. Which members a change would have moved is
`rulebook_effect`.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.errors import BadInputError
from r2k_pipeline.queries.addressing import parse_day
from r2k_pipeline.rulebook.date_rules import (
    DECEMBER,
    JUNE,
    DateRule,
    EventDay,
    ReviewDay,
    date_rule,
)
from r2k_pipeline.rulebook.periods import value_on
from r2k_pipeline.rulebook.review_rules import review_rule
from r2k_pipeline.rulebook.rules import FIRST_RULE_DAY, SOURCES, dated_parameters
from r2k_pipeline.rulebook.schedule import LAST_EVENT_YEAR, event

if TYPE_CHECKING:
    from collections.abc import Iterator

_YEAR_DIGITS = 4
_FEW = 6
_MONTHS = range(1, 13)
RULE_COLUMNS = {
    "rule": pl.String,
    "value": pl.String,
    "since": pl.Date,
    "until": pl.Date,
    "certainty": pl.String,
    "source": pl.String,
    "note": pl.String,
}
CHANGE_COLUMNS = {
    "rule": pl.String,
    "before": pl.String,
    "after": pl.String,
    "since": pl.Date,
    "certainty": pl.String,
    "source": pl.String,
    "note": pl.String,
}


@dataclass(frozen=True, kw_only=True)
class _Stated:
    """One rule as it stands on a day."""

    rule: str
    value: object
    since: date
    until: date | None
    certainty: str
    source: str
    note: str


def parse_rule_day(text: str) -> date:
    """Read a year or a day; a year means the rules that its June event applies.

    Raises:
        BadInputError: Neither, or the rulebook does not reach there.

    Example:
        >>> parse_rule_day("2022"), parse_rule_day("2022-08-12")
        (datetime.date(2022, 5, 6), datetime.date(2022, 8, 12))
    """
    is_year = len(text) == _YEAR_DIGITS and text.isdigit()
    year = int(text) if is_year else 0
    if is_year and FIRST_RULE_DAY.year <= year <= LAST_EVENT_YEAR:
        return event(f"{year}-{JUNE:02d}").rank_day
    day = None if is_year else parse_day(text)
    if day is None or not FIRST_RULE_DAY <= day <= date(LAST_EVENT_YEAR, 12, 31):
        raise BadInputError(
            f"the rulebook says nothing of {text}",
            state="nothing was read",
            remedy=f"use a year or a day from {FIRST_RULE_DAY.year} to {LAST_EVENT_YEAR}",
        )
    return day


def rules_on(day: date) -> pl.DataFrame:
    """Show every rule in force on a day.

    Args:
        day: Any day of the rulebook.

    Returns:
        One row a rule: parameters by name, then the days of events and of reviews in the
        year. `value` is its text, `since` and `until` the period (null while it is in
        force), `source` the document.

    Example:
        >>> from datetime import date
        >>> shown = rules_on(date(2022, 5, 6))
        >>> shown.filter(pl.col("rule") == "band_at_1000").select("value", "since").row(0)
        ('0.025', datetime.date(2007, 1, 1))
    """
    rows = [
        {
            "rule": stated.rule,
            "value": _text(stated.value),
            "since": stated.since,
            "until": stated.until,
            "certainty": stated.certainty,
            "source": stated.source,
            "note": stated.note,
        }
        for stated in _stated_on(day)
    ]
    return pl.DataFrame(rows, schema=RULE_COLUMNS, orient="row")


def rules_changed(before: date, after: date) -> pl.DataFrame:
    """Show what differs between two days.

    Args:
        before: A day of the rulebook.
        after: Another; it may be the earlier one.

    Returns:
        One row per rule whose value differs: both values as text, of long sets what was
        added and removed, and since when, by which document and how surely the value of
        `after` holds. A rule that only one of the days knows is null on the other.

    Example:
        >>> from datetime import date
        >>> changed = rules_changed(date(2006, 5, 31), date(2007, 5, 31))
        >>> changed.filter(pl.col("rule") == "band_at_1000").select("before", "after").row(0)
        ('0.0', '0.025')
    """
    then = {stated.rule: stated for stated in _stated_on(before)}
    now = {stated.rule: stated for stated in _stated_on(after)}
    either = {**then, **now}
    rows = []
    for rule in dict.fromkeys([*now, *then]):
        old, new = then.get(rule), now.get(rule)
        if old is not None and new is not None and old.value == new.value:
            continue
        told = either[rule]
        rows.append(
            {
                "rule": rule,
                "before": None if old is None else _text(old.value, against=new),
                "after": None if new is None else _text(new.value, against=old),
                "since": None if new is None else new.since,
                "certainty": told.certainty,
                "source": told.source,
                "note": told.note,
            }
        )
    return pl.DataFrame(rows, schema=CHANGE_COLUMNS, orient="row")


def _stated_on(day: date) -> Iterator[_Stated]:
    for name, history in dated_parameters().items():
        dated = value_on(history, day, parameter=name)
        yield _Stated(
            rule=name,
            value=dated.value,
            since=dated.start,
            until=dated.end,
            certainty=dated.certainty.value,
            source=_document(dated.source),
            note=dated.note,
        )
    yield from _date_rules(day.year)


def _date_rules(year: int) -> Iterator[_Stated]:
    """The rules of the calendar of a year: events, then reviews by month."""
    for month in (JUNE, DECEMBER):
        for day in EventDay:
            rule = date_rule(day, year=year, month=month)
            if rule is not None:
                yield _as_stated(rule, f"event {calendar.month_abbr[month]}: {_words(day)}")
    for month in _MONTHS:
        for review_day in ReviewDay:
            rule = review_rule(review_day, year=year, month=month)
            if rule is not None:
                yield _as_stated(rule, f"review {calendar.month_abbr[month]}: {_words(review_day)}")


def _words(day: EventDay | ReviewDay) -> str:
    return day.value.replace("_", " ")


def _as_stated(rule: DateRule, name: str) -> _Stated:
    return _Stated(
        rule=name,
        value=rule.sentence,
        since=date(rule.first_year, 1, 1),
        until=None if rule.last_year is None else date(rule.last_year, 12, 31),
        certainty=rule.certainty.value,
        source=_document(rule.source),
        note="",
    )


def _document(key: str) -> str:
    source = SOURCES[key]
    return f"{source.title}, {source.publisher}, {source.edition}"


def _text(value: object, *, against: _Stated | None = None) -> str:
    """A value in words; of a long set how it differs from another one."""
    if isinstance(value, frozenset):
        other = against.value if against is not None else frozenset()
        more = sorted(value - other) if isinstance(other, frozenset) else []
        if len(value) <= _FEW or against is None:
            return ", ".join(sorted(map(str, value)))
        said = f", with {', '.join(map(str, more))}" if more else ""
        return f"{len(value)} values{said}"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return "; ".join(f"up to {limit:g}: {change:g}" for limit, change in value)
    return f"{value:,}" if isinstance(value, int) else str(value)
