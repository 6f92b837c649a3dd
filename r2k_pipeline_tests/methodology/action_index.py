"""An index of a few lines and sessions, from closes and actions to ledger and levels.

Holds the scenario of the tests of corporate actions: who is a member, what closes and what
happens is a test's own. Lines, ledger and levels are the methodology's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from r2k_pipeline.methodology.constituents import laid_lines
from r2k_pipeline.methodology.divisors import divisor_events
from r2k_pipeline.methodology.levels import index_levels
from r2k_pipeline.methodology.linked_lines import with_linked_lines
from r2k_pipeline.rulebook.family import family
from r2k_pipeline.rulebook.rules import rules_in_force
from r2k_pipeline.rulebook.sessions import sessions_between

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DAYS = sessions_between(date(2022, 7, 5), date(2022, 7, 15))
RULES = rules_in_force(DAYS[0])
FAMILY = {index_id: family()[index_id] for index_id in ("r1000", "r2000", "r3000")}
NO_FACTORS = pl.DataFrame()
_ACTIONS = {
    "session": pl.Date,
    "security_id": pl.String,
    "symbol": pl.String,
    "action_type": pl.String,
    "split_factor": pl.Float64,
    "amount_usd": pl.Float64,
    "ratio": pl.Float64,
    "counterparty_symbol": pl.String,
    "counterparty_security_id": pl.String,
    "outcome": pl.String,
    "least_child_cap_usd": pl.Float64,
}


def action(line: str, day: int, kind: str, **terms: object) -> dict[str, Any]:
    """One action; a counterparty is given by its id, which is its symbol."""
    other = terms.get("counterparty_security_id")
    return {
        "session": DAYS[day], "security_id": line, "symbol": line, "action_type": kind,
        "counterparty_symbol": other,
    } | terms  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ActionIndex:
    """Lines and what happens to them.

    Args:
        closes: Of each listed line a close a session; None is a session without a price.
        shares: Of each line; 100 if nothing is said.
        actions: As `action` makes them.
        places: Of each member the indexes that hold it; a line without is no member.
        countries: Where lines are at home; nothing is known of others.
        floats: The free part of lines; 1 if nothing is said.
        rules: Fields of the rules that are not those of the day.
        caps: Market caps of lines that may have to be large enough.
        ineligible: Lines that are not eligible.
    """

    closes: Mapping[str, Sequence[float | None]]
    actions: Sequence[Mapping[str, Any]] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    places: Mapping[str, str] = field(
        default_factory=lambda: {"ACE": "r3000 r2000", "BOLT": "r3000 r2000"}
    )
    countries: Mapping[str, str] = field(default_factory=dict)
    floats: Mapping[str, float] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    caps: Mapping[str, float] = field(default_factory=dict)
    ineligible: Sequence[str] = ()

    @property
    def days(self) -> list[date]:
        """The sessions that have closes."""
        return DAYS[: max(len(closes) for closes in self.closes.values())]

    @property
    def told(self) -> pl.DataFrame:
        """Contract `corporate_actions`."""
        return pl.DataFrame(list(self.actions), schema=_ACTIONS)

    @property
    def universe(self) -> pl.DataFrame:
        """Contract `universe`, as far as it is read."""
        rows = [
            (day, line, close, self.shares.get(line, 100.0))
            for line, closes in self.closes.items()
            for day, close in zip(self.days, closes, strict=False)
            if close is not None
        ]
        schema = ["session", "security_id", "close_usd", "line_shares"]
        frame = pl.DataFrame(rows, schema=schema, orient="row")
        return frame.with_columns(
            company_id="security_id", symbol="security_id", name="security_id",
            country=pl.col("security_id").replace_strict(
                dict(self.countries), default=None, return_dtype=pl.String
            ),
            market_cap_usd=pl.col("security_id").replace_strict(
                dict(self.caps), default=None, return_dtype=pl.Float64
            ),
            is_eligible=~pl.col("security_id").is_in(list(self.ineligible)),
            previous_close_usd=pl.lit(None, pl.Float64),
        )  # fmt: skip

    def lines(self, *, until: int | None = None) -> pl.DataFrame:
        """Contract `constituents`, up to the session of a number."""
        days = self.days
        end = days[-1] if until is None else days[until]
        members = pl.DataFrame(
            {
                "security_id": list(self.places), "company_id": list(self.places),
                "indexes": list(self.places.values()),
                "observed_shares": [self.shares.get(line, 100.0) for line in self.places],
                "float_factor": [self.floats.get(line, 1.0) for line in self.places],
            }
        ).with_columns(
            sector=pl.lit("x"), segment=pl.lit("small"), event_id=pl.lit("2022-06")
        )  # fmt: skip
        following = [day for day in days if day <= end] + [day for day in days if day > end][:1]
        known = pl.col("session") <= following[-1]
        universe, actions = self.universe.filter(known), self.told.filter(known)
        rules = replace(RULES, **self.rules)
        laid = laid_lines(
            members, universe, actions, start=days[0], sessions=following, end=end, rules=rules
        )
        return with_linked_lines(laid, universe, actions, sessions=following, end=end, rules=rules)

    def ledger(self) -> pl.DataFrame:
        """Contract `divisors`."""
        return divisor_events(
            self.lines(), self.told, sessions=self.days, family=FAMILY, base_session=self.days[0],
            factors=NO_FACTORS,
        )  # fmt: skip

    def changes(self, index_id: str = "r2000") -> list[tuple[Any, ...]]:
        """The ledger of an index without its base: number of the session, cause, ids, factor."""
        rows = self.ledger().filter(pl.col("index_id") == index_id, pl.col("cause") != "base")
        return [
            (DAYS.index(session), *rest)
            for session, *rest in rows.select("session", "cause", "action_ids", "factor").rows()
        ]

    def all_levels(self) -> pl.DataFrame:
        """Contract `levels`."""
        return index_levels(self.lines(), self.ledger(), family=FAMILY, factors=NO_FACTORS)

    def levels(self, column: str = "price_level", index_id: str = "r2000") -> list[float]:
        """One column of contract `levels` of an index, session by session."""
        rows = self.all_levels().filter(pl.col("index_id") == index_id).sort("session")
        values: list[float] = rows[column].to_list()
        return values

    def line(self, line: str, day: int) -> dict[str, Any]:
        """A member line on a session."""
        at = (pl.col("security_id") == line) & (pl.col("session") == DAYS[day])
        return self.lines().filter(at).row(0, named=True)

    def sessions_of(self, line: str) -> list[int]:
        """On which sessions a line is a member."""
        held = self.lines().filter(pl.col("security_id") == line).sort("session")["session"]
        return [DAYS.index(day) for day in held]


def ace_and_bolt(
    *actions: Mapping[str, Any],
    ace: Sequence[float | None],
    closes: Mapping[str, Sequence[float | None]] | None = None,
    shares: Mapping[str, float] | None = None,
) -> ActionIndex:
    """ACE, 100 shares, and BOLT, 200, which closes at 5 unless something else is said."""
    return ActionIndex(
        closes={"ACE": ace, "BOLT": [5.0] * len(ace), **(closes or {})},
        shares={"BOLT": 200.0, **(shares or {})},
        actions=actions,
    )
