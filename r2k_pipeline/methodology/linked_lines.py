"""3c: what an action of one line does to another: children join, acquirers grow.

1. A child or new class joins the indexes of its parent on the ex-date, or when it first
   closes, at its when-issued price or at zero. It is kept if it is eligible and large
   enough once it has traded, and leaves after that session otherwise.
2. An acquirer that pays with its own shares grows as its target leaves, whether or not
   the target was a member. A new listed parent takes the place of a member.
3. A tender offer takes what was tendered off the target's shares, or takes it over.

Actions are worked through in the order of sessions and, within one, of
`action_treatment.TREATMENTS`, so a child may be bought and an acquirer split later. What
concerns one line alone is laid already (`constituents`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

import polars as pl

from r2k_pipeline.methodology.action_outcomes import with_all_terms
from r2k_pipeline.methodology.action_treatment import (
    APPLICATION_ORDER,
    increased_shares,
    tendered,
)
from r2k_pipeline.methodology.constituents import laid_lines
from r2k_pipeline.methodology.leaving_lines import removal, with_last_trades
from r2k_pipeline.methodology.market_adjustment import breakpoint_at, ratio_on
from r2k_pipeline.rulebook.action_types import ActionOutcome, ActionType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules

    Action = Mapping[str, Any]

CHILD_ACTIONS = (ActionType.SPIN_OFF.value, ActionType.NEW_CLASS.value)
"""Kinds of action by which holders receive shares of another line."""

_LINKING = (*CHILD_ACTIONS, ActionType.TENDER_OFFER.value, ActionType.STOCK_MERGER.value)
_PLACE = ("segment", "indexes", "event_id", "sector")


def with_linked_lines(
    lines: pl.DataFrame,
    universe: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    sessions: Sequence[date],
    end: date,
    rules: IndexRules,
) -> pl.DataFrame:
    """Let children join, acquirers grow and tendered lines shrink.

    Args:
        lines: Contract `constituents` of one event, every session from its first on.
        universe: As `constituents.constituents` reads it, with `market_cap_usd` (USD, of
            the company; may be missing).
        actions: Contract `corporate_actions` over the same sessions, with
            `least_child_cap_usd` (see `with_least_caps`; may be missing).
        sessions: Consecutive sessions from some before the first of `lines` to the one
            after `end`.
        end: The last session wanted.
        rules: The rules in force.

    Returns:
        Contract `constituents`, sorted by `session`, `security_id`. A line that joined
        names its parent and the kind of action in `parent_security_id`, `joined_by`.

    Notes:
        Nothing is done for a line that is no member at the time, nor with another line
        that nobody lists: then a parent only loses the when-issued value, if there is
        one. A target that is no member has the shares that were observed of it. No row
        uses a later session.

    Example:
        One share of KID at zero for two of HAL, whose close falls by half of KID's.

        >>> from datetime import date
        >>> from r2k_pipeline.methodology.constituents import laid_lines
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> days = [date(2022, 7, 5), date(2022, 7, 6)]
        >>> universe = pl.DataFrame({
        ...     "session": [*days, days[1]], "security_id": ["HAL", "HAL", "KID"],
        ...     "company_id": ["HAL", "HAL", "KID"], "symbol": ["HAL", "HAL", "KID"],
        ...     "name": None, "close_usd": [20.0, 16.0, 8.0], "previous_close_usd": None,
        ...     "line_shares": 100.0, "is_eligible": True,
        ... }, schema_overrides={"name": pl.String, "previous_close_usd": pl.Float64})
        >>> actions = pl.DataFrame({
        ...     "session": days[1:], "security_id": ["HAL"], "action_type": ["spin_off"],
        ...     "ratio": [0.5], "counterparty_security_id": ["KID"]})
        >>> member = pl.DataFrame({
        ...     "security_id": ["HAL"], "company_id": ["HAL"], "sector": ["x"],
        ...     "segment": ["small"], "indexes": ["r2000"], "event_id": ["2022-06"],
        ...     "observed_shares": [100.0]})
        >>> laid = {"sessions": days, "end": days[1], "rules": rules_in_force(days[0])}
        >>> lines = laid_lines(member, universe, actions, start=days[0], **laid)
        >>> with_linked_lines(lines, universe, actions, **laid).select(
        ...     "security_id", "previous_close_usd", "market_value_usd").rows()[1:]
        [('HAL', 20.0, 1600.0), ('KID', 0.0, 400.0)]

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 6.6, 9.2 and 9.3.8.
    """
    linking = with_all_terms(actions).filter(
        pl.col("action_type").is_in(_LINKING)
        & (pl.col("security_id") != pl.col("counterparty_security_id")).fill_null(value=True)
    )
    if linking.is_empty():
        return lines
    involved = [*linking["security_id"], *linking["counterparty_security_id"].drop_nulls()]
    is_involved = pl.col("security_id").is_in(pl.Series(involved).unique().implode())
    book = _Book(
        lines=lines.filter(is_involved),
        universe=universe.filter(is_involved & (pl.col("close_usd") > 0)).sort("session"),
        actions=actions,
        sessions=sessions,
        end=end,
        rules=rules,
    )
    order = pl.col("action_type").replace_strict(APPLICATION_ORDER, return_dtype=pl.Int64)
    for action in linking.sort("session", order, "security_id").iter_rows(named=True):
        book.apply(action)
    every = pl.concat([lines.filter(~is_involved), book.lines])
    return every.sort("session", "security_id")


def with_least_caps(
    actions: pl.DataFrame, decisions: pl.DataFrame, ratios: pl.DataFrame, *, rules: IndexRules
) -> pl.DataFrame:
    """Say how large a child must be to be kept: larger than the smallest company of the event.

    Args:
        actions: Contract `corporate_actions`.
        decisions: Contract `reconstitution` of the event in force.
        ratios: As `market_adjustment.market_ratios` gives them, from its rank day on.
        rules: Read `extended_count`.

    Returns:
        The actions with `least_child_cap_usd` (USD): the smallest company's cap, moved by
        the market since the rank day; null where there is no child.

    Example:
        >>> from datetime import date
        >>> from r2k_pipeline.rulebook.rules import rules_in_force
        >>> day = date(2022, 7, 6)
        >>> with_least_caps(
        ...     pl.DataFrame({"session": [day], "action_type": ["spin_off"]}),
        ...     pl.DataFrame({"rank": [1, 2], "total_market_cap_usd": [9e9, 2e8]}),
        ...     pl.DataFrame({"session": [day], "market_ratio": [0.9]}),
        ...     rules=rules_in_force(day),
        ... )["least_child_cap_usd"].item()
        180000000.0

    References:
        `rulebook.rules.SOURCES["methodology_2026"]` sections 6.6 and 6.9.
    """
    smallest = breakpoint_at(decisions, rules.extended_count)
    least = [
        smallest * ratio_on(ratios, session) if smallest and kind in CHILD_ACTIONS else None
        for session, kind in actions.select("session", "action_type").iter_rows()
    ]
    return actions.with_columns(least_child_cap_usd=pl.Series(least, dtype=pl.Float64))


@dataclass(kw_only=True)
class _Book:
    """The lines that actions link, as they stand after those worked through so far."""

    lines: pl.DataFrame
    universe: pl.DataFrame
    actions: pl.DataFrame
    sessions: Sequence[date]
    end: date
    rules: IndexRules
    _places: dict[date, int] = field(init=False)

    def __post_init__(self) -> None:
        """Number the sessions."""
        self._places = {session: place for place, session in enumerate(self.sessions)}

    def apply(self, action: Action) -> None:
        """Work one action through."""
        if action["session"] not in self._places:
            return
        match action["action_type"]:
            case ActionType.STOCK_MERGER:
                self._merge(action)
            case ActionType.TENDER_OFFER:
                self._tender(action)
            case _:
                self._distribute(action)

    def _after(self, session: date) -> date | None:
        place = self._places[session] + 1
        return self.sessions[place] if place < len(self.sessions) else None

    def _row(self, line: str | None, session: date | None) -> dict[str, Any] | None:
        """A line on a session, if it is a member then."""
        if line is None or session is None:
            return None
        is_row = (pl.col("security_id") == line) & (pl.col("session") == session)
        found = self.lines.filter(is_row)
        return found.row(0, named=True) if found.height else None

    def _distribute(self, action: Action) -> None:
        """A child or new class joins its parent's indexes."""
        day, child = action["session"], action["counterparty_security_id"]
        parent = self._row(action["security_id"], day)
        if parent is None or child is None or self._row(child, day) is not None:
            return
        shares = parent["index_shares"] * action["ratio"]
        self._join(child, parent, action, shares, start=day, price=action["amount_usd"] or 0.0)

    def _merge(self, action: Action) -> None:
        """The acquirer grows as the target leaves, or takes its place if it is new."""
        day, ratio = action["session"], action["ratio"]
        target, acquirer = action["security_id"], action["counterparty_security_id"]
        if not ratio or acquirer is None:
            return
        held = self._row(target, day)
        before = self._places[day] - 1
        last = held or (self._row(target, self.sessions[before]) if before >= 0 else None)
        is_delayed = action["outcome"] == ActionOutcome.DELAYED
        leaves = self._after(day) if held or is_delayed else day
        grows = self._row(acquirer, leaves)
        if leaves is None:
            return
        if grows is not None:
            own, given = grows["index_shares"], self._target_shares(target, day)
            taken = given * grows["float_factor"] if last is None else last["index_shares"]
            self._scale(acquirer, leaves, increased_shares(own, taken, ratio) / own)
        elif last is not None and self._is_new(acquirer, day):
            start = (last["close_usd"] - (action["amount_usd"] or 0.0)) / ratio
            shares = last["index_shares"] * ratio
            self._join(acquirer, last, action, shares, start=leaves, price=max(start, 0.0))

    def _tender(self, action: Action) -> None:
        """Take what was tendered off the target, or all of it."""
        day, line = action["session"], action["security_id"]
        row = self._row(line, day)
        if row is None:
            return
        left = tendered(action["ratio"], float_factor=row["float_factor"], rules=self.rules)
        if left is None:
            self._remove(action)
            return
        late = action["outcome"] == ActionOutcome.DELAYED
        start = self._after(day) if late else day
        if start is not None:
            self._scale(line, start, left, floats=left)

    def _remove(self, action: Action) -> None:
        """End a line that was taken over, as any other ends (`leaving_lines`)."""
        line, day = action["security_id"], action["session"]
        own = pl.col("security_id") == line
        told = pl.DataFrame([action], infer_schema_length=None)
        laid = self.lines.filter(own).with_columns(ordinal=pl.lit(0))
        valued = with_last_trades(told, laid).with_columns(counterparty_close_usd=pl.lit(None))
        leaves = removal(valued.row(0, named=True))
        is_last = own & (pl.col("session") == day)
        price = leaves["removal_usd"]
        if leaves["is_held"] and price is not None:
            self.lines = self.lines.with_columns(
                close_usd=pl.when(is_last).then(price).otherwise("close_usd"),
                close_session=pl.when(is_last).then("session").otherwise("close_session"),
                close_age_sessions=pl.when(is_last).then(0).otherwise("close_age_sessions"),
                market_value_usd=pl.when(is_last)
                .then(price * pl.col("index_shares"))
                .otherwise("market_value_usd"),
                status=pl.when(is_last).then(pl.lit("synthetic")).otherwise("status"),
            )
        is_gone = pl.col("session") > day if leaves["is_held"] else pl.col("session") >= day
        self.lines = self.lines.filter(~(own & is_gone))

    def _scale(self, line: str, start: date, factor: float, *, floats: float = 1.0) -> None:
        """Multiply a line's shares from a session on."""
        counts = (pl.col("security_id") == line) & (pl.col("session") >= start)
        times = pl.when(counts).then(factor).otherwise(1.0)
        self.lines = self.lines.with_columns(
            pl.col("index_shares", "market_value_usd") * times,
            float_factor=pl.col("float_factor") * pl.when(counts).then(floats).otherwise(1.0),
        )

    def _target_shares(self, target: str, day: date) -> float:
        """The shares that were observed of a line that is no member; 0 if none were."""
        seen = self.universe.filter(
            (pl.col("security_id") == target)
            & (pl.col("session") < day)
            & (pl.col("line_shares") > 0)
        )
        observed = seen["line_shares"].tail(self.rules.share_observation_sessions).to_list()
        return median(observed) if observed else 0.0

    def _is_new(self, line: str, day: date) -> bool:
        """Whether a line was not listed before a session."""
        seen = (pl.col("security_id") == line) & (pl.col("session") < day)
        return self.universe.filter(seen).is_empty()

    def _join(
        self,
        line: str,
        parent: Mapping[str, Any],
        action: Action,
        shares: float,
        *,
        start: date,
        price: float,
    ) -> None:
        """Lay a line from its first close on, which is soon or never; end it if it is not kept."""
        last = min(self._places[start] + self.rules.max_carried_sessions, len(self.sessions) - 1)
        seen = self.universe.filter(
            (pl.col("security_id") == line)
            & pl.col("session").is_between(start, self.sessions[last])
        )
        if seen.is_empty():
            return
        first = seen.row(0, named=True)
        joining = pl.DataFrame(
            {
                "security_id": line,
                "company_id": first["company_id"],
                **{name: parent[name] for name in _PLACE},
                "observed_shares": shares / parent["float_factor"],
                "float_factor": parent["float_factor"],
                "joined_by": action["action_type"],
                "parent_security_id": parent["parent_security_id"] or parent["security_id"],
                "start_price_usd": price,
            }
        )
        laid = laid_lines(
            joining, self.universe, self.actions, start=first["session"],
            sessions=self.sessions, end=self.end, rules=self.rules,
        )  # fmt: skip
        if not self._is_kept(first, action):
            laid = laid.filter(pl.col("session") == first["session"])
        others = self.lines.join(laid, on=["session", "security_id"], how="anti")
        self.lines = pl.concat([others, laid])

    def _is_kept(self, first: Mapping[str, Any], action: Action) -> bool:
        """Whether a line that joined stays after its first trade."""
        if not first["is_eligible"]:
            return False
        least, cap = action.get("least_child_cap_usd"), first.get("market_cap_usd")
        asks_size = action["action_type"] in CHILD_ACTIONS
        return not asks_size or least is None or cap is None or cap > least
