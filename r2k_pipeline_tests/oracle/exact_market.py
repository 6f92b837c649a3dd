"""What the frames of a history say, as exact numbers a row at a time.

Every float becomes the rational number that it is, to the last bit, and from here on
nothing is rounded. Holds the reading; what follows from it is `exact_index`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import polars as pl

    from r2k_pipeline_tests.oracle.told_history import History

ENDINGS = ("delisting", "bankruptcy", "cash_merger", "stock_merger")
"""Actions after which a line exists no more."""


@dataclass(frozen=True, kw_only=True)
class Quote:
    """A line's row of one session."""

    line: str
    company: str
    close: Fraction | None
    previous_close: Fraction | None
    shares: Fraction | None
    is_eligible: bool


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something that a company does, on the session on which it counts."""

    day: date
    line: str
    kind: str
    factor: Fraction | None
    amount: Fraction | None
    ratio: Fraction | None
    other: str | None
    outcome: str | None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A company that is a member, from an event or a review on."""

    company: str
    line: str
    sector: str | None
    indexes: frozenset[str]
    event_id: str
    free: Fraction | None


@dataclass(frozen=True, kw_only=True)
class Update:
    """A change of a member's shares or float at a review."""

    company: str
    kind: str
    factor: Fraction
    free: Fraction | None


class ExactMarket:
    """A history by session and line."""

    def __init__(self, history: History) -> None:
        """Read every row once."""
        self.sessions = history.sessions
        self._place = {day: place for place, day in enumerate(history.sessions)}
        self._quotes: dict[date, dict[str, Quote]] = defaultdict(dict)
        for row in history.universe.iter_rows(named=True):
            quote = _quote(row)
            self._quotes[row["session"]][quote.line] = quote
        self._actions = _by_session(history.actions, _action)
        joins = [row for row in history.maintenance.iter_rows(named=True) if row["segment"]]
        self._joins: dict[date, list[Decision]] = defaultdict(list)
        for row in joins:
            self._joins[row["session"]].append(_decision(row))
        self._updates: dict[date, list[Update]] = defaultdict(list)
        for row in history.maintenance.iter_rows(named=True):
            if row["share_factor"] is not None:
                self._updates[row["session"]].append(_update(row))

    def place(self, day: date) -> int:
        """The number of a session, counted without gaps."""
        return self._place[day]

    def before(self, day: date, count: int) -> tuple[date, ...]:
        """The last sessions before one, at most so many."""
        end = self._place[day]
        return self.sessions[max(0, end - count) : end]

    def quotes(self, day: date) -> Mapping[str, Quote]:
        """The rows of a session that have a close, by line."""
        rows = self._quotes.get(day, {})
        return {line: row for line, row in rows.items() if row.close}

    def rows(self, day: date) -> Mapping[str, Quote]:
        """All rows of a session, by line."""
        return self._quotes.get(day, {})

    def actions(self, day: date) -> list[Action]:
        """What counts from the open of a session on."""
        return self._actions.get(day, [])

    def joins(self, day: date) -> list[Decision]:
        """Who joins at the open of a session, between reconstitutions."""
        return self._joins.get(day, [])

    def updates(self, day: date) -> list[Update]:
        """Whose shares or float change at the open of a session."""
        return self._updates.get(day, [])

    def split(self, line: str, day: date) -> Fraction:
        """Shares after for each share before, at the open of a session."""
        product = Fraction(1)
        for action in self.actions(day):
            if action.line == line and action.kind == "split" and action.factor:
                product *= action.factor
        return product

    def has_ended(self, line: str, day: date) -> bool:
        """Whether a line ceased to exist before a session."""
        return any(
            action.line == line and action.kind in ENDINGS and action.outcome != "unknown_line"
            for earlier in self.sessions[: self._place[day]]
            for action in self.actions(earlier)
        )

    def close(self, line: str, day: date) -> Fraction | None:
        """The price at which a line closed: as seen, or as the next session recalls it."""
        quote = self.quotes(day).get(line)
        if quote is not None:
            return quote.close
        following = self._place[day] + 1
        if following == len(self.sessions):
            return None
        later = self.quotes(self.sessions[following]).get(line)
        if later is None or not later.previous_close:
            return None
        return later.previous_close * self.split(line, self.sessions[following])

    def last_close(self, line: str, day: date) -> Fraction | None:
        """The last price at which a line closed by a session."""
        for earlier in reversed(self.sessions[: self._place[day] + 1]):
            close = self.close(line, earlier)
            if close is not None:
                return close
        return None

    def is_new(self, line: str, day: date) -> bool:
        """Whether a line was not listed before a session."""
        return not any(line in self.rows(eve) for eve in self.sessions[: self._place[day]])

    def is_halted(self, line: str, day: date) -> bool:
        """Whether trading in a line was halted on a session."""
        return any(done.line == line and done.kind == "halt" for done in self.actions(day))

    def company(self, line: str) -> str:
        """The company of a line, from any of its rows."""
        for rows in self._quotes.values():
            if line in rows:
                return rows[line].company
        return line

    def members_of(self, decisions: pl.DataFrame, event_id: str) -> list[Decision]:
        """The companies that an event makes members."""
        return [
            _decision(row)
            for row in decisions.iter_rows(named=True)
            if row["event_id"] == event_id and row["segment"]
        ]


def _by_session(frame: pl.DataFrame, read: Any) -> dict[date, list[Any]]:  # noqa: ANN401
    found: dict[date, list[Any]] = defaultdict(list)
    for row in frame.iter_rows(named=True):
        found[row["session"]].append(read(row))
    return found


def _exact(value: float | None) -> Fraction | None:
    return None if value is None else Fraction(value)


def _quote(row: dict[str, Any]) -> Quote:
    return Quote(
        line=row["security_id"],
        company=row["company_id"],
        close=_exact(row["close_usd"]),
        previous_close=_exact(row["previous_close_usd"]),
        shares=_exact(row["line_shares"]),
        is_eligible=row["is_eligible"],
    )


def _action(row: dict[str, Any]) -> Action:
    return Action(
        day=row["session"],
        line=row["security_id"],
        kind=row["action_type"],
        factor=_exact(row["split_factor"]),
        amount=_exact(row["amount_usd"]),
        ratio=_exact(row["ratio"]),
        other=row.get("counterparty_security_id"),
        outcome=row.get("outcome"),
    )


def _decision(row: dict[str, Any]) -> Decision:
    return Decision(
        company=row["company_id"],
        line=row["security_id"],
        sector=row["sector"],
        indexes=frozenset((row["indexes"] or "").split()),
        event_id=row["event_id"],
        free=_exact(row.get("float_factor")),
    )


def _update(row: dict[str, Any]) -> Update:
    return Update(
        company=row["company_id"],
        kind=row["change"],
        factor=Fraction(row["share_factor"]),
        free=_exact(row["float_factor"]),
    )
