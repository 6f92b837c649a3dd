"""A drawn market as the frames of a history, each in the shape of its contract.

Holds the telling: no frame says more than was drawn. What is drawn is `drawn_histories`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import polars_schema, require_shape
from r2k_pipeline_tests.oracle.drawn_market import CALENDAR, FIRST_EVENT, RULES, SECOND_EVENT
from r2k_pipeline_tests.oracle.told_history import History

if TYPE_CHECKING:
    from r2k_pipeline.rulebook.schedule import Event
    from r2k_pipeline_tests.oracle.drawn_market import Change, Line, Market

_UNIVERSE = (
    "session", "security_id", "company_id", "symbol", "name", "close_usd",
    "previous_close_usd", "line_shares", "is_eligible",
)  # fmt: skip


def told(market: Market) -> History:
    """The history of a drawn market."""
    known = CALENDAR[: market.last + 2]
    events = _events(market)
    reviewed = [CALENDAR[change.day] for change in market.changes]
    resets = {event.effective_session for event in events} | set(reviewed[:2])
    return History(
        sessions=known,
        last=CALENDAR[market.last],
        events=events,
        resets=tuple(sorted(resets)),
        decisions=_decisions(market, events),
        maintenance=_maintenance(market, events),
        universe=_universe(market).filter(pl.col("session").is_in(known)),
        actions=_actions(market),
        rules=RULES,
    )


def security(line: int) -> str:
    """The id of a line."""
    return f"S-{line:02d}"


def symbol(line: int) -> str:
    """The symbol of a line."""
    return f"L{line:02d}"


def _company(company: int) -> str:
    return f"C-{company:02d}"


def _events(market: Market) -> tuple[Event, ...]:
    if market.second_event is None:
        return (FIRST_EVENT,)
    day = CALENDAR[market.second_event]
    return FIRST_EVENT, replace(SECOND_EVENT, effective_session=day)


def _frame(table: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    """Rows in the shape of a contract; what a row does not say is null."""
    shape = contract(table)
    return require_shape(shape, pl.DataFrame(rows, schema=polars_schema(shape)))


def _vehicle(market: Market, company: int) -> Line:
    return next(line for line in market.lines if line.company == company)


def _decisions(market: Market, events: tuple[Event, ...]) -> pl.DataFrame:
    rows: list[dict[str, object]] = []
    for event, chosen in zip(events, market.memberships, strict=True):
        for company, indexes in enumerate(chosen):
            line = _vehicle(market, company)
            rows.append(
                {
                    "event_id": event.event_id,
                    "company_id": _company(company),
                    "security_id": security(line.number),
                    "symbol": symbol(line.number),
                    "name": symbol(line.number),
                    "sector": line.sector,
                    "segment": indexes and "small",
                    "indexes": indexes,
                    "decision": "enters" if indexes else "stays_out",
                    "reason": "as drawn",
                }
            )
    return _frame("reconstitution", rows)


def _maintenance(market: Market, events: tuple[Event, ...]) -> pl.DataFrame:
    rows: list[dict[str, object]] = []
    floats: dict[tuple[int, str], float] = {}
    for change in sorted(market.changes, key=lambda change: change.day):
        line = market.lines[change.line]
        in_force = [event for event in events if event.effective_session <= CALENDAR[change.day]]
        event_id = in_force[-1].event_id
        row = {
            "session": CALENDAR[change.day],
            "company_id": _company(line.company),
            "change": change.kind,
            "event_id": event_id,
            "security_id": security(line.number),
            "symbol": symbol(line.number),
            "sector": line.sector,
            "decided_day": CALENDAR[change.day - 1],
            "reason": "as drawn",
        }
        now = _what(change, row, floats.get((line.company, event_id), 1.0))
        if now is not None:
            floats[line.company, event_id] = now
        if row.get("share_factor") != 1.0:
            rows.append(row)
    return _frame("maintenance", rows)


def _what(change: Change, row: dict[str, object], free: float) -> float | None:
    """Enter what changes into a row; the company's new float, if it has one."""
    if change.kind == "ipo_addition":
        now: float | None = change.joins_with
        row |= {"segment": "small", "indexes": change.membership, "float_factor": now}
        row |= {"edges_above": "1000", "total_market_cap_usd": 1e9}
    else:
        factor, now = change.factor(free)
        row |= {"share_factor": factor, "float_factor": now}
    return now


def _actions(market: Market) -> pl.DataFrame:
    rows: list[dict[str, object]] = []
    for deed in market.deeds:
        is_unknown = deed.outcome == "unknown_line"
        rows.append(
            {
                "session": CALENDAR[deed.day],
                "security_id": "unknown:WHO" if is_unknown else security(deed.line),
                "symbol": symbol(deed.line),
                "action_type": deed.kind,
                "outcome": deed.outcome,
                "counterparty_symbol": symbol(deed.other) if deed.has_other else None,
                "counterparty_security_id": security(deed.other) if deed.has_other else None,
                "origin": "reported",
                "evidence": "as drawn",
                **market.terms(deed),
            }
        )
    return _frame("corporate_actions", rows)


def _universe(market: Market) -> pl.DataFrame:
    shape = polars_schema(contract("universe"))
    columns: dict[str, list[object]] = {name: [] for name in _UNIVERSE}
    for line in market.lines:
        for day in range(len(CALENDAR)):
            if not line.has_row(day):
                continue
            recalls = line.has_row(day - 1) or (line.first < day and day - 1 in line.recalled)
            factor = market.split_factor(line.number, day)
            before = line.closes[day - 1] / factor if recalls and day else None
            values = (
                CALENDAR[day], security(line.number), _company(line.company),
                symbol(line.number), symbol(line.number), line.closes[day], before,
                line.outstanding[day], line.is_eligible,
            )  # fmt: skip
            for name, value in zip(_UNIVERSE, values, strict=True):
                columns[name].append(value)
    return pl.DataFrame(columns, schema={name: shape[name] for name in _UNIVERSE})
