"""A rank day with one company of every kind that a why-card has to explain.

Two Junes, decided by the methodology itself: some 4,100 companies whose size follows a
fixed curve, and among them in 2022

- STAY, large before, ranked below #1000 and held by the band;
- RISE and FALL, beyond the band on either side; NEWB, a newcomer whom no band holds;
- PEN, a member below $1 whose mean close of the 30 days before was above it; PNNY, the
  same without having been a member;
- SPCX, a blank-cheque company; FRGN, run from China; VOTE, with too few public votes;
- TINY, below the least size; LAST, eligible and below the last rank;
- DUOA and DUOB, two classes that both stand; SECA and SECB, of which the second trades
  too little;
- IPOX, added between the events; GONE, merged for cash before the second rank day.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl

from r2k_pipeline.contracts.load import contract
from r2k_pipeline.contracts.polars_shape import empty_frame, polars_schema
from r2k_pipeline.methodology.member_exceptions import rank_with_members
from r2k_pipeline.methodology.ranking import rank_companies
from r2k_pipeline.methodology.reconstitution import reconstitute
from r2k_pipeline.methodology.universe import evaluate_universe
from r2k_pipeline.queries.between_events import (
    CHANGES_SCHEMA,
    action_changes,
    listing_changes,
    named_changes,
)
from r2k_pipeline.queries.why_cards import CardInputs
from r2k_pipeline.rulebook.family import family
from r2k_pipeline.rulebook.reference_facts import Reference, public_vote_facts, shipped_reference
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.schedule import Event, event
from r2k_pipeline.rulebook.sessions import sessions_between

EVENTS = (event("2021-06"), event("2022-06"))
CAST = (
    "STAY", "RISE", "FALL", "NEWB", "PEN", "PNNY", "SPCX", "FRGN", "VOTE", "TINY", "LAST", "DUOA",
    "DUOB", "SECB", "IPOX", "GONE",
)  # fmt: skip
_COMPANIES = 4_100
# Not the whole family, so that a new index leaves the golden text alone.
_INDEXES = (
    "r3000e", "r3000", "r1000", "r2000", "rtop50", "rtop200", "rtop500", "rmidcap", "r2500",
    "rmicro",
)  # fmt: skip
FAMILY = {index_id: family()[index_id] for index_id in _INDEXES}
_GOOD = {
    "exchange": "nyse",
    "volume_shares": 100_000,
    "country": "United States",
    "ipo_year": None,
    "industry": "Industrial Machinery",
    "sector": "Industrials",
}


def _cap_at(rank: float) -> float:
    """The size of the company at a rank of the curve."""
    return float(round(1.2e12 / rank**1.05))


def _line(symbol: str, name: str, close: float, cap: float, **others: object) -> dict[str, object]:
    return {
        **_GOOD,
        "symbol": symbol,
        "name": f"{name} Common Stock",
        "close_usd": close,
        "market_cap_usd": cap,
        **others,
    }


def _cast(year: int) -> list[dict[str, object]]:
    """The lines that are listed on the rank day of a year."""
    first = year == EVENTS[0].rank_day.year

    def size(before: float, after: float) -> float:
        return _cap_at(before if first else after)

    lines = [
        _line("STAY", "Steady Inc.", 40.0, size(950.5, 1150.5)),
        _line("RISE", "Rising Inc.", 60.0, size(1400.5, 600.5)),
        _line("FALL", "Falling Inc.", 12.0, size(800.5, 2100.5)),
        _line("PEN", "Penholder Inc.", 2.0 if first else 0.95, size(2500.5, 2900.5)),
        _line("PNNY", "Penny Inc.", 0.5, size(2600.5, 2600.5)),
        _line("SPCX", "Blank Acquisition Corp. Class A", 10.0, size(1700.5, 1700.5),
              industry="Blank Checks", sector="Finance"),
        _line("FRGN", "Foreign Inc.", 15.0, size(700.5, 700.5), country="China"),
        _line("VOTE", "Voter Inc. Class A", 33.0, size(900.5, 900.5), ipo_year=2019),
        _line("TINY", "Tiny Inc.", 3.0, 2.1e7),
        _line("LAST", "Last Inc.", 2.5, 1.0e8),
        _line("DUOA", "Duo Corp. Class A", 90.0, size(300.5, 300.5), volume_shares=900_000),
        _line("DUOB", "Duo Corp. Class B", 91.0, size(300.5, 300.5), volume_shares=300_000),
        _line("SECA", "Second Corp. Class A", 20.0, size(1250.5, 1250.5)),
        _line("SECB", "Second Corp. Class B", 21.0, size(1250.5, 1250.5), volume_shares=900),
    ]  # fmt: skip
    if first:
        return [*lines, _line("GONE", "Gone Inc.", 25.0, _cap_at(1800.5))]
    return [
        *lines,
        _line("NEWB", "Newborn Inc.", 27.0, _cap_at(1100.5)),
        _line("IPOX", "Offered Inc.", 18.0, _cap_at(2200.5), ipo_year=2022),
    ]


def _listings(current: Event) -> pl.DataFrame:
    """Contract `raw_listings` of a rank day; PEN with the days before it."""
    curve = [
        _line(f"C{rank:04d}", f"Company {rank:04d} Inc.", 20.0 + rank % 80, _cap_at(rank))
        for rank in range(1, _COMPANIES + 1)
    ]
    cast = _cast(current.rank_day.year)
    rows = [{**row, "session": current.rank_day} for row in [*curve, *cast]]
    pen = next(row for row in cast if row["symbol"] == "PEN")
    if pen["close_usd"] == 0.95:
        shares = float(str(pen["market_cap_usd"])) / 0.95
        rows += [
            {**pen, "session": day, "close_usd": 1.1, "market_cap_usd": 1.1 * shares}
            for day in sessions_between(date(2022, 4, 1), date(2022, 5, 5))
        ]
    known = {"previous_close_usd": None, "source": "scenario", "source_hash": "0" * 16}
    return pl.DataFrame(
        [row | known for row in rows], schema=polars_schema(contract("raw_listings"))
    )


def _securities() -> pl.DataFrame:
    """Contract `securities`: each symbol a line, DUO and SEC with two."""
    symbols = {str(row["symbol"]) for current in EVENTS for row in _cast(current.rank_day.year)}
    symbols |= {f"C{rank:04d}" for rank in range(1, _COMPANIES + 1)}
    rows = [
        {
            "security_id": f"S-{symbol}",
            "company_id": f"C-{symbol[:3] if symbol[:3] in ('DUO', 'SEC') else symbol}",
            "symbol": symbol,
            "exchange": "nyse",
            "company_name": symbol,
            "first_session": date(2022, 2, 1) if symbol == "IPOX" else date(2021, 2, 1),
            "last_session": date(2022, 3, 9) if symbol == "GONE" else EVENTS[1].rank_day,
            "evidence": "first_seen",
            "confidence": 1.0,
        }
        for symbol in sorted(symbols)
    ]
    return pl.DataFrame(rows, schema=polars_schema(contract("securities")))


def _reference() -> Reference:
    votes = {
        "symbol": "VOTE", "company": "Voter", "public_vote_share": 0.02, "first_year": 2019,
        "last_year": None, "source": "a filing", "certainty": "official",
    }  # fmt: skip
    schema = public_vote_facts().schema
    row = {name: votes.get(name) for name in schema}
    return replace(shipped_reference(), public_votes=pl.DataFrame([row], schema=schema))


def _universe(current: Event) -> pl.DataFrame:
    listings = _listings(current)
    return evaluate_universe(
        listings,
        _securities(),
        empty_frame(contract("corporate_actions")),
        start=current.rank_day,
        sessions=listings["session"].unique().sort().to_list(),
        reference=_reference(),
        rules=rules_in_force(current.rank_day),
    )


def _decide(current: Event, universe: pl.DataFrame, incumbents: pl.DataFrame) -> pl.DataFrame:
    rules = rules_in_force(current.rank_day)
    return reconstitute(
        rank_with_members(
            rank_companies(universe, rules=rules), universe, members=incumbents, rules=rules
        ),
        incumbents=incumbents,
        excluded=universe,
        event=current,
        rules=rules,
        family=FAMILY,
    )


def _between() -> pl.DataFrame:
    """What happened since the rank day of 2021."""
    securities = _securities()
    merged = {
        "session": date(2022, 3, 10), "security_id": "S-GONE", "symbol": "GONE",
        "action_type": "cash_merger", "amount_usd": 31.5, "origin": "reported", "evidence": "x",
    }  # fmt: skip
    ended = [
        ("S-GONE", date(2022, 3, 10), "delisting", "GONE", None),
        ("S-IPOX", date(2022, 2, 1), "listing", None, "IPOX"),
    ]
    columns = ["security_id", "session", "event", "from_value", "to_value"]
    events = pl.DataFrame(ended, schema=columns, orient="row")
    actions = pl.DataFrame([merged], schema=polars_schema(contract("corporate_actions")))
    added = pl.DataFrame(
        [("C-IPOX", date(2022, 3, 21), "IPOX", "ipo_addition", "It was added as an IPO.")],
        schema=CHANGES_SCHEMA,
        orient="row",
    )
    found = pl.concat([listing_changes(events), action_changes(actions)])
    return pl.concat([named_changes(found, securities), added]).sort("company_id", "session")


def card_inputs() -> CardInputs:
    """What the cards of June 2022 are made of."""
    first, second = EVENTS
    nobody = empty_frame(contract("reconstitution"))
    before = _decide(first, _universe(first), nobody).drop_nulls("segment")
    added = pl.DataFrame(
        {
            "company_id": ["C-IPOX"], "security_id": ["S-IPOX"], "symbol": ["IPOX"],
            "segment": ["small"], "indexes": ["r3000e r3000 r2000 r2500 rmicro"],
            "edges_above": ["3000 4000"],
        }
    )  # fmt: skip
    incumbents = pl.concat([before, added], how="diagonal")
    universe = _universe(second)
    return CardInputs(
        event=second,
        rules=rules_in_force(second.rank_day),
        family=FAMILY,
        universe=universe,
        decided=_decide(second, universe, incumbents),
        before=incumbents.select("company_id", "edges_above"),
        between=_between(),
        doubts=pl.DataFrame(schema={"company_id": pl.String, "sentence": pl.String}),
    )
