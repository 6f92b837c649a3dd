"""3c: what an action of one line does to another: children join, acquirers grow.

1. A child or new class joins the indexes of its parent on the ex-date, or when it first
   closes, at its when-issued price or at zero. It is kept if it is eligible and large
   enough once it has traded, and leaves after that session otherwise.
2. An acquirer that pays with its own shares grows as its target leaves, whether or not
   the target was a member. A new listed parent takes the place of a member.
3. A tender offer takes what was tendered off the target's shares, or takes it over.

Actions are worked through in the order of sessions and, within one, of
`action_treatment.TREATMENTS`, so a child may be bought and an acquirer split later; what
was told before the first of them counts as far as observed shares show it. What concerns
one line alone is laid already (`constituents`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import polars as pl

from r2k_pipeline.methodology.action_outcomes import with_all_terms
from r2k_pipeline.methodology.action_treatment import (
    APPLICATION_ORDER,
    Adjustment,
    increased_shares,
    tendered,
)
from r2k_pipeline.methodology.constituents import laid_lines, observed_shares
from r2k_pipeline.methodology.leaving_lines import removal
from r2k_pipeline.methodology.line_adjustments import line_adjustments
from r2k_pipeline.methodology.market_adjustment import CHILD_ACTIONS
from r2k_pipeline.rulebook.action_types import ActionOutcome, ActionType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from r2k_pipeline.rulebook.rules import IndexRules

    Action = Mapping[str, Any]

_LINKING = (*CHILD_ACTIONS, ActionType.TENDER_OFFER.value, ActionType.STOCK_MERGER.value)
_ADJUSTED = ("deduction_usd", "price_divisor", "share_factor")
_PLACE = ("segment", "indexes", "event_id", "sector")


def with_linked_lines(
    lines: pl.DataFrame,
    universe: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    sessions: Sequence[date],
    end: date,
    rules: IndexRules,
    targets: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Let children join, acquirers grow and tendered lines shrink.

    Args:
        lines: Contract `constituents` of one event, every session from its first on.
        universe: As `constituents.constituents` reads it, with `market_cap_usd` (USD, of
            the company; may be missing).
        actions: Contract `corporate_actions` over the same sessions, with
            `least_child_cap_usd` (see `market_adjustment.with_least_caps`; may be missing).
        sessions: Consecutive sessions from some before the first of `lines` to the one
            after `end`.
        end: The last session wanted.
        rules: The rules in force.
        targets: Lines on the session before whose open they leave for shares, as if they did
            not leave; needed where others join then or shares change.

    Returns:
        Contract `constituents`, sorted by `session`, `security_id`. A line that joined
        names its parent and the kind of action in `parent_security_id`, `joined_by`.

    Notes:
        Nothing is done for a line that is no member at the time, nor with another line
        that nobody lists: then a parent only loses the when-issued value, if there is
        one. A target that is no member has the shares that were observed of it in
        `universe`. No row uses a later session.

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
        & (pl.col("session") >= lines["session"].min())
        & (pl.col("security_id") != pl.col("counterparty_security_id")).fill_null(value=True)
    )
    if linking.is_empty():
        return lines
    involved = [*linking["security_id"], *linking["counterparty_security_id"].drop_nulls()]
    is_involved = pl.col("security_id").is_in(pl.Series(involved).unique().implode())
    book = _Book(
        lines=lines.filter(is_involved),
        targets=lines.clear() if targets is None else targets,
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


@dataclass(kw_only=True)
class _Book:
    """The lines that actions link, as they stand after those worked through so far."""

    lines: pl.DataFrame
    targets: pl.DataFrame
    universe: pl.DataFrame
    actions: pl.DataFrame
    sessions: Sequence[date]
    end: date
    rules: IndexRules
    _places: dict[date, int] = field(init=False)
    _given: dict[tuple[str, date], list[str]] = field(default_factory=dict)

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
        return None if line is None or session is None else _row(self.lines, line, session)

    def _this_morning(self, line: str, day: date) -> dict[str, Any] | None:
        """A line that leaves before an open, as what happened that morning left it."""
        row = _row(self.targets, line, day)
        if row is not None:
            return row | {"close_usd": row["previous_close_usd"]}
        place = self._places[day] - 1
        row = _row(self.lines, line, self.sessions[place]) if place >= 0 else None
        if row is None:
            return None
        done = self._adjustments_of(line, day).filter(pl.col("session") == day)
        for step in done.select(_ADJUSTED).iter_rows():
            does = Adjustment(**dict(zip(_ADJUSTED, step, strict=True)))
            row["close_usd"] = does.adjusted_close(row["close_usd"])
            row["index_shares"] *= does.share_factor
        return row

    def _distribute(self, action: Action) -> None:
        """A child or new class joins its parent's indexes."""
        day, child = action["session"], action["counterparty_security_id"]
        parent = self._row(action["security_id"], day)
        if parent is None or child is None or self._row(child, day) is not None:
            return
        shares = parent["index_shares"] / self._later_growth(action) * action["ratio"]
        self._join(child, parent, action, shares, start=day, price=action["amount_usd"] or 0.0)
        self._given.setdefault((action["security_id"], day), []).append(child)

    def _merge(self, action: Action) -> None:
        """The acquirer grows as the target leaves, or takes its place if it is new."""
        day, ratio = action["session"], action["ratio"]
        target, acquirer = action["security_id"], action["counterparty_security_id"]
        if not ratio or acquirer is None:
            return
        held = self._row(target, day)
        last = held or self._this_morning(target, day)
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
            self._shrink(row, start, left)

    def _remove(self, action: Action) -> None:
        """End a line that was taken over, as any other ends (`leaving_lines`)."""
        line, day = action["security_id"], action["session"]
        own = pl.col("security_id") == line
        is_traded = self._traded_before(line, day)
        leaves = removal({**action, "traded_before": is_traded, "counterparty_close_usd": None})
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
        # Who leaves before the open takes the children of that morning: its last close has both.
        taken = [line, *([] if leaves["is_held"] else self._given.get((line, day), []))]
        self.lines = self.lines.filter(~(pl.col("security_id").is_in(taken) & is_gone))

    def _traded_before(self, line: str, day: date) -> bool:
        """Whether a line closed on the session before, as a member or not yet."""
        place = self._places[day] - 1
        if place < 0:
            return False
        eve = self.sessions[place]
        held = _row(self.lines, line, eve)
        if held is not None:
            return bool(held["close_session"] == eve)
        recalled = (pl.col("session") == day) & (pl.col("previous_close_usd") > 0)
        seen = (pl.col("session") == eve) | recalled
        return not self.universe.filter((pl.col("security_id") == line) & seen).is_empty()

    def _scale(self, line: str, start: date, factor: float) -> None:
        """Multiply a line's shares from a session on."""
        counts = (pl.col("security_id") == line) & (pl.col("session") >= start)
        times = pl.when(counts).then(factor).otherwise(1.0)
        self.lines = self.lines.with_columns(pl.col("index_shares", "market_value_usd") * times)

    def _shrink(self, row: Mapping[str, Any], start: date, left: float) -> None:
        """Multiply a line's float from a session on, until a review finds another."""
        own = pl.col("security_id") == row["security_id"]
        is_reviewed = own & (pl.col("float_factor") != row["float_factor"])
        reviewed = self.lines.filter(is_reviewed & (pl.col("session") > row["session"]))
        counts = own & (pl.col("session") >= start)
        if reviewed.height:
            counts &= pl.col("session") < reviewed["session"].min()
        times = pl.when(counts).then(left).otherwise(1.0)
        scaled = pl.col("index_shares", "market_value_usd", "float_factor") * times
        self.lines = self.lines.with_columns(scaled)

    def _later_growth(self, action: Action) -> float:
        """By what a line's shares grow on the session of an action that applies before."""
        done = self._adjustments_of(action["security_id"], action["session"])
        place = APPLICATION_ORDER[action["action_type"]]
        return prod(
            float(row["share_factor"])
            for row in done.filter(pl.col("session") == action["session"]).iter_rows(named=True)
            if APPLICATION_ORDER[row["action_type"]] > place
        )

    def _adjustments_of(self, line: str, until: date) -> pl.DataFrame:
        """What actions did to one line by a session."""
        is_own = (pl.col("security_id") == line) & (pl.col("session") <= until)
        return line_adjustments(self.actions.filter(is_own), self.universe)

    def _target_shares(self, target: str, day: date) -> float:
        """The shares that were observed of a line that is no member; 0 if none were."""
        is_own = pl.col("security_id") == target
        seen = self.universe.filter(is_own & (pl.col("session") < day))
        observed = observed_shares(seen, self.actions.filter(is_own), rules=self.rules)
        if observed.is_empty():
            return 0.0
        since = prod(self._adjustments_of(target, day)["share_factor"])
        return float(observed["observed_shares"].item() * since)

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
        since = prod(self._adjustments_of(line, start)["share_factor"])
        joining = pl.DataFrame(
            {
                "security_id": line,
                "company_id": first["company_id"],
                **{name: parent[name] for name in _PLACE},
                "observed_shares": shares / parent["float_factor"] / since,
                "float_factor": parent["float_factor"],
                "float_status": parent["float_status"],
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


def _row(lines: pl.DataFrame, line: str, session: date) -> dict[str, Any] | None:
    found = lines.filter((pl.col("security_id") == line) & (pl.col("session") == session))
    return found.row(0, named=True) if found.height else None
