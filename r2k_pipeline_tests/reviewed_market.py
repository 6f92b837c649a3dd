"""A market of five members and a few newcomers, worked through by `maintenance`.

The members are worth 100, 60, 40, 20 and 10 bn USD on the rank day, with edges at #2
(large), #4 (small) and #5 (micro). Prices rise by a tenth right after the rank day, so
that the moved breakpoints are 66, 22 and 11 bn.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import require_shape
from r2k_pipeline.methodology.maintenance import maintenance
from r2k_pipeline.methodology.maintenance_book import MaintenanceInputs
from r2k_pipeline.methodology.market_adjustment import market_ratios
from r2k_pipeline.rulebook.family_file import parse_family
from r2k_pipeline.rulebook.reviews import Review, reviews_between
from r2k_pipeline.rulebook.rules import IndexRules, rules_in_force
from r2k_pipeline.rulebook.schedule import Event, event, next_event
from r2k_pipeline.rulebook.sessions import next_session, sessions_between

JUNE = event("2022-06")
ALWAYS = date(1986, 1, 2)
BN, UNIT = 1e9, 1e7
FAMILY = parse_family(
    "indexes: {big: {name: Big, ranks: [1, 2]}, mid: {name: Mid, ranks: [3, 4]}}", file="f.yaml"
)
FLOATS = {"session": pl.Date, "security_id": pl.String, "float_factor": pl.Float64}
ACTIONS = {
    "session": pl.Date,
    "security_id": pl.String,
    "action_type": pl.String,
    "split_factor": pl.Float64,
    "amount_usd": pl.Float64,
    "ratio": pl.Float64,
    "counterparty_symbol": pl.String,
}


def rules_of(day: date) -> IndexRules:
    return replace(rules_in_force(day), large_cap_count=2, total_count=4, extended_count=5)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a case: from when on it is listed, how large, how many shares, and when.

    `cap_bn` is its size with 100 units of 10 million shares; `price` multiplies its close
    from given days on.
    """

    name: str
    cap_bn: float
    first: date = ALWAYS
    ipo_year: int | None = None
    shares: dict[date, float] = field(default_factory=dict)
    kind: str = "common"
    company: str = ""
    is_eligible: bool = True
    rises: bool = False
    price: dict[date, float] = field(default_factory=dict)

    def shares_on(self, day: date) -> float:
        """Its shares on a day, in units."""
        return _last(self.shares, day, otherwise=100.0)

    def close_on(self, day: date, *, rise_after: date) -> float:
        """Its close on a day, USD."""
        risen = 1.1 if self.rises and day > rise_after else 1.0
        return self.cap_bn * risen * _last(self.price, day, otherwise=1.0)


def _last(steps: dict[date, float], day: date, *, otherwise: float) -> float:
    known = [start for start in steps if start <= day]
    return steps[max(known)] if known else otherwise


MEMBERS = tuple(
    Line(name=name, cap_bn=cap, rises=True)
    for name, cap in zip("ABCDE", (100.0, 60.0, 40.0, 20.0, 10.0), strict=True)
)


def decisions_of(members: tuple[Line, ...], of: Event) -> pl.DataFrame:
    segments = ["large", "large", "small", "small", "micro"]
    return pl.DataFrame(
        {
            "event_id": of.event_id,
            "company_id": [f"C-{line.name}" for line in members],
            "security_id": [f"S-{line.name}" for line in members],
            "symbol": [line.name for line in members],
            "name": [line.name for line in members],
            "sector": "x",
            "rank": range(1, len(members) + 1),
            "total_market_cap_usd": [line.cap_bn * BN for line in members],
            "segment": segments[: len(members)],
        }
    )


def universe_of(lines: tuple[Line, ...], days: list[date], *, rise_after: date) -> pl.DataFrame:
    rows = [
        {
            "session": day,
            "security_id": f"S-{line.name}",
            "company_id": f"C-{line.company or line.name}",
            "symbol": line.name,
            "name": line.name,
            "sector": "x",
            "line_type": line.kind,
            "is_eligible": line.is_eligible,
            "close_usd": line.close_on(day, rise_after=rise_after),
            "addtv_usd": line.cap_bn,
            "line_shares": line.shares_on(day) * UNIT,
        }
        for line in lines
        for day in days
        if day >= line.first
    ]
    worth = pl.col("close_usd") * pl.col("line_shares")
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(
        market_cap_usd=worth.sum().over("session", "company_id"),
        total_shares=worth.sum().over("session", "company_id") / pl.col("close_usd"),
    )


def worked(
    *others: Line,
    members: tuple[Line, ...] = MEMBERS,
    actions: tuple[dict[str, object], ...] = (),
    floats: pl.DataFrame | None = None,
    of: Event = JUNE,
    until: date = date(2023, 3, 20),
) -> pl.DataFrame:
    """Contract `maintenance` of a case."""
    days = sessions_between(min(of.rank_day, of.effective_session), until)
    lines = (*members, *others)
    universe = universe_of(lines, days, rise_after=of.rank_day)
    told = pl.DataFrame(list(actions), schema=ACTIONS)
    of_members = pl.col("security_id").is_in([f"S-{line.name}" for line in members])
    rows = maintenance(
        MaintenanceInputs(
            decisions=decisions_of(members, of),
            universe=universe,
            ratios=market_ratios(universe.filter(of_members), told),
            actions=told,
            new_lines=new_lines_of([line for line in others if line.first > ALWAYS]),
            floats=pl.DataFrame(schema=FLOATS) if floats is None else floats,
            family=FAMILY,
        ),
        event=of,
        following=next_event(of.effective_session),
        reviews=reviews_of(of, until),
        rules_of=rules_of,
    )
    return require_shape(contract("maintenance"), rows)


def new_lines_of(new: list[Line]) -> pl.DataFrame:
    """When lines were first listed, and what the feed says of their IPO."""
    return pl.DataFrame(
        {
            "security_id": [f"S-{line.name}" for line in new],
            "company_id": [f"C-{line.company or line.name}" for line in new],
            "first_session": [line.first for line in new],
            "ipo_year": [line.ipo_year for line in new],
            "year_session": [None if line.ipo_year is None else line.first for line in new],
        },
        schema={
            "security_id": pl.String,
            "company_id": pl.String,
            "first_session": pl.Date,
            "ipo_year": pl.Int32,
            "year_session": pl.Date,
        },
    )


def reviews_of(of: Event, until: date) -> list[Review]:
    following = next_event(of.effective_session)
    return [
        found
        for found in reviews_between(next_session(of.effective_session), until)
        if found.effective_session < following.effective_session
    ]


def ipo(name: str, cap_bn: float, first: date = date(2022, 7, 1), **more: object) -> Line:
    return Line(name=name, cap_bn=cap_bn, first=first, ipo_year=first.year, **more)  # type: ignore[arg-type]  # fields by name


def member(**shares: float) -> tuple[Line, ...]:
    """The members, the first with shares from given days on: `d20220801=101.5`."""
    dated = {date(int(k[1:5]), int(k[5:7]), int(k[7:9])): v for k, v in shares.items()}
    return (replace(MEMBERS[0], shares=dated), *MEMBERS[1:])
